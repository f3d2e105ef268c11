//! Producer ids for idempotent producers, taken from blocks that the controller hands out (KIP-730).

use std::ops::Range;

use moldau_types::{ErrorCode, ProducerId};
use tokio::sync::Mutex;

use super::Broker;

/// The block in use.
#[derive(Default)]
pub(crate) struct ProducerIds {
    block: Mutex<Range<i64>>,
}

impl Broker {
    /// An id that no producer of this cluster has or had.
    pub(crate) async fn next_producer_id(&self) -> Result<ProducerId, ErrorCode> {
        let mut block = self.producer_ids.block.lock().await;
        if let Some(id) = block.next() {
            return Ok(ProducerId(id));
        }
        let broker = self.node_id();
        *block = self.controller().submit(move |moment| allocate_producer_ids(moment.image, broker)).await??;
        block.next().map(ProducerId).ok_or(ErrorCode::UnknownServerError)
    }
}
