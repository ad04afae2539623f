//! The flags of `agentmon serve` and of the `agentmon-server` binary, which are the same, and those of `agentmon token`.

use std::net::SocketAddr;
use std::str::FromStr;

use agentmon_core::Monitor;
use agentmon_core::source::Env;
use clap::{Args, Subcommand};

use crate::access::Scope;
use crate::options::{GrpcListen, Options, Settings};

/// OpenTelemetry's port for gRPC.
const GRPC_PORT: u16 = 4317;

/// Flags of the server.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Where to listen; port 0 takes any that is free
    #[arg(
        long,
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:3141",
        value_parser = address,
        env = "AGENTMON_LISTEN"
    )]
    pub listen: SocketAddr,
    /// Where to take OTLP over gRPC [default: port 4317 beside --listen, if it is free]
    #[arg(long, value_name = "ADDR:PORT|off", env = "AGENTMON_OTLP_GRPC")]
    pub otlp_grpc: Option<OtlpGrpc>,
    /// Do not look at the agents' files: only what is sent is seen
    #[arg(long)]
    pub no_sources: bool,
    /// Do not open a browser
    #[arg(long)]
    pub no_open: bool,
    /// How to log to standard error [default: text on a terminal, else json]; AGENTMON_LOG says what
    #[arg(long, value_name = "FORMAT", env = "AGENTMON_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Ask for a token also from this machine (for machines that several people use)
    #[arg(long)]
    pub require_token: bool,
    /// Answer to this host name too
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub allow_host: Vec<String>,
    /// Let web pages of this origin read and write
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    pub allow_origin: Vec<String>,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What `--otlp-grpc` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtlpGrpc {
    /// Nowhere.
    Off,
    /// There.
    At(SocketAddr),
}

impl FromStr for OtlpGrpc {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            address => address
                .parse()
                .map(Self::At)
                .map_err(|_| format!("{address:?} is neither an address with a port nor \"off\"")),
        }
    }
}

/// What to do with tokens.
#[derive(Debug, Clone, Subcommand)]
pub enum TokenCommand {
    /// Create a token and print it, once
    Create {
        /// What to call it
        name: String,
        /// What it allows: read, ingest, control
        #[arg(long, value_name = "SCOPE", value_delimiter = ',', required = true)]
        scope: Vec<Scope>,
    },
    /// List tokens and what they allow
    List,
    /// Revoke a token
    Revoke {
        /// What it is called
        name: String,
    },
}

impl ServeArgs {
    /// Options for a monitor.
    #[must_use]
    pub fn options(&self, monitor: Monitor, env: &Env) -> Options {
        let data_dir = monitor.config().data_dir.value.clone();
        Options {
            listen: self.listen,
            otlp_grpc: match self.otlp_grpc {
                None => GrpcListen::IfFree(SocketAddr::new(self.listen.ip(), GRPC_PORT)),
                Some(OtlpGrpc::Off) => GrpcListen::Off,
                Some(OtlpGrpc::At(address)) => GrpcListen::At(address),
            },
            sources: !self.no_sources,
            data_dir: Some(data_dir),
            require_token: self.require_token,
            allowed_hosts: self.allow_host.clone(),
            allowed_origins: self.allow_origin.clone(),
            settings: Settings::from_env(env),
            ..Options::new(monitor)
        }
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse();
    address.map_err(|_| "give an address and a port, such as 127.0.0.1:3141".to_owned())
}
