//! What a decision gives back.

use moldau_metadata::MetadataRecord;
use moldau_types::ErrorCode;

/// Records to append, and the response to send once they are committed.
#[derive(Clone, Debug, PartialEq)]
pub struct ControllerResult<R> {
    /// Records to append; empty when nothing changes.
    pub records: Vec<MetadataRecord>,
    /// What to answer.
    pub response: R,
    /// The records belong together: all in one batch.
    pub atomic: bool,
}

impl<R> ControllerResult<R> {
    /// Records that hold only together.
    pub fn atomic(records: Vec<MetadataRecord>, response: R) -> ControllerResult<R> {
        ControllerResult { records, response, atomic: true }
    }

    /// Records that may be split over several batches.
    pub fn of(records: Vec<MetadataRecord>, response: R) -> ControllerResult<R> {
        ControllerResult { records, response, atomic: false }
    }

    /// The same records with another response.
    pub fn map<S>(self, response: impl FnOnce(R) -> S) -> ControllerResult<S> {
        ControllerResult { records: self.records, response: response(self.response), atomic: self.atomic }
    }

    /// Nothing changes.
    pub fn unchanged(response: R) -> ControllerResult<R> {
        ControllerResult::of(Vec::new(), response)
    }
}

/// An error code with the text that tools show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", .code.name())]
pub struct ApiError {
    /// The error.
    pub code: ErrorCode,
    /// What went wrong, for a person.
    pub message: String,
}

impl ApiError {
    /// An error with its text.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> ApiError {
        ApiError { code, message: message.into() }
    }
}

impl From<ErrorCode> for ApiError {
    /// The error with the text that Kafka has for it where nothing special is to be said.
    fn from(code: ErrorCode) -> ApiError {
        let message = match code {
            ErrorCode::UnknownTopicOrPartition => "This server does not host this topic-partition.",
            ErrorCode::UnknownTopicId => "This server does not host this topic ID.",
            ErrorCode::TopicDeletionDisabled => "Topic deletion is disabled.",
            ErrorCode::ElectionNotNeeded => "Leader election not needed for topic partition.",
            ErrorCode::PreferredLeaderNotAvailable => "The preferred leader was not available.",
            ErrorCode::EligibleLeadersNotAvailable => "Eligible topic partition leaders are not available.",
            ErrorCode::PolicyViolation => "Request parameters do not satisfy the configured policy.",
            _ => code.name(),
        };
        ApiError::new(code, message)
    }
}

/// Code and text of an outcome, as response structs have them; an empty text is none.
pub(crate) fn outcome(result: &Result<(), ApiError>) -> (i16, Option<String>) {
    match result {
        Ok(()) => (ErrorCode::None.code(), None),
        Err(error) => (error.code.code(), Some(error.message.clone()).filter(|text| !text.is_empty())),
    }
}

impl From<moldau_config::alter::AlterError> for ApiError {
    fn from(error: moldau_config::alter::AlterError) -> ApiError {
        use moldau_config::alter::AlterError;
        match error {
            AlterError::InvalidConfig(message) => ApiError::new(ErrorCode::InvalidConfig, message),
            AlterError::InvalidRequest(message) => ApiError::new(ErrorCode::InvalidRequest, message),
        }
    }
}
