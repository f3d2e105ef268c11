//! A client that does nothing wrong while others do: it must not notice them.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::wire::{Wire, name_of, one};
use crate::{Node, PATIENCE};

/// Between two rounds, so that the bystander itself is no load.
const PAUSE: Duration = Duration::from_millis(5);

/// A well-behaved client that produces and fetches on a connection of its own until it is asked how it went.
#[derive(Debug)]
pub struct Bystander {
    stop: oneshot::Sender<()>,
    rounds: JoinHandle<u32>,
}

impl Bystander {
    /// Begins.
    pub async fn start(node: &Node) -> Self {
        let topic = node.topic("bystander", 1, &[]).await.expect("a topic");
        let mut wire = Wire::connect(node.address()).await;
        let (stop, mut stopped) = oneshot::channel();
        let rounds = tokio::spawn(async move {
            let mut rounds = 0;
            while stopped.try_recv().is_err() {
                round(&mut wire, &topic, rounds).await;
                rounds += 1;
                tokio::time::sleep(PAUSE).await;
            }
            round(&mut wire, &topic, rounds).await;
            rounds + 1
        });
        Self { stop, rounds }
    }

    /// One more round, and the end; panics when any round went wrong.
    pub async fn unharmed(self) {
        let _ended = self.stop.send(());
        let rounds = tokio::time::timeout(PATIENCE, self.rounds).await.expect("in time").expect("unharmed");
        assert!(rounds > 0);
    }
}

async fn round(wire: &mut Wire, topic: &str, number: u32) {
    let offset = i64::from(number);
    let written = wire.produce(9, -1, topic, one("v")).await;
    assert_eq!(
        (name_of(written.error_code), written.base_offset),
        ("NONE", offset),
        "the bystander's produce"
    );
    let read = wire.fetch(12, topic, offset).await;
    assert_eq!(
        (name_of(read.error_code), read.high_watermark),
        ("NONE", offset + 1),
        "the bystander's fetch"
    );
}
