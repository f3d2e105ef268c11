//! AllocateProducerIds: blocks of producer ids for brokers.

use moldau_protocol::messages::{AllocateProducerIdsRequest, AllocateProducerIdsResponse, ProducerIdsRecord};
use moldau_types::{BrokerId, ErrorCode};

use crate::broker_heartbeat::check_broker_epoch;
use crate::{Context, Controller, ControllerResult};

/// Producer ids of one block.
const BLOCK_SIZE: i32 = 1000;

impl Controller {
    /// Handles AllocateProducerIds.
    pub fn allocate_producer_ids(
        &mut self,
        cx: &mut Context<'_>,
        request: &AllocateProducerIdsRequest,
    ) -> ControllerResult<AllocateProducerIdsResponse> {
        let failed = |code: ErrorCode| {
            let error_code = code.code();
            ControllerResult::unchanged(AllocateProducerIdsResponse { error_code, ..Default::default() })
        };
        if let Err(error) = check_broker_epoch(cx, BrokerId(request.broker_id), request.broker_epoch) {
            return failed(error.code);
        }
        let first = cx.image.producer_ids.next_producer_id;
        let Some(next_producer_id) = first.checked_add(BLOCK_SIZE.into()) else {
            return failed(ErrorCode::UnknownServerError);
        };
        let record = ProducerIdsRecord {
            broker_id: request.broker_id,
            broker_epoch: request.broker_epoch,
            next_producer_id,
        };
        let response = AllocateProducerIdsResponse {
            producer_id_start: first,
            producer_id_len: BLOCK_SIZE,
            ..Default::default()
        };
        ControllerResult::atomic(vec![record.into()], response)
    }
}
