//! Cases: a list of signs with times, and the verdict after each.

use agentmon_core::model::{AgentKind, SessionKey, SessionPatch, Timestamp};
use agentmon_core::session::{
    Change, Evidence, EvidenceSource, Input, Reason, Session, Signal, State, StatePolicy, classify,
};
use serde::Deserialize;

use super::{Expect, at, corpus};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default = "claude_code")]
    agent: String,
    steps: Vec<toml::Table>,
}

fn claude_code() -> String {
    "claude_code".into()
}

/// One step: what comes in, and what is true after it.
#[derive(Debug)]
struct Step {
    t: f64,
    /// When it arrives, if later than it was true.
    arrives: f64,
    what: What,
    expect: Expect,
}

#[derive(Debug)]
enum What {
    Evidence(Evidence),
    Facts(Box<SessionPatch>),
    Child {
        key: SessionKey,
        state: State,
        reason: Reason,
        since: Timestamp,
        detail: Option<String>,
    },
    Tick,
}

impl Step {
    fn read(mut table: toml::Table, key: &SessionKey) -> Self {
        let mut number = |name: &str| {
            table.remove(name).map(|value| match value {
                toml::Value::Integer(whole) => whole as f64,
                toml::Value::Float(real) => real,
                other => panic!("{name}: {other}"),
            })
        };
        let t = number("t").expect("every step has a time t");
        let arrives = number("arrives").unwrap_or(t);
        let child_since = number("child_since").unwrap_or(t);
        let facts = number("active_at");
        let mut expected = toml::Table::new();
        for name in [
            "is",
            "since",
            "liveness",
            "confidence",
            "shows",
            "deadline",
            "blocked",
        ] {
            if let Some(value) = table.remove(name) {
                expected.insert(name.into(), value);
            }
        }
        let expect = expected.try_into().unwrap();
        let what = if let Some(child) = table.remove("child") {
            let mut text = |name| {
                table
                    .remove(name)
                    .map(|text| text.as_str().unwrap().to_owned())
            };
            What::Child {
                key: SessionKey::new(
                    key.agent.clone(),
                    format!("{}/{}", key.native_id, child.as_str().unwrap()),
                ),
                state: State::parse(&text("state").unwrap()).unwrap(),
                reason: Reason::parse(&text("reason").unwrap()),
                since: at(child_since),
                detail: text("asks"),
            }
        } else if let Some(active_at) = facts {
            let mut patch = SessionPatch::new(key.clone());
            patch.touch(at(active_at));
            What::Facts(Box::new(patch))
        } else if table.is_empty() {
            What::Tick
        } else {
            What::Evidence(evidence(t, &mut table))
        };
        assert!(table.is_empty(), "not understood at {t}: {table}");
        Self {
            t,
            arrives,
            what,
            expect,
        }
    }
}

/// Reads `hook = "tool_started"` and the signal's fields beside it. Times in fields are seconds.
fn evidence(t: f64, table: &mut toml::Table) -> Evidence {
    let (source, signal) = table
        .iter()
        .find_map(|(name, value)| {
            let source: EvidenceSource = toml::Value::String(name.clone()).try_into().ok()?;
            Some((source, value.as_str()?.to_owned()))
        })
        .expect("a step names its source");
    let mut fields = std::mem::take(table);
    fields.remove(source.as_str());
    for name in ["resets_at", "scheduled"] {
        if let Some(value) = fields.get_mut(name) {
            let seconds = value
                .as_float()
                .or(value.as_integer().map(|whole| whole as f64));
            *value = toml::Value::Integer(at(seconds.unwrap()).0);
        }
    }
    if signal == "turn_ended" && !fields.contains_key("background") {
        fields.insert("background".into(), toml::Value::Integer(0));
    }
    fields.insert("signal".into(), toml::Value::String(signal));
    let signal: Signal = toml::Value::Table(fields.clone())
        .try_into()
        .unwrap_or_else(|error| panic!("{fields}: {error}"));
    Evidence {
        at: at(t),
        source,
        signal,
    }
}

#[test]
fn cases() {
    let policy = StatePolicy::default();
    let (mut count, mut failures) = (0, Vec::new());
    for (file, text) in corpus("") {
        let cases: File = toml::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        for case in cases.case {
            count += 1;
            let key = SessionKey::new(AgentKind::from(case.agent.as_str()), "s");
            let steps: Vec<Step> = case
                .steps
                .into_iter()
                .map(|step| Step::read(step, &key))
                .collect();
            let found = check(&key, &steps, &policy);
            failures.extend(
                found
                    .into_iter()
                    .map(|found| format!("{file}: {}: {found}", case.name)),
            );
        }
    }
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
    assert!(count >= 60, "only {count} cases: is the corpus there?");
}

/// Runs one case; returns what differs.
fn check(key: &SessionKey, steps: &[Step], policy: &StatePolicy) -> Vec<String> {
    let mut found = Vec::new();
    let mut session = Session::new(key.clone());
    let mut now = at(0.0);
    for step in steps {
        now = at(step.arrives).max(if matches!(step.what, What::Tick) {
            Timestamp(0)
        } else {
            now
        });
        let mut out = Vec::new();
        apply(&mut session, step, now, policy, &mut out);
        // What the store does after every input.
        let body = serde_json::to_string(&session).unwrap();
        let stored: Session = serde_json::from_str(&body).unwrap();
        if stored != session {
            found.push(format!("at {}: it changes when it is stored", step.t));
        }
        session = stored;
        let differs = step.expect.differs(&session, now);
        found.extend(
            differs
                .into_iter()
                .map(|differs| format!("at {}: {differs}", step.t)),
        );
        if matches!(step.what, What::Evidence(_) | What::Child { .. }) {
            let (mut again, before) = (Vec::new(), session.clone());
            apply(&mut session, step, now, policy, &mut again);
            if session != before || !again.is_empty() {
                found.push(format!(
                    "at {}: the same once more changes {again:?}",
                    step.t
                ));
            }
        }
    }
    // What is dated ahead is dated by its arrival, so there the order counts.
    let orderly = steps
        .iter()
        .all(|step| matches!(step.what, What::Evidence(_) | What::Tick) && step.t <= step.arrives);
    if orderly && steps.len() <= 30 {
        session.apply(Input::Tick, now, policy, &mut Vec::new());
        found.extend(any_order(key, steps, now, &session, policy));
    }
    found
}

fn apply(
    session: &mut Session,
    step: &Step,
    now: Timestamp,
    policy: &StatePolicy,
    out: &mut Vec<Change>,
) {
    let input = match &step.what {
        What::Evidence(evidence) => Input::Evidence(evidence),
        What::Facts(facts) => Input::Facts(facts),
        What::Child {
            key,
            state,
            reason,
            since,
            detail,
        } => Input::Child {
            key,
            state: *state,
            reason,
            since: *since,
            at: at(step.t),
            detail: detail.as_deref(),
        },
        What::Tick => Input::Tick,
    };
    session.apply(input, now, policy, out);
}

/// The same evidence in other orders, and all at once, leads to the same verdict.
fn any_order(
    key: &SessionKey,
    steps: &[Step],
    now: Timestamp,
    session: &Session,
    policy: &StatePolicy,
) -> Vec<String> {
    let mut evidence: Vec<Evidence> = steps
        .iter()
        .filter_map(|step| match &step.what {
            What::Evidence(evidence) => Some(evidence.clone()),
            _ => None,
        })
        .collect();
    let mut found = Vec::new();
    let at_once = classify(&key.agent, &evidence, now, policy);
    if at_once != session.verdict {
        found.push(format!(
            "all at once: {at_once:?}\n  one by one: {:?}",
            session.verdict
        ));
    }
    let shuffles = evidence.len().min(6);
    for shuffle in 0..=shuffles {
        match shuffle {
            0 => evidence.reverse(),
            _ => {
                let middle = evidence.len() / 2;
                evidence.rotate_left(shuffle);
                evidence[middle..].reverse();
            }
        }
        let mut other = Session::new(key.clone());
        for evidence in &evidence {
            other.apply(Input::Evidence(evidence), now, policy, &mut Vec::new());
        }
        other.apply(Input::Tick, now, policy, &mut Vec::new());
        if other.verdict != session.verdict {
            found.push(format!(
                "in another order: {:?}\n  in order: {:?}",
                other.verdict, session.verdict
            ));
            break;
        }
    }
    found
}
