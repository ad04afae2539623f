//! Alerts: what the user wants to be told, when that is so, and what was told.
//!
//! Rules are data, `due` is a pure function of them and of the present. The store remembers every episode, so that each is
//! told once, whatever restarts in between. Telling (webhooks, commands) is the server's job.

mod rule;

pub use rule::{Facts, SpendFact, due};

use crate::config::Secret;
use crate::model::{AgentKind, NanoUsd, SessionKey, Span, Timestamp};

/// When to tell the user.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertRule {
    /// Its name, unlike that of any other rule.
    pub name: Box<str>,
    /// When.
    pub when: AlertWhen,
    /// Only sessions of this agent.
    pub agent: Option<AgentKind>,
    /// Only sessions of this project, by name or by folder.
    pub project: Option<Box<str>>,
    /// How to tell. Empty for all ways that are configured.
    pub channels: Vec<Channel>,
}

/// When to tell the user.
#[derive(Debug, Clone, PartialEq)]
pub enum AlertWhen {
    /// A session has waited for the user so long.
    NeedsInput(Span),
    /// A session has been stalled so long.
    Stalled(Span),
    /// A session has failed.
    Failed,
    /// More than a sum was spent.
    Spend(SpendPer, NanoUsd),
    /// More than so many percent of a plan limit are used.
    Quota(f64),
}

/// On what a sum is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpendPer {
    /// A day, all together.
    Day,
    /// A session, from its beginning.
    Session,
    /// A day, each project on its own.
    Project,
}

/// A way to tell the user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// A line in the log.
    Log,
    /// The command for notifications.
    Desktop,
    /// The webhook of that name.
    Webhook(Box<str>),
}

/// The ways to tell the user that are configured, beside the log.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Notify {
    /// A command for notifications: the program and its arguments, in which `{title}` and `{message}` are replaced.
    pub desktop: Option<Vec<String>>,
    /// Webhooks.
    pub webhooks: Vec<Webhook>,
}

/// An address that alerts are posted to.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// Its name.
    pub name: Box<str>,
    /// The address. Secret: services put a key there.
    pub url: Secret<String>,
    /// What posts are signed with.
    pub secret: Option<Secret<String>>,
}

/// Something that is so at present and that a rule wants told.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    /// The rule's name.
    pub rule: Box<str>,
    /// The rule's kind.
    pub kind: &'static str,
    /// What it is about: one episode of it at a time.
    pub subject: String,
    /// The session that it is about.
    pub session: Option<SessionKey>,
    /// The session's project.
    pub project: Option<Box<str>>,
    /// In a few words. Hostile input may be in it, as in all text here.
    pub title: String,
    /// In a sentence.
    pub message: String,
    /// The exact question, command or error.
    pub detail: Option<Box<str>>,
    /// Since when it is so.
    pub since: Timestamp,
    /// Whether it is still news where it was not seen to begin.
    pub is_news: bool,
}

/// An alert as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Its number.
    pub id: i64,
    /// The rule's name.
    pub rule: Box<str>,
    /// The rule's kind.
    pub kind: Box<str>,
    /// The session that it is about, as `agent:id`.
    pub session: Option<Box<str>>,
    /// The session's project.
    pub project: Option<Box<str>>,
    /// In a few words. Hostile input may be in it, as in all text here.
    pub title: Box<str>,
    /// In a sentence.
    pub message: Box<str>,
    /// The exact question, command or error.
    pub detail: Option<Box<str>>,
    /// Since when it is so.
    pub since: Timestamp,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// When it was no longer so.
    pub resolved_at: Option<Timestamp>,
    /// When the user said to know of it.
    pub acknowledged_at: Option<Timestamp>,
    /// How it was told.
    pub deliveries: Vec<Delivery>,
}

/// How an alert was told, or is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The way.
    pub channel: Channel,
    /// How far that is.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong last.
    pub error: Option<Box<str>>,
    /// When it was tried last.
    pub at: Option<Timestamp>,
}

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// To be tried, maybe again.
    Pending,
    /// Done.
    Delivered,
    /// Given up.
    Failed,
}

impl Delivery {
    /// How often a delivery is tried before it is given up.
    pub const MAX_ATTEMPTS: u32 = 6;

    /// When to try again after `attempts` that failed: 10 s, 20 s, 40 s ...
    #[must_use]
    pub fn wait(attempts: u32) -> Span {
        Span::from_secs(10 << attempts.saturating_sub(1).min(8))
    }
}

impl AlertWhen {
    /// The name used in the configuration and in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NeedsInput(_) => "needs_input",
            Self::Stalled(_) => "stalled",
            Self::Failed => "failed",
            Self::Spend(..) => "spend",
            Self::Quota(_) => "quota",
        }
    }

    /// From what on, for people.
    #[must_use]
    pub fn threshold(&self) -> Option<String> {
        match self {
            Self::NeedsInput(span) | Self::Stalled(span) => Some(span.to_string()),
            Self::Failed => None,
            Self::Spend(per, limit) => Some(format!("{limit} a {}", per.as_str())),
            Self::Quota(percent) => Some(format!("{percent} %")),
        }
    }
}

impl SpendPer {
    /// The name used in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Session => "session",
            Self::Project => "project",
        }
    }
}

impl Channel {
    /// The way of that name: `log`, `desktop`, `webhook:NAME`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "log" => Self::Log,
            "desktop" => Self::Desktop,
            other => Self::Webhook(
                other
                    .strip_prefix("webhook:")
                    .filter(|name| !name.is_empty())?
                    .into(),
            ),
        })
    }
}

impl std::fmt::Display for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Log => f.write_str("log"),
            Self::Desktop => f.write_str("desktop"),
            Self::Webhook(name) => write!(f, "webhook:{name}"),
        }
    }
}

impl DeliveryState {
    /// The name used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

impl Notify {
    /// The ways in which a rule's alerts are told.
    #[must_use]
    pub fn channels(&self, rule: &AlertRule) -> Vec<Channel> {
        if !rule.channels.is_empty() {
            return rule.channels.clone();
        }
        let webhooks = self.webhooks.iter();
        let desktop = self.desktop.as_ref().map(|_| Channel::Desktop);
        std::iter::once(Channel::Log)
            .chain(desktop)
            .chain(webhooks.map(|webhook| Channel::Webhook(webhook.name.clone())))
            .collect()
    }
}
