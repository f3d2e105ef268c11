//! The group coordinator over a partition in memory, with a clock that tests move.

mod harness;
mod loading;
mod membership;
mod simulation;
mod writing;
