//! The one file with the socket: a WebSocket of text frames, with limits. What the frames mean is not known here.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::frame::MAX_FRAME;
use crate::source::machine::is_here;

/// How long dialing may take.
const DIAL: Duration = Duration::from_secs(15);
/// How long a gateway may take to read anything of what it is sent.
const SEND: Duration = Duration::from_secs(10);
/// How long closing in order may take.
const CLOSE: Duration = Duration::from_secs(1);

/// The address of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    url: Box<str>,
    host: Box<str>,
    is_loopback: bool,
}

/// Why an address is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no address of a gateway: ws://HOST:PORT or wss://HOST:PORT, without user and password"
)]
pub struct AddressError(pub String);

impl Address {
    /// Reads an address; `http` and `https` are taken for what they lead to.
    ///
    /// # Errors
    /// [`AddressError`]: another scheme, no host, or a user or password in it, which would be shown in lists.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        // Not what may be a secret.
        let shown = text
            .rsplit('@')
            .next()
            .and_then(|text| text.split('?').next());
        let error = || AddressError(shown.unwrap_or_default().chars().take(200).collect());
        let uri: Uri = text.trim().parse().map_err(|_| error())?;
        let scheme = match uri.scheme_str() {
            Some("ws" | "http") => "ws",
            Some("wss" | "https") => "wss",
            _ => return Err(error()),
        };
        let authority = uri.authority().ok_or_else(error)?;
        if authority.as_str().contains('@') || uri.query().is_some() || authority.host().is_empty()
        {
            return Err(error());
        }
        let path = uri.path().trim_end_matches('/');
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let is_loopback = is_here(host);
        Ok(Self {
            url: format!("{scheme}://{authority}{path}").into(),
            host: host.into(),
            is_loopback,
        })
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The machine that it names; `None` for this one, which may be the end of a tunnel.
    #[must_use]
    pub fn machine(&self) -> Option<&str> {
        (!self.is_loopback).then_some(&*self.host)
    }

    /// Whether it is on this machine, or looks so (a tunnel does).
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.is_loopback
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// Opens a connection.
///
/// # Errors
/// Why it could not be opened, in a few words.
pub async fn dial(address: &Address) -> Result<Socket, String> {
    if address.url.starts_with("wss") {
        // Where another library has chosen already, that is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let request = (&*address.url)
        .into_client_request()
        .map_err(|error| words(&error))?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME));
    match tokio::time::timeout(DIAL, connect_async_with_config(request, Some(config), true)).await {
        Ok(Ok((stream, _))) => Ok(Socket(stream)),
        Ok(Err(error)) => Err(words(&error)),
        Err(_) => Err("no answer".to_owned()),
    }
}

impl Socket {
    /// The next text; an error says why there will be no more. May be dropped while it waits.
    ///
    /// # Errors
    /// Why the connection ended, in a few words.
    pub async fn next(&mut self) -> Result<Utf8Bytes, String> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(Some(close)))) => {
                    return Err(match &*close.reason {
                        "" => format!("closed with code {}", u16::from(close.code)),
                        reason => format!("closed: {reason}"),
                    });
                }
                Some(Ok(Message::Close(None))) | None => return Err("closed".to_owned()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(words(&error)),
            }
        }
    }

    /// Sends a text.
    ///
    /// # Errors
    /// Why the connection is of no use any more.
    pub async fn send(&mut self, text: String) -> Result<(), String> {
        match tokio::time::timeout(SEND, self.0.send(Message::text(text))).await {
            Ok(sent) => sent.map_err(|error| words(&error)),
            Err(_) => Err("it reads nothing".to_owned()),
        }
    }

    /// Closes the connection, in order if that is quick.
    pub async fn close(mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame {
            code: CloseCode::from(code),
            reason: Utf8Bytes::from_static(reason),
        };
        // Whether it hears that or not, it is closed.
        let _ = tokio::time::timeout(CLOSE, self.0.close(Some(frame))).await;
    }
}

fn words(error: &WsError) -> String {
    match error {
        WsError::Io(error) => error.to_string(),
        WsError::Http(response) => format!("it answers {}", response.status()),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_never_show_a_password() {
        for (text, url, is_loopback) in [
            ("ws://127.0.0.1:18789", "ws://127.0.0.1:18789", true),
            ("http://localhost:18789/", "ws://localhost:18789", true),
            ("ws://[::1]:18789", "ws://[::1]:18789", true),
            (" https://box.example/gw ", "wss://box.example/gw", false),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(
                (address.as_str(), address.is_loopback()),
                (url, is_loopback)
            );
        }
        let machine = |url: &str| Address::parse(url).unwrap().machine().map(str::to_owned);
        assert_eq!(machine("ws://box:18789").as_deref(), Some("box"));
        assert_eq!(machine("wss://[fd00::7]/gw").as_deref(), Some("fd00::7"));
        assert_eq!(machine("ws://127.0.0.1:18789"), None);
        for wrong in [
            "",
            "box",
            "ftp://box",
            "ws://",
            "ws://user:secret@box",
            "ws://box?token=secret",
        ] {
            let error = Address::parse(wrong).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
