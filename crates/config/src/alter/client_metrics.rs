//! What a client metrics subscription may say (KIP-714).

use super::{AlterError, invalid_request};
use crate::keys;
use crate::settings::Configs;
use crate::value::{Value, split_list};

/// What a client can be told apart by.
const SELECTORS: [&str; 6] = [
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

const INTERVAL_MS: std::ops::RangeInclusive<i64> = 100..=3_600_000;

pub(super) fn validate(configs: &Configs) -> Result<(), AlterError> {
    for (name, text) in configs {
        let Some(key) = keys::find_client_metrics(name) else {
            return Err(invalid_request(format!("Unknown client metrics configuration: {name}")));
        };
        // a list of metrics may name one twice
        let value = match name.as_str() {
            "metrics" if !split_list(text).iter().any(String::is_empty) => continue,
            _ => Value::of(key, text)?,
        };
        match (name.as_str(), &value) {
            ("interval.ms", Value::Number(ms)) if !INTERVAL_MS.contains(ms) => {
                return Err(invalid_request(format!(
                    "Invalid value {text} for interval.ms, interval must be between 100 and 3600000 (1 hour)"
                )));
            }
            ("match", Value::List(patterns)) => {
                if let Some(pattern) = patterns.iter().find(|pattern| !is_pattern(pattern)) {
                    return Err(AlterError::InvalidConfig(format!(
                        "Illegal client matching pattern: {pattern}"
                    )));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether this is a selector and a regular expression. Only what is wrong with any expression is seen here: an
/// unclosed group or class, or a trailing backslash.
fn is_pattern(pattern: &str) -> bool {
    let mut parts = pattern.split('=');
    let (Some(selector), Some(expression), None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    SELECTORS.contains(&selector.trim()) && is_closed(expression)
}

fn is_closed(expression: &str) -> bool {
    let (mut groups, mut in_class, mut escaped) = (0_usize, false, false);
    for c in expression.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => groups += 1,
            ')' if !in_class => match groups.checked_sub(1) {
                Some(left) => groups = left,
                None => return false,
            },
            _ => {}
        }
    }
    groups == 0 && !in_class && !escaped
}
