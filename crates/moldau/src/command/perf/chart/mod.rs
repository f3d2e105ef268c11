//! Charts of what was measured: bars of characters in a terminal, or an SVG file.

mod svg;
mod terminal;

use std::path::{Path, PathBuf};

pub(super) use svg::svg;
pub(super) use terminal::terminal;

/// Where charts go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plot {
    Terminal,
    Svg(PathBuf),
}

impl Plot {
    /// Reads `--plot`: nothing, or the name of an SVG file.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let is_svg =
            Path::new(text).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg"));
        match text {
            "" => Ok(Self::Terminal),
            file if is_svg => Ok(Self::Svg(file.into())),
            _ => Err("the file must end in .svg".to_owned()),
        }
    }
}

/// One chart: y over x, both from 0.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chart {
    pub(super) title: String,
    /// What x is, with its unit.
    pub(super) x: &'static str,
    /// In the order of x.
    pub(super) points: Vec<(f64, f64)>,
}

impl Chart {
    pub(super) fn new(title: impl Into<String>, x: &'static str, points: Vec<(f64, f64)>) -> Self {
        let points = points.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        Self { title: title.into(), x, points }
    }

    fn x_max(&self) -> f64 {
        self.points.iter().map(|(x, _)| *x).fold(0.0, f64::max)
    }

    /// The end of the y axis: the next number of 1, 2 or 5 and zeros.
    fn y_top(&self) -> f64 {
        let max = self.points.iter().map(|(_, y)| *y).fold(0.0, f64::max);
        if max <= 0.0 {
            return 1.0;
        }
        let power = 10f64.powf(max.log10().floor());
        [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|step| step * power).find(|top| *top >= max).unwrap_or(max)
    }
}

/// A number on an axis: as short as it can be.
fn label(value: f64) -> String {
    let (value, suffix) = match value.abs() {
        v if v >= 1e9 => (value / 1e9, "G"),
        v if v >= 1e6 => (value / 1e6, "M"),
        v if v >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_ends_at_a_round_number() {
        let top = |max: f64| Chart::new("t", "s", vec![(0.0, max)]).y_top();
        assert_eq!(
            [top(0.0), top(0.7), top(1.0), top(11.0), top(21.0), top(480.0)],
            [1.0, 1.0, 1.0, 20.0, 25.0, 500.0]
        );
    }

    #[test]
    fn labels_are_short() {
        assert_eq!(
            [label(0.0), label(2.5), label(1234.0), label(25_000.0), label(2e6)],
            ["0", "2.5", "1234", "25k", "2M"]
        );
    }

    #[test]
    fn a_plot_is_the_terminal_or_an_svg_file() {
        assert_eq!(Plot::parse(""), Ok(Plot::Terminal));
        assert_eq!(Plot::parse("a/b.svg"), Ok(Plot::Svg("a/b.svg".into())));
        assert!(Plot::parse("chart.png").is_err() && Plot::parse(".svg").is_err());
    }
}
