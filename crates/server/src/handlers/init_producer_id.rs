//! InitProducerId (api key 22), versions 0 to 5: an idempotent producer gets its id.
//!
//! An id that a producer has had already is not used again, but it comes with its epoch or not at all (KIP-360).
//!
//! A producer that names a transactional id is refused for good: transactions are not offered by this node, and the
//! error must not be one that clients retry.

use std::sync::Arc;

use moldau_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse};
use moldau_types::ErrorCode;

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers an InitProducerId request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: InitProducerIdRequest,
) -> InitProducerIdResponse {
    let failed = |error: ErrorCode| InitProducerIdResponse {
        error_code: error.code(),
        producer_id: -1,
        producer_epoch: -1,
        ..InitProducerIdResponse::default()
    };
    match request.transactional_id.as_deref() {
        Some("") => return failed(ErrorCode::InvalidRequest),
        Some(id) => {
            tracing::warn!(
                transactional_id = id,
                "refused: this node has no transactions yet; unset transactional.id and use an idempotent producer"
            );
            return failed(ErrorCode::TransactionalIdAuthorizationFailed);
        }
        None => {}
    }
    if (request.producer_id == -1) != (request.producer_epoch == -1) {
        return failed(ErrorCode::InvalidRequest);
    }
    match broker.next_producer_id().await {
        Ok(id) => InitProducerIdResponse {
            producer_id: id.0,
            producer_epoch: 0,
            ..InitProducerIdResponse::default()
        },
        Err(error) => failed(error),
    }
}
