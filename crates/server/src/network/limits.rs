//! How many connections a node takes: in all, on one listener and from one address, and how fast.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use moldau_config::BrokerConfig;

use crate::blocking::unhurried;

/// Limits on open connections (`max.connections`, `max.connections.per.ip`, `max.connections.per.ip.overrides`) and on how
/// fast they may come (`max.connection.creation.rate`).
#[derive(Clone, Debug)]
pub(crate) struct ConnectionLimits {
    /// Of the whole node.
    pub(crate) all: Limit,
    /// Connections that the system's limit of open files leaves room for, beside the files of the logs.
    pub(crate) by_descriptors: usize,
    /// Connections from one address.
    pub(crate) max_per_ip: usize,
    /// Addresses with a limit of their own.
    pub(crate) max_per_ip_overrides: HashMap<IpAddr, usize>,
    /// The same as configured: host names and addresses.
    pub(crate) overrides: BTreeMap<String, i32>,
    /// Of single listeners.
    pub(crate) of_listeners: HashMap<String, Limit>,
}

/// A limit of the node or of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// Connections that are open at once.
    pub(crate) max: usize,
    /// New connections a second.
    pub(crate) rate: u32,
}

impl Limit {
    pub(crate) const NONE: Limit = Limit { max: usize::MAX, rate: u32::MAX };

    fn of(max: i32, rate: i32) -> Self {
        // 2147483647 is how the configs say that there is no limit.
        let rate = if rate == i32::MAX { u32::MAX } else { u32::try_from(rate).unwrap_or(0) };
        Limit { max: usize::try_from(max).unwrap_or(0), rate }
    }
}

/// What is open when one more connection comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenConnections {
    pub(crate) all: usize,
    pub(crate) from_ip: usize,
    pub(crate) of_listener: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        ConnectionLimits {
            all: Limit::NONE,
            by_descriptors: usize::MAX,
            max_per_ip: usize::MAX,
            max_per_ip_overrides: HashMap::new(),
            overrides: BTreeMap::new(),
            of_listeners: HashMap::new(),
        }
    }
}

impl ConnectionLimits {
    /// The limits that the broker's configs set. Host names in them are looked up now.
    pub(crate) fn of(config: &BrokerConfig) -> Self {
        ConnectionLimits::default().changed(config)
    }

    /// The limits after a change of configs. Host names that stay the same are not looked up again.
    pub(crate) fn changed(self, config: &BrokerConfig) -> Self {
        let network = &config.network;
        let count = |value: i32| usize::try_from(value).unwrap_or(0);
        let overrides = network.max_connections_per_ip_overrides.clone();
        let max_per_ip_overrides = if overrides == self.overrides {
            self.max_per_ip_overrides
        } else {
            let of_host = |(host, limit): (&String, &i32)| {
                let limit = count(*limit);
                addresses(host).into_iter().map(move |address| (address, limit))
            };
            unhurried(|| overrides.iter().flat_map(of_host).collect())
        };
        let listeners = config.listeners.all.iter();
        ConnectionLimits {
            all: Limit::of(network.max_connections, network.max_connection_creation_rate),
            by_descriptors: descriptors_for_connections(),
            max_per_ip: count(network.max_connections_per_ip),
            max_per_ip_overrides,
            overrides,
            of_listeners: listeners
                .map(|l| (l.name.clone(), Limit::of(l.max_connections, l.max_connection_creation_rate)))
                .collect(),
        }
    }

    /// The limit of a listener.
    pub(crate) fn of_listener(&self, name: &str) -> Limit {
        self.of_listeners.get(name).copied().unwrap_or(Limit::NONE)
    }

    /// What is in the way of one more connection from `ip`.
    pub(crate) fn refusal(&self, ip: IpAddr, listener: &str, open: OpenConnections) -> Option<Refusal> {
        if open.all >= self.all.max {
            let (open, allowed) = (open.all, self.all.max);
            return Some(Refusal::Full(format!(
                "{open} connections are open; max.connections allows {allowed}"
            )));
        }
        if open.all >= self.by_descriptors {
            return Some(Refusal::Full(format!(
                "{} connections are open, which is three quarters of the files that the system lets this process open \
                 (ulimit -n); the others are for the logs",
                open.all
            )));
        }
        let (of_listener, allowed) = (open.of_listener, self.of_listener(listener).max);
        if of_listener >= allowed {
            return Some(Refusal::Full(format!(
                "{of_listener} connections are open; its max.connections allows {allowed}"
            )));
        }
        let per_ip = self.max_per_ip_overrides.get(&ip).copied().unwrap_or(self.max_per_ip);
        (open.from_ip >= per_ip).then(|| {
            let open = open.from_ip;
            Refusal::OfAddress(format!(
                "{open} connections from {ip} are open; max.connections.per.ip allows {per_ip}"
            ))
        })
    }
}

/// What is in the way of one more connection, and the numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The node or the listener has as many as it may: the new one waits until another ends.
    Full(String),
    /// Its address has as many as it may: the new one is closed.
    OfAddress(String),
}

/// Three quarters of the files that may be open: with the last one gone to a connection, no segment could be opened.
fn descriptors_for_connections() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).map_or(usize::MAX, |limit| limit - limit / 4)
}

/// The address that a text is, or those of the host that it names.
fn addresses(host: &str) -> Vec<IpAddr> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return vec![address.to_canonical()];
    }
    match (host, 0).to_socket_addrs() {
        Ok(found) => found.map(|address| address.ip().to_canonical()).collect(),
        Err(error) => {
            tracing::warn!(host, %error, "max.connections.per.ip.overrides: the host name is not known here");
            Vec::new()
        }
    }
}

/// Spreads what comes faster than so many times a second; a second's worth may come at once.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// When what has been let through would have come at the allowed rate.
    due: Option<Instant>,
}

impl Pace {
    /// Takes note of one more and says how long it has to wait.
    pub(crate) fn wait(&mut self, rate: u32, now: Instant) -> Duration {
        if rate == u32::MAX {
            return Duration::ZERO;
        }
        let due = self.due.map_or(now, |due| due.max(now)) + Duration::from_secs(1) / rate.max(1);
        self.due = Some(due);
        due.saturating_duration_since(now).saturating_sub(Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_or_a_listener_with_a_limit_of_its_own_is_held_to_it() {
        let special: IpAddr = [127, 0, 0, 2].into();
        let home: IpAddr = [127, 0, 0, 1].into();
        let limits = ConnectionLimits {
            all: Limit { max: 10, ..Limit::NONE },
            max_per_ip: 5,
            max_per_ip_overrides: [(special, 0)].into(),
            of_listeners: [("SMALL".to_owned(), Limit { max: 2, ..Limit::NONE })].into(),
            ..ConnectionLimits::default()
        };
        let few_files = ConnectionLimits { by_descriptors: 9, ..ConnectionLimits::default() };
        let open = OpenConnections { all: 9, from_ip: 9, of_listener: 9 };
        assert!(matches!(few_files.refusal(home, "LARGE", open), Some(Refusal::Full(_))));
        let refusal = |ip, listener, all, from_ip, of_listener| {
            limits.refusal(ip, listener, OpenConnections { all, from_ip, of_listener })
        };
        assert!(matches!(refusal(special, "LARGE", 0, 0, 0), Some(Refusal::OfAddress(_))));
        assert_eq!(refusal(home, "LARGE", 9, 4, 9), None);
        assert!(matches!(refusal(home, "LARGE", 9, 5, 9), Some(Refusal::OfAddress(_))));
        assert!(matches!(refusal(home, "LARGE", 10, 0, 9), Some(Refusal::Full(_))));
        assert_eq!(refusal(home, "SMALL", 9, 4, 1), None);
        assert!(matches!(refusal(home, "SMALL", 9, 4, 2), Some(Refusal::Full(_))));
    }

    #[test]
    fn a_host_name_with_a_limit_of_its_own_was_left_out() {
        assert!(addresses("localhost").contains(&[127, 0, 0, 1].into()));
        assert_eq!(addresses("::ffff:10.0.0.1"), [IpAddr::from([10, 0, 0, 1])]);
        assert!(addresses("no such host").is_empty());
    }

    #[test]
    fn what_comes_too_fast_waits_for_its_turn() {
        let now = Instant::now();
        let mut pace = Pace::default();
        for _ in 0..10 {
            assert_eq!(pace.wait(10, now), Duration::ZERO);
        }
        assert_eq!(pace.wait(10, now), Duration::from_millis(100));
        assert_eq!(pace.wait(10, now), Duration::from_millis(200));
        assert_eq!(pace.wait(10, now + Duration::from_secs(9)), Duration::ZERO);
        assert_eq!(Pace::default().wait(u32::MAX, now), Duration::ZERO);
        assert_eq!(Pace::default().wait(0, now), Duration::ZERO, "never for ever");
    }
}
