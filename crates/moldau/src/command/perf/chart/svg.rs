//! Charts as one SVG file, one below the other.

use std::fmt::Write;

use super::{Chart, label};

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 40.0;
const TICKS: u32 = 4;
/// Where there are more points, their line is enough.
const DOTS_MAX: usize = 60;

/// Draws charts.
pub(in super::super) fn svg(charts: &[Chart]) -> String {
    let height = HEIGHT * charts.len().max(1) as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (at, chart) in charts.iter().enumerate() {
        draw(&mut out, chart, HEIGHT * at as f64);
    }
    out.push_str("</svg>\n");
    out
}

fn draw(out: &mut String, chart: &Chart, y0: f64) {
    let (y_top, x_max) = (chart.y_top(), chart.x_max());
    let x_of = |x: f64| LEFT + if x_max > 0.0 { x / x_max * (WIDTH - LEFT - RIGHT) } else { 0.0 };
    let y_of = |y: f64| y0 + HEIGHT - BOTTOM - y / y_top * (HEIGHT - TOP - BOTTOM);
    let mut line = |text: std::fmt::Arguments<'_>| {
        // Writing to a string never fails.
        let _ = writeln!(out, "{text}");
    };
    let title = escaped(&chart.title);
    line(format_args!("<text x=\"{LEFT}\" y=\"{:.1}\" font-size=\"14\">{title}</text>", y0 + TOP - 16.0));
    for tick in 0..=TICKS {
        let y = y_top * f64::from(tick) / f64::from(TICKS);
        line(format_args!(
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{:.1}\" y2=\"{1:.1}\" stroke=\"#ddd\"/>",
            WIDTH - RIGHT,
            y_of(y)
        ));
        line(format_args!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            y_of(y) + 4.0,
            label(y)
        ));
        let x = x_max * f64::from(tick) / f64::from(TICKS);
        let unit = if tick == TICKS { format!(" {}", escaped(chart.x)) } else { String::new() };
        let anchor = if tick == TICKS { "end" } else { "middle" };
        line(format_args!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}{unit}</text>",
            x_of(x),
            y0 + HEIGHT - BOTTOM + 18.0,
            label(x)
        ));
    }
    let points: Vec<String> =
        chart.points.iter().map(|(x, y)| format!("{:.1},{:.1}", x_of(*x), y_of(*y))).collect();
    line(format_args!(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#1667b7\" stroke-width=\"1.5\"/>",
        points.join(" ")
    ));
    // A line through one point is nothing to be seen.
    if points.len() <= DOTS_MAX {
        for (x, y) in &chart.points {
            line(format_args!(
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\" fill=\"#1667b7\"/>",
                x_of(*x),
                y_of(*y)
            ));
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_chart_has_its_line_below_the_other() {
        let points = vec![(0.0, 0.0), (1.0, 5.0), (2.0, 10.0)];
        let charts = [Chart::new("MB/sec", "s", points.clone()), Chart::new("a < b", "s", points)];
        let drawn = svg(&charts);
        assert!(drawn.starts_with("<svg ") && drawn.ends_with("</svg>\n"));
        assert!(drawn.contains("height=\"520\"") && drawn.contains("a &lt; b"));
        // From the lower left corner to the upper right one.
        assert!(drawn.contains("points=\"70.0,220.0 425.0,130.0 780.0,40.0\""), "{drawn}");
        assert!(drawn.contains("points=\"70.0,480.0 425.0,390.0 780.0,300.0\""), "{drawn}");
    }

    #[test]
    fn one_sample_was_invisible_and_is_a_dot() {
        let drawn = svg(&[Chart::new("one", "s", vec![(0.1, 5.0)])]);
        assert!(drawn.contains("<circle cx=\"780.0\" cy=\"40.0\""), "{drawn}");
        let many = svg(&[Chart::new("many", "s", (0..1000).map(|x| (f64::from(x), 1.0)).collect())]);
        assert!(!many.contains("<circle"));
    }

    #[test]
    fn nothing_at_all_is_still_a_picture() {
        let drawn = svg(&[Chart::new("none", "s", Vec::new())]);
        assert!(drawn.contains("<polyline points=\"\"") && !drawn.contains("NaN"), "{drawn}");
    }
}
