// Stands before the jar's class of this name on the class path: where Kafka's test extension would start brokers inside this JVM, it
// gets an ExternalCluster instead. The name, the package and the constructor's shape are all that is Kafka's.
package org.apache.kafka.common.test.junit;

import java.util.List;
import java.util.Set;
import moldau.kafkatests.ExternalCluster;
import org.apache.kafka.common.test.api.ClusterConfig;
import org.apache.kafka.common.test.api.Type;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.Extension;
import org.junit.jupiter.api.extension.TestTemplateInvocationContext;

public class RaftClusterInvocationContext implements TestTemplateInvocationContext {
    private final String title;
    private final ClusterConfig config;
    private final boolean combined;

    public RaftClusterInvocationContext(String title, ClusterConfig config, boolean combined) {
        this.title = title;
        this.config = config;
        this.combined = combined;
    }

    @Override
    public String getDisplayName(int invocation) {
        return title + " [" + invocation + "] " + config.displayTags();
    }

    @Override
    public List<Extension> getAdditionalExtensions() {
        ExternalCluster cluster = new ExternalCluster(config);
        ExecutionCondition once = context -> ranAsCombined() ? ConditionEvaluationResult.disabled("the same test runs on a combined node")
            : ConditionEvaluationResult.enabled("");
        BeforeEachCallback start = context -> {
            if (config.isAutoStart()) cluster.start();
        };
        AfterEachCallback stop = context -> cluster.stop();
        return List.of(once, start, stop, new ClusterInstanceParameterResolver(cluster));
    }

    /** Every cluster here is of combined nodes, so a test for both kinds would run twice alike. */
    private boolean ranAsCombined() {
        return !combined && config.clusterTypes().containsAll(Set.of(Type.KRAFT, Type.CO_KRAFT));
    }
}
