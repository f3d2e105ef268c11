//! Templates: what `--format` takes besides the names of the fixed forms.
//!
//! `%k` and the like are short for `%{key}` and the like. A name may have a form behind a dot: `%{value.hex}`, `%{key.long}`.

use super::number::Number;
use crate::text::escape;

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Literal(Vec<u8>),
    Bytes(Field, Form),
    Headers(Form),
    Timestamp,
    TimestampIso,
    TimestampType,
    Topic,
    Partition,
    Offset,
    LeaderEpoch,
}

/// What has bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Key,
    Value,
    /// The last header of this name.
    Header(String),
}

/// How bytes are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Raw,
    Hex,
    /// How many there are, −1 for null.
    Size,
    /// As one of Kafka's serializers wrote them.
    Number(Number),
}

/// Reads a template.
pub(crate) fn pieces(template: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut literal = Vec::new();
    let mut rest = template.chars();
    while let Some(next) = rest.next() {
        let piece = match next {
            '%' => match rest.next() {
                Some('%') => {
                    literal.push(b'%');
                    continue;
                }
                Some('{') => {
                    let name: String = rest.by_ref().take_while(|char| *char != '}').collect();
                    named(&name)?
                }
                short => short.and_then(shorthand).ok_or_else(|| {
                    format!(
                        "%{} means nothing; there are %k %s %h %T %t %p %o %K %S %{{NAME}} and %%",
                        short.map(String::from).unwrap_or_default()
                    )
                })?,
            },
            '\\' => {
                literal.push(escape(&mut rest)?);
                continue;
            }
            other => {
                literal.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
        };
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        pieces.push(piece);
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

fn shorthand(short: char) -> Option<Piece> {
    Some(match short {
        'k' => Piece::Bytes(Field::Key, Form::Raw),
        'K' => Piece::Bytes(Field::Key, Form::Size),
        's' => Piece::Bytes(Field::Value, Form::Raw),
        'S' => Piece::Bytes(Field::Value, Form::Size),
        'h' => Piece::Headers(Form::Raw),
        'T' => Piece::Timestamp,
        't' => Piece::Topic,
        'p' => Piece::Partition,
        'o' => Piece::Offset,
        _ => return None,
    })
}

fn named(name: &str) -> Result<Piece, String> {
    let piece = match name {
        "topic" => Piece::Topic,
        "partition" => Piece::Partition,
        "offset" => Piece::Offset,
        "leader_epoch" => Piece::LeaderEpoch,
        "timestamp" => Piece::Timestamp,
        "timestamp.iso" => Piece::TimestampIso,
        "timestamp.type" => Piece::TimestampType,
        "headers" => Piece::Headers(Form::Raw),
        "headers.hex" => Piece::Headers(Form::Hex),
        // The rest is the header's name, dots and all.
        _ if name.strip_prefix("header.").is_some_and(|header| !header.is_empty()) => {
            Piece::Bytes(Field::Header(name["header.".len()..].to_owned()), Form::Raw)
        }
        _ => {
            let (field, form) =
                name.split_once('.').map_or((name, None), |(field, form)| (field, Some(form)));
            let field = match field {
                "key" => Field::Key,
                "value" => Field::Value,
                _ => {
                    return Err(format!(
                        "%{{{name}}} means nothing; there are key, value, header.NAME, headers, timestamp, topic, partition, offset and leader_epoch"
                    ));
                }
            };
            let form = match form {
                None => Form::Raw,
                Some("hex") => Form::Hex,
                Some("size") => Form::Size,
                Some(form) => Number::named(form).map(Form::Number).ok_or_else(|| {
                    format!(
                        "%{{{name}}}: {form} is no form; there are hex, size, short, int, long, float, double and uuid"
                    )
                })?,
            };
            Piece::Bytes(field, form)
        }
    };
    Ok(piece)
}
