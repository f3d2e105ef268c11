//! What a schema file says, as data.

use std::collections::HashMap;

/// A range of versions; an open end is `i16::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    pub min: i16,
    pub max: i16,
}

impl Versions {
    pub fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }

    pub fn intersects(self, other: Versions) -> bool {
        self.min <= other.max && other.min <= self.max
    }

    /// The condition on `version` that holds exactly in this range, for versions known to be in `within`.
    pub fn condition(self, within: Versions) -> Condition {
        if !self.intersects(within) {
            return Condition::Never;
        }
        match (self.min <= within.min, self.max >= within.max) {
            (true, true) => Condition::Always,
            (false, true) => Condition::If(format!("version >= {}", self.min)),
            (true, false) => Condition::If(format!("version <= {}", self.max)),
            (false, false) if self.min == self.max => Condition::If(format!("version == {}", self.min)),
            (false, false) => Condition::If(format!("({}..={}).contains(&version)", self.min, self.max)),
        }
    }
}

impl std::fmt::Display for Versions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Versions { min, max: i16::MAX } => write!(f, "{min}+"),
            Versions { min, max } if min == max => write!(f, "{min}"),
            Versions { min, max } => write!(f, "{min}-{max}"),
        }
    }
}

/// When something holds within a message's versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Always,
    Never,
    If(String),
}

impl Condition {
    /// As a Rust expression.
    pub fn expr(&self) -> String {
        match self {
            Condition::Always => "true".to_owned(),
            Condition::Never => "false".to_owned(),
            Condition::If(expr) => expr.clone(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    Bool,
    Int8,
    Int16,
    Uint16,
    Int32,
    Uint32,
    Int64,
    Float64,
    Uuid,
    String,
    Bytes,
    Records,
    Struct(String),
    Array(Box<Type>),
}

#[derive(Clone, Debug)]
pub struct Field {
    /// Kafka's name.
    pub name: String,
    pub ty: Type,
    pub versions: Versions,
    pub nullable: Option<Versions>,
    pub tag: Option<u32>,
    pub default: Option<String>,
    pub ignorable: bool,
    /// Written in the old way in flexible versions too.
    pub inflexible: bool,
}

#[derive(Clone, Debug)]
pub struct Struct {
    pub name: String,
    pub fields: Vec<Field>,
}

#[derive(Clone, Debug)]
pub struct Message {
    pub kind: String,
    pub name: String,
    pub key: Option<i16>,
    /// `None` for a message that was removed: only its key stays reserved.
    pub versions: Option<Versions>,
    pub flexible: Option<Versions>,
    /// A view that borrows from the input is wanted.
    pub borrowed: bool,
    /// An encoding that leaves gaps for records is wanted.
    pub gaps: bool,
    /// The message itself comes first, then its structs.
    pub structs: Vec<Struct>,
}

impl Field {
    /// The field's name in Rust.
    pub fn ident(&self) -> String {
        let name = snake_case(&self.name);
        match name.as_str() {
            "type" | "match" | "self" | "use" | "in" | "ref" | "mod" | "move" | "where" | "loop" | "fn"
            | "impl" => {
                format!("{name}_")
            }
            _ => name,
        }
    }

    pub fn null_default(&self) -> bool {
        self.nullable.is_some()
            && (self.default.as_deref() == Some("null")
                || (self.ty == Type::Records && self.default.is_none()))
    }
}

impl Message {
    pub fn struct_named(&self, name: &str) -> &Struct {
        self.structs
            .iter()
            .find(|s| s.name == name)
            .unwrap_or_else(|| panic!("{}: no struct {name}", self.name))
    }

    /// The fewest bytes that a value of `ty` takes in any version of the message.
    pub fn size_min(&self, ty: &Type, versions: Versions) -> usize {
        (versions.min..=versions.max).map(|v| self.size_min_in(ty, false, v)).min().unwrap_or(0)
    }

    fn size_min_in(&self, ty: &Type, nullable: bool, version: i16) -> usize {
        let flexible = self.flexible.is_some_and(|f| f.contains(version));
        match ty {
            Type::Bool | Type::Int8 => 1,
            Type::Int16 | Type::Uint16 => 2,
            Type::Int32 | Type::Uint32 => 4,
            Type::Int64 | Type::Float64 => 8,
            Type::Uuid => 16,
            Type::String => {
                if flexible {
                    1
                } else {
                    2
                }
            }
            Type::Bytes | Type::Records | Type::Array(_) => {
                if flexible {
                    1
                } else {
                    4
                }
            }
            Type::Struct(_) if nullable => 1,
            Type::Struct(name) => {
                let fields = self.struct_named(name).fields.iter();
                let present = fields.filter(|f| f.tag.is_none() && f.versions.contains(version));
                let sizes = present.map(|f| self.size_min_in(&f.ty, f.nullable.is_some(), version));
                sizes.sum::<usize>() + usize::from(flexible)
            }
        }
    }

    /// For each struct, whether it holds a type for which `wanted` is true, itself or further down.
    pub fn structs_with(&self, wanted: fn(&Type) -> bool) -> HashMap<String, bool> {
        fn holds(message: &Message, ty: &Type, wanted: fn(&Type) -> bool) -> bool {
            match ty {
                ty if wanted(ty) => true,
                Type::Array(element) => holds(message, element, wanted),
                Type::Struct(name) => {
                    message.struct_named(name).fields.iter().any(|f| holds(message, &f.ty, wanted))
                }
                _ => false,
            }
        }
        let names = self.structs.iter().map(|s| s.name.clone());
        names.map(|n| (n.clone(), holds(self, &Type::Struct(n), wanted))).collect()
    }
}

/// `KRaftVersion` → `k_raft_version`.
pub fn snake_case(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, &c) in chars.iter().enumerate() {
        if c.is_ascii_uppercase() && i > 0 {
            let after_lower = !chars[i - 1].is_ascii_uppercase();
            let before_lower = chars.get(i + 1).is_some_and(|n| n.is_ascii_lowercase());
            if after_lower || before_lower {
                out.push('_');
            }
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
