//! The machine's side: processors, processor time, memory.

use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

/// Where servers and the serving half of the floor run.
pub(crate) const SERVER_CPU: usize = 0;
/// Where the driver runs.
pub(crate) const DRIVER_CPU: usize = 1;

/// Lets this process, and threads that it starts from now on, run on one processor only. On a machine of a single
/// processor nothing is changed.
pub(crate) fn pin_to(cpu: usize) -> Result<()> {
    if std::thread::available_parallelism().map_or(1, usize::from) == 1 {
        return Ok(());
    }
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).with_context(|| format!("running on processor {cpu}"))
}

/// Thousands of connections need as many descriptors.
pub(crate) fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        eprintln!("the limit of open files stays as it is: {error}");
    }
}

/// Processor time that a process has used, its threads together; to a hundredth of a second.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    // The name, in brackets, may hold spaces: fields are counted from behind it, where the third begins.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3).and_then(|text| text.parse::<u64>().ok());
    let ticks = ticks(14).zip(ticks(15)).with_context(|| format!("{path} has another form"))?;
    Ok(Duration::from_secs_f64((ticks.0 + ticks.1) as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// Resident memory of a process, in bytes.
pub(crate) fn resident_bytes(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/statm");
    let statm = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let pages: u64 = statm.split_whitespace().nth(1).and_then(|text| text.parse().ok()).context(path)?;
    Ok(pages * rustix::param::page_size() as u64)
}

/// This machine in a few words: processors and memory.
pub(crate) fn description() -> Result<String> {
    let read = |path: &str| std::fs::read_to_string(path).with_context(|| format!("reading {path}"));
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let processors = read("/proc/cpuinfo")?;
    let model = field(&processors, "model name").unwrap_or_else(|| "a processor".to_owned());
    let memory = field(&read("/proc/meminfo")?, "MemTotal").unwrap_or_default();
    let kilobytes: u64 = memory.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or_default();
    // Not those that this thread may run on: it is pinned by now.
    let cores = processors.lines().filter(|line| line.starts_with("processor")).count();
    Ok(format!("{model}, {cores} cores, {} GB", kilobytes / 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_whose_driver_is_pinned_was_said_to_have_one_core() {
        let before = description().unwrap();
        pin_to(0).unwrap();
        assert_eq!(description().unwrap(), before);
        assert!(!before.contains(" 0 cores"), "{before}");
    }

    #[test]
    fn this_process_has_used_time_and_memory() {
        let pid = std::process::id();
        let before = cpu_time(pid).unwrap();
        let mut x = 1u64;
        while cpu_time(pid).unwrap() == before {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
        assert!(resident_bytes(pid).unwrap() > 100_000);
    }
}
