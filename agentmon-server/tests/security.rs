//! What nobody may do: pages from elsewhere, tokens that are wrong, paths and text that mean something else to others.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::io::{BufReader, Write};

use agentmon_server::{Scope, Tokens};
use common::program::Program;
use common::{Running, connect, read_answer, request};
use serde_json::json;

const EVENT: &str = r#"{"session_id":"s","agent_type":"a","event_type":"error"}"#;

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[test]
fn what_a_token_may_not_is_refused_on_every_way_in() {
    let dir = tempfile::tempdir().unwrap();
    let mut tokens = Tokens::open(dir.path()).unwrap();
    let mut create = |scope: Scope| bearer(&tokens.create(scope.as_str(), [scope].into()).unwrap());
    let (read, ingest, control) = (
        create(Scope::Read),
        create(Scope::Ingest),
        create(Scope::Control),
    );
    let server = Running::with(|options| {
        options.require_token = true;
        options.data_dir = Some(dir.path().to_owned());
    });
    let status = |method: &str, path: &str, token: &str| {
        server
            .ask(method, path, &[("authorization", token)], EVENT)
            .status
    };
    let reading = [
        "/plain",
        "/metrics",
        "/api/events",
        "/api/sessions",
        "/api/stats",
        "/api/stream",
        "/api/health",
        "/api/filter-options",
        "/api/v1/sessions",
        "/api/v1/usage",
        "/api/v1/events",
        "/api/v1/openapi.json",
    ];
    for path in reading {
        assert_eq!(server.get(path).status, 401, "{path}");
        assert_eq!(status("GET", path, &ingest), 403, "{path}");
        assert_eq!(
            status("GET", path, "Bearer agentmon_nonsense"),
            401,
            "{path}"
        );
        assert_eq!(
            status("GET", path, &read.replace("Bearer", "Basic")),
            401,
            "{path}"
        );
        if path != "/api/stream" {
            assert_eq!(status("GET", path, &read), 200, "{path}");
        }
    }
    let ingesting = [
        "/api/events",
        "/api/events/batch",
        "/v1/logs",
        "/v1/metrics",
        "/v1/traces",
        "/api/otel/v1/logs",
        "/api/hooks/claude-code",
        "/api/provider-quotas/claude/statusline",
    ];
    for path in ingesting {
        assert_eq!(server.post(path, EVENT).status, 401, "{path}");
        assert_eq!(status("POST", path, &read), 403, "{path}");
        assert_eq!(status("POST", path, &control), 403, "{path}");
        assert!(
            ![401, 403].contains(&status("POST", path, &ingest)),
            "{path}"
        );
    }
    for path in [
        "/api/v1/anything",
        "/api/gateways",
        "/api/openclaw/sessions",
        "/",
    ] {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            assert_eq!(status(method, path, &ingest), 403, "{method} {path}");
            assert_eq!(status(method, path, &read), 403, "{method} {path}");
        }
    }
}

#[test]
fn tokens_are_known_and_forgotten_while_the_server_runs() {
    let server = Running::with(|options| options.require_token = true);
    let folder = server.dir.path().join("data");
    let ask = |token: &str| {
        let headers = [("authorization", bearer(token))];
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        server.ask("GET", "/api/health", &headers, "").status
    };
    let mut tokens = Tokens::open(&folder).unwrap();
    let first = tokens.create("first", [Scope::Read].into()).unwrap();
    assert_eq!(ask(&first), 200);
    let second = tokens.create("second", [Scope::Read].into()).unwrap();
    assert_eq!((ask(&first), ask(&second)), (200, 200));
    tokens.revoke("first").unwrap();
    assert_eq!((ask(&first), ask(&second)), (401, 200));
    // Somebody breaks the file: nobody new is let in, nobody is locked out.
    std::fs::write(folder.join("tokens.json"), "{").unwrap();
    assert_eq!((ask(&first), ask(&second)), (401, 200));
    std::fs::remove_file(folder.join("tokens.json")).unwrap();
    assert_eq!((ask(&second), ask(&server.control_token())), (401, 200));
}

#[test]
fn pages_from_elsewhere_are_refused_whatever_they_try() {
    let server = Running::new();
    let control = bearer(&server.control_token());
    let tries = [
        vec![("host", "evil.example")],
        vec![("host", "localhost.evil.example:3141")],
        vec![("origin", "http://evil.example")],
        vec![("origin", "null")],
        vec![("origin", "http://localhost:1")],
        vec![
            ("origin", "http://evil.example"),
            ("content-type", "text/plain"),
        ],
        vec![
            ("origin", "http://evil.example"),
            ("authorization", &control),
        ],
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
    ];
    for headers in &tries {
        for path in [
            "/api/events",
            "/v1/logs",
            "/api/hooks/claude-code",
            "/api/v1/anything",
        ] {
            let answer = server.ask("POST", path, headers, EVENT);
            assert_eq!(answer.status, 403, "{path} {headers:?}");
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
        let mut upgrade = headers.clone();
        upgrade.extend([
            ("upgrade", "websocket"),
            ("connection", "upgrade"),
            ("sec-websocket-version", "13"),
        ]);
        upgrade.push(("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="));
        for path in ["/ws", "/api/v1/ws"] {
            assert_eq!(
                server.ask("GET", path, &upgrade, "").status,
                403,
                "{path} {headers:?}"
            );
        }
    }
    assert_eq!(server.json("/api/events")["total"], 0);
}

#[test]
fn paths_lead_nowhere_but_to_routes() {
    let server = Running::new();
    for path in [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/api/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/..%5c..%5cwindows%5cwin.ini",
        "/api/sessions/..%2f..%2fcontrol.token",
        "/api/sessions/%00",
        "/api/v1/sessions/..%2F..%2Fcontrol.token",
        "/control.token",
        "/tokens.json",
        "/agentmon.db",
        "//etc/passwd",
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        let text = answer.json().to_string();
        assert!(
            !text.contains("root:") && !text.contains("/data"),
            "{path}: {text}"
        );
    }
}

/// What a client sends never becomes a header or a line of an answer, and a request hides no second one.
#[test]
fn headers_cannot_be_injected() {
    let server = Running::new();
    for path in [
        "/login?code=x%0d%0aset-cookie:%20evil=1",
        "/api/events?since=%0d%0aevil:%201",
        "/api/sessions/x%0d%0aevil:%201",
        "/x%0d%0aevil:1",
    ] {
        let answer = server.get(path);
        assert!((400..500).contains(&answer.status), "{path}");
        assert!(
            answer.header("evil").is_none() && answer.header("set-cookie").is_none(),
            "{path}"
        );
    }
    // Two lengths, or a length and chunks: where a request ends must not be a matter of opinion.
    for heads in [
        "content-length: 4\r\ncontent-length: 40\r\n",
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "content-length: -1\r\n",
        "transfer-encoding: chunked, identity\r\n",
    ] {
        let mut stream = connect(server.address);
        let hidden = "GET /api/health HTTP/1.1\r\nhost: localhost\r\n\r\n";
        write!(
            stream,
            "POST /api/events HTTP/1.1\r\nhost: localhost\r\n{heads}\r\n0\r\n\r\n{hidden}"
        )
        .unwrap();
        let answer = read_answer(&mut BufReader::new(stream));
        assert_eq!(answer.status, 400, "{heads}");
    }
}

#[test]
fn text_of_agents_is_only_text_on_the_page() {
    let server = Running::new();
    let attack = |name: &str| {
        format!(
            "</td><script>alert('{name}')</script><img src=x onerror=alert(1)>\"'&\u{202e}\u{1b}[31m"
        )
    };
    for kind in [
        "user_prompt",
        "tool_use",
        "error",
        "session_start",
        "llm_response",
    ] {
        let event = json!({
            "session_id": attack("session"), "agent_type": attack("agent"), "event_type": kind,
            "tool_name": attack("tool"), "model": attack("model"), "project": attack("project"),
            "branch": attack("branch"), "source": attack("source"), "event_id": format!("{}{kind}", attack("id")),
            "metadata": { "message": attack("message"), "command": attack("command"), "error": attack("error") },
        });
        assert_eq!(server.post("/api/events", &event.to_string()).status, 201);
    }
    let hook = json!({"hook_event_name":"PermissionRequest","session_id":attack("hook"),"cwd":attack("/cwd"),
        "tool_name":attack("tool"),"tool_input":{"command":attack("command")}});
    assert_eq!(
        server
            .post("/api/hooks/claude-code", &hook.to_string())
            .status,
        200
    );
    let page = server.get("/plain");
    assert_eq!(page.status, 200);
    let html = page.text();
    assert!(
        html.contains("&lt;script&gt;alert("),
        "the attack is on the page"
    );
    for raw in ["<script", "<img", "onerror=alert(1)>", "\u{1b}"] {
        assert!(!html.contains(raw), "{raw}");
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("script-src"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    // What is JSON says so, so that no browser takes it for a page.
    for path in [
        "/api/events",
        "/api/v1/sessions",
        "/api/stats",
        "/api/filter-options",
    ] {
        let answer = server.get(path);
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{path}"
        );
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
    }
    // One label of a figure stays one label.
    let metrics = server.get("/metrics").text();
    assert!(!metrics.contains("script"));
}

#[test]
fn secrets_are_in_no_answer_and_no_log() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let created = Tokens::open(&data)
        .unwrap()
        .create("reader", [Scope::Read].into())
        .unwrap();
    let log = dir.path().join("log");
    let out = std::fs::File::create(&log).unwrap();
    let mut program = Program::with(
        &data,
        &["--log-format", "json"],
        &[("AGENTMON_LOG", "trace")],
        out.into(),
    );
    let control = std::fs::read_to_string(data.join("control.token"))
        .unwrap()
        .trim()
        .to_owned();
    let wrong = "agentmon_0123456789abcdef_wrong";
    let mut answers = String::new();
    for token in [&*created, &*control, wrong] {
        let header = bearer(token);
        let query = format!("/api/events?token={token}&since=soon");
        let cookie = format!("agentmon_session={token}");
        for (method, path) in [
            ("GET", "/api/health"),
            ("GET", &*query),
            ("POST", "/api/events"),
            ("POST", "/x"),
            ("GET", "/login?code=abc"),
        ] {
            for headers in [
                vec![("authorization", header.as_str())],
                vec![("cookie", cookie.as_str())],
            ] {
                let answer = request(program.address, method, path, &headers, token.as_bytes());
                answers.push_str(&format!("{:?} {}\n", answer.headers, answer.text()));
            }
        }
    }
    program.signal("TERM");
    program.wait();
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("answered"), "it logs all it can");
    for line in log.lines() {
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(parsed.is_ok(), "every line is an object: {line}");
    }
    for secret in [&*created, &*control, wrong] {
        assert!(!answers.contains(secret), "an answer holds a token");
        // Programs shorten what they show: a part is enough to search for.
        assert!(!log.contains(&secret[9..25]), "the log holds a token");
    }
}
