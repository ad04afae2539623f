//! Topics that are told as a whole: today's figures, plan limits, sources, alerts.

use std::time::{Duration, Instant};

use agentmon_core::query::{BoardQuery, Dimensions, ReportKind, UsageFilter, UsageQuery};
use agentmon_core::wire::{self, TodayUsage};
use agentmon_core::{Error, Monitor};
use serde_json::value::RawValue;

use super::channel::{Found, News};
use super::message::{Refusal, print, raw};
use super::topic::Topic;
use crate::app::App;

/// Alerts that are told beside the open ones.
const ALERTS: usize = 100;

/// What clients have.
#[derive(Debug)]
pub(super) struct ValueMemory {
    print: u64,
    looked: Instant,
    stale: bool,
}

impl ValueMemory {
    pub(super) async fn look(topic: &Topic, app: &App) -> Result<(Self, Box<RawValue>), Refusal> {
        let data = value(topic, app).await?;
        let memory = Self {
            print: print(&data),
            looked: Instant::now(),
            stale: false,
        };
        Ok((memory, data))
    }

    pub(super) async fn update(
        &mut self,
        topic: &Topic,
        news: &News,
        app: &App,
    ) -> Result<Found, Refusal> {
        self.stale |= news.any();
        // How soon after a change, and how often without one.
        let (soon, late) = match topic {
            Topic::Usage(_) => (1, 60),
            _ => (1, 5),
        };
        let patience = Duration::from_secs(if self.stale { soon } else { late });
        if self.looked.elapsed() < patience {
            return Ok(Found::Nothing);
        }
        (self.stale, self.looked) = (false, Instant::now());
        let data = value(topic, app).await?;
        let now = print(&data);
        let before = std::mem::replace(&mut self.print, now);
        Ok(if before == now {
            Found::Nothing
        } else {
            Found::Whole(data)
        })
    }
}

async fn value(topic: &Topic, app: &App) -> Result<Box<RawValue>, Refusal> {
    let json = match topic {
        Topic::Usage(query) => {
            let query = query.clone();
            let today = app.ask(move |monitor| today(monitor, &query)).await?;
            raw(&wire::live_usage(&today))
        }
        Topic::Sources => raw(&wire::sources(&app.sources().await?)),
        Topic::Quotas => raw(&wire::quotas(&app.ask(Monitor::quotas).await?)),
        Topic::Alerts => {
            let alerts = app.ask(|monitor| monitor.alerts(ALERTS)).await?;
            raw(&wire::alerts(&alerts, app.monitor.config()))
        }
        Topic::Board(_) | Topic::Session(_) | Topic::Events(_) => {
            return Err(Refusal::new("bad_topic", "This topic is told in parts"));
        }
    };
    Ok(json)
}

fn today(monitor: &Monitor, board: &BoardQuery) -> Result<TodayUsage, Error> {
    let (now, zone) = (monitor.now(), &board.zone);
    let week_start = monitor.config().week_start.value;
    let report = |kind, by| {
        monitor.usage(&UsageQuery {
            by,
            since: Some(match kind {
                ReportKind::Blocks => now,
                _ => zone.start_of(zone.date(now)),
            }),
            zone: zone.clone(),
            week_start,
            filter: UsageFilter {
                agents: board.agents.clone(),
                models: board.models.clone(),
                projects: board.projects.clone(),
                hosts: board.hosts.clone(),
                sessions: Vec::new(),
            },
            ..UsageQuery::new(kind)
        })
    };
    let none = Dimensions::default();
    let (agent, model, project) = (
        Dimensions {
            agent: true,
            ..none
        },
        Dimensions {
            model: true,
            ..none
        },
        Dimensions {
            project: true,
            ..none
        },
    );
    Ok(TodayUsage {
        agents: report(ReportKind::Daily, agent)?,
        models: report(ReportKind::Models, model)?,
        projects: report(ReportKind::Projects, project)?,
        windows: report(ReportKind::Blocks, none)?,
        budgets: monitor.budgets(zone, week_start)?,
    })
}
