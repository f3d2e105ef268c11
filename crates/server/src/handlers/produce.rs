//! Produce (api key 0), versions 3 to 13; advertised from 0, as the reference does for old librdkafka.
//!
//! - A valid batch is never rebuilt: base offset and leader epoch are written into the received bytes, outside of the
//!   checksum, and those bytes go to the log.
//! - All produce requests that a connection has sent by now are worked on together: the batches of one partition go to
//!   its log in one append, whatever the number of requests.
//! - `acks=0` is never answered; an error then closes the connection.
//! - Version 8 added the records that were refused one by one (KIP-467), 10 the current leader (KIP-951), 13 topic ids.

use std::ops::Range;
use std::sync::Arc;

use moldau_log::{AppendBatch, AppendError, AppendInfo, AppendOrigin};
use moldau_protocol::messages::ProduceResponse;
use moldau_protocol::messages::produce_request::ProduceRequestView;
use moldau_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use moldau_protocol::{ApiKey, Message, Reader};
use moldau_types::{ErrorCode, TopicId, Uuid};

use crate::broker::{Broker, Partition};
use crate::dispatch::{RequestContext, RequestHead, now_or_later, reply};
use crate::network::{ConnectionInfo, Outcome};
