//! Regular expressions for names: of topics, groups and other things that are meant as a whole.

use std::str::FromStr;

use regex::Regex;

/// A regular expression that a whole name must match, as in Kafka's tools.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Regex);

impl Pattern {
    pub(crate) fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }

    /// The expression as it was given.
    pub(crate) fn text(&self) -> &str {
        let whole = self.0.as_str();
        whole.strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$")).unwrap_or(whole)
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Alone first: what stands between brackets of ours must be sound by itself.
        Regex::new(text)
            .and_then(|_| Regex::new(&format!("^(?:{text})$")))
            .map(Self)
            .map_err(|error| format!("no regular expression: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_name_is_matched() {
        let pattern: Pattern = "fl.*|boards".parse().expect("sound");
        assert!(pattern.matches("flights") && pattern.matches("boards"));
        assert!(!pattern.matches("my-flights") && !pattern.matches("boards-2"));
        assert_eq!(pattern.text(), "fl.*|boards");
        assert!("a)(b".parse::<Pattern>().is_err() && "[".parse::<Pattern>().is_err());
    }
}
