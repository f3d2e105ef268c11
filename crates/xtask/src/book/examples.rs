//! Programs that pages show: files of examples/, which are run, and their copies in the pages.
//!
//! A copy is the fenced block behind a comment with the file's path, so that a forge shows the program too; mdBook's own includes it would
//! not. `fix` writes the copies, a test compares them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

const MARK: &str = "<!-- examples/";

/// A page's text with the blocks behind its marks as the files are now.
fn shown(text: &str, read: impl Fn(&str) -> Result<String>) -> Result<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(MARK) {
        let (before, marked) = rest.split_at(at);
        out.push_str(before);
        let path = marked.trim_start_matches("<!-- ").split(" -->").next().unwrap_or_default();
        let block = marked.find("```").with_context(|| format!("no block behind {path}"))?;
        let body = block + marked[block..].find('\n').with_context(|| format!("{path}: an open block"))? + 1;
        let end = body + marked[body..].find("```").with_context(|| format!("{path}: an open block"))?;
        out.push_str(&marked[..body]);
        out.push_str(&read(path)?);
        rest = &marked[end..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Brings the pages in line; gives those that were not.
pub(crate) fn show(root: &Path, write: bool) -> Result<Vec<String>> {
    let folder = root.join("docs/getting-started");
    let mut stale = Vec::new();
    for entry in fs::read_dir(&folder).context("docs/getting-started")? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        if !text.contains(MARK) {
            bail!("{} shows no program of examples/", path.display());
        }
        let read = |file: &str| fs::read_to_string(root.join(file)).with_context(|| file.to_owned());
        let wanted = shown(&text, read)?;
        if wanted != text {
            stale.push(path.strip_prefix(root)?.display().to_string());
            if write {
                fs::write(&path, wanted)?;
            }
        }
    }
    Ok(stale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_show_the_programs_that_are_run() {
        let stale = show(&crate::root(), false).unwrap();
        assert!(stale.is_empty(), "`cargo xtask fix` mends {}", stale.join(", "));
    }

    #[test]
    fn only_the_block_behind_a_mark_is_replaced() {
        let page = "```sh\nkept\n```\n<!-- examples/a -->\n```python\nold\n```\nend\n";
        let now = shown(page, |path| Ok(format!("new {path}\n"))).unwrap();
        assert_eq!(now, "```sh\nkept\n```\n<!-- examples/a -->\n```python\nnew examples/a\n```\nend\n");
    }
}
