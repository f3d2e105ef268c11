//! The CSV of Kafka's tool: `topic,partition,offset` for one group, `group,topic,partition,offset` for several.

use std::collections::BTreeSet;

use moldau_client::TopicPartition;

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// `None` where the file is about one group.
    pub(super) group: Option<String>,
    pub(super) partition: TopicPartition,
    pub(super) offset: i64,
}

/// Reads a file.
pub(super) fn parse(text: &str) -> Result<Vec<Line>, String> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(at, line)| {
            parse_line(line).ok_or_else(|| {
                format!("line {}: must be topic,partition,offset or group,topic,partition,offset", at + 1)
            })
        })
        .collect()
}

fn parse_line(line: &str) -> Option<Line> {
    let mut fields = split(line)?;
    let offset = fields.pop()?.trim().parse().ok().filter(|offset| *offset >= 0)?;
    let partition = fields.pop()?.trim().parse().ok().filter(|partition| *partition >= 0)?;
    let topic = fields.pop()?;
    let group = fields.pop();
    (fields.is_empty() && !topic.is_empty()).then(|| Line {
        group,
        partition: TopicPartition::new(topic.as_str(), partition),
        offset,
    })
}

/// Splits at commas outside of double quotes; a quote within quotes is doubled.
fn split(line: &str) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars().peekable();
    let mut quoted = false;
    while let Some(char) = chars.next() {
        let field = fields.last_mut()?;
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted || field.is_empty() => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            other => field.push(other),
        }
    }
    (!quoted).then_some(fields)
}

/// The lines about a group; those that name none are about any.
pub(super) fn of_group<'a>(lines: &'a [Line], id: &'a str) -> impl Iterator<Item = &'a Line> {
    lines.iter().filter(move |line| line.group.as_deref().is_none_or(|group| group == id))
}

/// Says that there is no line about a group, and about which there are.
pub(super) fn has_none(lines: &[Line], id: &str) -> String {
    const NAMED: usize = 10;
    let groups: BTreeSet<&str> = lines.iter().filter_map(|line| line.group.as_deref()).collect();
    let named: Vec<&str> = groups.iter().copied().take(NAMED).collect();
    match (named.is_empty(), groups.len().saturating_sub(NAMED)) {
        (true, _) => format!("the file has no line for group {id}; it has no lines at all"),
        (false, 0) => format!("the file has no line for group {id}; it has: {}", named.join(", ")),
        (false, more) => {
            format!("the file has no line for group {id}; it has: {} and {more} more", named.join(", "))
        }
    }
}

/// Writes a line without its end.
pub(super) fn line(group: Option<&str>, partition: &TopicPartition, offset: i64) -> String {
    let group = group.map(|group| quote(group) + ",").unwrap_or_default();
    format!("{group}{},{},{offset}", partition.topic, partition.partition)
}

fn quote(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let partition = TopicPartition::new("flights", 3);
        for group in [None, Some("boards"), Some("a,\"b\""), Some("")] {
            let text = line(group, &partition, 17);
            let wanted = Line { group: group.map(str::to_owned), partition: partition.clone(), offset: 17 };
            assert_eq!(parse(&text), Ok(vec![wanted]), "{text}");
        }
        assert_eq!(line(Some("boards"), &partition, 17), "boards,flights,3,17");
    }

    #[test]
    fn a_file_about_other_groups_did_nothing_and_said_nothing() {
        let lines = parse("boards,flights,0,1\nboards,flights,1,1\narrivals,flights,0,1\n").expect("sound");
        assert_eq!(of_group(&lines, "boards").count(), 2);
        assert_eq!(of_group(&lines, "board").count(), 0);
        assert_eq!(
            has_none(&lines, "board"),
            "the file has no line for group board; it has: arrivals, boards"
        );
        assert!(has_none(&[], "board").ends_with("no lines at all"));
        let many: String = (0..12).map(|number| format!("g{number:02},flights,0,1\n")).collect();
        assert!(has_none(&parse(&many).expect("sound"), "g").ends_with("g09 and 2 more"));
    }

    #[test]
    fn a_line_that_is_none_is_told_by_its_number() {
        for bad in ["flights,0", "a,b,c,0,1", "flights,x,1", "flights,0,-1", "\"a,b,0,1", ",0,1"] {
            let error = parse(&format!("flights,0,1\n\n{bad}\n")).expect_err(bad);
            assert!(error.starts_with("line 3"), "{error}");
        }
    }
}
