//! The produce path between the handler and the log: validation of what a client sent, and gathered appends.

mod append;
mod unpacking;
mod validate;

pub(crate) use append::{Batch, append};
pub(crate) use unpacking::Unpacking;
pub(crate) use validate::{Cause, Refusal, validate};
