//! What a user hears when there is no broker, or something else in its place.

use std::time::Duration;

use moldau_client::{Admin, CommonConfig, MetadataRecovery, ProducerConfig, ProducerRecord};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::broker::{FakeBroker, Faults};

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn common(address: &str) -> CommonConfig {
    let mut config = CommonConfig { bootstrap_servers: vec![address.to_owned()], ..Default::default() };
    config.set("request.timeout.ms", "500").expect("a setting");
    config.set("default.api.timeout.ms", "1000").expect("a setting");
    config
}

async fn unused_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("bound").to_string()
}

#[tokio::test]
async fn nothing_listening_is_told_at_once_in_words_of_a_library() {
    let address = unused_address().await;
    let connecting = tokio::time::timeout(PATIENCE, Admin::connect(common(&address)));
    let error = connecting.await.expect("in time").err().expect("no broker");
    let wanted = format!("nothing listens on {address}; check the setting bootstrap.servers");
    assert!(error.to_string().starts_with(&wanted), "{error}");
    assert!(error.is_retriable());
}

#[tokio::test]
async fn a_name_that_is_not_known_is_told_as_such() {
    let error = Admin::connect(common("no-such-host.invalid:9092")).await.err().expect("no broker");
    assert!(
        error.to_string().starts_with("the host name no-such-host.invalid can't be looked up: "),
        "{error}"
    );
    assert!(error.is_retriable());
}

#[tokio::test]
async fn a_send_without_a_broker_fails_within_max_block_ms() {
    let config = ProducerConfig::from_pairs([
        ("bootstrap.servers", unused_address().await.as_str()),
        ("max.block.ms", "300"),
    ]);
    let producer = moldau_client::Producer::new(config.expect("settings")).expect("a producer");
    let sending = tokio::time::timeout(PATIENCE, producer.send(ProducerRecord::to("t").value("v")));
    let error = sending.await.expect("in time").expect_err("no broker");
    assert!(error.to_string().contains("nothing listens"), "{error}");
}

#[tokio::test]
async fn something_that_is_no_broker_is_told_from_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let error = Admin::connect(common(&address)).await.err().expect("no broker");
    assert!(error.to_string().contains("not a Kafka listener"), "{error}");
}

#[tokio::test]
async fn a_broker_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let _keeping = tokio::spawn(async move {
        let mut streams = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            streams.push(stream);
        }
    });
    let error = tokio::time::timeout(PATIENCE, Admin::connect(common(&address))).await;
    let error = error.expect("in time").err().expect("no answer");
    assert!(error.to_string().contains("request.timeout.ms"), "{error}");
}

#[tokio::test]
async fn an_address_that_is_none_is_wrong_usage() {
    for address in ["", "nowhere", "host:", ":9092", "host:0", "host:99999"] {
        let error = Admin::new(common(address)).err().expect("refused");
        assert!(error.to_string().contains("host:port"), "{address}: {error}");
    }
}

#[tokio::test]
async fn when_all_known_brokers_are_gone_the_cluster_is_found_anew_unless_that_is_off() {
    for recovery in [MetadataRecovery::Rebootstrap, MetadataRecovery::None] {
        let broker = FakeBroker::start(Faults::default(), 0).await;
        let gone = unused_address().await;
        let port = gone.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        broker.advertised.store(port, std::sync::atomic::Ordering::Relaxed);
        let config = CommonConfig { metadata_recovery: recovery, ..common(&broker.address) };
        let admin = Admin::connect(config).await.expect("the bootstrap address answers");
        let listed = admin.list_topics(false).await;
        match recovery {
            MetadataRecovery::Rebootstrap => {
                assert_eq!(listed.expect("found anew").len(), 1);
            }
            MetadataRecovery::None => {
                let error = listed.expect_err("the known broker is gone");
                assert!(error.is_connection() && error.to_string().contains(&gone), "{error}");
            }
        }
    }
}
