//! Where committed offsets are moved to.

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spec {
    Earliest,
    Latest,
    Current,
    Offset(i64),
    ShiftBy(i64),
    /// To the first record that is not older.
    Time(i64),
}

/// What is known of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) beginning: i64,
    pub(super) end: i64,
    pub(super) committed: Option<i64>,
    /// The first record that is not older, where a time was asked for and there is one.
    pub(super) at_time: Option<i64>,
}

/// The offset that a partition gets, within what there is; an error says why it can get none.
pub(super) fn place(spec: Spec, known: Known) -> Result<i64, &'static str> {
    let wanted = match spec {
        Spec::Earliest => known.beginning,
        Spec::Latest => known.end,
        Spec::Current => known.committed.unwrap_or(known.end),
        Spec::Offset(offset) => offset,
        Spec::ShiftBy(by) => {
            let committed = known.committed.ok_or("nothing is committed that could be shifted")?;
            committed.saturating_add(by)
        }
        Spec::Time(_) => known.at_time.unwrap_or(known.end),
    };
    Ok(match spec {
        // What is committed stays, even when its record is gone.
        Spec::Current => wanted,
        _ => wanted.clamp(known.beginning, known.end.max(known.beginning)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known = Known { beginning: 3, end: 10, committed: Some(5), at_time: None };

    #[test]
    fn each_spec_has_its_place_within_what_there_is() {
        for (spec, wanted) in [
            (Spec::Earliest, 3),
            (Spec::Latest, 10),
            (Spec::Current, 5),
            (Spec::Offset(7), 7),
            (Spec::Offset(1), 3),
            (Spec::Offset(99), 10),
            (Spec::ShiftBy(2), 7),
            (Spec::ShiftBy(-9), 3),
            (Spec::ShiftBy(i64::MAX), 10),
            (Spec::Time(1), 10),
        ] {
            assert_eq!(place(spec, KNOWN), Ok(wanted), "{spec:?}");
        }
        assert_eq!(place(Spec::Time(1), Known { at_time: Some(4), ..KNOWN }), Ok(4));
    }

    #[test]
    fn without_a_committed_offset_the_current_is_the_end_and_nothing_is_shifted() {
        let known = Known { committed: None, ..KNOWN };
        assert_eq!(place(Spec::Current, known), Ok(10));
        assert!(place(Spec::ShiftBy(0), known).is_err());
    }

    #[test]
    fn what_is_committed_stays_when_its_record_is_gone() {
        assert_eq!(place(Spec::Current, Known { committed: Some(1), ..KNOWN }), Ok(1));
    }
}
