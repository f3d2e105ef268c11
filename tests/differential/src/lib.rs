//! The cases, the exchange with a server, and the comparison of what two servers answered.

mod answer;
mod cases;
mod connection;
mod report;
mod world;

use std::path::Path;

use anyhow::{Context, Result};

pub use report::{Report, compare};

/// What a server answered to one case in one version.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The case and the version, `Metadata v9: a topic that is not there`.
    pub case: String,
    /// The answer with what differs by nature masked, or how the connection ended.
    pub answer: serde_json::Value,
}

/// Runs all cases against a fresh server: the address for clients, and that of its controller's listener.
pub fn answers_of(address: &str, controller: &str) -> Result<Vec<Answer>> {
    cases::run(address, controller).with_context(|| format!("the server at {address}"))
}

/// What Apache Kafka 4.3.1 answered when it was last asked.
pub fn recorded() -> Result<Vec<Answer>> {
    include_str!("../recorded.jsonl")
        .lines()
        .map(|line| {
            let (case, answer): (String, serde_json::Value) = serde_json::from_str(line)?;
            Ok(Answer { case, answer })
        })
        .collect()
}

/// Keeps answers, one a line.
pub fn write_recorded(file: &Path, answers: &[Answer]) -> Result<()> {
    let mut text = String::new();
    for Answer { case, answer } in answers {
        // Whether objects keep their order is a feature that some other crate may turn on.
        let mut answer = answer.clone();
        answer.sort_all_objects();
        text.push_str(&serde_json::to_string(&(case, answer))?);
        text.push('\n');
    }
    std::fs::write(file, text).with_context(|| file.display().to_string())
}
