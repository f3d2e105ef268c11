//! A consumer whose broker has trouble with some of what is read.

use std::time::Duration;

use moldau_client::consumer::Offsets;
use moldau_client::{ClientError, Consumer, ConsumerConfig, ErrorCode, OffsetSpec, TopicPartition};
use tokio::net::TcpListener;

use crate::log_broker::{LogBroker, Part, TOPIC};

const PATIENCE: Duration = Duration::from_secs(30);

/// How long a call must at least go on that has nobody to answer it.
const A_WHILE: Duration = Duration::from_millis(300);

fn partition(index: i32) -> TopicPartition {
    TopicPartition::new(TOPIC, index)
}

fn consumer(address: &str, settings: &[(&str, &str)]) -> Consumer {
    let settings = settings.iter().copied().chain([("bootstrap.servers", address)]);
    Consumer::new(ConsumerConfig::from_pairs(settings).expect("settings")).expect("a consumer")
}

/// A consumer that reads all partitions of this broker.
fn reading(broker: &LogBroker, settings: &[(&str, &str)]) -> Consumer {
    let mut consumer = consumer(&broker.address, settings);
    let count = broker.state.lock().parts.len() as i32;
    consumer.assign((0..count).map(partition)).expect("assigned");
    consumer
}

/// The offsets of the next records, at least so many, with their partitions.
async fn read(consumer: &mut Consumer, count: usize) -> Vec<(i32, i64)> {
    let reading = async {
        let mut offsets = Vec::new();
        while offsets.len() < count {
            let records = consumer.poll(Duration::from_secs(1)).await.expect("polls");
            offsets.extend(records.iter().map(|record| (record.partition, record.offset)));
        }
        offsets
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the records come")
}

/// The bug: positions were looked up for all partitions at once, and what was found was thrown away while one had no answer.
#[tokio::test]
async fn a_partition_without_a_leader_keeps_no_other_from_starting() {
    let leaderless = Part { leader: -1, ..Part::of_records(2) };
    let committed = Part { committed: 1, ..Part::of_records(2) };
    let broker = LogBroker::start(vec![leaderless, Part::of_records(2), committed]).await;
    let settings = [("group.id", "g"), ("auto.offset.reset", "earliest"), ("enable.auto.commit", "false")];
    let mut consumer = reading(&broker, &settings);
    let mut got = read(&mut consumer, 3).await;
    got.sort_unstable();
    assert_eq!(got, [(1, 0), (1, 1), (2, 1)]);
    broker.state.lock().parts[0].leader = 1;
    assert_eq!(read(&mut consumer, 2).await, [(0, 0), (0, 1)], "it is read as soon as it has a leader");
}

/// The bug: what a seek asked for waited for a look-up that was under way for a partition without a leader.
#[tokio::test]
async fn a_seek_is_looked_up_while_another_partition_has_no_leader() {
    let leaderless = Part { leader: -1, ..Part::of_records(2) };
    let broker = LogBroker::start(vec![leaderless, Part::of_records(3)]).await;
    let mut consumer = reading(&broker, &[("auto.offset.reset", "latest")]);
    assert!(consumer.poll(Duration::from_millis(10)).await.expect("polls").is_empty());
    consumer.seek_to_beginning([&partition(1)]).expect("sought");
    assert_eq!(read(&mut consumer, 3).await, [(1, 0), (1, 1), (1, 2)]);
    consumer.seek_to_end([&partition(1)]).expect("sought");
    let position = tokio::time::timeout(PATIENCE, consumer.position(&partition(1))).await;
    assert_eq!(position.expect("in time").expect("found"), 3);
}

/// The bug: with `auto.offset.reset=none` one partition without a committed offset kept all from being read.
#[tokio::test]
async fn a_partition_without_an_offset_keeps_no_other_from_being_read() {
    let committed = Part { committed: 1, ..Part::of_records(3) };
    let broker = LogBroker::start(vec![Part::of_records(2), committed]).await;
    let settings = [("group.id", "g"), ("auto.offset.reset", "none"), ("enable.auto.commit", "false")];
    let mut consumer = reading(&broker, &settings);
    let (mut offsets, mut errors) = (Vec::new(), 0);
    let reading = async {
        while offsets.len() < 2 || errors == 0 {
            match consumer.poll(Duration::from_secs(1)).await {
                Ok(records) => offsets.extend(records.iter().map(|record| (record.partition, record.offset))),
                Err(ClientError::NoOffset { partitions }) if partitions == ["t-0"] => errors += 1,
                Err(error) => panic!("{error:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("both happen");
    assert_eq!(offsets, [(1, 1), (1, 2)]);
}

/// The bug: a broker that could not be reached for a moment ended a poll, a commit or a look-up with an error at once.
#[tokio::test]
async fn calls_go_on_while_no_broker_can_be_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    drop(listener);
    let mut consumer = consumer(&address, &[("group.id", "g"), ("enable.auto.commit", "false")]);
    consumer.assign([partition(0)]).expect("assigned");
    consumer.seek_to_beginning([]).expect("sought");
    assert!(consumer.poll(A_WHILE).await.expect("polls").is_empty());
    let asking = {
        let consumer = self::consumer(&address, &[]);
        async move { consumer.offsets([(partition(0), OffsetSpec::Latest)]).await }
    };
    let mut asking = std::pin::pin!(asking);
    assert!(tokio::time::timeout(A_WHILE, asking.as_mut()).await.is_err(), "it looks on");
    let broker = {
        let mut committing =
            std::pin::pin!(consumer.commit_offsets(Offsets::from([(partition(0), 1.into())])));
        assert!(tokio::time::timeout(A_WHILE, committing.as_mut()).await.is_err(), "it tries on");
        let listener = TcpListener::bind(&address).await.expect("the port again");
        let broker = LogBroker::listen(listener, vec![Part::of_records(2)]);
        tokio::time::timeout(PATIENCE, committing).await.expect("in time").expect("committed");
        broker
    };
    assert_eq!(broker.state.lock().parts[0].committed, 1);
    let offsets = tokio::time::timeout(PATIENCE, asking).await.expect("in time").expect("looked up");
    assert_eq!(offsets[&partition(0)].map(|found| found.offset), Some(2));
    assert_eq!(read(&mut consumer, 2).await, [(0, 0), (0, 1)]);
}

/// The bug: a broker was asked for each partition that had nothing buffered, however much of the others was.
#[tokio::test]
async fn no_more_is_fetched_than_fetch_max_bytes_ahead_of_what_is_given_out() {
    const MAX_BYTES: i32 = 15_000;
    let broker = LogBroker::start(vec![Part::of_records(10); 4]).await;
    {
        let mut state = broker.state.lock();
        (state.records_a_fetch, state.value_size) = (10, 1000);
    }
    let max_bytes = MAX_BYTES.to_string();
    let settings = [
        ("auto.offset.reset", "earliest"),
        ("max.poll.records", "1"),
        ("fetch.max.bytes", max_bytes.as_str()),
    ];
    let mut consumer = reading(&broker, &settings);
    // Two answers of some 10,000 bytes are buffered, and nothing is asked for until the first is given out.
    for at in 0..9 {
        assert_eq!(read(&mut consumer, 1).await, [(0, at)]);
        // Whatever is asked for comes meanwhile.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let asked: Vec<i32> = broker.state.lock().fetches.iter().map(|asked| asked[0].max_bytes).collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!(asked[0], MAX_BYTES);
    assert!((1..MAX_BYTES / 2).contains(&asked[1]), "{asked:?}");
    assert_eq!(read(&mut consumer, 31).await.len(), 31, "all is read in the end");
}

/// The bug: a partition's error kept its broker from being asked for any other until the pause was over.
#[tokio::test]
async fn a_partition_with_an_error_rests_alone() {
    let broken = Part { fetch_error: ErrorCode::KafkaStorageError, ..Part::of_records(5) };
    let broker = LogBroker::start(vec![broken, Part::of_records(5)]).await;
    let settings = [
        ("auto.offset.reset", "earliest"),
        ("retry.backoff.ms", "3600000"),
        ("retry.backoff.max.ms", "3600000"),
    ];
    let mut consumer = reading(&broker, &settings);
    assert_eq!(read(&mut consumer, 5).await, (0..5).map(|at| (1, at)).collect::<Vec<_>>());
    assert_eq!(broker.fetched()[&0], 1, "it rests");
}

/// The bug: with `read_uncommitted`, a consumer went on at an offset that a transaction was about to move.
#[tokio::test]
async fn committed_offsets_are_asked_for_when_no_transaction_is_about_to_change_them() {
    for isolation in ["read_uncommitted", "read_committed"] {
        let broker = LogBroker::start(vec![Part { committed: 1, ..Part::of_records(2) }]).await;
        let settings = [("group.id", "g"), ("enable.auto.commit", "false"), ("isolation.level", isolation)];
        let mut consumer = reading(&broker, &settings);
        assert_eq!(read(&mut consumer, 1).await, [(0, 1)]);
        assert_eq!(broker.state.lock().stable_asked, [true], "{isolation}");
    }
}

/// The bug: a position out of range was said to be a wrong use of the client, which it is not, and without the position.
#[tokio::test]
async fn a_position_out_of_range_is_said_until_the_caller_seeks() {
    let broker = LogBroker::start(vec![Part { start: 5, ..Part::of_records(7) }]).await;
    let mut consumer = reading(&broker, &[("auto.offset.reset", "none"), ("retry.backoff.ms", "10")]);
    consumer.seek(&partition(0), 3).expect("sought");
    for _ in 0..2 {
        let error = loop {
            match consumer.poll(Duration::from_secs(1)).await {
                Ok(records) => assert!(records.is_empty()),
                Err(error) => break error,
            }
        };
        let wanted = [("t-0".to_owned(), 3)];
        assert!(
            matches!(&error, ClientError::OffsetOutOfRange { partitions } if *partitions == wanted),
            "{error:?}"
        );
    }
    consumer.seek(&partition(0), 5).expect("sought");
    assert_eq!(read(&mut consumer, 2).await, [(0, 5), (0, 6)]);
}

/// The bug: a leader that named a replica which metadata does not know was asked again at once, without an end.
#[tokio::test]
async fn a_leader_that_names_an_unknown_replica_is_not_asked_again_at_once() {
    let elsewhere = Part { preferred_replica: 7, ..Part::of_records(2) };
    let broker = LogBroker::start(vec![elsewhere]).await;
    let settings = [
        ("auto.offset.reset", "earliest"),
        ("retry.backoff.ms", "3600000"),
        ("retry.backoff.max.ms", "3600000"),
    ];
    let mut consumer = reading(&broker, &settings);
    let asked = async {
        while broker.fetched().is_empty() {
            assert!(consumer.poll(Duration::from_millis(10)).await.expect("polls").is_empty());
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("the leader is asked");
    assert!(consumer.poll(A_WHILE).await.expect("polls").is_empty());
    assert_eq!(broker.fetched()[&0], 1);
}
