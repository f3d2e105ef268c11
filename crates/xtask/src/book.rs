//! `cargo xtask book`: the user's book, made by mdBook from docs/ into target/book.
//!
//! What always holds: a link means the same on a forge that shows the files and in the book. So the pages are laid out for mdBook as
//! they lie in the repository, the README being the first page and pages of the root beside it; no link is rewritten. Every page that
//! was made is looked through at the end, and a link or an anchor that leads nowhere is a failure. `pages` makes the same check on the
//! Markdown, without mdBook, as a test.
//!
//! mdBook is the program and not the library: it is needed by this command alone, and as a library its hundred crates would be in the
//! lock file and in every build of the workspace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

mod examples;
mod html;
mod pages;

pub(crate) use examples::show as show_examples;
use pages::Pages;

const MDBOOK: &str = "0.5.4";

/// Makes the book.
pub(crate) fn build(root: &Path) -> Result<()> {
    let pages = Pages::read(root)?;
    let problems = pages.problems();
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    let stage = root.join("target/book-source");
    lay_out(root, &pages, &stage)?;
    let book = root.join("target/book");
    let status = Command::new(mdbook(root)?)
        .arg("build")
        .arg("--dest-dir")
        .arg(&book)
        .arg(&stage)
        .status()
        .context("mdbook")?;
    if !status.success() {
        bail!("mdbook failed");
    }
    let problems = html::problems(&book)?;
    if !problems.is_empty() {
        bail!("{}\nbook: {} links lead nowhere", problems.join("\n"), problems.len());
    }
    println!("{}", book.join("index.html").display());
    Ok(())
}

/// The program: the one that is installed, or one in target/tools, which is built there at the first use.
fn mdbook(root: &Path) -> Result<PathBuf> {
    let is_right = |program: &Path| {
        let output = Command::new(program).arg("--version").output();
        output
            .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == format!("mdbook v{MDBOOK}"))
    };
    let tools = root.join("target/tools");
    let own = tools.join("bin/mdbook");
    for program in [PathBuf::from("mdbook"), own.clone()] {
        if is_right(&program) {
            return Ok(program);
        }
    }
    eprintln!("installing mdbook {MDBOOK} into target/tools");
    let status = Command::new(env!("CARGO"))
        .args(["install", "mdbook", "--locked", "--force", "--version", MDBOOK])
        .args(["--no-default-features", "--features", "search", "--root"])
        .arg(&tools)
        .arg("--target-dir")
        .arg(root.join("target/tools/build"))
        .status()?;
    if !status.success() {
        bail!("mdbook could not be installed");
    }
    Ok(own)
}

/// Copies the pages, and what they link to, to where mdBook reads them. Its source folder stands for the repository's root.
fn lay_out(root: &Path, pages: &Pages, stage: &Path) -> Result<()> {
    if stage.exists() {
        fs::remove_dir_all(stage).with_context(|| format!("removing {}", stage.display()))?;
    }
    let source = stage.join("docs");
    for path in pages.paths().chain(pages.attached()) {
        let to = source.join(path);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(root.join(path), &to).with_context(|| format!("copying {path}"))?;
    }
    fs::write(source.join("SUMMARY.md"), pages.summary_from_the_root())?;
    fs::copy(root.join("book.toml"), stage.join("book.toml")).context("book.toml")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root;

    /// Without mdBook: each file of docs/ is in the table of contents, and each link points to something.
    #[test]
    fn the_book_is_whole() {
        let problems = Pages::read(&root()).unwrap().problems();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}
