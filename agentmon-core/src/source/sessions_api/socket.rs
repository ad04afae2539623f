//! The other side's WebSocket. Whatever it says means that the list is worth another look: what changed is read from there.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::Settings;

/// Largest message that is read, in bytes.
const MAX_MESSAGE: usize = 1 << 20;
/// How long the other side may be silent: it should send pings more often.
const SILENCE: Duration = Duration::from_secs(120);

pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens it; `None` where there is none: asking now and then does as well.
    pub(super) async fn open(settings: &Settings) -> Option<Self> {
        let mut request = settings
            .socket
            .as_ref()?
            .as_str()
            .into_client_request()
            .ok()?;
        if let Some(key) = settings.authorization().ok()? {
            let value = HeaderValue::from_bytes(key.as_bytes()).ok()?;
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        let opened = connect_async_with_config(request, Some(config), true);
        match tokio::time::timeout(settings.timeout, opened).await {
            Ok(Ok((socket, _))) => Some(Self(socket)),
            Ok(Err(error)) => {
                tracing::debug!(%error, "no WebSocket there");
                None
            }
            Err(_) => None,
        }
    }

    /// Waits until something changed, and takes all that was said of it. False when it is closed.
    pub(super) async fn changed(&mut self) -> bool {
        loop {
            let said = tokio::time::timeout(SILENCE, self.0.next()).await;
            match said {
                Ok(Some(Ok(Message::Text(_) | Message::Binary(_)))) => break,
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => return false,
                Ok(Some(Ok(_))) => {}
            }
        }
        while let Some(said) = self.0.next().now_or_never() {
            if !matches!(said, Some(Ok(_))) {
                return false;
            }
        }
        true
    }
}
