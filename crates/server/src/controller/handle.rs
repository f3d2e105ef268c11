//! How the rest of the node asks the controller for a change.

use moldau_metadata::{MetadataImage, MetadataRecord};
use moldau_types::{ErrorCode, LeaderEpoch, Offset};
use tokio::sync::{mpsc, oneshot};

/// How many requests may wait for the controller; more of them wait at their senders.
const QUEUE_LENGTH: usize = 1024;

/// What an operation is computed on.
pub(crate) struct Moment<'a> {
    /// The newest image, committed or on its way.
    pub(crate) image: &'a MetadataImage,
    /// The offset that the operation's first record gets.
    pub(crate) next_offset: Offset,
    /// The epoch of this controller.
    pub(crate) leader_epoch: LeaderEpoch,
    /// The wall clock, in milliseconds since 1970.
    pub(crate) now_ms: i64,
}

/// Tells an operation whether its records were committed.
pub(super) type Answer = Box<dyn FnOnce(Result<(), ErrorCode>) + Send>;
/// Computes an operation's records.
pub(super) type Operation = Box<dyn FnOnce(&Moment<'_>) -> (Vec<MetadataRecord>, Answer) + Send>;

/// Sends operations to the controller's loop.
#[derive(Clone)]
pub(crate) struct ControllerHandle {
    operations: mpsc::Sender<Operation>,
}

impl ControllerHandle {
    /// A handle, and the receiver for the loop.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Operation>) {
        let (operations, receiver) = mpsc::channel(QUEUE_LENGTH);
        (ControllerHandle { operations }, receiver)
    }

    /// Computes an operation on the newest image, waits until its records are committed and published, and gives its
    /// response. An error means that nothing of it was committed.
    pub(crate) async fn submit<R: Send + 'static>(
        &self,
        operation: impl FnOnce(&Moment<'_>) -> (Vec<MetadataRecord>, R) + Send + 'static,
    ) -> Result<R, ErrorCode> {
        let (sender, receiver) = oneshot::channel();
        let operation: Operation = Box::new(move |moment| {
            let (records, response) = operation(moment);
            let answer: Answer = Box::new(move |committed| {
                // The asker may be gone; then nobody waits for the answer.
                let _ = sender.send(committed.map(|()| response));
            });
            (records, answer)
        });
        self.operations.send(operation).await.map_err(|_| ErrorCode::NotController)?;
        receiver.await.map_err(|_| ErrorCode::NotController)?
    }
}
