//! How the rest of the node asks the controller for a change.

use moldau_controller::{Context, Controller, ControllerResult};
use moldau_metadata::MetadataRecord;
use moldau_types::ErrorCode;
use tokio::sync::{mpsc, oneshot};

/// How many requests may wait for the controller; more of them wait at their senders.
const QUEUE_LENGTH: usize = 1024;

/// Tells an operation whether its records were committed.
pub(crate) type Answer = Box<dyn FnOnce(Result<(), ErrorCode>) + Send>;
/// Computes an operation's records.
pub(crate) type Operation = Box<dyn FnOnce(&mut Controller, &mut Context<'_>) -> Decision + Send>;

/// What an operation comes to.
pub(crate) struct Decision {
    pub(super) records: Vec<MetadataRecord>,
    /// Whether the records belong into one batch.
    pub(super) atomic: bool,
    pub(super) answer: Answer,
}

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
        operation: impl FnOnce(&mut Controller, &mut Context<'_>) -> ControllerResult<R> + Send + 'static,
    ) -> Result<R, ErrorCode> {
        let (sender, receiver) = oneshot::channel();
        let operation: Operation = Box::new(move |controller, context| {
            let ControllerResult { records, response, atomic } = operation(controller, context);
            let answer: Answer = Box::new(move |committed| {
                // The asker may be gone; then nobody waits for the answer.
                let _ = sender.send(committed.map(|()| response));
            });
            Decision { records, atomic, answer }
        });
        self.operations.send(operation).await.map_err(|_| ErrorCode::NotController)?;
        receiver.await.map_err(|_| ErrorCode::NotController)?
    }
}
