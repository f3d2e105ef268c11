//! Sockets, request handlers, broker and controller lifecycle: a whole node.
//!
//! [`Node::start`] starts one from its configs, [`Node::stop`] ends it. Inside: `network` moves frames, `dispatch`
//! and `handlers` answer them (one file for each API), `broker` holds the led partitions, `fetch` and `produce` are the
//! data path, `controller` turns requests into metadata, `telemetry`
//! tells of it all over HTTP.

mod blocking;
mod broker;
mod controller;
mod dispatch;
mod fetch;
mod handlers;
mod loggers;
mod memory;
mod network;
mod node;
mod produce;
mod telemetry;

pub use loggers::Loggers;
pub use node::{Node, NodeError, NodeOptions};
