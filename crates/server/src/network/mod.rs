//! Sockets: listeners, connections, frames in, responses out.
//!
//! What always holds: responses of a connection go out in the order of its requests; a connection that waits for bytes
//! owns no receive buffer; nothing here knows what a request means (that is [`crate::dispatch`]).

mod buffer;
mod complaint;
mod connection;
mod frames;
mod limits;
mod listener;
mod outbox;
mod registry;
mod response;
mod socket;

pub(crate) use complaint::Complaint;
pub(crate) use connection::{ConnectionInfo, ConnectionSettings, Service};
pub(crate) use limits::ConnectionLimits;
pub(crate) use listener::{Bound, bind, serve};
pub(crate) use registry::ConnectionRegistry;
pub(crate) use response::{Chunk, Later, Outcome, Response};
