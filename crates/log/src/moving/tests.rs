//! The steps against two logs in memory: appends, deletions at the start, changes of the leader with truncations, and
//! crashes that cut either log. Whatever comes, the copy never holds what the log does not, an exchange happens only
//! when it holds all, and once it is quiet the exchange is reached.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::*;

/// A record of 100 KB: its offset and the leader epoch that it was written in.
const RECORD_BYTES: u64 = 100 << 10;

#[derive(Default)]
struct World {
    log: Vec<(i64, i32)>,
    log_start: i64,
    copy: Vec<(i64, i32)>,
    copy_base: i64,
    copy_end: i64,
    epoch: i32,
    progress: Progress,
    compacting: bool,
}

impl World {
    fn log_end(&self) -> i64 {
        self.log.last().map_or(0, |record| record.0 + 1)
    }

    fn append(&mut self, count: i64) {
        for _ in 0..count {
            self.log.push((self.log_end(), self.epoch));
        }
    }

    /// What `PartitionLog::agrees_with` finds out by the epochs' ends.
    fn agreed_to(&self) -> i64 {
        let Some(latest) = self.copy.last().map(|record| record.1) else {
            return self.copy_end.min(self.log_end());
        };
        let end = |records: &[(i64, i32)], epoch: i32, log_end: i64| {
            records.iter().find(|record| record.1 > epoch).map_or(log_end, |record| record.0)
        };
        let known = self.log.iter().rev().map(|record| record.1).find(|epoch| *epoch <= latest);
        let known = known.unwrap_or(latest);
        end(&self.log, latest, self.log_end()).min(end(&self.copy, known, self.copy_end)).min(self.copy_end)
    }

    /// Something happens to the log; a crash may cut the copy too.
    fn disturb(&mut self, rng: &mut SmallRng) {
        match rng.random_range(0..10) {
            0..5 => {
                let count = rng.random_range(1..60);
                self.append(count);
            }
            5 => {
                // Or back to where it was before, in a crash before the checkpoint.
                self.log_start = rng.random_range(0..=self.log_end());
            }
            6 => self.compacting = !self.compacting,
            7 => {
                // The log lost its tail in a crash, and is led in a new epoch.
                let keep = rng.random_range(0..=self.log.len());
                self.log.truncate(keep);
                self.log_start = self.log_start.min(self.log_end());
                self.epoch += 1;
                self.append(1);
            }
            8 => {
                let keep = rng.random_range(0..=self.copy.len());
                self.copy.truncate(keep);
                self.copy_end = self.copy.last().map_or(self.copy_base, |record| record.0 + 1);
                self.progress = Progress::default();
            }
            _ => {}
        }
    }

    fn copy(&mut self, budget: u64) -> bool {
        let from = self.copy_end;
        let most = (budget / RECORD_BYTES).max(1) as usize;
        let next: Vec<_> = self
            .log
            .iter()
            .filter(|record| record.0 >= from.max(self.log_start))
            .take(most)
            .copied()
            .collect();
        let bytes = next.len() as u64 * RECORD_BYTES;
        self.copy.extend(&next);
        self.copy_end = self.copy.last().map_or(self.copy_end, |record| record.0 + 1).max(from);
        let at_end = self.copy_end == self.log_end();
        self.progress.copied(bytes, at_end);
        at_end
    }

    /// Takes one step; true when the log has changed places with its copy.
    fn step(&mut self) -> bool {
        let seen = Seen {
            compacting: self.compacting,
            log_start: self.log_start,
            copy_base: self.copy_base,
            copy_end: self.copy_end,
            agreed_to: self.agreed_to(),
        };
        match self.progress.next(seen) {
            Step::Wait => assert!(self.compacting),
            Step::Restart(at) => {
                self.copy.clear();
                (self.copy_base, self.copy_end) = (at, at);
                self.progress.cut();
            }
            Step::Truncate(at) => {
                self.copy.retain(|record| record.0 < at);
                self.copy_end = at;
                self.progress.cut();
            }
            Step::Copy => drop(self.copy(COPY_BYTES as u64)),
            Step::Settle => self.progress.settled(),
            Step::Exchange(bytes) => {
                assert!(!self.compacting);
                if self.copy(bytes as u64) {
                    return true;
                }
                self.progress.behind();
            }
        }
        let in_log = |record: &(i64, i32)| record.0 < self.log_start || self.log.contains(record);
        if self.agreed_to() == self.copy_end {
            assert!(self.copy.iter().all(in_log), "{:?} and {:?}", self.copy, self.log);
        }
        false
    }

    fn check_exchanged(&self) {
        let visible = |records: &[(i64, i32)]| -> Vec<_> {
            records.iter().filter(|record| record.0 >= self.log_start).copied().collect()
        };
        assert_eq!(visible(&self.copy), visible(&self.log));
        assert_eq!(self.copy_end, self.log_end());
    }
}

#[test]
fn whatever_happens_to_a_log_its_copy_becomes_it() {
    let number = |variable| std::env::var(variable).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seeds = number("MOLDAU_SEEDS").unwrap_or(400);
    for seed in number("MOLDAU_SEED").map_or(0..seeds, |seed| seed..seed + 1) {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut world = World::default();
        world.append(rng.random_range(0..500));
        let moved = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..rng.random_range(0..200) {
                world.disturb(&mut rng);
                if world.step() {
                    world.check_exchanged();
                    return;
                }
            }
            world.compacting = false;
            let quiet = (0..world.log.len() + 100).any(|_| world.step());
            assert!(quiet, "the move does not end");
            world.check_exchanged();
        }));
        if let Err(panic) = moved {
            eprintln!("failed with MOLDAU_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn a_log_that_grows_all_the_time_is_moved_too() {
    let mut world = World::default();
    world.append(1000);
    let steps = (1..).find(|_| {
        world.append(20);
        world.step()
    });
    world.check_exchanged();
    assert!(steps.is_some_and(|steps| steps < 100), "{steps:?}");
}
