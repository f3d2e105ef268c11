//! Java's `.properties` files.
//!
//! Always: keys and values are those that `java.util.Properties` reads: comments, three kinds of separators, escapes,
//! lines that go on. A key that comes twice counts the last time.

use std::path::Path;

use super::ConfigError;

pub(super) fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| ConfigError::Properties {
        place: path.display().to_string(),
        why: format!("can't be read: {error}"),
    })
}

/// The pairs of a `.properties` text, in its order.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, ConfigError> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut lines = text.split(['\n', '\r']).zip(1..);
    while let Some((line, number)) = lines.next() {
        let first = line.trim_start_matches(is_blank);
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = first.to_owned();
        while goes_on(&logical) {
            logical.pop();
            // A carriage return and a line feed are one end of line, which splitting made an empty line of.
            let Some((next, _)) = lines.find(|(next, _)| !next.is_empty()) else { break };
            logical.push_str(next.trim_start_matches(is_blank));
        }
        let (key, value) = split(&logical);
        let unescape = |text| {
            unescaped(text).map_err(|why| ConfigError::Properties { place: format!("line {number}"), why })
        };
        let (key, value) = (unescape(key)?, unescape(value)?);
        pairs.retain(|(known, _)| *known != key);
        pairs.push((key, value));
    }
    Ok(pairs)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

/// Whether the line ends in an odd number of backslashes.
fn goes_on(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Splits at the first separator that is not escaped: blanks, with one `=` or `:` among them.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.char_indices().find(|(_, c)| {
        let ends = !escaped && (is_blank(*c) || matches!(c, '=' | ':'));
        escaped = !escaped && *c == '\\';
        ends
    });
    let Some((at, _)) = end else { return (line, "") };
    let rest = line[at..].trim_start_matches(is_blank);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (&line[..at], rest.trim_start_matches(is_blank))
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    // Java writes characters beyond 16 bits as two escapes.
    let mut high: Option<u32> = None;
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            None => {}
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                let unit = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4);
                let unit =
                    unit.ok_or_else(|| format!("\\u{digits} is not \\u and four hexadecimal digits"))?;
                match (high.take(), unit) {
                    (Some(high), 0xdc00..=0xdfff) => {
                        let joined = 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00);
                        out.push(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    (None, 0xd800..=0xdbff) => high = Some(unit),
                    _ => out.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)),
                }
            }
            Some(other) => out.push(other),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text).expect("good properties")
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn separators_comments_and_blanks_are_javas() {
        let text = "# comment\n! another\n\n  a=1\nb : 2\nc 3\nd\t=\t4 \ne\nf==x\ng\\=h=i\r\nj=k\r\n";
        let wanted = [
            ("a", "1"),
            ("b", "2"),
            ("c", "3"),
            ("d", "4 "),
            ("e", ""),
            ("f", "=x"),
            ("g=h", "i"),
            ("j", "k"),
        ];
        assert_eq!(pairs(text), wanted.map(|(key, value)| pair(key, value)));
    }

    #[test]
    fn a_line_goes_on_after_a_backslash() {
        assert_eq!(pairs("a=x,\\\n   y,\\\r\n  z\nb=2"), [pair("a", "x,y,z"), pair("b", "2")]);
        assert_eq!(pairs("a=x\\\\\nb=2"), [pair("a", "x\\"), pair("b", "2")]);
        assert_eq!(pairs("a=x\\"), [pair("a", "x")]);
    }

    #[test]
    fn escapes_are_read() {
        assert_eq!(pairs("a=\\t\\n\\u00e4\\ud83d\\ude00\\q"), [pair("a", "\t\nä😀q")]);
        let error = parse("ok=1\nbad=\\u12").expect_err("too short");
        assert!(error.to_string().starts_with("line 2: \\u12 is not"), "{error}");
    }

    #[test]
    fn the_last_of_two_counts() {
        assert_eq!(pairs("a=1\nb=2\na=3"), [pair("b", "2"), pair("a", "3")]);
    }
}
