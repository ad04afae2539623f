//! Programs of the same user on this machine: how they find the server, and what they left while there was none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agentmon_core::hooks::running::RunningServer;
use agentmon_core::hooks::spool;

use crate::app::App;

/// How often the spool is looked at: hooks use it too when the server was too busy to answer.
const REPLAY: Duration = Duration::from_secs(2);

/// Says in the data folder where the server listens.
pub(crate) fn announce(app: &App, data_dir: &Path, address: SocketAddr) {
    let Some(token) = app.access.lent.clone() else {
        return;
    };
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let server = RunningServer {
        address: SocketAddr::new(ip, address.port()),
        token,
    };
    if let Err(error) = server.announce(data_dir) {
        tracing::warn!(%error, "hooks will not find this server: cannot write to the data folder");
    }
}

/// Stores what hooks left in the spool, now and from time to time.
pub(crate) async fn replay(app: Arc<App>, data_dir: PathBuf) {
    loop {
        let (monitor, folder) = (app.monitor.clone(), data_dir.clone());
        match tokio::task::spawn_blocking(move || spool::replay(&monitor, &folder)).await {
            Ok(Ok(0)) => {}
            Ok(Ok(count)) => tracing::info!(count, "stored what hooks had left"),
            Ok(Err(error)) => tracing::warn!(%error, "cannot store what hooks have left"),
            Err(error) => tracing::error!(%error, "storing what hooks have left failed"),
        }
        tokio::select! {
            () = app.stopped() => return,
            () = tokio::time::sleep(REPLAY) => {}
        }
    }
}
