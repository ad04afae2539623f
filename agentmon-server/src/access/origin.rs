//! Which names the server answers to, and which web pages may talk to it.
//!
//! A page from elsewhere can send requests to this machine: its browser says so in `Origin`. It can also have its own
//! name point here (DNS rebinding): then `Host` is that name. IP addresses cannot be rebound.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version, header};

use crate::error::ApiError;

/// The names and pages that are let in.
#[derive(Debug)]
pub(crate) struct Origins {
    hosts: Vec<String>,
    origins: Vec<HeaderValue>,
}

impl Origins {
    pub(crate) fn new(hosts: &[String], origins: &[String]) -> Self {
        let clean = |origin: &String| origin.trim_end_matches('/').to_ascii_lowercase();
        Self {
            hosts: hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            origins: origins
                .iter()
                .filter_map(|origin| HeaderValue::from_str(&clean(origin)).ok())
                .collect(),
        }
    }

    /// The pages from elsewhere that are let in.
    pub(crate) fn allowed(&self) -> &[HeaderValue] {
        &self.origins
    }

    /// Decides by `Host`, and for writing and upgrades by `Origin`.
    pub(crate) fn check(
        &self,
        method: &Method,
        uri: &Uri,
        version: Version,
        headers: &HeaderMap,
    ) -> Result<(), ApiError> {
        let given = headers.get(header::HOST).map(HeaderValue::to_str);
        let host = match (given, uri.authority()) {
            (Some(Ok(host)), _) => host,
            (None, Some(authority)) => authority.as_str(),
            // Before HTTP/1.1 there was no such header, and no browser that old is around.
            (None, None) if version < Version::HTTP_11 => "localhost",
            _ => {
                return Err(ApiError::new(
                    StatusCode::BAD_REQUEST,
                    "A Host header is needed",
                ));
            }
        };
        if !self.is_ours(host) {
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "This host name is not served here",
            ));
        }
        let is_read = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        if is_read && !headers.contains_key(header::UPGRADE) {
            return Ok(());
        }
        if self.is_foreign(host, headers) {
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "This origin may not write here",
            ));
        }
        Ok(())
    }

    fn is_ours(&self, host: &str) -> bool {
        let name = name_of(host).to_ascii_lowercase();
        let name = name.trim_end_matches('.');
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        name == "localhost"
            || name.ends_with(".localhost")
            || bare.parse::<IpAddr>().is_ok()
            || self.hosts.iter().any(|known| known == name)
    }

    fn is_foreign(&self, host: &str, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else {
            // Browsers that send no origin still say where the request comes from.
            let site = headers.get("sec-fetch-site");
            return site.is_some_and(|site| site == "cross-site" || site == "same-site");
        };
        if self
            .origins
            .iter()
            .any(|known| known.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
        {
            return false;
        }
        let own = origin.to_str().ok().and_then(|origin| {
            let rest = origin.split_once("://")?.1;
            Some(rest.eq_ignore_ascii_case(host))
        });
        own != Some(true)
    }
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    if let Some(end) = host.find(']') {
        return &host[..=end];
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_and_pages_are_let_in() {
        let origins = Origins::new(
            &["board.lan".to_owned()],
            &["https://Board.Example/".to_owned()],
        );
        let check = |method: Method, headers: &[(&'static str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, HeaderValue::from_str(value).unwrap());
            }
            let uri = Uri::from_static("/api/events");
            origins.check(&method, &uri, Version::HTTP_11, &map).is_ok()
        };
        for (host, good) in [
            ("localhost:3141", true),
            ("127.0.0.1:3141", true),
            ("[::1]:3141", true),
            ("192.168.1.5", true),
            ("Board.LAN:80", true),
            ("app.localhost", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example:3141", false),
            ("", false),
        ] {
            assert_eq!(check(Method::GET, &[("host", host)]), good, "{host}");
        }
        assert!(!check(Method::GET, &[]));
        let host = ("host", "localhost:3141");
        for (origin, good) in [
            ("http://localhost:3141", true),
            ("https://board.example", true),
            ("http://localhost:8080", false),
            ("http://evil.example", false),
            ("null", false),
            ("http://localhost:3141.evil.example", false),
        ] {
            assert_eq!(
                check(Method::POST, &[host, ("origin", origin)]),
                good,
                "{origin}"
            );
            let upgrade = ("upgrade", "websocket");
            assert_eq!(
                check(Method::GET, &[host, upgrade, ("origin", origin)]),
                good,
                "{origin}"
            );
        }
        assert!(check(Method::POST, &[host]));
        assert!(!check(
            Method::POST,
            &[host, ("sec-fetch-site", "cross-site")]
        ));
        assert!(
            check(Method::GET, &[host, ("origin", "http://evil.example")]),
            "it cannot read the answer"
        );
    }
}
