//! What the Rust clients' programs share: how scenarios are run and reported, and how a member speaks to the runner.
//! tests/compat/README.md says what is printed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

/// The timestamp, in milliseconds, that records' timestamps are counted from.
pub const BASE_TIME: i64 = 1_700_000_000_000;
/// How long a wait may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Why the client itself cannot do something.
#[derive(Debug)]
pub struct Unsupported(pub &'static str);

impl std::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Unsupported {}

/// A scenario: gives what the client saw.
pub type Body = Box<dyn Fn(String) -> Pin<Box<dyn Future<Output = Result<Value>>>>>;

/// A scenario that runs `body` with the server's address.
pub fn run<F, R>(body: F) -> Body
where
    F: Fn(String) -> R + 'static,
    R: Future<Output = Result<Value>> + 'static,
{
    Box::new(move |address| Box::pin(body(address)))
}

/// A scenario that the client cannot do.
pub fn cannot(why: &'static str) -> Body {
    Box::new(move |_| Box::pin(async move { Err(Unsupported(why).into()) }))
}

/// A member of a group, as the command line asks for it.
pub struct Membership {
    /// The server.
    pub address: String,
    /// The topic to consume.
    pub topic: String,
    /// The group to join.
    pub group: String,
    /// `range`, `roundrobin`, `sticky`, `cooperative-sticky`, or `default` for the client's own choice.
    pub assignor: String,
    /// The instance id of a static member.
    pub instance: Option<String>,
    told: Arc<AtomicBool>,
    said: Option<Vec<i32>>,
}

impl Membership {
    /// Whether the runner has ended the standard input, so that this member should leave.
    pub fn told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// Says what this member owns, if that has changed.
    pub fn owns(&mut self, partitions: impl IntoIterator<Item = i32>) {
        let mut now: Vec<i32> = partitions.into_iter().collect();
        now.sort_unstable();
        if self.said.as_ref() != Some(&now) {
            println!("{}", json!({"assigned": now}));
            self.said = Some(now);
        }
    }
}

/// Runs the scenarios that the command line names, or a member of a group.
pub async fn main<F, R>(scenarios: Vec<(&'static str, Body)>, member: F) -> Result<()>
where
    F: FnOnce(Membership) -> R,
    R: Future<Output = Result<()>>,
{
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [first, address, topic, group, assignor, instance @ ..] if first == "member" => {
            let membership = Membership {
                address: address.clone(),
                topic: topic.clone(),
                group: group.clone(),
                assignor: assignor.clone(),
                instance: instance.first().cloned(),
                told: told(),
                said: None,
            };
            match member(membership).await {
                Err(error) if error.is::<Unsupported>() => {
                    println!("{}", json!({"unsupported": error.to_string()}))
                }
                other => other?,
            }
            // the thread that waits for the standard input is not waited for
            std::process::exit(0)
        }
        [address, names @ ..] => {
            for (name, body) in &scenarios {
                if names.is_empty() || names.iter().any(|wanted| wanted == name) {
                    println!("{}", reported(name, body(address.clone()).await));
                }
            }
            Ok(())
        }
        [] => bail!("usage: HOST:PORT [SCENARIO…] or member HOST:PORT TOPIC GROUP ASSIGNOR [INSTANCE]"),
    }
}

fn reported(name: &str, result: Result<Value>) -> Value {
    match result {
        Ok(answer) => json!({"scenario": name, "result": "passed", "answer": answer}),
        Err(error) if error.is::<Unsupported>() => {
            json!({"scenario": name, "result": "unsupported", "why": error.to_string()})
        }
        Err(error) => json!({"scenario": name, "result": "failed", "why": format!("{error:?}")}),
    }
}

fn told() -> Arc<AtomicBool> {
    let told = Arc::new(AtomicBool::new(false));
    let ended = told.clone();
    tokio::spawn(async move {
        let mut all = Vec::new();
        let _ = tokio::io::stdin().read_to_end(&mut all).await;
        ended.store(true, Ordering::Relaxed);
    });
    told
}

/// The server's address through the proxy that cuts connections.
pub fn cut_address() -> String {
    std::env::var("CUT_ADDRESS").unwrap_or_default()
}

/// A name that no other topic or group has.
pub fn unique(what: &str) -> String {
    format!("{what}-{}", uuid::Uuid::new_v4())
}

/// Key, value and timestamp of the records that are sent with each compression.
pub fn records() -> Vec<(String, String, i64)> {
    (0..500).map(|n| (format!("k{n}"), format!("value {n} ").repeat(20), BASE_TIME + n)).collect()
}

/// Null for no bytes.
pub fn text(bytes: Option<&[u8]>) -> Value {
    bytes.map_or(Value::Null, |bytes| Value::from(String::from_utf8_lossy(bytes)))
}

/// Ends a wait.
pub struct Deadline(Instant);

impl Default for Deadline {
    fn default() -> Self {
        Self(Instant::now() + PATIENCE)
    }
}

impl Deadline {
    /// An error that says what was waited for, when the time is over.
    pub fn check(&self, otherwise: impl FnOnce() -> String) -> Result<()> {
        if Instant::now() > self.0 {
            bail!(otherwise());
        }
        Ok(())
    }
}
