//! What a server can be told.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use agentmon_core::Monitor;
use agentmon_core::model::Span;
use agentmon_core::source::Env;

/// The port if none is asked for.
const DEFAULT_PORT: u16 = 3141;

/// Whether and where OTLP is taken over gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrpcListen {
    /// It is not.
    Off,
    /// There, if nobody else listens there: a collector may.
    IfFree(SocketAddr),
    /// There; port 0 takes any that is free.
    At(SocketAddr),
}

/// What a server can be told. [`Options::new`] has all defaults.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is served.
    pub monitor: Monitor,
    /// Where to listen; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// Whether and where OTLP is taken over gRPC.
    pub otlp_grpc: GrpcListen,
    /// Whether the agents' files are watched.
    pub sources: bool,
    /// The folder that holds tokens; without one there are none, and control is not possible.
    pub data_dir: Option<PathBuf>,
    /// Whether reading and ingesting need a token on loopback too. On other addresses they always do.
    pub require_token: bool,
    /// Names in `Host` that are answered besides `localhost` and IP addresses.
    pub allowed_hosts: Vec<String>,
    /// Origins of web pages that may read and write (`https://board.example`).
    pub allowed_origins: Vec<String>,
    /// How much of everything.
    pub limits: Limits,
    /// What the events API can be told.
    pub settings: Settings,
}

impl Options {
    /// The defaults: loopback, port 3141, no gRPC, no token needed, no token known.
    #[must_use]
    pub fn new(monitor: Monitor) -> Self {
        Self {
            monitor,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_PORT),
            otlp_grpc: GrpcListen::Off,
            sources: true,
            data_dir: None,
            require_token: false,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            limits: Limits::default(),
            settings: Settings::default(),
        }
    }
}

/// How much of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; more are told to come back.
    pub connections: usize,
    /// How long a client may take to send a request's head, and how long it may stay silent between two requests.
    pub header_timeout: Duration,
    /// How long a client may take to send a request's body.
    pub body_timeout: Duration,
    /// How long a client may take to read anything of what it is sent.
    pub write_timeout: Duration,
    /// Largest body of posted events and of everything else that has no limit of its own, in bytes.
    pub body: usize,
    /// Largest OTLP export, before and after it is decompressed, and largest hook payload, in bytes: agents send more
    /// than a megabyte at a time.
    pub otlp_body: usize,
    /// How long requests that run may take when the server stops.
    pub drain: Duration,
    /// Requests per minute from one address that is not loopback.
    pub per_address: NonZeroU32,
    /// Requests per hour with one token, ingest apart.
    pub per_token: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        const fn count(count: u32) -> NonZeroU32 {
            NonZeroU32::new(count).expect("a literal above zero")
        }
        Self {
            connections: 1024,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            body: 1 << 20,
            otlp_body: 16 << 20,
            drain: Duration::from_secs(5),
            per_address: const { count(100) },
            per_token: const { count(1000) },
        }
    }
}

/// What the events API can be told. Its clients know these variables of the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Largest metadata of an event, in bytes (`AGENTMONITOR_MAX_PAYLOAD_KB`).
    pub max_metadata: usize,
    /// Silence after which a session counts as idle; after twice that it has ended (`AGENTMONITOR_SESSION_TIMEOUT`).
    pub session_timeout: Span,
    /// How often streams tell statistics (`AGENTMONITOR_STATS_INTERVAL`).
    pub stats_interval: Duration,
    /// Streams at a time (`AGENTMONITOR_MAX_SSE_CLIENTS`).
    pub max_streams: usize,
    /// How often silent streams give a sign of life (`AGENTMONITOR_SSE_HEARTBEAT_MS`).
    pub heartbeat: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_metadata: 10 * 1024,
            session_timeout: Span::from_mins(5),
            stats_interval: Duration::from_secs(5),
            max_streams: 50,
            heartbeat: Duration::from_secs(30),
        }
    }
}

impl Settings {
    /// The settings of an environment. What makes no sense counts as not set.
    #[must_use]
    pub fn from_env(env: &Env) -> Self {
        let number = |name: &str, least: u64| {
            let value: Option<u64> = env.var(name).and_then(|text| text.trim().parse().ok());
            value.map(|value| value.max(least))
        };
        let default = Self::default();
        let millis =
            |name, least, default| number(name, least).map_or(default, Duration::from_millis);
        Self {
            max_metadata: number("AGENTMONITOR_MAX_PAYLOAD_KB", 1)
                .map_or(default.max_metadata, |kib| {
                    (kib as usize).saturating_mul(1024)
                }),
            session_timeout: number("AGENTMONITOR_SESSION_TIMEOUT", 1)
                .map_or(default.session_timeout, |minutes| {
                    Span::from_mins(minutes.min(1 << 30) as i64)
                }),
            stats_interval: millis("AGENTMONITOR_STATS_INTERVAL", 250, default.stats_interval),
            max_streams: number("AGENTMONITOR_MAX_SSE_CLIENTS", 1)
                .map_or(default.max_streams, |count| count as usize),
            heartbeat: millis("AGENTMONITOR_SSE_HEARTBEAT_MS", 1000, default.heartbeat),
        }
    }
}
