//! `moldau perf consume`: how fast records are read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use moldau_client::{AutoOffsetReset, Consumer, RebalanceListener, TopicPartition};
use serde_json::json;

use super::MB;
use super::chart::Chart;
use super::client_metrics::ClientMetrics;
use super::report::{self, Report, SAMPLE, Span};
use crate::args::perf::PerfConsumeArgs;
use crate::failure::Failure;
use crate::output::Table;
use crate::progress::{Progress, Unit};
use crate::settings::{Kind, Settings};
use crate::signals::StopSignals;

const POLL: Duration = Duration::from_millis(100);

/// How long the group had no partitions for this member.
struct Rebalances {
    since: Option<Instant>,
    took: Duration,
}

#[derive(Clone)]
struct Watch(Arc<Mutex<Rebalances>>);

impl Watch {
    fn with<T>(&self, see: impl FnOnce(&mut Rebalances) -> T) -> T {
        see(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RebalanceListener for Watch {
    fn assigned(&mut self, _: &[TopicPartition]) {
        self.with(|rebalances| {
            if let Some(since) = rebalances.since.take() {
                rebalances.took += since.elapsed();
            }
        });
    }

    fn revoked(&mut self, _: &[TopicPartition]) {
        self.with(|rebalances| rebalances.since = Some(Instant::now()));
    }
}

/// What was read.
#[derive(Default)]
struct Read {
    records: u64,
    bytes: u64,
    samples: Vec<Span>,
    /// When the last record came, since the beginning.
    took: Duration,
}

pub(super) async fn run(args: PerfConsumeArgs) -> Result<(), Failure> {
    let settings = Settings::resolve(&args.cluster, &[Kind::Consumer])?;
    let report = Report::open(&args.report)?;
    let mut config = settings.consumer()?;
    let named = args.group.clone().or(config.group_id);
    config.group_id =
        Some(named.unwrap_or_else(|| format!("perf-consumer-{}", rand::random_range(0..100_000u32))));
    if !settings.has("auto.offset.reset") {
        config.auto_offset_reset =
            if args.from_end { AutoOffsetReset::Latest } else { AutoOffsetReset::Earliest };
    }
    config.allow_auto_create_topics = false;
    let client_id = config.common.client_id.clone();
    let mut consumer = Consumer::connect(config).await?;
    for topic in &args.topics {
        consumer.partitions_for(topic).await?;
    }
    let started = SystemTime::now();
    let begin = Instant::now();
    let watch = Watch(Arc::new(Mutex::new(Rebalances { since: Some(begin), took: Duration::ZERO })));
    consumer.set_rebalance_listener(watch.clone());
    consumer.subscribe(args.topics.iter().map(String::as_str))?;
    let mut stop = StopSignals::new()?;
    let read = read(&mut consumer, &args, begin, &mut stop).await?;
    let joining = watch.with(|rebalances| rebalances.took).min(read.took);
    let mut metrics = ClientMetrics::default();
    metrics.take(args.report.print_metrics, &client_id, || consumer.metrics());
    stop.unless_again(consumer.close(), "the group learns later that its member has gone").await??;
    show(report, &settings, &args, &read, (started, joining), &metrics)?;
    if read.records < args.records {
        return Err(Failure::said_no(format!(
            "only {} of {} records came; then nothing for {} s",
            read.records,
            args.records,
            args.timeout.as_secs_f64()
        )));
    }
    Ok(())
}

async fn read(
    consumer: &mut Consumer,
    args: &PerfConsumeArgs,
    begin: Instant,
    stop: &mut StopSignals,
) -> Result<Read, Failure> {
    let progress = Progress::start(Unit::Records, Some(args.records), false);
    let mut read = Read::default();
    let mut sample = Span::default();
    let mut live = Span::default();
    let mut sampled = begin;
    let mut last_record = begin;
    while read.records < args.records && last_record.elapsed() < args.timeout {
        let records = tokio::select! {
            biased;
            _ = stop.next() => break,
            records = consumer.poll(POLL) => records?,
        };
        let now = Instant::now();
        let size = |bytes: &Option<bytes::Bytes>| bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        let bytes: u64 = records.iter().map(|record| size(&record.key) + size(&record.value)).sum();
        if consumer.member_id().is_none() {
            // Joining takes its time; only then is it quiet because nothing comes.
            last_record = now;
        }
        if !records.is_empty() {
            last_record = now;
            read.took = now - begin;
        }
        progress.advance(records.len() as u64);
        read.records += records.len() as u64;
        read.bytes += bytes;
        sample.records += records.len() as u64;
        sample.bytes += bytes;
        if now - sampled >= SAMPLE || read.records >= args.records {
            sample.took = now - sampled;
            sample.end = now - begin;
            sampled = now;
            live.join(&sample);
            if live.took >= args.report.interval {
                progress.say(|| format!("({:.2} MB/sec)", live.mb_per_second()));
                live = Span::default();
            }
            read.samples.push(std::mem::take(&mut sample));
        }
    }
    Ok(read)
}

fn show(
    report: Report<'_>,
    settings: &Settings,
    args: &PerfConsumeArgs,
    read: &Read,
    (started, joining): (SystemTime, Duration),
    metrics: &ClientMetrics,
) -> Result<(), Failure> {
    let fetching = read.took.saturating_sub(joining);
    let mb = read.bytes as f64 / MB;
    let start_ms = started.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64;
    let (start, end) =
        (crate::time::to_iso(start_ms), crate::time::to_iso(start_ms + read.took.as_millis() as i64));
    let records = read.records as f64;
    let rates = [
        report::per_second(mb, read.took),
        report::per_second(records, read.took),
        report::per_second(mb, fetching),
        report::per_second(records, fetching),
    ];
    let json = json!({
        "test": "consume",
        "topics": args.topics,
        "start": start,
        "end": end,
        "seconds": report::seconds(read.took),
        "records": read.records,
        "mb": report::round(mb),
        "mb_per_second": report::round(rates[0]),
        "records_per_second": report::round(rates[1]),
        "rebalance_ms": joining.as_millis() as u64,
        "fetch_ms": fetching.as_millis() as u64,
        "fetch_mb_per_second": report::round(rates[2]),
        "fetch_records_per_second": report::round(rates[3]),
    });
    let mut table = Table::new(&[
        "START",
        "END",
        "MB",
        "MB/sec",
        "RECORDS",
        "RECORDS/sec",
        "REBALANCE ms",
        "FETCH ms",
        "FETCH MB/sec",
        "FETCH RECORDS/sec",
    ]);
    table.row(vec![
        start,
        end,
        format!("{mb:.4}"),
        format!("{:.4}", rates[0]),
        read.records.to_string(),
        format!("{:.4}", rates[1]),
        joining.as_millis().to_string(),
        fetching.as_millis().to_string(),
        format!("{:.4}", rates[2]),
        format!("{:.4}", rates[3]),
    ]);
    let charts = [
        Chart::new("read, MB/sec", "s", report::points(&read.samples, Span::mb_per_second)),
        Chart::new("read, records/sec", "s", report::points(&read.samples, Span::records_per_second)),
    ];
    report.finish(settings.output, &read.samples, false, (json, table), &charts, metrics)
}
