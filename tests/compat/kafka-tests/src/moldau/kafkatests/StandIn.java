// Objects in place of a broker's own: they answer what they were told to answer, and abort a test that asks for more, since the broker
// is not in this JVM.
package moldau.kafkatests;

import org.mockito.Mockito;
import org.mockito.invocation.InvocationOnMock;

public final class StandIn {
    private StandIn() { }

    public static <T> T of(Class<T> type) {
        return Mockito.mock(type, Mockito.withSettings().stubOnly().defaultAnswer(StandIn::outOfReach));
    }

    private static Object outOfReach(InvocationOnMock asked) {
        if (asked.getMethod().getName().equals("toString")) return "stand-in";
        throw OutOfReach.because("looks inside the broker's JVM: " + asked.getMethod().getDeclaringClass().getSimpleName() + "."
            + asked.getMethod().getName());
    }
}
