//! What the user can type about gateways.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// OpenClaw gateways.
#[derive(Debug, Args)]
pub(crate) struct GatewaysArgs {
    #[command(subcommand)]
    pub(crate) command: GatewaysCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GatewaysCommand {
    /// Add a gateway, or change the one of that name
    Add {
        /// What to call it
        name: String,
        /// Where it is: ws://HOST:PORT or wss://HOST:PORT
        url: String,
        #[command(flatten)]
        secrets: SecretArgs,
        /// Keep it, but do not connect
        #[arg(long)]
        disabled: bool,
    },
    /// List gateways and how each fares
    List,
    /// Remove a gateway with its token and everything that was said through it
    Remove {
        /// Its id
        id: String,
    },
    /// Connect to a gateway once and say how that went
    Test {
        /// Its id, or a URL
        gateway: String,
        #[command(flatten)]
        secrets: SecretArgs,
    },
}

/// Where a token or a password is read from: neither is ever an argument, which other users could see.
#[derive(Debug, Args)]
pub(crate) struct SecretArgs {
    /// Read the token from a file, or from standard input with `-`
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Read the token from a variable of the environment
    #[arg(long, value_name = "NAME", conflicts_with = "token_file")]
    pub(crate) token_env: Option<String>,
    /// Read the password from a file, or from standard input with `-`
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Read the password from a variable of the environment
    #[arg(long, value_name = "NAME", conflicts_with = "password_file")]
    pub(crate) password_env: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    /// The gateway's id
    pub(crate) gateway: String,
    /// The session's key: main, agent:main:main, or a new name
    pub(crate) session: String,
    /// Say this and leave after the answer; without it, lines are read from standard input
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) message: Option<String>,
}
