//! Reading schema files.
//!
//! The first line is the message: `KIND NAME [key N] versions V flexible V [unstable] [borrowed] [gaps] [listeners L,L]`.
//! Each further line is a field, indented by two spaces for each level of nesting:
//! `NAME TYPE VERSIONS [nullable V] [tag N] [default D] [ignorable] [mapkey] [inflexible] [entity E]`; the fields
//! below a field of a struct type define that struct. `struct NAME VERSIONS` opens a struct that several fields use.

use super::schema::{Field, Message, Struct, Type, Versions};

/// Parses the text of one schema file; the error says the line.
pub fn message(text: &str) -> Result<Message, String> {
    let mut lines = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty() && !l.starts_with('#'));
    let (_, first) = lines.next().ok_or("an empty schema")?;
    let mut message = header(first)?;
    message.structs.push(Struct { name: message.name.clone(), fields: Vec::new() });
    // The struct that each level of indentation fills, as an index.
    let mut open: Vec<usize> = vec![0];
    for (number, line) in lines {
        let at = |e: String| format!("line {}: {e}", number + 1);
        if let Some(rest) = line.strip_prefix("struct ") {
            let name = rest.split(' ').next().unwrap_or_default();
            open = vec![push_struct(&mut message, name).map_err(at)?];
            continue;
        }
        let depth = (line.len() - line.trim_start().len()) / 2;
        if depth == 0 || depth > open.len() {
            return Err(at("wrong indentation".to_owned()));
        }
        open.truncate(depth);
        let field = field(line.trim()).map_err(at)?;
        let element = match &field.ty {
            Type::Array(element) => element,
            ty => ty,
        };
        let nested = match element {
            Type::Struct(name) => Some(name.clone()),
            _ => None,
        };
        message.structs[open[depth - 1]].fields.push(field);
        // A struct without fields below this line is one that a `struct` line defines.
        let next_depth = text.lines().nth(number + 1).map_or(0, |l| (l.len() - l.trim_start().len()) / 2);
        if next_depth > depth {
            let name = nested.ok_or_else(|| at("fields below a field that is no struct".to_owned()))?;
            open.push(push_struct(&mut message, &name).map_err(at)?);
        }
    }
    Ok(message)
}

fn push_struct(message: &mut Message, name: &str) -> Result<usize, String> {
    if message.structs.iter().any(|s| s.name == name) {
        return Err(format!("struct {name} is defined twice"));
    }
    message.structs.push(Struct { name: name.to_owned(), fields: Vec::new() });
    Ok(message.structs.len() - 1)
}

fn header(line: &str) -> Result<Message, String> {
    let mut words = line.split_whitespace();
    let mut next = || words.next().map(str::to_owned);
    let kind = next().ok_or("no kind")?;
    let name = next().ok_or("no name")?;
    let mut message = Message {
        kind,
        name,
        key: None,
        versions: None,
        flexible: None,
        borrowed: false,
        gaps: false,
        structs: Vec::new(),
    };
    while let Some(word) = next() {
        let mut value = || next().ok_or_else(|| format!("nothing after {word}"));
        match word.as_str() {
            "key" => message.key = Some(number(&value()?)?),
            "versions" => message.versions = versions(&value()?)?,
            "flexible" => message.flexible = versions(&value()?)?,
            "borrowed" => message.borrowed = true,
            "gaps" => message.gaps = true,
            "unstable" => {}
            "listeners" => drop(value()?),
            _ => return Err(format!("unknown word {word}")),
        }
    }
    Ok(message)
}

fn field(line: &str) -> Result<Field, String> {
    let mut words = line.split_whitespace();
    let mut next = || words.next();
    let name = next().ok_or("no name")?.to_owned();
    let ty = ty(next().ok_or("no type")?)?;
    let versions_text = next().ok_or("no versions")?;
    let mut field = Field {
        name,
        ty,
        versions: versions(versions_text)?.ok_or("a field without versions")?,
        nullable: None,
        tag: None,
        default: None,
        ignorable: false,
        inflexible: false,
    };
    while let Some(word) = next() {
        let mut value = || next().ok_or_else(|| format!("nothing after {word}"));
        match word {
            "nullable" => field.nullable = versions(value()?)?,
            "tag" => field.tag = Some(number(value()?)?),
            "default" => field.default = Some(value()?.to_owned()),
            "ignorable" => field.ignorable = true,
            "inflexible" => field.inflexible = true,
            "mapkey" => {}
            "entity" => drop(value()?),
            _ => return Err(format!("unknown word {word}")),
        }
    }
    Ok(field)
}

fn ty(word: &str) -> Result<Type, String> {
    Ok(match word {
        "bool" => Type::Bool,
        "int8" => Type::Int8,
        "int16" => Type::Int16,
        "uint16" => Type::Uint16,
        "int32" => Type::Int32,
        "uint32" => Type::Uint32,
        "int64" => Type::Int64,
        "float64" => Type::Float64,
        "uuid" => Type::Uuid,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "records" => Type::Records,
        _ => match word.strip_prefix("[]") {
            Some(element) => Type::Array(Box::new(ty(element)?)),
            None if word.starts_with(|c: char| c.is_ascii_uppercase()) => Type::Struct(word.to_owned()),
            None => return Err(format!("unknown type {word}")),
        },
    })
}

fn versions(word: &str) -> Result<Option<Versions>, String> {
    if word == "none" {
        return Ok(None);
    }
    let (min, max) = match (word.strip_suffix('+'), word.split_once('-')) {
        (Some(min), _) => (number(min)?, i16::MAX),
        (None, Some((min, max))) => (number(min)?, number(max)?),
        (None, None) => (number(word)?, number(word)?),
    };
    if min > max { Err(format!("{word} is no range")) } else { Ok(Some(Versions { min, max })) }
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("{word} is no number"))
}
