//! Addresses in configs: `host:port`, and listeners as `NAME://host:port`.
//!
//! What always holds: an IPv6 host is kept without its brackets and written with them; a listener's name is in
//! upper case. Whether a listener makes sense on this node is decided where the broker's config is put together.

use std::fmt;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// Name or address; an IPv6 address without brackets; empty is every interface.
    pub host: String,
    /// Port; 0 is any free one.
    pub port: u16,
}

impl HostPort {
    /// Reads `host:port` or `[ipv6]:port`.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']')?,
            None => host,
        };
        let known = |c: char| c.is_ascii_alphanumeric() || "-._:%".contains(c);
        if !host.chars().all(known) || port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some(Self { host: host.to_owned(), port: port.parse().ok()? })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A listener's name and its address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Name of the listener.
    pub name: String,
    /// Where it listens, or is to be reached.
    pub address: HostPort,
}

impl Endpoint {
    /// Reads `NAME://host:port`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, address) = text.split_once("://")?;
        let name = name.trim().to_uppercase();
        let named = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
        if !named {
            return None;
        }
        Some(Self { name, address: HostPort::parse(address.trim())? })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.name, self.address)
    }
}

#[cfg(test)]
mod tests;
