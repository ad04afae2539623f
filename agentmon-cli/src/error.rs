//! What can go wrong with a command, and the exit code that it leads to.

use std::io;
use std::process::ExitCode;

use agentmon_core::Error as CoreError;
use agentmon_core::config::ConfigError;

/// How a command ended, for scripts. The numbers are part of the interface (`docs/cli.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// An error.
    Failed = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// No such session, or an id that several share.
    NotFound = 3,
    /// A check found problems.
    Problems = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Core(#[from] CoreError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Serve(#[from] agentmon_server::ServeError),
    #[error(transparent)]
    Token(#[from] agentmon_server::TokenError),
    #[error(transparent)]
    Gateway(#[from] agentmon_core::gateways::GatewayError),
    #[error("{0}")]
    Server(String),
    #[error("{0}")]
    Settings(String),
    #[error("cannot write the demo: {0}")]
    Demo(io::Error),
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

impl Error {
    /// Whether the reader of the output has gone, as `head` does: no error at all.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Core(CoreError::NotFound { .. } | CoreError::Ambiguous { .. }) => Exit::NotFound,
            Self::Core(CoreError::Config(_) | CoreError::Price(_))
            | Self::Config(_)
            | Self::Usage(_) => Exit::Usage,
            Self::Core(_)
            | Self::Serve(_)
            | Self::Token(_)
            | Self::Gateway(_)
            | Self::Server(_)
            | Self::Settings(_)
            | Self::Demo(_)
            | Self::Output(_) => Exit::Failed,
        }
    }
}
