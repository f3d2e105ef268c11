//! The page of the user's book that lists every key, made from the tables.

use std::fmt::Write;

use crate::key::{DefaultValue, Disposition, Key, UpdateMode};
use crate::keys;

const INTRODUCTION: &str = "\
# Configuration

Moldau has Apache Kafka 4.3's configuration keys, with their names, defaults and ranges. It reads a Kafka
`server.properties` as it is (`moldau serve --config FILE`); `--set KEY=VALUE` goes before the file.

What Moldau does with a key is said with it:

- **effective**: it works as in Kafka;
- **inert**: it is accepted and shown and has no use here; a value other than the default is warned of at start;
- **refused**: a value other than the default would promise something that is not there, so the node does not start with it.

Keys that are not known are kept, shown and warned of; `--set` refuses them. `listener.name.NAME.KEY` sets a key for one listener. A value that may
change while brokers run is set with Kafka's own tools (`kafka-configs`): for one broker (*per broker*), or also for all at once
(*cluster*). What is set for one broker goes before what is set for all, that before the file.

Where nothing is set, Moldau itself sets `node.id=1`, `process.roles=broker,controller`,
`listeners=PLAINTEXT://127.0.0.1:9092` and `log.dirs=./moldau-data`. A controller that is alone needs no listener of its own.

This page is generated: `cargo run -p moldau-config --example configuration > docs/configuration.md`.
";

/// The page, as Markdown.
pub fn markdown() -> String {
    let mut page = INTRODUCTION.to_owned();
    section(&mut page, 2, "Moldau's own keys", keys::own(), true);
    page.push_str("\n## Brokers\n");
    for (title, keys) in keys::broker_areas() {
        section(&mut page, 3, title.trim_end_matches('.'), keys, true);
    }
    section(&mut page, 3, "Replication quotas, set while brokers run", keys::broker_quota(), false);
    section(&mut page, 2, "Topics", keys::topic(), false);
    section(&mut page, 2, "Groups", keys::group(), false);
    section(&mut page, 2, "Client metrics subscriptions", keys::client_metrics(), false);
    page
}

fn section(page: &mut String, level: usize, title: &str, keys: &[Key], of_broker: bool) {
    let _ = write!(page, "\n{} {title}\n\n", "#".repeat(level));
    for key in keys.iter().filter(|key| !key.internal) {
        let _ = writeln!(page, "- `{}` ({}): {}", key.name, facts(key, of_broker).join("; "), key.doc);
        let _ = match key.disposition {
            Disposition::Effective => Ok(()),
            Disposition::Inert(reason) => writeln!(page, "  **Inert**: {reason}."),
            Disposition::Refused(reason) => writeln!(page, "  **Refused**: {reason}."),
        };
    }
}

/// Type, range, default, how it may change, and where its value comes from otherwise.
fn facts(key: &Key, of_broker: bool) -> Vec<String> {
    let mut facts = vec![key.value_type.name().to_lowercase()];
    facts.extend(key.validator.describe());
    match key.default {
        DefaultValue::Is("") => facts.push("default empty".into()),
        DefaultValue::Is(text) => facts.push(format!("default `{text}`")),
        DefaultValue::Null | DefaultValue::Required => {}
    }
    match key.update {
        _ if !of_broker => {}
        UpdateMode::ReadOnly => {}
        UpdateMode::PerBroker => facts.push("changes per broker".into()),
        UpdateMode::ClusterWide => facts.push("changes per broker or cluster".into()),
    }
    if !of_broker && !key.synonyms.is_empty() {
        facts.push(format!("from the broker's `{}`", key.synonyms.join("`, `")));
    }
    facts
}

#[cfg(test)]
mod tests {
    /// The page that is committed is the one that the tables make.
    #[test]
    fn the_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == super::markdown(),
            "docs/configuration.md is not what the tables make: \
             cargo run -p moldau-config --example configuration > docs/configuration.md"
        );
    }
}
