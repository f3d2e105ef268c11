//! Wall clock, processor time and memory of this process, over a piece of work.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A measurement under way.
pub(crate) struct Measure {
    began: Instant,
    processor: Duration,
}

fn processor() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The most memory that was resident, in MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib =
        line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

impl Measure {
    pub(crate) fn begin() -> Self {
        Self { began: Instant::now(), processor: processor() }
    }

    /// Prints what `records` of `size` bytes took.
    pub(crate) fn end(self, client: &str, what: &str, records: u64, size: usize) {
        let (wall, processor) = (self.began.elapsed(), processor() - self.processor);
        println!(
            "{{\"client\":\"{client}\",\"what\":\"{what}\",\"records\":{records},\"size\":{size},\"seconds\":{:.3},\
             \"records_per_second\":{:.0},\"processor_seconds_per_million\":{:.3},\"peak_mib\":{}}}",
            wall.as_secs_f64(),
            records as f64 / wall.as_secs_f64(),
            processor.as_secs_f64() * 1e6 / records as f64,
            peak_mib()
        );
    }
}

/// A value of `size` bytes in which numbers and letters repeat about as much as in a log line.
pub(crate) fn value(size: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252u64;
    let mut value = Vec::with_capacity(size + 16);
    while value.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        value.extend_from_slice(format!("field={:04} ", state % 5000).as_bytes());
    }
    value.truncate(size);
    value
}
