//! How many connections a node takes, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;

use moldau_config::broker::NetworkConfig;

/// Limits on open connections (`max.connections`, `max.connections.per.ip`, `max.connections.per.ip.overrides`).
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// Connections of the whole node.
    pub max: usize,
    /// Connections from one address.
    pub max_per_ip: usize,
    /// Addresses with a limit of their own.
    pub max_per_ip_overrides: HashMap<IpAddr, usize>,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        ConnectionLimits { max: usize::MAX, max_per_ip: usize::MAX, max_per_ip_overrides: HashMap::new() }
    }
}

impl ConnectionLimits {
    /// The limits that the broker's configs set.
    pub(crate) fn of(network: &NetworkConfig) -> Self {
        let count = |value: i32| usize::try_from(value).unwrap_or(0);
        let overrides = network.max_connections_per_ip_overrides.iter();
        ConnectionLimits {
            max: count(network.max_connections),
            max_per_ip: count(network.max_connections_per_ip),
            max_per_ip_overrides: overrides
                .filter_map(|(host, limit)| Some((host.parse().ok()?, count(*limit))))
                .collect(),
        }
    }

    /// Why one more connection from `ip` is turned away, when `open` are open and `open_from_ip` of them come from it.
    pub(crate) fn refusal(&self, ip: IpAddr, open: usize, open_from_ip: usize) -> Option<String> {
        if open >= self.max {
            return Some(format!("{open} connections are open; max.connections allows {}", self.max));
        }
        let per_ip = self.max_per_ip_overrides.get(&ip).copied().unwrap_or(self.max_per_ip);
        (open_from_ip >= per_ip).then(|| {
            format!("{open_from_ip} connections from {ip} are open; max.connections.per.ip allows {per_ip}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_limit_of_its_own_is_held_to_it() {
        let special: IpAddr = [127, 0, 0, 2].into();
        let limits = ConnectionLimits { max: 10, max_per_ip: 5, max_per_ip_overrides: [(special, 0)].into() };
        assert!(limits.refusal(special, 0, 0).is_some());
        assert!(limits.refusal([127, 0, 0, 1].into(), 9, 4).is_none());
        assert!(limits.refusal([127, 0, 0, 1].into(), 9, 5).is_some());
        assert!(limits.refusal([127, 0, 0, 1].into(), 10, 0).is_some());
    }
}
