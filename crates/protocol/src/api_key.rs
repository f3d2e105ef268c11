//! The API keys: each API's versions, header versions and listeners.
//!
//! One table says it all; a test compares it with the schemas. An API that was removed keeps its number.

use std::fmt;

/// The lowest and the highest of a run of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VersionRange {
    /// The lowest version.
    pub min: i16,
    /// The highest version.
    pub max: i16,
}

impl VersionRange {
    /// Whether `version` is in the range.
    pub const fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }
}

/// The kinds of listeners that an API is served on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Listeners {
    /// The brokers' listeners.
    pub broker: bool,
    /// The controllers' listeners.
    pub controller: bool,
}

const NOWHERE: Listeners = Listeners { broker: false, controller: false };
const BROKER: Listeners = Listeners { broker: true, controller: false };
const CONTROLLER: Listeners = Listeners { broker: false, controller: true };
const BOTH: Listeners = Listeners { broker: true, controller: true };

struct Api {
    name: &'static str,
    versions: Option<VersionRange>,
    first_flexible: Option<i16>,
    listeners: Listeners,
    cluster_action: bool,
    forwarded: bool,
    unstable: bool,
}

impl Api {
    const fn removed(name: &'static str) -> Api {
        Api {
            name,
            versions: None,
            first_flexible: None,
            listeners: NOWHERE,
            cluster_action: false,
            forwarded: false,
            unstable: false,
        }
    }

    const fn cluster_action(self) -> Api {
        Api { cluster_action: true, ..self }
    }

    const fn forwarded(self) -> Api {
        Api { forwarded: true, ..self }
    }

    const fn unstable(self) -> Api {
        Api { unstable: true, ..self }
    }
}

macro_rules! first_flexible {
    (none) => {
        None
    };
    ($version:literal) => {
        Some($version)
    };
}

macro_rules! api {
    ($name:ident removed $($mark:ident)*) => {
        Api::removed(stringify!($name))$(.$mark())*
    };
    ($name:ident $min:literal $max:literal flexible $flexible:tt $listeners:ident $($mark:ident)*) => {
        Api {
            versions: Some(VersionRange { min: $min, max: $max }),
            first_flexible: first_flexible!($flexible),
            listeners: $listeners,
            ..Api::removed(stringify!($name))
        }$(.$mark())*
    };
}

macro_rules! api_keys {
    ($($code:literal $name:ident ($($rest:tt)*),)*) => {
        /// The number that names an API in a request's header.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(i16)]
        #[non_exhaustive]
        pub enum ApiKey {
            $(
                #[doc = concat!("API ", stringify!($code), ".")]
                $name = $code,
            )*
        }

        impl ApiKey {
            /// Every API, ascending by number.
            pub const ALL: &'static [ApiKey] = &[$(ApiKey::$name,)*];
        }

        static APIS: &[Api] = &[$(api!($name $($rest)*),)*];
    };
}

// number name (lowest highest flexible FIRST listeners marks). `cluster_action`: a broker asks for it, which needs the
// cluster's ClusterAction permission. `forwarded`: a broker hands it to the controller. `unstable`: the highest
// version is not advertised.
api_keys! {
    0 Produce (3 13 flexible 9 BROKER),
    1 Fetch (4 18 flexible 12 BOTH),
    2 ListOffsets (1 11 flexible 6 BROKER),
    3 Metadata (0 13 flexible 9 BROKER),
    4 LeaderAndIsr (removed cluster_action),
    5 StopReplica (removed cluster_action),
    6 UpdateMetadata (removed cluster_action),
    7 ControlledShutdown (removed cluster_action),
    8 OffsetCommit (2 10 flexible 8 BROKER),
    9 OffsetFetch (1 10 flexible 6 BROKER),
    10 FindCoordinator (0 6 flexible 3 BROKER),
    11 JoinGroup (0 9 flexible 6 BROKER),
    12 Heartbeat (0 4 flexible 4 BROKER),
    13 LeaveGroup (0 5 flexible 4 BROKER),
    14 SyncGroup (0 5 flexible 4 BROKER),
    15 DescribeGroups (0 6 flexible 5 BROKER),
    16 ListGroups (0 5 flexible 3 BROKER),
    17 SaslHandshake (0 1 flexible none BOTH),
    18 ApiVersions (0 4 flexible 3 BOTH),
    19 CreateTopics (2 7 flexible 5 BOTH forwarded),
    20 DeleteTopics (1 6 flexible 4 BOTH forwarded),
    21 DeleteRecords (0 2 flexible 2 BROKER),
    22 InitProducerId (0 6 flexible 2 BROKER unstable),
    23 OffsetForLeaderEpoch (2 4 flexible 4 BROKER),
    24 AddPartitionsToTxn (0 5 flexible 3 BROKER),
    25 AddOffsetsToTxn (0 4 flexible 3 BROKER),
    26 EndTxn (0 5 flexible 3 BROKER),
    27 WriteTxnMarkers (1 2 flexible 1 BROKER cluster_action),
    28 TxnOffsetCommit (0 5 flexible 3 BROKER),
    29 DescribeAcls (1 3 flexible 2 BOTH),
    30 CreateAcls (1 3 flexible 2 BOTH forwarded),
    31 DeleteAcls (1 3 flexible 2 BOTH forwarded),
    32 DescribeConfigs (1 4 flexible 4 BOTH),
    33 AlterConfigs (0 2 flexible 2 BOTH forwarded),
    34 AlterReplicaLogDirs (1 2 flexible 2 BROKER),
    35 DescribeLogDirs (1 5 flexible 2 BROKER),
    36 SaslAuthenticate (0 2 flexible 2 BOTH),
    37 CreatePartitions (0 3 flexible 2 BOTH forwarded),
    38 CreateDelegationToken (1 3 flexible 2 BOTH forwarded),
    39 RenewDelegationToken (1 2 flexible 2 BOTH forwarded),
    40 ExpireDelegationToken (1 2 flexible 2 BOTH forwarded),
    41 DescribeDelegationToken (1 3 flexible 2 BOTH),
    42 DeleteGroups (0 2 flexible 2 BROKER),
    43 ElectLeaders (0 2 flexible 2 BOTH forwarded),
    44 IncrementalAlterConfigs (0 1 flexible 1 BOTH forwarded),
    45 AlterPartitionReassignments (0 1 flexible 0 BOTH forwarded),
    46 ListPartitionReassignments (0 0 flexible 0 BOTH forwarded),
    47 OffsetDelete (0 0 flexible none BROKER),
    48 DescribeClientQuotas (0 1 flexible 1 BROKER),
    49 AlterClientQuotas (0 1 flexible 1 BOTH forwarded),
    50 DescribeUserScramCredentials (0 0 flexible 0 BOTH),
    51 AlterUserScramCredentials (0 0 flexible 0 BOTH forwarded),
    52 Vote (0 2 flexible 0 CONTROLLER cluster_action),
    53 BeginQuorumEpoch (0 1 flexible 1 CONTROLLER cluster_action),
    54 EndQuorumEpoch (0 1 flexible 1 CONTROLLER cluster_action),
    55 DescribeQuorum (0 2 flexible 0 BOTH cluster_action forwarded),
    56 AlterPartition (2 3 flexible 2 CONTROLLER cluster_action),
    57 UpdateFeatures (0 2 flexible 0 BOTH cluster_action forwarded),
    58 Envelope (0 0 flexible 0 CONTROLLER cluster_action),
    59 FetchSnapshot (0 1 flexible 0 CONTROLLER),
    60 DescribeCluster (0 2 flexible 0 BOTH),
    61 DescribeProducers (0 0 flexible 0 BROKER),
    62 BrokerRegistration (0 4 flexible 0 CONTROLLER cluster_action),
    63 BrokerHeartbeat (0 2 flexible 0 CONTROLLER cluster_action),
    64 UnregisterBroker (0 0 flexible 0 BOTH forwarded),
    65 DescribeTransactions (0 0 flexible 0 BROKER),
    66 ListTransactions (0 2 flexible 0 BROKER),
    67 AllocateProducerIds (0 0 flexible 0 CONTROLLER cluster_action forwarded),
    68 ConsumerGroupHeartbeat (0 1 flexible 0 BROKER),
    69 ConsumerGroupDescribe (0 1 flexible 0 BROKER),
    70 ControllerRegistration (0 0 flexible 0 CONTROLLER),
    71 GetTelemetrySubscriptions (0 0 flexible 0 BROKER),
    72 PushTelemetry (0 0 flexible 0 BROKER),
    73 AssignReplicasToDirs (0 0 flexible 0 CONTROLLER),
    74 ListConfigResources (0 1 flexible 0 BROKER),
    75 DescribeTopicPartitions (0 0 flexible 0 BROKER),
    76 ShareGroupHeartbeat (1 1 flexible 1 BROKER),
    77 ShareGroupDescribe (1 1 flexible 1 BROKER),
    78 ShareFetch (1 2 flexible 1 BROKER),
    79 ShareAcknowledge (1 2 flexible 1 BROKER),
    80 AddRaftVoter (0 1 flexible 0 BOTH forwarded),
    81 RemoveRaftVoter (0 0 flexible 0 BOTH forwarded),
    82 UpdateRaftVoter (0 0 flexible 0 CONTROLLER),
    83 InitializeShareGroupState (0 0 flexible 0 BROKER cluster_action),
    84 ReadShareGroupState (0 0 flexible 0 BROKER cluster_action),
    85 WriteShareGroupState (0 1 flexible 0 BROKER cluster_action),
    86 DeleteShareGroupState (0 0 flexible 0 BROKER cluster_action),
    87 ReadShareGroupStateSummary (0 1 flexible 0 BROKER cluster_action),
    88 StreamsGroupHeartbeat (0 0 flexible 0 BROKER),
    89 StreamsGroupDescribe (0 0 flexible 0 BROKER),
    90 DescribeShareGroupOffsets (0 1 flexible 0 BROKER),
    91 AlterShareGroupOffsets (0 0 flexible 0 BROKER),
    92 DeleteShareGroupOffsets (0 0 flexible 0 BROKER),
}

impl ApiKey {
    /// The API of this number.
    pub fn from_i16(code: i16) -> Option<ApiKey> {
        ApiKey::ALL.get(usize::try_from(code).ok()?).copied()
    }

    /// The API's number.
    pub const fn code(self) -> i16 {
        self as i16
    }

    fn api(self) -> &'static Api {
        &APIS[self as usize]
    }

    /// Kafka's name of the API, such as `Produce`.
    pub fn name(self) -> &'static str {
        self.api().name
    }

    /// The versions that are defined; `None` for an API that was removed.
    pub fn versions(self) -> Option<VersionRange> {
        self.api().versions
    }

    /// The versions that an ApiVersions response lists: Produce from 0, so that old librdkafka keeps compressing,
    /// and no unstable version.
    pub fn advertised_versions(self) -> Option<VersionRange> {
        let VersionRange { min, max } = self.versions()?;
        let min = if self == ApiKey::Produce { 0 } else { min };
        let max = if self.api().unstable { max - 1 } else { max };
        Some(VersionRange { min, max })
    }

    /// Whether this version of the API is defined.
    pub fn is_supported(self, version: i16) -> bool {
        self.versions().is_some_and(|v| v.contains(version))
    }

    /// Whether requests and responses of this version are flexible. Versions above the highest are taken to be.
    pub fn is_flexible(self, version: i16) -> bool {
        self.api().first_flexible.is_some_and(|first| version >= first)
    }

    /// The version of the request header before a request of this version.
    pub fn request_header_version(self, version: i16) -> i16 {
        if self.is_flexible(version) { 2 } else { 1 }
    }

    /// The version of the response header before a response of this version. ApiVersions always has 0: the client
    /// reads it before it knows what the server can do.
    pub fn response_header_version(self, version: i16) -> i16 {
        i16::from(self != ApiKey::ApiVersions && self.is_flexible(version))
    }

    /// Where the API is served.
    pub fn listeners(self) -> Listeners {
        self.api().listeners
    }

    /// Whether only brokers and controllers ask for it, under the ClusterAction permission.
    pub fn is_cluster_action(self) -> bool {
        self.api().cluster_action
    }

    /// Whether a broker hands the request to the controller.
    pub fn is_forwarded(self) -> bool {
        self.api().forwarded
    }

    /// Whether the highest version is still unstable, thus not advertised.
    pub fn is_latest_version_unstable(self) -> bool {
        self.api().unstable
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<ApiKey> for i16 {
    fn from(key: ApiKey) -> i16 {
        key.code()
    }
}
