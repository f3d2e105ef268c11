//! `moldau log dirs`: where the replicas of a cluster are, and how large.

use std::collections::BTreeMap;

use moldau_client::admin::LogDirDescription;
use serde_json::json;

use crate::args::log::LogDirsArgs;
use crate::command::report_all;
use crate::failure::Failure;
use crate::output::{Table, show};

type Dirs = BTreeMap<i32, BTreeMap<String, LogDirDescription>>;

pub(super) async fn dirs(args: LogDirsArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let brokers = match &args.broker[..] {
        [] => admin.describe_cluster().await?.brokers.into_iter().map(|broker| broker.id).collect(),
        some => some.to_vec(),
    };
    let mut dirs = Dirs::new();
    let mut failures = Vec::new();
    for (broker, result) in admin.describe_log_dirs(&brokers).await? {
        match result {
            Ok(found) => {
                dirs.insert(broker, found);
            }
            Err(error) => failures.push(Err::<(), _>(error)),
        }
    }
    let with_replicas = args.replicas || !args.topics.is_empty();
    if with_replicas && !args.topics.is_empty() {
        let wanted = |topic: &str| args.topics.iter().any(|wanted| wanted == topic);
        for dir in dirs.values_mut().flat_map(BTreeMap::values_mut) {
            dir.replicas.retain(|partition, _| wanted(&partition.topic));
        }
    }
    show(
        settings.output,
        || json_of(&dirs),
        || if with_replicas { replicas_of(&dirs) } else { dirs_of(&dirs) },
    )?;
    report_all(failures).map(|_| ())
}

fn size(dir: &LogDirDescription) -> i64 {
    dir.replicas.values().map(|replica| replica.size).sum()
}

fn json_of(dirs: &Dirs) -> serde_json::Value {
    let all = dirs.iter().flat_map(|(broker, dirs)| dirs.iter().map(move |(path, dir)| (broker, path, dir)));
    all.map(|(broker, path, dir)| {
        json!({
            "broker": broker,
            "log_dir": path,
            "error": dir.error.map(|code| code.name()),
            "size_bytes": size(dir),
            "total_bytes": dir.total_bytes,
            "usable_bytes": dir.usable_bytes,
            "cordoned": dir.is_cordoned,
            "replicas": dir.replicas.iter().map(|(partition, replica)| json!({
                "topic": &*partition.topic,
                "partition": partition.partition,
                "size_bytes": replica.size,
                "offset_lag": replica.offset_lag,
                "is_future": replica.is_future,
            })).collect::<Vec<_>>(),
        })
    })
    .collect()
}

fn dirs_of(dirs: &Dirs) -> String {
    let mut table =
        Table::new(&["BROKER", "LOG DIR", "STATE", "REPLICAS", "SIZE BYTES", "TOTAL BYTES", "USABLE BYTES"]);
    let number = |value: Option<i64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    for (broker, dirs) in dirs {
        for (path, dir) in dirs {
            let state = match dir.error {
                Some(code) => code.name(),
                None if dir.is_cordoned => "cordoned",
                None => "online",
            };
            table.row(vec![
                broker.to_string(),
                path.clone(),
                state.to_owned(),
                dir.replicas.len().to_string(),
                size(dir).to_string(),
                number(dir.total_bytes),
                number(dir.usable_bytes),
            ]);
        }
    }
    table.text()
}

fn replicas_of(dirs: &Dirs) -> String {
    let mut table =
        Table::new(&["TOPIC", "PARTITION", "BROKER", "LOG DIR", "SIZE BYTES", "OFFSET LAG", "MOVING"]);
    let mut rows = Vec::new();
    for (broker, dirs) in dirs {
        for (path, dir) in dirs {
            for (partition, replica) in &dir.replicas {
                rows.push((partition, broker, path, replica));
            }
        }
    }
    rows.sort_by(|one, other| (one.0, one.1, one.2).cmp(&(other.0, other.1, other.2)));
    for (partition, broker, path, replica) in rows {
        table.row(vec![
            partition.topic.to_string(),
            partition.partition.to_string(),
            broker.to_string(),
            path.clone(),
            replica.size.to_string(),
            replica.offset_lag.to_string(),
            if replica.is_future { "here" } else { "-" }.to_owned(),
        ]);
    }
    table.text()
}
