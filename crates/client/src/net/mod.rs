//! Connections to brokers: frames, pipelined requests, versions agreed on, one connection for each broker and lane.
//!
//! Always: answers come in the order of the requests of a connection; a connection that failed once is never used again.
//! What is asked, and when it is asked again, is left to the callers.

mod connection;
mod frame;
mod metrics;
mod pool;
mod versions;

pub(crate) use connection::{Connection, InFlight, Unanswered};
pub(crate) use metrics::ConnectionMetrics;
pub(crate) use pool::{Lane, Pool};
