//! The key that was meant by a misspelt one.

use strsim::levenshtein;

use crate::keys;
use crate::settings::LISTENER_PREFIX;

/// The broker key that looks most like `name`, when one is near enough to be meant; for `listener.name.X.key` that of
/// the key, with the same beginning.
pub fn nearest_broker_key(name: &str) -> Option<String> {
    let for_listener = name.strip_prefix(LISTENER_PREFIX).and_then(|rest| rest.split_once('.'));
    if let Some((_, base)) = for_listener {
        let start = &name[..name.len() - base.len()];
        return nearest(base).map(|key| format!("{start}{key}"));
    }
    nearest(name).map(str::to_owned)
}

fn nearest(name: &str) -> Option<&'static str> {
    let wanted = plain(name);
    let limit = (wanted.len() / 4).max(1);
    keys::broker()
        .chain(keys::own())
        .map(|key| (levenshtein(&wanted, &plain(key.name)), key.name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, key)| key)
}

fn plain(key: &str) -> String {
    key.replace(['_', '-'], ".").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_leads_to_the_one_that_was_meant() {
        for (name, wanted) in [
            ("num.partitons", Some("num.partitions")),
            ("NUM_PARTITIONS", Some("num.partitions")),
            ("moldau.http.listner", Some("moldau.http.listener")),
            ("listener.name.client.ssl.keystore.locaton", Some("listener.name.client.ssl.keystore.location")),
            ("my.own", None),
            ("listener.name.client.my.own", None),
            ("listener.name.client", None),
            ("", None),
        ] {
            assert_eq!(nearest_broker_key(name).as_deref(), wanted, "{name}");
        }
    }
}
