//! Encoding a response around records that stay where they are, such as in a file: only their length is written.

use super::{EncodeError, writer};

/// Where records that are elsewhere belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The position in the encoded bytes before which the records go.
    pub position: usize,
    /// How many bytes of records go there.
    pub len: usize,
    /// Which records of the message these are, counted from 0 in the order of encoding.
    pub index: usize,
}

/// Which records of a message are elsewhere, and after encoding, where they belong.
#[derive(Clone, Debug)]
pub struct Gaps {
    lens: Vec<Option<usize>>,
    next: usize,
    gaps: Vec<Gap>,
}

impl Gaps {
    /// For each records field, in the order of encoding: the length of the records that are elsewhere, or `None` for
    /// records that are in the message. Fields beyond the vector are in the message.
    pub fn new(lens: Vec<Option<usize>>) -> Gaps {
        let gaps = Vec::with_capacity(lens.len());
        Gaps { lens, next: 0, gaps }
    }

    /// The gaps that encoding left, by ascending position.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// How many bytes belong into the gaps in all.
    pub fn total_len(&self) -> usize {
        self.gaps.iter().map(|g| g.len).sum()
    }

    /// Leaves a gap, if the next records are elsewhere.
    pub(crate) fn leave(&mut self, out: &mut Vec<u8>, flexible: bool) -> Result<bool, EncodeError> {
        let index = self.next;
        self.next += 1;
        let Some(len) = self.lens.get(index).copied().flatten() else { return Ok(false) };
        writer::len(out, flexible, len)?;
        self.gaps.push(Gap { position: out.len(), len, index });
        Ok(true)
    }
}
