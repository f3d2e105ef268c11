//! The pages of the book as Markdown: the table of contents, and what its pages link to.
//!
//! What always holds: paths are those in the repository, from its root, with slashes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

const SUMMARY: &str = "docs/SUMMARY.md";

/// A page, or the table of contents itself.
#[derive(Debug, Default)]
struct Page {
    /// Targets as they are written, with their lines.
    links: Vec<(usize, String)>,
    /// What headings can be linked to as.
    anchors: BTreeSet<String>,
}

/// See the module.
pub(crate) struct Pages {
    summary: String,
    contents: Page,
    /// By path.
    pages: BTreeMap<String, Page>,
    /// Every page below docs/, in the book or not.
    written: BTreeSet<String>,
    /// What is linked to, is no page, and is there: whether it is a folder.
    others: BTreeMap<String, bool>,
}

impl Pages {
    /// Reads the table of contents and each of its pages.
    pub(crate) fn read(root: &Path) -> Result<Pages> {
        let summary = std::fs::read_to_string(root.join(SUMMARY)).context(SUMMARY)?;
        let contents = Page::of(&summary);
        let mut pages = BTreeMap::new();
        for (_, target) in &contents.links {
            let path = resolved(SUMMARY, target).unwrap_or_default();
            // one that is missing is told of by `problems`
            if let Ok(text) = std::fs::read_to_string(root.join(&path)) {
                pages.insert(path, Page::of(&text));
            }
        }
        let mut written = BTreeSet::new();
        markdown_below(root, "docs", &mut written)?;
        written.remove(SUMMARY);
        let mut others = BTreeMap::new();
        for (path, page) in &pages {
            for (_, target) in &page.links {
                let Some(to) = resolved(path, target) else { continue };
                if !pages.contains_key(&to) && root.join(&to).exists() {
                    others.insert(to.clone(), root.join(&to).is_dir());
                }
            }
        }
        Ok(Pages { summary, contents, pages, written, others })
    }

    /// The pages' paths.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.pages.keys().map(String::as_str)
    }

    /// Files that pages link to and that are no pages.
    pub(crate) fn attached(&self) -> impl Iterator<Item = &str> {
        self.others.iter().filter(|(_, is_folder)| !**is_folder).map(|(path, _)| path.as_str())
    }

    /// The table of contents with its targets as seen from the root.
    pub(crate) fn summary_from_the_root(&self) -> String {
        let mut text = self.summary.clone();
        for (_, target) in &self.contents.links {
            if let Some(path) = resolved(SUMMARY, target) {
                text = text.replace(&format!("]({target})"), &format!("](<{path}>)"));
            }
        }
        text.replace("](<", "](").replace(">)", ")")
    }

    /// Pages that are left out, and links that lead nowhere.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for path in self.written.iter().filter(|path| !self.pages.contains_key(*path)) {
            problems.push(format!("{path}: {SUMMARY} does not name it"));
        }
        for (line, target) in &self.contents.links {
            let path = resolved(SUMMARY, target).unwrap_or_default();
            if !self.pages.contains_key(&path) {
                problems.push(format!("{SUMMARY}:{line}: there is no {path}"));
            }
        }
        for (path, page) in &self.pages {
            for (line, target) in &page.links {
                if let Some(why) = self.is_wrong(path, target) {
                    problems.push(format!("{path}:{line}: {target}: {why}"));
                }
            }
        }
        problems
    }

    fn is_wrong(&self, from: &str, target: &str) -> Option<String> {
        let to = resolved(from, target)?;
        let anchor = target.split_once('#').map(|(_, anchor)| anchor);
        if let Some(page) = self.pages.get(&to) {
            return anchor
                .filter(|anchor| !page.anchors.contains(*anchor))
                .map(|anchor| format!("{to} has no heading for #{anchor}"));
        }
        match self.others.get(&to) {
            None => Some(format!("there is no {to}")),
            Some(true) => Some("is a folder, which the book cannot show; link to a page".to_owned()),
            Some(false) if to.ends_with(".md") => {
                Some(format!("is no page of the book; {SUMMARY} does not name it"))
            }
            Some(false) => None,
        }
    }
}

impl Page {
    fn of(text: &str) -> Page {
        let mut page = Page::default();
        let mut heading: Option<String> = None;
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    let line = line_of(text, range.start);
                    page.links.push((line, dest_url.into_string()));
                }
                // pictures that adapt to dark pages are HTML
                Event::Html(html) | Event::InlineHtml(html) => {
                    let line = line_of(text, range.start);
                    page.links.extend(of_html(&html).map(|target| (line, target)));
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::Text(part) | Event::Code(part) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&part);
                    }
                }
                Event::End(TagEnd::Heading(_)) => {
                    let anchor = anchor(&heading.take().unwrap_or_default());
                    let again = (1..).map(|n| format!("{anchor}-{n}"));
                    let free = std::iter::once(anchor.clone()).chain(again);
                    page.anchors.extend(free.into_iter().find(|name| !page.anchors.contains(name)));
                }
                _ => {}
            }
        }
        page
    }
}

/// The line of a byte.
fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// What the attributes of HTML point to.
fn of_html(html: &str) -> impl Iterator<Item = String> + '_ {
    ["src=\"", "srcset=\"", "href=\""].into_iter().flat_map(move |attribute| {
        html.split(attribute)
            .skip(1)
            .filter_map(|rest| rest.split_once('"').map(|(target, _)| target.to_owned()))
    })
}

/// How forges and mdBook name a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).flat_map(char::to_lowercase).collect()
}

/// The path that a link of a page leads to; none for an address somewhere else.
pub(crate) fn resolved(from: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let path = target.split('#').next().unwrap_or_default();
    if path.is_empty() {
        return Some(from.to_owned());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn markdown_below(root: &Path, folder: &str, found: &mut BTreeSet<String>) -> Result<()> {
    for entry in std::fs::read_dir(root.join(folder)).with_context(|| folder.to_owned())? {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            markdown_below(root, &path, found)?;
        } else if path.ends_with(".md") {
            found.insert(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(files: &[(&str, &str)]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Pages::read(root.path()).unwrap().problems()
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found_with_its_line() {
        let found = problems(&[
            ("docs/SUMMARY.md", "- [a](a.md)\n- [read me](../README.md)\n- [gone](gone.md)\n"),
            ("README.md", "[a](docs/a.md#two-words) [folder](docs/)"),
            (
                "docs/a.md",
                "# Two `words`\n\n[self](#two-words)\n\n[x](#x), [b](b.md)\n\n    [code](none.md)\n",
            ),
            ("docs/left.md", ""),
        ]);
        let wanted = [
            "docs/left.md: docs/SUMMARY.md does not name it",
            "docs/SUMMARY.md:3: there is no docs/gone.md",
            "README.md:1: docs/: is a folder, which the book cannot show; link to a page",
            "docs/a.md:5: #x: docs/a.md has no heading for #x",
            "docs/a.md:5: b.md: there is no docs/b.md",
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn links_to_files_beside_the_pages_are_taken_along() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("docs")).unwrap();
        let write = |path: &str, text: &str| std::fs::write(root.path().join(path), text).unwrap();
        write("docs/SUMMARY.md", "- [a](a.md)\n");
        write("docs/a.md", "[license](../LICENSE)\n\n<img src=\"chart.svg\">\n");
        write("docs/chart.svg", "");
        write("LICENSE", "");
        let pages = Pages::read(root.path()).unwrap();
        assert_eq!(pages.attached().collect::<Vec<_>>(), ["LICENSE", "docs/chart.svg"]);
        assert_eq!(pages.summary_from_the_root(), "- [a](docs/a.md)\n");
    }

    #[test]
    fn equal_headings_are_numbered() {
        let page = Page::of("# A b\n## A b\n## What's `new`: 1.0\n");
        assert_eq!(page.anchors.into_iter().collect::<Vec<_>>(), ["a-b", "a-b-1", "whats-new-10"]);
    }
}
