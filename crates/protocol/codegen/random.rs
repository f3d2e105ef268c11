//! `draw` of a struct: a random value that the version can carry.

use std::fmt::Write;

use super::generate::{default_expr, rust_type};
use super::schema::{Condition, Field, Struct, Type, Versions};

pub fn struct_impl(out: &mut String, s: &Struct, versions: Versions) {
    writeln!(
        out,
        "impl {} {{ pub(crate) fn draw(rng: &mut dyn RngCore, version: i16) -> Self {{ Self {{",
        s.name
    )
    .unwrap();
    for f in s.fields.iter().filter(|f| f.versions.intersects(versions)) {
        let value = match f.versions.condition(versions) {
            Condition::If(condition) => {
                format!("if {condition} {{ {} }} else {{ {} }}", field(f), default_expr(f))
            }
            _ => field(f),
        };
        writeln!(out, "{}: {value},", f.ident()).unwrap();
    }
    out.push_str("} } }\n");
}

fn field(f: &Field) -> String {
    let value = draw(&f.ty);
    let value = match (&f.ty, f.nullable) {
        (_, None) => value,
        (Type::Struct(_), Some(n)) => {
            format!("random::nullable(rng, {}, |rng| Box::new({value}))", in_range(n))
        }
        (_, Some(n)) => format!("random::nullable(rng, {}, |rng| {value})", in_range(n)),
    };
    // A tagged field keeps its default half of the time: then it is not on the wire.
    match f.tag {
        Some(_) => format!("if random::coin(rng) {{ {value} }} else {{ {} }}", default_expr(f)),
        None => value,
    }
}

fn in_range(versions: Versions) -> String {
    format!("({}..={}).contains(&version)", versions.min, versions.max)
}

fn draw(ty: &Type) -> String {
    match ty {
        Type::Bool => "random::coin(rng)".into(),
        Type::Float64 => "random::float(rng)".into(),
        Type::Uuid => "random::uuid(rng)".into(),
        Type::String => "random::string(rng)".into(),
        Type::Bytes | Type::Records => "random::bytes(rng)".into(),
        Type::Struct(name) => format!("{name}::draw(rng, version)"),
        Type::Array(element) => format!("random::array(rng, |rng| {})", draw(element)),
        _ => format!("random::integer(rng) as {}", rust_type(ty)),
    }
}
