//! What others send: stored once, acknowledged when committed, shown in the events API's terms.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use agentmon_core::Monitor;
use agentmon_core::clock::ManualClock;
use agentmon_core::config::Config;
use agentmon_core::ingest::events_api::read_batch;
use agentmon_core::ingest::{Delivery, Receipt};
use agentmon_core::model::{AgentKind, EventStatus, NanoUsd, Span, Timestamp};
use agentmon_core::query::{FeedFilter, FeedSessionFilter, StatsFilter, ToolFilter};
use agentmon_core::session::State;
use agentmon_core::source::Env;

const TIMEOUT: Span = Span::from_mins(5);

struct Fixture {
    _dir: tempfile::TempDir,
    clock: ManualClock,
    monitor: Monitor,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::parse("2026-11-21T10:00:00.250Z").unwrap());
        let env = Env::at(dir.path());
        let monitor = Monitor::builder()
            .config(Config::defaults(&env))
            .env(env)
            .data_dir(dir.path().join("data"))
            .clock(clock.clone())
            .open()
            .unwrap();
        Self {
            _dir: dir,
            clock,
            monitor,
        }
    }

    fn post(&self, events: &str) -> Receipt {
        let body = format!("{{\"events\":[{events}]}}");
        let batch = read_batch(body.as_bytes(), 10 * 1024).unwrap();
        assert!(batch.rejected.is_empty(), "{:?}", batch.rejected);
        self.monitor
            .ingest_blocking(Delivery::Posted(batch.events))
            .unwrap()
    }

    fn feed(&self, filter: FeedFilter) -> (Vec<i64>, u64) {
        let page = self
            .monitor
            .feed(&FeedFilter {
                limit: 50,
                ..filter
            })
            .unwrap();
        let ids = page.events.iter().map(|row| row.id).collect();
        (ids, page.total)
    }

    fn status(&self, id: &str) -> &'static str {
        let filter = FeedSessionFilter {
            id: Some(id.into()),
            limit: 10,
            ..FeedSessionFilter::default()
        };
        let sessions = self.monitor.feed_sessions(&filter, TIMEOUT).unwrap();
        assert_eq!(sessions.total, 1);
        sessions.sessions[0].status
    }
}

#[test]
fn percentiles_of_tool_times_follow_the_filter() {
    let f = Fixture::new();
    let event = |session: &str, ms: u64| {
        let agent = if session == "s1" {
            "codex"
        } else {
            "claude_code"
        };
        format!(
            r#"{{"session_id":"{session}","agent_type":"{agent}","event_type":"tool_use","tool_name":"Bash","duration_ms":{ms}}}"#
        )
    };
    let slow = (1..=100).map(|step| event("s1", step * 1000));
    let fast = (1..=20).map(|step| event("s2", step));
    let events: Vec<String> = slow.chain(fast).collect();
    f.post(&events.join(","));
    let told = |filter: &ToolFilter| {
        let tools = f.monitor.tool_usage(filter).unwrap();
        let tool = tools.first()?;
        let times = [50, 95].map(|percent| tool.times.percentile(percent));
        Some((
            tool.timed,
            tool.mean_ms()?,
            times[0]?,
            times[1]?,
            tool.times.longest()?,
        ))
    };
    let all = ToolFilter::default();
    assert_eq!(told(&all), Some((120, 42_085, 40_000, 95_000, 100_000)));
    let of_session = ToolFilter {
        sessions: vec!["s2".into()],
        ..ToolFilter::default()
    };
    assert_eq!(told(&of_session), Some((20, 10, 10, 19, 20)));
    let of_agent = ToolFilter {
        agents: vec![AgentKind::Codex],
        ..ToolFilter::default()
    };
    assert_eq!(
        told(&of_agent),
        Some((100, 50_500, 50_000, 95_000, 100_000))
    );
    let later = ToolFilter {
        since: Timestamp::parse("2027-01-01T00:00:00Z"),
        ..ToolFilter::default()
    };
    assert_eq!(told(&later), None);
}

const EVENTS: &str = r#"
    {"event_id":"a","session_id":"s1","agent_type":"codex","event_type":"session_start","project":"app","branch":"main"},
    {"session_id":"s1","agent_type":"codex","event_type":"user_prompt","metadata":{"message":"Fix the build"}},
    {"session_id":"s1","agent_type":"codex","event_type":"tool_use","tool_name":"Edit","duration_ms":30,
     "metadata":{"file_path":"/app/x","lines_added":3,"lines_removed":1}},
    {"session_id":"s1","agent_type":"codex","event_type":"tool_use","tool_name":"Edit","duration_ms":10,"status":"error",
     "metadata":{"file_path":"/app/x"}},
    {"event_id":"a","session_id":"s1","agent_type":"codex","event_type":"error"},
    {"session_id":"s1","agent_type":"codex","event_type":"llm_response","model":"gpt-5.5","tokens_in":100,"tokens_out":7,
     "cache_read_tokens":5,"cost_usd":7.77,"source":"hook"},
    {"session_id":"s2","agent_type":"claude_code","event_type":"session_end"}"#;

#[test]
fn events_are_stored_once_and_told_in_the_contracts_terms() {
    let f = Fixture::new();
    let receipt = f.post(EVENTS);
    assert_eq!(receipt.duplicates, 1);
    assert_eq!(receipt.ids, [1, 2, 3, 4, 5, 6]);
    let again = f.post(
        r#"{"event_id":"a","session_id":"s1","agent_type":"codex","event_type":"session_start"}"#,
    );
    assert_eq!((again.ids.len(), again.duplicates), (0, 1));

    let page = f
        .monitor
        .feed(&FeedFilter {
            limit: 50,
            ..FeedFilter::default()
        })
        .unwrap();
    let ids: Vec<i64> = page.events.iter().map(|row| row.id).collect();
    assert_eq!((ids, page.total), (vec![6, 5, 4, 3, 2, 1], 6));
    let call = &page.events[1];
    assert_eq!((call.usage.input, call.usage.cache_read), (100, 5));
    assert_eq!(call.cost, Some(NanoUsd(7_770_000_000)));
    assert_eq!(
        (call.model.as_deref(), call.source.as_deref()),
        (Some("gpt-5.5"), Some("hook"))
    );
    assert_eq!(call.project.as_deref(), Some("app"));
    assert_eq!(page.events[2].status, EventStatus::Error);
    let word = |word: &str| Some(word.into());
    for (filter, expected) in [
        (
            FeedFilter {
                tool: word("Edit"),
                ..FeedFilter::default()
            },
            (vec![4, 3], 2),
        ),
        (
            FeedFilter {
                agent: word("claude_code"),
                ..FeedFilter::default()
            },
            (vec![6], 1),
        ),
        (
            FeedFilter {
                session: word("s1"),
                offset: 3,
                ..FeedFilter::default()
            },
            (vec![2, 1], 5),
        ),
        (
            FeedFilter {
                branch: word("main"),
                agent: word("codex"),
                ..FeedFilter::default()
            },
            (vec![5, 4, 3, 2, 1], 5),
        ),
        (
            FeedFilter {
                model: word("gpt-5.5"),
                ..FeedFilter::default()
            },
            (vec![5], 1),
        ),
        (
            FeedFilter {
                source: word("api"),
                ..FeedFilter::default()
            },
            (vec![6, 4, 3, 2, 1], 5),
        ),
        (
            FeedFilter {
                since: Timestamp::parse("2026-11-21T10:00:01Z"),
                ..FeedFilter::default()
            },
            (vec![], 0),
        ),
    ] {
        assert_eq!(f.feed(filter.clone()), expected, "{filter:?}");
    }

    let filter = FeedSessionFilter {
        limit: 10,
        ..FeedSessionFilter::default()
    };
    let sessions = f.monitor.feed_sessions(&filter, TIMEOUT).unwrap();
    let s1 = &sessions.sessions[0];
    assert_eq!(
        (&*s1.key.native_id, s1.status, s1.events),
        ("s1", "active", 5)
    );
    assert_eq!(
        (s1.files_edited, s1.lines_added, s1.lines_removed),
        (1, 3, 1)
    );
    assert_eq!((s1.usage.output, s1.cost), (7, NanoUsd(7_770_000_000)));
    assert_eq!(
        (s1.project.as_deref(), s1.branch.as_deref()),
        (Some("app"), Some("main"))
    );

    let stats = f
        .monitor
        .feed_stats(&StatsFilter::default(), TIMEOUT)
        .unwrap();
    assert_eq!(
        (stats.events, stats.sessions, stats.active_sessions),
        (6, 2, 1)
    );
    assert_eq!(stats.tools, [("Edit".into(), 2)]);
    assert_eq!(stats.branches, ["main".into()]);
    let tools = f.monitor.tool_totals(&StatsFilter::default()).unwrap();
    assert_eq!(
        (tools[0].calls, tools[0].errors, tools[0].mean_ms),
        (2, 1, Some(20))
    );
    let cost = f.monitor.cost_report(&StatsFilter::default(), 10).unwrap();
    assert_eq!((cost.hours.len(), cost.hours[0].events), (1, 6));
    assert_eq!(cost.projects[0].project.as_deref(), Some("app"));
    let options = f.monitor.filter_options().unwrap();
    assert_eq!(options.sources, ["api".into(), "hook".into()]);
    assert_eq!(options.branches, [(Some("app".into()), "main".into())]);

    // What every other question shows of it.
    let detail = f.monitor.session("s1").unwrap();
    assert_eq!(detail.session.state, State::Working);
    assert_eq!(detail.session.title.as_deref(), Some("Fix the build"));
    assert_eq!(detail.timeline.len(), 5);
    assert!(f.monitor.db_check().unwrap().problems.is_empty());
}

#[test]
fn a_tool_that_was_used_means_that_the_turn_goes_on() {
    let f = Fixture::new();
    let post = |kind: &str| {
        f.clock.advance(Span::from_secs(10));
        f.post(&format!(
            r#"{{"session_id":"s","agent_type":"my_agent","event_type":"{kind}"}}"#
        ));
        f.monitor.session("s").unwrap().session.state
    };
    // An answer alone may be the last word of a turn that nobody saw begin.
    assert_eq!(post("llm_response"), State::Idle);
    assert_eq!(post("tool_use"), State::Working);
    assert_eq!(post("llm_response"), State::Working);
    assert_eq!(post("session_end"), State::Completed);
    for kind in [
        "tool_use",
        "file_change",
        "git_commit",
        "plan_step",
        "llm_request",
    ] {
        assert_eq!(post(kind), State::Working, "{kind}");
        assert_eq!(post("session_end"), State::Completed);
    }
}

#[test]
fn sessions_go_by_the_contracts_clock() {
    let f = Fixture::new();
    f.post(EVENTS);
    assert_eq!((f.status("s1"), f.status("s2")), ("active", "idle"));
    f.clock.advance(Span::from_mins(6));
    assert_eq!(f.status("s1"), "idle");
    f.post(r#"{"session_id":"s1","agent_type":"codex","event_type":"session_end"}"#);
    f.clock.advance(Span::from_mins(5));
    assert_eq!((f.status("s1"), f.status("s2")), ("ended", "ended"));
    f.post(r#"{"session_id":"s1","agent_type":"codex","event_type":"user_prompt"}"#);
    assert_eq!(f.status("s1"), "active");

    // Statistics since a time are exact, also within a quarter of an hour.
    let since = |text: &str| StatsFilter {
        since: Timestamp::parse(text),
        ..StatsFilter::default()
    };
    let events = |filter| f.monitor.feed_stats(&filter, TIMEOUT).unwrap().events;
    assert_eq!(events(since("2026-11-21T10:00:01Z")), 2);
    assert_eq!(events(since("2026-11-21T10:07:00Z")), 1);
    assert_eq!(events(since("2026-11-21T10:00:00Z")), 8);
}

#[test]
fn many_at_once_share_commits_and_each_gets_its_own_answer() {
    let f = Fixture::new();
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let monitor = f.monitor.clone();
            std::thread::spawn(move || {
                for number in 0..50 {
                    // Every id is posted by two threads.
                    let id = format!("{}-{number}", thread / 2);
                    let body = format!(
                        r#"{{"events":[{{"event_id":"{id}","session_id":"s{thread}","agent_type":"a","event_type":"response","tokens_out":1}},
                            {{"session_id":"s{thread}","agent_type":"a","event_type":"response","tokens_out":1}}]}}"#
                    );
                    let batch = read_batch(body.as_bytes(), 1024).unwrap();
                    let receipt = monitor.ingest_blocking(Delivery::Posted(batch.events)).unwrap();
                    assert_eq!(receipt.ids.len() as u64 + receipt.duplicates, 2);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let stats = f
        .monitor
        .feed_stats(&StatsFilter::default(), TIMEOUT)
        .unwrap();
    assert_eq!(
        (stats.events, stats.usage.output),
        (4 * 50 + 8 * 50, 4 * 50 + 8 * 50)
    );
    assert_eq!(*f.monitor.committed().borrow(), 600);
    let rows = f.monitor.feed_after(590, 100).unwrap();
    assert_eq!(
        rows.iter().map(|row| row.id).collect::<Vec<_>>(),
        (591..=600).collect::<Vec<_>>()
    );
    assert!(f.monitor.db_check().unwrap().problems.is_empty());
}
