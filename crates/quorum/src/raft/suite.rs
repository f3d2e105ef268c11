//! openraft's own suite for storage, against the store on a real disk and on the simulated one.

use std::sync::Arc;

use moldau_log::LogDir;
use moldau_types::{BrokerId, Uuid};
use openraft::StorageError;
use openraft::async_runtime::AsyncRuntime;
use openraft::testing::log::{StoreBuilder, Suite};

use super::{LogStorage, Machine, QuorumRuntime, Types};
use crate::medium::memory::Memory;
use crate::medium::{Disk, DiskConfig, Medium};
use crate::store::{FirstVoters, Store, StoreConfig};

fn storage(medium: Arc<dyn Medium>) -> (LogStorage, Machine) {
    let config = StoreConfig {
        node_id: BrokerId(0),
        directory_id: Uuid::ONE,
        first_voters: FirstVoters::Unknown,
        clock: Arc::new(|| 1_700_000_000_000),
    };
    let store = Arc::new(Store::open(medium, config).unwrap());
    let mut machine = Machine::new(Arc::clone(&store));
    machine.empty_snapshots = true;
    (LogStorage { store }, machine)
}

struct OnDisk;

impl StoreBuilder<Types, LogStorage, Machine, tempfile::TempDir> for OnDisk {
    async fn build(&self) -> Result<(tempfile::TempDir, LogStorage, Machine), StorageError<Types>> {
        let dir = tempfile::tempdir().unwrap();
        let config = DiskConfig {
            dir: Arc::new(LogDir::new(dir.path())),
            segment_bytes: 1 << 20,
            segment_ms: i64::MAX,
            clean: false,
        };
        let (log, machine) = storage(Arc::new(Disk::open(config, 0).unwrap()));
        Ok((dir, log, machine))
    }
}

struct InMemory;

impl StoreBuilder<Types, LogStorage, Machine, ()> for InMemory {
    async fn build(&self) -> Result<((), LogStorage, Machine), StorageError<Types>> {
        let (log, machine) = storage(Arc::new(Memory::default()));
        Ok(((), log, machine))
    }
}

#[test]
fn openrafts_suite_passes_on_disk() {
    QuorumRuntime::run(Suite::test_all(OnDisk)).unwrap();
}

#[test]
fn openrafts_suite_passes_in_memory() {
    QuorumRuntime::run(Suite::test_all(InMemory)).unwrap();
}
