//! Giving memory back to the system.
//!
//! The allocator of glibc keeps what was freed for later. After a burst (a thousand clients that asked for everything at
//! once) that is most of a node's memory, and no later burst may ever need it. So a background pass returns it.

/// Below this much resident memory there is nothing worth the work.
const RESIDENT_BYTES_MIN: usize = 32 * 1024 * 1024;

/// Returns freed memory, if the process has much.
pub(crate) fn give_back_freed() {
    if resident_bytes().is_some_and(|bytes| bytes > RESIDENT_BYTES_MIN) {
        trim();
    }
}

fn resident_bytes() -> Option<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size())
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
fn trim() {
    // SAFETY: malloc_trim takes a number and no pointers, may be called by any thread at any time (it takes the
    // allocator's own locks), and changes only memory that is free.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}
