//! Each typed field of the configs is read by something that is not the configs: a key that is called effective does
//! something.
//!
//! It looks for `.field` in the code of other crates, so a field that shares its name with another type's may pass
//! unread; names that are keys' names rarely do.

use std::collections::BTreeSet;

use super::{Source, is_word};

/// Where the typed fields are.
const TYPED: [&str; 3] = [
    "crates/config/src/broker/parts.rs",
    "crates/config/src/broker/listeners.rs",
    "crates/config/src/topic.rs",
];

/// Fields that nothing reads.
pub(super) fn unread(sources: &[Source]) -> Vec<String> {
    let mut read: BTreeSet<&str> = BTreeSet::new();
    for source in sources.iter().filter(|source| is_code_elsewhere(&source.path)) {
        let code = source.text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
        let after_dots = code.split('.').skip(1);
        read.extend(after_dots.map(|rest| rest.split(|c| !is_word(c)).next().unwrap_or_default()));
    }
    let mut problems = Vec::new();
    for source in sources.iter().filter(|source| TYPED.contains(&source.path.as_str())) {
        for (number, field) in fields(&source.text) {
            if !read.contains(field) {
                problems.push(format!(
                    "{}:{number}: nothing reads `{field}`: its key is not effective then, or something forgot it",
                    source.path
                ));
            }
        }
    }
    problems
}

fn is_code_elsewhere(path: &str) -> bool {
    let tests = path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs");
    let own = path.starts_with("crates/config/") || path.starts_with("crates/xtask/");
    path.ends_with(".rs") && !tests && !own
}

/// Fields of public structs and of `part!`, with their lines.
fn fields(text: &str) -> Vec<(usize, &str)> {
    let mut fields = Vec::new();
    let (mut in_part, mut in_struct) = (false, false);
    for (number, line) in text.lines().enumerate() {
        match line {
            "}" => (in_part, in_struct) = (false, false),
            "part! {" => in_part = true,
            _ if line.starts_with("pub struct ") && line.ends_with('{') => in_struct = true,
            _ => {}
        }
        let field = line.trim_start();
        let field = match (in_part, in_struct) {
            (true, _) => field.contains(" = ").then_some(field),
            (_, true) => field.strip_prefix("pub "),
            _ => None,
        };
        let name = field.and_then(|field| field.split_once(": ")).map(|(name, _)| name);
        if let Some(name) = name.filter(|name| name.chars().all(is_word)) {
            fields.push((number + 1, name));
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::unread;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.into(), text: text.into() }
    }

    #[test]
    fn a_config_that_only_the_configs_read_is_found() {
        let parts = "part! {\n    /// A part: of it.\n    Part {\n        first: i32 = \"first\",\n    }\n    computed {\n        \
                     /// Made.\n        second: bool = |s| second(s),\n    }\n}\n\nimpl Part {\n    fn f(&self) {\n        let \
                     x: i32 = self.first;\n    }\n}\n";
        let topic = "pub struct TopicConfig {\n    /// It.\n    pub third: i32,\n}\n";
        let with = |code: &str, path: &str| {
            unread(&[
                source("crates/config/src/broker/parts.rs", parts),
                source("crates/config/src/topic.rs", topic),
                source(path, code),
            ])
        };
        let all = "fn f(c: &C) { (c.part.first, c.part\n.second, t.third) }";
        assert_eq!(with(all, "crates/server/src/a.rs"), Vec::<String>::new());
        assert_eq!(with(all, "crates/config/src/a.rs").len(), 3);
        assert_eq!(with(all, "crates/server/tests/it/a.rs").len(), 3);
        assert_eq!(
            with("fn f() {}\n\n#[cfg(test)]\nmod tests { c.first }", "crates/server/src/a.rs").len(),
            3
        );
        let problems = with("fn f() { c.second + c.third + c.first_of_all }", "crates/server/src/a.rs");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("crates/config/src/broker/parts.rs:4: nothing reads `first`"));
    }
}
