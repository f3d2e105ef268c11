// What the server says of its topics, for tests that would look into a broker's metadata cache.
package moldau.kafkatests;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.admin.TopicListing;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.metadata.LeaderAndIsr;
import org.apache.kafka.metadata.LeaderRecoveryState;

final class TopicView implements AutoCloseable {
    private final Admin admin;

    TopicView(String bootstrapServers) {
        admin = Admin.create(Map.of("bootstrap.servers", bootstrapServers, "client.id", "kafka-tests"));
    }

    Optional<TopicDescription> describe(String topic) {
        try {
            return Optional.of(Waiting.get(admin.describeTopics(List.of(topic)).allTopicNames()).get(topic));
        } catch (UnknownTopicOrPartitionException e) {
            return Optional.empty();
        }
    }

    Optional<LeaderAndIsr> leaderAndIsr(String topic, int partition) {
        return describe(topic).flatMap(found -> found.partitions().stream().filter(info -> info.partition() == partition).findFirst())
            .map(TopicView::leaderAndIsr);
    }

    /** The epochs are not on the wire of the admin client; 0 stands for them. */
    private static LeaderAndIsr leaderAndIsr(TopicPartitionInfo info) {
        int leader = info.leader() == null ? Node.noNode().id() : info.leader().id();
        return new LeaderAndIsr(leader, 0, info.isr().stream().map(Node::id).toList(), LeaderRecoveryState.RECOVERED, 0);
    }

    List<TopicListing> all() {
        return List.copyOf(Waiting.get(admin.listTopics(new ListTopicsOptions().listInternal(true)).listings()));
    }

    String clusterId() {
        return Waiting.get(admin.describeCluster().clusterId());
    }

    boolean hasBroker(int id) {
        return Waiting.get(admin.describeCluster(new DescribeClusterOptions()).nodes()).stream().anyMatch(node -> node.id() == id);
    }

    void waitForPartitions(String topic, int partitions) {
        Waiting.until("topic " + topic + " never had " + partitions + " partitions with a leader", () -> describe(topic).stream()
            .anyMatch(found -> found.partitions().size() == partitions && found.partitions().stream().allMatch(TopicView::hasLeader)));
    }

    private static boolean hasLeader(TopicPartitionInfo info) {
        return info.leader() != null && !info.leader().isEmpty();
    }

    void waitForDeletion(String topic) {
        Waiting.until("topic " + topic + " is still there", () -> all().stream().noneMatch(found -> found.name().equals(topic)));
    }

    @Override
    public void close() {
        admin.close();
    }
}
