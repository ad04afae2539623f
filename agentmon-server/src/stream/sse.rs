//! One client's stream.

use std::convert::Infallible;
use std::sync::Arc;

use agentmon_core::wire::events_api;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use http::{HeaderValue, StatusCode, header};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use warp::Reply;
use warp::reply::Response;

use super::frame::Frames;
pub(crate) use super::frame::Interest;
use super::hub::Seat;
use crate::app::App;
use crate::error::ApiError;

/// Events that a client who comes back can have missed. Who missed more asks for pages.
const MAX_REPLAY: usize = 1000;

/// Opens a stream. `after` is the last event that the client has had, if it comes back.
pub(crate) async fn open(
    app: Arc<App>,
    interest: Interest,
    after: Option<i64>,
) -> Result<Response, ApiError> {
    let Some((seat, frames)) = app.hub.seat() else {
        let body = serde_json::json!({
            "error": "SSE client limit reached",
            "max_clients": app.hub.max_clients(),
        });
        return Err(ApiError::with_body(StatusCode::SERVICE_UNAVAILABLE, &body));
    };
    // What is committed from here on comes through the hub, and so may what was committed just before, or is read below.
    let connected = Frames::everybody(&events_api::connected_frame(app.monitor.now()));
    let mut first = vec![connected.for_client(&interest, 0)];
    let mut seen = *app.monitor.committed().borrow();
    if let Some(after) = after {
        // A place that no event has reached yet comes from another database.
        let after = after.clamp(0, *app.monitor.committed().borrow());
        let missed = app
            .ask(move |monitor| monitor.feed_after(after, MAX_REPLAY))
            .await?;
        seen = missed.last().map_or(after, |row| row.id);
        first.push(Frames::events(&missed).for_client(&interest, after));
    }
    let first = stream::iter(first.into_iter().map(Ok::<_, Infallible>));
    let live = live(Client {
        app,
        frames,
        interest,
        seen,
        _seat: seat,
    });
    let mut response = warp::reply::stream(first.chain(live)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // A proxy that gathers answers would hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

struct Client {
    app: Arc<App>,
    frames: broadcast::Receiver<Arc<Frames>>,
    interest: Interest,
    seen: i64,
    _seat: Seat,
}

fn live(client: Client) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + Sync {
    stream::unfold(client, |mut client| async move {
        loop {
            let received = tokio::select! {
                received = client.frames.recv() => received,
                () = client.app.stopped() => return None,
            };
            match received {
                Ok(frames) => {
                    let bytes = frames.for_client(&client.interest, client.seen);
                    if !bytes.is_empty() {
                        return Some((Ok(bytes), client));
                    }
                }
                Err(RecvError::Lagged(missed)) => {
                    tracing::debug!(missed, "closed a stream whose client reads too slowly");
                    client.app.metrics.dropped_streams.add(1);
                    return None;
                }
                Err(RecvError::Closed) => return None,
            }
        }
    })
}
