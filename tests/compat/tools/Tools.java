import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Apache Kafka's command line tools one after the other in one process, since each JVM of its own takes seconds.
 *
 * Usage: Tools COMMANDS BOOTSTRAP DATA_DIR WORK_DIR. A command is a line "TOOL ARGUMENT… [<<< INPUT]", with $B, $D and $W for the
 * last three arguments, ~ for a blank within an argument, and \n and \t in the input. Prints each command behind ">>> ", what the tool
 * wrote to both of its outputs, and how it ended behind "<<< ".
 */
public class Tools {
    private static final long PATIENCE_MS = 40_000;

    private static final Map<String, String> MAIN_CLASSES = Map.ofEntries(
        Map.entry("topics", "org.apache.kafka.tools.TopicCommand"),
        Map.entry("configs", "kafka.admin.ConfigCommand"),
        Map.entry("consumer-groups", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"),
        Map.entry("groups", "org.apache.kafka.tools.GroupsCommand"),
        Map.entry("console-producer", "org.apache.kafka.tools.ConsoleProducer"),
        Map.entry("console-consumer", "org.apache.kafka.tools.consumer.ConsoleConsumer"),
        Map.entry("get-offsets", "org.apache.kafka.tools.GetOffsetShell"),
        Map.entry("delete-records", "org.apache.kafka.tools.DeleteRecordsCommand"),
        Map.entry("log-dirs", "org.apache.kafka.tools.LogDirsCommand"),
        Map.entry("dump-log", "org.apache.kafka.tools.DumpLogSegments"),
        Map.entry("producer-perf-test", "org.apache.kafka.tools.ProducerPerformance"),
        Map.entry("consumer-perf-test", "org.apache.kafka.tools.ConsumerPerformance"),
        Map.entry("verifiable-producer", "org.apache.kafka.tools.VerifiableProducer"),
        Map.entry("verifiable-consumer", "org.apache.kafka.tools.VerifiableConsumer"),
        Map.entry("cluster", "org.apache.kafka.tools.ClusterTool"),
        Map.entry("leader-election", "org.apache.kafka.tools.LeaderElectionCommand"),
        Map.entry("transactions", "org.apache.kafka.tools.TransactionsCommand"),
        Map.entry("e2e-latency", "org.apache.kafka.tools.EndToEndLatency"));

    /** What stops a tool that exits. Some tools catch it, print it, and exit once more: the first code counts. */
    private static final class Ended extends RuntimeException {
    }

    private static volatile Integer exitCode;

    private static void exit(int code, String message) {
        if (exitCode == null) {
            exitCode = code;
        }
        throw new Ended();
    }

    public static void main(String[] args) throws Exception {
        Exit.setExitProcedure(Tools::exit);
        Exit.setHaltProcedure(Tools::exit);
        for (String line : Files.readAllLines(Path.of(args[0]))) {
            if (!line.isBlank() && !line.startsWith("#")) {
                run(line, args);
            }
        }
        Runtime.getRuntime().halt(0);
    }

    private static void run(String line, String[] args) throws InterruptedException {
        String[] halves = line.split(" <<< ", 2);
        String input = halves.length == 1 ? "" : halves[1].replace("\\n", "\n").replace("\\t", "\t") + "\n";
        List<String> words = new ArrayList<>();
        for (String word : halves[0].trim().split(" +")) {
            words.add(word.replace("$B", args[1]).replace("$D", args[2]).replace("$W", args[3]).replace("~", " "));
        }
        String tool = words.remove(0);
        PrintStream stdout = System.out;
        stdout.println(">>> " + line);
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        PrintStream captured = new PrintStream(written, true);
        System.setOut(captured);
        System.setErr(captured);
        System.setIn(new ByteArrayInputStream(input.getBytes()));
        String[] end = {"still running"};
        exitCode = null;
        Thread thread = new Thread(() -> end[0] = call(tool, words.toArray(new String[0])));
        thread.setDaemon(true);
        thread.start();
        thread.join(PATIENCE_MS);
        thread.interrupt();
        System.setOut(stdout);
        stdout.print(written);
        stdout.println("<<< " + (exitCode == null ? end[0] : "exit " + exitCode));
        stdout.flush();
    }

    private static String call(String tool, String[] arguments) {
        try {
            Class.forName(MAIN_CLASSES.get(tool)).getMethod("main", String[].class).invoke(null, (Object) arguments);
            return "done";
        } catch (InvocationTargetException thrown) {
            return "threw " + thrown.getCause();
        } catch (ReflectiveOperationException | RuntimeException failed) {
            return "failed " + failed;
        }
    }
}
