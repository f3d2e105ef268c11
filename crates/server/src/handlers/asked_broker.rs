//! What the broker that is asked checks of changes of configs before the controller does: the form of the request, and whether this
//! broker could run with what is to be its own. A controller that is asked directly makes its own checks alone.

use std::collections::HashMap;

use moldau_config::alter::{self, AlterError, AlterOp, Alteration};
use moldau_metadata::ConfigResourceType;
use moldau_types::ErrorCode;

use crate::broker::Broker;

/// An error and its words.
pub(super) type Refused = (ErrorCode, String);

/// One key's change as the request has it.
pub(super) struct Change<'a> {
    pub(super) name: &'a str,
    /// The number of the operation.
    pub(super) op: i8,
    pub(super) value: Option<&'a str>,
}

/// Whether a resource is named once in the request.
pub(super) struct Named<'a>(HashMap<(i8, &'a str), usize>);

impl<'a> Named<'a> {
    pub(super) fn of(resources: impl Iterator<Item = (i8, &'a str)>) -> Self {
        let mut times = HashMap::new();
        resources.for_each(|resource| *times.entry(resource).or_insert(0) += 1);
        Named(times)
    }

    pub(super) fn once(&self, code: i8, name: &str) -> Result<(), Refused> {
        match self.0.get(&(code, name)) {
            Some(2..) => Err(refused("Each resource must appear at most once.")),
            _ => Ok(()),
        }
    }
}

/// Checks a resource. `replaces` is whether the changes are all that it is to have (AlterConfigs).
pub(super) fn check(
    broker: &Broker,
    code: i8,
    name: &str,
    changes: &[Change<'_>],
    replaces: bool,
) -> Result<(), Refused> {
    check_form(changes)?;
    match ConfigResourceType::from_code(code) {
        Some(ConfigResourceType::Broker) => {
            if !name.is_empty() {
                own_id(broker, name)?;
            }
            check_own(broker, name.is_empty(), changes, replaces)
        }
        Some(ConfigResourceType::BrokerLogger) if !replaces => own_id(broker, name),
        Some(ConfigResourceType::Topic | ConfigResourceType::Group | ConfigResourceType::ClientMetrics) => {
            Ok(())
        }
        Some(ConfigResourceType::BrokerLogger) | None => {
            Err(refused(format!("Unknown resource type {code}")))
        }
    }
}

fn refused(message: impl Into<String>) -> Refused {
    (ErrorCode::InvalidRequest, message.into())
}

fn check_form(changes: &[Change<'_>]) -> Result<(), Refused> {
    let mut names = std::collections::HashSet::new();
    if !changes.iter().all(|change| names.insert(change.name)) {
        return Err(refused("Error due to duplicate config keys"));
    }
    let lacks_value = |change: &&Change<'_>| change.value.is_none() && change.op != AlterOp::Delete as i8;
    let names: Vec<&str> = changes.iter().filter(lacks_value).map(|change| change.name).collect();
    match names.is_empty() {
        true => Ok(()),
        false => Err(refused(format!("Null value not supported for : {}", names.join(", ")))),
    }
}

/// A broker knows its own configs only.
fn own_id(broker: &Broker, name: &str) -> Result<(), Refused> {
    let node = broker.node_id();
    match name.parse::<i32>() {
        Ok(id) if id == node.0 => Ok(()),
        Ok(_) => Err(refused(format!("Unexpected broker id, expected {node}, but received {name}"))),
        Err(_) => Err(refused(format!("Node id must be an integer, but it is: {name}"))),
    }
}

fn check_own(broker: &Broker, for_all: bool, changes: &[Change<'_>], replaces: bool) -> Result<(), Refused> {
    let configs = broker.configs.load();
    let settings = &configs.settings;
    let ops = if replaces {
        let current = if for_all { settings.cluster_configs() } else { settings.broker_configs() };
        let wanted: Vec<_> =
            changes.iter().map(|change| (change.name.to_owned(), change.value.map(str::to_owned))).collect();
        alter::replacing(current, &wanted)
    } else {
        changes.iter().map(alteration).collect::<Result<_, _>>()?
    };
    // What belongs to the cluster's features is the controller's to say.
    match alter::alter_broker(settings, for_all, &ops, false) {
        Ok(_) => Ok(()),
        Err(AlterError::InvalidConfig(message)) => Err((ErrorCode::InvalidConfig, message)),
        Err(AlterError::InvalidRequest(message)) => Err(refused(message)),
    }
}

fn alteration(change: &Change<'_>) -> Result<Alteration, Refused> {
    let op = AlterOp::from_code(change.op)
        .ok_or_else(|| refused(format!("Unknown operations type {}", change.op)))?;
    Ok(Alteration { name: change.name.to_owned(), op, value: change.value.map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_that_is_named_twice_is_refused_each_time() {
        let named = Named::of([(2, "a"), (2, "b"), (2, "a"), (4, "b")].into_iter());
        let words = "Each resource must appear at most once.".to_owned();
        assert_eq!(named.once(2, "a"), Err((ErrorCode::InvalidRequest, words)));
        assert_eq!(named.once(2, "b"), Ok(()));
    }

    #[test]
    fn only_a_deletion_can_do_without_a_value() {
        let change = |name, op, value| Change { name, op, value };
        assert_eq!(check_form(&[change("a", 1, None), change("b", 0, Some("x"))]), Ok(()));
        let words = "Null value not supported for : b, c".to_owned();
        let asked = [change("a", 0, Some("")), change("b", 0, None), change("c", 2, None)];
        assert_eq!(check_form(&asked), Err((ErrorCode::InvalidRequest, words)));
        let twice = [change("a", 0, Some("1")), change("a", 1, None)];
        assert!(check_form(&twice).is_err_and(|(_, words)| words.contains("duplicate")));
    }
}
