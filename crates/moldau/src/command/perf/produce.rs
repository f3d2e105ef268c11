//! `moldau perf produce`: how fast records are written, and how long each takes to be acknowledged.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use moldau_client::{ClientError, Delivery, Producer, ProducerRecord};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::MB;
use super::chart::Chart;
use super::client_metrics::ClientMetrics;
use super::histogram::Histogram;
use super::payload::Payload;
use super::report::{self, LATENCY_HEAD, Report, SAMPLE, Span};
use crate::args::perf::PerfProduceArgs;
use crate::failure::Failure;
use crate::output::Table;
use crate::progress::{Progress, Unit};
use crate::settings::{Kind, Settings};
use crate::signals::StopSignals;

/// Deliveries that wait to be taken up, for each partition.
const WAITING_MAX: usize = 1 << 16;

/// What a second signal leaves open.
const UNKNOWN: &str = "what was sent may be written or not";

/// A record on its way.
struct Sent {
    delivery: Delivery,
    at: Instant,
    bytes: u64,
    steady: bool,
}

/// What was acknowledged.
#[derive(Default)]
struct Acknowledged {
    all: Histogram,
    steady: Histogram,
    steady_bytes: u64,
    bytes: u64,
    last: Option<Instant>,
    /// Since the last sample.
    sample: Span,
    failures: u64,
    first_failure: Option<ClientError>,
}

type Shared = Arc<Mutex<Acknowledged>>;

fn lock(shared: &Shared) -> std::sync::MutexGuard<'_, Acknowledged> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) async fn run(args: PerfProduceArgs) -> Result<(), Failure> {
    let settings = Settings::resolve(&args.cluster, &[Kind::Producer])?;
    if args.warmup.is_some_and(|warmup| warmup >= args.records) {
        return Err(Failure::usage("--warmup must be less than --records"));
    }
    let mut payload = Payload::of(&args)?;
    let report = Report::open(&args.report)?;
    let config = settings.producer()?;
    let client_id = config.common.client_id.clone();
    let producer = Producer::connect(config).await?;
    producer.partitions_for(&args.topic).await?;
    let shared = Shared::default();
    let progress = Progress::start(Unit::Records, Some(args.records), false);
    let begin = Instant::now();
    let sampler = Sampler::start(shared.clone(), begin, args.report.interval, progress);
    let mut collectors = Collectors::new(shared.clone());
    let mut stop = StopSignals::new()?;
    let mut steady_begin = begin;
    let warmup = args.warmup.unwrap_or(0);
    for number in 0..args.records {
        let value = payload.next();
        let bytes = value.len() as u64;
        let record = ProducerRecord::to(&args.topic).value(value);
        let send = async {
            if let Some(rate) = args.rate {
                pause(begin, number, rate).await;
            }
            let at = Instant::now();
            Ok::<_, Failure>((at, producer.send(record).await?))
        };
        let (at, delivery) = tokio::select! {
            biased;
            _ = stop.next() => break,
            sent = send => sent?,
        };
        if number == warmup {
            steady_begin = at;
        }
        let take = collectors.take(Sent { delivery, at, bytes, steady: number >= warmup });
        stop.unless_again(take, UNKNOWN).await?;
        if stop.is_asked() || lock(&shared).first_failure.is_some() {
            break;
        }
    }
    let mut metrics = ClientMetrics::default();
    let ending = async {
        let _ = producer.flush().await;
        collectors.finish().await;
        metrics.take(args.report.print_metrics, &client_id, || producer.metrics());
        producer.close().await
    };
    stop.unless_again(ending, UNKNOWN).await??;
    let samples = sampler.finish().await;
    let done = std::mem::take(&mut *lock(&shared));
    if let Some(error) = &done.first_failure {
        return Err(Failure::said_no(format!("{} records were not written: {error}", done.failures)));
    }
    show(report, &settings, &args, &samples, &done, (begin, steady_begin), &metrics)
}

/// Waits until the record of this number may be sent.
async fn pause(begin: Instant, number: u64, rate: f64) {
    let after = Duration::try_from_secs_f64(number as f64 / rate).ok();
    match after.and_then(|after| begin.checked_add(after)) {
        Some(due) if due <= Instant::now() => {}
        Some(due) => tokio::time::sleep_until(due.into()).await,
        // In more years than a clock can count.
        None => std::future::pending().await,
    }
}

fn show(
    report: Report<'_>,
    settings: &Settings,
    args: &PerfProduceArgs,
    samples: &[Span],
    done: &Acknowledged,
    (begin, steady_begin): (Instant, Instant),
    metrics: &ClientMetrics,
) -> Result<(), Failure> {
    let last = done.last.unwrap_or(begin);
    let mut table_head = vec!["PHASE", "RECORDS", "RECORDS/sec", "MB/sec"];
    table_head.extend(LATENCY_HEAD);
    let mut table = Table::new(&table_head);
    let mut phase = |name: &str, latencies: &Histogram, bytes: u64, took: Duration| {
        let rate = report::per_second(latencies.count() as f64, took);
        let mb_rate = report::per_second(bytes as f64 / MB, took);
        let mut row = vec![
            name.to_owned(),
            latencies.count().to_string(),
            format!("{rate:.1}"),
            format!("{mb_rate:.2}"),
        ];
        row.extend(report::latency_cells(latencies));
        table.row(row);
        json!({
            "records": latencies.count(),
            "seconds": report::seconds(took),
            "records_per_second": report::round(rate),
            "mb_per_second": report::round(mb_rate),
            "latency_ms": report::latency_json(latencies),
        })
    };
    let mut json = json!({ "test": "produce", "topic": args.topic });
    json["all"] = phase("all", &done.all, done.bytes, last.saturating_duration_since(begin));
    if args.warmup.is_some() {
        let took = last.saturating_duration_since(steady_begin);
        json["steady"] = phase("steady", &done.steady, done.steady_bytes, took);
    }
    let charts = [
        Chart::new("written, MB/sec", "s", report::points(samples, Span::mb_per_second)),
        Chart::new("acknowledged after, mean ms", "s", report::points(samples, Span::latency_average_ms)),
    ];
    report.finish(settings.output, samples, true, (json, table), &charts, metrics)
}

/// One task for each partition waits for its deliveries, which come in order there.
struct Collectors {
    shared: Shared,
    tasks: HashMap<i32, (mpsc::Sender<Sent>, JoinHandle<()>)>,
}

impl Collectors {
    fn new(shared: Shared) -> Self {
        Self { shared, tasks: HashMap::new() }
    }

    async fn take(&mut self, sent: Sent) {
        let (sender, _) = self.tasks.entry(sent.delivery.partition()).or_insert_with(|| {
            let (sender, receiver) = mpsc::channel(WAITING_MAX);
            (sender, tokio::spawn(collect(receiver, self.shared.clone())))
        });
        // The task ends after the sender only.
        let _ = sender.send(sent).await;
    }

    async fn finish(self) {
        for (sender, task) in self.tasks.into_values() {
            drop(sender);
            let _ = task.await;
        }
    }
}

async fn collect(mut sent: mpsc::Receiver<Sent>, shared: Shared) {
    while let Some(Sent { delivery, at, bytes, steady }) = sent.recv().await {
        let result = delivery.await;
        let now = Instant::now();
        let latency = now - at;
        let mut done = lock(&shared);
        match result {
            Ok(_) => {
                done.all.record(latency);
                done.bytes += bytes;
                if steady {
                    done.steady.record(latency);
                    done.steady_bytes += bytes;
                }
                done.last = done.last.max(Some(now));
                let ms = latency.as_secs_f64() * 1000.0;
                done.sample.records += 1;
                done.sample.bytes += bytes;
                done.sample.latency_sum_ms += ms;
                done.sample.latency_max_ms = done.sample.latency_max_ms.max(ms);
            }
            Err(error) => {
                done.failures += 1;
                done.first_failure.get_or_insert(error);
            }
        }
    }
}

/// Notes every [`SAMPLE`] what was done, and says it beside the bar.
struct Sampler {
    stop: tokio::sync::oneshot::Sender<()>,
    task: JoinHandle<Vec<Span>>,
}

impl Sampler {
    fn start(shared: Shared, begin: Instant, interval: Duration, progress: Progress) -> Self {
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let mut samples = Vec::new();
            let mut ticks = tokio::time::interval(SAMPLE);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            let mut last = begin;
            let mut live = Span::default();
            loop {
                let ended = tokio::select! {
                    _ = ticks.tick() => false,
                    _ = &mut stopped => true,
                };
                let now = Instant::now();
                let mut sample = std::mem::take(&mut lock(&shared).sample);
                sample.took = now - last;
                sample.end = now - begin;
                last = now;
                progress.advance(sample.records);
                live.join(&sample);
                if live.took >= interval {
                    progress.say(|| live_line(&live));
                    live = Span::default();
                }
                if sample.records > 0 || !samples.is_empty() {
                    samples.push(sample);
                }
                if ended {
                    return samples;
                }
            }
        });
        Self { stop, task }
    }

    async fn finish(self) -> Vec<Span> {
        let _ = self.stop.send(());
        self.task.await.unwrap_or_default()
    }
}

fn live_line(span: &Span) -> String {
    format!(
        "({:.2} MB/sec, {:.1} ms avg latency, {:.1} ms max)",
        span.mb_per_second(),
        span.latency_average_ms(),
        span.latency_max_ms
    )
}
