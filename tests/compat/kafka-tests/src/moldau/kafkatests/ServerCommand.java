// How the server under test is started: -Dkafkatests.server is `kafka`, or the path of a moldau binary. Both get a whole server.properties
// and form their storage by themselves.
package moldau.kafkatests;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

final class ServerCommand {
    private static final String SERVER = System.getProperty("kafkatests.server");

    private ServerCommand() { }

    /** The command for `properties`; `releaseVersion` may be null for the server's own default, `features` are levels by name. */
    static List<String> of(Path properties, String releaseVersion, Map<String, Short> features) {
        List<String> command = new ArrayList<>();
        if (SERVER.equals("kafka")) {
            command.addAll(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx512m", "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC", "-Dlog4j2.configurationFile=" + System.getProperty("log4j2.configurationFile"),
                "-cp", System.getProperty("java.class.path"), ApacheKafka.class.getName(), properties.toString()));
        } else {
            command.addAll(List.of(SERVER, "serve", "--config", properties.toString()));
        }
        if (releaseVersion != null) command.addAll(List.of("--release-version", releaseVersion));
        features.forEach((name, level) -> command.addAll(List.of("--feature", name + "=" + level)));
        return command;
    }
}
