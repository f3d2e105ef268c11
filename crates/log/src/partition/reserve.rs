//! Space for appends that must not fail: blocks of the active segment's file behind its end, taken from the file system in
//! advance. The file's size stays what it is.

use super::PartitionLog;
use crate::error::StorageError;
use crate::files::LOG_SUFFIX;

impl PartitionLog {
    /// Makes sure that `bytes` can be appended to the active segment although the disk is full by then, and takes up to
    /// `ahead` bytes while there is room. Where the file system knows no reservations nothing is promised.
    pub fn reserve(&self, bytes: u64, ahead: u64) -> Result<(), StorageError> {
        let mut writer = self.open_writer()?;
        let active = self.view.lock().active().clone();
        let end = active.size();
        if writer.reserved_to >= end + bytes.max(ahead / 2) {
            return Ok(());
        }
        let file = active.file().map_err(|error| self.observe(error))?;
        for wanted in [bytes.max(ahead), bytes] {
            match allocate(&file, end, wanted) {
                Ok(()) => {
                    writer.reserved_to = end + wanted;
                    return Ok(());
                }
                // What was taken before may still be enough.
                Err(rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT) => {}
                Err(errno) => {
                    let error = StorageError::io("reserving", &active.path(LOG_SUFFIX), errno.into());
                    return Err(self.observe(error));
                }
            }
            if writer.reserved_to >= end + bytes {
                return Ok(());
            }
        }
        Err(StorageError::NoSpace { path: active.path(LOG_SUFFIX) })
    }
}

#[cfg(target_os = "linux")]
fn allocate(file: &std::fs::File, from: u64, bytes: u64) -> rustix::io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;
    loop {
        match fallocate(file, FallocateFlags::KEEP_SIZE, from, bytes) {
            Err(Errno::INTR) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(()),
            result => return result,
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn allocate(_file: &std::fs::File, _from: u64, _bytes: u64) -> rustix::io::Result<()> {
    Ok(())
}
