// Stands before the jar's class of this name: where Kafka's older test harness would make a broker inside this JVM, it gets a process
// of the server under test. The controller that the harness has started already is of no use then, and ends here.
package kafka.server;

import java.io.File;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import kafka.utils.Logging;
import moldau.kafkatests.ControllerStandIn;
import moldau.kafkatests.ExternalNode;
import moldau.kafkatests.OutOfReach;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.server.fault.FaultHandler;
import scala.Option;

public class KRaftQuorumImplementation implements QuorumImplementation {
    private final ControllerServer unused;
    private final ControllerServer controller = ControllerStandIn.of(this::node);
    private ExternalNode node;

    public KRaftQuorumImplementation(ControllerServer controllerServer, FaultHandlerFactory faultHandlerFactory, File metadataDir,
            CompletableFuture<Map<Integer, InetSocketAddress>> voters, String clusterId, Logging log, FaultHandler faultHandler) {
        unused = controllerServer;
    }

    public ControllerServer controllerServer() {
        return controller;
    }

    private ExternalNode node() {
        if (node == null) throw OutOfReach.because("asks the controller before there is a broker");
        return node;
    }

    @Override
    public KafkaBroker createBroker(KafkaConfig config, Time time, boolean startup, Option<String> threadNamePrefix) {
        // a test that starts several brokers gets the one node for each of them
        if (node != null && node.id() != config.nodeId()) return node.standIn();
        if (node != null) node.destroy();
        node = ExternalNode.of(config, unused.bootstrapMetadata().metadataVersion());
        if (startup) node.start();
        return node.standIn();
    }

    @Override
    public void shutdown() {
        if (node != null) node.destroy();
        unused.shutdown();
        unused.sharedServer().stopForController();
    }
}
