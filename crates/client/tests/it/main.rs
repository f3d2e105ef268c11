//! The client against a broker made of a few lines, which fails in the ways a real one rarely does.

mod blocking;
mod broker;
mod closing;
mod connection;
mod consuming;
mod idempotence;
mod idle_topics;
mod log_broker;
mod panics;
mod unanswered;
