//! `synced-offset`: up to where the metadata log is known to be on the disk.
//!
//! A log that ends before this offset was damaged, and not merely cut off by a crash: what was synced is acknowledged, so
//! going on without it would undo changes of the cluster. The file is written after each sync of the log and is itself not
//! synced: after a crash of the machine it may say less than was synced, never more. Its 12 bytes are the offset and the
//! CRC-32C of it, big endian; what is not whole counts as absent.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use parking_lot::Mutex;

/// The file's name.
pub(crate) const FILE_NAME: &str = "synced-offset";
const LEN: usize = size_of::<i64>() + size_of::<u32>();

/// See the module.
pub(crate) struct Synced {
    file: File,
    state: Mutex<State>,
}

struct State {
    offset: i64,
    cuts: Cuts,
}

/// How often the log was cut: a sync that began before a cut says nothing about the log after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cuts(u64);

impl Synced {
    /// Opens the file in the log's directory, or makes it.
    pub(crate) fn open(dir: &Path) -> io::Result<Synced> {
        let file =
            File::options().read(true).write(true).create(true).truncate(false).open(dir.join(FILE_NAME))?;
        let mut bytes = [0; LEN];
        let offset = match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => decode(bytes).unwrap_or(0),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            Err(error) => return Err(error),
        };
        Ok(Synced { file, state: Mutex::new(State { offset, cuts: Cuts(0) }) })
    }

    /// The log reaches at least so far.
    pub(crate) fn offset(&self) -> i64 {
        self.state.lock().offset
    }

    /// To be asked before a sync whose end is given to [`raise`](Self::raise).
    pub(crate) fn cuts(&self) -> Cuts {
        self.state.lock().cuts
    }

    /// Everything before `offset` is on the disk now, if the log was not cut since `cuts` was asked.
    pub(crate) fn raise(&self, offset: i64, cuts: Cuts) -> io::Result<()> {
        let mut state = self.state.lock();
        if state.cuts == cuts && state.offset < offset {
            self.write(&mut state, offset)?;
        }
        Ok(())
    }

    /// The log is about to end at `offset`, on purpose.
    pub(crate) fn lower(&self, offset: i64) -> io::Result<()> {
        let mut state = self.state.lock();
        state.cuts.0 += 1;
        if state.offset > offset {
            self.write(&mut state, offset)?;
            self.file.sync_data()?;
        }
        Ok(())
    }

    fn write(&self, state: &mut State, offset: i64) -> io::Result<()> {
        self.file.write_all_at(&encode(offset), 0)?;
        state.offset = offset;
        Ok(())
    }
}

fn encode(offset: i64) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    let (number, checksum) = bytes.split_at_mut(size_of::<i64>());
    number.copy_from_slice(&offset.to_be_bytes());
    checksum.copy_from_slice(&moldau_protocol::records::crc32c(&offset.to_be_bytes()).to_be_bytes());
    bytes
}

fn decode(bytes: [u8; LEN]) -> Option<i64> {
    let offset = i64::from_be_bytes(bytes.first_chunk().copied()?);
    (encode(offset) == bytes).then_some(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_kept_and_nonsense_counts_as_absent() {
        let dir = tempfile::tempdir().unwrap();
        let synced = Synced::open(dir.path()).unwrap();
        assert_eq!(synced.offset(), 0);
        let before = synced.cuts();
        synced.raise(7, before).unwrap();
        synced.raise(5, before).unwrap();
        assert_eq!(Synced::open(dir.path()).unwrap().offset(), 7);
        synced.lower(9).unwrap();
        synced.lower(3).unwrap();
        synced.raise(10, before).unwrap();
        assert_eq!(Synced::open(dir.path()).unwrap().offset(), 3);
        for nonsense in [&b""[..], b"abc", &[0xff; LEN], &[0; LEN]] {
            std::fs::write(dir.path().join(FILE_NAME), nonsense).unwrap();
            assert_eq!(Synced::open(dir.path()).unwrap().offset(), 0, "{nonsense:?}");
        }
    }
}
