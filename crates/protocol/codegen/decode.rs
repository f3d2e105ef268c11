//! `read` of a struct, and the views that borrow from the input.

use std::fmt::Write;

use super::generate::{default_expr, field_doc, flexible_binding, rust_type};
use super::schema::{Condition, Field, Message, Struct, Type, Versions};

/// How strings, bytes and the structs that hold them are read.
struct Mode<'m> {
    message: &'m Message,
    /// Which structs borrow, when this is a view.
    view: Option<std::collections::HashMap<String, bool>>,
}

pub fn struct_impl(out: &mut String, message: &Message, s: &Struct, versions: Versions) {
    let mode = Mode { message, view: None };
    writeln!(out, "impl {} {{", s.name).unwrap();
    read_fn(out, &mode, s, versions, "&mut Reader<'_>");
    out.push_str("}\n");
}

/// Views of the message and of each of its structs that holds a string or bytes.
pub fn views(out: &mut String, message: &Message, versions: Versions) {
    let borrows = message.structs_with(|ty| matches!(ty, Type::String | Type::Bytes | Type::Records));
    let mode = Mode { message, view: Some(borrows) };
    for s in message.structs.iter().filter(|s| mode.borrows(&s.name)) {
        let name = &s.name;
        writeln!(
            out,
            "#[doc = \"[`{name}`] that borrows from the bytes it was decoded from.\"] \
             #[derive(Clone, Debug, PartialEq)] pub struct {name}View<'a> {{"
        )
        .unwrap();
        for f in s.fields.iter().filter(|f| f.versions.intersects(versions)) {
            writeln!(out, "#[doc = \"{}\"] pub {}: {},", field_doc(f), f.ident(), mode.field_type(f))
                .unwrap();
        }
        writeln!(out, "}}\nimpl<'a> {name}View<'a> {{").unwrap();
        read_fn(out, &mode, s, versions, "&mut Reader<'a>");
        if *name == message.name {
            writeln!(
                out,
                "/// Decodes a message of this version.\n\
                 pub fn decode(r: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {{ \
                 decodable::<{name}>(version)?; Self::read(r, version) }}\n\
                 /// Decodes a message that fills the whole input.\n\
                 pub fn decode_all(input: &'a [u8], version: i16) -> Result<Self, DecodeError> {{ \
                 let mut r = Reader::new(input); let message = Self::decode(&mut r, version)?; \
                 r.finish()?; Ok(message) }}"
            )
            .unwrap();
        }
        out.push_str("}\n");
    }
}

fn read_fn(out: &mut String, mode: &Mode<'_>, s: &Struct, versions: Versions, reader: &str) {
    writeln!(out, "pub(crate) fn read(r: {reader}, version: i16) -> Result<Self, DecodeError> {{").unwrap();
    let (binding, flexible) = flexible_binding(mode.message, versions);
    out.push_str(&binding);
    let fields = || s.fields.iter().filter(|f| f.versions.intersects(versions));
    let tagged: Vec<&Field> = fields().filter(|f| f.tag.is_some()).collect();
    let mutable = if tagged.is_empty() { "" } else { "mut " };
    writeln!(out, "let {mutable}m = Self {{").unwrap();
    for f in fields() {
        let value = match f.versions.condition(versions) {
            _ if f.tag.is_some() => mode.default_expr(f),
            Condition::If(condition) => {
                format!(
                    "if {condition} {{ {} }} else {{ {} }}",
                    mode.field(f, &flexible, versions),
                    mode.default_expr(f)
                )
            }
            _ => mode.field(f, &flexible, versions),
        };
        writeln!(out, "{}: {value},", f.ident()).unwrap();
    }
    out.push_str("};\n");
    let end = if tagged.is_empty() {
        "r.skip_tagged_fields()?;".to_owned()
    } else {
        let mut arms = String::new();
        for f in tagged {
            let guard = match f.versions.condition(versions) {
                Condition::If(condition) => format!("if {condition} "),
                _ => String::new(),
            };
            let value = mode.field(f, &flexible, versions);
            writeln!(arms, "{} {guard}=> m.{} = {value},", f.tag.unwrap_or_default(), f.ident()).unwrap();
        }
        format!("r.tagged_fields(|r, tag| {{ match tag {{ {arms} _ => return Ok(false) }} Ok(true) }})?;")
    };
    match flexible.as_str() {
        "true" => writeln!(out, "{end}").unwrap(),
        "false" => {}
        condition => writeln!(out, "if {condition} {{ {end} }}").unwrap(),
    }
    out.push_str("Ok(m) }\n");
}

impl Mode<'_> {
    fn borrows(&self, name: &str) -> bool {
        self.view.as_ref().is_some_and(|structs| structs[name])
    }

    /// The expression that reads a field that is present.
    fn field(&self, f: &Field, flexible: &str, versions: Versions) -> String {
        let flexible = if f.inflexible { "false" } else { flexible };
        // Only the versions that carry the field matter.
        let versions =
            Versions { min: versions.min.max(f.versions.min), max: versions.max.min(f.versions.max) };
        let plain = |wrap: &str| format!("{wrap}({}?)", self.read(&f.ty, false, flexible, versions));
        let Some(nullable) = f.nullable else { return plain("") };
        let or_null = match (&f.ty, f.tag) {
            (Type::Struct(_), Some(_)) => {
                format!("r.nullable_tagged_struct(|r| {})?", self.read(&f.ty, false, flexible, versions))
            }
            _ => format!("{}?", self.read(&f.ty, true, flexible, versions)),
        };
        let present = match &f.ty {
            Type::Struct(_) => format!("Some(Box::new{})", plain("")),
            _ => plain("Some"),
        };
        match nullable.condition(versions) {
            Condition::Always => or_null,
            Condition::Never => present,
            Condition::If(condition) => format!("if {condition} {{ {or_null} }} else {{ {present} }}"),
        }
    }

    /// The expression that reads a value, as a `Result`.
    fn read(&self, ty: &Type, nullable: bool, flexible: &str, versions: Versions) -> String {
        let null = if nullable { "nullable_" } else { "" };
        match ty {
            Type::String if self.view.is_some() => format!("r.{null}str({flexible})"),
            Type::String => format!("r.{null}string({flexible})"),
            Type::Bytes | Type::Records if self.view.is_some() => format!("r.{null}byte_slice({flexible})"),
            Type::Bytes | Type::Records => format!("r.{null}bytes({flexible})"),
            Type::Array(element) => {
                let size_min = self.message.size_min(element, versions);
                let read = self.read(element, false, flexible, versions);
                format!("r.{null}array({flexible}, {size_min}, |r| {read})")
            }
            Type::Struct(name) => {
                let view = if self.borrows(name) { "View" } else { "" };
                let read = format!("{name}{view}::read(r, version)");
                if nullable { format!("r.nullable_struct(|r| {read})") } else { read }
            }
            Type::Uuid => "r.uuid()".to_owned(),
            _ => format!("r.{}()", rust_type(ty)),
        }
    }

    fn field_type(&self, f: &Field) -> String {
        let ty = self.ty(&f.ty);
        match (&f.ty, f.nullable) {
            (_, None) => ty,
            (Type::Struct(_), Some(_)) => format!("Option<Box<{ty}>>"),
            (_, Some(_)) => format!("Option<{ty}>"),
        }
    }

    fn ty(&self, ty: &Type) -> String {
        match ty {
            Type::String => "&'a str".into(),
            Type::Bytes | Type::Records => "&'a [u8]".into(),
            Type::Struct(name) if self.borrows(name) => format!("{name}View<'a>"),
            Type::Array(element) => format!("Vec<{}>", self.ty(element)),
            _ => rust_type(ty),
        }
    }

    fn default_expr(&self, f: &Field) -> String {
        if self.view.is_none() || f.null_default() {
            return default_expr(f);
        }
        let value = match &f.ty {
            Type::String => format!("\"{}\"", f.default.as_deref().unwrap_or_default()),
            Type::Bytes | Type::Records => "&[]".into(),
            Type::Struct(name) if self.borrows(name) => panic!("{name}: a view has no default of a struct"),
            _ => return default_expr(f),
        };
        if f.nullable.is_some() { format!("Some({value})") } else { value }
    }
}
