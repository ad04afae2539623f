//! The accept loop: what the HTTP library leaves to its user. Clients that send or read nothing are left, too many at
//! a time are told to come back, and a stop lets what runs finish, but not forever.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tower::ServiceBuilder;

use crate::app::App;
use crate::guard::{Guarded, Peer};
use crate::metrics::Open;

/// How long to wait when the system cannot accept, for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);
/// Longest head of a request, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// What one connection too many is told, before anything is read from it.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
    content-length: 32\r\nconnection: close\r\n\r\n{\"error\":\"Too many connections\"}";

/// Accepts connections and has them served until `app.stopping` turns true, then until they are done or the deadline has
/// come.
pub(crate) async fn accept<F: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    app: Arc<App>,
    serve: impl Fn(TcpStream, Peer, Arc<App>) -> F,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = app.stopped() => break,
            // Collects what has ended.
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) if connections.len() >= app.limits.connections => {
                app.metrics.refused_connections.add(1);
                // Whoever cannot even take this little at once gets nothing.
                let _ = stream.try_write(TOO_MANY);
            }
            Ok((stream, peer)) => {
                // Small answers must not wait for more to come; a socket that refuses is about to close anyway.
                let _ = stream.set_nodelay(true);
                let open = Open::connection(&app.metrics);
                let served = serve(stream, Peer(peer), app.clone());
                connections.spawn(async move {
                    served.await;
                    drop(open);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(app.limits.drain, all).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "closed connections that were still busy"
        );
    }
    connections.shutdown().await;
}

/// Serves one connection of HTTP/1.1.
pub(crate) async fn serve(stream: TcpStream, peer: Peer, app: Arc<App>, service: Guarded) {
    let service = ServiceBuilder::new()
        .map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            request
        })
        .service(service);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(app.limits.write_timeout));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(app.limits.header_timeout)
        .max_buf_size(MAX_HEAD)
        .serve_connection(
            TokioIo::new(Box::pin(stream)),
            TowerToHyperService::new(service),
        )
        .with_upgrades();
    let result = wound_up(connection, &app, |connection| {
        connection.graceful_shutdown()
    })
    .await;
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Waits for the end of a connection; once the server stops, for that of what it is at then.
pub(crate) async fn wound_up<C: Future>(
    connection: C,
    app: &App,
    wind_up: impl FnOnce(Pin<&mut C>),
) -> C::Output {
    tokio::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return result,
        () = app.stopped() => wind_up(connection.as_mut()),
    }
    connection.await
}
