//! The dashboard: files that were built from `ui/` and are a part of this program. What shows sessions without scripts
//! is in [`plain`](super::plain), which stands in where no dashboard was built.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{LazyLock, OnceLock};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rust_embed::RustEmbed;
use warp::path::FullPath;
use warp::reply::Response;
use warp::{Filter, filters};

use crate::http::{Route, method, reply};

/// What the dashboard may do: load its own files, talk to its own server. No inline script, no other host.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";
/// Names below it carry a hash of what they hold.
const HASHED: &str = "assets/";
const PAGE: &str = "index.html";
/// First parts of paths that are never pages: what is not found there is answered in JSON.
const NOT_PAGES: [&str; 7] = ["api", "assets", "login", "metrics", "plain", "v1", "ws"];

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/ui"]
struct Dist;

/// A file of the dashboard.
struct Asset {
    bytes: Bytes,
    etag: HeaderValue,
    content_type: &'static str,
    is_hashed: bool,
    gzip: OnceLock<Option<Bytes>>,
}

static ASSETS: LazyLock<HashMap<String, Asset>> = LazyLock::new(|| {
    let named = Dist::iter().filter_map(|name| Some((name.to_string(), Asset::load(&name)?)));
    named.collect()
});

/// Whether a dashboard is a part of this program.
pub(super) fn is_built() -> bool {
    ASSETS.contains_key(PAGE)
}

/// Whether a path is one of the dashboard's files or pages, which hold nothing about anybody.
pub(crate) fn is_public(path: &str) -> bool {
    is_built() && (find(path).is_some() || is_page(path))
}

/// The files, and the page for every address that is one of the dashboard's own.
pub(super) fn routes() -> Route {
    // The path first: where there is none, a wrong method is no news.
    filters::path::full()
        .and(warp::header::headers_cloned())
        .and_then(|path: FullPath, headers: HeaderMap| async move {
            let path = path.as_str();
            let page = || (is_page(path) && accepts_html(&headers)).then_some(PAGE);
            find(path)
                .or_else(|| ASSETS.get(page()?))
                .map(|asset| (asset, headers))
                .ok_or_else(warp::reject::not_found)
        })
        .untuple_one()
        .and(method::get().or(warp::head()).unify())
        .map(|asset: &Asset, headers: HeaderMap| asset.answer(&headers))
        .boxed()
}

fn find(path: &str) -> Option<&'static Asset> {
    let name = path.strip_prefix('/')?;
    ASSETS.get(if name.is_empty() { PAGE } else { name })
}

/// Whether an address can be a page of the dashboard: it has no extension. Sessions may have ids with a dot.
fn is_page(path: &str) -> bool {
    let mut parts = path.split('/').skip(1);
    let first = parts.next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    !NOT_PAGES.contains(&first) && (first == "s" || !last.contains('.'))
}

/// Whether a browser asks for a page. Scripts that are lost hear so in JSON.
fn accepts_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT);
    accept
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

impl Asset {
    fn load(name: &str) -> Option<Self> {
        let file = Dist::get(name)?;
        let hash = file.metadata.sha256_hash();
        let short: String = hash[..12]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Some(Self {
            bytes: Bytes::from_owner(file.data),
            etag: HeaderValue::from_str(&format!("W/\"{short}\"")).ok()?,
            content_type: content_type(name),
            is_hashed: name.starts_with(HASHED),
            gzip: OnceLock::new(),
        })
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let is_known = headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|tag| tag.trim().as_bytes() == self.etag.as_bytes());
        let gzip = self.gzip(headers);
        let mut response = if is_known {
            reply::with_type(StatusCode::NOT_MODIFIED, self.content_type, Bytes::new())
        } else {
            let body = gzip.unwrap_or(&self.bytes).clone();
            reply::with_type(StatusCode::OK, self.content_type, body)
        };
        let cache = if self.is_hashed {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        let told = response.headers_mut();
        told.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        told.insert(header::ETAG, self.etag.clone());
        told.insert(
            header::VARY,
            HeaderValue::from_static("accept, accept-encoding"),
        );
        if gzip.is_some() && !is_known {
            told.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        told.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        );
        told.insert(
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        );
        response
    }

    /// The file for clients that read gzip, made once. `None` where that is no gain.
    fn gzip(&self, headers: &HeaderMap) -> Option<&Bytes> {
        let accepted = headers.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
        if !accepted.contains("gzip") {
            return None;
        }
        let made = self.gzip.get_or_init(|| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&self.bytes).ok()?;
            let packed = encoder.finish().ok()?;
            (packed.len() < self.bytes.len()).then(|| packed.into())
        });
        made.as_ref()
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_without_an_extension_are_pages_unless_they_belong_to_an_api() {
        for (path, expected) in [
            ("/usage", true),
            ("/s/claude_code%3A1.2", true),
            ("/s/x", true),
            ("/chat/a/b", true),
            ("/favicon.ico", false),
            ("/api/nope", false),
            ("/assets/nope", false),
            ("/v1/logs", false),
            ("/ws", false),
        ] {
            assert_eq!(is_page(path), expected, "{path}");
        }
    }
}
