//! What a log remembers of each producer id: the last five batches, its epoch, its open transaction.
//!
//! [`ProducerTable`] decides whether a batch may be appended and whether it is a duplicate; [`Transactions`] gives the
//! first unstable offset. Both are in memory only; [`snapshot`] is their file.

mod entry;
pub(crate) mod marker;
pub(crate) mod snapshot;
mod table;
mod transactions;

pub(crate) use entry::ProducerEntry;
pub(crate) use table::{ProducerTable, TransactionChange};
pub(crate) use transactions::Transactions;

#[cfg(test)]
mod tests;
