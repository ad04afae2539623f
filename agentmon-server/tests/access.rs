//! Who is let in: names, origins, tokens, rates.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::num::NonZeroU32;

use agentmon_server::{Options, Scope, Scopes, ServeError, Tokens, serve};
use common::{Running, monitor};
use serde_json::json;

const EVENT: &str = r#"{"session_id":"s","agent_type":"a","event_type":"error"}"#;

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[test]
fn foreign_names_and_pages_are_refused_whatever_they_send() {
    let server = Running::with(|options| {
        options.allowed_hosts = vec!["board.lan".into()];
        options.allowed_origins = vec!["https://board.example".into()];
    });
    let own = format!("http://{}", server.address);
    for (method, headers, status) in [
        ("GET", vec![("host", "evil.example")], 403),
        ("GET", vec![("host", "board.lan")], 200),
        ("GET", vec![("host", "localhost:9")], 200),
        ("POST", vec![("origin", "http://evil.example")], 403),
        ("POST", vec![("origin", "null")], 403),
        (
            "POST",
            vec![
                ("origin", "http://evil.example"),
                ("content-type", "text/plain"),
            ],
            403,
        ),
        ("POST", vec![("sec-fetch-site", "cross-site")], 403),
        ("POST", vec![("origin", own.as_str())], 201),
        ("POST", vec![("origin", "https://board.example")], 201),
        ("POST", vec![], 201),
        (
            "GET",
            vec![("origin", "http://evil.example"), ("upgrade", "websocket")],
            403,
        ),
    ] {
        let body = if method == "POST" { EVENT } else { "" };
        let answer = server.ask(method, "/api/events", &headers, body);
        assert_eq!(
            answer.status,
            status,
            "{method} {headers:?}: {}",
            answer.text()
        );
        answer.json();
    }
    // What a browser needs to let the page read the answer is said to configured origins alone.
    let allowed = |origin: &str| {
        let answer = server.ask("GET", "/api/events", &[("origin", origin)], "");
        answer
            .header("access-control-allow-origin")
            .map(str::to_owned)
    };
    assert_eq!(
        allowed("https://board.example").as_deref(),
        Some("https://board.example")
    );
    assert_eq!(allowed("http://evil.example"), None);
    let preflight = server.ask(
        "OPTIONS",
        "/api/events",
        &[
            ("origin", "https://board.example"),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type"),
        ],
        "",
    );
    assert_eq!(
        (
            preflight.status,
            preflight.header("access-control-allow-methods")
        ),
        (200, Some("POST"))
    );
}

#[test]
fn tokens_and_scopes_decide() {
    let server = Running::with(|options| {
        options.require_token = true;
        let mut tokens = Tokens::open(options.data_dir.as_ref().unwrap()).unwrap();
        for (name, scope) in [("r", Scope::Read), ("i", Scope::Ingest)] {
            let token = tokens.create(name, Scopes::from([scope])).unwrap();
            std::fs::write(options.data_dir.as_ref().unwrap().join(name), token).unwrap();
        }
    });
    let token =
        |name: &str| std::fs::read_to_string(server.dir.path().join("data").join(name)).unwrap();
    let (reads, ingests) = (bearer(&token("r")), bearer(&token("i")));
    let control = bearer(&server.control_token());
    let ask = |method: &str, path: &str, auth: Option<&str>| {
        let headers: Vec<_> = auth
            .map(|auth| ("authorization", auth))
            .into_iter()
            .collect();
        let answer = server.ask(
            method,
            path,
            &headers,
            if method == "POST" { EVENT } else { "" },
        );
        answer.json();
        answer
    };
    let none = ask("GET", "/api/events", None);
    assert_eq!(
        (none.status, none.header("www-authenticate").is_some()),
        (401, true)
    );
    for (method, path, auth, status) in [
        ("GET", "/api/events", Some(&reads), 200),
        ("GET", "/api/events", Some(&ingests), 403),
        ("POST", "/api/events", Some(&ingests), 201),
        ("POST", "/api/events", Some(&reads), 403),
        ("POST", "/api/events", Some(&control), 201),
        ("GET", "/api/health", None, 401),
        ("DELETE", "/api/events", Some(&ingests), 405),
        ("POST", "/api/nothing", Some(&ingests), 403),
        ("POST", "/api/nothing", Some(&control), 404),
    ] {
        assert_eq!(
            ask(method, path, auth.map(String::as_str)).status,
            status,
            "{method} {path}"
        );
    }
    for wrong in ["Bearer nonsense", "Bearer ", "Basic Og==", "x"] {
        assert_eq!(
            ask("GET", "/api/events", Some(wrong)).status,
            401,
            "{wrong}"
        );
    }
    assert!(!none.text().contains(&token("r")));
}

#[test]
fn control_always_needs_a_token_and_a_link_lets_one_browser_in() {
    let server = Running::new();
    let refused = server.ask("DELETE", "/api/v1/sessions/x", &[], "");
    assert_eq!(refused.told(), (401, json!({"error":"A token is needed"})));
    let wrong = server.ask("GET", "/api/events", &[("authorization", "Bearer x")], "");
    assert_eq!(wrong.status, 401, "a wrong token is no anonymous visitor");

    let url = server.login_url();
    let path = url
        .strip_prefix(&format!("http://{}", server.address))
        .unwrap();
    let first = server.get(path);
    assert_eq!((first.status, first.header("location")), (303, Some("/")));
    let cookie = first.header("set-cookie").unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(server.get(path).status, 401, "a link works once");
    let known = server.ask("DELETE", "/api/v1/nothing", &[("cookie", cookie)], "");
    assert_eq!(known.status, 404);
    let forged = server.ask(
        "DELETE",
        "/api/v1/nothing",
        &[("cookie", "agentmon_session=x")],
        "",
    );
    assert_eq!(forged.status, 401);
}

#[test]
fn too_many_requests_with_a_token_are_told_to_wait() {
    let server = Running::with(|options| options.limits.per_token = NonZeroU32::new(2).unwrap());
    let auth = bearer(&server.control_token());
    let ask = |method: &str| {
        let body = if method == "POST" { EVENT } else { "" };
        server.ask(method, "/api/events", &[("authorization", &auth)], body)
    };
    assert_eq!((ask("GET").status, ask("GET").status), (200, 200));
    let third = ask("GET");
    assert_eq!(third.told(), (429, json!({"error":"Too many requests"})));
    assert!(third.header("retry-after").unwrap().parse::<u64>().unwrap() > 60);
    assert_eq!(ask("POST").status, 201, "ingest is exempt");
    assert_eq!(
        server.get("/api/events").status,
        200,
        "and so is this machine without one"
    );
}

#[test]
fn an_address_that_others_reach_needs_tokens() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let options = |monitor| Options {
        listen: "0.0.0.0:0".parse().unwrap(),
        sources: false,
        data_dir: Some(dir.path().join("data")),
        ..Options::new(monitor)
    };
    let refused = runtime.block_on(serve(options(monitor(dir.path()))));
    assert!(matches!(refused, Err(ServeError::Access(_))), "{refused:?}");
    let mut tokens = Tokens::open(&dir.path().join("data")).unwrap();
    let token = tokens.create("hub", Scopes::from([Scope::Read])).unwrap();
    let server = runtime
        .block_on(serve(options(monitor(dir.path()))))
        .unwrap();
    let address = format!("127.0.0.1:{}", server.address().port())
        .parse()
        .unwrap();
    let ask = |headers: &[(&str, &str)]| {
        common::request(address, "GET", "/api/events", headers, b"").status
    };
    assert_eq!(ask(&[]), 401);
    assert_eq!(ask(&[("authorization", &bearer(&token))]), 200);
    runtime.block_on(server.stop());
}
