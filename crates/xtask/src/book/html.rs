//! The book that was made: whether its links lead somewhere.
//!
//! What is looked at are `href`, `src` and `id` in mdBook's own regular output; this is no HTML parser.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::pages::resolved;

/// Links to files and anchors that are not there. The page that holds all others is left out: it repeats them.
pub(crate) fn problems(book: &Path) -> Result<Vec<String>> {
    let mut pages = Vec::new();
    find(book, &mut pages)?;
    let mut problems = Vec::new();
    for page in &pages {
        let name = page.strip_prefix(book)?.to_string_lossy().into_owned();
        if matches!(name.as_str(), "print.html" | "404.html" | "toc.html") {
            continue;
        }
        let text = fs::read_to_string(page)?;
        for target in values(&text, "href").chain(values(&text, "src")).filter(|target| !target.is_empty()) {
            let Some(to) = resolved(&name, &target.replace("&amp;", "&")) else { continue };
            let anchor = target.split_once('#').map(|(_, anchor)| anchor).filter(|anchor| !anchor.is_empty());
            let there = match anchor {
                None => book.join(&to).exists(),
                Some(anchor) => fs::read_to_string(book.join(&to))
                    .is_ok_and(|text| values(&text, "id").any(|id| id == anchor)),
            };
            if !there {
                problems.push(format!("{name}: {target} leads nowhere"));
            }
        }
    }
    Ok(problems.into_iter().collect::<BTreeSet<_>>().into_iter().collect())
}

fn find(folder: &Path, pages: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, pages)?;
        } else if path.extension().is_some_and(|end| end == "html") {
            pages.push(path);
        }
    }
    Ok(())
}

/// The values of an attribute.
fn values<'a>(html: &'a str, attribute: &str) -> impl Iterator<Item = &'a str> {
    let start = format!(" {attribute}=\"");
    let pieces: Vec<&str> = html.split(start.as_str()).skip(1).collect();
    pieces.into_iter().filter_map(|rest| rest.split_once('"').map(|(value, _)| value))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_link_to_an_anchor_that_is_not_there_is_found() {
        let book = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(book.path().join(name), text).unwrap();
        write(
            "a.html",
            r##"<a href="b.html#there"></a><a href="b.html#gone"></a><a href="c.html"></a><a href="#x">"##,
        );
        write("b.html", r#"<h1 id="there"></h1><a href="https://example.org/none"></a>"#);
        let wanted =
            ["a.html: #x leads nowhere", "a.html: b.html#gone leads nowhere", "a.html: c.html leads nowhere"];
        assert_eq!(super::problems(book.path()).unwrap(), wanted);
    }
}
