//! The `.properties` format, with its rare forms.

use super::{PropertiesError, load, parse, parse_str, write};

fn pairs(text: &str) -> Vec<(String, String)> {
    parse_str(text).unwrap()
}

fn one(text: &str) -> (String, String) {
    let all = pairs(text);
    assert_eq!(all.len(), 1, "{all:?}");
    all.into_iter().next().unwrap()
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[test]
fn every_separator_divides_a_key_from_its_value() {
    for text in ["a=b", "a:b", "a b", "a = b", "a : b", "a\tb", "  a  =  b", "a\u{c}b"] {
        assert_eq!(one(text), pair("a", "b"), "{text:?}");
    }
    assert_eq!(one("a==b"), pair("a", "=b"));
    assert_eq!(one("a = : b"), pair("a", ": b"));
    assert_eq!(one("a b=c"), pair("a", "b=c"));
    assert_eq!(one("a"), pair("a", ""));
    assert_eq!(one("a="), pair("a", ""));
    assert_eq!(one("=b"), pair("", "b"));
}

#[test]
fn white_space_at_the_end_belongs_to_the_value() {
    assert_eq!(one("a=b  "), pair("a", "b  "));
}

#[test]
fn comments_and_blank_lines_say_nothing() {
    assert_eq!(pairs("# c\n! d\n\n   \n  # e\n a=b\n"), [pair("a", "b")]);
    assert_eq!(one("a=b # not a comment"), pair("a", "b # not a comment"));
    // a comment is not continued
    assert_eq!(pairs("# c \\\na=b"), [pair("a", "b")]);
}

#[test]
fn a_backslash_at_the_end_continues_a_line() {
    assert_eq!(one("a=b,\\\n   c,\\\r\n\td"), pair("a", "b,c,d"));
    assert_eq!(pairs("a=b\\\\\nc=d"), [pair("a", "b\\"), pair("c", "d")]);
    assert_eq!(one("a=b\\"), pair("a", "b"));
    // blank and comment-like lines inside a continuation are part of it
    assert_eq!(one("a=b\\\n#c"), pair("a", "b#c"));
    assert_eq!(pairs("a=b\\\n\nc=d"), [pair("a", "b"), pair("c", "d")]);
    assert_eq!(one("ke\\\n  y=v"), pair("key", "v"));
}

#[test]
fn line_ends_of_every_system_are_read() {
    assert_eq!(
        pairs("a=1\rb=2\r\nc=3\nd=4"),
        [pair("a", "1"), pair("b", "2"), pair("c", "3"), pair("d", "4")]
    );
}

#[test]
fn escapes_are_resolved_in_keys_and_values() {
    assert_eq!(one("a\\ b\\=c\\:d = \\t\\n\\r\\f\\q\\\\"), pair("a b=c:d", "\t\n\r\u{c}q\\"));
    assert_eq!(one("a=\\u0041\\u00e9\\uD83D\\uDE00"), pair("a", "Aé😀"));
    assert_eq!(one("\\#a=b"), pair("#a", "b"));
}

#[test]
fn a_malformed_unicode_escape_names_its_line() {
    let error = parse_str("a=b\n\nc=\\u12x4").unwrap_err();
    assert_eq!(error.line, 3);
    assert!(error.to_string().contains("12x4"), "{error}");
    for text in ["a=\\u", "a=\\u00", "a=\\ud83d", "a=\\ud83d\\u0041", "a=\\ude00", "a=\\u+123"] {
        assert!(matches!(parse_str(text), Err(PropertiesError { line: 1, .. })), "{text}");
    }
}

#[test]
fn the_last_of_two_values_wins() {
    assert_eq!(pairs("a=1\nb=2\na=3"), [pair("a", "3"), pair("b", "2")]);
}

#[test]
fn utf8_and_latin1_bytes_are_both_read() {
    assert_eq!(parse("a=é".as_bytes()).unwrap(), [pair("a", "é")]);
    assert_eq!(parse(b"a=\xe9").unwrap(), [pair("a", "é")]);
    assert_eq!(parse(b"\xef\xbb\xbfa=b").unwrap(), [pair("a", "b")]);
    assert_eq!(parse(b"").unwrap(), []);
}

#[test]
fn what_is_written_reads_back_the_same() {
    let hard = [("a b", " c  "), ("=:#!", "=:#!\\"), ("é\u{c}", "😀\t\n\r"), ("", "x"), ("k", "")];
    let text = write(hard);
    assert!(text.is_ascii());
    let read = pairs(&text);
    assert_eq!(read, hard.map(|(k, v)| pair(k, v)));
}

#[test]
fn a_missing_file_is_named() {
    let error = load(std::path::Path::new("no-such-file.properties")).unwrap_err();
    assert!(error.to_string().contains("no-such-file.properties"), "{error}");
}
