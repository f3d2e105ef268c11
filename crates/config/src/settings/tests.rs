//! Layers, warnings, and what is refused at load.

use super::{Configs, Settings, Warning, find};
use crate::error::InvalidConfig;
use crate::keys;
use crate::value::Value;

fn load(pairs: &[(&str, &str)]) -> Result<(Settings, Vec<Warning>), Vec<InvalidConfig>> {
    Settings::load(pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())))
}

fn configs(pairs: &[(&str, &str)]) -> Configs {
    pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()
}

fn number(settings: &Settings, name: &str) -> Option<i64> {
    settings.value(keys::find_broker(name).unwrap()).and_then(|v| v.as_number())
}

#[test]
fn a_layer_goes_before_those_below_it() {
    let (file, _) = load(&[("message.max.bytes", "3")]).unwrap();
    assert_eq!(number(&file, "message.max.bytes"), Some(3));
    let cluster = file.with_dynamic(configs(&[("message.max.bytes", "2")]), Configs::new());
    assert_eq!(number(&cluster, "message.max.bytes"), Some(2));
    let broker =
        file.with_dynamic(configs(&[("message.max.bytes", "2")]), configs(&[("message.max.bytes", "1")]));
    assert_eq!(number(&broker, "message.max.bytes"), Some(1));
    assert_eq!(number(&Settings::default(), "message.max.bytes"), Some(1048588));
    assert_eq!(number(&Settings::default(), "log.retention.ms"), None);
}

#[test]
fn dynamic_values_that_do_not_fit_are_passed_over() {
    let (file, _) = load(&[("message.max.bytes", "3"), ("num.partitions", "4")]).unwrap();
    let odd =
        file.with_dynamic(configs(&[("message.max.bytes", "x"), ("num.partitions", "9")]), Configs::new());
    assert_eq!(number(&odd, "message.max.bytes"), Some(3));
    assert_eq!(number(&odd, "num.partitions"), Some(4), "read-only keys come from the file alone");
}

#[test]
fn a_listener_may_have_its_own_value() {
    let (settings, warnings) =
        load(&[("max.connections", "7"), ("listener.name.external.max.connections", "5")]).unwrap();
    let key = keys::find_broker("max.connections").unwrap();
    assert_eq!(settings.listener_value("EXTERNAL", key), Some(Value::Number(5)));
    assert_eq!(settings.listener_value("INTERNAL", key), Some(Value::Number(7)));
    assert_eq!(warnings, []);
    assert_eq!(find("listener.name.x.plain.sasl.jaas.config").unwrap().name, "sasl.jaas.config");
    assert!(find("listener.name.x.nothing").is_none());
}

#[test]
fn all_bad_values_are_named_at_once() {
    let errors =
        load(&[("num.partitions", "0"), ("log.dirs", "a,a"), ("message.max.bytes", "x")]).unwrap_err();
    let text: Vec<_> = errors.iter().map(|e| e.message.as_str()).collect();
    assert_eq!(text.len(), 3, "{text:?}");
    assert!(text.contains(&"Invalid value 0 for configuration num.partitions: Value must be at least 1"));
}

#[test]
fn unknown_and_inert_keys_are_warned_of() {
    let (settings, warnings) = load(&[
        ("my.own", "x"),
        ("num.io.threads", "9"),
        ("num.network.threads", "3"),
        ("ssl.keystore.location", ""),
    ])
    .unwrap();
    assert!(
        matches!(&warnings[..], [Warning::Unknown { name }, Warning::Inert { name: inert, .. }]
        if name == "my.own" && inert == "num.io.threads"),
        "{warnings:?}"
    );
    assert_eq!(settings.static_configs()["my.own"], "x");
    assert_eq!(warnings[0].to_string(), "my.own is not known and has no effect");
    let misspelt = Warning::Unknown { name: "num.partitons".to_owned() };
    assert!(misspelt.to_string().ends_with("; did you mean num.partitions?"), "{misspelt}");
}

#[test]
fn what_would_promise_too_much_is_refused() {
    for (name, value) in [
        ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        ("create.topic.policy.class.name", "a.Policy"),
        ("alter.config.policy.class.name", "a.Policy"),
        ("client.quota.callback.class", "a.Quota"),
        ("principal.builder.class", "a.Builder"),
        ("remote.log.storage.system.enable", "true"),
        ("security.inter.broker.protocol", "SSL"),
        ("metric.reporters", "a.Reporter"),
        ("config.providers", "file"),
        ("listener.name.x.principal.builder.class", "a.Builder"),
    ] {
        let errors = load(&[(name, value)]).unwrap_err();
        let expected = format!("Invalid value {value} for configuration {name}: ");
        assert!(errors[0].message.starts_with(&expected), "{errors:?}");
    }
}

#[test]
fn every_key_may_be_set_to_its_default() {
    let defaults = keys::broker().filter_map(|key| Some((key.name, key.default.text()?)));
    // these two mean the same as another key that has no default
    let pairs: Vec<_> = defaults.filter(|(name, _)| !["broker.id", "log.dir"].contains(name)).collect();
    let (_, warnings) = load(&pairs).unwrap();
    assert_eq!(warnings, []);
}

#[test]
fn a_node_without_configs_gets_moldau_s_own() {
    let (settings, _) = load(&[]).unwrap();
    let set = settings.static_configs();
    assert_eq!((set["node.id"].as_str(), set["broker.id"].as_str()), ("1", "1"));
    assert_eq!(set["process.roles"], "broker,controller");
    assert_eq!(set["listeners"], "PLAINTEXT://127.0.0.1:9092");
    assert_eq!(set["log.dirs"], "./moldau-data");
    let (settings, _) = load(&[("broker.id", "5"), ("log.dir", "/d")]).unwrap();
    assert_eq!(settings.static_configs()["node.id"], "5");
    assert!(!settings.static_configs().contains_key("log.dirs"));
}
