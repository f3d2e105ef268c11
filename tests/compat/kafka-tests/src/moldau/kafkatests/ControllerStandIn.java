// A ControllerServer for tests that take one to wait for its log or to map topics to ids.
package moldau.kafkatests;

import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyCollection;
import static org.mockito.Mockito.doAnswer;
import static org.mockito.Mockito.doReturn;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import kafka.network.SocketServer;
import kafka.raft.KafkaRaftManager;
import kafka.server.ControllerServer;
import org.apache.kafka.clients.admin.TopicListing;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.controller.Controller;
import org.apache.kafka.controller.ResultOrError;
import org.apache.kafka.raft.LogOffsetMetadata;
import org.apache.kafka.raft.RaftLog;

public final class ControllerStandIn {
    private ControllerStandIn() { }

    /** `node` gives the node under test at the time of the question. */
    public static ControllerServer of(Supplier<ExternalNode> node) {
        ControllerServer server = StandIn.of(ControllerServer.class);

        SocketServer sockets = StandIn.of(SocketServer.class);
        doAnswer(asked -> node.get().port(asked.getArgument(0))).when(sockets).boundPort(any());
        doReturn(sockets).when(server).socketServer();

        // what a test waits for is there already, see BrokerStandIn
        RaftLog log = StandIn.of(RaftLog.class);
        doReturn(new LogOffsetMetadata(0)).when(log).endOffset();
        KafkaRaftManager<?> raft = StandIn.of(KafkaRaftManager.class);
        doReturn(log).when(raft).raftLog();
        doReturn(raft).when(server).raftManager();

        Controller controller = StandIn.of(Controller.class);
        doAnswer(asked -> CompletableFuture.completedFuture(topicIds(node.get()))).when(controller).findAllTopicIds(any());
        doAnswer(asked -> CompletableFuture.completedFuture(some(topicIds(node.get()), asked.getArgument(1)))).when(controller)
            .findTopicIds(any(), anyCollection());
        doReturn(controller).when(server).controller();
        return server;
    }

    private static Map<String, Uuid> topicIds(ExternalNode node) {
        try (TopicView view = new TopicView("localhost:" + node.brokerPort())) {
            Map<String, Uuid> ids = new HashMap<>();
            for (TopicListing topic : view.all()) ids.put(topic.name(), topic.topicId());
            return ids;
        }
    }

    private static Map<String, ResultOrError<Uuid>> some(Map<String, Uuid> all, Collection<String> names) {
        Map<String, ResultOrError<Uuid>> found = new HashMap<>();
        for (String name : names) found.put(name, new ResultOrError<>(all.get(name)));
        return found;
    }
}
