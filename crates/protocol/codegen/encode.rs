//! `write` of a struct, and the encoding that leaves gaps for records.

use std::fmt::Write;

use super::generate::{flexible_binding, rust_type, set_expr};
use super::schema::{Condition, Field, Message, Struct, Type, Versions};

/// A value to write: as a number, as a reference, and as what a method is called on.
struct Place {
    value: String,
    reference: String,
    receiver: String,
}

impl Place {
    fn field(f: &Field) -> Place {
        let place = format!("self.{}", f.ident());
        Place { reference: format!("&{place}"), receiver: place.clone(), value: place }
    }

    fn variable(name: &str) -> Place {
        Place { value: format!("*{name}"), reference: name.into(), receiver: name.into() }
    }
}

/// How structs and records are written.
struct Mode {
    /// Which structs hold records, when these are left out.
    gaps: Option<std::collections::HashMap<String, bool>>,
}

impl Mode {
    fn leaves_gaps(&self, name: &str) -> bool {
        self.gaps.as_ref().is_some_and(|structs| structs[name])
    }
}

pub fn struct_impl(out: &mut String, message: &Message, s: &Struct, versions: Versions) {
    let name = &s.name;
    writeln!(
        out,
        "impl {name} {{ pub(crate) fn write(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {{"
    )
    .unwrap();
    write_body(out, &Mode { gaps: None }, message, s, versions);
    out.push_str("}\n");
}

/// `encode_with_gaps` of the message, through each of its structs that holds records.
pub fn gaps(out: &mut String, message: &Message, versions: Versions) {
    let mode = Mode { gaps: Some(message.structs_with(|ty| *ty == Type::Records)) };
    for s in message.structs.iter().filter(|s| mode.leaves_gaps(&s.name)) {
        let name = &s.name;
        writeln!(out, "impl {name} {{").unwrap();
        if *name == message.name {
            writeln!(
                out,
                "/// Appends the message to `out` without those records that `gaps` says are elsewhere.\n\
                 pub fn encode_with_gaps(&self, out: &mut Vec<u8>, version: i16, gaps: &mut Gaps) \
                 -> Result<(), EncodeError> {{ encodable::<Self>(version)?; self.write_gaps(out, version, gaps) }}"
            )
            .unwrap();
        }
        writeln!(
            out,
            "pub(crate) fn write_gaps(&self, out: &mut Vec<u8>, version: i16, gaps: &mut Gaps) \
             -> Result<(), EncodeError> {{"
        )
        .unwrap();
        write_body(out, &mode, message, s, versions);
        out.push_str("}\n");
    }
}

fn write_body(out: &mut String, mode: &Mode, message: &Message, s: &Struct, versions: Versions) {
    let name = &s.name;
    let (binding, flexible) = flexible_binding(message, versions);
    out.push_str(&binding);
    let fields = || s.fields.iter().filter(|f| f.versions.intersects(versions));
    for f in fields() {
        let absent = format!("return Err(unsupported_field(\"{name}\", \"{}\", version));", f.ident());
        let set = set_expr(f);
        let present = || field(mode, name, f, &flexible, versions);
        match f.versions.condition(versions) {
            Condition::If(condition) if f.tag.is_some() && !f.ignorable => {
                writeln!(out, "if !({condition}) && {set} {{ {absent} }}").unwrap()
            }
            _ if f.tag.is_some() => {}
            Condition::If(condition) if f.ignorable => {
                writeln!(out, "if {condition} {{ {} }}", present()).unwrap();
            }
            Condition::If(condition) => {
                writeln!(out, "if {condition} {{ {} }} else if {set} {{ {absent} }}", present()).unwrap()
            }
            _ => writeln!(out, "{}", present()).unwrap(),
        }
    }
    let mut tagged: Vec<&Field> = fields().filter(|f| f.tag.is_some()).collect();
    tagged.sort_by_key(|f| f.tag);
    let end = tagged_fields(mode, name, &tagged, &flexible, versions);
    match flexible.as_str() {
        "true" => writeln!(out, "{end}").unwrap(),
        "false" => {}
        condition => writeln!(out, "if {condition} {{ {end} }}").unwrap(),
    }
    out.push_str("Ok(()) }\n");
}

fn tagged_fields(mode: &Mode, name: &str, tagged: &[&Field], flexible: &str, versions: Versions) -> String {
    let mut end = String::new();
    let mut count = Vec::new();
    for f in tagged {
        let tag = f.tag.unwrap_or_default();
        let set = set_expr(f);
        match f.versions.condition(versions) {
            Condition::If(condition) => writeln!(end, "let t{tag} = ({condition}) && {set};").unwrap(),
            _ => writeln!(end, "let t{tag} = {set};").unwrap(),
        }
        count.push(format!("u32::from(t{tag})"));
    }
    if count.is_empty() {
        return "out.push(0);".to_owned();
    }
    writeln!(end, "w::unsigned_varint(out, {});", count.join(" + ")).unwrap();
    for f in tagged {
        let tag = f.tag.unwrap_or_default();
        let write = field(mode, name, f, flexible, versions);
        writeln!(end, "if t{tag} {{ w::tagged(out, {tag}, |out| {{ {write} Ok(()) }})?; }}").unwrap();
    }
    end
}

/// The statement that writes a field, or for records that are elsewhere, leaves a gap.
fn field(mode: &Mode, struct_name: &str, f: &Field, flexible: &str, versions: Versions) -> String {
    let write = present_field(mode, struct_name, f, flexible, versions);
    match f.ty {
        Type::Records if mode.gaps.is_some() => format!("if !gaps.leave(out, {flexible})? {{ {write} }}"),
        _ => write,
    }
}

fn present_field(mode: &Mode, struct_name: &str, f: &Field, flexible: &str, versions: Versions) -> String {
    let flexible = if f.inflexible { "false" } else { flexible };
    let Some(nullable) = f.nullable else {
        return statement(mode, &f.ty, &Place::field(f), flexible);
    };
    let is_struct = matches!(f.ty, Type::Struct(_));
    let some = statement(mode, &f.ty, &Place::variable("v"), flexible);
    let some = if is_struct { format!("w::i8(out, 1); {some}") } else { some };
    let none = match &f.ty {
        // Tagged, a null struct is marked as compact nulls are.
        Type::Struct(_) if f.tag.is_some() => "out.push(0);".to_owned(),
        Type::Struct(_) => "w::i8(out, -1);".to_owned(),
        Type::String => format!("w::null_string(out, {flexible});"),
        _ => format!("w::null(out, {flexible});"),
    };
    let error = format!("return Err(null_error(\"{struct_name}\", \"{}\", version));", f.ident());
    let within = Versions { min: versions.min.max(f.versions.min), max: versions.max.min(f.versions.max) };
    let (some, none) = match nullable.condition(within) {
        Condition::Always => (some, none),
        _ if is_struct => panic!("{struct_name}.{}: a struct that is nullable in some versions only", f.name),
        Condition::Never => (some, error),
        Condition::If(condition) => (some, format!("if {condition} {{ {none} }} else {{ {error} }}")),
    };
    format!("match &self.{} {{ Some(v) => {{ {some} }} None => {{ {none} }} }}", f.ident())
}

fn statement(mode: &Mode, ty: &Type, place: &Place, flexible: &str) -> String {
    match expression(mode, ty, place, flexible) {
        (write, true) => format!("{write}?;"),
        (write, false) => format!("{write};"),
    }
}

/// The expression that writes a value, and whether it gives a `Result`.
fn expression(mode: &Mode, ty: &Type, place: &Place, flexible: &str) -> (String, bool) {
    match ty {
        Type::String => (format!("w::string(out, {flexible}, {})", place.reference), true),
        Type::Bytes | Type::Records => (format!("w::bytes(out, {flexible}, {})", place.reference), true),
        Type::Struct(name) if mode.leaves_gaps(name) => {
            (format!("{}.write_gaps(out, version, gaps)", place.receiver), true)
        }
        Type::Struct(_) => (format!("{}.write(out, version)", place.receiver), true),
        Type::Array(element) => {
            let write = match expression(mode, element, &Place::variable("e"), flexible) {
                (write, true) => write,
                (write, false) => format!("{{ {write}; Ok(()) }}"),
            };
            (format!("w::array(out, {flexible}, {}, |out, e| {write})", place.reference), true)
        }
        Type::Uuid => (format!("w::uuid(out, {})", place.value), false),
        _ => (format!("w::{}(out, {})", rust_type(ty), place.value), false),
    }
}
