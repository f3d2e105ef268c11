//! The modules: one for each message, with its types, their defaults, and the trait implementations.

use std::fmt::Write;

use super::schema::{Condition, Field, Message, Struct, Type, Versions, snake_case};
use super::{decode, encode, json, random};

/// What is generated beside the codec.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub json: bool,
    pub testing: bool,
}

/// The source of all messages' modules.
pub fn generate(messages: &[Message], options: Options) -> String {
    let mut out = String::new();
    let live: Vec<&Message> = messages.iter().filter(|m| m.versions.is_some()).collect();
    for message in &live {
        module(&mut out, message, options);
    }
    for message in &live {
        let name = &message.name;
        writeln!(out, "#[doc(inline)] pub use self::{}::{name};", snake_case(name)).unwrap();
    }
    for request in live.iter().filter(|m| m.kind == "request") {
        let stem = request.name.strip_suffix("Request").expect("a request's name ends so");
        writeln!(
            out,
            "impl Request for {} {{ const KEY: ApiKey = ApiKey::{stem}; type Response = {stem}Response; }}",
            request.name
        )
        .unwrap();
    }
    if options.testing {
        out.push_str("pub(crate) const ALL: &[crate::testing::Entry] = &[");
        for message in &live {
            write!(out, "crate::testing::Entry::of::<{}>(),", message.name).unwrap();
        }
        out.push_str("];\n");
    }
    out
}

fn module(out: &mut String, message: &Message, options: Options) {
    let versions = message.versions.expect("only messages with versions come here");
    let mut doc = format!("`{}`: {}", message.name, message.kind);
    if let Some(key) = message.key {
        write!(doc, " of key {key}").unwrap();
    }
    write!(doc, ", versions {versions}").unwrap();
    if let Some(flexible) = message.flexible {
        write!(doc, ", flexible in {flexible}").unwrap();
    }
    writeln!(out, "#[doc = \"{doc}.\"] pub mod {} {{\nuse super::prelude::*;", snake_case(&message.name))
        .unwrap();
    for s in &message.structs {
        type_definition(out, message, s, versions, &doc);
        decode::struct_impl(out, message, s, versions);
        encode::struct_impl(out, message, s, versions);
        if options.json {
            json::struct_impl(out, message, s, versions);
        }
        if options.testing {
            random::struct_impl(out, s, versions);
        }
    }
    if message.borrowed {
        decode::views(out, message, versions);
    }
    if message.gaps {
        encode::gaps(out, message, versions);
    }
    let name = &message.name;
    let first_flexible = message.flexible.filter(|f| f.intersects(versions)).map(|f| f.min.max(versions.min));
    writeln!(
        out,
        "impl Message for {name} {{ const NAME: &'static str = \"{name}\"; const API_KEY: Option<i16> = {:?}; \
         const MIN_VERSION: i16 = {}; const MAX_VERSION: i16 = {}; const FIRST_FLEXIBLE: Option<i16> = {:?}; \
         fn decode(r: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {{ \
         decodable::<Self>(version)?; Self::read(r, version) }} \
         fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {{ \
         encodable::<Self>(version)?; self.write(out, version) }} }}",
        message.key, versions.min, versions.max, first_flexible
    )
    .unwrap();
    if options.json {
        writeln!(
            out,
            "impl crate::json::JsonMessage for {name} {{ \
             fn to_json(&self, version: i16) -> json::Value {{ self.write_json(version) }} \
             fn from_json(value: &json::Value, version: i16) -> Result<Self, json::JsonError> {{ \
             Self::read_json(value, version) }} }}"
        )
        .unwrap();
    }
    if options.testing {
        writeln!(
            out,
            "impl crate::testing::RandomMessage for {name} {{ \
             fn random(rng: &mut dyn RngCore, version: i16) -> Self {{ Self::draw(rng, version) }} }}"
        )
        .unwrap();
    }
    out.push_str("}\n");
}

fn type_definition(out: &mut String, message: &Message, s: &Struct, versions: Versions, doc: &str) {
    let fields = || s.fields.iter().filter(|f| f.versions.intersects(versions));
    let derived = fields().all(|f| f.default.is_none() && f.nullable.is_none() || f.null_default());
    let name = &s.name;
    if *name == message.name {
        writeln!(out, "#[doc = \"{doc}.\"]").unwrap();
    } else {
        writeln!(out, "#[doc = \"Part of `{}`.\"]", message.name).unwrap();
    }
    let default = if derived { ", Default" } else { "" };
    writeln!(out, "#[derive(Clone, Debug, PartialEq{default})] pub struct {name} {{").unwrap();
    for f in fields() {
        writeln!(out, "#[doc = \"{}\"] pub {}: {},", field_doc(f), f.ident(), field_type(f)).unwrap();
    }
    out.push_str("}\n");
    if !derived {
        writeln!(out, "impl Default for {name} {{ fn default() -> Self {{ Self {{").unwrap();
        for f in fields() {
            writeln!(out, "{}: {},", f.ident(), default_expr(f)).unwrap();
        }
        out.push_str("} } }\n");
    }
}

pub fn field_doc(f: &Field) -> String {
    let mut doc = format!("`{}`, versions {}", f.name, f.versions);
    if let Some(nullable) = f.nullable {
        write!(doc, ", nullable in {nullable}").unwrap();
    }
    if let Some(tag) = f.tag {
        write!(doc, ", tag {tag}").unwrap();
    }
    if let Some(default) = &f.default {
        write!(doc, ", {default} by default").unwrap();
    }
    doc + "."
}

fn field_type(f: &Field) -> String {
    let ty = rust_type(&f.ty);
    match (&f.ty, f.nullable) {
        (_, None) => ty,
        (Type::Struct(_), Some(_)) => format!("Option<Box<{ty}>>"),
        (_, Some(_)) => format!("Option<{ty}>"),
    }
}

pub fn rust_type(ty: &Type) -> String {
    match ty {
        Type::Bool => "bool".into(),
        Type::Int8 => "i8".into(),
        Type::Int16 => "i16".into(),
        Type::Uint16 => "u16".into(),
        Type::Int32 => "i32".into(),
        Type::Uint32 => "u32".into(),
        Type::Int64 => "i64".into(),
        Type::Float64 => "f64".into(),
        Type::Uuid => "Uuid".into(),
        Type::String => "String".into(),
        Type::Bytes | Type::Records => "Bytes".into(),
        Type::Struct(name) => name.clone(),
        Type::Array(element) => format!("Vec<{}>", rust_type(element)),
    }
}

/// The field's value when the version does not carry it.
pub fn default_expr(f: &Field) -> String {
    if f.null_default() {
        return "None".into();
    }
    let value = match &f.ty {
        Type::Bool => f.default.clone().unwrap_or("false".into()),
        Type::Float64 => "0.0".into(),
        Type::Uuid => "Uuid::ZERO".into(),
        Type::String => match &f.default {
            Some(text) => format!("\"{text}\".to_owned()"),
            None => "String::new()".into(),
        },
        Type::Bytes | Type::Records => "Bytes::new()".into(),
        Type::Struct(name) if f.nullable.is_some() => format!("Box::new({name}::default())"),
        Type::Struct(name) => format!("{name}::default()"),
        Type::Array(_) => "Vec::new()".into(),
        _ => f.default.clone().unwrap_or("0".into()),
    };
    if f.nullable.is_some() { format!("Some({value})") } else { value }
}

/// Whether the field of `self` differs from its default, as an expression.
pub fn set_expr(f: &Field) -> String {
    let place = format!("self.{}", f.ident());
    if f.null_default() {
        return format!("{place}.is_some()");
    }
    let is_empty_default = f.default.is_none();
    match (&f.ty, f.nullable.is_some()) {
        (Type::Bool, _) if f.default.as_deref() == Some("true") => format!("!{place}"),
        (Type::Bool, _) => place,
        (Type::String | Type::Bytes | Type::Records | Type::Array(_), false) if is_empty_default => {
            format!("!{place}.is_empty()")
        }
        (Type::String | Type::Bytes | Type::Records | Type::Array(_), true) if is_empty_default => {
            format!("!{place}.as_ref().is_some_and(|v| v.is_empty())")
        }
        _ => format!("{place} != {}", default_expr(f)),
    }
}

/// When a version's strings, bytes and arrays are compact and its structs end in tagged fields.
pub fn flexible(message: &Message, versions: Versions) -> Condition {
    message.flexible.map_or(Condition::Never, |f| f.condition(versions))
}

/// The statement that binds `flexible` where it depends on the version, and the expression to use for it.
pub fn flexible_binding(message: &Message, versions: Versions) -> (String, String) {
    match flexible(message, versions) {
        Condition::If(condition) => (format!("let flexible = {condition};\n"), "flexible".into()),
        known => (String::new(), known.expr()),
    }
}
