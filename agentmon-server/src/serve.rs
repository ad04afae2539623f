//! Starting and stopping.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agentmon_core::Monitor;
use agentmon_core::gateways::{GatewayError, Gateways};
use agentmon_core::hooks::running::RunningServer;
use agentmon_core::monitor::{RemoteTask, Watching};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::accept::{self, accept};
use crate::access::{Access, AccessError};
use crate::alerts;
use crate::app::{App, Readers};
use crate::contracts::news::{self, News};
use crate::contracts::otlp::serve_grpc;
use crate::guard::guarded;
use crate::local;
use crate::metrics::Metrics;
use crate::options::{GrpcListen, Options};
use crate::routes::LOGIN;
use crate::stream::live::Live;
use crate::stream::{self, Hub};

/// How often what is remembered of clients is tidied up.
const TIDY: Duration = Duration::from_secs(60);

/// How often time passes for sessions where no files are watched.
const TICK: Duration = Duration::from_secs(1);

/// How many of these go by until what is too old is forgotten again.
const TICKS_TO_PRUNE: u32 = 60;

/// How long to forget it before time passes for sessions again.
const PRUNING: Duration = Duration::from_millis(100);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Another process writes to the database.
    #[error(
        "process {0} writes to this database: stop it, or use another --data-dir (is a server running already?)"
    )]
    OtherWriter(u32),
    /// Tokens.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Gateways.
    #[error(transparent)]
    Gateways(#[from] GatewayError),
    /// Watching files.
    #[error(transparent)]
    Watch(#[from] agentmon_core::Error),
    /// The runtime.
    #[error("cannot start threads: {0}")]
    Runtime(#[source] std::io::Error),
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    app: Arc<App>,
    stop: watch::Sender<bool>,
    accepting: Vec<JoinHandle<()>>,
    /// Where it takes OTLP over gRPC.
    otlp_grpc: Option<SocketAddr>,
    /// Watches files until it is dropped.
    watching: Option<Watching>,
    /// Sources that are reached over the network.
    remotes: Vec<RemoteTask>,
    /// The folder in which it is announced.
    data_dir: Option<PathBuf>,
}

/// Starts a server on the runtime at hand. It listens when this returns.
///
/// # Errors
/// [`ServeError`], with what to do.
pub async fn serve(options: Options) -> Result<Server, ServeError> {
    if let Some(pid) = options.monitor.other_writer() {
        return Err(ServeError::OtherWriter(pid));
    }
    let listen = |source| ServeError::Listen {
        address: options.listen,
        source,
    };
    let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let grpc = listen_for_grpc(options.otlp_grpc).await?;
    let otlp_grpc = grpc.as_ref().map(|(_, address)| *address);
    let is_local = |address: SocketAddr| address.ip().is_loopback();
    // Whoever can be reached in one of two ways can be reached.
    let reached = otlp_grpc
        .filter(|grpc| !is_local(*grpc) && is_local(address))
        .unwrap_or(address);
    let access = Access::new(&options, reached)?;
    let (stop, stopping) = watch::channel(false);
    let (live, commands) = Live::new(options.monitor.now());
    let gateways = Gateways::start(options.monitor.clone())?;
    let app = Arc::new(App {
        access,
        gateways,
        live,
        hub: Arc::new(Hub::new(options.settings.max_streams)),
        news: News::default(),
        sources: Arc::default(),
        metrics: Arc::new(Metrics::default()),
        started: Instant::now(),
        stopping,
        readers: Readers::default(),
        monitor: options.monitor,
        limits: options.limits,
        settings: options.settings,
    });
    let watching = match options.sources {
        true => Some(start_watching(app.monitor.clone()).await?),
        false => None,
    };
    let remotes = match options.sources {
        true => app.monitor.start_remotes(),
        false => Vec::new(),
    };
    if watching.is_none() {
        tokio::spawn(tick(app.clone()));
    }
    if let Some(folder) = &options.data_dir {
        local::announce(&app, folder, address);
        tokio::spawn(local::replay(app.clone(), folder.clone()));
    }
    // Before anybody asks for them.
    app.sources.look(&app.monitor);
    tokio::spawn(stream::run(app.clone()));
    tokio::spawn(stream::live::run(app.clone(), commands));
    tokio::spawn(news::run(app.clone()));
    tokio::spawn(tidy(app.clone()));
    tokio::spawn(alerts::run(app.clone()));
    let service = guarded(&app);
    let serve = move |stream, peer, app| accept::serve(stream, peer, app, service.clone());
    let mut accepting = vec![tokio::spawn(accept(listener, app.clone(), serve))];
    if let Some((listener, _)) = grpc {
        accepting.push(tokio::spawn(accept(listener, app.clone(), serve_grpc)));
    }
    tracing::info!(%address, otlp_grpc = ?otlp_grpc, "listening");
    Ok(Server {
        address,
        app,
        stop,
        accepting,
        otlp_grpc,
        watching,
        remotes,
        data_dir: options.data_dir,
    })
}

/// Listens for OTLP over gRPC. A port that nobody asked for may be taken.
async fn listen_for_grpc(
    asked: GrpcListen,
) -> Result<Option<(TcpListener, SocketAddr)>, ServeError> {
    let (address, must) = match asked {
        GrpcListen::Off => return Ok(None),
        GrpcListen::IfFree(address) => (address, false),
        GrpcListen::At(address) => (address, true),
    };
    let bound = match TcpListener::bind(address).await {
        Ok(listener) => listener.local_addr().map(|bound| (listener, bound)),
        Err(error) => Err(error),
    };
    match bound {
        Ok(bound) => Ok(Some(bound)),
        Err(error) if !must => {
            tracing::warn!(
                %address, %error,
                "cannot take OTLP over gRPC; choose another place with --otlp-grpc, or none with --otlp-grpc off"
            );
            Ok(None)
        }
        Err(source) => Err(ServeError::Listen { address, source }),
    }
}

async fn start_watching(monitor: Monitor) -> Result<Watching, ServeError> {
    let started = tokio::task::spawn_blocking(move || monitor.start()).await;
    let started = started.map_err(|error| ServeError::Runtime(std::io::Error::other(error)))?;
    Ok(started?)
}

/// Lets time pass for sessions and retention, which watching files does too.
async fn tick(app: Arc<App>) {
    let mut ticks = 0_u32;
    let mut prunes = false;
    loop {
        tokio::select! {
            () = app.stopped() => return,
            () = tokio::time::sleep(TICK) => {}
        }
        let monitor = app.monitor.clone();
        prunes |= ticks.is_multiple_of(TICKS_TO_PRUNE);
        ticks = ticks.wrapping_add(1);
        let pass = move || {
            monitor.tick()?;
            if prunes {
                monitor.prune(PRUNING)
            } else {
                Ok(false)
            }
        };
        match tokio::task::spawn_blocking(pass).await {
            Ok(Ok(is_more)) => prunes = is_more,
            Ok(Err(error)) => tracing::warn!(%error, "cannot bring sessions up to date"),
            Err(error) => tracing::error!(%error, "bringing sessions up to date failed"),
        }
    }
}

/// Forgets what nobody asks for any more.
async fn tidy(app: Arc<App>) {
    loop {
        tokio::select! {
            () = app.stopped() => return,
            () = tokio::time::sleep(TIDY) => app.access.tidy(),
        }
    }
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it takes OTLP over gRPC, if it does.
    #[must_use]
    pub fn otlp_grpc(&self) -> Option<SocketAddr> {
        self.otlp_grpc
    }

    /// Its address for browsers and clients on this machine.
    #[must_use]
    pub fn url(&self) -> String {
        let ip = self.address.ip();
        if ip.is_unspecified() {
            format!("http://localhost:{}", self.address.port())
        } else {
            format!("http://{}", self.address)
        }
    }

    /// A link that lets one browser in, once. `None` when the system has no randomness.
    #[must_use]
    pub fn login_url(&self) -> Option<String> {
        let code = self.app.access.invite()?;
        Some(format!("{}{LOGIN}?code={code}", self.url()))
    }

    /// Stops: takes no more connections, lets requests that run finish within the limits' `drain`, ends streams.
    pub async fn stop(self) {
        if let Some(folder) = &self.data_dir {
            RunningServer::retract(folder);
        }
        // Everything holds a receiver: this cannot fail while it runs.
        let _ = self.stop.send(true);
        for accepting in self.accepting {
            if let Err(error) = accepting.await {
                tracing::error!(%error, "the accept loop failed");
            }
        }
        for remote in self.remotes {
            remote.stop().await;
        }
        self.app.gateways.stop().await;
        if let Some(watching) = self.watching {
            // Waits for its threads, which may be storing something.
            let stopped = tokio::task::spawn_blocking(move || drop(watching)).await;
            if let Err(error) = stopped {
                tracing::error!(%error, "watching files failed");
            }
        }
    }
}
