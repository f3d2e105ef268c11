//! A chart of block characters.

use super::{Chart, label};

const WIDTH: usize = 60;
const HEIGHT: usize = 8;
/// A cell that is filled by so many eighths.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws a chart, with a title above and the x axis below.
pub(in super::super) fn terminal(chart: &Chart) -> String {
    let columns = columns(chart);
    let top = chart.y_top();
    let labels: Vec<String> = (0..HEIGHT)
        .map(|row| match row {
            0 => label(top),
            row if row == HEIGHT / 2 => label(top / 2.0),
            _ => String::new(),
        })
        .collect();
    let room = labels.iter().map(String::len).max().unwrap_or(0).max(1);
    let mut text = format!("{}\n", chart.title);
    for (row, name) in labels.iter().enumerate() {
        let floor = HEIGHT - 1 - row;
        let line: String = columns
            .iter()
            .map(|value| {
                let eighths = (value / top * HEIGHT as f64 - floor as f64) * 8.0;
                // What is there at all is seen.
                let least = if floor == 0 && *value > 0.0 { 1.0 } else { 0.0 };
                EIGHTHS[eighths.round().clamp(least, 8.0) as usize]
            })
            .collect();
        text.push_str(format!("{name:>room$} ┤{line}").trim_end());
        text.push('\n');
    }
    let end = format!("{} {}", label(chart.x_max()), chart.x);
    let axis = "─".repeat(columns.len().max(1));
    text.push_str(&format!("{:>room$} └{axis}\n", 0));
    // Without a space between them, 0 and the end would read as one number.
    let gap = columns.len().saturating_sub(end.chars().count() + 1);
    let start = if gap > 0 { "0" } else { "" };
    text.push_str(&format!("{:room$}  {start}{:gap$}{end}\n", "", ""));
    text
}

/// The mean of the points in each column; a column without one has that before it.
fn columns(chart: &Chart) -> Vec<f64> {
    let width = WIDTH.min(chart.points.len()).max(1);
    let x_max = chart.x_max();
    let mut sums = vec![(0.0, 0u32); width];
    for (x, y) in &chart.points {
        let at = if x_max > 0.0 { (x / x_max * width as f64).ceil() as usize } else { 1 };
        let (sum, count) = &mut sums[at.clamp(1, width) - 1];
        *sum += y;
        *count += 1;
    }
    let mut before = 0.0;
    sums.into_iter()
        .map(|(sum, count)| {
            if count > 0 {
                before = sum / f64::from(count);
            }
            before
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_is_drawn_as_one() {
        let chart = Chart::new("MB/sec", "s", (1..=8).map(|x| (f64::from(x), f64::from(x))).collect());
        let wanted = "\
MB/sec
10 ┤
   ┤      ▃█
   ┤     ▆██
   ┤   ▂████
 5 ┤  ▁█████
   ┤ ▁██████
   ┤▁███████
   ┤████████
 0 └────────
    0    8 s
";
        let drawn = terminal(&chart);
        assert_eq!(drawn.lines().count(), wanted.lines().count());
        assert_eq!(drawn.lines().next(), Some("MB/sec"));
        assert!(drawn.lines().all(|line| line == line.trim_end()), "{drawn}");
        // Each column is at least as high as the one to its left.
        let bars: Vec<usize> = (0..8)
            .map(|column| {
                drawn
                    .lines()
                    .skip(1)
                    .take(HEIGHT)
                    .filter(|line| line.chars().nth(column + 4).is_some_and(|char| char != ' '))
                    .count()
            })
            .collect();
        assert!(bars.is_sorted() && bars[0] < bars[7], "{drawn}");
    }

    #[test]
    fn both_ends_of_a_short_axis_ran_together() {
        let last = |points: Vec<(f64, f64)>| {
            terminal(&Chart::new("t", "s", points)).lines().last().expect("a line").trim().to_owned()
        };
        assert_eq!(last(vec![(0.03, 5.0)]), "0.03 s");
        assert_eq!(last((1..=4).map(|x| (f64::from(x), 1.0)).collect()), "4 s");
        assert_eq!(last((1..=5).map(|x| (f64::from(x), 1.0)).collect()), "0 5 s");
    }

    #[test]
    fn one_point_and_none_are_no_trouble() {
        assert!(terminal(&Chart::new("one", "s", vec![(0.0, 5.0)])).contains('█'));
        assert!(terminal(&Chart::new("none", "s", Vec::new())).starts_with("none\n"));
        assert!(terminal(&Chart::new("zero", "s", vec![(1.0, 0.0)])).starts_with("zero\n"));
    }

    #[test]
    fn many_points_are_drawn_by_their_means() {
        let chart = Chart::new("t", "s", (0..1000).map(|x| (f64::from(x), f64::from(x % 2))).collect());
        let columns = columns(&chart);
        assert_eq!(columns.len(), WIDTH);
        assert!(columns.iter().all(|value| (value - 0.5).abs() < 0.1), "{columns:?}");
    }
}
