// Waits that always end: for a condition, or for an answer of the admin client.
package moldau.kafkatests;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.common.KafkaFuture;
import org.opentest4j.TestAbortedException;

final class Waiting {
    private static final long WAIT_MS_MAX = 20_000;
    private static final long PAUSE_MS = 20;

    interface Condition {
        boolean holds() throws Exception;
    }

    private Waiting() { }

    /** Returns when the condition holds. One that throws is asked again; the last error is the cause of what is thrown in the end. */
    static void until(String otherwise, Condition condition) {
        long end = System.currentTimeMillis() + WAIT_MS_MAX;
        Exception last = null;
        do {
            try {
                if (condition.holds()) return;
                Thread.sleep(PAUSE_MS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted while waiting: " + otherwise, e);
            } catch (TestAbortedException e) {
                throw e;
            } catch (Exception e) {
                last = e;
            }
        } while (System.currentTimeMillis() < end);
        throw new AssertionError(otherwise, last);
    }

    /** The future's value; an error of the server is thrown as it is. */
    static <T> T get(KafkaFuture<T> future) {
        try {
            return future.get(WAIT_MS_MAX, TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        } catch (TimeoutException e) {
            throw new IllegalStateException("no answer within " + WAIT_MS_MAX + " ms", e);
        }
    }
}
