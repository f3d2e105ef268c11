// One node of the server under test: a process with a server.properties. Waits for it are bounded, and a process that ends instead of
// listening is an error with its last lines. It ends with its test, at the latest with this JVM.
package moldau.kafkatests;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import kafka.server.KafkaBroker;
import kafka.server.KafkaConfig;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.test.api.ClusterConfig;
import org.apache.kafka.server.common.MetadataVersion;

public final class ExternalNode {
    private static final long START_MS_MAX = 30_000;
    private static final long STOP_MS_MAX = 10_000;
    private static final int CONNECT_MS_MAX = 1_000;
    private static final int LINES_SHOWN = 8;

    private final NodeConfig config;
    private final Path directory;
    private Process process;
    private KafkaBroker standIn;

    private ExternalNode(NodeConfig config, Path directory) {
        this.config = config;
        this.directory = directory;
        Runtime.getRuntime().addShutdownHook(new Thread(this::kill));
    }

    static ExternalNode of(ClusterConfig cluster) {
        Path directory = newDirectory();
        return new ExternalNode(NodeConfig.of(cluster, directory), directory);
    }

    /** A node for a broker that Kafka's older harness has configured. */
    public static ExternalNode of(KafkaConfig broker, MetadataVersion version) {
        return new ExternalNode(NodeConfig.of(broker, version), newDirectory());
    }

    private static Path newDirectory() {
        try {
            return Files.createTempDirectory(Path.of(System.getProperty("kafkatests.directory")), "node-");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Starts the process and returns when each of its listeners takes connections. */
    public synchronized Object start() {
        if (isAlive()) return null;
        Path file = directory.resolve("server.properties");
        try (Writer writer = Files.newBufferedWriter(file)) {
            config.properties().store(writer, null);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        List<String> command = ServerCommand.of(file, config.releaseVersion(), config.features());
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.appendTo(log())).start();
        } catch (IOException e) {
            throw new UncheckedIOException("can't start " + command.get(0), e);
        }
        config.ports().values().forEach(this::awaitListening);
        return null;
    }

    private void awaitListening(int port) {
        long end = System.currentTimeMillis() + START_MS_MAX;
        while (!listens(port)) {
            if (!process.isAlive()) throw new IllegalStateException("the server ended with " + process.exitValue() + " instead of listening: " + lastLines());
            if (System.currentTimeMillis() > end) {
                kill();
                throw new IllegalStateException("the server did not listen on port " + port + " within " + START_MS_MAX + " ms: " + lastLines());
            }
        }
    }

    private static boolean listens(int port) {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress("localhost", port), CONNECT_MS_MAX);
            return true;
        } catch (IOException e) {
            try {
                Thread.sleep(20);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted while the server starts", interrupted);
            }
            return false;
        }
    }

    private File log() {
        return directory.resolve("server.log").toFile();
    }

    private String lastLines() {
        try {
            List<String> lines = Files.readAllLines(log().toPath());
            return String.join(" / ", lines.subList(Math.max(0, lines.size() - LINES_SHOWN), lines.size()));
        } catch (IOException e) {
            return "(its log can't be read: " + e.getMessage() + ")";
        }
    }

    /** Asks the process to stop, as a service manager does, and waits for its end. */
    synchronized Object shutdown() {
        if (process == null) return null;
        process.destroy();
        try {
            if (!process.waitFor(STOP_MS_MAX, TimeUnit.MILLISECONDS)) kill();
        } catch (InterruptedException e) {
            kill();
            Thread.currentThread().interrupt();
        }
        return null;
    }

    private void kill() {
        Process started = process;
        if (started == null) return;
        started.destroyForcibly();
        try {
            started.waitFor(STOP_MS_MAX, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Ends the process at once and removes its folder. */
    public synchronized void destroy() {
        kill();
        if (Boolean.getBoolean("kafkatests.keep")) return;
        try (Stream<Path> files = Files.walk(directory)) {
            files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
        } catch (IOException | UncheckedIOException e) {
            System.err.println("left over: " + directory + ": " + e.getMessage());
        }
    }

    boolean isAlive() {
        return process != null && process.isAlive();
    }

    public int id() {
        return config.id();
    }

    Properties properties() {
        return config.properties();
    }

    int brokerPort() {
        return port(config.clientListener());
    }

    int controllerPort() {
        return port(config.controllerListener());
    }

    int port(ListenerName listener) {
        Integer port = config.ports().get(listener);
        if (port == null) throw OutOfReach.because("asks for the port of listener " + listener.value() + ", which the node does not have");
        return port;
    }

    Map<ListenerName, Integer> ports() {
        return config.ports();
    }

    /** The object that stands for this node's broker. */
    public synchronized KafkaBroker standIn() {
        if (standIn == null) standIn = BrokerStandIn.of(this);
        return standIn;
    }
}
