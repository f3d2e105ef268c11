//! Values as Java reads and writes them.

use super::{Value, double_text, parse_double, split_list};
use crate::keys;

fn of(name: &str, text: &str) -> Result<String, String> {
    let key = keys::find_broker(name).unwrap();
    Value::of(key, text).map(|v| v.to_text().unwrap_or("[hidden]".into())).map_err(|e| e.message)
}

#[test]
fn numbers_are_read_as_java_reads_them() {
    assert_eq!(of("num.partitions", " 5 ").unwrap(), "5");
    assert_eq!(of("num.partitions", "+5").unwrap(), "5");
    for text in ["x", "", "3000000000", "1.5", "5L"] {
        let expected =
            format!("Invalid value {text} for configuration num.partitions: Not a number of type INT");
        assert_eq!(of("num.partitions", text).unwrap_err(), expected);
    }
    assert_eq!(
        of("offsets.topic.replication.factor", "70000").unwrap_err(),
        "Invalid value 70000 for configuration offsets.topic.replication.factor: Not a number of type SHORT"
    );
}

#[test]
fn booleans_are_read_in_any_case() {
    assert_eq!(of("auto.create.topics.enable", " TRUE ").unwrap(), "true");
    assert_eq!(
        of("auto.create.topics.enable", "yes").unwrap_err(),
        "Invalid value yes for configuration auto.create.topics.enable: Expected value to be either true or false"
    );
}

#[test]
fn doubles_look_like_java_s() {
    for (double, text) in [
        (0.0, "0.0"),
        (1.0, "1.0"),
        (0.5, "0.5"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (9_999_999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (12_345_678.9, "1.23456789E7"),
        (f64::MAX, "1.7976931348623157E308"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "Infinity"),
        (-2.5, "-2.5"),
    ] {
        assert_eq!(double_text(double), text);
    }
    for (text, double) in
        [("1", 1.0), ("1e3", 1000.0), (".5", 0.5), ("0.5f", 0.5), ("2D", 2.0), ("-Infinity", -f64::INFINITY)]
    {
        assert_eq!(parse_double(text), Some(double), "{text}");
    }
    for text in ["", "x", "inf", "nan", "infinity", "1e", "0x1p3", "1,5"] {
        assert_eq!(parse_double(text), None, "{text}");
    }
}

#[test]
fn lists_lose_the_white_space_around_their_commas() {
    assert_eq!(split_list(" a , b,c "), ["a", "b", "c"]);
    assert_eq!(split_list("  "), Vec::<String>::new());
    assert_eq!(split_list("a,"), ["a", ""]);
}

#[test]
fn passwords_are_never_shown() {
    let value = Value::of(keys::find_broker("ssl.key.password").unwrap(), "secret").unwrap();
    assert_eq!(value.to_text(), None);
    assert_eq!(format!("{value:?}"), "[hidden]");
    assert_eq!(value.as_text(), Some("secret"));
}
