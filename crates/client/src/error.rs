//! What can go wrong for a user of this crate, as one cloneable type.
//!
//! Always: an error says what was tried, where, and (where a person can act) what to do. [`ClientError`] is cheap to clone,
//! since one failed batch fails many deliveries. Whether to try again is asked by [`ClientError::is_retriable`], never guessed from text.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use moldau_protocol::ApiKey;
use moldau_types::ErrorCode;

use crate::config::ConfigError;

/// The result of a client operation.
pub type Result<T, E = ClientError> = std::result::Result<T, E>;

/// A failure of a client operation.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No connection could be made.
    #[error("{}", connect_message(address, error))]
    Connect {
        /// `host:port` that was tried.
        address: String,
        /// What the system said.
        error: Arc<io::Error>,
    },
    /// None of the known addresses could be reached.
    #[error("no broker can be reached: {}", join(errors))]
    NoBroker {
        /// One failure for each address tried.
        errors: Vec<ClientError>,
    },
    /// The connection ended before the answer came.
    #[error("{address} closed the connection{}", reason(error))]
    Disconnected {
        /// `host:port` of the peer.
        address: String,
        /// The I/O error, where it was one.
        error: Option<Arc<io::Error>>,
    },
    /// An operation took longer than its configured time.
    #[error("{what} took longer than {} ms ({setting})", after.as_millis())]
    TimedOut {
        /// What was waited for.
        what: String,
        /// The time that was allowed.
        after: Duration,
        /// The configuration key that holds this time.
        setting: &'static str,
    },
    /// The broker does not speak any version of the request that this client can use.
    #[error("{address} does not support {} in a version this client needs ({needed}); {hint}", api.name())]
    Unsupported {
        /// `host:port` of the broker.
        address: String,
        /// The request.
        api: ApiKey,
        /// The versions or the feature that was needed.
        needed: String,
        /// What the broker offers.
        hint: String,
    },
    /// What came from the broker can't be read.
    #[error("{address} sent {what} that can't be read: {why}")]
    Malformed {
        /// `host:port` of the broker.
        address: String,
        /// Which message or batch.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// A request can't be written in the version the broker speaks.
    #[error("{what} can't be written: {why}")]
    Unencodable {
        /// Which message.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// A key or value could not be made into bytes, or be read from them.
    #[error("{what} can't be converted: {why}")]
    Serialization {
        /// Which key or value.
        what: String,
        /// What the serializer or deserializer said.
        why: String,
    },
    /// The cluster answered with an error code.
    #[error("{what}: {}{}", code.name(), detail(message))]
    Server {
        /// What was asked, for example `topic flights`.
        what: String,
        /// The protocol's error code.
        code: ErrorCode,
        /// The broker's own words, where it sent some.
        message: Option<String>,
    },
    /// A new leader's log was cut before the position, and `auto.offset.reset=none` leaves what to do to the caller, who
    /// seeks to go on (KIP-320).
    #[error("{partition} was cut before offset {offset}, up to which it was read{}", cut_at(diverged_at))]
    LogTruncated {
        /// The partition.
        partition: String,
        /// The position.
        offset: i64,
        /// From where on the log has other records than those that were read; `None` where the leader does not know.
        diverged_at: Option<i64>,
    },
    /// There is no committed offset to begin at, and `auto.offset.reset=none` leaves it to the caller, who seeks to go on.
    #[error("there is no committed offset of {}, and auto.offset.reset=none; seek, or set earliest or latest", partitions.join(", "))]
    NoOffset {
        /// The partitions.
        partitions: Vec<String>,
    },
    /// The logs do not reach to the positions (any more), and `auto.offset.reset=none` leaves it to the caller, who seeks to
    /// go on.
    #[error(
        "out of range: {}; auto.offset.reset=none, so seek, or set earliest or latest",
        positions_of(partitions)
    )]
    OffsetOutOfRange {
        /// The partitions with their positions.
        partitions: Vec<(String, i64)>,
    },
    /// A consumer's membership in its group has ended, so that its partitions, and their offsets, are others' by now. The next
    /// poll joins again, or says once more why it can't.
    #[error("offsets of group {group} can't be committed: the membership has ended{}", because(why))]
    CommitFailed {
        /// The group.
        group: String,
        /// What ended the membership.
        why: String,
    },
    /// A setting is unknown or has a value that can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The caller asked for something that has no meaning, for example a negative partition.
    #[error("{0}")]
    Usage(String),
    /// Another task has woken the consumer up.
    #[error("the consumer was woken up")]
    Woken,
    /// The producer, consumer or client was closed.
    #[error("the {0} is closed")]
    Closed(&'static str),
}

fn connect_message(address: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            format!(
                "nothing listens on {address}; check the setting bootstrap.servers, and that a broker runs there"
            )
        }
        io::ErrorKind::NotFound => {
            let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
            format!("the host name {host} can't be looked up: {error}; check the setting bootstrap.servers")
        }
        io::ErrorKind::TimedOut => {
            format!("{address} did not accept a connection in time; check the address and the network")
        }
        _ => format!("can't connect to {address}: {error}"),
    }
}

fn join(errors: &[ClientError]) -> String {
    if errors.is_empty() {
        return "no address is known".to_owned();
    }
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn reason(error: &Option<Arc<io::Error>>) -> String {
    error.as_ref().map(|error| format!(": {error}")).unwrap_or_default()
}

fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(" ({why})") }
}

fn cut_at(diverged_at: &Option<i64>) -> String {
    diverged_at.map(|offset| format!(", and has other records from {offset} on")).unwrap_or_default()
}

fn positions_of(partitions: &[(String, i64)]) -> String {
    let position = |(partition, offset): &(String, i64)| format!("offset {offset} of {partition}");
    partitions.iter().map(position).collect::<Vec<_>>().join(", ")
}

fn detail(message: &Option<String>) -> String {
    match message.as_deref() {
        None | Some("") => String::new(),
        Some(text) => format!(" ({text})"),
    }
}

impl ClientError {
    /// An error code from the cluster, with what was asked.
    pub fn server(what: impl Into<String>, code: ErrorCode, message: Option<String>) -> Self {
        Self::Server { what: what.into(), code, message }
    }

    /// `Ok` for code 0, otherwise [`ClientError::Server`].
    pub(crate) fn check(code: i16, what: impl FnOnce() -> String, message: Option<String>) -> Result<()> {
        match ErrorCode::from_code(code) {
            ErrorCode::None => Ok(()),
            code => Err(Self::server(what(), code, message)),
        }
    }

    /// The protocol's error code, where the cluster answered with one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Server { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether the same call may succeed when it is made again.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::NoBroker { .. }
            | Self::Disconnected { .. }
            | Self::TimedOut { .. } => true,
            Self::Server { code, .. } => code.is_retriable(),
            _ => false,
        }
    }

    /// Whether this client can do nothing more: it was fenced, lacks a right that all its work needs, was closed, or the
    /// cluster does not speak what it needs.
    pub fn is_fatal(&self) -> bool {
        self.is_fenced()
            || matches!(self, Self::Closed(_) | Self::Unsupported { .. } | Self::Config(_))
            || matches!(
                self.code(),
                Some(
                    ErrorCode::ClusterAuthorizationFailed
                        | ErrorCode::TransactionalIdAuthorizationFailed
                        | ErrorCode::UnsupportedVersion
                        | ErrorCode::UnsupportedForMessageFormat
                )
            )
    }

    /// Whether the caller lacks a right.
    pub fn is_authorization(&self) -> bool {
        matches!(
            self.code(),
            Some(
                ErrorCode::TopicAuthorizationFailed
                    | ErrorCode::GroupAuthorizationFailed
                    | ErrorCode::ClusterAuthorizationFailed
                    | ErrorCode::TransactionalIdAuthorizationFailed
                    | ErrorCode::DelegationTokenAuthorizationFailed
            )
        )
    }

    /// Whether another producer or group member has taken this one's place.
    pub fn is_fenced(&self) -> bool {
        matches!(
            self.code(),
            Some(
                ErrorCode::ProducerFenced
                    | ErrorCode::InvalidProducerEpoch
                    | ErrorCode::FencedInstanceId
                    | ErrorCode::FencedMemberEpoch
            )
        )
    }

    /// Whether the connection itself failed, so that another broker may answer.
    pub fn is_connection(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. } | Self::NoBroker { .. } | Self::Disconnected { .. } | Self::TimedOut { .. }
        )
    }

    /// Whether the broker that was asked is not the right one (any more), so that metadata must be read again.
    pub fn needs_metadata(&self) -> bool {
        self.is_connection()
            || matches!(
                self.code(),
                Some(
                    ErrorCode::NotLeaderOrFollower
                        | ErrorCode::LeaderNotAvailable
                        | ErrorCode::UnknownTopicOrPartition
                        | ErrorCode::UnknownTopicId
                        | ErrorCode::FencedLeaderEpoch
                        | ErrorCode::UnknownLeaderEpoch
                        | ErrorCode::ReplicaNotAvailable
                        | ErrorCode::ListenerNotFound
                        | ErrorCode::KafkaStorageError
                        | ErrorCode::InconsistentTopicId
                        | ErrorCode::NotController
                        | ErrorCode::OffsetNotAvailable
                )
            )
    }
}
