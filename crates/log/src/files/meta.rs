//! `partition.metadata` of a partition, and `meta.properties` and `.kafka_cleanshutdown` of a log directory.

use std::fs;
use std::io;
use std::path::Path;

use moldau_types::Uuid;

use super::whole::write_whole;
use crate::error::StorageError;

/// Holds a partition's topic id.
pub(crate) const PARTITION_METADATA: &str = "partition.metadata";
/// Says which node and cluster a log directory belongs to.
pub(crate) const META_PROPERTIES: &str = "meta.properties";
/// There after a clean stop only.
pub(crate) const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";

fn read_optional(path: &Path) -> Result<Option<String>, StorageError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StorageError::io("reading", path, error)),
    }
}

/// Writes `partition.metadata`, which the log's first sync brings to the disk; the file ends without a newline, as the reference writes it.
pub(crate) fn write_partition_metadata(dir: &Path, topic_id: Uuid) -> Result<(), StorageError> {
    let text = format!("version: 0\ntopic_id: {topic_id}");
    write_whole(&dir.join(PARTITION_METADATA), text.as_bytes(), false)
}

/// The topic id in `partition.metadata`, `None` without the file or with an empty one, as a loss of power may leave it.
pub(crate) fn read_partition_metadata(dir: &Path) -> Result<Option<Uuid>, StorageError> {
    let path = dir.join(PARTITION_METADATA);
    let Some(text) = read_optional(&path)? else { return Ok(None) };
    if text.trim_matches(['\0', '\n']).is_empty() {
        return Ok(None);
    }
    let mut version = None;
    let mut topic_id = None;
    for line in text.lines() {
        match line.split_once(": ") {
            Some(("version", value)) => version = Some(value.trim().to_owned()),
            Some(("topic_id", value)) => topic_id = value.trim().parse::<Uuid>().ok(),
            _ => {}
        }
    }
    match (version.as_deref(), topic_id) {
        (Some("0"), Some(id)) => Ok(Some(id)),
        _ => Err(StorageError::corrupt(&path, format!("not the metadata of a partition: {text:?}"))),
    }
}

/// What `meta.properties` says (version 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaProperties {
    /// Id of the cluster.
    pub cluster_id: String,
    /// Id of the node.
    pub node_id: i32,
    /// Id of this log directory.
    pub directory_id: Option<Uuid>,
}

/// Reads `meta.properties` of a log directory; `None` if it was never formatted.
pub fn read_meta_properties(dir: &Path) -> Result<Option<MetaProperties>, StorageError> {
    let path = dir.join(META_PROPERTIES);
    let Some(text) = read_optional(&path)? else { return Ok(None) };
    let mut values = std::collections::HashMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '!'])) {
        if let Some((key, value)) = line.split_once('=') {
            values.insert(key.trim(), value.trim().replace('\\', ""));
        }
    }
    let missing = |key: &str| StorageError::corrupt(&path, format!("{key} is missing or malformed"));
    if values.get("version").map(String::as_str) != Some("1") {
        return Err(missing("version (1)"));
    }
    Ok(Some(MetaProperties {
        cluster_id: values.get("cluster.id").cloned().ok_or_else(|| missing("cluster.id"))?,
        node_id: values.get("node.id").and_then(|v| v.parse().ok()).ok_or_else(|| missing("node.id"))?,
        directory_id: match values.get("directory.id") {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| missing("directory.id"))?),
        },
    }))
}

/// Writes `meta.properties` of a log directory, synced.
pub fn write_meta_properties(dir: &Path, meta: &MetaProperties) -> Result<(), StorageError> {
    let mut text = format!("#\nnode.id={}\n", meta.node_id);
    if let Some(id) = meta.directory_id {
        text.push_str(&format!("directory.id={id}\n"));
    }
    text.push_str(&format!("version=1\ncluster.id={}\n", meta.cluster_id));
    write_whole(&dir.join(META_PROPERTIES), text.as_bytes(), true)
}

/// Says that every log in `dir` was closed; `broker_epoch` is −1 where there is none.
pub(crate) fn write_clean_shutdown(dir: &Path, broker_epoch: i64) -> Result<(), StorageError> {
    let text = format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}");
    write_whole(&dir.join(CLEAN_SHUTDOWN), text.as_bytes(), true)
}

/// Takes the clean-shutdown file away and gives the broker epoch in it; `None` if the last stop was not clean.
pub(crate) fn take_clean_shutdown(dir: &Path) -> Result<Option<i64>, StorageError> {
    let path = dir.join(CLEAN_SHUTDOWN);
    let Some(text) = read_optional(&path)? else { return Ok(None) };
    fs::remove_file(&path).map_err(|e| StorageError::io("removing", &path, e))?;
    let digits: String = text
        .split_once("\"brokerEpoch\":")
        .map(|(_, rest)| rest.chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect())
        .unwrap_or_default();
    Ok(Some(digits.parse().unwrap_or(-1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let id = Uuid::from_u128(0x1234_5678_9abc_def0_1122_3344_5566_7788);
        assert_eq!(read_partition_metadata(dir.path()).unwrap(), None);
        write_partition_metadata(dir.path(), id).unwrap();
        assert_eq!(read_partition_metadata(dir.path()).unwrap(), Some(id));
        let text = fs::read_to_string(dir.path().join(PARTITION_METADATA)).unwrap();
        assert_eq!(text, format!("version: 0\ntopic_id: {id}"), "no newline at the end");
        assert_eq!(text.len(), 43);

        assert_eq!(read_meta_properties(dir.path()).unwrap(), None);
        let meta = MetaProperties { cluster_id: "c".into(), node_id: 5, directory_id: Some(id) };
        write_meta_properties(dir.path(), &meta).unwrap();
        assert_eq!(read_meta_properties(dir.path()).unwrap(), Some(meta));

        assert_eq!(take_clean_shutdown(dir.path()).unwrap(), None);
        write_clean_shutdown(dir.path(), 71).unwrap();
        assert_eq!(take_clean_shutdown(dir.path()).unwrap(), Some(71));
        assert_eq!(take_clean_shutdown(dir.path()).unwrap(), None, "it holds for one start");
    }

    #[test]
    fn an_empty_partition_metadata_counts_as_absent() {
        let dir = tempfile::tempdir().unwrap();
        for lost in ["", "\0\0\0"] {
            fs::write(dir.path().join(PARTITION_METADATA), lost).unwrap();
            assert_eq!(read_partition_metadata(dir.path()).unwrap(), None);
        }
    }

    #[test]
    fn broken_metadata_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(PARTITION_METADATA), "version: 0\ntopic_id: ???").unwrap();
        assert!(read_partition_metadata(dir.path()).is_err());
        fs::write(dir.path().join(META_PROPERTIES), "version=0\nbroker.id=1\n").unwrap();
        assert!(read_meta_properties(dir.path()).is_err());
    }
}
