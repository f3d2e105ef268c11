//! How a command fails, and the exit code of it.

use std::io;
use std::process::ExitCode;

use moldau_client::{ClientError, ErrorCode};

use crate::stderr::complain;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The cluster or the data said no: exit code 1.
    SaidNo(String),
    /// The command line made no sense: exit code 2.
    Usage(String),
    /// Everything was reported already: exit code 1.
    Reported,
    /// Whoever read our output has gone: no complaint, exit code 0.
    PipeClosed,
}

impl Failure {
    pub(crate) fn said_no(message: impl Into<String>) -> Self {
        Self::SaidNo(message.into())
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// Tells the user, and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        self.told_by(|message| complain(format_args!("error: {message}")))
    }

    /// As [`Failure::report`], by the log, for what runs where only the log is read.
    pub(crate) fn log(self) -> ExitCode {
        self.told_by(|message| {
            if tracing::enabled!(tracing::Level::ERROR) {
                tracing::error!("{message}");
            } else {
                complain(format_args!("error: {message}"));
            }
        })
    }

    fn told_by(self, tell: impl FnOnce(&str)) -> ExitCode {
        match self {
            Self::SaidNo(message) => {
                tell(&message);
                ExitCode::from(1)
            }
            Self::Usage(message) => {
                tell(&message);
                ExitCode::from(2)
            }
            Self::Reported => ExitCode::from(1),
            Self::PipeClosed => ExitCode::SUCCESS,
        }
    }
}

/// What to do when no broker can be reached.
const REACH: &str = "start a node with `moldau serve`, or name another with --bootstrap-server";

/// What an error of a client says, and what can be done about it.
pub(crate) fn explained(error: &ClientError) -> String {
    if let ClientError::Connect { address, error } = error
        && error.kind() == io::ErrorKind::ConnectionRefused
    {
        return format!("nothing listens on {address}; {REACH}");
    }
    let advice = match error.code() {
        None if matches!(error, ClientError::Connect { .. } | ClientError::NoBroker { .. }) => REACH,
        Some(ErrorCode::UnknownTopicOrPartition) => "`moldau topic list` shows the topics there are",
        Some(ErrorCode::GroupIdNotFound) => "`moldau group list` shows the groups there are",
        Some(ErrorCode::NonEmptyGroup) => "it has members; stop its consumers first",
        Some(ErrorCode::GroupSubscribedToTopic) => "a member reads the topic; stop it first",
        Some(ErrorCode::LogDirNotFound) => "`moldau log dirs` shows the log directories there are",
        _ => return error.to_string(),
    };
    format!("{error}; {advice}")
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Usage(_) | ClientError::Config(_) => Self::Usage(error.to_string()),
            _ => Self::SaidNo(explained(&error)),
        }
    }
}

impl From<moldau_client::ConfigError> for Failure {
    fn from(error: moldau_client::ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::PipeClosed,
            _ => Self::SaidNo(error.to_string()),
        }
    }
}
