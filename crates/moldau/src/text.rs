//! Text with escapes, and bytes as hex.

/// Reads `\n`, `\r`, `\t`, `\0`, `\\` and `\xNN` (up to 7f); everything else is itself.
pub(crate) fn unescaped(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        if next == '\\' {
            let byte = escape(&mut rest)?;
            if !byte.is_ascii() {
                return Err(format!("\\x{byte:02x} is no character"));
            }
            out.push(char::from(byte));
        } else {
            out.push(next);
        }
    }
    if out.is_empty() { Err("must not be empty".to_owned()) } else { Ok(out) }
}

/// Reads what stands behind a backslash.
pub(crate) fn escape(rest: &mut std::str::Chars<'_>) -> Result<u8, String> {
    match rest.next() {
        Some('n') => Ok(b'\n'),
        Some('r') => Ok(b'\r'),
        Some('t') => Ok(b'\t'),
        Some('0') => Ok(0),
        Some('\\') => Ok(b'\\'),
        Some('x') => {
            let digits: String = rest.by_ref().take(2).collect();
            match from_hex(&digits).as_deref() {
                Some([byte]) => Ok(*byte),
                _ => Err(format!("\\x{digits} is not \\x and two hex digits")),
            }
        }
        other => Err(format!(
            "\\{} means nothing; there are \\n \\r \\t \\0 \\\\ and \\xNN",
            other.map(String::from).unwrap_or_default()
        )),
    }
}

/// Bytes of a header's name or value as they stand in a line of headers: with a backslash before `,`, `=` and itself, a tab as
/// `\t` and a newline as `\n`.
pub(crate) fn header_escaped(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b',' | b'=' | b'\\' => out.extend([b'\\', *byte]),
            b'\t' => out.extend(b"\\t"),
            b'\n' => out.extend(b"\\n"),
            other => out.push(*other),
        }
    }
    out
}

/// What [`header_escaped`] made, back; all that [`escape`] reads is read too.
pub(crate) fn header_unescaped(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'\\', [next @ (b',' | b'='), after @ ..]) => {
                out.push(*next);
                rest = after;
            }
            (b'\\', _) => {
                // An escape is at most three characters; the bytes behind it may be anything.
                let ahead = String::from_utf8_lossy(&after[..after.len().min(3)]).into_owned();
                let mut chars = ahead.chars();
                out.push(escape(&mut chars).map_err(|why| format!("{why}, and in headers \\, and \\="))?);
                rest = &after[ahead.len() - chars.as_str().len()..];
            }
            _ => out.push(*first),
        }
    }
    Ok(out)
}

/// Splits a line of headers at a byte that has no backslash before it.
pub(crate) fn header_pieces(text: &[u8], at: u8) -> Vec<&[u8]> {
    let mut escaped = false;
    text.split(|byte| {
        let splits = *byte == at && !escaped;
        escaped = *byte == b'\\' && !escaped;
        splits
    })
    .collect()
}

/// Bytes as hex, two digits each.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

/// The bytes of hex; `None` when it is not that.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    text.as_bytes().chunks(2).map(|pair| Some((digit(pair[0])? * 16 + digit(*pair.get(1)?)?) as u8)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read() {
        assert_eq!(unescaped(r"\t|\x2c\\"), Ok("\t|,\\".to_owned()));
        assert_eq!(unescaped("ü:"), Ok("ü:".to_owned()));
        for bad in [r"\q", r"\x1", r"\xff", r"\", ""] {
            assert!(unescaped(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn headers_with_any_bytes_go_both_ways() {
        let bytes: Vec<u8> = (0..=255).rev().collect();
        assert_eq!(header_unescaped(&header_escaped(&bytes)), Ok(bytes));
        assert_eq!(header_escaped(b"a,b=c\\\t\n"), br"a\,b\=c\\\t\n");
        assert_eq!(header_unescaped(br"\x41\,\0"), Ok(b"A,\0".to_vec()));
        for bad in [&br"\q"[..], br"a\", b"\\\xff"] {
            assert!(header_unescaped(bad).is_err(), "{bad:?}");
        }
        let pieces = header_pieces(br"a=1\,2,b=\\,c", b',');
        assert_eq!(pieces, [&br"a=1\,2"[..], br"b=\\", b"c"]);
    }

    #[test]
    fn hex_goes_both_ways() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(from_hex(&to_hex(&bytes)), Some(bytes));
        assert_eq!(from_hex("FF00"), Some(vec![255, 0]));
        assert!(from_hex("f").is_none() && from_hex("zz").is_none() && from_hex("ü").is_none());
    }
}
