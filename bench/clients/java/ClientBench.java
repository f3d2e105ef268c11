import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The work of the Rust program beside it with the Java client: produce|consume HOST:PORT TOPIC RECORDS SIZE [KEY=VALUE…].
 * The work is done twice and only the second time counts, so that compiling the program does not.
 */
public class ClientBench {
    static byte[] value(int size) {
        long state = 88172645463325252L;
        StringBuilder text = new StringBuilder();
        while (text.length() < size) {
            state ^= state << 13;
            state ^= state >>> 7;
            state ^= state << 17;
            text.append(String.format("field=%04d ", Long.remainderUnsigned(state, 5000)));
        }
        return text.substring(0, size).getBytes();
    }

    static long processor() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
            .getProcessCpuTime();
    }

    static void produce(Properties config, String topic, long records, byte[] value) {
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.partitionsFor(topic);
            for (long i = 0; i < records; i++) producer.send(new ProducerRecord<>(topic, value));
            producer.flush();
        }
    }

    static void consume(Properties config, String topic, long records, int size) {
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (PartitionInfo info : consumer.partitionsFor(topic)) {
                partitions.add(new TopicPartition(topic, info.partition()));
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            long found = 0;
            while (found < records) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
                    if (record.value().length != size) throw new IllegalStateException("another size");
                    found++;
                }
            }
        }
    }

    public static void main(String[] arguments) {
        String what = arguments[0];
        String topic = arguments[2];
        long records = Long.parseLong(arguments[3]);
        int size = Integer.parseInt(arguments[4]);
        Properties config = new Properties();
        config.put("bootstrap.servers", arguments[1]);
        for (int i = 5; i < arguments.length; i++) {
            String[] pair = arguments[i].split("=", 2);
            config.put(pair[0], pair[1]);
        }
        byte[] value = value(size);
        for (int turn = 0; turn < 2; turn++) {
            long began = System.nanoTime();
            long processor = processor();
            if (what.equals("produce")) produce(config, topic, records, value);
            else consume(config, topic, records, size);
            double seconds = (System.nanoTime() - began) / 1e9;
            double used = (processor() - processor) / 1e9;
            if (turn == 1) {
                System.out.printf(
                    "{\"client\":\"java\",\"what\":\"%s\",\"records\":%d,\"size\":%d,\"seconds\":%.3f,"
                        + "\"records_per_second\":%.0f,\"processor_seconds_per_million\":%.3f}%n",
                    what, records, size, seconds, records / seconds, used * 1e6 / records);
            }
        }
    }
}
