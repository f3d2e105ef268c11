//! The ratios as an SVG: for each row, each server's median beside the largest of its row.

use std::fmt::Write as _;

use crate::report::Report;

const WIDTH: usize = 860;
const LABELS: usize = 400;
const BAR: usize = 12;
const COLOURS: [&str; 5] = ["#9aa5b1", "#d9822b", "#2965cc", "#29a634", "#8f398f"];

/// The chart. Bars of a row share a scale, rows do not: each shows a ratio.
pub(crate) fn svg(report: &Report) -> String {
    let lines = report.lines();
    let mut names: Vec<&str> = Vec::new();
    for name in lines.iter().flat_map(|(_, spreads)| spreads.keys()) {
        if !names.contains(name) {
            names.push(name);
        }
    }
    names.sort_by_key(|name| (*name != "floor", *name));
    let colour =
        |name: &str| COLOURS[names.iter().position(|other| *other == name).unwrap_or(0) % COLOURS.len()];
    let mut body = String::new();
    let mut y = 40;
    for (at, name) in names.iter().enumerate() {
        let x = 12 + at * 150;
        let _ = write!(
            body,
            r#"<rect x="{x}" y="10" width="12" height="12" fill="{}"/><text x="{}" y="21">{}</text>"#,
            colour(name),
            x + 18,
            escaped(name)
        );
    }
    for (label, spreads) in lines.iter().filter(|(_, spreads)| spreads.len() > 1) {
        let largest = spreads.values().map(|spread| spread.median).fold(0.0, f64::max);
        let _ = write!(body, r#"<text x="12" y="{}">{}</text>"#, y + 11, escaped(label));
        for name in names.iter().filter(|name| spreads.contains_key(*name)) {
            let median = spreads[name].median;
            let width = (median / largest * (WIDTH - LABELS - 80) as f64).max(1.0);
            let _ = write!(
                body,
                r#"<rect x="{LABELS}" y="{y}" width="{width:.1}" height="{BAR}" fill="{}"/><text x="{:.1}" y="{}" font-size="11">{median:.2}</text>"#,
                colour(name),
                LABELS as f64 + width + 5.0,
                y + 10
            );
            y += BAR + 2;
        }
        y += 10;
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" font-family="sans-serif" font-size="13" fill="#1c2127"><rect width="{WIDTH}" height="{y}" fill="#ffffff"/>{body}</svg>
"##
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::ROWS;

    #[test]
    fn the_longest_bar_of_a_row_is_its_largest_median() {
        let mut report = Report::default();
        report.add(&ROWS[0], "Moldau", 1.0);
        report.add(&ROWS[0], "K<afka", 4.0);
        let svg = svg(&report);
        assert!(svg.contains(r#"width="380.0""#) && svg.contains(r#"width="95.0""#), "{svg}");
        assert!(svg.contains("K&lt;afka") && !svg.contains("K<afka"), "{svg}");
    }
}
