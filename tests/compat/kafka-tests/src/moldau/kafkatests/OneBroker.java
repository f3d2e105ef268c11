// Clamps tests of Kafka's older harness to one broker, as ExternalCluster does by itself: the number of brokers they start, and the
// replicas of the topics they create through TestUtils, which come to broker 0.
package moldau.kafkatests;

import static net.bytebuddy.matcher.ElementMatchers.hasSuperType;
import static net.bytebuddy.matcher.ElementMatchers.isAbstract;
import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.not;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.bytebuddy.agent.ByteBuddyAgent;
import net.bytebuddy.agent.builder.AgentBuilder;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.implementation.bytecode.assign.Assigner;
import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.LauncherSessionListener;
import scala.jdk.javaapi.CollectionConverters;

public final class OneBroker implements LauncherSessionListener {
    @Override
    public void launcherSessionOpened(LauncherSession session) {
        new AgentBuilder.Default()
            .type(hasSuperType(named("kafka.api.IntegrationTestHarness"))).transform((builder, type, loader, module, domain) ->
                builder.visit(Advice.to(Brokers.class).on(named("brokerCount").and(not(isAbstract())))))
            .type(named("kafka.utils.TestUtils$")).transform((builder, type, loader, module, domain) ->
                builder.visit(Advice.to(Replicas.class).on(named("createTopicWithAdminRaw"))))
            .installOn(ByteBuddyAgent.install());
    }

    public static final class Brokers {
        @Advice.OnMethodExit
        static void clamp(@Advice.Return(readOnly = false) int brokers) {
            if (brokers > 1) brokers = 1;
        }
    }

    public static final class Replicas {
        @Advice.OnMethodEnter
        static void clamp(@Advice.Argument(value = 3, readOnly = false) int replicas,
                @Advice.Argument(value = 4, readOnly = false, typing = Assigner.Typing.DYNAMIC) Object assignment) {
            if (replicas > 1) replicas = 1;
            assignment = OneBroker.onlyOn0(assignment);
        }
    }

    /** A Scala map of partitions to their replicas, all of them on broker 0. */
    public static Object onlyOn0(Object assignment) {
        Map<Object, Object> clamped = new LinkedHashMap<>();
        for (Object partition : CollectionConverters.asJava(((scala.collection.Map<?, ?>) assignment).keySet()))
            clamped.put(partition, CollectionConverters.asScala(List.<Object>of(0)).toSeq());
        return CollectionConverters.asScala(clamped);
    }
}
