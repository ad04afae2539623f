//! Tells the user of alerts: has the core look whether there are any, and delivers what is due.
//!
//! A delivery that fails is tried again, later each time; what was delivered is remembered in the store. A process that
//! ends between a delivery and its note delivers twice, with the same alert's number.

mod desktop;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use agentmon_core::Heard;
use agentmon_core::alert::{Alert, Channel};
use agentmon_core::config::Config;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::app::App;
use webhook::Poster;

/// How often is looked, whether anything happened or not: waiting is what alerts are about.
const LOOK: Duration = Duration::from_secs(5);
/// How soon after a change is looked.
const SOON: Duration = Duration::from_millis(500);
/// Deliveries at a time.
const AT_ONCE: usize = 8;

/// Runs until the server stops. Where there is no rule, alerts of earlier ones are resolved, and that is all.
pub(crate) async fn run(app: Arc<App>) {
    let poster = Poster::new();
    if app.monitor.config().alerts.is_empty() {
        return look(&app, &poster).await;
    }
    let mut changes = app.monitor.subscribe();
    let mut late = interval(LOOK);
    late.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut soon: Option<Instant> = None;
    loop {
        let due = async {
            match soon {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = app.stopped() => return,
            heard = changes.recv() => match heard {
                Some(Heard::Update(_) | Heard::Resync(_)) => {
                    soon.get_or_insert_with(|| Instant::now() + SOON);
                    continue;
                }
                None => return,
            },
            () = due => {}
            _ = late.tick() => {}
        }
        soon = None;
        tokio::select! {
            () = app.stopped() => return,
            () = look(&app, &poster) => {}
        }
    }
}

/// Looks once, and delivers what is due.
async fn look(app: &Arc<App>, poster: &Poster) {
    let looked = app
        .ask(|monitor| {
            monitor.evaluate_alerts()?;
            monitor.due_deliveries(AT_ONCE)
        })
        .await;
    let due = match looked {
        Ok(due) => due,
        Err(error) => {
            tracing::warn!(
                error = error.sentence(),
                "cannot look for alerts; trying again"
            );
            return;
        }
    };
    let mut deliveries = JoinSet::new();
    for (alert, channel) in due {
        let (app, poster) = (app.clone(), poster.clone());
        deliveries.spawn(async move {
            let result = deliver(app.monitor.config(), &poster, &alert, &channel).await;
            if let Err(error) = &result {
                tracing::warn!(alert = alert.id, %channel, error, "an alert could not be delivered");
            }
            let noted = app.ask(move |monitor| {
                let result = result.as_ref().copied().map_err(String::as_str);
                monitor.delivery_attempted(alert.id, &channel, result)
            });
            if let Err(error) = noted.await {
                tracing::warn!(error = error.sentence(), "cannot note a delivery");
            }
        });
    }
    while deliveries.join_next().await.is_some() {}
}

/// Tells of an alert in one way. An error is told in words without secrets.
async fn deliver(
    config: &Config,
    poster: &Poster,
    alert: &Alert,
    channel: &Channel,
) -> Result<(), String> {
    match channel {
        Channel::Log => {
            tracing::warn!(
                alert = alert.id,
                rule = &*alert.rule,
                session = alert.session.as_deref(),
                "{}: {}",
                alert.title,
                alert.message
            );
            Ok(())
        }
        Channel::Desktop => match &config.notify.desktop {
            Some(command) => desktop::notify(command, alert).await,
            None => Err("no command is configured any more".to_owned()),
        },
        Channel::Webhook(name) => {
            let known = config.notify.webhooks.iter();
            match known.into_iter().find(|webhook| webhook.name == *name) {
                Some(webhook) => poster.post(webhook, alert).await,
                None => Err("no such webhook is configured any more".to_owned()),
            }
        }
    }
}
