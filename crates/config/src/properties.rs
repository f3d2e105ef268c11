//! Java's `.properties` text: reading it as `java.util.Properties` does, and writing it back.
//!
//! What always holds: a key that stands twice keeps its last value; the order of first appearance is kept; white
//! space inside a value is kept, also at its end. Bytes that are UTF-8 are read as UTF-8, all others as
//! ISO-8859-1 (Java reads ISO-8859-1 only, so files with `\uXXXX` escapes mean the same to both).
//! What a key means is not known here.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// Text that is no `.properties` text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct PropertiesError {
    /// The line of the file, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// A file that could not be read as properties.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Its text is malformed.
    #[error("{}, {source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: PropertiesError,
    },
}

/// Reads a file.
pub fn load(path: &Path) -> Result<Vec<(String, String)>, LoadError> {
    let bytes = std::fs::read(path).map_err(|source| LoadError::Read { path: path.into(), source })?;
    parse(&bytes).map_err(|source| LoadError::Malformed { path: path.into(), source })
}

/// Reads bytes: UTF-8 where they are that, else ISO-8859-1.
pub fn parse(bytes: &[u8]) -> Result<Vec<(String, String)>, PropertiesError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse_str(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(_) => parse_str(&bytes.iter().map(|&b| char::from(b)).collect::<String>()),
    }
}

/// Reads text.
pub fn parse_str(text: &str) -> Result<Vec<(String, String)>, PropertiesError> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut lines = NaturalLines { rest: text, number: 0 };
    while let Some((number, line)) = lines.next_logical() {
        let (key, value) = split(&line);
        let key = unescape(key, number)?;
        let value = unescape(value, number)?;
        match places.get(&key) {
            Some(&place) => pairs[place].1 = value,
            None => {
                places.insert(key.clone(), pairs.len());
                pairs.push((key, value));
            }
        }
    }
    Ok(pairs)
}

/// Writes pairs so that `parse_str` and Java read them back as they are: one a line, ASCII only.
pub fn write<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::new();
    for (key, value) in pairs {
        escape(key, true, &mut out);
        out.push('=');
        escape(value, false, &mut out);
        out.push('\n');
    }
    out
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

/// Lines as the file has them; a logical line is one or several of them joined by a backslash at the end.
struct NaturalLines<'a> {
    rest: &'a str,
    number: usize,
}

impl<'a> NaturalLines<'a> {
    fn next_natural(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        self.number += 1;
        let end = self.rest.find(['\n', '\r']).unwrap_or(self.rest.len());
        let (line, tail) = self.rest.split_at(end);
        self.rest = match tail.strip_prefix("\r\n") {
            Some(after) => after,
            None => tail.get(1..).unwrap_or(""),
        };
        Some(line)
    }

    /// The next line that is neither blank nor a comment, its continuations joined, with the number of its first line.
    fn next_logical(&mut self) -> Option<(usize, String)> {
        let first = loop {
            let line = self.next_natural()?.trim_start_matches(is_blank);
            if !line.is_empty() && !line.starts_with(['#', '!']) {
                break line;
            }
        };
        let number = self.number;
        let mut joined = first.to_owned();
        while ends_with_odd_backslashes(&joined) {
            joined.pop();
            match self.next_natural() {
                Some(line) => joined.push_str(line.trim_start_matches(is_blank)),
                None => break,
            }
        }
        Some((number, joined))
    }
}

fn ends_with_odd_backslashes(line: &str) -> bool {
    line.bytes().rev().take_while(|&b| b == b'\\').count() % 2 == 1
}

/// Splits a logical line at the first separator that is not escaped: blanks, with at most one `=` or `:` among them.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line
        .char_indices()
        .find(|&(_, c)| {
            let separates = !escaped && (is_blank(c) || c == '=' || c == ':');
            escaped = c == '\\' && !escaped;
            separates
        })
        .map_or(line.len(), |(at, _)| at);
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start_matches(is_blank);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, rest.trim_start_matches(is_blank))
}

fn unescape(text: &str, line: usize) -> Result<String, PropertiesError> {
    if !text.contains('\\') {
        return Ok(text.to_owned());
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\u{c}'),
            Some('u') => out.push(unicode_escape(&mut chars, line)?),
            Some(other) => out.push(other),
            None => {}
        }
    }
    Ok(out)
}

/// What follows `\u`: four hex digits, or two such escapes that are a surrogate pair.
fn unicode_escape(chars: &mut std::str::Chars<'_>, line: usize) -> Result<char, PropertiesError> {
    let malformed = |problem: String| PropertiesError { line, problem };
    let unit = |chars: &mut std::str::Chars<'_>| -> Result<u16, PropertiesError> {
        let digits: String = chars.take(4).collect();
        if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(malformed(format!(
                "\\u must be followed by four hexadecimal digits, not by \"{digits}\""
            )));
        }
        u16::from_str_radix(&digits, 16).map_err(|e| malformed(e.to_string()))
    };
    let first = unit(chars)?;
    let mut units = vec![first];
    if (0xd800..0xdc00).contains(&first) && chars.as_str().starts_with("\\u") {
        chars.nth(1);
        units.push(unit(chars)?);
    }
    let mut decoded = char::decode_utf16(units);
    match (decoded.next(), decoded.next()) {
        (Some(Ok(c)), None) => Ok(c),
        _ => Err(PropertiesError { line, problem: format!("\\u{first:04x} is half of a surrogate pair") }),
    }
}

fn escape(text: &str, is_key: bool, out: &mut String) {
    for (at, c) in text.chars().enumerate() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\u{c}' => out.push_str("\\f"),
            ' ' if is_key || at == 0 => out.push_str("\\ "),
            '\\' | '=' | ':' | '#' | '!' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04X}"));
                }
            }
        }
    }
}
