//! A simulated disk: what was not synced is lost, all of it or but for a prefix, when the node crashes. Syncs take their
//! time on tokio's clock.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moldau_protocol::records::BatchHeader;
use parking_lot::{Mutex, MutexGuard};
use rand::Rng;
use rand::rngs::SmallRng;

use super::{Medium, SyncDone};

#[derive(Default)]
struct State {
    start: i64,
    batches: VecDeque<(BatchHeader, Bytes)>,
    /// How many of the batches survive a crash for sure.
    synced: usize,
    files: BTreeMap<String, Bytes>,
    /// Bytes that can still be written; `None` for as many as anybody wants.
    space: Option<u64>,
    /// Reservations succeed whether there is space or not, as on a file system that has none.
    knows_no_reservations: bool,
    /// Rises with each crash: what was under way before is void.
    lives: u64,
}

impl State {
    fn end(&self) -> i64 {
        self.batches.back().map_or(self.start, |(header, _)| header.next_offset())
    }
}

/// See the module.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    state: Arc<Mutex<State>>,
    /// The life of the node that this handle belongs to; it is dead once the node crashed.
    life: u64,
    /// How long a sync takes at most.
    sync_micros_max: u64,
    rng: Option<Arc<Mutex<SmallRng>>>,
    /// As long as a test holds it no snapshot gets written.
    pub(crate) slow_checkpoints: Arc<Mutex<()>>,
}

impl Memory {
    pub(crate) fn simulated(rng: SmallRng, sync_micros_max: u64) -> Memory {
        Memory { sync_micros_max, rng: Some(Arc::new(Mutex::new(rng))), ..Memory::default() }
    }

    /// The state, for as long as the node lives.
    fn alive(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state.lock();
        if state.lives == self.life { Ok(state) } else { Err(io::Error::other("the node crashed")) }
    }

    /// Lets every reservation succeed.
    pub(crate) fn forget_reservations(&self) {
        self.state.lock().knows_no_reservations = true;
    }

    /// Leaves so many bytes to be written.
    pub(crate) fn set_space(&self, space: Option<u64>) {
        self.state.lock().space = space;
    }

    /// The node is gone, and with it some or all of what was not synced. Gives the disk for its next life.
    pub(crate) fn crash(&self) -> Memory {
        let mut state = self.state.lock();
        state.lives += 1;
        let (synced, total) = (state.synced, state.batches.len());
        let kept = match &self.rng {
            Some(rng) => rng.lock().random_range(synced..=total),
            None => synced,
        };
        state.batches.truncate(kept);
        state.synced = kept;
        Memory { life: state.lives, ..self.clone() }
    }
}

impl Medium for Memory {
    fn bounds(&self) -> (i64, i64) {
        let state = self.state.lock();
        (state.start, state.end())
    }

    fn reserve(&self, bytes: u64) -> io::Result<()> {
        let state = self.alive()?;
        let enough = state.space.is_none_or(|space| space >= bytes);
        if enough || state.knows_no_reservations { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn append(&self, batches: &[Bytes], _now_ms: i64) -> io::Result<()> {
        let mut state = self.alive()?;
        let size: u64 = batches.iter().map(|bytes| bytes.len() as u64).sum();
        if let Some(space) = &mut state.space {
            *space = space.checked_sub(size).ok_or(io::ErrorKind::StorageFull)?;
        }
        for bytes in batches {
            let header = BatchHeader::parse(bytes).map_err(io::Error::other)?;
            assert_eq!(header.base_offset, state.end(), "appends continue the log");
            state.batches.push_back((header, bytes.clone()));
        }
        Ok(())
    }

    fn sync(&self, done: SyncDone) {
        let Some(rng) = &self.rng else {
            let mut state = self.state.lock();
            state.synced = state.batches.len();
            drop(state);
            return done(Ok(()));
        };
        let delay = Duration::from_micros(rng.lock().random_range(0..=self.sync_micros_max));
        let (state, lives, upto) = (Arc::clone(&self.state), self.life, self.state.lock().end());
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            {
                let mut state = state.lock();
                if state.lives != lives {
                    return;
                }
                let synced =
                    state.batches.iter().take_while(|(header, _)| header.next_offset() <= upto).count();
                state.synced = state.synced.max(synced);
            }
            done(Ok(()));
        });
    }

    fn read(&self, from: i64, max_bytes: usize) -> io::Result<Bytes> {
        let state = self.state.lock();
        let mut out = Vec::new();
        for (header, bytes) in &state.batches {
            if header.next_offset() <= from {
                continue;
            }
            if !out.is_empty() && out.len() + bytes.len() > max_bytes {
                break;
            }
            out.extend_from_slice(bytes);
        }
        Ok(Bytes::from(out))
    }

    fn truncate_to(&self, offset: i64, _now_ms: i64) -> io::Result<()> {
        let mut state = self.alive()?;
        while state.batches.back().is_some_and(|(header, _)| header.base_offset >= offset) {
            state.batches.pop_back();
        }
        state.synced = state.batches.len();
        Ok(())
    }

    fn restart_at(&self, offset: i64, _now_ms: i64) -> io::Result<()> {
        let mut state = self.alive()?;
        state.batches.clear();
        state.synced = 0;
        state.start = offset;
        Ok(())
    }

    fn raise_start(&self, offset: i64, _now_ms: i64) -> io::Result<()> {
        let mut state = self.alive()?;
        while state.batches.front().is_some_and(|(header, _)| header.base_offset < offset) {
            state.batches.pop_front();
            state.synced = state.synced.saturating_sub(1);
        }
        state.start = offset;
        Ok(())
    }

    fn size(&self) -> u64 {
        self.state.lock().batches.iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }

    fn write_file(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if name.ends_with(".checkpoint") {
            drop(self.slow_checkpoints.lock());
        }
        self.alive()?.files.insert(name.to_owned(), Bytes::copy_from_slice(bytes));
        Ok(())
    }

    fn read_file(&self, name: &str) -> io::Result<Option<Bytes>> {
        Ok(self.state.lock().files.get(name).cloned())
    }

    fn remove_file(&self, name: &str) -> io::Result<()> {
        self.alive()?.files.remove(name);
        Ok(())
    }

    fn files(&self) -> io::Result<Vec<(String, u64)>> {
        Ok(self.state.lock().files.iter().map(|(name, bytes)| (name.clone(), bytes.len() as u64)).collect())
    }

    fn close(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        state.synced = state.batches.len();
        Ok(())
    }
}
