// Writes what becomes of each test to -Dkafkatests.results the moment it is known, so that a run that is cut short has lost nothing:
//   started<TAB>CLASS<TAB>TEST
//   passed|aborted|failed<TAB>CLASS<TAB>TEST<TAB>SECONDS<TAB>TEXT
// TEST is the method, with [N] behind it for the Nth invocation of a template. Disabled tests are not written.
package moldau.kafkatests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;

public final class ResultsListener implements TestExecutionListener {
    private static final Path FILE = Path.of(System.getProperty("kafkatests.results"));
    private static final Pattern INVOCATION = Pattern.compile("\\[test-template-invocation:#(\\d+)]");
    private static final int TEXT_CHARACTERS_MAX = 400;

    private final Map<String, Long> startedMs = new ConcurrentHashMap<>();

    @Override
    public void executionStarted(TestIdentifier test) {
        startedMs.put(test.getUniqueId(), System.currentTimeMillis());
        if (test.isTest()) write("started", className(test), name(test));
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
        boolean passed = result.getStatus() == TestExecutionResult.Status.SUCCESSFUL;
        if (passed && !test.isTest()) return;
        String status = passed ? "passed" : result.getStatus() == TestExecutionResult.Status.ABORTED ? "aborted" : "failed";
        long ms = System.currentTimeMillis() - startedMs.getOrDefault(test.getUniqueId(), System.currentTimeMillis());
        write(status, className(test), name(test), String.format("%.1f", ms / 1000.0), result.getThrowable().map(error -> text(error, className(test))).orElse(""));
    }

    private static String className(TestIdentifier test) {
        return test.getSource().map(source -> source instanceof MethodSource method ? method.getClassName()
            : source instanceof ClassSource type ? type.getClassName() : "?").orElse("?");
    }

    private static String name(TestIdentifier test) {
        Matcher invocation = INVOCATION.matcher(test.getUniqueId());
        String method = test.getSource().map(source -> source instanceof MethodSource m ? m.getMethodName() : "(class)").orElse("(class)");
        return invocation.find() ? method + "[" + invocation.group(1) + "]" : method;
    }

    /** The error's own words, then where in the test it came from. */
    private static String text(Throwable error, String className) {
        StringBuilder text = new StringBuilder(error.getClass().getSimpleName() + ": " + error.getMessage());
        for (Throwable cause = error.getCause(); cause != null; cause = cause.getCause())
            text.append(" <- ").append(cause.getClass().getSimpleName()).append(": ").append(cause.getMessage());
        // what tearing down ran into comes first when setting up was aborted before
        for (Throwable before : error.getSuppressed())
            text.append(" (after ").append(before.getClass().getSimpleName()).append(": ").append(before.getMessage()).append(')');
        String shown = text.length() > TEXT_CHARACTERS_MAX ? text.substring(0, TEXT_CHARACTERS_MAX) + "…" : text.toString();
        String outer = className.replaceAll("\\$.*", "");
        return shown + Arrays.stream(error.getStackTrace()).filter(frame -> frame.getClassName().startsWith(outer)).findFirst()
            .map(frame -> " (" + frame.getFileName() + ":" + frame.getLineNumber() + ")").orElse("");
    }

    private static synchronized void write(String... fields) {
        String line = String.join("\t", Arrays.stream(fields).map(field -> field.replaceAll("\\s+", " ").strip()).toList()) + "\n";
        try {
            Files.writeString(FILE, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
