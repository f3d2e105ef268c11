//! Points in time on the command line and in output: milliseconds since 1970 (UTC), or ISO 8601.

use std::time::Duration;

/// Reads `1357016400000`, `2013-01-01`, `2013-01-01T05:15`, `2013-01-01T05:15:00.5Z` or with an offset such as `+01:00`.
/// Without an offset it is UTC.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let wrong = || "must be milliseconds since 1970, or a time such as 2013-01-01T05:15:00Z".to_owned();
    if let Ok(ms) = text.parse::<i64>() {
        return if ms >= 0 { Ok(ms) } else { Err(wrong()) };
    }
    iso(text).ok_or_else(wrong)
}

/// Reads an ISO 8601 time; `None` for anything else.
pub(crate) fn iso(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, time),
        None => (text, "00:00"),
    };
    let mut parts = date.splitn(3, '-');
    let year: i64 = digits(parts.next()?, 4)?;
    let month: i64 = digits(parts.next()?, 2)?;
    let day: i64 = digits(parts.next()?, 2)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let (clock, offset_minutes) = split_offset(time)?;
    let mut parts = clock.splitn(3, ':');
    let hour: i64 = digits(parts.next()?, 2)?;
    let minute: i64 = digits(parts.next()?, 2)?;
    let (second, millis) = match parts.next() {
        None => (0, 0),
        Some(seconds) => match seconds.split_once('.') {
            None => (digits(seconds, 2)?, 0),
            Some((whole, fraction)) => {
                if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                let three: String = fraction.chars().chain("000".chars()).take(3).collect();
                (digits(whole, 2)?, three.parse().ok()?)
            }
        },
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds =
        days_from_civil(year, month, day) * 86_400 + hour * 3_600 + (minute - offset_minutes) * 60 + second;
    Some(seconds * 1000 + millis).filter(|ms| *ms >= 0)
}

fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, 0)) };
    let (clock, offset) = time.split_at(at);
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let digits_of_it = &offset[1..];
    let (hours, minutes) = match digits_of_it.split_once(':') {
        Some(parts) => parts,
        None => digits_of_it.split_at_checked(2)?,
    };
    let minutes = if minutes.is_empty() { 0 } else { digits(minutes, 2)? };
    Some((clock, sign * (digits(hours, 2)? * 60 + minutes)))
}

/// Writes a time as ISO 8601 in UTC; milliseconds only where there are some.
pub(crate) fn to_iso(ms: i64) -> String {
    let (days, in_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let (year, month, day) = civil_from_days(days);
    let (seconds, millis) = (in_day / 1000, in_day % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = if millis == 0 { String::new() } else { format!(".{millis:03}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01; years are counted from March, so that the leap day is the last one.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Reads a number of seconds, with a fraction.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    text.trim_end_matches('s')
        .parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "must be a number of seconds".to_owned())
}

/// Reads an ISO 8601 duration such as `P1DT12H` or `PT1H30M`, or a short one such as `90s`, `15m`, `2h`, `7d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = match text.strip_prefix(['P', 'p']) {
        Some(iso) => iso_seconds(&iso.to_ascii_uppercase()),
        None => short_seconds(text),
    };
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "must be a duration such as PT1H30M, P7D, 90s, 15m, 2h or 7d".to_owned())
}

fn decimal(text: &str) -> Option<f64> {
    let sound = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    sound.then(|| text.parse().ok())?
}

fn short_seconds(text: &str) -> Option<f64> {
    let unit = text.chars().last()?;
    let factor = match unit {
        's' => 1.0,
        'm' => 60.0,
        'h' => 3_600.0,
        'd' => 86_400.0,
        _ => return None,
    };
    Some(decimal(&text[..text.len() - 1])? * factor)
}

/// What stands behind the `P`; the units may each be left out, but not all.
fn iso_seconds(text: &str) -> Option<f64> {
    let (days, time) = match text.split_once('T') {
        Some((_, "")) => return None,
        Some((days, time)) => (days, time),
        None => (text, ""),
    };
    if days.is_empty() && time.is_empty() {
        return None;
    }
    let mut seconds = 0.0;
    for (mut rest, units) in
        [(days, &[('D', 86_400.0)][..]), (time, &[('H', 3_600.0), ('M', 60.0), ('S', 1.0)][..])]
    {
        for (unit, factor) in units {
            if let Some((number, after)) = rest.split_once(*unit) {
                seconds += decimal(number)? * factor;
                rest = after;
            }
        }
        if !rest.is_empty() {
            return None;
        }
    }
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_times_are_read() {
        for (text, ms) in [
            ("1970-01-01", 0),
            ("2013-01-01T05:15:00Z", 1_357_017_300_000),
            ("2013-01-01T05:15", 1_357_017_300_000),
            ("2013-01-01 00:15:00-05:00", 1_357_017_300_000),
            ("2013-01-01T06:15:00.25+0100", 1_357_017_300_250),
            ("2000-02-29", 951_782_400_000),
            ("1357017300000", 1_357_017_300_000),
        ] {
            assert_eq!(parse(text), Ok(ms), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "2013-13-01",
            "2013-02-29",
            "2013-01-01T25:00",
            "2013-01-01T05:15:00+",
            "-5",
            "2013-1-1",
            "2013-01-01T05:15:00.Z",
            "2013-01-01T05:15+1",
            // was a panic: not at a character's begin
            "2013-01-01T00:00+aé1",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_read() {
        for (text, seconds) in [
            ("PT1H30M", 5_400.0),
            ("P1DT0.5S", 86_400.5),
            ("p2d", 172_800.0),
            ("90s", 90.0),
            ("1.5h", 5_400.0),
            ("7d", 604_800.0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "P", "PT", "P1H", "PT1D", "1", "1w", "-1h", "PT-1S", "h", "PT1M1H"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for ms in (0..4_000_000_000_000i64).step_by(86_399_997_001) {
            assert_eq!(parse(&to_iso(ms)), Ok(ms), "{}", to_iso(ms));
        }
        assert_eq!(to_iso(1_357_017_300_000), "2013-01-01T05:15:00Z");
    }
}
