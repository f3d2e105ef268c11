//! What a measurement shows: a live line, rows, percentiles, charts.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::MB;
use super::chart::{Chart, Plot};
use super::client_metrics::ClientMetrics;
use super::histogram::Histogram;
use crate::args::OutputFormat;
use crate::args::perf::ReportArgs;
use crate::failure::Failure;
use crate::output::{Table, show};
use crate::stderr::complain;

/// How often what was done is noted for the charts.
pub(super) const SAMPLE: Duration = Duration::from_millis(100);

/// What was done in some time.
#[derive(Clone, Debug, Default)]
pub(super) struct Span {
    /// Since the beginning of the measurement.
    pub(super) end: Duration,
    pub(super) took: Duration,
    pub(super) records: u64,
    pub(super) bytes: u64,
    /// Sum and maximum of the latencies, where they are measured, in milliseconds.
    pub(super) latency_sum_ms: f64,
    pub(super) latency_max_ms: f64,
}

impl Span {
    pub(super) fn records_per_second(&self) -> f64 {
        per_second(self.records as f64, self.took)
    }

    pub(super) fn mb_per_second(&self) -> f64 {
        per_second(self.bytes as f64 / MB, self.took)
    }

    pub(super) fn latency_average_ms(&self) -> f64 {
        if self.records == 0 { 0.0 } else { self.latency_sum_ms / self.records as f64 }
    }

    /// Adds what came right after it.
    pub(super) fn join(&mut self, next: &Self) {
        self.end = next.end;
        self.took += next.took;
        self.records += next.records;
        self.bytes += next.bytes;
        self.latency_sum_ms += next.latency_sum_ms;
        self.latency_max_ms = self.latency_max_ms.max(next.latency_max_ms);
    }
}

pub(super) fn per_second(amount: f64, took: Duration) -> f64 {
    let seconds = took.as_secs_f64();
    if seconds > 0.0 { amount / seconds } else { 0.0 }
}

/// Joins samples to intervals.
pub(super) fn intervals(samples: &[Span], interval: Duration) -> Vec<Span> {
    let mut joined: Vec<Span> = Vec::new();
    for sample in samples {
        match joined.last_mut() {
            // A half sample of tolerance: ticks come a little early or late.
            Some(last) if last.took + SAMPLE / 2 < interval => last.join(sample),
            _ => joined.push(sample.clone()),
        }
    }
    joined
}

/// The percentiles of Kafka's tools, and the mean and the largest.
pub(super) fn latency_json(latencies: &Histogram) -> serde_json::Value {
    json!({
        "avg": round(latencies.average_ms()),
        "max": round(latencies.max_ms()),
        "p50": round(latencies.percentile_ms(0.5)),
        "p95": round(latencies.percentile_ms(0.95)),
        "p99": round(latencies.percentile_ms(0.99)),
        "p999": round(latencies.percentile_ms(0.999)),
    })
}

/// Heads of the columns that [`latency_cells`] fills.
pub(super) const LATENCY_HEAD: [&str; 6] = ["AVG ms", "MAX ms", "50th ms", "95th ms", "99th ms", "99.9th ms"];

pub(super) fn latency_cells(latencies: &Histogram) -> Vec<String> {
    let ms = |value: f64| format!("{value:.2}");
    vec![
        ms(latencies.average_ms()),
        ms(latencies.max_ms()),
        ms(latencies.percentile_ms(0.5)),
        ms(latencies.percentile_ms(0.95)),
        ms(latencies.percentile_ms(0.99)),
        ms(latencies.percentile_ms(0.999)),
    ]
}

/// To three places behind the point, which is what was measured.
pub(super) fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// A time that has passed, in seconds.
pub(super) fn seconds(duration: Duration) -> f64 {
    round(duration.as_secs_f64())
}

pub(super) fn span_json(span: &Span, latency: bool) -> serde_json::Value {
    let mut json = json!({
        "end_seconds": seconds(span.end),
        "records": span.records,
        "records_per_second": round(span.records_per_second()),
        "mb_per_second": round(span.mb_per_second()),
    });
    if latency {
        json["latency_ms"] =
            json!({ "avg": round(span.latency_average_ms()), "max": round(span.latency_max_ms) });
    }
    json
}

fn spans_text(spans: &[Span], latency: bool) -> String {
    let mut head = vec!["SECOND", "RECORDS", "RECORDS/sec", "MB/sec"];
    if latency {
        head.extend(["AVG ms", "MAX ms"]);
    }
    let mut table = Table::new(&head);
    for span in spans {
        let mut row = vec![
            format!("{:.1}", span.end.as_secs_f64()),
            span.records.to_string(),
            format!("{:.1}", span.records_per_second()),
            format!("{:.2}", span.mb_per_second()),
        ];
        if latency {
            row.push(format!("{:.2}", span.latency_average_ms()));
            row.push(format!("{:.2}", span.latency_max_ms));
        }
        table.row(row);
    }
    table.text()
}

/// Where a measurement is shown.
pub(super) struct Report<'a> {
    args: &'a ReportArgs,
    /// The file of the charts, which is there before anything is measured.
    plot: Option<(&'a Path, File)>,
}

impl<'a> Report<'a> {
    pub(super) fn open(args: &'a ReportArgs) -> Result<Self, Failure> {
        let plot = match &args.plot {
            Some(Plot::Svg(file)) => {
                Some((file.as_path(), File::create(file).map_err(|e| unplotted(file, &e))?))
            }
            Some(Plot::Terminal) | None => None,
        };
        Ok(Self { args, plot })
    }

    /// Shows the result, with what else was asked for. `summary` has one JSON object and one table. Also when the charts
    /// can't be written, which is then the failure.
    pub(super) fn finish(
        self,
        output: OutputFormat,
        samples: &[Span],
        latency: bool,
        mut summary: (serde_json::Value, Table),
        charts: &[Chart],
        metrics: &ClientMetrics,
    ) -> Result<(), Failure> {
        let Self { args, plot } = self;
        let intervals = intervals(samples, args.interval);
        if args.intervals {
            summary.0["intervals"] = intervals.iter().map(|span| span_json(span, latency)).collect();
        }
        if args.print_metrics {
            summary.0["metrics"] = metrics.json();
        }
        let plotted = plot.map_or(Ok(()), |(file, mut open)| {
            open.write_all(super::chart::svg(charts).as_bytes()).map_err(|error| unplotted(file, &error))
        });
        let mut drawn = String::new();
        if matches!(args.plot, Some(Plot::Terminal)) {
            charts.iter().for_each(|chart| drawn.push_str(&format!("\n{}", super::chart::terminal(chart))));
        }
        if output == OutputFormat::Json && !drawn.is_empty() {
            // They are no JSON.
            complain(drawn.trim_end());
        }
        show(
            output,
            || summary.0.clone(),
            || {
                let mut text = String::new();
                if args.intervals {
                    text.push_str(&spans_text(&intervals, latency));
                    text.push('\n');
                }
                text.push_str(&summary.1.text());
                text.push_str(&drawn);
                text.push_str(&metrics.text());
                text
            },
        )?;
        plotted
    }
}

fn unplotted(file: &Path, error: &io::Error) -> Failure {
    Failure::said_no(format!("--plot={}: {error}", file.display()))
}

/// The points of a chart, from the samples.
pub(super) fn points(samples: &[Span], value: impl Fn(&Span) -> f64) -> Vec<(f64, f64)> {
    samples.iter().map(|sample| (sample.end.as_secs_f64(), value(sample))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(end_ms: u64, records: u64, latency_max_ms: f64) -> Span {
        Span {
            end: Duration::from_millis(end_ms),
            took: SAMPLE,
            records,
            bytes: records * 1024 * 1024,
            latency_sum_ms: records as f64 * 2.0,
            latency_max_ms,
        }
    }

    #[test]
    fn samples_are_joined_to_intervals() {
        let samples: Vec<Span> = (1..=5).map(|at| span(at * 100, 10, at as f64)).collect();
        let joined = intervals(&samples, Duration::from_millis(200));
        let seen: Vec<(u128, u64, f64)> =
            joined.iter().map(|span| (span.end.as_millis(), span.records, span.latency_max_ms)).collect();
        assert_eq!(seen, [(200, 20, 2.0), (400, 20, 4.0), (500, 10, 5.0)]);
        assert_eq!(joined[0].records_per_second(), 100.0);
        assert_eq!(joined[0].mb_per_second(), 100.0);
        assert_eq!(joined[0].latency_average_ms(), 2.0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_chart_that_could_not_be_written_threw_the_figures_away() {
        let args = |plot: &str| ReportArgs {
            interval: SAMPLE,
            intervals: false,
            plot: Some(Plot::Svg(plot.into())),
            print_metrics: false,
        };
        let nowhere = Report::open(&args("/no-such-directory/chart.svg")).map(|_| ());
        assert!(matches!(nowhere, Err(Failure::SaidNo(_))), "it is told before anything is measured");
        let full = args("/dev/full");
        let report = Report::open(&full).expect("it can be opened");
        let summary = (json!({}), Table::new(&["A"]));
        let charts = [Chart::new("a", "s", vec![(0.0, 1.0), (1.0, 2.0)])];
        let metrics = ClientMetrics::default();
        let shown = report.finish(OutputFormat::Table, &[], false, summary, &charts, &metrics);
        assert!(matches!(shown, Err(Failure::SaidNo(why)) if why.starts_with("--plot=/dev/full")));
    }

    #[test]
    fn nothing_in_no_time_is_no_division_by_zero() {
        let span = Span::default();
        assert_eq!(
            (span.records_per_second(), span.mb_per_second(), span.latency_average_ms()),
            (0.0, 0.0, 0.0)
        );
        assert!(intervals(&[], SAMPLE).is_empty());
    }
}
