//! States of a classic group and the steps between them.

use std::fmt;

/// The state of a classic group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClassicGroupState {
    /// No members; perhaps offsets.
    Empty,
    /// Members are joining.
    PreparingRebalance,
    /// A generation exists and waits for its leader's assignment.
    CompletingRebalance,
    /// Every member may have its assignment.
    Stable,
    /// Gone; only ever described.
    Dead,
}

impl ClassicGroupState {
    /// Every state.
    pub const ALL: [ClassicGroupState; 5] = [
        ClassicGroupState::Empty,
        ClassicGroupState::PreparingRebalance,
        ClassicGroupState::CompletingRebalance,
        ClassicGroupState::Stable,
        ClassicGroupState::Dead,
    ];

    /// Kafka's name, as in DescribeGroups.
    pub fn name(self) -> &'static str {
        match self {
            ClassicGroupState::Empty => "Empty",
            ClassicGroupState::PreparingRebalance => "PreparingRebalance",
            ClassicGroupState::CompletingRebalance => "CompletingRebalance",
            ClassicGroupState::Stable => "Stable",
            ClassicGroupState::Dead => "Dead",
        }
    }

    /// Whether a group may go from this state to `next`.
    pub fn may_become(self, next: ClassicGroupState) -> bool {
        use ClassicGroupState::*;
        match next {
            Empty | CompletingRebalance => self == PreparingRebalance,
            PreparingRebalance => matches!(self, Empty | CompletingRebalance | Stable),
            Stable => self == CompletingRebalance,
            Dead => true,
        }
    }
}

impl fmt::Display for ClassicGroupState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
