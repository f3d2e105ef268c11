//! Producer ids for idempotent producers, taken from blocks that the controller hands out (KIP-730).

use std::ops::Range;

use moldau_protocol::messages::AllocateProducerIdsRequest;
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
        let request =
            AllocateProducerIdsRequest { broker_id: self.node_id().0, broker_epoch: self.own_epoch() };
        let response = self
            .controller()
            .submit(move |controller, context| controller.allocate_producer_ids(context, &request))
            .await?;
        if response.error_code != 0 {
            return Err(ErrorCode::from_code(response.error_code));
        }
        *block = response.producer_id_start..response.producer_id_start + i64::from(response.producer_id_len);
        block.next().map(ProducerId).ok_or(ErrorCode::UnknownServerError)
    }
}
