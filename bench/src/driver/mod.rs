//! The driver: raw requests over plain sockets and threads, as cheap as they can be made.

mod batch;
mod connection;
mod consume;
mod idle;
mod latency;
mod produce;

pub(crate) use batch::batch;
pub(crate) use connection::{Connection, create_topic, delete_topic};
pub(crate) use consume::consume;
pub(crate) use idle::open_idle;
pub(crate) use latency::latency;
pub(crate) use produce::{Produce, produce};
