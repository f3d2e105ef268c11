//! Which values a key allows, beyond their type. The messages have the shape that Kafka's clients and tools print.

use crate::error::InvalidConfig;
use crate::listener::HostPort;
use crate::value::Value;

/// The values a key allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Validator {
    /// All of its type.
    Any,
    /// Numbers from this one on.
    AtLeast(i64),
    /// Numbers from the first to the second.
    Between(f64, f64),
    /// 1 to 9, or -1.
    GzipLevel,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// One of these texts, however written.
    OneOfAnyCase(&'static [&'static str]),
    /// A text that is not blank.
    NotBlank,
    /// A list of any texts, none of them empty, none twice.
    AnyList {
        /// Whether it may have no text at all.
        empty: bool,
    },
    /// A list of some of these texts, none twice.
    ListOf {
        /// The texts.
        texts: &'static [&'static str],
        /// Whether it may have no text at all.
        empty: bool,
    },
    /// host:port, or nothing.
    Address,
    /// id@host:port of each controller.
    QuorumVoters,
    /// host:port of some controllers.
    QuorumServers,
    /// `*`, or partition:broker pairs.
    ThrottledReplicas,
    /// `earliest`, `latest` or `by_duration:` with an ISO 8601 duration.
    OffsetReset,
}

impl Validator {
    /// Whether `value` is allowed for the key `name`.
    pub fn check(&self, name: &str, value: &Value) -> Result<(), InvalidConfig> {
        match (self, value) {
            (Self::Any, _) => Ok(()),
            (Self::AtLeast(min), value) => range(name, value, Some(*min as f64), None),
            (Self::Between(min, max), value) => range(name, value, Some(*min), Some(*max)),
            (Self::GzipLevel, Value::Number(-1 | 1..=9)) => Ok(()),
            (Self::GzipLevel, value) => refuse(name, value, "Value must be between 1 and 9 or equal to -1"),
            (Self::OneOf(texts), Value::Text(text)) => one_of(name, text, texts),
            (Self::OneOfAnyCase(texts), Value::Text(text)) => {
                if texts.iter().any(|allowed| allowed.eq_ignore_ascii_case(text)) {
                    return Ok(());
                }
                refuse(name, value, &format!("String must be one of (case insensitive): {}", texts.join(", ")))
            }
            (Self::NotBlank, Value::Text(text)) if text.is_empty() => refuse(name, value, "String must be non-empty"),
            (Self::AnyList { empty }, Value::List(texts)) => list(name, texts, &[], *empty),
            (Self::ListOf { texts: allowed, empty }, Value::List(texts)) => list(name, texts, allowed, *empty),
            (Self::Address, Value::Text(text)) if text.is_empty() || HostPort::parse(text).is_some() => Ok(()),
            (Self::Address, value) => refuse(name, value, "must be host:port, or empty for none"),
            (Self::QuorumVoters, Value::List(voters)) => voters.iter().try_for_each(|voter| match parse_voter(voter) {
                Some(_) => Ok(()),
                None => Err(InvalidConfig::new(format!(
                    "Invalid configuration value for {name}. Each entry should be in the form `{{id}}@{{host}}:{{port}}`."
                ))),
            }),
            (Self::QuorumServers, Value::List(servers)) => servers.iter().try_for_each(|s| match HostPort::parse(s) {
                Some(_) => Ok(()),
                None => Err(InvalidConfig::new(format!(
                    "Invalid configuration value for {name}. Each entry should be in the form `{{host}}:{{port}}`."
                ))),
            }),
            (Self::ThrottledReplicas, Value::List(replicas)) => throttled(name, replicas),
            (Self::OffsetReset, Value::Text(text)) => offset_reset(name, text),
            // a text where a list is checked, or the other way round, cannot come from the tables
            _ => Ok(()),
        }
    }

    /// What is allowed, in a few words for the docs; none where all is.
    pub fn describe(&self) -> Option<String> {
        let or_none = |empty: bool| if empty { "" } else { ", not empty" };
        Some(match self {
            Self::Any => return None,
            Self::AtLeast(min) => format!("at least {min}"),
            Self::Between(min, max) => format!("{min} to {max}"),
            Self::GzipLevel => "1 to 9, or -1".into(),
            Self::OneOf(texts) => format!("one of {}", texts.join(", ")),
            Self::OneOfAnyCase(texts) => format!("one of {} in any case", texts.join(", ")),
            Self::NotBlank => "not blank".into(),
            Self::AnyList { empty } => format!("each once{}", or_none(*empty)),
            Self::ListOf { texts, empty } => {
                format!("some of {}, each once{}", texts.join(", "), or_none(*empty))
            }
            Self::Address => "host:port, or empty".into(),
            Self::QuorumVoters => "id@host:port, …".into(),
            Self::QuorumServers => "host:port, …".into(),
            Self::ThrottledReplicas => "* or partition:broker, …".into(),
            Self::OffsetReset => "earliest, latest or by_duration:PnDTnHnMn.nS".into(),
        })
    }
}

/// Reads `id@host:port`.
pub(crate) fn parse_voter(text: &str) -> Option<(i32, HostPort)> {
    let (id, address) = text.split_once('@')?;
    let id = id.parse().ok().filter(|id| *id >= 0)?;
    Some((id, HostPort::parse(address)?))
}

fn refuse(name: &str, value: &Value, why: &str) -> Result<(), InvalidConfig> {
    Err(InvalidConfig::value(name, &value.to_text().unwrap_or_else(|| "[hidden]".into()), why))
}

fn range(name: &str, value: &Value, min: Option<f64>, max: Option<f64>) -> Result<(), InvalidConfig> {
    let number = match value {
        Value::Number(number) => *number as f64,
        Value::Double(double) => *double,
        _ => return Ok(()),
    };
    match (min, max) {
        (Some(min), _) if number < min => refuse(name, value, &format!("Value must be at least {min}")),
        (_, Some(max)) if number > max => refuse(name, value, &format!("Value must be no more than {max}")),
        _ => Ok(()),
    }
}

fn one_of(name: &str, text: &str, allowed: &[&str]) -> Result<(), InvalidConfig> {
    if allowed.contains(&text) {
        return Ok(());
    }
    Err(InvalidConfig::value(name, text, &format!("String must be one of: {}", allowed.join(", "))))
}

/// Checks a list; `allowed` is empty where any text is.
fn list(name: &str, texts: &[String], allowed: &[&str], may_be_empty: bool) -> Result<(), InvalidConfig> {
    if texts.is_empty() && !may_be_empty {
        let include = if allowed.is_empty() {
            "any non-empty value".into()
        } else {
            format!("[{}]", allowed.join(", "))
        };
        return Err(InvalidConfig::new(format!(
            "Configuration '{name}' must not be empty. Valid values include: {include}"
        )));
    }
    if texts.iter().enumerate().any(|(at, text)| texts[..at].contains(text)) {
        return Err(InvalidConfig::new(format!("Configuration '{name}' values must not be duplicated.")));
    }
    for text in texts {
        if text.is_empty() {
            return Err(InvalidConfig::new(format!("Configuration '{name}' values must not be empty.")));
        }
        if !allowed.is_empty() {
            one_of(name, text, allowed)?;
        }
    }
    Ok(())
}

fn throttled(name: &str, replicas: &[String]) -> Result<(), InvalidConfig> {
    let is_pair = |text: &String| {
        text.split_once(':').is_some_and(|(partition, broker)| {
            [partition, broker].iter().all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        })
    };
    // an empty part at the end is let through, as the reference does
    let parts = replicas.strip_suffix(&[String::new()]).filter(|rest| !rest.is_empty()).unwrap_or(replicas);
    if parts.iter().all(is_pair) || matches!(parts, [only] if only == "*") {
        return Ok(());
    }
    Err(InvalidConfig::value(
        name,
        &format!("[{}]", replicas.join(", ")),
        &format!(
            "{name} must be the literal '*' or a list of replicas in the following format: \
             [partitionId]:[brokerId],[partitionId]:[brokerId],..."
        ),
    ))
}

fn offset_reset(name: &str, text: &str) -> Result<(), InvalidConfig> {
    let allowed = matches!(text, "earliest" | "latest")
        || text.strip_prefix("by_duration:").is_some_and(is_positive_duration);
    if allowed {
        return Ok(());
    }
    let why = format!(
        "Invalid value `{text}` for configuration {name}. The value must be either 'earliest', 'latest' \
         or of the format 'by_duration:<PnDTnHnMn.nS>'."
    );
    Err(InvalidConfig::value(name, text, &why))
}

/// Whether this is a duration as `java.time.Duration` reads it (PnDTnHnMn.nS), not negative.
fn is_positive_duration(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    let Some(rest) = upper.strip_prefix('P') else { return false };
    let (days, time) = match rest.split_once('T') {
        Some((days, time)) => (days, Some(time)),
        None => (rest, None),
    };
    let Some(day_count) = duration_parts(days, &['D']) else { return false };
    match time {
        None => day_count > 0,
        Some(time) => duration_parts(time, &['H', 'M', 'S']).is_some_and(|count| count > 0),
    }
}

/// How many of the units, in their order, are in the text with a number before each; none where anything else is.
fn duration_parts(mut text: &str, units: &[char]) -> Option<usize> {
    let mut count = 0;
    for &unit in units {
        let Some(end) = text.find(|c: char| c.is_ascii_alphabetic()) else { break };
        if !text[end..].starts_with(unit) {
            continue;
        }
        let number = text[..end].strip_prefix('+').unwrap_or(&text[..end]);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || (unit != 'S' && number.contains('.')) {
            return None;
        }
        text = &text[end + 1..];
        count += 1;
    }
    text.is_empty().then_some(count)
}

#[cfg(test)]
mod tests;
