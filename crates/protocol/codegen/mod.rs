//! The generator that `build.rs` runs: schema files in, Rust out.
//!
//! `schema` is what a file says, `parse` reads it, `generate` writes the modules with the types; `decode`, `encode`,
//! `json` and `random` each write one kind of `impl` for a struct.

mod decode;
mod encode;
mod generate;
mod json;
mod parse;
mod random;
mod schema;

pub use generate::{Options, generate};
pub use parse::message as parse;
