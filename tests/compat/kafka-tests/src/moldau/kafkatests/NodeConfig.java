// The whole server.properties of a node, made from what a test asks for: always broker and controller in one, its listeners on free
// ports of localhost, and every replication factor at most one.
package moldau.kafkatests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import kafka.server.KafkaConfig;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.apache.kafka.common.test.JaasUtils;
import org.apache.kafka.common.test.api.ClusterConfig;
import org.apache.kafka.server.common.MetadataVersion;

record NodeConfig(int id, Properties properties, Map<ListenerName, Integer> ports, ListenerName clientListener, ListenerName controllerListener,
        String releaseVersion, Map<String, Short> features) {

    /** For a test of the cluster extension. */
    static NodeConfig of(ClusterConfig cluster, Path directory) {
        int id = 0;
        ListenerName client = cluster.brokerListenerName();
        ListenerName controller = cluster.controllerListenerName();
        Map<ListenerName, Integer> ports = freePorts(List.of(client, controller));
        Properties properties = new Properties();
        properties.put("listener.security.protocol.map", client.value() + ":" + cluster.brokerSecurityProtocol() + "," + controller.value() + ":PLAINTEXT");
        properties.put("inter.broker.listener.name", client.value());
        properties.put("controller.listener.names", controller.value());
        properties.put("log.dirs", IntStream.range(0, cluster.numDisksPerBroker()).mapToObj(disk -> directory.resolve("disk-" + disk).toString())
            .collect(Collectors.joining(",")));
        // Kafka's own tests do the same: a small map for the cleaner
        properties.put("log.cleaner.dedupe.buffer.size", "2097152");
        properties.putAll(security(cluster.brokerSecurityProtocol(), client));
        properties.putAll(cluster.serverProperties());
        properties.putAll(cluster.perServerOverrideProperties().getOrDefault(id, Map.of()));
        node(properties, id, ports, controller);
        Map<String, Short> features = new TreeMap<>();
        cluster.features().forEach((feature, level) -> features.put(feature.featureName(), level));
        return new NodeConfig(id, properties, ports, client, controller, release(cluster.metadataVersion()), features);
    }

    /** For a test of Kafka's older harness, which has made a broker's config already. The log directories stay where the test has them. */
    static NodeConfig of(KafkaConfig broker, MetadataVersion version) {
        Properties properties = new Properties();
        broker.originals().forEach((key, value) -> {
            if (value != null) properties.put(key, value.toString());
        });
        int id = broker.nodeId();
        ListenerName controller = ListenerName.normalised(properties.getProperty("controller.listener.names").split(",")[0]);
        List<ListenerName> listeners = new ArrayList<>(Arrays.stream(properties.getProperty("listeners").split(","))
            .map(listener -> ListenerName.normalised(listener.substring(0, listener.indexOf("://")))).toList());
        if (!listeners.contains(controller)) listeners.add(controller);
        Map<ListenerName, Integer> ports = freePorts(listeners);
        properties.remove("controller.quorum.bootstrap.servers");
        node(properties, id, ports, controller);
        ListenerName client = listeners.stream().filter(listener -> !listener.equals(controller)).findFirst().orElseThrow();
        return new NodeConfig(id, properties, ports, client, controller, release(version), Map.of());
    }

    /** What makes a node of the properties, whatever the test had in its place. */
    private static void node(Properties properties, int id, Map<ListenerName, Integer> ports, ListenerName controller) {
        properties.put("process.roles", "broker,controller");
        properties.put("node.id", "" + id);
        properties.put("broker.id", "" + id);
        properties.put("controller.quorum.voters", id + "@localhost:" + ports.get(controller));
        properties.put("listeners", endpoints(ports));
        Map<ListenerName, Integer> advertised = new LinkedHashMap<>(ports);
        advertised.remove(controller);
        properties.put("advertised.listeners", endpoints(advertised));
        for (String key : properties.stringPropertyNames())
            if (key.endsWith("replication.factor") || key.endsWith("min.isr") || key.equals("min.insync.replicas"))
                properties.put(key, "" + Math.min(1, Integer.parseInt(properties.getProperty(key))));
    }

    private static String endpoints(Map<ListenerName, Integer> ports) {
        return ports.entrySet().stream().map(entry -> entry.getKey().value() + "://localhost:" + entry.getValue()).collect(Collectors.joining(","));
    }

    /** Kafka's tests run on a version that is not released; a server is then left to its own newest. */
    private static String release(MetadataVersion version) {
        return version.isAtLeast(MetadataVersion.latestProduction()) ? null : version.version();
    }

    private static Map<String, String> security(SecurityProtocol protocol, ListenerName listener) {
        return switch (protocol) {
            case PLAINTEXT -> Map.of();
            case SASL_PLAINTEXT -> Map.of("sasl.enabled.mechanisms", "PLAIN", "sasl.mechanism.inter.broker.protocol", "PLAIN",
                "listener.name." + listener.value().toLowerCase(Locale.ROOT) + ".plain.sasl.jaas.config",
                "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"" + JaasUtils.KAFKA_PLAIN_ADMIN + "\" password=\""
                    + JaasUtils.KAFKA_PLAIN_ADMIN_PASSWORD + "\" user_" + JaasUtils.KAFKA_PLAIN_ADMIN + "=\"" + JaasUtils.KAFKA_PLAIN_ADMIN_PASSWORD
                    + "\" user_" + JaasUtils.KAFKA_PLAIN_USER1 + "=\"" + JaasUtils.KAFKA_PLAIN_USER1_PASSWORD + "\";");
            default -> throw OutOfReach.because("needs the certificates of " + protocol);
        };
    }

    private static Map<ListenerName, Integer> freePorts(List<ListenerName> listeners) {
        Map<ListenerName, Integer> ports = new LinkedHashMap<>();
        List<ServerSocket> held = new ArrayList<>();
        try {
            for (ListenerName listener : listeners) {
                ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"));
                held.add(socket);
                ports.put(listener, socket.getLocalPort());
            }
            for (ServerSocket socket : held) socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return ports;
    }
}
