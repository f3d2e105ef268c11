//! The process, by the names that Prometheus' own clients use. Linux: read from `/proc`; elsewhere what is missing is left out.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use super::super::labels::{Family, Value};

/// Memory pages' unit in `/proc/self/statm`.
fn page_bytes() -> i64 {
    i64::try_from(rustix::param::page_size()).unwrap_or(4096)
}

pub(super) fn families(started: SystemTime) -> Vec<Family> {
    let started = started.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    let mut families = vec![
        Family::own("process_start_time_seconds", "When the process started, since 1970.")
            .with(Value::Gauge(started)),
    ];
    if let Some(seconds) = cpu_seconds() {
        families.push(
            Family::own("process_cpu_seconds", "Processor time, user's and kernel's.")
                .with(Value::Seconds(seconds)),
        );
    }
    if let Some((virtual_bytes, resident_bytes)) = memory() {
        families
            .push(Family::own("process_virtual_memory_bytes", "Address space.").with_gauge(virtual_bytes));
        families
            .push(Family::own("process_resident_memory_bytes", "Memory in use.").with_gauge(resident_bytes));
    }
    if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
        families.push(Family::own("process_open_fds", "Open descriptors.").with_gauge(descriptors.count()));
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        if let Some(limit) = limit {
            families.push(Family::own("process_max_fds", "Descriptors that may be open.").with_gauge(limit));
        }
    }
    for (field, name, help) in [
        ("read_bytes", "linux-disk-read-bytes", "Bytes that this process had the disk read."),
        ("write_bytes", "linux-disk-write-bytes", "Bytes that this process had the disk write."),
    ] {
        if let Some(bytes) = disk_bytes(field) {
            families.push(Family::of("kafka.server", "KafkaServer", name, help).with_gauge(bytes));
        }
    }
    families
}

fn cpu_seconds() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

fn memory() -> Option<(i64, i64)> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = statm.split_whitespace().map(|field| field.parse::<i64>().ok());
    Some((pages.next()?? * page_bytes(), pages.next()?? * page_bytes()))
}

fn disk_bytes(field: &str) -> Option<i64> {
    let io = fs::read_to_string("/proc/self/io").ok()?;
    let line = io.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(": "))?;
    line.trim().parse().ok()
}
