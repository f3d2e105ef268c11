//! The macro that ties a struct's fields to Kafka's keys, and the settings that all clients share.

use std::time::Duration;

use super::{ConfigError, ConfigValue};

/// Declares a struct of settings: each field with its key, type and default; generates `Default`, `KEYS`, `set` and `get`.
///
/// A struct may nest another one as `common`, whose keys it then takes as well.
macro_rules! config_keys {
    (
        $(#[$meta:meta])*
        pub struct $name:ident $(: $common:ty)? {
            $( $(#[$doc:meta])* $key:literal => $field:ident: $type:ty = $default:expr; )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $name {
            $(
                /// What all clients share: addresses, timeouts, identity.
                pub common: $common,
            )?
            $( $(#[$doc])* #[doc = concat!("Kafka's `", $key, "`.")] pub $field: $type, )*
            /// The keys that were set by name: where a setting follows from others unless it was set, this decides.
            pub explicit: std::collections::BTreeSet<&'static str>,
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $( common: <$common>::default(), )?
                    $( $field: $default, )*
                    explicit: std::collections::BTreeSet::new(),
                }
            }
        }

        impl $name {
            /// The keys this client knows, without those that all clients share.
            pub const KEYS: &'static [&'static str] = &[$($key),*];

            /// All keys that [`Self::set`] takes.
            pub fn keys() -> Vec<&'static str> {
                let keys: Vec<&'static str> = Self::KEYS.to_vec();
                $( let keys = { let mut keys = keys; keys.extend(<$common>::keys()); keys }; )?
                keys
            }

            /// Sets one key from its text.
            pub fn set(&mut self, key: &str, value: &str) -> Result<&mut Self, $crate::config::ConfigError> {
                if self.set_known(key, value)? {
                    Ok(self)
                } else {
                    Err($crate::config::ConfigError::Unknown {
                        key: key.to_owned(),
                        nearest: $crate::config::nearest(key, Self::keys()),
                    })
                }
            }

            pub(crate) fn set_known(&mut self, key: &str, value: &str) -> Result<bool, $crate::config::ConfigError> {
                match key {
                    $( $key => {
                        self.$field = <$type as $crate::config::ConfigValue>::parse(value).map_err(|why| {
                            $crate::config::ConfigError::Invalid { key: key.to_owned(), value: value.to_owned(), why }
                        })?;
                        self.explicit.insert($key);
                        Ok(true)
                    } )*
                    _ => {
                        $( return <$common>::set_known(&mut self.common, key, value); )?
                        #[allow(unreachable_code)]
                        $crate::config::elsewhere::accept(key, value)
                    }
                }
            }

            /// The text of one key's value, `None` for a key that is not known.
            pub fn get(&self, key: &str) -> Option<String> {
                match key {
                    $( $key => Some($crate::config::ConfigValue::text(&self.$field)), )*
                    _ => {
                        $( return <$common>::get(&self.common, key); )?
                        #[allow(unreachable_code)]
                        None
                    }
                }
            }

            /// Settings from keys and their texts, over the defaults.
            pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
                pairs: impl IntoIterator<Item = (K, V)>,
            ) -> Result<Self, $crate::config::ConfigError> {
                let mut config = Self::default();
                for (key, value) in pairs {
                    config.set(key.as_ref(), value.as_ref())?;
                }
                Ok(config)
            }

            /// Settings from the text of a Java `.properties` file, over the defaults.
            pub fn from_properties(text: &str) -> Result<Self, $crate::config::ConfigError> {
                Self::from_pairs($crate::config::properties::parse(text)?)
            }

            /// Settings from a Java `.properties` file, over the defaults.
            pub fn from_properties_file(
                path: impl AsRef<std::path::Path>,
            ) -> Result<Self, $crate::config::ConfigError> {
                Self::from_properties(&$crate::config::properties::read(path.as_ref())?)
            }

            /// These settings with one more, for building them in one expression.
            pub fn with(mut self, key: &str, value: impl AsRef<str>) -> Result<Self, $crate::config::ConfigError> {
                self.set(key, value.as_ref())?;
                Ok(self)
            }
        }
    };
}
pub(crate) use config_keys;

config_keys! {
    /// The settings that the producer, the consumer and the admin client have in common.
    pub struct CommonConfig {
        /// Addresses (`host:port`) from which the cluster is found.
        "bootstrap.servers" => bootstrap_servers: Vec<String> = vec!["127.0.0.1:9092".to_owned()];
        /// The name under which this client appears in the broker's logs and quotas.
        "client.id" => client_id: String = "moldau-client".to_owned();
        /// The longest time for the answer to one request.
        "request.timeout.ms" => request_timeout: Duration = Duration::from_secs(30);
        /// The longest time for a call that may take several requests.
        "default.api.timeout.ms" => default_api_timeout: Duration = Duration::from_secs(60);
        /// The first pause before a failed request is made again; it doubles up to `retry.backoff.max.ms`.
        "retry.backoff.ms" => retry_backoff: Duration = Duration::from_millis(100);
        /// The longest pause before a failed request is made again.
        "retry.backoff.max.ms" => retry_backoff_max: Duration = Duration::from_secs(1);
        /// The first pause before a broker is connected to again; it doubles up to `reconnect.backoff.max.ms`.
        "reconnect.backoff.ms" => reconnect_backoff: Duration = Duration::from_millis(50);
        /// The longest pause before a broker is connected to again.
        "reconnect.backoff.max.ms" => reconnect_backoff_max: Duration = Duration::from_secs(1);
        /// The longest time for one connection to be made; it doubles with each failure in a row up to
        /// `socket.connection.setup.timeout.max.ms`.
        "socket.connection.setup.timeout.ms" => connection_setup_timeout: Duration = Duration::from_secs(10);
        /// The longest time for one connection to be made after failures.
        "socket.connection.setup.timeout.max.ms" => connection_setup_timeout_max: Duration = Duration::from_secs(30);
        /// The kernel's send buffer of a connection in bytes, −1 (not Kafka's default) for the kernel's own sizing.
        "send.buffer.bytes" => send_buffer: i32 = -1;
        /// The kernel's receive buffer of a connection in bytes, −1 (not Kafka's default) for the kernel's own sizing.
        "receive.buffer.bytes" => receive_buffer: i32 = -1;
        /// What is done when none of the known brokers can be reached.
        "metadata.recovery.strategy" => metadata_recovery: MetadataRecovery = MetadataRecovery::Rebootstrap;
        /// After this time without metadata the known brokers are forgotten, with `metadata.recovery.strategy=rebootstrap`.
        "metadata.recovery.rebootstrap.trigger.ms" => rebootstrap_trigger: Duration = Duration::from_secs(300);
        /// How many windows of time a rate is taken over.
        "metrics.num.samples" => metrics_samples: usize = 2;
        /// How long such a window is.
        "metrics.sample.window.ms" => metrics_window: Duration = Duration::from_secs(30);
        /// The age at which metadata is read again without a cause.
        "metadata.max.age.ms" => metadata_max_age: Duration = Duration::from_secs(300);
        /// The time after which an unused connection is closed; `None`, as text −1, is never.
        "connections.max.idle.ms" => connections_max_idle: Option<Duration> = Some(Duration::from_secs(540));
    }
}

/// What is done when none of the known brokers can be reached (KIP-899).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetadataRecovery {
    /// The cluster is found anew from `bootstrap.servers`.
    #[default]
    Rebootstrap,
    /// The known brokers are tried again and again.
    None,
}

impl ConfigValue for MetadataRecovery {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "rebootstrap" => Ok(Self::Rebootstrap),
            "none" => Ok(Self::None),
            _ => Err("must be rebootstrap or none".to_owned()),
        }
    }
    fn text(&self) -> String {
        match self {
            Self::Rebootstrap => "rebootstrap",
            Self::None => "none",
        }
        .to_owned()
    }
}

impl CommonConfig {
    /// Refuses values that can't work.
    pub fn validate(&self) -> Result<(), ConfigError> {
        for (key, least, value) in [
            ("send.buffer.bytes", -1, i64::from(self.send_buffer)),
            ("receive.buffer.bytes", -1, i64::from(self.receive_buffer)),
            ("metrics.num.samples", 1, self.metrics_samples as i64),
        ] {
            if value < least {
                let (key, value, why) =
                    (key.to_owned(), value.to_string(), format!("must be at least {least}"));
                return Err(ConfigError::Invalid { key, value, why });
            }
        }
        Ok(())
    }

    /// The time for a connection to be made, after so many failures in a row.
    pub(crate) fn setup_time(&self, failures: u32) -> Duration {
        let longest = self.connection_setup_timeout_max.max(self.connection_setup_timeout);
        self.connection_setup_timeout.saturating_mul(1u32 << failures.min(16)).min(longest)
    }

    /// The pause before attempt `attempt` (from 0) of a request, with a fifth of jitter.
    pub(crate) fn retry_pause(&self, attempt: u32) -> Duration {
        backoff(self.retry_backoff, self.retry_backoff_max, attempt)
    }

    /// The pause before connection attempt `attempt` (from 0) to a broker, with a fifth of jitter.
    pub(crate) fn reconnect_pause(&self, attempt: u32) -> Duration {
        backoff(self.reconnect_backoff, self.reconnect_backoff_max, attempt)
    }
}

fn backoff(first: Duration, longest: Duration, attempt: u32) -> Duration {
    let pause = first.saturating_mul(1u32 << attempt.min(16)).min(longest.max(first));
    pause.mul_f64(rand::random_range(0.8..1.2))
}
