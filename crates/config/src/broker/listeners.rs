//! The listeners of a node: names, addresses, security protocols, and who each is for.
//!
//! What always holds: names are unique; each listener has a known security protocol that is served; at least one
//! listener is for clients; the listener between brokers is one of those. An advertised host may be empty: the
//! server then puts in the host's name.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::fields::field;
use crate::error::InvalidConfig;
use crate::keys;
use crate::listener::{Endpoint, HostPort};
use crate::settings::Settings;

/// How a listener's connections are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityProtocol {
    /// Not at all.
    Plaintext,
}

/// One listener.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// Its name, in upper case.
    pub name: String,
    /// Where it listens.
    pub address: HostPort,
    /// Where it is to be reached; an empty host stands for this host's name, port 0 for the port that is listened on.
    pub advertised: HostPort,
    /// How its connections are protected.
    pub security_protocol: SecurityProtocol,
    /// Whether it is the controller's; clients are not told of it.
    pub is_controller: bool,
    /// `max.connections` of this listener, where it has one of its own.
    pub max_connections: i32,
    /// `max.connection.creation.rate` of this listener.
    pub max_connection_creation_rate: i32,
}

/// All listeners.
#[derive(Clone, Debug, PartialEq)]
pub struct Listeners {
    /// In the order of `listeners`.
    pub all: Vec<Listener>,
}

impl Listeners {
    /// The listeners for clients and brokers.
    pub fn for_brokers(&self) -> impl Iterator<Item = &Listener> {
        self.all.iter().filter(|listener| !listener.is_controller)
    }

    /// The listeners of the controller.
    pub fn for_controllers(&self) -> impl Iterator<Item = &Listener> {
        self.all.iter().filter(|listener| listener.is_controller)
    }

    pub(crate) fn of(settings: &Settings) -> Result<Self, Vec<InvalidConfig>> {
        let mut errors = Vec::new();
        let endpoints = endpoints(settings, "listeners", &mut errors);
        check_unique(&endpoints, &mut errors);
        let advertised = settings
            .is_set("advertised.listeners")
            .then(|| endpoints_by_name(settings, &endpoints, &mut errors));
        let controller_names: Vec<String> = match settings.is_set("controller.listener.names") {
            true => upper(field::<Vec<String>>(settings, "controller.listener.names")),
            false => Vec::new(),
        };
        check_controller(settings, &endpoints, &controller_names, &mut errors);
        let protocols = protocols(settings, &controller_names, &mut errors);
        let mut all = Vec::new();
        for endpoint in &endpoints {
            let is_controller = controller_names.contains(&endpoint.name);
            let reached = match &advertised {
                Some(by_name) => by_name.get(&endpoint.name).cloned(),
                None => Some(endpoint.address.clone()),
            };
            if let Err(error) = served(&protocols, &endpoint.name) {
                errors.push(error);
            }
            match reached {
                Some(address) if !is_controller && is_any(&address.host) => errors.push(InvalidConfig::new(format!(
                    "advertised.listeners cannot use the nonroutable meta-address {}. Use a routable IP address. \
                     (Listener {} has no other address in advertised.listeners.)",
                    address.host, endpoint.name
                ))),
                // a listener that is not advertised is still listened on, by its own address
                reached => all.push(listener(settings, endpoint, reached, is_controller)),
            }
        }
        check_inter_broker(settings, &all, &mut errors);
        if errors.is_empty() { Ok(Self { all }) } else { Err(errors) }
    }
}

fn listener(
    settings: &Settings,
    endpoint: &Endpoint,
    reached: Option<HostPort>,
    is_controller: bool,
) -> Listener {
    let number = |name: &str| {
        let key = keys::find_broker(name)?;
        settings.listener_value(&endpoint.name, key)?.as_number()?.try_into().ok()
    };
    Listener {
        name: endpoint.name.clone(),
        address: endpoint.address.clone(),
        advertised: reached.unwrap_or_else(|| endpoint.address.clone()),
        security_protocol: SecurityProtocol::Plaintext,
        is_controller,
        max_connections: number("max.connections").unwrap_or(i32::MAX),
        max_connection_creation_rate: number("max.connection.creation.rate").unwrap_or(i32::MAX),
    }
}

fn upper(names: Vec<String>) -> Vec<String> {
    names.into_iter().map(|name| name.to_uppercase()).collect()
}

fn is_any(host: &str) -> bool {
    host.parse() == Ok(Ipv4Addr::UNSPECIFIED) || host.parse() == Ok(Ipv6Addr::UNSPECIFIED)
}

fn endpoints(settings: &Settings, name: &str, errors: &mut Vec<InvalidConfig>) -> Vec<Endpoint> {
    let texts = field::<Option<Vec<String>>>(settings, name).unwrap_or_default();
    let mut endpoints = Vec::new();
    for text in texts {
        match Endpoint::parse(&text) {
            Some(endpoint) => endpoints.push(endpoint),
            None => errors.push(InvalidConfig::value(
                name,
                &text,
                "A listener is NAME://host:port, for instance PLAINTEXT://127.0.0.1:9092 or PLAINTEXT://[::1]:9092",
            )),
        }
    }
    endpoints
}

/// `advertised.listeners`, each of which must be listened on.
fn endpoints_by_name(
    settings: &Settings,
    listened: &[Endpoint],
    errors: &mut Vec<InvalidConfig>,
) -> BTreeMap<String, HostPort> {
    let mut by_name = BTreeMap::new();
    for endpoint in endpoints(settings, "advertised.listeners", errors) {
        if !listened.iter().any(|listener| listener.name == endpoint.name) {
            errors.push(InvalidConfig::new(format!(
                "advertised.listeners has {}, but no listener of that name is in listeners",
                endpoint.name
            )));
        }
        if by_name.insert(endpoint.name.clone(), endpoint.address).is_some() {
            errors.push(InvalidConfig::new(format!(
                "advertised.listeners has {} more than once",
                endpoint.name
            )));
        }
    }
    by_name
}

fn check_unique(endpoints: &[Endpoint], errors: &mut Vec<InvalidConfig>) {
    for (at, one) in endpoints.iter().enumerate() {
        for other in &endpoints[..at] {
            if one.name == other.name {
                errors
                    .push(InvalidConfig::new(format!("listeners has the name {} more than once", one.name)));
            } else if one.address.port == other.address.port
                && one.address.port != 0
                && !may_share_port(one, other)
            {
                errors.push(InvalidConfig::new(format!(
                    "listeners has port {} more than once, for {} and {}",
                    one.address.port, other.name, one.name
                )));
            }
        }
    }
}

/// Two different addresses may have the same port.
fn may_share_port(one: &Endpoint, other: &Endpoint) -> bool {
    let hosts = [one.address.host.as_str(), other.address.host.as_str()];
    hosts[0] != hosts[1] && hosts.iter().all(|host| !host.is_empty() && !is_any(host))
        || hosts.iter().filter(|host| host.contains(':')).count() == 1
            && hosts.iter().all(|host| !host.is_empty())
}

fn check_controller(
    settings: &Settings,
    listened: &[Endpoint],
    names: &[String],
    errors: &mut Vec<InvalidConfig>,
) {
    let roles: Vec<String> = field(settings, "process.roles");
    let is = |role: &str| roles.iter().any(|r| r == role);
    let of_controller = |endpoint: &&Endpoint| names.contains(&endpoint.name);
    if is("controller") && !names.is_empty() && listened.iter().find(of_controller).is_none() {
        errors.push(InvalidConfig::new(format!(
            "controller.listener.names must contain at least one value appearing in the 'listeners' configuration \
             when this node is a controller; none of {} is in listeners",
            names.join(",")
        )));
    }
    let has_voters = !field::<Vec<String>>(settings, "controller.quorum.voters").is_empty();
    if is("controller") && names.is_empty() && has_voters {
        errors.push(InvalidConfig::new(
            "controller.listener.names must be set when controller.quorum.voters is: it names the listener that the \
             other nodes reach this controller on",
        ));
    }
    if is("broker") && !listened.is_empty() && listened.iter().all(|endpoint| names.contains(&endpoint.name))
    {
        errors.push(InvalidConfig::new(
            "There must be at least one broker advertised listener. Perhaps all listeners appear in \
             controller.listener.names?",
        ));
    }
}

/// `listener.security.protocol.map` by name. Controller listeners are PLAINTEXT where the map is not set.
fn protocols(
    settings: &Settings,
    controller_names: &[String],
    errors: &mut Vec<InvalidConfig>,
) -> BTreeMap<String, String> {
    let name = "listener.security.protocol.map";
    let text: String = field(settings, name);
    let mut by_name = BTreeMap::new();
    for pair in crate::value::split_list(&text) {
        let parts = pair.rsplit_once(':').map(|(listener, protocol)| (listener.trim(), protocol.trim()));
        match parts {
            Some((listener, protocol)) if PROTOCOLS.contains(&protocol.to_uppercase().as_str()) => {
                if by_name.insert(listener.to_uppercase(), protocol.to_uppercase()).is_some() {
                    errors.push(InvalidConfig::value(
                        name,
                        &text,
                        &format!("{listener} is there more than once"),
                    ));
                }
            }
            _ => errors.push(InvalidConfig::value(
                name,
                &text,
                &format!("\"{pair}\" is not NAME:PROTOCOL with one of {}", PROTOCOLS.join(", ")),
            )),
        }
    }
    if !settings.is_set(name) {
        for controller in controller_names {
            by_name.entry(controller.clone()).or_insert_with(|| "PLAINTEXT".into());
        }
    }
    by_name
}

const PROTOCOLS: [&str; 4] = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];

fn served(protocols: &BTreeMap<String, String>, listener: &str) -> Result<(), InvalidConfig> {
    match protocols.get(listener).map(String::as_str) {
        Some("PLAINTEXT") => Ok(()),
        Some(protocol) => Err(InvalidConfig::new(format!(
            "Listener {listener} has the security protocol {protocol}, which is not there yet: its connections would \
             not be protected. Only PLAINTEXT is served"
        ))),
        None => Err(InvalidConfig::new(format!(
            "No security protocol defined for listener {listener}: add {listener}:PLAINTEXT to \
             listener.security.protocol.map"
        ))),
    }
}

/// Nothing connects to the listener between brokers yet; a name that Kafka would refuse is refused all the same.
fn check_inter_broker(settings: &Settings, all: &[Listener], errors: &mut Vec<InvalidConfig>) {
    let set = field::<Option<String>>(settings, "inter.broker.listener.name").map(|name| name.to_uppercase());
    if set.is_some() && settings.is_set("security.inter.broker.protocol") {
        errors.push(InvalidConfig::new(
            "Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.",
        ));
    }
    let name = set.unwrap_or_else(|| "PLAINTEXT".into());
    let names: Vec<&str> = all.iter().filter(|l| !l.is_controller).map(|l| l.name.as_str()).collect();
    // what is wrong with the listeners themselves comes first
    if errors.is_empty() && !names.is_empty() && !names.contains(&name.as_str()) {
        errors.push(InvalidConfig::new(format!(
            "inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid options \
             based on currently configured listeners are {}; it is {name}",
            names.join(",")
        )));
    }
}
