//! Keeps reads that miss the page cache away from the workers.
//!
//! A `sendfile` from pages that are not in memory would hold up every connection of its worker (KAFKA-7504 tells the
//! reference's trouble with it). So regions that may be cold are probed, and cold ones are first read by a blocking
//! thread.

use std::io;
use std::os::unix::fs::FileExt;

use moldau_log::FileSlice;

/// A region is probed at its ends and at this distance between.
const PROBE_EVERY_BYTES: usize = 256 * 1024;
/// How much is read at once to bring a region into memory.
const WARM_BYTES: usize = 256 * 1024;

/// Whether reading the region may have to wait for the disk.
#[cfg(target_os = "linux")]
pub(crate) fn may_be_cold(slice: &FileSlice) -> bool {
    use std::io::IoSliceMut;

    use rustix::io::{Errno, ReadWriteFlags, preadv2};
    let last = slice.len.saturating_sub(1);
    let probes = (0..last).step_by(PROBE_EVERY_BYTES).chain([last]);
    for at in probes {
        let mut byte = [0];
        let mut slices = [IoSliceMut::new(&mut byte)];
        let read = preadv2(&*slice.file, &mut slices, slice.position + at as u64, ReadWriteFlags::NOWAIT);
        match read {
            Ok(_) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => return false,
            Err(_) => return true,
        }
    }
    false
}

/// Whether reading the region may have to wait for the disk: unknown here, so regions are always sent at once.
#[cfg(not(target_os = "linux"))]
pub(crate) fn may_be_cold(_slice: &FileSlice) -> bool {
    false
}

/// Reads the region so that its pages are in memory. Blocks.
pub(crate) fn warm(slice: &FileSlice) -> io::Result<()> {
    let mut buffer = vec![0; WARM_BYTES.min(slice.len)];
    let mut done = 0;
    while done < slice.len {
        let want = buffer.len().min(slice.len - done);
        match slice.file.read_at(&mut buffer[..want], slice.position + done as u64)? {
            0 => return Ok(()),
            n => done += n,
        }
    }
    Ok(())
}
