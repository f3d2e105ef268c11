import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class First {
    public static void main(String[] args) throws Exception {
        var server = "127.0.0.1:9092";

        Map<String, Object> producing = Map.of("bootstrap.servers", server);
        try (var producer = new KafkaProducer<>(producing, new StringSerializer(), new StringSerializer())) {
            producer.send(new ProducerRecord<>("flights", "N14228", "EWR-IAH")).get();
        }

        Map<String, Object> consuming = Map.of("bootstrap.servers", server, "group.id", "boards-java", "auto.offset.reset", "earliest");
        try (var consumer = new KafkaConsumer<>(consuming, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of("flights"));
            var records = consumer.poll(Duration.ofSeconds(30));
            records.forEach(record -> System.out.println(record.key() + " " + record.value()));
        }
    }
}
