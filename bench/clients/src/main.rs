//! One client doing one piece of work as fast as it can: how many records a second, and how much of the processor.
//!
//! Always: what counts begins after the client is connected and the topic's metadata is there, and ends when the last
//! record is acknowledged or read. The last line is a JSON object. Which processor it runs on is left to the caller.

mod librdkafka;
mod measure;
mod moldau;

use std::process::ExitCode;

/// What to do.
pub(crate) struct Work {
    pub(crate) bootstrap: String,
    pub(crate) topic: String,
    pub(crate) records: u64,
    pub(crate) size: usize,
    /// Client settings over the defaults, the same for both clients.
    pub(crate) settings: Vec<(String, String)>,
}

const USAGE: &str =
    "moldau-client-bench moldau|librdkafka produce|consume HOST:PORT TOPIC RECORDS SIZE [KEY=VALUE…]";

fn work(arguments: &[String]) -> Option<Work> {
    let [bootstrap, topic, records, size, settings @ ..] = arguments else { return None };
    let setting = |text: &String| text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    Some(Work {
        bootstrap: bootstrap.clone(),
        topic: topic.clone(),
        records: records.parse().ok()?,
        size: size.parse().ok()?,
        settings: settings.iter().map(setting).collect::<Option<_>>()?,
    })
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let parsed = match arguments.as_slice() {
        [client, what, rest @ ..] => work(rest).map(|work| (client.as_str(), what.as_str(), work)),
        _ => None,
    };
    match parsed {
        Some(("moldau", "produce", work)) => moldau::produce(&work),
        Some(("moldau", "consume", work)) => moldau::consume(&work),
        Some(("librdkafka", "produce", work)) => librdkafka::produce(&work),
        Some(("librdkafka", "consume", work)) => librdkafka::consume(&work),
        _ => {
            eprintln!("usage: {USAGE}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
