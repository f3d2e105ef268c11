//! The one binary: `moldau serve` and the command line.

fn main() {}
