// Apache Kafka's own Java client: what its users do, against the server at the address given.
// Usage: java -cp 'lib/*' Compat.java BOOTSTRAP. Prints a line for each scenario and ends with "N passed, N failed".

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

public class Compat {
    interface Scenario { void run() throws Exception; }

    static String bootstrap;
    static Admin admin;
    static final Duration PATIENCE = Duration.ofSeconds(30);

    static String topic(int partitions, Map<String, String> configs) throws Exception {
        String name = "java-" + UUID.randomUUID();
        admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1).configs(configs))).all().get();
        return name;
    }

    static KafkaProducer<byte[], byte[]> producer(Map<String, Object> more) {
        Map<String, Object> configs = new HashMap<>(more);
        configs.put("bootstrap.servers", bootstrap);
        return new KafkaProducer<>(configs, new ByteArraySerializer(), new ByteArraySerializer());
    }

    static KafkaConsumer<byte[], byte[]> consumer(String group, Map<String, Object> more) {
        Map<String, Object> configs = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "group.id", group, "auto.offset.reset", "earliest",
            "enable.auto.commit", "false", "session.timeout.ms", "6000", "heartbeat.interval.ms", "300"));
        configs.putAll(more);
        return new KafkaConsumer<>(configs, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    static List<ConsumerRecord<byte[], byte[]>> read(Consumer<byte[], byte[]> consumer, int count) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (records.size() < count) {
            check(System.nanoTime() < deadline, "only " + records.size() + " of " + count + " records came");
            consumer.poll(Duration.ofMillis(100)).forEach(records::add);
        }
        return records;
    }

    static void check(boolean holds, String otherwise) {
        if (!holds) throw new AssertionError(otherwise);
    }

    static <E extends Throwable> void expect(Class<E> error, Scenario scenario) throws Exception {
        try {
            scenario.run();
        } catch (ExecutionException e) {
            check(error.isInstance(e.getCause()), "expected " + error.getSimpleName() + ", got " + e.getCause());
            return;
        } catch (Exception e) {
            check(error.isInstance(e), "expected " + error.getSimpleName() + ", got " + e);
            return;
        }
        throw new AssertionError("expected " + error.getSimpleName());
    }

    static byte[] bytes(String text) { return text.getBytes(StandardCharsets.UTF_8); }

    static void eachCompression() throws Exception {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            String topic = topic(1, Map.of());
            try (var producer = producer(Map.of("compression.type", codec, "linger.ms", 20))) {
                List<Future<RecordMetadata>> sent = new ArrayList<>();
                for (int n = 0; n < 1000; n++) {
                    var record = new ProducerRecord<>(topic, 0, 1_700_000_000_000L + n, bytes("k" + n), bytes(codec.repeat(20) + n));
                    record.headers().add(new RecordHeader("h", bytes("é"))).add(new RecordHeader("h", (byte[]) null));
                    sent.add(producer.send(record));
                }
                for (int n = 0; n < sent.size(); n++) check(sent.get(n).get().offset() == n, codec + ": offset of " + n);
            }
            try (var consumer = consumer(UUID.randomUUID().toString(), Map.of())) {
                consumer.subscribe(List.of(topic));
                int n = 0;
                for (var record : read(consumer, 1000)) {
                    check(record.offset() == n && record.timestamp() == 1_700_000_000_000L + n, codec + ": " + record);
                    check(new String(record.value(), StandardCharsets.UTF_8).equals(codec.repeat(20) + n), codec + ": " + record);
                    check(record.headers().toArray().length == 2, codec + ": headers of " + record);
                    n++;
                }
            }
        }
    }

    static void nullAndLarge() throws Exception {
        String topic = topic(1, Map.of("max.message.bytes", "5000000"));
        try (var producer = producer(Map.of("max.request.size", 5_000_000))) {
            producer.send(new ProducerRecord<>(topic, null, (byte[]) null)).get();
            producer.send(new ProducerRecord<>(topic, bytes(""), bytes(""))).get();
            producer.send(new ProducerRecord<>(topic, bytes("k"), new byte[4_000_000])).get();
            expect(RecordTooLargeException.class, () -> producer.send(new ProducerRecord<>(topic, null, new byte[4_999_990])).get());
        }
        try (var consumer = consumer(UUID.randomUUID().toString(), Map.of("max.partition.fetch.bytes", 100))) {
            consumer.subscribe(List.of(topic));
            var records = read(consumer, 3);
            check(records.get(0).value() == null && records.get(1).value().length == 0 && records.get(2).value().length == 4_000_000, "values");
        }
    }

    static void groupUnderEachAssignor() throws Exception {
        for (Class<?> assignor : List.of(RangeAssignor.class, RoundRobinAssignor.class, StickyAssignor.class, CooperativeStickyAssignor.class)) {
            String topic = topic(6, Map.of());
            String group = assignor.getSimpleName() + UUID.randomUUID();
            Map<String, Object> configs = Map.of("partition.assignment.strategy", assignor.getName());
            var members = new ArrayList<>(IntStream.range(0, 3).mapToObj(n -> consumer(group, configs)).toList());
            members.forEach(member -> member.subscribe(List.of(topic)));
            settle(members, 6);
            members.remove(0).close();
            settle(members, 6);
            members.add(consumer(group, configs));
            members.get(2).subscribe(List.of(topic));
            settle(members, 6);
            members.forEach(Consumer::close);
        }
    }

    static void settle(List<KafkaConsumer<byte[], byte[]>> members, int partitions) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            members.forEach(member -> member.poll(Duration.ofMillis(50)));
            var assigned = members.stream().map(KafkaConsumer::assignment).toList();
            var all = assigned.stream().flatMap(Set::stream).collect(Collectors.toSet());
            int sum = assigned.stream().mapToInt(Set::size).sum();
            if (sum == partitions && all.size() == partitions && assigned.stream().noneMatch(Set::isEmpty)) return;
            check(System.nanoTime() < deadline, "the group did not settle: " + assigned);
        }
    }

    static void resumeAndReset() throws Exception {
        String topic = topic(1, Map.of());
        try (var producer = producer(Map.of())) {
            for (int n = 0; n < 20; n++) producer.send(new ProducerRecord<>(topic, 0, 1_700_000_000_000L + n * 1000, null, bytes("" + n)));
        }
        TopicPartition partition = new TopicPartition(topic, 0);
        String group = "resume-" + UUID.randomUUID();
        try (var consumer = consumer(group, Map.of())) {
            consumer.subscribe(List.of(topic));
            read(consumer, 20);
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(7, "so far")));
            check(consumer.committed(Set.of(partition)).get(partition).metadata().equals("so far"), "the metadata of a commit");
        }
        try (var consumer = consumer(group, Map.of())) {
            consumer.subscribe(List.of(topic));
            check(read(consumer, 1).get(0).offset() == 7, "goes on from the committed offset");
            var found = consumer.offsetsForTimes(Map.of(partition, 1_700_000_000_000L + 4500));
            check(found.get(partition).offset() == 5, "offset for a time");
            consumer.seek(partition, 15);
            check(read(consumer, 1).get(0).offset() == 15, "seek");
        }
        admin.alterConsumerGroupOffsets(group, Map.of(partition, new OffsetAndMetadata(3))).all().get();
        check(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(partition).offset() == 3, "altered offset");
        admin.deleteConsumerGroupOffsets(group, Set.of(partition)).all().get();
        admin.deleteConsumerGroups(List.of(group)).all().get();
        expect(GroupIdNotFoundException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
    }

    static void administration() throws Exception {
        String topic = topic(2, Map.of("retention.ms", "1000"));
        var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        var op = new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.APPEND);
        admin.incrementalAlterConfigs(Map.of(resource, List.of(op))).all().get();
        var config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
        check(config.get("cleanup.policy").value().equals("delete,compact"), "" + config.get("cleanup.policy"));
        check(config.get("retention.ms").source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, "" + config.get("retention.ms"));
        admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(4))).all().get();
        check(admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size() == 4, "partitions");
        check(admin.describeCluster().nodes().get().size() == 1, "one node");
        expect(TopicExistsException.class, () -> admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get());
        expect(InvalidReplicationFactorException.class, () -> admin.createTopics(List.of(new NewTopic("r3", 1, (short) 3))).all().get());
        expect(InvalidPartitionsException.class, () -> admin.createTopics(List.of(new NewTopic("p0", 0, (short) 1))).all().get());
        admin.deleteTopics(List.of(topic)).all().get();
        expect(UnknownTopicOrPartitionException.class, () -> admin.describeTopics(List.of(topic)).allTopicNames().get());
    }

    static void transactionsAreRefusedForGood() {
        try (var producer = producer(Map.of("transactional.id", "t"))) {
            producer.initTransactions();
            throw new AssertionError("a transactional producer was let in");
        } catch (KafkaException e) {
            check(!RetriableException.class.isInstance(e), "" + e);
            check(("" + e.getMessage()).contains("no transactions yet"), "the error says what is not there: " + e);
        }
    }

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
        Map<String, Scenario> scenarios = new LinkedHashMap<>();
        scenarios.put("each compression arrives unchanged in order", Compat::eachCompression);
        scenarios.put("null, empty and large records arrive, too large ones are refused", Compat::nullAndLarge);
        scenarios.put("a group of three shares the partitions under each assignor", Compat::groupUnderEachAssignor);
        scenarios.put("groups go on, seek, are altered and deleted", Compat::resumeAndReset);
        scenarios.put("topics and configs are administered", Compat::administration);
        scenarios.put("transactions are refused by a fatal error", Compat::transactionsAreRefusedForGood);
        int failed = 0;
        for (var scenario : scenarios.entrySet()) {
            try {
                scenario.getValue().run();
                System.out.println("ok      " + scenario.getKey());
            } catch (Throwable e) {
                failed++;
                System.out.println("FAILED  " + scenario.getKey() + ": " + e);
                e.printStackTrace(System.out);
            }
        }
        admin.close();
        System.out.println((scenarios.size() - failed) + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }
}
