//! Bodies with a limit, however they are sent: exporters send chunks without saying how much there will be.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt, pin_mut};
use http::StatusCode;
use warp::{Filter, Rejection};

use crate::error::ApiError;

/// How much of a body that is too large is read and thrown away, so that its sender hears the answer.
const MAX_IGNORED: usize = 16 << 20;

/// Bytes of bodies that may be on their way at a time, in the whole process: many who send slowly must not fill its memory.
const MAX_ON_THEIR_WAY: usize = 256 << 20;

static ON_THEIR_WAY: AtomicUsize = AtomicUsize::new(0);

/// What a body that is on its way takes of [`MAX_ON_THEIR_WAY`]. It is given back when dropped.
#[derive(Debug, Default)]
struct Room(usize);

impl Room {
    /// Takes more. Returns whether there was as much.
    fn take(&mut self, bytes: usize) -> bool {
        let before = ON_THEIR_WAY.fetch_add(bytes, Ordering::Relaxed);
        self.0 += bytes;
        before.saturating_add(bytes) <= MAX_ON_THEIR_WAY
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        ON_THEIR_WAY.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// The whole body of at most `limit` bytes, or the error to answer with.
pub(crate) fn capped(
    limit: usize,
    patience: Duration,
) -> impl Filter<Extract = (Result<Bytes, ApiError>,), Error = Rejection> + Clone {
    warp::body::stream().then(move |body| collect(body, limit, patience))
}

/// Reads a body to its end.
pub(crate) async fn collect<B: Buf, E>(
    body: impl Stream<Item = Result<B, E>>,
    limit: usize,
    patience: Duration,
) -> Result<Bytes, ApiError> {
    match tokio::time::timeout(patience, read(body, limit)).await {
        Ok(body) => body,
        Err(_) => Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "The request body did not arrive in time",
        )),
    }
}

async fn read<B: Buf, E>(
    body: impl Stream<Item = Result<B, E>>,
    limit: usize,
) -> Result<Bytes, ApiError> {
    pin_mut!(body);
    let mut whole = BytesMut::new();
    let mut length = 0_usize;
    let mut room = Room::default();
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk
            .map_err(|_| ApiError::new(StatusCode::BAD_REQUEST, "The request body is broken"))?;
        length = length.saturating_add(chunk.remaining());
        if length > limit {
            if length > limit.saturating_add(MAX_IGNORED) {
                break;
            }
            continue;
        }
        if !room.take(chunk.remaining()) {
            return Err(ApiError::busy("Too much is being sent at once"));
        }
        while chunk.has_remaining() {
            let part = chunk.chunk();
            whole.extend_from_slice(part);
            let read = part.len();
            chunk.advance(read);
        }
    }
    if length > limit {
        return Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The request body is larger than {limit} bytes"),
        ));
    }
    Ok(whole.freeze())
}
