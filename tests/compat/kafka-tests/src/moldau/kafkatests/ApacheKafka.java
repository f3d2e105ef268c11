// Apache Kafka as the server under test: forms the storage unless it is formed already, then serves.
package moldau.kafkatests;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

public final class ApacheKafka {
    private static final String CLUSTER_ID = "S2Fma2FUZXN0c0NsdXN0cg";

    private ApacheKafka() { }

    /** FILE, and then options of `kafka-storage.sh format`. */
    public static void main(String[] args) {
        List<String> format = new ArrayList<>(List.of("format", "--ignore-formatted", "--cluster-id", CLUSTER_ID, "--config", args[0]));
        format.addAll(Arrays.asList(args).subList(1, args.length));
        int status = kafka.tools.StorageTool.execute(format.toArray(new String[0]), System.out);
        if (status != 0) System.exit(status);
        kafka.Kafka.main(new String[] {args[0]});
    }
}
