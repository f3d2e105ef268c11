//! `write_json` and `read_json` of a struct: Kafka's JSON form of a message, where bytes are base64 and ids are text.

use std::fmt::Write;

use super::generate::{default_expr, rust_type, set_expr};
use super::schema::{Condition, Field, Message, Struct, Type, Versions};

pub fn struct_impl(out: &mut String, _message: &Message, s: &Struct, versions: Versions) {
    let fields = || s.fields.iter().filter(|f| f.versions.intersects(versions));
    writeln!(out, "impl {} {{ pub(crate) fn write_json(&self, version: i16) -> json::Value {{", s.name)
        .unwrap();
    out.push_str("let mut object = json::Map::new();\n");
    for f in fields() {
        let mut conditions = Vec::new();
        if let Condition::If(condition) = f.versions.condition(versions) {
            conditions.push(format!("({condition})"));
        }
        if f.tag.is_some() {
            conditions.push(set_expr(f));
        }
        let place = format!("self.{}", f.ident());
        let value = match f.nullable {
            Some(_) => format!(
                "match &{place} {{ Some(v) => {}, None => json::Value::Null }}",
                write(&f.ty, "v", "*v")
            ),
            None => write(&f.ty, &format!("&{place}"), &place),
        };
        let insert = format!("object.insert(\"{}\".to_owned(), {value});", camel_case(&f.name));
        match conditions.as_slice() {
            [] => writeln!(out, "{insert}").unwrap(),
            all => writeln!(out, "if {} {{ {insert} }}", all.join(" && ")).unwrap(),
        }
    }
    out.push_str("json::Value::Object(object) }\n");

    writeln!(
        out,
        "pub(crate) fn read_json(value: &json::Value, version: i16) -> Result<Self, json::JsonError> {{\n\
         let mut object = json::Object::new(\"{}\", value)?;\nlet m = Self {{",
        s.name
    )
    .unwrap();
    for f in fields() {
        let key = camel_case(&f.name);
        let read = read_field(f);
        let default = default_expr(f);
        let value = match (f.versions.condition(versions), f.tag) {
            (Condition::If(condition), None) => {
                format!(
                    "if {condition} {{ let v = object.required(\"{key}\")?; {read} }} else {{ {default} }}"
                )
            }
            (_, None) => format!("{{ let v = object.required(\"{key}\")?; {read} }}"),
            (condition, Some(_)) => format!(
                "match object.optional(\"{key}\") {{ Some(v) if {} => {read}, None => {default}, \
                 Some(_) => return Err(object.unexpected(\"{key}\")) }}",
                condition.expr()
            ),
        };
        writeln!(out, "{}: {value},", f.ident()).unwrap();
    }
    out.push_str("};\nobject.finish()?; Ok(m) } }\n");
}

fn write(ty: &Type, reference: &str, value: &str) -> String {
    match ty {
        Type::Uuid => format!("json::Value::from({value}.to_string())", value = paren(value)),
        Type::String => format!("json::Value::from({}.as_str())", paren(value)),
        Type::Bytes | Type::Records => format!("json::from_bytes({reference})"),
        Type::Struct(_) => format!("{}.write_json(version)", paren(reference)),
        Type::Array(element) => {
            format!(
                "json::Value::Array({}.iter().map(|e| {}).collect())",
                paren(value),
                write(element, "e", "*e")
            )
        }
        _ => format!("json::Value::from({value})"),
    }
}

fn paren(expr: &str) -> String {
    if expr.starts_with(['*', '&']) { format!("({expr})") } else { expr.to_owned() }
}

fn read_field(f: &Field) -> String {
    let value = read(&f.ty);
    match (f.nullable.is_some(), &f.ty) {
        (false, _) => format!("{value}?"),
        (true, Type::Struct(_)) => format!("if v.is_null() {{ None }} else {{ Some(Box::new({value}?)) }}"),
        (true, _) => format!("if v.is_null() {{ None }} else {{ Some({value}?) }}"),
    }
}

/// The expression that reads the value `v`, as a `Result`.
fn read(ty: &Type) -> String {
    match ty {
        Type::Bool => "json::bool(v)".into(),
        Type::Float64 => "json::float(v)".into(),
        Type::Uuid => "json::uuid(v)".into(),
        Type::String => "json::string(v)".into(),
        Type::Bytes | Type::Records => "json::bytes(v)".into(),
        Type::Struct(name) => format!("{name}::read_json(v, version)"),
        Type::Array(element) => format!("json::array(v, |v| {})", read(element)),
        _ => format!("json::integer::<{}>(v)", rust_type(ty)),
    }
}

fn camel_case(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or(String::new(), |c| c.to_ascii_lowercase().to_string() + chars.as_str())
}
