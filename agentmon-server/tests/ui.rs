//! The dashboard as it is served: types, caching, policy, addresses. Whether it works is tested in a browser (`ui/e2e`).
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may stop at the first surprise, and says what it skips"
)]

mod common;

use common::{Answer, Running};

const PAGE: [(&str, &str); 1] = [("accept", "text/html,application/xhtml+xml")];

/// A server, unless it was built without the dashboard.
#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn server() -> Option<Running> {
    let server = Running::new();
    if server.get("/theme.js").status == 200 {
        return Some(server);
    }
    eprintln!("SKIPPED: this build has no dashboard: node was missing");
    None
}

fn cache(answer: &Answer) -> &str {
    answer.header("cache-control").unwrap()
}

#[test]
fn the_page_loads_nothing_but_its_own_files_and_runs_nothing_inline() {
    let Some(server) = server() else { return };
    let page = server.ask("GET", "/", &PAGE, "");
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let html = page.text();
    for part in ["<script>", "<style", "http://", "https://", " onload="] {
        assert!(!html.contains(part), "{part}: {html}");
    }
    assert!(html.contains("href=\"/plain\""), "{html}");
}

#[test]
fn hashed_names_are_kept_for_ever_and_others_asked_for_again() {
    let Some(server) = server() else { return };
    let page = server.ask("GET", "/", &PAGE, "");
    assert_eq!(cache(&page), "no-cache");
    let html = page.text();
    let from = html.find("src=\"/assets/").unwrap() + "src=\"".len();
    let script = &html[from..from + html[from..].find('"').unwrap()];
    let plain = server.get(script);
    assert_eq!(
        plain.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    assert!(cache(&plain).contains("immutable"));
    assert_eq!(plain.header("content-encoding"), None);
    let packed = server.ask("GET", script, &[("accept-encoding", "gzip, br")], "");
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() * 2 < plain.body.len());
    let etag = plain.header("etag").unwrap();
    let again = server.ask("GET", script, &[("if-none-match", etag)], "");
    assert_eq!((again.status, again.body.len()), (304, 0));
    let page = server.ask("GET", "/", &[PAGE[0], ("if-none-match", "W/\"other\"")], "");
    assert_eq!(page.status, 200);
}

#[test]
fn addresses_of_screens_are_the_page_and_everything_else_is_not() {
    let Some(server) = server() else { return };
    let home = server.ask("GET", "/", &PAGE, "").text();
    for path in ["/usage", "/s/claude_code%3Aa.b", "/chat/one/two"] {
        let answer = server.ask("GET", path, &PAGE, "");
        assert_eq!(
            (answer.status, answer.text() == home),
            (200, true),
            "{path}"
        );
        assert_eq!(
            server.get(path).status,
            404,
            "{path}: nobody asked for a page"
        );
    }
    for path in [
        "/api/nope",
        "/nope.js",
        "/assets/nope",
        "/v1/nope",
        "/..%2fCargo.toml",
    ] {
        let answer = server.ask("GET", path, &PAGE, "");
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    assert_eq!(server.ask("POST", "/usage", &PAGE, "").status, 401);
}

#[test]
fn the_page_itself_needs_no_token_and_tells_nothing() {
    let server = Running::with(|options| options.require_token = true);
    let page = server.ask("GET", "/", &PAGE, "");
    if page.text().contains("/assets/") {
        assert_eq!(page.status, 200);
    } else {
        assert_eq!(page.status, 401);
    }
    for path in ["/plain", "/api/v1/about", "/api/v1/board"] {
        assert_eq!(server.get(path).status, 401, "{path}");
    }
}
