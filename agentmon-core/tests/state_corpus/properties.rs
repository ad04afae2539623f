//! What holds for any evidence, however odd.

use agentmon_core::model::{AgentKind, SessionKey, Timestamp};
use agentmon_core::session::{
    Ask, Evidence, EvidenceSource, Input, LiveStatus, Session, Signal, State, StatePolicy, classify,
};
use proptest::prelude::*;

use super::at;

fn text() -> impl Strategy<Value = Box<str>> {
    prop_oneof![
        8 => prop::sample::select(vec!["a", "b", "c", "Bash", "Agent", "rate_limit", "compact", ""]).prop_map(Into::into),
        1 => "\\PC{0,40}".prop_map(|text: String| text.into()),
        1 => Just("x".repeat(100_000).into()),
    ]
}

fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        20 => (0_i64..900).prop_map(|half| at(half as f64 / 2.0)),
        1 => prop::sample::select(vec![i64::MIN, i64::MIN / 2, -1, 0, 1, i64::MAX / 2, i64::MAX]).prop_map(Timestamp),
    ]
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        prop::option::of(text()).prop_map(|tool| Ask::Permission { tool }),
        Just(Ask::Question),
        Just(Ask::Plan),
        Just(Ask::Elicitation),
        Just(Ask::Dialog),
    ]
}

fn signal() -> impl Strategy<Value = Signal> {
    use Signal as S;
    let plain = prop::sample::select(vec![
        S::PromptSubmitted,
        S::ModelActive,
        S::Compacting,
        S::Compacted,
        S::WakeSet,
        S::Interrupted,
        S::Aborted,
        S::ProcessAlive,
        S::ProcessGone,
        S::Activity,
        S::Spawned,
        S::Covered,
        S::Seen,
    ]);
    let status = prop_oneof![
        Just(LiveStatus::Starting),
        Just(LiveStatus::Idle),
        Just(LiveStatus::Busy),
        Just(LiveStatus::Shell),
        ask().prop_map(LiveStatus::Waiting),
    ];
    prop_oneof![
        6 => plain,
        1 => text().prop_map(|how| S::SessionStarted { how }),
        2 => (text(), text(), prop::option::of(text()))
            .prop_map(|(call, tool, about)| S::ToolStarted { call, tool, about }),
        2 => text().prop_map(|call| S::ToolFinished { call }),
        1 => (any::<u32>(), prop::option::of(any::<u32>())).prop_map(|(attempt, max)| S::Retrying { attempt, max }),
        2 => (ask(), prop::option::of(text()), prop::option::of(text()))
            .prop_map(|(ask, detail, request)| S::NeedsInput { ask, detail, request }),
        1 => prop::option::of(text()).prop_map(|request| S::InputGiven { request }),
        2 => (0_u32..3, prop::option::of(time())).prop_map(|(background, scheduled)| S::TurnEnded { background, scheduled }),
        1 => (text(), prop::option::of(time())).prop_map(|(reason, resets_at)| S::Limited { reason, resets_at }),
        1 => (text(), prop::option::of(text())).prop_map(|(class, message)| S::TurnFailed { class, message }),
        1 => text().prop_map(|reason| S::SessionEnded { reason }),
        3 => (status, prop::option::of(text())).prop_map(|(status, detail)| S::Live { status, detail }),
        1 => any::<i32>().prop_map(|code| S::ProcessExited { code }),
        1 => text().prop_map(|id| S::SubagentStarted { id }),
        1 => text().prop_map(|id| S::SubagentFinished { id }),
        1 => any::<f64>().prop_map(|fraction| S::ContextUsed { fraction }),
        1 => text().prop_map(|reason| S::Queued { reason }),
        1 => text().prop_map(|reason| S::Terminated { reason }),
        1 => text().prop_map(|reason| S::Uncovered { reason }),
    ]
}

fn evidence() -> impl Strategy<Value = Evidence> {
    let source = prop::sample::select(vec![
        EvidenceSource::Control,
        EvidenceSource::LiveFile,
        EvidenceSource::Gateway,
        EvidenceSource::Hook,
        EvidenceSource::Transcript,
        EvidenceSource::Row,
        EvidenceSource::Otlp,
        EvidenceSource::Statusline,
        EvidenceSource::Screen,
        EvidenceSource::Process,
        EvidenceSource::Coverage,
    ]);
    (time(), source, signal()).prop_map(|(at, source, signal)| Evidence { at, source, signal })
}

fn agent() -> impl Strategy<Value = AgentKind> {
    prop::sample::select(vec![
        AgentKind::ClaudeCode,
        AgentKind::Codex,
        AgentKind::OpenClaw,
    ])
}

/// Later than all ordinary times of [`time`].
const LATER: f64 = 500.0;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_delivery_does_not_matter(
        (agent, ordered, shuffled) in (agent(), prop::collection::vec(evidence(), 0..24))
            .prop_flat_map(|(agent, list)| (Just(agent), Just(list.clone()), Just(list).prop_shuffle()))
    ) {
        let policy = StatePolicy::default();
        let now = at(LATER);
        let run = |list: &[Evidence]| {
            let mut session = Session::new(SessionKey::new(agent.clone(), "s"));
            for evidence in list {
                session.apply(Input::Evidence(evidence), now, &policy, &mut Vec::new());
                let before = session.clone();
                let mut again = Vec::new();
                session.apply(Input::Evidence(evidence), now, &policy, &mut again);
                prop_assert_eq!(&session, &before);
                prop_assert!(again.is_empty());
            }
            session.apply(Input::Tick, now, &policy, &mut Vec::new());
            Ok(session.verdict)
        };
        let verdict = run(&ordered)?;
        prop_assert_eq!(&verdict, &run(&shuffled)?);
        prop_assert_eq!(&verdict, &classify(&agent, &ordered, now, &policy));
    }

    #[test]
    fn any_flood_leaves_a_small_session_that_goes_on(
        agent in agent(),
        list in prop::collection::vec((evidence(), -300_i64..600), 0..300),
    ) {
        let policy = StatePolicy::default();
        let mut session = Session::new(SessionKey::new(agent, "s"));
        let mut now = at(0.0);
        for (evidence, step) in &list {
            // The clock goes forwards and backwards.
            now = Timestamp(now.0 + step * 1000);
            session.apply(Input::Evidence(evidence), now, &policy, &mut Vec::new());
            if step % 3 == 0 {
                session.apply(Input::Tick, now, &policy, &mut Vec::new());
                prop_assert!(session.next_deadline(&policy).is_none_or(|deadline| deadline > now));
            }
        }
        let body = serde_json::to_string(&session).unwrap();
        prop_assert!(body.len() < 64 * 1024, "{} bytes", body.len());
        let mut stored: Session = serde_json::from_str(&body).unwrap();
        prop_assert_eq!(&stored, &session);
        // Whatever came before: who starts afresh is seen to work.
        let later = |seconds: i64| Timestamp(now.0 + seconds * 1000);
        for (seconds, signal) in [(10, Signal::SessionStarted { how: "startup".into() }), (12, Signal::PromptSubmitted)] {
            let evidence = Evidence { at: later(seconds), source: EvidenceSource::Hook, signal };
            stored.apply(Input::Evidence(&evidence), later(seconds), &policy, &mut Vec::new());
        }
        prop_assert_eq!(stored.verdict.state, State::Working);
    }

    #[test]
    fn every_silence_ends(agent in agent(), list in prop::collection::vec(evidence(), 0..40)) {
        let policy = StatePolicy::default();
        let mut session = Session::new(SessionKey::new(agent, "s"));
        for evidence in &list {
            session.apply(Input::Evidence(evidence), at(LATER), &policy, &mut Vec::new());
        }
        session.apply(Input::Tick, at(LATER), &policy, &mut Vec::new());
        // Deadlines move on and run out.
        for _ in 0..24 {
            let Some(deadline) = session.next_deadline(&policy) else { return Ok(()) };
            session.apply(Input::Tick, deadline, &policy, &mut Vec::new());
            prop_assert!(session.next_deadline(&policy) > Some(deadline) || session.next_deadline(&policy).is_none());
        }
        prop_assert!(false, "still waits for {:?}", session.next_deadline(&policy));
    }
}

/// Signs were objects once, and the ids of calls that are over were kept as they are.
#[test]
fn sessions_of_earlier_versions_are_read() {
    let policy = StatePolicy::default();
    let mut session = Session::new(SessionKey::new(AgentKind::ClaudeCode, "s"));
    for second in 0..60 {
        let call = format!("call {second}").into();
        let evidence = Evidence {
            at: at(f64::from(second)),
            source: EvidenceSource::Hook,
            signal: match second % 3 {
                0 => Signal::ModelActive,
                _ => Signal::ToolFinished { call },
            },
        };
        let now = evidence.at;
        session.apply(Input::Evidence(&evidence), now, &policy, &mut Vec::new());
    }
    let mut old = serde_json::to_value(&session).unwrap();
    let recent = old["ledger"]["recent"].as_array_mut().unwrap();
    assert!(recent.len() > 9);
    for sign in recent {
        *sign = serde_json::json!({"at": sign[0], "source": sign[1], "signal": sign[2]});
    }
    let read: Session = serde_json::from_value(old.clone()).unwrap();
    assert_eq!(read, session);
    let pending = &mut old["ledger"]["base"]["pending"];
    assert_eq!(pending["over"].as_array().unwrap().len(), 16);
    *pending = serde_json::json!({"calls": [], "asks": [], "finished": ["call 1", "call 2"]});
    let read: Session = serde_json::from_value(old).unwrap();
    assert_eq!(read.evidence(), session.evidence());
    assert_eq!(read.verdict, session.verdict);
}
