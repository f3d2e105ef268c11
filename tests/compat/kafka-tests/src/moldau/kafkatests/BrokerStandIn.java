// A KafkaBroker for tests that take one to find out its port, its config, and which topics it knows. All of it comes from the process's
// own config and from the wire.
package moldau.kafkatests;

import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyInt;
import static org.mockito.ArgumentMatchers.anyString;
import static org.mockito.Mockito.doAnswer;
import static org.mockito.Mockito.doReturn;

import java.time.Duration;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.stream.Collectors;
import kafka.network.SocketServer;
import kafka.server.BrokerServer;
import kafka.server.KafkaApis;
import kafka.server.KafkaBroker;
import kafka.server.KafkaConfig;
import kafka.server.SharedServer;
import org.apache.kafka.clients.admin.TopicListing;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.coordinator.group.GroupCoordinator;
import org.apache.kafka.image.MetadataImage;
import org.apache.kafka.image.loader.MetadataLoader;
import org.apache.kafka.metadata.BrokerState;
import org.apache.kafka.metadata.KRaftMetadataCache;
import org.apache.kafka.server.BrokerLifecycleManager;
import org.apache.kafka.server.common.OffsetAndEpoch;

final class BrokerStandIn {
    private BrokerStandIn() { }

    static KafkaBroker of(ExternalNode node) {
        // the class, not only the interface: some of TestUtils casts to it
        BrokerServer broker = StandIn.of(BrokerServer.class);
        KafkaConfig config = new KafkaConfig(node.properties(), false);
        doReturn(config).when(broker).config();
        doAnswer(asked -> node.port(asked.getArgument(0))).when(broker).boundPort(any());
        doAnswer(asked -> node.isAlive() ? BrokerState.RUNNING : BrokerState.NOT_RUNNING).when(broker).brokerState();
        doAnswer(asked -> !node.isAlive()).when(broker).isShutdown();
        doAnswer(asked -> node.shutdown()).when(broker).shutdown();
        doAnswer(asked -> node.shutdown()).when(broker).shutdown(any(Duration.class));
        doAnswer(asked -> node.start()).when(broker).startup();
        doAnswer(asked -> null).when(broker).awaitShutdown();

        SocketServer sockets = StandIn.of(SocketServer.class);
        doReturn(config).when(sockets).config();
        doAnswer(asked -> node.port(asked.<ListenerName>getArgument(0))).when(sockets).boundPort(any());
        doReturn(sockets).when(broker).socketServer();

        KRaftMetadataCache metadata = metadata(node);
        doReturn(metadata).when(broker).metadataCache();
        KafkaApis apis = StandIn.of(KafkaApis.class);
        doReturn(metadata).when(apis).metadataCache();
        doReturn(node.id()).when(apis).brokerId();
        doAnswer(asked -> view(node, TopicView::clusterId)).when(apis).clusterId();
        doAnswer(asked -> view(node, TopicView::clusterId)).when(broker).clusterId();
        doReturn(apis).when(broker).dataPlaneRequestProcessor();

        MetadataLoader loader = StandIn.of(MetadataLoader.class);
        doReturn(Long.MAX_VALUE).when(loader).lastAppliedOffset();
        SharedServer shared = StandIn.of(SharedServer.class);
        doReturn(loader).when(shared).loader();
        doReturn(shared).when(broker).sharedServer();

        BrokerLifecycleManager lifecycle = StandIn.of(BrokerLifecycleManager.class);
        doReturn(CompletableFuture.completedFuture(null)).when(lifecycle).initialUnfenceFuture();
        doReturn(lifecycle).when(broker).lifecycleManager();

        GroupCoordinator groups = StandIn.of(GroupCoordinator.class);
        doAnswer(asked -> offsetsTopicConfig(config)).when(groups).groupMetadataTopicConfigs();
        doReturn(groups).when(broker).groupCoordinator();
        return broker;
    }

    /** With what a test creates __consumer_offsets before its first group. */
    private static Properties offsetsTopicConfig(KafkaConfig config) {
        Properties properties = new Properties();
        properties.put(TopicConfig.CLEANUP_POLICY_CONFIG, TopicConfig.CLEANUP_POLICY_COMPACT);
        properties.put(TopicConfig.COMPRESSION_TYPE_CONFIG, "producer");
        properties.put(TopicConfig.SEGMENT_BYTES_CONFIG, config.groupCoordinatorConfig().offsetsTopicSegmentBytes() + "");
        return properties;
    }

    private static KRaftMetadataCache metadata(ExternalNode node) {
        KRaftMetadataCache metadata = StandIn.of(KRaftMetadataCache.class);
        doAnswer(asked -> view(node, view -> view.leaderAndIsr(asked.getArgument(0), asked.getArgument(1))))
            .when(metadata).getLeaderAndIsr(anyString(), anyInt());
        doAnswer(asked -> view(node, view -> view.describe(asked.getArgument(0)).map(found -> found.partitions().size())))
            .when(metadata).numPartitions(anyString());
        doAnswer(asked -> view(node, view -> view.describe(asked.getArgument(0)).isPresent())).when(metadata).contains(anyString());
        doAnswer(asked -> view(node, view -> view.hasBroker(asked.getArgument(0)))).when(metadata).hasAliveBroker(anyInt());
        doAnswer(asked -> view(node, view -> view.describe(asked.getArgument(0)).map(found -> found.topicId()).orElse(Uuid.ZERO_UUID)))
            .when(metadata).getTopicId(anyString());
        doAnswer(asked -> view(node, view -> nameOf(view, asked.getArgument(0)))).when(metadata).getTopicName(any());
        doAnswer(asked -> view(node, view -> view.all().stream().collect(Collectors.toMap(TopicListing::name, TopicListing::topicId))))
            .when(metadata).topicNamesToIds();
        doAnswer(asked -> view(node, view -> view.all().stream().collect(Collectors.toMap(TopicListing::topicId, TopicListing::name))))
            .when(metadata).topicIdsToNames();
        doReturn(upToDate()).when(metadata).currentImage();
        return metadata;
    }

    /** One node is never behind itself. */
    private static MetadataImage upToDate() {
        MetadataImage image = StandIn.of(MetadataImage.class);
        doReturn(new OffsetAndEpoch(Long.MAX_VALUE, Integer.MAX_VALUE)).when(image).highestOffsetAndEpoch();
        doReturn(Long.MAX_VALUE).when(image).offset();
        return image;
    }

    private static Optional<String> nameOf(TopicView view, Uuid topicId) {
        return view.all().stream().filter(topic -> topic.topicId().equals(topicId)).map(TopicListing::name).findFirst();
    }

    private static <T> T view(ExternalNode node, Function<TopicView, T> question) {
        try (TopicView view = new TopicView("localhost:" + node.brokerPort())) {
            return question.apply(view);
        }
    }
}
