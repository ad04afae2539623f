//! The native API, and its description of itself.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use common::Running;
use serde_json::{Value, json};

#[test]
fn every_question_of_the_command_line_is_answered() {
    let server = Running::new();
    let body = r#"{"events":[
        {"session_id":"abc-1","agent_type":"codex","event_type":"user_prompt","project":"app","metadata":{"message":"Fix the build"}},
        {"session_id":"abc-1","agent_type":"codex","event_type":"llm_response","model":"gpt-5.5","tokens_in":10,"tokens_out":5,"cost_usd":0.5},
        {"session_id":"abd-2","agent_type":"gemini","event_type":"tool_use","tool_name":"Bash","metadata":{"command":"make"}}]}"#;
    assert_eq!(server.post("/api/events/batch", body).status, 201);

    let sessions = server.json("/api/v1/sessions");
    assert_eq!(
        (&sessions["schema"], &sessions["matching"]),
        (&json!("agentmon.sessions.v1"), &json!(2))
    );
    let matching =
        |query: &str| server.json(&format!("/api/v1/sessions?{query}"))["matching"].clone();
    assert_eq!(matching("agent=codex,opencode"), 1);
    assert_eq!(matching("agent=codex&agent=gemini"), 2);
    assert_eq!(matching("state=completed"), 0);
    assert_eq!(matching("since=today&project=app"), 1);
    assert_eq!(server.get("/api/v1/sessions?state=nonsense").status, 400);
    assert_eq!(server.get("/api/v1/sessions?since=soon").status, 400);

    let one = server.json("/api/v1/sessions/abc");
    assert_eq!(
        (&one["session"]["state"], &one["session"]["cost_usd"]),
        (&json!("working"), &json!(0.5))
    );
    assert_eq!(one["session"]["title"], "Fix the build");
    assert_eq!(server.get("/api/v1/sessions/ab").status, 409);
    assert_eq!(server.get("/api/v1/sessions/nobody").status, 404);
    let explained = server.json("/api/v1/sessions/codex%3Aabc-1/explain");
    assert_eq!(explained["schema"], "agentmon.explain.v1");

    let first = server.json("/api/v1/events?limit=2&order=asc");
    assert_eq!(first["events"][0]["text"], "Fix the build");
    let next = first["next"].as_str().unwrap();
    let second = server.json(&format!("/api/v1/events?limit=2&order=asc&after={next}"));
    assert_eq!(
        (
            second["events"].as_array().unwrap().len(),
            second["next"].is_null()
        ),
        (1, true)
    );
    // Search is a moment behind.
    let begin = std::time::Instant::now();
    while server.json("/api/v1/events?search=build")["events"] == json!([]) {
        assert!(begin.elapsed() < std::time::Duration::from_secs(10));
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let found = server.json("/api/v1/events?search=build");
    assert_eq!(found["events"].as_array().unwrap().len(), 1);
    assert_eq!(server.get("/api/v1/events?after=x").status, 400);

    let usage = server.json("/api/v1/usage?report=models&by=model");
    assert_eq!(usage["rows"][0]["model"], "gpt-5.5");
    assert_eq!(server.get("/api/v1/usage?report=hourly").status, 400);
    assert_eq!(server.get("/api/v1/usage?zone=Nowhere/Land").status, 400);
    assert_eq!(
        server.json("/api/v1/quotas")["schema"],
        "agentmon.quotas.v1"
    );
    assert_eq!(
        server.json("/api/v1/sources")["schema"],
        "agentmon.sources.v1"
    );
    assert_eq!(
        server.json("/api/v1/doctor")["schema"],
        "agentmon.doctor.v1"
    );
}

#[test]
fn every_question_of_the_dashboard_is_answered() {
    let server = Running::new();
    let call = r#"{"session_id":"long","agent_type":"codex","event_type":"llm_response","model":"gpt-5.5","tokens_in":10,"cost_usd":0.5}"#;
    assert_eq!(server.post("/api/events", call).status, 201);
    let mut events = Vec::new();
    for number in 0..250 {
        events.push(format!(
            r#"{{"session_id":"long","agent_type":"codex","event_type":"tool_use","tool_name":"Bash","duration_ms":10,
               "status":"{}","project":"app","metadata":{{"command":"step {number}"}}}}"#,
            if number % 10 == 0 { "error" } else { "success" }
        ));
    }
    let body = format!(r#"{{"events":[{}]}}"#, events.join(","));
    assert_eq!(server.post("/api/events/batch", &body).status, 201);

    let board = server.json("/api/v1/board");
    let (row, status) = (&board["sessions"][0], &board["status"]);
    assert_eq!(status["groups"][row["group"].as_str().unwrap()], 1);
    assert_eq!(status["counts"][row["state"].as_str().unwrap()], 1);
    assert_eq!(board["status"]["today"]["cost_usd"], 0.5);
    assert_eq!(
        server.json("/api/v1/board?agent=gemini")["sessions"],
        json!([])
    );
    assert_eq!(server.json("/api/v1/status")["counts"], status["counts"]);

    // Every block once, from the end to the beginning and back.
    let page = |query: &str| {
        server.json(&format!(
            "/api/v1/sessions/long/transcript?limit=100{query}"
        ))
    };
    let ids = |page: &Value| -> Vec<i64> {
        let blocks = page["blocks"].as_array().unwrap().iter();
        blocks.map(|block| block["id"].as_i64().unwrap()).collect()
    };
    let mut back = Vec::new();
    let mut at = page("");
    loop {
        back.splice(0..0, ids(&at));
        let Some(before) = at["before"].as_str() else {
            break;
        };
        at = page(&format!("&before={before}"));
    }
    assert_eq!((back.len(), at["total"].as_u64()), (250, Some(250)));
    let mut forth = Vec::new();
    let mut at = page("&first=true");
    while !ids(&at).is_empty() {
        forth.extend(ids(&at));
        at = page(&format!("&after={}", at["after"].as_str().unwrap()));
    }
    assert_eq!(back, forth);
    let around = page(&format!("&around={}", back[120]));
    assert_eq!(ids(&around), back[70..170]);
    assert_eq!(around["blocks"][0]["tool"]["title"], "step 70");
    assert_eq!(server.get("/api/v1/sessions/nobody/transcript").status, 404);
    assert_eq!(
        server
            .get("/api/v1/sessions/long/transcript?before=x")
            .status,
        400
    );

    // A tool's result stands beside its use, whoever told of them.
    for (event, more) in [
        ("PreToolUse", r#""tool_input":{"command":"make"}"#),
        ("PostToolUse", r#""tool_response":"built","duration_ms":7"#),
    ] {
        let hook = format!(
            r#"{{"session_id":"hooked","hook_event_name":"{event}","tool_name":"Bash","tool_use_id":"toolu_1",{more}}}"#
        );
        assert_eq!(server.post("/api/hooks/claude-code", &hook).status, 200);
    }
    let hooked = server.json("/api/v1/sessions/hooked/transcript");
    let blocks = hooked["blocks"].as_array().unwrap();
    assert_eq!(
        (blocks.len(), &blocks[0]["tool"]["title"]),
        (1, &json!("make"))
    );
    assert_eq!(
        (
            &blocks[0]["tool"]["result"]["text"],
            &blocks[0]["duration_ms"]
        ),
        (&json!("built"), &json!(7))
    );

    let found = server.json("/api/v1/search?q=%22step%20120%22");
    assert_eq!(found["results"][0]["id"], back[120]);
    assert_eq!(server.get("/api/v1/search?q=%20").status, 400);
    let tools = server.json("/api/v1/tools?project=app");
    assert_eq!(
        tools["tools"][0],
        json!({"tool": "Bash", "calls": 250, "errors": 25, "error_rate": 0.1, "timed_calls": 250, "duration_ms": 2500,
               "mean_ms": 10, "p50_ms": 10, "p95_ms": 10, "max_ms": 10, "by_agent": {"codex": 250}})
    );
    let hours = server.json("/api/v1/usage/hours?zone=UTC");
    assert_eq!(hours["cells"].as_array().unwrap().len(), 1);
    assert_eq!(
        server.json("/api/v1/usage/blocked")["total"]["needs_input_ms"],
        0
    );
    assert_eq!(server.json("/api/v1/filters")["tools"], json!(["Bash"]));
    assert_eq!(
        server.json("/api/v1/settings")["schema"],
        "agentmon.config.v1"
    );
    let price = server.json("/api/v1/prices?model=gpt-5.5");
    assert_eq!(price["models"].as_array().unwrap().len(), 1);
    let about = server.json("/api/v1/about");
    assert_eq!(
        (&about["writes"], about["epoch"].as_str().unwrap().len()),
        (&json!(true), 16)
    );
    assert_eq!(server.json("/api/v1/alerts")["rules"], json!([]));
}

#[test]
fn what_is_described_is_there() {
    let server = Running::new();
    let api = server.json("/api/v1/openapi.json");
    assert!(api["openapi"].as_str().unwrap().starts_with("3."));
    let paths = api["paths"].as_object().unwrap();
    assert!(paths.len() >= 8);
    for (path, methods) in paths {
        for method in methods.as_object().unwrap().keys() {
            let path = path.replace("{id}", "x").replace("{event}", "1");
            let answer = server.ask(&method.to_uppercase(), &path, &[], "");
            let is_there = answer.json()["error"] != "Not found" && answer.status != 405;
            assert!(is_there, "{method} {path}: {}", answer.text());
        }
    }
}

/// A call of a session that runs on a machine, as its telemetry tells it.
fn call_on(host: &str) -> String {
    r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"my-agent"}},
        {"key":"host.name","value":{"stringValue":"HOST"}}]},
        "scopeSpans":[{"spans":[{"name":"chat m-1","traceId":"t-HOST","spanId":"s1",
          "startTimeUnixNano":"1795251419000000000","endTimeUnixNano":"1795251420500000000",
          "attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},
            {"key":"gen_ai.conversation.id","value":{"stringValue":"on-HOST"}},
            {"key":"gen_ai.request.model","value":{"stringValue":"m-1"}},
            {"key":"gen_ai.usage.input_tokens","value":{"intValue":"100"}},
            {"key":"gen_ai.usage.output_tokens","value":{"intValue":"20"}}]}]}]}]}"#
        .replace("HOST", host)
}

#[test]
fn sessions_and_usage_are_told_by_machine() {
    let server = Running::new();
    for host in ["desk", "build-7"] {
        assert_eq!(server.post("/v1/traces", &call_on(host)).status, 200);
    }
    let event = r#"{"session_id":"somewhere","agent_type":"codex","event_type":"user_prompt"}"#;
    assert_eq!(server.post("/api/events", event).status, 201);
    let hosts = |path: &str| -> Vec<Value> {
        let answer = server.json(path);
        let sessions = answer["sessions"].as_array().unwrap().iter();
        let mut hosts: Vec<Value> = sessions.map(|session| session["host"].clone()).collect();
        hosts.sort_by_key(Value::to_string);
        hosts
    };
    assert_eq!(
        hosts("/api/v1/sessions"),
        [json!("build-7"), json!("desk"), Value::Null]
    );
    assert_eq!(
        hosts("/api/v1/sessions?host=desk,build-7"),
        [json!("build-7"), json!("desk")]
    );
    assert_eq!(
        hosts("/api/v1/board?host=desk&since=2026-01-01"),
        [json!("desk")]
    );
    let events = server.json("/api/v1/events?host=desk")["events"].clone();
    assert_eq!(events[0]["native_id"], "on-desk");
    assert_eq!(
        server.json("/api/v1/filters")["hosts"],
        json!(["build-7", "desk"])
    );
    let usage = server.json("/api/v1/usage?report=monthly&by=host");
    let rows: Vec<_> = usage["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["host"].clone(), row["total_tokens"].clone()))
        .collect();
    assert_eq!(
        rows,
        [(json!("build-7"), json!(120)), (json!("desk"), json!(120))]
    );
    let usage = server.json("/api/v1/usage?report=monthly&by=none&host=desk");
    assert_eq!(usage["totals"]["total_tokens"], 120);
}
