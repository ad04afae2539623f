//! The events API: every route, its statuses and bodies.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use common::Running;
use serde_json::{Value, json};

const EVENT: &str = r#"{"session_id":"s1","agent_type":"codex","event_type":"tool_use","tool_name":"Bash","duration_ms":12,
    "event_id":"e1","project":"app","branch":"main","client_timestamp":"2026-11-21T10:00:00+02:00","metadata":{"command":"ls <b>"}}"#;

#[test]
fn one_event_is_created_known_or_refused() {
    let server = Running::new();
    let created = server.post("/api/events", EVENT).told();
    assert_eq!(
        created,
        (201, json!({"received":1,"ids":[1],"duplicates":0}))
    );
    let known = server.post("/api/events", EVENT).told();
    assert_eq!(known, (200, json!({"received":0,"ids":[],"duplicates":1})));
    let refused = server.post(
        "/api/events",
        r#"{"session_id":"","agent_type":"a","event_type":"x"}"#,
    );
    let (status, body) = refused.told();
    assert_eq!(status, 400);
    assert_eq!(body["error"], "Invalid event payload");
    assert_eq!(
        body["details"][0],
        json!({"field":"session_id","message":"must be a non-empty string"})
    );
    assert_eq!(body["details"].as_array().unwrap().len(), 2);
    let broken = server.post("/api/events", "{nonsense").told();
    let expected = json!({"error":"Invalid event payload","details":[{"field":"body","message":"must be a JSON object"}]});
    assert_eq!(broken, (400, expected));
    // Clients without a web page behind them may send JSON as text.
    let text = server.ask(
        "POST",
        "/api/events",
        &[("content-type", "text/plain")],
        EVENT,
    );
    assert_eq!(text.status, 200);

    let page = server.json("/api/events");
    let row = &page["events"][0];
    let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 22, "{keys:?}");
    let expected = [
        ("id", json!(1)),
        ("event_id", json!("e1")),
        ("schema_version", json!(1)),
        ("session_id", json!("s1")),
        ("agent_type", json!("codex")),
        ("event_type", json!("tool_use")),
        ("tool_name", json!("Bash")),
        ("status", json!("success")),
        ("tokens_in", json!(0)),
        ("branch", json!("main")),
        ("project", json!("app")),
        ("duration_ms", json!(12)),
        ("client_timestamp", json!("2026-11-21T08:00:00.000Z")),
        ("metadata", json!(r#"{"command":"ls <b>"}"#)),
        ("payload_truncated", json!(0)),
        ("model", Value::Null),
        ("cost_usd", Value::Null),
        ("source", json!("api")),
    ];
    for (field, value) in expected {
        assert_eq!(row[field], value, "{field}");
    }
    let created = row["created_at"].as_str().unwrap();
    assert_eq!((created.len(), &created[10..11]), (19, " "));
}

#[test]
fn a_batch_keeps_what_is_good() {
    let server = Running::new();
    let body = format!(r#"{{"events":[{EVENT},{{"session_id":1}},{EVENT}]}}"#);
    let (status, answer) = server.post("/api/events/batch", &body).told();
    assert_eq!(status, 201);
    assert_eq!(
        (&answer["received"], &answer["duplicates"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(answer["rejected"][0]["index"], 1);
    assert_eq!(
        answer["rejected"][0]["errors"][0],
        "session_id: must be a string"
    );
    let (status, answer) = server.post("/api/events/batch", r#"{"events":[7]}"#).told();
    assert_eq!((status, &answer["received"]), (201, &json!(0)));
    for body in ["[]", "{}", "x", ""] {
        let answer = server.post("/api/events/batch", body).told();
        assert_eq!(
            answer,
            (400, json!({"error":"Expected { events: [...] }"})),
            "{body}"
        );
    }
}

#[test]
fn metadata_that_is_too_large_is_shortened() {
    let server = Running::new();
    let long = "é".repeat(20_000);
    let body = format!(
        r#"{{"session_id":"s","agent_type":"a","event_type":"tool_use","metadata":{{"command":"{long}","blob":"{long}"}}}}"#
    );
    assert_eq!(server.post("/api/events", &body).status, 201);
    let page = server.json("/api/events");
    let row = &page["events"][0];
    assert_eq!(row["payload_truncated"], 1);
    let metadata = row["metadata"].as_str().unwrap();
    assert!(metadata.len() <= 10 * 1024);
    let metadata: Value = serde_json::from_str(metadata).unwrap();
    assert_eq!(metadata["_truncated"], true);
    assert!(metadata["_original_bytes"].as_u64().unwrap() > 80_000);
    assert!(metadata["command"].as_str().unwrap().len() > 9_000);
}

#[test]
fn ten_thousand_rows_are_paged_without_a_gap() {
    let server = Running::new();
    for batch in 0..20 {
        let events: Vec<String> = (0..500)
            .map(|number| {
                format!(
                    r#"{{"session_id":"s{}","agent_type":"codex","event_type":"response","event_id":"{batch}-{number}"}}"#,
                    number % 7
                )
            })
            .collect();
        let body = format!(r#"{{"events":[{}]}}"#, events.join(","));
        assert_eq!(server.post("/api/events/batch", &body).status, 201);
    }
    let mut ids = Vec::new();
    for page in 0.. {
        let page = server.json(&format!("/api/events?limit=1000&offset={}", page * 1000));
        assert_eq!(page["total"], 10_000);
        let rows = page["events"].as_array().unwrap();
        if rows.is_empty() {
            break;
        }
        ids.extend(rows.iter().map(|row| row["id"].as_i64().unwrap()));
    }
    assert_eq!(ids, (1..=10_000).rev().collect::<Vec<_>>());
    let limited = |query: &str| {
        server.json(&format!("/api/events{query}"))["events"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(
        (limited(""), limited("?limit=-1"), limited("?limit=99999")),
        (50, 1, 1000)
    );
    assert_eq!(server.json("/api/stats")["total_events"], 10_000);
    let sessions = server.json("/api/sessions?limit=3");
    assert_eq!(
        (
            sessions["sessions"].as_array().unwrap().len(),
            &sessions["total"]
        ),
        (3, &json!(7))
    );
}

#[test]
fn sessions_statistics_and_options_are_told() {
    let server = Running::new();
    server.post("/api/events", EVENT);
    let more = r#"{"events":[
        {"session_id":"s1","agent_type":"codex","event_type":"llm_response","model":"gpt-5.5","tokens_in":1000,"tokens_out":50,
         "cost_usd":1.25,"source":"hook"},
        {"session_id":"s1","agent_type":"codex","event_type":"user_prompt","metadata":{"message":"go on"}},
        {"session_id":"a/b:c","agent_type":"openclaw","event_type":"session_start"},
        {"session_id":"s3","agent_type":"gemini","event_type":"session_end"}]}"#;
    assert_eq!(server.post("/api/events/batch", more).status, 201);

    let sessions = server.json("/api/sessions");
    assert_eq!(sessions["total"], 3);
    let session = sessions["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["id"] == "s1")
        .unwrap();
    assert_eq!(session.as_object().unwrap().len(), 17);
    assert_eq!(
        (
            &session["agent_id"],
            &session["status"],
            &session["event_count"],
            &session["total_cost_usd"]
        ),
        (
            &json!("codex-default"),
            &json!("active"),
            &json!(3),
            &json!(1.25)
        )
    );
    let count = |query: &str| server.json(&format!("/api/sessions?{query}"))["total"].clone();
    assert_eq!(count("status=active"), 2);
    assert_eq!(count("exclude_status=ended"), 2);
    assert_eq!(count("agent_type=gemini"), 1);
    assert_eq!(count("since=2030-01-01"), 0);
    assert_eq!(server.get("/api/sessions?since=soon").status, 400);

    let one = server.json("/api/sessions/s1?event_limit=2");
    assert_eq!(
        (
            &one["session"]["id"],
            one["events"].as_array().unwrap().len()
        ),
        (&json!("s1"), 2)
    );
    assert_eq!(
        server.json("/api/sessions/a%2Fb%3Ac")["session"]["agent_type"],
        "openclaw"
    );
    let missing = server.get("/api/sessions/nobody").told();
    assert_eq!(missing, (404, json!({"error":"Session not found"})));
    let transcript = server.json("/api/sessions/s1/transcript");
    let entries = transcript["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 3);
    assert_eq!(
        (&entries[0]["role"], &entries[0]["timestamp"]),
        (&json!("tool"), &json!("2026-11-21T08:00:00.000Z"))
    );
    assert_eq!(
        (&entries[2]["role"], &entries[2]["detail"]),
        (&json!("user"), &json!("go on"))
    );
    assert!(entries[2].get("status").is_none());
    let missing = server.get("/api/sessions/nobody/transcript").told();
    assert_eq!(
        missing,
        (404, json!({"error":"No transcript data for this session"}))
    );

    let stats = server.json("/api/stats");
    for (field, value) in [
        ("total_events", json!(5)),
        ("total_sessions", json!(3)),
        ("active_sessions", json!(2)),
        ("live_sessions", json!(2)),
        ("active_agents", json!(2)),
        ("total_tokens_in", json!(1000)),
        ("total_tokens_out", json!(50)),
        ("total_cost_usd", json!(1.25)),
        ("tool_breakdown", json!({"Bash":1})),
        ("model_breakdown", json!({"gpt-5.5":1})),
        ("branches", json!(["main"])),
    ] {
        assert_eq!(stats[field], value, "{field}");
    }
    assert_eq!(stats["usage_monitor"], stats["quota_monitor"]);
    assert_eq!(
        server.json("/api/stats?agent_type=gemini")["total_events"],
        1
    );
    let tools = server.json("/api/stats/tools");
    assert_eq!(
        tools["tools"][0],
        json!({"tool_name":"Bash","total_calls":1,"error_count":0,"error_rate":0.0,"avg_duration_ms":12,"by_agent":{"codex":1}})
    );
    let cost = server.json("/api/stats/cost");
    let bucket = cost["timeline"][0]["bucket"].as_str().unwrap();
    assert!(
        bucket.ends_with(":00:00Z") && bucket.len() == 20,
        "{bucket}"
    );
    assert_eq!(
        cost["by_project"][0],
        json!({"project":"app","cost_usd":1.25,"session_count":1,"event_count":3})
    );
    assert_eq!(
        cost["by_model"][0],
        json!({"model":"gpt-5.5","cost_usd":1.25,"event_count":1,"tokens_in":1000,"tokens_out":50})
    );
    let options = server.json("/api/filter-options");
    assert_eq!(
        options["agent_types"],
        json!(["codex", "gemini", "openclaw"])
    );
    assert_eq!(
        options["branches"],
        json!([{"value":"main","label":"app / main"}])
    );
    assert_eq!(options["sources"], json!(["api", "hook"]));

    let accepted = server.post(
        "/api/provider-quotas/claude/statusline",
        r#"{"rate_limits":{"five_hour":{"used_percentage":40,"resets_at":4102444800}}}"#,
    );
    assert_eq!(accepted.told(), (202, json!({"accepted":true})));
    let empty = server
        .post("/api/provider-quotas/claude/statusline", "{}")
        .told();
    assert_eq!(
        empty,
        (
            202,
            json!({"accepted":false,"reason":"missing rate_limits payload"})
        )
    );
    let quotas = server.json("/api/provider-quotas");
    assert_eq!(
        (&quotas[0]["provider"], &quotas[0]["status"]),
        (&json!("claude"), &json!("available"))
    );
    assert_eq!(quotas[0]["primary"]["remaining_percent"], 60.0);
    assert_eq!(quotas[1]["status"], "unavailable");
    assert_eq!(server.json("/api/stats/usage-monitor"), quotas);

    let health = server.json("/api/health");
    assert_eq!(
        (&health["status"], &health["sse_clients"]),
        (&json!("ok"), &json!(0))
    );
    assert!(health["db_size_bytes"].as_u64().unwrap() > 0);
    let metrics = server.get("/metrics");
    assert!(
        metrics
            .text()
            .contains("\nagentmon_ingest_events_total 5\n"),
        "{}",
        metrics.text()
    );
}

#[test]
fn the_page_shows_hostile_text_as_text() {
    let server = Running::new();
    let hostile = "<script>alert(1)</script>&\\\"'";
    let body = format!(
        r#"{{"session_id":"{hostile}","agent_type":"{hostile}","event_type":"user_prompt","project":"{hostile}",
            "metadata":{{"message":"{hostile}"}}}}"#
    );
    assert_eq!(server.post("/api/events", &body).status, 201);
    let page = server.get("/plain");
    assert_eq!(page.status, 200);
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .starts_with("default-src 'none'")
    );
    let text = page.text();
    assert!(!text.contains("<script"), "{text}");
    assert!(
        text.matches("&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;")
            .count()
            >= 3,
        "{text}"
    );
}
