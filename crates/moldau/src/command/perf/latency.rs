//! `moldau perf latency`: from one end to the other, a record at a time.

use std::time::{Duration, Instant};

use moldau_client::admin::NewTopic;
use moldau_client::{
    Admin, Consumer, ConsumerRecord, ErrorCode, Header, OffsetSpec, Producer, ProducerRecord, TopicPartition,
};
use serde_json::json;

use super::chart::Chart;
use super::client_metrics::ClientMetrics;
use super::histogram::Histogram;
use super::payload::Payload;
use super::report::{self, LATENCY_HEAD, Report, SAMPLE, Span};
use crate::args::perf::PerfLatencyArgs;
use crate::failure::Failure;
use crate::output::Table;
use crate::progress::{Progress, Unit};
use crate::settings::{Kind, Settings};
use crate::signals::StopSignals;
use crate::stderr::complain;

/// How long a record may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn run(args: PerfLatencyArgs) -> Result<(), Failure> {
    let settings = Settings::resolve(&args.cluster, &[Kind::Producer, Kind::Consumer])?;
    let report = Report::open(&args.report)?;
    let admin = settings.admin().await?;
    make_topic(&admin, &args.topic).await?;
    admin.close().await;

    let mut config = settings.consumer()?;
    let consumer_id = config.common.client_id.clone();
    config.group_id = None;
    config.auto_commit = false;
    // Each record is awaited by itself.
    config.fetch_min_bytes = 1;
    let mut consumer = Consumer::connect(config).await?;
    let topic = consumer.partitions_for(&args.topic).await?;
    let partitions: Vec<TopicPartition> = topic.topic_partitions().collect();
    consumer.assign(partitions.iter().cloned())?;
    for partition in &partitions {
        consumer.seek_to(partition, OffsetSpec::Latest)?;
        consumer.position(partition).await?;
    }

    let mut config = settings.producer()?;
    if !settings.has("linger.ms") {
        config.linger = Duration::ZERO;
    }
    config.set("acks", &args.acks)?;
    let client_id = config.common.client_id.clone();
    let producer = Producer::connect(config).await?;
    let mut stop = StopSignals::new()?;
    let measured = measure(&args, &producer, &mut consumer, &mut stop).await;
    let mut metrics = ClientMetrics::default();
    metrics.take(args.report.print_metrics, &client_id, || producer.metrics());
    metrics.take(args.report.print_metrics, &consumer_id, || consumer.metrics());
    let ending = async {
        producer.close().await?;
        consumer.close().await
    };
    stop.unless_again(ending, "the last record may be written or not").await??;
    let (latencies, samples) = measured?;

    let mut head = vec!["RECORDS"];
    head.extend(LATENCY_HEAD);
    let mut table = Table::new(&head);
    let mut row = vec![latencies.count().to_string()];
    row.extend(report::latency_cells(&latencies));
    table.row(row);
    let json = json!({
        "test": "latency",
        "topic": args.topic,
        "records": latencies.count(),
        "latency_ms": report::latency_json(&latencies),
    });
    let shares = (1..=100).map(|percent| f64::from(percent) / 100.0);
    let charts = [
        Chart::new("from end to end, mean ms", "s", report::points(&samples, Span::latency_average_ms)),
        Chart::new(
            "from end to end, ms by percentile",
            "%",
            shares.map(|share| (share * 100.0, latencies.percentile_ms(share))).collect(),
        ),
    ];
    report.finish(settings.output, &samples, true, (json, table), &charts, &metrics)
}

async fn make_topic(admin: &Admin, name: &str) -> Result<(), Failure> {
    let topic = NewTopic::new(name).partitions(1).replication_factor(1);
    for result in admin.create_topics(&[topic], false).await? {
        match result {
            Ok(_) => complain(format_args!("topic {name} made, with one partition")),
            Err(error) if error.code() == Some(ErrorCode::TopicAlreadyExists) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn measure(
    args: &PerfLatencyArgs,
    producer: &Producer,
    consumer: &mut Consumer,
    stop: &mut StopSignals,
) -> Result<(Histogram, Vec<Span>), Failure> {
    let progress = Progress::start(Unit::Records, Some(args.records), false);
    let mut values = Payload::letters(args.record_size);
    let key = args.key_size.map(|size| Payload::letters(size).next());
    let headers = headers(args);
    let mut latencies = Histogram::default();
    let mut samples = Vec::new();
    let mut sample = Span::default();
    let mut live = Span::default();
    let begin = Instant::now();
    let mut sampled = begin;
    for number in 0..args.records {
        let mut record = ProducerRecord::to(&args.topic).value(values.next());
        record.key = key.clone();
        record.headers = headers.clone();
        let value = record.value.clone();
        let sent = Instant::now();
        let got = tokio::select! {
            biased;
            _ = stop.next() => break,
            got = there_and_back(producer, consumer, record) => got?,
        };
        let now = Instant::now();
        if got.value != value {
            return Err(Failure::said_no(format!(
                "record {number} came back as another; is somebody else writing to {}?",
                args.topic
            )));
        }
        let latency = now - sent;
        latencies.record(latency);
        progress.advance(1);
        let ms = latency.as_secs_f64() * 1000.0;
        sample.records += 1;
        sample.bytes += args.record_size as u64;
        sample.latency_sum_ms += ms;
        sample.latency_max_ms = sample.latency_max_ms.max(ms);
        if now - sampled >= SAMPLE || number + 1 == args.records {
            sample.took = now - sampled;
            sample.end = now - begin;
            sampled = now;
            live.join(&sample);
            if live.took >= args.report.interval {
                progress.say(|| {
                    format!(
                        "({:.3} ms avg latency, {:.3} ms max)",
                        live.latency_average_ms(),
                        live.latency_max_ms
                    )
                });
                live = Span::default();
            }
            samples.push(std::mem::take(&mut sample));
        }
    }
    Ok((latencies, samples))
}

async fn there_and_back(
    producer: &Producer,
    consumer: &mut Consumer,
    record: ProducerRecord,
) -> Result<ConsumerRecord, Failure> {
    producer.send(record).await?.await?;
    let mut got = consumer.poll(PATIENCE).await?.into_iter();
    match (got.next(), got.next()) {
        (Some(record), None) => Ok(record),
        (None, _) => Err(Failure::said_no(format!("a record did not come within {} s", PATIENCE.as_secs()))),
        (Some(_), Some(_)) => {
            Err(Failure::said_no("more came than was sent; use a topic in which nobody else writes"))
        }
    }
}

fn headers(args: &PerfLatencyArgs) -> Vec<Header> {
    let letters = |size: usize| Payload::letters(size).next();
    let key = letters(args.header_key_size);
    (0..args.headers)
        .map(|_| Header {
            key: String::from_utf8_lossy(&key).into_owned(),
            value: Some(letters(args.header_size)),
        })
        .collect()
}
