// How the Java program runs scenarios and reports them, and how a member speaks to the runner.

import java.util.*;
import java.util.stream.Collectors;

final class Scenario {
    interface Body { Object run() throws Exception; }

    /** Why the client itself cannot do something. */
    static final class Unsupported extends RuntimeException {
        Unsupported(String why) { super(why); }
    }

    static void runAll(Map<String, Body> scenarios, List<String> names) {
        for (String name : names.isEmpty() ? List.copyOf(scenarios.keySet()) : names) {
            var said = new LinkedHashMap<String, Object>(Map.of("scenario", name));
            try {
                if (!scenarios.containsKey(name)) throw new AssertionError("this program has no such scenario");
                said.put("answer", scenarios.get(name).run());
                said.put("result", "passed");
            } catch (Unsupported why) {
                said.put("result", "unsupported");
                said.put("why", why.getMessage());
            } catch (Throwable error) {
                said.put("result", "failed");
                said.put("why", error + " at " + Arrays.stream(error.getStackTrace()).limit(6).toList());
            }
            say(said);
        }
    }

    static synchronized void say(Object what) { System.out.println(json(what)); }

    static String json(Object value) {
        if (value == null || value instanceof Number || value instanceof Boolean) return String.valueOf(value);
        if (value instanceof Map<?, ?> map) return map.entrySet().stream().map(e -> json(e.getKey().toString()) + ":" + json(e.getValue())).collect(Collectors.joining(",", "{", "}"));
        if (value instanceof Collection<?> all) return all.stream().map(Scenario::json).collect(Collectors.joining(",", "[", "]"));
        var text = new StringBuilder("\"");
        for (char c : value.toString().toCharArray()) {
            if (c == '"' || c == '\\') text.append('\\').append(c);
            else if (c < ' ') text.append(String.format("\\u%04x", (int) c));
            else text.append(c);
        }
        return text.append('"').toString();
    }

    /** Says what a member owns, whenever that changes. */
    static final class Assigned {
        private List<Integer> said;

        void isNow(Collection<Integer> partitions) {
            var sorted = partitions.stream().sorted().toList();
            if (sorted.equals(said)) return;
            said = sorted;
            say(Map.of("assigned", sorted));
        }
    }

    static Map<String, Object> answer(Object... pairs) {
        var map = new TreeMap<String, Object>();
        for (int i = 0; i < pairs.length; i += 2) map.put((String) pairs[i], pairs[i + 1]);
        return map;
    }

    private Scenario() { }
}
