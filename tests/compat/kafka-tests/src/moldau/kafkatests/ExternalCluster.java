// The cluster that a test gets: one node of the server under test, as a process of its own. It has a folder of its own, which goes
// with the test unless KEEP says otherwise. What Kafka's tests find out by looking into their brokers is asked over the wire here.
package moldau.kafkatests;

import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import kafka.server.ControllerServer;
import kafka.server.KafkaBroker;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.GroupProtocol;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.test.ClusterInstance;
import org.apache.kafka.common.test.api.ClusterConfig;
import org.apache.kafka.common.test.api.Type;
import org.apache.kafka.server.authorizer.Authorizer;
import org.apache.kafka.server.fault.FaultHandlerException;

public final class ExternalCluster implements ClusterInstance {
    private final ClusterConfig config;
    private ExternalNode node;
    private boolean stopped;

    public ExternalCluster(ClusterConfig config) {
        this.config = config;
    }

    // Its life.

    @Override
    public void start() {
        if (node != null) return;
        node = ExternalNode.of(config);
        node.start();
        waitForReadyBrokers();
    }

    @Override
    public void stop() {
        stopped = true;
        if (node != null) node.destroy();
    }

    @Override
    public void shutdownBroker(int id) {
        node(id).shutdown();
    }

    @Override
    public void startBroker(int id) {
        node(id).start();
    }

    @Override
    public void waitForReadyBrokers() {
        try (Admin admin = admin()) {
            Waiting.until("the node is not in its own cluster", () -> admin.describeCluster().nodes().get(10, TimeUnit.SECONDS).size() == 1);
        }
    }

    @Override
    public boolean started() {
        return node != null;
    }

    @Override
    public boolean stopped() {
        return stopped;
    }

    private ExternalNode node(int id) {
        if (id != node.id()) throw OutOfReach.because("asks for broker " + id + ", and the cluster has one broker, " + node.id());
        return node;
    }

    // What it is.

    @Override
    public Type type() {
        return Type.CO_KRAFT;
    }

    @Override
    public ClusterConfig config() {
        return config;
    }

    @Override
    public Set<Integer> controllerIds() {
        return Set.of(node.id());
    }

    @Override
    public Set<Integer> brokerIds() {
        return Set.of(node.id());
    }

    @Override
    public ListenerName clientListener() {
        return config.brokerListenerName();
    }

    @Override
    public ListenerName controllerListenerName() {
        return config.controllerListenerName();
    }

    @Override
    public String bootstrapServers() {
        return "localhost:" + node.brokerPort();
    }

    @Override
    public String bootstrapControllers() {
        return "localhost:" + node.controllerPort();
    }

    @Override
    public List<Integer> brokerBoundPorts() {
        return List.of(node.brokerPort());
    }

    @Override
    public List<Integer> controllerBoundPorts() {
        return List.of(node.controllerPort());
    }

    @Override
    public String clusterId() {
        try (Admin admin = admin()) {
            return Waiting.get(admin.describeCluster().clusterId());
        }
    }

    /** The consumer group protocol is left out: a test for any protocol that is there runs with the classic one. */
    @Override
    public Set<GroupProtocol> supportedGroupProtocols() {
        return Set.of(GroupProtocol.CLASSIC);
    }

    // Topics: created with as many replicas as there are brokers, and seen over the wire.

    @Override
    public void createTopic(String topic, int partitions, short replicas) {
        createTopic(topic, partitions, replicas, Map.of());
    }

    @Override
    public void createTopic(String topic, int partitions, short replicas, Map<String, String> topicConfig) {
        try (Admin admin = admin()) {
            Waiting.get(admin.createTopics(List.of(new NewTopic(topic, partitions, (short) Math.min(replicas, 1)).configs(topicConfig))).all());
        }
        waitTopicCreation(topic, partitions);
    }

    @Override
    public void createTopicWithAssignment(String topic, Map<Integer, List<Integer>> assignment) {
        if (!Set.of(node.id()).containsAll(assignment.values().stream().flatMap(List::stream).toList()))
            throw OutOfReach.because("assigns replicas to other brokers than the one there is");
        try (Admin admin = admin()) {
            Waiting.get(admin.createTopics(List.of(new NewTopic(topic, assignment))).all());
        }
        waitTopicCreation(topic, assignment.size());
    }

    @Override
    public void waitTopicCreation(String topic, int partitions) {
        if (partitions <= 0) throw new IllegalArgumentException("a topic has at least one partition, not " + partitions);
        if (!node.isAlive()) return;
        try (TopicView view = new TopicView(bootstrapServers())) {
            view.waitForPartitions(topic, partitions);
        }
    }

    @Override
    public void waitTopicDeletion(String topic) {
        try (TopicView view = new TopicView(bootstrapServers())) {
            view.waitForDeletion(topic);
        }
    }

    @Override
    public void waitAcls(AclBindingFilter filter, Collection<AccessControlEntry> entries) {
        try (Admin admin = admin()) {
            Waiting.until("the ACLs never were " + entries, () -> Waiting.get(admin.describeAcls(filter).values()).stream()
                .map(AclBinding::entry).collect(Collectors.toSet()).equals(new HashSet<>(entries)));
        }
    }

    @Override
    public void ensureConsistentMetadata() { }

    @Override
    public void ensureConsistentMetadata(Collection<KafkaBroker> brokers, Collection<ControllerServer> controllers) { }

    // What would be inside this JVM.

    @Override
    public Map<Integer, KafkaBroker> brokers() {
        return Map.of(node.id(), node.standIn());
    }

    @Override
    public Map<Integer, KafkaBroker> aliveBrokers() {
        return node.isAlive() ? brokers() : Map.of();
    }

    @Override
    public Map<Integer, ControllerServer> controllers() {
        return Map.of(node.id(), ControllerStandIn.of(() -> node));
    }

    @Override
    public List<Authorizer> authorizers() {
        throw OutOfReach.because("asks for the broker's authorizer objects");
    }

    @Override
    public Optional<FaultHandlerException> firstFatalException() {
        return Optional.empty();
    }

    @Override
    public Optional<FaultHandlerException> firstNonFatalException() {
        return Optional.empty();
    }
}
