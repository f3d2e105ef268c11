//! The group coordinator's rules, through its events.

mod harness;
mod joining;
mod leaving;
mod offsets;
mod records;
mod simulation;
mod static_members;
mod syncing;
