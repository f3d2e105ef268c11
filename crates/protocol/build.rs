//! Generates the messages from `schemas/` into `OUT_DIR/messages.rs`.

use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "codegen/mod.rs"]
#[allow(unreachable_pub)]
mod codegen;

fn main() {
    let schemas = Path::new("schemas");
    println!("cargo::rerun-if-changed=schemas");
    println!("cargo::rerun-if-changed=codegen");
    println!("cargo::rerun-if-changed=build.rs");
    let mut messages = Vec::new();
    for directory in sorted_entries(schemas) {
        for file in sorted_entries(&directory) {
            let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            messages.push(codegen::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display())));
        }
    }
    let options = codegen::Options {
        json: env::var_os("CARGO_FEATURE_JSON").is_some(),
        testing: env::var_os("CARGO_FEATURE_TESTING").is_some(),
    };
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("messages.rs");
    fs::write(&out, codegen::generate(&messages, options))
        .unwrap_or_else(|e| panic!("{}: {e}", out.display()));
}

fn sorted_entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|e| e.path())).collect();
    paths.sort();
    paths
}
