//! A server as a whole program: threads, signals, orderly end.

use crate::options::Options;
use crate::serve::{ServeError, Server, serve};

/// Serves until the process is asked to end (Ctrl-C, SIGTERM). `announce` hears of the server when it listens.
///
/// # Errors
/// [`ServeError`] when it cannot start.
pub fn run(options: Options, announce: impl FnOnce(&Server)) -> Result<(), ServeError> {
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("agentmon-serve")
        .build()
        .map_err(ServeError::Runtime)?;
    let ended = runtime.block_on(async {
        let end = asked_to_end().map_err(ServeError::Runtime)?;
        let server = serve(options).await?;
        announce(&server);
        end.await;
        tracing::info!("stopping");
        server.stop().await;
        Ok(())
    });
    // Nothing that still runs has been promised to anybody.
    runtime.shutdown_background();
    ended
}

/// Takes as many file descriptors as the system lets a process have: each client is one, and the usual first limit of 1024
/// is made for programs of long ago.
#[cfg(unix)]
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "cannot raise the limit of open files");
    }
}

#[cfg(not(unix))]
fn raise_file_limit() {}

/// Waits for a signal. The signals are caught from the call on, not from the first poll.
#[cfg(unix)]
fn asked_to_end() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
fn asked_to_end() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without signals there is nobody to ask.
        let _ = tokio::signal::ctrl_c().await;
    })
}
