//! `agentmon.alerts.v1` and `agentmon.alert.v1`.

use serde::Serialize;

use super::part::Time;
use crate::alert::{Alert, Channel, Delivery};
use crate::config::{Config, Setting};

/// Alerts and the rules that raise them.
#[must_use]
pub fn alerts<'a>(alerts: &'a [Alert], config: &'a Config) -> impl Serialize + use<'a> {
    Alerts {
        schema: "agentmon.alerts.v1",
        alerts: alerts.iter().map(Line::from).collect(),
        rules: config
            .alerts
            .iter()
            .map(|Setting { value: rule, .. }| Rule {
                name: &rule.name,
                kind: rule.when.as_str(),
                threshold: rule.when.threshold(),
                channels: names(&config.notify.channels(rule)),
            })
            .collect(),
    }
}

fn names(channels: &[Channel]) -> Vec<String> {
    channels.iter().map(ToString::to_string).collect()
}

/// One alert, as webhooks get it.
#[must_use]
pub fn alert(alert: &Alert) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct One<'a> {
        schema: &'static str,
        #[serde(flatten)]
        line: Line<'a>,
    }
    One {
        schema: "agentmon.alert.v1",
        line: alert.into(),
    }
}

#[derive(Serialize)]
struct Alerts<'a> {
    schema: &'static str,
    alerts: Vec<Line<'a>>,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
struct Rule<'a> {
    name: &'a str,
    kind: &'static str,
    threshold: Option<String>,
    channels: Vec<String>,
}

#[derive(Serialize)]
struct Line<'a> {
    id: i64,
    rule: &'a str,
    kind: &'a str,
    session: Option<&'a str>,
    project: Option<&'a str>,
    title: &'a str,
    message: &'a str,
    detail: Option<&'a str>,
    since: Time,
    raised_at: Time,
    resolved_at: Option<Time>,
    acknowledged_at: Option<Time>,
    deliveries: Vec<Told<'a>>,
}

impl<'a> From<&'a Alert> for Line<'a> {
    fn from(alert: &'a Alert) -> Self {
        Self {
            id: alert.id,
            rule: &alert.rule,
            kind: &alert.kind,
            session: alert.session.as_deref(),
            project: alert.project.as_deref(),
            title: &alert.title,
            message: &alert.message,
            detail: alert.detail.as_deref(),
            since: Time(alert.since),
            raised_at: Time(alert.raised_at),
            resolved_at: alert.resolved_at.map(Time),
            acknowledged_at: alert.acknowledged_at.map(Time),
            deliveries: alert.deliveries.iter().map(Told::from).collect(),
        }
    }
}

#[derive(Serialize)]
struct Told<'a> {
    channel: String,
    state: &'static str,
    attempts: u32,
    error: Option<&'a str>,
    at: Option<Time>,
}

impl<'a> From<&'a Delivery> for Told<'a> {
    fn from(delivery: &'a Delivery) -> Self {
        Self {
            channel: delivery.channel.to_string(),
            state: delivery.state.as_str(),
            attempts: delivery.attempts,
            error: delivery.error.as_deref(),
            at: delivery.at.map(Time),
        }
    }
}
