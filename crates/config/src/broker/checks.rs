//! Checks of several keys against each other. Listeners are checked where they are put together.

use super::fields::field;
use super::parts::{log_dir_names, parse_connection_overrides};
use crate::error::InvalidConfig;
use crate::settings::Settings;
use crate::validator::parse_voter;

/// Everything that is wrong between keys whose values are right each by itself.
pub(super) fn check(settings: &Settings) -> Vec<InvalidConfig> {
    let mut errors = Vec::new();
    let mut require = |holds: bool, message: String| {
        if !holds {
            errors.push(InvalidConfig::new(message));
        }
    };
    node(settings, &mut require);
    network(settings, &mut require);
    log(settings, &mut require);
    offsets(settings, &mut require);
    for kind in ["consumer", "share", "streams"] {
        group_limits(settings, kind, &mut require);
    }
    errors
}

fn node(settings: &Settings, require: &mut impl FnMut(bool, String)) {
    let node_id: i32 = field(settings, "node.id");
    let broker_id: i32 = field(settings, "broker.id");
    require(
        node_id == broker_id || broker_id == -1,
        format!("node.id ({node_id}) and broker.id ({broker_id}) must be the same; node.id alone is enough"),
    );
    let roles: Vec<String> = field(settings, "process.roles");
    require(
        roles.len() == 2,
        format!(
            "process.roles is {}: a node that is only one of broker and controller needs others, and clusters of \
             more than one node are not there yet; leave it out or set broker,controller",
            roles.join(",")
        ),
    );
    let texts: Vec<String> = field(settings, "controller.quorum.voters");
    let ids: Vec<i32> = texts.iter().filter_map(|text| parse_voter(text)).map(|(id, _)| id).collect();
    require(
        ids.is_empty() || ids.contains(&node_id),
        format!(
            "If process.roles contains the 'controller' role, the node id {node_id} must be included in the set of \
             voters controller.quorum.voters={ids:?}"
        ),
    );
    require(
        ids.len() <= 1,
        format!(
            "controller.quorum.voters has {} controllers; a quorum of more than one is not there yet",
            ids.len()
        ),
    );
}

fn network(settings: &Settings, require: &mut impl FnMut(bool, String)) {
    let queued: i64 = field(settings, "queued.max.request.bytes");
    let largest: i32 = field(settings, "socket.request.max.bytes");
    require(
        queued <= 0 || queued >= largest.into(),
        format!(
            "queued.max.request.bytes ({queued}) must be larger or equal to socket.request.max.bytes ({largest})"
        ),
    );
    let overrides: String = field(settings, "max.connections.per.ip.overrides");
    require(
        parse_connection_overrides(&overrides).is_some(),
        format!(
            "Error parsing configuration property 'max.connections.per.ip.overrides': \"{overrides}\" is not \
             host:count, …"
        ),
    );
    let per_ip: i32 = field(settings, "max.connections.per.ip");
    require(
        per_ip > 0 || !overrides.is_empty(),
        "max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set."
            .into(),
    );
}

fn log(settings: &Settings, require: &mut impl FnMut(bool, String)) {
    let dirs = log_dir_names(settings);
    require(!dirs.is_empty(), "At least one log directory must be defined via log.dirs or log.dir.".into());
    let cordoned: Vec<String> = field(settings, "cordoned.log.dirs");
    let missing: Vec<&str> = cordoned
        .iter()
        .map(String::as_str)
        .filter(|dir| *dir != "*" && !dirs.iter().any(|known| known == dir))
        .collect();
    require(
        missing.is_empty(),
        format!(
            "All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : {}",
            missing.join(", ")
        ),
    );
    let at_least = |name: &str, min: i64| field::<Option<i64>>(settings, name).is_none_or(|ms| ms >= min);
    require(at_least("log.roll.ms", 1), "log.roll.ms must be greater than or equal to 1".into());
    require(
        at_least("log.roll.jitter.ms", 0),
        "log.roll.jitter.ms must be greater than or equal to 0".into(),
    );
    let retention = crate::topic::retention_ms(settings);
    require(
        retention != 0,
        "log.retention.ms (or the minutes or hours) must be unlimited (-1) or, greater than or equal to 1"
            .into(),
    );
    let threads: i32 = field(settings, "log.cleaner.threads");
    let buffer: i64 = field(settings, "log.cleaner.dedupe.buffer.size");
    require(
        threads == 0 || buffer / i64::from(threads) > 1024 * 1024,
        "log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.".into(),
    );
    let local: i64 = field(settings, "log.local.retention.ms");
    require(
        local <= 0 || retention < 0 || local <= retention,
        format!(
            "Invalid value {local} for configuration log.local.retention.ms: Value must not be more than \
             log.retention.ms property value: {retention}"
        ),
    );
}

fn offsets(settings: &Settings, require: &mut impl FnMut(bool, String)) {
    for name in ["offsets.topic.compression.codec", "share.coordinator.state.topic.compression.codec"] {
        let codec: i32 = field(settings, name);
        require(
            (0..=4).contains(&codec),
            format!(
                "Invalid value {codec} for configuration {name}: 0 is none, 1 gzip, 2 snappy, 3 lz4 and 4 zstd"
            ),
        );
    }
}

/// What a group kind sets must lie within its own limits, and a session must outlast a heartbeat.
fn group_limits(settings: &Settings, kind: &str, require: &mut impl FnMut(bool, String)) {
    let name = |limit: &str, what: &str| format!("group.{kind}.{limit}{what}");
    let value = |name: &str| field::<i32>(settings, name);
    for what in ["session.timeout.ms", "heartbeat.interval.ms", "assignment.interval.ms"] {
        let (min, own, max) = (name("min.", what), name("", what), name("max.", what));
        require(value(&max) >= value(&min), format!("{max} must be greater than or equal to {min}"));
        require(value(&own) >= value(&min), format!("{own} must be greater than or equal to {min}"));
        require(value(&own) <= value(&max), format!("{own} must be less than or equal to {max}"));
    }
    let (heartbeat, session) = (name("", "heartbeat.interval.ms"), name("", "session.timeout.ms"));
    require(value(&heartbeat) < value(&session), format!("{heartbeat} must be less than {session}"));
}
