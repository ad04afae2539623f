use super::*;
use crate::model::AgentKind::{ClaudeCode, Codex};
use crate::pricing::{PriceBook, PriceOverride};

const PER_TOKEN: i64 = 1000;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Data from (agent, session, model, time, input tokens): one cell each, a microdollar a token. The model `mystery`
/// has no price, sessions `x/...` report as `x`, and each session's project is the first letter of its id. Those of `b` run on `far`, the
/// others nobody knows where.
fn data(calls: &[(AgentKind, &str, &str, &str, u64)]) -> UsageData {
    let mut data = UsageData::default();
    for (agent, session, model, time, tokens) in calls {
        let key = SessionKey::new(agent.clone(), *session);
        let index = data.sessions.iter().position(|known| known.key == key);
        let index = index.unwrap_or_else(|| {
            let root = session.split('/').next().unwrap();
            data.sessions.push(UsageSession {
                key,
                report_as: SessionKey::new(agent.clone(), root),
                project: (!session.starts_with('-')).then(|| Project {
                    name: root[..1].into(),
                    root: format!("/p/{}", &root[..1]).into(),
                }),
                host: root.starts_with('b').then(|| "far".into()),
                title: None,
            });
            data.sessions.len() - 1
        });
        let known = data.models.iter().position(|known| &**known == *model);
        let model_index = known.unwrap_or_else(|| {
            data.models.push((*model).into());
            data.models.len() - 1
        });
        let priced = *model != "mystery";
        data.cells.push(UsageCell {
            bucket: UsageCell::bucket_of(at(time)),
            first: at(time),
            last: at(time),
            session: index as u32,
            model: model_index as u32,
            requests: 1,
            unpriced_requests: u64::from(!priced),
            usage: Usage {
                input: *tokens,
                ..Usage::default()
            },
            cost: NanoUsd(if priced {
                *tokens as i64 * PER_TOKEN
            } else {
                0
            }),
        });
    }
    data
}

/// Rows as `period session agent model project tokens requests`, absent dimensions as `.`.
fn lines(query: &UsageQuery, data: &UsageData) -> Vec<String> {
    let report = report(query, data, None, at("2026-11-21T12:00:00Z"));
    let sum: u64 = report.rows.iter().map(|row| row.sums.usage.total()).sum();
    if query.limit.is_none() {
        assert_eq!(sum, report.totals.usage.total());
    }
    let line = |row: &UsageRow| {
        format!(
            "{} {} {} {} {} {} {}",
            row.period.as_deref().unwrap_or("."),
            row.session.as_ref().map_or(".", |key| &key.native_id),
            row.agent.as_ref().map_or(".", AgentKind::as_str),
            row.model.as_deref().unwrap_or("."),
            row.project.as_ref().map_or(".", |project| project
                .as_ref()
                .map_or("none", |project| &project.name)),
            row.sums.usage.total(),
            row.sums.requests,
        )
    };
    report.rows.iter().map(line).collect()
}

fn sample() -> UsageData {
    data(&[
        (ClaudeCode, "a1", "opus", "2026-11-20T23:50:00Z", 10),
        (ClaudeCode, "a1/sub", "haiku", "2026-11-21T00:10:00Z", 5),
        (ClaudeCode, "a1", "opus", "2026-11-21T00:20:00Z", 20),
        (Codex, "b1", "gpt", "2026-11-20T10:00:00Z", 100),
        (Codex, "b1", "mystery", "2026-11-20T10:05:00Z", 7),
        (Codex, "-", "gpt", "2026-10-31T10:00:00Z", 1),
    ])
}

#[test]
fn each_report_has_its_rows() {
    use ReportKind::*;
    for (kind, expected) in [
        (
            Daily,
            vec![
                "2026-10-31 . codex gpt . 1 1",
                "2026-11-20 . claude_code opus . 10 1",
                "2026-11-20 . codex gpt . 100 1",
                "2026-11-20 . codex mystery . 7 1",
                "2026-11-21 . claude_code opus . 20 1",
                "2026-11-21 . claude_code haiku . 5 1",
            ],
        ),
        (
            Monthly,
            vec![
                "2026-10 . codex gpt . 1 1",
                "2026-11 . claude_code opus . 30 2",
                "2026-11 . claude_code haiku . 5 1",
                "2026-11 . codex gpt . 100 1",
                "2026-11 . codex mystery . 7 1",
            ],
        ),
        (
            Session,
            vec![
                ". - codex gpt none 1 1",
                ". b1 codex gpt b 100 1",
                ". b1 codex mystery b 7 1",
                ". a1 claude_code opus a 30 2",
                ". a1 claude_code haiku a 5 1",
            ],
        ),
        (
            Models,
            vec![
                ". . codex gpt . 101 2",
                ". . claude_code opus . 30 2",
                ". . claude_code haiku . 5 1",
                ". . codex mystery . 7 1",
            ],
        ),
        (
            Projects,
            vec![
                ". . codex . b 107 2",
                ". . claude_code . a 35 3",
                ". . codex . none 1 1",
            ],
        ),
    ] {
        assert_eq!(
            lines(&UsageQuery::new(kind), &sample()),
            expected,
            "{kind:?}"
        );
    }
}

#[test]
fn zone_range_filter_dimensions_and_limit_choose_rows() {
    let all = UsageQuery {
        by: Dimensions::default(),
        ..UsageQuery::new(ReportKind::Daily)
    };
    let check = |query: UsageQuery, expected: &[&str]| {
        assert_eq!(lines(&query, &sample()), expected, "{query:?}");
    };
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|word| (*word).into())
            .collect::<Vec<Box<str>>>()
    };
    let berlin = Zone::get("Europe/Berlin").unwrap();
    check(
        UsageQuery {
            zone: berlin,
            ..all.clone()
        },
        &[
            "2026-10-31 . . . . 1 1",
            "2026-11-20 . . . . 107 2",
            "2026-11-21 . . . . 35 3",
        ],
    );
    check(
        UsageQuery {
            since: Some(at("2026-11-20T10:01:00Z")),
            until: Some(at("2026-11-21T00:16:00Z")),
            order: Some(Order::Descending),
            ..all.clone()
        },
        // Both ends are rounded outwards to the quarter of an hour.
        &["2026-11-21 . . . . 25 2", "2026-11-20 . . . . 117 3"],
    );
    check(
        UsageQuery {
            limit: Some(1),
            ..all.clone()
        },
        &["2026-11-21 . . . . 25 2"],
    );
    let filters = [
        UsageFilter {
            agents: vec![Codex],
            ..UsageFilter::default()
        },
        UsageFilter {
            models: words(&["gpt", "mystery"]),
            ..UsageFilter::default()
        },
        UsageFilter {
            projects: words(&["b", "none"]),
            ..UsageFilter::default()
        },
        UsageFilter {
            sessions: words(&["codex:b"]),
            ..UsageFilter::default()
        },
        UsageFilter {
            hosts: words(&["far", "near"]),
            ..UsageFilter::default()
        },
    ];
    for (filter, expected) in filters.into_iter().zip([108, 108, 107, 107, 107]) {
        let query = UsageQuery {
            filter,
            ..all.clone()
        };
        let totals = report(&query, &sample(), None, at("2026-11-21T12:00:00Z")).totals;
        assert_eq!(totals.usage.total(), expected, "{query:?}");
    }
}

#[test]
fn usage_is_told_by_machine_and_what_is_unknown_stays_so() {
    let query = UsageQuery {
        by: Dimensions {
            host: true,
            ..Dimensions::default()
        },
        ..UsageQuery::new(ReportKind::Monthly)
    };
    assert!(query.needs_sessions());
    let report = report(&query, &sample(), None, at("2026-11-21T12:00:00Z"));
    let rows: Vec<_> = report
        .rows
        .iter()
        .map(|row| {
            let host = row.host.as_ref().expect("it was asked for");
            (
                row.period.as_deref().unwrap(),
                host.as_deref(),
                row.sums.usage.total(),
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("2026-10", None, 1),
            ("2026-11", None, 35),
            ("2026-11", Some("far"), 107),
        ]
    );
}

#[test]
fn the_order_of_cells_does_not_matter() {
    let (mut backwards, forwards) = (sample(), sample());
    backwards.cells.reverse();
    for kind in [
        ReportKind::Daily,
        ReportKind::Session,
        ReportKind::Models,
        ReportKind::Blocks,
    ] {
        let query = UsageQuery::new(kind);
        let now = at("2026-11-21T01:00:00Z");
        assert_eq!(
            report(&query, &forwards, None, now),
            report(&query, &backwards, None, now)
        );
    }
}

#[test]
fn unpriced_calls_are_seen_not_free() {
    let report = report(
        &UsageQuery::new(ReportKind::Daily),
        &sample(),
        None,
        at("2026-11-21T12:00:00Z"),
    );
    assert_eq!(report.totals.unpriced_requests, 1);
    assert_eq!(
        report.unpriced,
        [Unpriced {
            model: "mystery".into(),
            requests: 1,
            tokens: 7
        }]
    );
    let costs: Vec<_> = report
        .rows
        .iter()
        .map(|row| row.sums.known_cost())
        .collect();
    assert!(costs.contains(&None));
}

#[test]
fn windows_open_at_the_full_hour_and_do_not_depend_on_filters() {
    let data = data(&[
        // 10:00-15:00
        (ClaudeCode, "a", "opus", "2026-11-20T10:40:00Z", 60),
        (ClaudeCode, "b", "haiku", "2026-11-20T14:59:59Z", 1),
        // The window is over: the next one opens at 15:00.
        (ClaudeCode, "a", "opus", "2026-11-20T15:00:00Z", 2),
        // Another agent's plan.
        (Codex, "c", "gpt", "2026-11-20T12:10:00Z", 4),
        // Open now: 11:00-16:00, 30 minutes in.
        (ClaudeCode, "a", "opus", "2026-11-21T11:30:00Z", 300),
    ]);
    let shown = |query: &UsageQuery| -> Vec<String> {
        let report = report(query, &data, None, at("2026-11-21T12:00:00Z"));
        let show = |block: &Block| {
            format!(
                "{} {} {}",
                block.agent,
                block.start,
                block.sums.usage.total()
            )
        };
        report.blocks.iter().map(show).collect()
    };
    let query = UsageQuery::new(ReportKind::Blocks);
    let expected = [
        "claude_code 2026-11-20T10:00:00.000Z 61",
        "codex 2026-11-20T12:00:00.000Z 4",
        "claude_code 2026-11-20T15:00:00.000Z 2",
        "claude_code 2026-11-21T11:00:00.000Z 300",
    ];
    assert_eq!(shown(&query), expected);
    let only_haiku = UsageQuery {
        filter: UsageFilter {
            models: vec!["haiku".into()],
            ..UsageFilter::default()
        },
        ..query.clone()
    };
    assert_eq!(
        shown(&only_haiku),
        ["claude_code 2026-11-20T10:00:00.000Z 1"]
    );
    let from_three = UsageQuery {
        since: Some(at("2026-11-20T16:30:00Z")),
        ..query.clone()
    };
    assert_eq!(shown(&from_three).len(), 3);

    let report = report(&query, &data, None, at("2026-11-21T12:00:00Z"));
    let open = report.blocks.last().unwrap().projection.unwrap();
    assert_eq!(
        open,
        Projection {
            remaining_minutes: 240,
            tokens_per_minute: 10.0,
            cost_per_hour: NanoUsd(600 * PER_TOKEN),
            tokens: 2700,
            cost: NanoUsd(2700 * PER_TOKEN),
        }
    );
    assert!(
        report.blocks[..3]
            .iter()
            .all(|block| block.projection.is_none())
    );
    assert_eq!(
        report.rows[0].period.as_deref(),
        Some("2026-11-20T10:00:00.000Z")
    );
}

#[test]
fn caches_save_reads_and_cost_writes() {
    let mut data = data(&[
        (ClaudeCode, "a", "opus", "2026-11-19T10:00:00Z", 1),
        (ClaudeCode, "a", "opus", "2026-11-20T10:00:00Z", 1),
        (ClaudeCode, "a", "mystery", "2026-11-20T10:00:00Z", 1),
    ]);
    for cell in &mut data.cells {
        cell.usage.cache_read = 100;
        cell.usage.cache_creation_5m = 40;
        cell.usage.cache_creation_1h = 10;
    }
    let prices = PriceBook::with_overrides(&[PriceOverride {
        model: "opus".into(),
        from: None,
        input: 2.0,
        output: 10.0,
        cache_read: Some(0.2),
        cache_write_5m: Some(2.5),
        cache_write_1h: Some(4.0),
        web_search: None,
        tiers: Vec::new(),
        modes: std::collections::BTreeMap::new(),
    }])
    .unwrap();
    let mut query = UsageQuery::new(ReportKind::Daily);
    let now = at("2026-11-21T12:00:00Z");
    assert_eq!(
        report(&query, &data, Some(&prices), now).totals.cache_saved,
        None
    );
    query.cache_savings = true;
    let report = report(&query, &data, Some(&prices), now);
    // 100 x 1.8 - 40 x 0.5 - 10 x 2 = 140 microdollars a day.
    let saved: Vec<_> = report.rows.iter().map(|row| row.sums.cache_saved).collect();
    let expected = [140_000, 140_000, 0].map(|nano| Some(NanoUsd(nano)));
    assert_eq!(saved, expected);
    assert_eq!(report.totals.cache_saved, Some(NanoUsd(280_000)));
}

#[test]
fn what_agents_count_beyond_their_calls_is_listed_apart() {
    let mut data = sample();
    let tokens = |input, output| Usage {
        input,
        output,
        ..Usage::default()
    };
    let totals = |session, model, reported, reported_cost| ReportedTotals {
        session,
        model,
        at: at("2026-11-21T00:30:00Z"),
        reported,
        reported_cost: NanoUsd(reported_cost),
        counted: Usage {
            cache_creation_1h: 4,
            ..tokens(30, 3)
        },
        counted_cost: NanoUsd(30_000),
    };
    let (opus, haiku) = (0, 1);
    let written = Usage {
        cache_creation_5m: 4,
        ..tokens(30, 3)
    };
    data.reported = vec![
        totals(0, opus, written + tokens(8, 1), 50_000),
        // Equal but for rounding; and counted later than the agent last did.
        totals(0, haiku, written, 30_001),
        totals(0, haiku, tokens(10, 0), 10_000),
    ];
    let report = |query: &UsageQuery| report(query, &data, None, at("2026-11-21T12:00:00Z"));
    let query = UsageQuery::new(ReportKind::Daily);
    assert_eq!(
        report(&query).unattributed,
        [Unattributed {
            session: SessionKey::new(ClaudeCode, "a1"),
            model: "opus".into(),
            usage: tokens(8, 1),
            cost: NanoUsd(20_000),
        }]
    );
    let filter = UsageFilter {
        agents: vec![Codex],
        ..UsageFilter::default()
    };
    assert!(
        report(&UsageQuery { filter, ..query })
            .unattributed
            .is_empty()
    );
}
