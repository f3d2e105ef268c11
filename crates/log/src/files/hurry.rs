//! Reads that may be told not to wait for the disk.
//!
//! Within [`hurried`] a read of a log's files that is not in the page cache fails with [`io::ErrorKind::WouldBlock`] where
//! it would have waited. What is known then is nothing: the caller reads again, where waiting holds nobody up.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

thread_local! {
    static HURRIED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `reading` on this thread without waiting for the disk.
pub(crate) fn hurried<T>(reading: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            HURRIED.set(self.0);
        }
    }
    let _restore = Restore(HURRIED.replace(true));
    reading()
}

/// Fails if this thread is to hurry, as what follows takes its time.
pub(crate) fn takes_time() -> io::Result<()> {
    if HURRIED.get() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
}

/// As [`FileExt::read_at`].
pub(crate) fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    if HURRIED.get() {
        use rustix::io::{Errno, ReadWriteFlags, preadv2};
        match preadv2(file, &mut [io::IoSliceMut::new(buffer)], at, ReadWriteFlags::NOWAIT) {
            Ok(read) => return Ok(read),
            // The file system can't tell.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
            Err(error) => return Err(error.into()),
        }
    }
    file.read_at(buffer, at)
}

/// As [`FileExt::read_exact_at`].
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<()> {
    let mut done = 0;
    while done < buffer.len() {
        match read_at(file, &mut buffer[done..], at + done as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_in_memory_is_read_and_hurry_ends_with_its_call() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let mut bytes = [0; 4];
        hurried(|| read_exact_at(&file, &mut bytes, 3)).unwrap();
        assert_eq!(&bytes, b"3456");
        let error = hurried(|| read_exact_at(&file, &mut bytes, 8)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        let nested = hurried(|| {
            hurried(takes_time).unwrap_err();
            takes_time()
        });
        assert_eq!(nested.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        takes_time().unwrap();
    }
}
