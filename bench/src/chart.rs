//! The comparison as an SVG: for each line, each server's median as a bar, the floor as a mark, and how much less the last server needs.
//!
//! What always holds: bars of a line share a scale, lines do not; less is better in all of them. The picture has its own background and
//! follows the reader's preference for light or dark pages, so that it can be read on any. It is drawn to be shown 800 pixels wide.

use std::fmt::Write as _;

use crate::report::{FLOOR, Line, Report, figure};

const WIDTH: f64 = 800.0;
const MARGIN: f64 = 24.0;
/// Where bars begin, and how long the longest is.
const BARS: f64 = 236.0;
const LONGEST: f64 = 390.0;
const THICK: f64 = 11.0;
/// Room that a figure takes behind its bar.
const FIGURE: f64 = 45.0;
const STYLE: &str = "
text { font-family: -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif; font-size: 13px; fill: #1f2328 }
.card { fill: #ffffff; stroke: #d1d9e0 }
.title { font-size: 16px; font-weight: 600 }
.group { font-size: 12px; font-weight: 600; fill: #59636e }
.value { font-size: 12px; fill: #59636e }
.ours { font-weight: 600; fill: #1f2328 }
.less { font-size: 14px; font-weight: 600; fill: #0b6e99 }
.s0 { fill: #0b84b8 } .s1 { fill: #b6bec7 } .s2 { fill: #d3a14c } .s3 { fill: #8f7fc0 }
.floor { stroke: #cf222e; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.card { fill: #0d1117; stroke: #30363d }
.group, .value { fill: #9198a1 }
.ours { fill: #e6edf3 }
.less { fill: #58c4f0 }
.s0 { fill: #2ea3d8 } .s1 { fill: #57606a } .s2 { fill: #a87b2b } .s3 { fill: #6f5fa8 }
.floor { stroke: #ff7b72 }
}
";

/// The chart.
pub(crate) fn svg(report: &Report) -> String {
    let names = report.names();
    let mut servers: Vec<&str> = names.iter().copied().filter(|name| *name != FLOOR).collect();
    // Ours is the last to start and the first to be looked at; its class is s0.
    let Some(ours) = servers.pop() else { return String::new() };
    servers.push(ours);
    let class = |name: &str| match servers.iter().rev().position(|other| *other == name) {
        Some(at) => format!("s{}", at.min(3)),
        None => "s3".to_owned(),
    };
    let mut drawing = Drawing { body: String::new(), y: 38.0 };
    drawing.text(MARGIN, "title", &format!("{ours} beside {}", others(&servers)));
    drawing.y += 24.0;
    drawing.legend(&servers, &class);
    drawing.y += 8.0;
    let mut group = "";
    for line in report.lines() {
        let Some(short) = &line.short else { continue };
        if !servers.iter().all(|name| line.spreads.contains_key(name)) || servers.len() < 2 {
            continue;
        }
        if group != line.unit {
            group = line.unit;
            drawing.y += 20.0;
            drawing.text(MARGIN, "group", title_of(group));
            drawing.y += 10.0;
        }
        drawing.line(&line, short, &servers, &class);
    }
    let height = drawing.y + 14.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" aria-label=\"{ours} beside {other}: processor time, latency and memory\"><style>{STYLE}</style>\n\
         <rect class=\"card\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n{}</svg>\n",
        WIDTH - 1.0,
        height - 1.0,
        drawing.body,
        ours = escaped(ours),
        other = escaped(&others(&servers)),
    )
}

/// All servers but the last.
fn others(servers: &[&str]) -> String {
    servers[..servers.len() - 1].join(" and ")
}

fn title_of(unit: &str) -> &'static str {
    match unit {
        "CPU s/GB" => "Processor seconds of the server for a gigabyte",
        "ms" => "Milliseconds from producer to consumer, at 1,000 batches a second",
        "KB" => "Kilobytes of memory",
        _ => "Megabytes of memory",
    }
}

struct Drawing {
    body: String,
    y: f64,
}

impl Drawing {
    fn text(&mut self, x: f64, class: &str, text: &str) {
        let y = self.y;
        let _ =
            writeln!(self.body, r#"<text x="{x:.1}" y="{y:.1}" class="{class}">{}</text>"#, escaped(text));
    }

    fn legend(&mut self, servers: &[&str], class: &impl Fn(&str) -> String) {
        let mut x = MARGIN;
        let y = self.y;
        for name in servers.iter().rev() {
            let _ = writeln!(
                self.body,
                r#"<rect x="{x}" y="{:.1}" width="12" height="12" rx="2" class="{}"/>"#,
                y - 11.0,
                class(name)
            );
            self.text(x + 18.0, "legend", name);
            x += 18.0 + 8.0 * name.len() as f64 + 24.0;
        }
        let _ = writeln!(
            self.body,
            r#"<line x1="{0}" y1="{1:.1}" x2="{0}" y2="{2:.1}" class="floor"/>"#,
            x + 6.0,
            y - 12.0,
            y + 2.0
        );
        self.text(x + 16.0, "legend", "what the kernel alone needs");
        let y = self.y;
        let _ = writeln!(
            self.body,
            r#"<text x="{:.1}" y="{y:.1}" class="value" text-anchor="end">less is better</text>"#,
            WIDTH - MARGIN
        );
    }

    /// One line of the table: ours above the others.
    fn line(&mut self, line: &Line, short: &str, servers: &[&str], class: &impl Fn(&str) -> String) {
        let largest = line.spreads.values().map(|spread| spread.median).fold(f64::MIN_POSITIVE, f64::max);
        let length = |value: f64| (value / largest * LONGEST).max(1.5);
        let height = servers.len() as f64 * (THICK + 2.0);
        let (top, middle) = (self.y, self.y + height / 2.0 + 4.0);
        self.y = middle;
        self.text(MARGIN, "what", short);
        let (ours, others) = (servers[servers.len() - 1], &servers[..servers.len() - 1]);
        for (at, name) in servers.iter().rev().enumerate() {
            let y = top + at as f64 * (THICK + 2.0);
            let long = length(line.spreads[name].median);
            let _ = writeln!(
                self.body,
                r#"<rect x="{BARS}" y="{y:.1}" width="{long:.1}" height="{THICK}" rx="2" class="{}"/>"#,
                class(name)
            );
            self.y = y + THICK - 1.0;
            // The mark of the floor does not go through a figure.
            let mark = line.spreads.get(FLOOR).map(|floor| length(floor.median));
            let end = mark.filter(|mark| (long - 2.0..long + FIGURE).contains(mark)).unwrap_or(long);
            let is_ours = if *name == ours { "value ours" } else { "value" };
            self.text(BARS + end + 7.0, is_ours, &figure(line.spreads[name].median));
        }
        if let Some(floor) = line.spreads.get(FLOOR) {
            let x = BARS + length(floor.median);
            let _ = writeln!(
                self.body,
                r#"<line x1="{x:.1}" y1="{:.1}" x2="{x:.1}" y2="{:.1}" class="floor"/>"#,
                top - 2.0,
                top + height
            );
        }
        if let [other] = others
            && let Some(ratio) = line.ratio(other, ours)
        {
            let _ = writeln!(
                self.body,
                r#"<text x="{:.1}" y="{middle:.1}" class="less" text-anchor="end">{}</text>"#,
                WIDTH - MARGIN,
                times(ratio)
            );
        }
        self.y = top + height + 10.0;
    }
}

/// `2.7× less`, `43× less`.
fn times(ratio: f64) -> String {
    match ratio {
        ..1.0 => format!("{:.1}× more", 1.0 / ratio),
        ..9.95 => format!("{ratio:.1}× less"),
        _ => format!("{ratio:.0}× less"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Figures;
    use crate::rows::ROWS;

    #[test]
    fn the_longest_bar_of_a_line_is_its_largest_median() {
        let mut report = Report::default();
        report.add(&ROWS[0], "K<afka", 4.0);
        report.add(&ROWS[0], "Moldau", Figures { main: 1.0, more: vec![("MB/s", 700.0)] });
        let svg = svg(&report);
        assert!(svg.contains(r#"width="390.0""#) && svg.contains(r#"width="97.5""#), "{svg}");
        assert!(svg.contains(">4.0× less<"), "{svg}");
        assert!(svg.contains("K&lt;afka") && !svg.contains("K<afka"), "{svg}");
        assert!(!svg.contains("700"), "more is not worse there: {svg}");
    }

    #[test]
    fn the_floor_is_a_mark_and_no_server() {
        let mut report = Report::default();
        for (who, main) in [("floor", 2.0), ("Kafka", 4.0), ("Moldau", 1.0)] {
            report.add(&ROWS[0], who, main);
        }
        let svg = svg(&report);
        assert_eq!(svg.matches("class=\"floor\"").count(), 2, "in the legend and in the line: {svg}");
        assert!(svg.contains(r#"x1="431.0""#), "half of the longest bar: {svg}");
    }
}
