// Runs the scenarios with Apache Kafka's own Java client. Usage and answers: tests/compat/README.md.

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

public class Compat {
    static String bootstrap;
    static Admin admin;
    static final Duration PATIENCE = Duration.ofSeconds(30);
    static final long BASE_TIME = 1_700_000_000_000L;

    static String unique(String what) { return what + "-" + UUID.randomUUID(); }

    static String topic(int partitions, Map<String, String> configs) throws Exception {
        String name = unique("java");
        admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1).configs(configs))).all().get();
        // Apache Kafka answers before its broker knows the topic
        for (boolean known = false; !known; known = admin.listTopics().names().get().contains(name)) Thread.onSpinWait();
        return name;
    }

    static KafkaProducer<byte[], byte[]> producer(Map<String, Object> more) {
        Map<String, Object> configs = new HashMap<>(Map.of("bootstrap.servers", bootstrap));
        configs.putAll(more);
        return new KafkaProducer<>(configs, new ByteArraySerializer(), new ByteArraySerializer());
    }

    static KafkaConsumer<byte[], byte[]> consumer(String group, Map<String, Object> more) {
        Map<String, Object> configs = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "group.id", group, "auto.offset.reset", "earliest",
            "enable.auto.commit", "false", "session.timeout.ms", "6000", "heartbeat.interval.ms", "500"));
        configs.putAll(more);
        return new KafkaConsumer<>(configs, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    static void send(String topic, int count, long step) throws Exception {
        try (var producer = producer(Map.of())) {
            for (int n = 0; n < count; n++) producer.send(new ProducerRecord<>(topic, 0, BASE_TIME + n * step, null, bytes("" + n))).get();
        }
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

    static List<ConsumerRecord<byte[], byte[]>> readFrom(String topic, int count, Map<String, Object> more) {
        try (var consumer = consumer(unique("reader"), more)) {
            consumer.assign(List.of(new TopicPartition(topic, 0)));
            consumer.seekToBeginning(consumer.assignment());
            return read(consumer, count);
        }
    }

    static void check(boolean holds, String otherwise) {
        if (!holds) throw new AssertionError(otherwise);
    }

    /** The name of the error that `body` ends with. */
    static String error(Scenario.Body body) {
        try {
            body.run();
        } catch (Exception e) {
            return (e instanceof ExecutionException ? e.getCause() : e).getClass().getSimpleName();
        }
        throw new AssertionError("an error was expected");
    }

    static byte[] bytes(String text) { return text.getBytes(StandardCharsets.UTF_8); }

    static String text(byte[] bytes) { return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8); }

    static Scenario.Body compression(String codec) {
        return () -> {
            String topic = topic(1, Map.of());
            try (var producer = producer(Map.of("compression.type", codec, "linger.ms", 20))) {
                List<Future<RecordMetadata>> sent = new ArrayList<>();
                for (int n = 0; n < 500; n++) sent.add(producer.send(new ProducerRecord<>(topic, 0, BASE_TIME + n, bytes("k" + n), bytes(("value " + n + " ").repeat(20)))));
                for (int n = 0; n < sent.size(); n++) check(sent.get(n).get().offset() == n, "offset of " + n);
            }
            var got = readFrom(topic, 500, Map.of());
            for (int n = 0; n < got.size(); n++) {
                var record = got.get(n);
                check(record.offset() == n && record.timestamp() == BASE_TIME + n && text(record.key()).equals("k" + n) && text(record.value()).equals(("value " + n + " ").repeat(20)), "" + record);
            }
            return Scenario.answer("first", got.get(0).offset(), "last", got.get(499).offset());
        };
    }

    static Object nullAndEmpty() throws Exception {
        String topic = topic(1, Map.of());
        try (var producer = producer(Map.of())) {
            producer.send(new ProducerRecord<>(topic, null, (byte[]) null)).get();
            producer.send(new ProducerRecord<>(topic, bytes(""), bytes(""))).get();
            producer.send(new ProducerRecord<>(topic, bytes("k"), null)).get();
        }
        return Scenario.answer("records", readFrom(topic, 3, Map.of()).stream().map(record -> Arrays.asList(text(record.key()), text(record.value()))).toList());
    }

    static Object large() throws Exception {
        String topic = topic(1, Map.of("max.message.bytes", "5000000"));
        try (var producer = producer(Map.of("max.request.size", 5_000_000))) {
            for (int length : List.of(1, 4_000_000, 1)) producer.send(new ProducerRecord<>(topic, null, new byte[length])).get();
        }
        var got = readFrom(topic, 3, Map.of("max.partition.fetch.bytes", 100_000, "fetch.max.bytes", 100_000));
        return Scenario.answer("lengths", got.stream().map(record -> record.value().length).toList());
    }

    static Object headers() throws Exception {
        String topic = topic(1, Map.of());
        try (var producer = producer(Map.of())) {
            var record = new ProducerRecord<byte[], byte[]>(topic, null, bytes("v"));
            record.headers().add(new RecordHeader("h", bytes("1"))).add(new RecordHeader("h", (byte[]) null)).add(new RecordHeader("e", bytes(""))).add(new RecordHeader("ü", bytes("2")));
            producer.send(record).get();
        }
        var headers = readFrom(topic, 1, Map.of()).get(0).headers().toArray();
        return Scenario.answer("headers", Arrays.stream(headers).map(header -> Arrays.asList(header.key(), text(header.value()))).toList());
    }

    static Object acks() throws Exception {
        String topic = topic(1, Map.of());
        for (String acks : List.of("all", "1", "0")) {
            try (var producer = producer(Map.of("acks", acks, "enable.idempotence", acks.equals("all")))) {
                for (int n = 0; n < 10; n++) producer.send(new ProducerRecord<>(topic, null, bytes(acks)));
            }
        }
        return Scenario.answer("values", readFrom(topic, 30, Map.of()).stream().map(record -> text(record.value())).sorted().toList());
    }

    static Object idempotence() throws Exception {
        String topic = topic(1, Map.of());
        Map<String, Object> configs = Map.of("bootstrap.servers", System.getenv("CUT_ADDRESS"), "batch.size", 50, "linger.ms", 0, "retry.backoff.ms", 10, "reconnect.backoff.ms", 10, "reconnect.backoff.max.ms", 100);
        try (var producer = producer(configs)) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int n = 0; n < 150; n++) sent.add(producer.send(new ProducerRecord<>(topic, null, bytes("" + n))));
            for (var one : sent) one.get();
        }
        var got = readFrom(topic, 150, Map.of());
        for (int n = 0; n < got.size(); n++) check(text(got.get(n).value()).equals("" + n), "" + got.get(n));
        return Scenario.answer("records", offset(topic, OffsetSpec.latest()), "in order", true);
    }

    static long offset(String topic, OffsetSpec spec) throws Exception {
        var partition = new TopicPartition(topic, 0);
        return admin.listOffsets(Map.of(partition, spec)).partitionResult(partition).get().offset();
    }

    static Object autoCreate() throws Exception {
        String topic = unique("made-by-use");
        try (var producer = producer(Map.of())) {
            producer.send(new ProducerRecord<>(topic, null, bytes("v"))).get();
        }
        return Scenario.answer("value", text(readFrom(topic, 1, Map.of()).get(0).value()));
    }

    static Object seekByTime() throws Exception {
        String topic = topic(1, Map.of());
        send(topic, 100, 1000);
        var partition = new TopicPartition(topic, 0);
        try (var consumer = consumer(unique("seek"), Map.of())) {
            consumer.assign(List.of(partition));
            long at = consumer.offsetsForTimes(Map.of(partition, BASE_TIME + 41_500)).get(partition).offset();
            var after = consumer.offsetsForTimes(Map.of(partition, BASE_TIME + 999_999)).get(partition);
            consumer.seek(partition, at);
            return Scenario.answer("at", at, "after the last", after == null ? null : after.offset(), "first", consumer.beginningOffsets(List.of(partition)).get(partition),
                "last", consumer.endOffsets(List.of(partition)).get(partition), "newest", offset(topic, OffsetSpec.maxTimestamp()), "read", text(read(consumer, 1).get(0).value()));
        }
    }

    static Object commitResume() throws Exception {
        String topic = topic(1, Map.of());
        send(topic, 20, 1);
        var partition = new TopicPartition(topic, 0);
        String group = unique("resume");
        OffsetAndMetadata committed;
        try (var consumer = consumer(group, Map.of())) {
            consumer.subscribe(List.of(topic));
            read(consumer, 20);
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(7, "so far")));
            committed = consumer.committed(Set.of(partition)).get(partition);
        }
        try (var consumer = consumer(group, Map.of())) {
            consumer.subscribe(List.of(topic));
            return Scenario.answer("committed", committed.offset(), "metadata", committed.metadata(), "resumed", read(consumer, 1).get(0).offset());
        }
    }

    static Object topics() throws Exception {
        String topic = topic(2, Map.of());
        int before = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size();
        admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(4))).all().get();
        int after = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size();
        var refused = new ArrayList<String>();
        for (var wrong : List.of(new NewTopic(topic, 1, (short) 1), new NewTopic("a b", 1, (short) 1), new NewTopic(unique("r"), 1, (short) 3), new NewTopic(unique("p"), 0, (short) 1))) {
            refused.add(error(() -> admin.createTopics(List.of(wrong)).all().get()));
        }
        admin.deleteTopics(List.of(topic)).all().get();
        refused.add(error(() -> admin.describeTopics(List.of(topic)).allTopicNames().get()));
        return Scenario.answer("partitions", List.of(before, after), "errors", refused, "there at the end", admin.listTopics().names().get().contains(topic),
            "nodes", admin.describeCluster().nodes().get().size());
    }

    static Object shownConfigs(ConfigResource resource) throws Exception {
        var configs = admin.describeConfigs(List.of(resource)).all().get().get(resource);
        var shown = new TreeMap<String, Object>();
        for (String name : List.of("retention.ms", "segment.bytes", "cleanup.policy")) shown.put(name, List.of(configs.get(name).value(), configs.get(name).source()));
        return shown;
    }

    static Object configs() throws Exception {
        var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic(1, Map.of("retention.ms", "100000")));
        var before = shownConfigs(resource);
        var set = new AlterConfigOp(new ConfigEntry("retention.ms", "200000"), AlterConfigOp.OpType.SET);
        var append = new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.APPEND);
        admin.incrementalAlterConfigs(Map.of(resource, List.of(set, append))).all().get();
        var wrong = new AlterConfigOp(new ConfigEntry("retention.ms", "soon"), AlterConfigOp.OpType.SET);
        String error = error(() -> admin.incrementalAlterConfigs(Map.of(resource, List.of(wrong))).all().get());
        return Scenario.answer("before", before, "after", shownConfigs(resource), "error", error);
    }

    static Object groups() throws Exception {
        String topic = topic(1, Map.of());
        send(topic, 1, 1);
        String group = unique("described");
        var partition = new TopicPartition(topic, 0);
        ConsumerGroupDescription described;
        boolean listed;
        var errors = new ArrayList<String>();
        try (var consumer = consumer(group, Map.of())) {
            consumer.subscribe(List.of(topic));
            read(consumer, 1);
            consumer.commitSync();
            described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
            listed = admin.listGroups(ListGroupsOptions.forConsumerGroups()).all().get().stream().anyMatch(one -> one.groupId().equals(group));
            errors.add(error(() -> admin.deleteConsumerGroups(List.of(group)).all().get()));
        }
        admin.alterConsumerGroupOffsets(group, Map.of(partition, new OffsetAndMetadata(3))).all().get();
        long altered = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(partition).offset();
        admin.deleteConsumerGroupOffsets(group, Set.of(partition)).all().get();
        admin.deleteConsumerGroups(List.of(group)).all().get();
        errors.add(error(() -> admin.deleteConsumerGroups(List.of(group)).all().get()));
        return Scenario.answer("state", described.groupState(), "assignor", described.partitionAssignor(), "members", described.members().size(), "listed", listed, "altered", altered, "errors", errors);
    }

    static Object deleteRecords() throws Exception {
        String topic = topic(1, Map.of());
        send(topic, 10, 1);
        admin.deleteRecords(Map.of(new TopicPartition(topic, 0), RecordsToDelete.beforeOffset(4))).all().get();
        return Scenario.answer("first", offset(topic, OffsetSpec.earliest()), "last", offset(topic, OffsetSpec.latest()));
    }

    static Object unknownTopic() throws Exception {
        String topic = unique("no");
        String described = error(() -> admin.describeTopics(List.of(topic)).allTopicNames().get());
        String offsets = error(() -> {
            try (var consumer = consumer(unique("no"), Map.of("allow.auto.create.topics", "false", "default.api.timeout.ms", 3000, "request.timeout.ms", 2000))) {
                return consumer.endOffsets(List.of(new TopicPartition(topic, 0)));
            }
        });
        return Scenario.answer("errors", List.of(described, offsets), "made", admin.listTopics().names().get().contains(topic));
    }

    static Object tooLarge() throws Exception {
        String topic = topic(1, Map.of("max.message.bytes", "1000"));
        try (var producer = producer(Map.of())) {
            return Scenario.answer("error", error(() -> producer.send(new ProducerRecord<>(topic, null, new byte[5000])).get()));
        }
    }

    static Object staleCommit() throws Exception {
        String topic = topic(1, Map.of());
        send(topic, 5, 1);
        String group = unique("stale");
        var partition = new TopicPartition(topic, 0);
        try (var stale = consumer(group, Map.of("max.poll.interval.ms", 3000)); var other = consumer(group, Map.of())) {
            stale.subscribe(List.of(topic));
            read(stale, 5);
            // the one that is not polled any more is put out, and the other one takes over
            other.subscribe(List.of(topic));
            read(other, 5);
            other.commitSync(Map.of(partition, new OffsetAndMetadata(3)));
            String error = error(() -> {
                stale.commitSync(Map.of(partition, new OffsetAndMetadata(1)));
                return null;
            });
            return Scenario.answer("error", error, "committed", other.committed(Set.of(partition)).get(partition).offset());
        }
    }

    static Object transactionRefused() {
        try (var producer = producer(Map.of("transactional.id", "t"))) {
            producer.initTransactions();
            throw new AssertionError("a transactional producer was let in");
        } catch (KafkaException e) {
            check(!RetriableException.class.isInstance(e), "" + e);
            check(("" + e.getMessage()).contains("no transactions yet"), "the error says what is not there: " + e);
            return Scenario.answer("error", e.getClass().getSimpleName());
        }
    }

    static Object oldVersions() { throw new Scenario.Unsupported("the Java client takes the versions that it and the server have; it cannot be held to older ones"); }

    static volatile boolean inputEnded;

    static void member(String topic, String group, String assignor, String instance) throws Exception {
        var assignors = Map.of("range", RangeAssignor.class, "roundrobin", RoundRobinAssignor.class, "sticky", StickyAssignor.class, "cooperative-sticky", CooperativeStickyAssignor.class);
        Map<String, Object> configs = new HashMap<>();
        if (!assignor.equals("default")) configs.put("partition.assignment.strategy", assignors.get(assignor).getName());
        if (instance != null) configs.putAll(Map.of("group.instance.id", instance, "session.timeout.ms", "30000"));
        var assigned = new Scenario.Assigned();
        try (var consumer = consumer(group, configs)) {
            consumer.subscribe(List.of(topic));
            // the runner ends the standard input to let this member leave
            while (!inputEnded) {
                consumer.poll(Duration.ofMillis(100));
                assigned.isNow(consumer.assignment().stream().map(TopicPartition::partition).toList());
            }
        }
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("member")) {
            bootstrap = args[1];
            var input = new Thread(() -> {
                try {
                    System.in.transferTo(java.io.OutputStream.nullOutputStream());
                } catch (java.io.IOException ignored) {
                    // an input that cannot be read has ended too
                }
                inputEnded = true;
            });
            input.setDaemon(true);
            input.start();
            member(args[2], args[3], args[4], args.length > 5 ? args[5] : null);
            System.exit(0);
        }
        bootstrap = args[0];
        admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
        Map<String, Scenario.Body> scenarios = new LinkedHashMap<>();
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) scenarios.put("compression-" + codec, compression(codec));
        scenarios.put("null-and-empty", Compat::nullAndEmpty);
        scenarios.put("large", Compat::large);
        scenarios.put("headers", Compat::headers);
        scenarios.put("acks", Compat::acks);
        scenarios.put("idempotence", Compat::idempotence);
        scenarios.put("auto-create", Compat::autoCreate);
        scenarios.put("seek-by-time", Compat::seekByTime);
        scenarios.put("commit-resume", Compat::commitResume);
        scenarios.put("topics", Compat::topics);
        scenarios.put("configs", Compat::configs);
        scenarios.put("groups", Compat::groups);
        scenarios.put("delete-records", Compat::deleteRecords);
        scenarios.put("unknown-topic", Compat::unknownTopic);
        scenarios.put("too-large", Compat::tooLarge);
        scenarios.put("stale-commit", Compat::staleCommit);
        scenarios.put("old-versions", Compat::oldVersions);
        scenarios.put("transaction-refused", Compat::transactionRefused);
        Scenario.runAll(scenarios, Arrays.asList(args).subList(1, args.length));
        admin.close();
        System.exit(0);
    }
}
