// A test that needs what a single process outside this JVM can't have is aborted, not failed.
package moldau.kafkatests;

import org.opentest4j.TestAbortedException;

public final class OutOfReach {
    private OutOfReach() { }

    public static TestAbortedException because(String what) {
        return new TestAbortedException(what);
    }
}
