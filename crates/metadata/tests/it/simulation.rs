//! Random records, fitting and contradictory, replayed in random batches: what must hold is checked after each record
//! and each batch, and the seed of a failing history is printed.
//!
//! `MOLDAU_SEEDS=N` runs N histories, `MOLDAU_SEED=S` the one of a seed. Topic ids are never used again, as the
//! controller draws them.

mod checks;
mod source;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use moldau_metadata::{MetadataChanges, MetadataDelta, MetadataImage, MetadataRecord, MetadataVersion};
use moldau_protocol::messages::{AbortTransactionRecord, EndTransactionRecord};
use moldau_types::{LeaderEpoch, Offset};

use source::Source;

/// How many kinds of records there are; all are to occur in the histories.
const KINDS: usize = 26;
/// The kinds that can contradict an image.
const REFUSABLE: usize = 17;

#[test]
fn random_records_keep_what_must_hold() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("MOLDAU_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("MOLDAU_SEEDS").unwrap_or(40),
    };
    let (mut taken, mut refused) = (BTreeSet::new(), BTreeSet::new());
    let several = seeds.end - seeds.start >= 20;
    for seed in seeds {
        match catch_unwind(AssertUnwindSafe(|| run(seed))) {
            Ok(history) => {
                taken.extend(history.taken);
                refused.extend(history.refused);
            }
            Err(panic) => {
                eprintln!("the history of seed {seed} failed: MOLDAU_SEED={seed} repeats it");
                resume_unwind(panic);
            }
        }
    }
    if several {
        assert_eq!(taken.len(), KINDS, "records that were taken: {taken:?}");
        assert_eq!(refused.len(), REFUSABLE, "records that were refused: {refused:?}");
    }
}

/// A log in the making, its image, and the image of a second reader that cuts it at other places.
struct History {
    source: Source,
    image: MetadataImage,
    other_reader: MetadataDelta,
    next_offset: i64,
    taken: BTreeSet<&'static str>,
    refused: BTreeSet<&'static str>,
}

fn run(seed: u64) -> History {
    let empty = MetadataImage::default();
    let mut history = History {
        source: Source::new(seed),
        other_reader: MetadataDelta::new(&empty),
        image: empty,
        next_offset: 0,
        taken: BTreeSet::new(),
        refused: BTreeSet::new(),
    };
    for _ in 0..40 {
        history.batch();
    }
    history
}

impl History {
    /// Some records become the next image.
    fn batch(&mut self) {
        let base = self.image.clone();
        let base_before = base.to_records(MetadataVersion::LATEST);
        let mut delta = MetadataDelta::new(&base);
        let mut allowed = BTreeSet::new();
        for _ in 0..self.source.below(25) {
            let record = self.source.record(delta.image());
            self.record(&mut delta, &record, &mut allowed);
        }
        if delta.in_transaction() {
            let end = if self.source.one_in(2) {
                MetadataRecord::from(EndTransactionRecord::default())
            } else {
                MetadataRecord::from(AbortTransactionRecord::default())
            };
            self.record(&mut delta, &end, &mut allowed);
        }
        assert!(!delta.in_transaction());
        let (image, changes) = delta.finish();
        assert_eq!(base.to_records(MetadataVersion::LATEST), base_before, "the base of a delta changed");
        checks::image(&image);
        checks::snapshot(&image);
        checks::changes(&base, &image, &changes, &allowed);
        assert!(self.other_reader.image() == &image, "another reader of the same log has another image");
        if self.source.one_in(3) {
            self.other_reader = MetadataDelta::new(self.other_reader.image());
        }
        self.image = image;
    }

    /// One record, as it would come from the log; `allowed` gathers what may be in the list of changes.
    fn record(&mut self, delta: &mut MetadataDelta, record: &MetadataRecord, allowed: &mut BTreeSet<String>) {
        let mut bytes = Vec::new();
        record.encode(&mut bytes, MetadataVersion::LATEST).unwrap();
        let decoded = MetadataRecord::decode(&bytes).unwrap();
        assert_eq!(&decoded, record);

        let (offset, leader_epoch) = (Offset(self.next_offset), LeaderEpoch(self.next_offset as i32 / 100));
        let before = delta.clone();
        match delta.replay_at(&decoded, offset, leader_epoch, self.next_offset * 3) {
            Ok(()) => {
                self.next_offset += 1;
                self.taken.insert(record.name());
                allowed.extend(checks::named(record));
                let changes = MetadataChanges::between(before.image(), delta.image());
                allowed.extend(checks::words(&changes));
                checks::epochs(before.image(), delta.image(), record);
                assert_eq!(delta.image().provenance.last_offset, offset);
                let timestamp_ms = delta.image().provenance.last_timestamp_ms;
                self.other_reader.replay_at(&decoded, offset, leader_epoch, timestamp_ms).unwrap();
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                self.refused.insert(record.name());
                assert_eq!(delta.in_transaction(), before.in_transaction(), "{error}");
                assert!(
                    delta.clone().finish() == before.finish(),
                    "{record:?} was refused ({error}) and changed something"
                );
            }
        }
    }
}
