//! The one command that checks everything: `cargo xtask check`. `cargo xtask fix` mends what can be mended, `cargo
//! xtask tidy` makes only the checks that no other tool makes, `cargo xtask book` makes the user's book, `cargo xtask bench`
//! measures, `cargo xtask compat` tries foreign clients.
//!
//! What always holds: `check` and `tidy` change nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

mod book;
mod layers;
mod tidy;

const USAGE: &str = "usage: cargo xtask check|fix|tidy|book|bench|compat
  check   format, clippy with warnings as errors, the crates' documentation, tests, tidy
  fix     format, clippy's suggestions, generated docs
  tidy    rules of this repository: file headers and lengths, left-overs, layers of crates, unread configs,
          names in ARCHITECTURE.md and members that it does not name
  book    the user's book, from docs/ into target/book; installs mdBook into target/tools when it is missing
  bench   measures the node beside Apache Kafka and the kernel's floor; `cargo xtask bench --help` says more
  compat  foreign clients against the node, and with --both against Apache Kafka; `cargo xtask compat --help` says more";

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        Some("check") => check(),
        Some("fix") => fix(),
        Some("tidy") => tidy(),
        Some("book") => book::build(&root()),
        Some("bench") => bench(),
        Some("compat") => compat(),
        _ => Err(anyhow::anyhow!(USAGE)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn check() -> Result<()> {
    cargo(&["fmt", "--all", "--check"])?;
    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    // the client is used without its defaults too
    cargo(&["clippy", "-p", "moldau-client", "--no-default-features", "--", "-D", "warnings"])?;
    documentation()?;
    cargo(&["test", "--workspace"])?;
    tidy()
}

/// The crates' documentation, warnings as errors.
fn documentation() -> Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(["doc", "--workspace", "--no-deps", "-q"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .current_dir(root())
        .status()
        .context("cargo doc")?;
    if !status.success() {
        bail!("cargo doc failed");
    }
    Ok(())
}

fn fix() -> Result<()> {
    cargo(&["fmt", "--all"])?;
    cargo(&["clippy", "--workspace", "--all-targets", "--fix", "--allow-dirty", "--allow-staged"])?;
    let page = Command::new(env!("CARGO"))
        .args(["run", "-q", "-p", "moldau-config", "--example", "configuration"])
        .current_dir(root())
        .output()?;
    if !page.status.success() {
        bail!("docs/configuration.md could not be made: {}", String::from_utf8_lossy(&page.stderr));
    }
    std::fs::write(root().join("docs/configuration.md"), page.stdout).context("docs/configuration.md")?;
    book::show_examples(&root(), true)?;
    Ok(())
}

fn tidy() -> Result<()> {
    let metadata = metadata()?;
    let mut problems = tidy::problems(&root())?;
    problems.extend(layers::problems(&metadata)?);
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).context("ARCHITECTURE.md")?;
    problems.extend(layers::unnamed(&metadata, &map)?);
    if problems.is_empty() {
        return Ok(());
    }
    bail!("{}\ntidy: {} to mend", problems.join("\n"), problems.len())
}

/// Builds what is shipped and the benchmark, and runs the benchmark with what follows on the command line. When that
/// needs no node of this checkout, the benchmark alone is built, and quicker.
fn bench() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(2).collect();
    let needs_no_node =
        |arg: &String| ["--moldau", "--from", "--list"].contains(&arg.split('=').next().unwrap_or_default());
    let program = if args.iter().any(needs_no_node) {
        cargo(&["build", "--release", "--bin", "moldau-bench"])?;
        "target/release/moldau-bench"
    } else {
        cargo(&["build", "--profile", "dist", "--bin", "moldau", "--bin", "moldau-bench"])?;
        "target/dist/moldau-bench"
    };
    let status = Command::new(root().join(program)).args(args).current_dir(root()).status()?;
    if status.success() { Ok(()) } else { bail!("the benchmark failed") }
}

/// Builds the node, and runs `tests/compat/run` with what follows on the command line.
fn compat() -> Result<()> {
    cargo(&["build", "--release", "--bin", "moldau"])?;
    let args = std::env::args().skip(2);
    let status = Command::new(root().join("tests/compat/run")).args(args).current_dir(root()).status()?;
    if status.success() { Ok(()) } else { bail!("not every client is as it should be") }
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

fn cargo(args: &[&str]) -> Result<()> {
    eprintln!("cargo {}", args.join(" "));
    let status = Command::new(env!("CARGO")).args(args).current_dir(root()).status()?;
    if status.success() { Ok(()) } else { bail!("cargo {} failed", args.join(" ")) }
}

/// What cargo says of the workspace's packages.
fn metadata() -> Result<serde_json::Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root())
        .output()?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata")
}

#[cfg(test)]
mod tests {
    /// Crates depend only on those below them, and the repository keeps its own rules.
    #[test]
    fn the_repository_is_tidy() {
        if let Err(error) = super::tidy() {
            panic!("{error:#}");
        }
    }
}
