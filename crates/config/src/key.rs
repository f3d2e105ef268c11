//! What is known of one configuration key, and the small vocabulary in which the tables of [`crate::keys`] are written.
//!
//! A key says everything about itself once: docs, DescribeConfigs, validation and start-up warnings all come from it.

use crate::validator::Validator;

/// The type of a key's value, as DescribeConfigs names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// `true` or `false`.
    Boolean,
    /// Text.
    String,
    /// 32-bit number.
    Int,
    /// 16-bit number.
    Short,
    /// 64-bit number.
    Long,
    /// Floating point number.
    Double,
    /// Texts separated by commas.
    List,
    /// Name of a Java class.
    Class,
    /// Text that is never shown.
    Password,
}

impl ValueType {
    /// Kafka's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Int => "INT",
            Self::Short => "SHORT",
            Self::Long => "LONG",
            Self::Double => "DOUBLE",
            Self::List => "LIST",
            Self::Class => "CLASS",
            Self::Password => "PASSWORD",
        }
    }

    /// Its number in a DescribeConfigs answer.
    pub const fn code(self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::String => 2,
            Self::Int => 3,
            Self::Short => 4,
            Self::Long => 5,
            Self::Double => 6,
            Self::List => 7,
            Self::Class => 8,
            Self::Password => 9,
        }
    }
}

/// The value of a key that is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultValue {
    /// There is none, in Kafka the key must be set. (Moldau sets it itself where it can.)
    Required,
    /// Null.
    Null,
    /// This, in the form in which it would be set.
    Is(&'static str),
}

impl DefaultValue {
    /// The text, where there is one.
    pub const fn text(self) -> Option<&'static str> {
        match self {
            Self::Is(text) => Some(text),
            Self::Null | Self::Required => None,
        }
    }
}

/// How much a key matters to most users, as Kafka ranks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importance {
    /// Most users should know it.
    High,
    /// Some will want it.
    Medium,
    /// Few will.
    Low,
}

impl Importance {
    /// Kafka's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::High => "HIGH",
            Self::Medium => "MEDIUM",
            Self::Low => "LOW",
        }
    }
}

/// How a broker key may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateMode {
    /// By a restart only.
    ReadOnly,
    /// While the broker runs, for one broker.
    PerBroker,
    /// While brokers run, for one or for all.
    ClusterWide,
}

impl UpdateMode {
    /// Kafka's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::PerBroker => "per-broker",
            Self::ClusterWide => "cluster-wide",
        }
    }
}

/// What Moldau does with a key that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It works as in Kafka.
    Effective,
    /// It is accepted and shown and has no use here, for this reason.
    Inert(&'static str),
    /// A value other than the default is refused, for this reason.
    Refused(&'static str),
}

/// One configuration key.
#[derive(Clone, Debug)]
pub struct Key {
    /// Kafka's name.
    pub name: &'static str,
    /// Type of its value.
    pub value_type: ValueType,
    /// Value where it is not set.
    pub default: DefaultValue,
    /// Which values it may have.
    pub validator: Validator,
    /// How much it matters.
    pub importance: Importance,
    /// Kept out of DescribeConfigs and docs; mostly for tests.
    pub internal: bool,
    /// How it may change.
    pub update: UpdateMode,
    /// For a broker key: the keys that mean the same in other units, itself among them, in order of precedence
    /// (empty where it is alone). For a topic or group key: the broker keys it falls back to.
    pub synonyms: &'static [&'static str],
    /// What Moldau does with it.
    pub disposition: Disposition,
    /// What it is for, in a sentence.
    pub doc: &'static str,
}

impl Key {
    /// Whether its value must never be shown.
    pub const fn is_sensitive(&self) -> bool {
        matches!(self.value_type, ValueType::Password)
    }

    /// Whether a broker can change it while it runs.
    pub const fn is_dynamic(&self) -> bool {
        !matches!(self.update, UpdateMode::ReadOnly)
    }
}

pub(crate) use DefaultValue::{Is, Null, Required};

const fn key(name: &'static str, value_type: ValueType, default: DefaultValue) -> Key {
    Key {
        name,
        value_type,
        default,
        validator: Validator::Any,
        importance: Importance::Medium,
        internal: false,
        update: UpdateMode::ReadOnly,
        synonyms: &[],
        disposition: Disposition::Effective,
        doc: "",
    }
}

pub(crate) const fn boolean(name: &'static str, default: DefaultValue) -> Key {
    key(name, ValueType::Boolean, default)
}

pub(crate) const fn string(name: &'static str, default: DefaultValue) -> Key {
    key(name, ValueType::String, default)
}

pub(crate) const fn int(name: &'static str, default: DefaultValue) -> Key {
    key(name, ValueType::Int, default)
}

pub(crate) const fn short(name: &'static str, default: DefaultValue) -> Key {
    key(name, ValueType::Short, default)
}

pub(crate) const fn long(name: &'static str, default: DefaultValue) -> Key {
    key(name, ValueType::Long, default)
}

pub(crate) const fn double(name: &'static str, default: DefaultValue) -> Key {
    key(name, ValueType::Double, default)
}

pub(crate) const fn list(name: &'static str, default: DefaultValue) -> Key {
    key(name, ValueType::List, default)
}

pub(crate) const fn class(name: &'static str, default: DefaultValue) -> Key {
    key(name, ValueType::Class, default)
}

pub(crate) const fn password(name: &'static str, default: DefaultValue) -> Key {
    key(name, ValueType::Password, default)
}

/// The rest of a row of a table; each ends with what Moldau does with the key and its doc.
impl Key {
    pub(crate) const fn at_least(self, min: i64) -> Self {
        self.valid(Validator::AtLeast(min))
    }

    pub(crate) const fn between(self, min: f64, max: f64) -> Self {
        self.valid(Validator::Between(min, max))
    }

    pub(crate) const fn one_of(self, texts: &'static [&'static str]) -> Self {
        self.valid(Validator::OneOf(texts))
    }

    pub(crate) const fn valid(mut self, validator: Validator) -> Self {
        self.validator = validator;
        self
    }

    pub(crate) const fn high(mut self) -> Self {
        self.importance = Importance::High;
        self
    }

    pub(crate) const fn low(mut self) -> Self {
        self.importance = Importance::Low;
        self
    }

    pub(crate) const fn internal(mut self) -> Self {
        self.internal = true;
        self
    }

    pub(crate) const fn per_broker(mut self) -> Self {
        self.update = UpdateMode::PerBroker;
        self
    }

    pub(crate) const fn cluster_wide(mut self) -> Self {
        self.update = UpdateMode::ClusterWide;
        self
    }

    pub(crate) const fn synonyms(mut self, names: &'static [&'static str]) -> Self {
        self.synonyms = names;
        self
    }

    pub(crate) const fn effective(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    pub(crate) const fn inert(mut self, reason: &'static str, doc: &'static str) -> Self {
        self.disposition = Disposition::Inert(reason);
        self.doc = doc;
        self
    }

    pub(crate) const fn refused(mut self, reason: &'static str, doc: &'static str) -> Self {
        self.disposition = Disposition::Refused(reason);
        self.doc = doc;
        self
    }
}
