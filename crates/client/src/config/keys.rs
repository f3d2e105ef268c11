//! The macro that ties a struct's fields to Kafka's keys, and the settings that all clients share.

use std::time::Duration;

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
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $( common: <$common>::default(), )?
                    $( $field: $default, )*
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
                        Ok(true)
                    } )*
                    _ => {
                        $( return <$common>::set_known(&mut self.common, key, value); )?
                        #[allow(unreachable_code)]
                        Ok(false)
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
        /// The longest time for one connection to be made.
        "socket.connection.setup.timeout.ms" => connection_setup_timeout: Duration = Duration::from_secs(10);
        /// The age at which metadata is read again without a cause.
        "metadata.max.age.ms" => metadata_max_age: Duration = Duration::from_secs(300);
        /// The time after which an unused connection is closed.
        "connections.max.idle.ms" => connections_max_idle: Duration = Duration::from_secs(540);
    }
}

impl CommonConfig {
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
