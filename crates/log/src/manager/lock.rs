//! Taking the log directories for this process, and `meta.properties`.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use moldau_types::Uuid;
use parking_lot::{Mutex, RwLock};
use rustix::fs::{FlockOperation, fcntl_lock, flock};

use super::flusher::Flusher;
use super::{Dir, LogManager, METADATA_LOG_DIR};
use crate::directory::LogDir;
use crate::error::StorageError;
use crate::files::meta::{MetaProperties, read_meta_properties, write_meta_properties};
use crate::files::split_dir_name;

/// Keeps other processes out of a log directory while it is locked.
const LOCK_FILE: &str = ".lock";

/// Why the log directories could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum OpenDirsError {
    /// Another process has the directory.
    #[error("log directory {} is in use: another process holds its .lock file; stop that process or choose another directory", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// No directory can be used.
    #[error("none of the log directories can be used; the first failed with: {first}")]
    NoneUsable {
        /// What was wrong with the first.
        first: String,
    },
    /// The same directory was given twice.
    #[error("log directory {} is given twice", dir.display())]
    GivenTwice {
        /// The directory.
        dir: PathBuf,
    },
}

/// Why the directories do not fit this node.
#[derive(Debug, thiserror::Error)]
pub enum MetaError {
    /// A directory belongs to another cluster.
    #[error("log directory {} belongs to cluster {found}, not {expected}", dir.display())]
    OtherCluster {
        /// The directory.
        dir: PathBuf,
        /// The cluster id in it.
        found: String,
        /// The cluster id expected.
        expected: String,
    },
    /// A directory belongs to another node.
    #[error("log directory {} belongs to node {found}, not {expected}", dir.display())]
    OtherNode {
        /// The directory.
        dir: PathBuf,
        /// The node id in it.
        found: i32,
        /// The node id expected.
        expected: i32,
    },
    /// The files failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What `meta.properties` of the directories says together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeMeta {
    /// The cluster's id.
    pub cluster_id: String,
    /// No directory had a `meta.properties`: this is the node's first start.
    pub first_start: bool,
}

impl LogManager {
    /// Makes the directories if they are absent and locks them. From here on they go by their absolute paths, under which
    /// clients name them. A directory that cannot be used starts offline, as long as another one can be; one that another
    /// process has is an error.
    pub fn lock(paths: &[PathBuf]) -> Result<LogManager, OpenDirsError> {
        let paths: Vec<PathBuf> = paths.iter().map(absolute).collect();
        let mut dirs = Vec::with_capacity(paths.len());
        for (number, path) in paths.iter().enumerate() {
            if paths[..number].contains(path) {
                return Err(OpenDirsError::GivenTwice { dir: path.clone() });
            }
            let health = Arc::new(LogDir::new(path));
            let lock = match lock_dir(path) {
                Ok(Some(lock)) => Some(lock),
                Ok(None) => return Err(OpenDirsError::InUse { dir: path.clone() }),
                Err(error) => {
                    health.take_offline(error.to_string());
                    None
                }
            };
            dirs.push(Dir { health, _lock: lock, id: Mutex::new(None), written: Mutex::new(HashMap::new()) });
        }
        if dirs.iter().all(|dir| dir.health.failure().is_some()) {
            let first =
                dirs.first().and_then(|dir| dir.health.failure()).unwrap_or("none was given").to_owned();
            return Err(OpenDirsError::NoneUsable { first });
        }
        Ok(LogManager {
            dirs,
            logs: RwLock::new(HashMap::new()),
            failed: Mutex::new(HashMap::new()),
            deletes: Mutex::new(Vec::new()),
            compacting: Mutex::default(),
            cleaners_saw: Mutex::default(),
            uncleanable: Mutex::default(),
            cordoned: Mutex::default(),
            moves: super::moves::Moves::default(),
            flusher: Flusher::new(),
        })
    }

    /// Checks `meta.properties` of every online directory against the node and writes it where it is absent. Without
    /// `cluster_id` the directories say it, or `new_cluster_id` does at a first start.
    pub fn ensure_meta(
        &self,
        node_id: i32,
        cluster_id: Option<&str>,
        new_cluster_id: impl FnOnce() -> String,
    ) -> Result<NodeMeta, MetaError> {
        let mut found = Vec::new();
        for dir in self.dirs.iter().filter(|dir| dir.health.failure().is_none()) {
            found.push((dir, read_meta_properties(dir.health.path())?));
        }
        let first_start = found.iter().all(|(_, meta)| meta.is_none());
        let known = found.iter().find_map(|(_, meta)| meta.as_ref().map(|meta| meta.cluster_id.clone()));
        let cluster_id = match cluster_id {
            Some(id) => id.to_owned(),
            None => known.unwrap_or_else(new_cluster_id),
        };
        for (dir, meta) in found {
            let path = dir.health.path();
            let id = match meta {
                Some(meta) if meta.cluster_id != cluster_id => {
                    return Err(MetaError::OtherCluster {
                        dir: path.to_owned(),
                        found: meta.cluster_id,
                        expected: cluster_id,
                    });
                }
                Some(meta) if meta.node_id != node_id => {
                    return Err(MetaError::OtherNode {
                        dir: path.to_owned(),
                        found: meta.node_id,
                        expected: node_id,
                    });
                }
                Some(MetaProperties { directory_id: Some(id), .. }) => id,
                _ => {
                    let id = Uuid::random();
                    let meta =
                        MetaProperties { cluster_id: cluster_id.clone(), node_id, directory_id: Some(id) };
                    write_meta_properties(path, &meta)?;
                    id
                }
            };
            *dir.id.lock() = Some(id);
        }
        Ok(NodeMeta { cluster_id, first_start })
    }
}

impl LogManager {
    /// The directory of some partition in an online log directory, the metadata log's apart. Tells a node that has data from
    /// one that is new.
    pub fn any_partition_dir(&self) -> Result<Option<PathBuf>, StorageError> {
        for dir in self.dirs.iter().filter(|dir| dir.health.failure().is_none()) {
            let root = dir.health.path();
            let failed = |e| StorageError::io("listing", root, e);
            for entry in fs::read_dir(root).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let name = entry.file_name();
                let is_partition = name
                    .to_str()
                    .is_some_and(|name| name != METADATA_LOG_DIR && split_dir_name(name).is_some());
                if is_partition && entry.path().is_dir() {
                    return Ok(Some(entry.path()));
                }
            }
        }
        Ok(None)
    }
}

/// The path as Kafka shows it, seen from the working directory of this process; symbolic links stay.
pub(super) fn absolute(path: impl AsRef<Path>) -> PathBuf {
    std::path::absolute(&path).unwrap_or_else(|_| path.as_ref().to_owned())
}

/// The locked lock file, `None` if another process has it. Both kinds of lock are taken: `flock` keeps two of ours
/// apart even in one process, the POSIX lock is the one that Apache Kafka takes.
fn lock_dir(dir: &Path) -> Result<Option<File>, StorageError> {
    fs::create_dir_all(dir).map_err(|e| StorageError::io("creating", dir, e))?;
    let path = dir.join(LOCK_FILE);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|e| StorageError::io("opening", &path, e))?;
    let taken = flock(&file, FlockOperation::NonBlockingLockExclusive)
        .and_then(|()| fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive));
    match taken {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::ACCESS) => Ok(None),
        Err(errno) => Err(StorageError::io("locking", &path, errno.into())),
    }
}
