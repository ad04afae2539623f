//! Another monitor's sessions, asked through the sessions API (`docs/contracts.md`): the dashboard of an OpenClaw installation,
//! or another agentmon. `OPENCLAW_API_URL` names it.
//!
//! The list of sessions is asked for again and again, at once when the other side's WebSocket says that something changed.
//! What sessions this machine knows by itself is left to it.

mod client;
mod message;
mod observe;
mod socket;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Url;
use tokio::time::{Instant, sleep_until};

use self::client::Client;
use self::message::{Session, read_list};
use self::observe::{Told, cell_facts, lost, observe};
use self::socket::Socket;
use super::Env;
use super::machine::is_here;
use super::remote::{RemoteContext, RemoteError, RemoteSource};
use crate::config::Secret;
use crate::model::{AgentKind, Batch, FactKey, SessionKey, Span, Timestamp};

/// How often is asked where no WebSocket tells of changes.
const POLL: Duration = Duration::from_secs(10);
/// How often is asked where one does.
const POLL_BEHIND_SOCKET: Duration = Duration::from_secs(30);
/// The least time between two questions: 100 a minute are allowed.
const GAP: Duration = Duration::from_secs(1);
/// How long a WebSocket that could not be opened is left alone.
const SOCKET_AGAIN: Duration = Duration::from_secs(60);
/// Usage is asked for again from so long before the last answer: clocks differ.
const OVERLAP: Span = Span::from_mins(30);

/// What the environment says of the other side.
#[derive(Debug, Clone)]
struct Settings {
    url: Url,
    key: Option<Secret<String>>,
    socket: Option<Url>,
    timeout: Duration,
    attempts: u32,
}

impl Settings {
    /// `None` when no address is given, or one that makes no sense.
    fn from_env(env: &Env) -> Option<Self> {
        let given = env.var("OPENCLAW_API_URL")?;
        let web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        let Some(mut url) = Url::parse(given.trim()).ok().filter(web) else {
            tracing::warn!("OPENCLAW_API_URL is no http address: not watched");
            return None;
        };
        // Secrets have a variable of their own: an address is shown and logged. A web address can do without.
        let _ = (url.set_username(""), url.set_password(None));
        url.set_query(None);
        url.set_fragment(None);
        let socket = match env.var("OPENCLAW_WS_URL") {
            None => derived(&url),
            Some(given) => {
                let socket = Url::parse(given.trim()).ok();
                socket.filter(|url| matches!(url.scheme(), "ws" | "wss"))
            }
        };
        let number = |name: &str| env.var(name)?.trim().parse::<u64>().ok();
        Some(Self {
            url,
            key: env
                .var("OPENCLAW_API_KEY")
                .map(|key| Secret::new(key.trim().to_owned())),
            socket,
            timeout: Duration::from_millis(
                number("OPENCLAW_TIMEOUT")
                    .unwrap_or(10_000)
                    .clamp(100, 600_000),
            ),
            attempts: number("OPENCLAW_RETRY_ATTEMPTS").unwrap_or(3).min(10) as u32,
        })
    }

    /// The machine that the address names. One that leads to this machine may be a tunnel's.
    fn machine(&self) -> Option<&str> {
        let name = self.url.host_str()?;
        let name = name.trim_start_matches('[').trim_end_matches(']');
        (!is_here(name)).then_some(name)
    }
}

/// The WebSocket that belongs to an address: `.../sessions/ws`.
fn derived(url: &Url) -> Option<Url> {
    let mut socket = url.clone();
    let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
    socket.set_scheme(scheme).ok()?;
    let path = format!("{}/sessions/ws", url.path().trim_end_matches('/'));
    socket.set_path(&path);
    Some(socket)
}

/// Another monitor.
#[derive(Debug)]
pub struct SessionsApi {
    settings: Settings,
    /// Sessions as they were told last.
    told: HashMap<SessionKey, Told>,
    /// Sessions that this machine knows by itself.
    own: HashSet<SessionKey>,
    /// Until when usage was heard.
    heard: Option<Timestamp>,
}

impl SessionsApi {
    /// The one that the environment names, if it does.
    #[must_use]
    pub fn from_env(env: &Env) -> Option<Self> {
        Some(Self {
            settings: Settings::from_env(env)?,
            told: HashMap::new(),
            own: HashSet::new(),
            heard: None,
        })
    }

    /// Asks once, and delivers what is new.
    async fn ask(&mut self, client: &Client, cx: &RemoteContext) -> Result<(), RemoteError> {
        let since = self.heard.map(|heard| heard - OVERLAP);
        let body = client.list(since).await?;
        let asked = cx.now();
        let (sessions, timestamp) = read_list(&body, asked)?;
        let sessions = self.leave_own(sessions, cx).await?;
        let mut batch = Batch::default();
        for session in &sessions {
            cx.claim(&session.key);
            let told = self.told.get(&session.key);
            observe(session, told, self.settings.machine(), asked, &mut batch);
        }
        let here: HashSet<&SessionKey> = sessions.iter().map(|session| &session.key).collect();
        for (key, told) in &self.told {
            if !here.contains(key) && !told.is_over() {
                lost(key, "source_gone", asked, &mut batch);
            }
        }
        if !batch.sessions.is_empty() {
            cx.deliver(batch).await?;
        }
        // Only now: what could not be stored is told again.
        self.told = sessions
            .iter()
            .map(|session| (session.key.clone(), Told::of(session)))
            .collect();
        self.heard = Some(timestamp.unwrap_or(asked));
        cx.connected();
        Ok(())
    }

    /// The sessions without those that this machine knows by itself.
    async fn leave_own(
        &mut self,
        sessions: Vec<Session>,
        cx: &RemoteContext,
    ) -> Result<Vec<Session>, RemoteError> {
        let is_new = |session: &&Session| {
            !self.told.contains_key(&session.key) && !self.own.contains(&session.key)
        };
        let new: Vec<(SessionKey, Vec<FactKey>)> = sessions
            .iter()
            .filter(is_new)
            .map(|session| (session.key.clone(), cell_facts(session)))
            .collect();
        if !new.is_empty() {
            let monitor = cx.monitor().clone();
            let asked = tokio::task::spawn_blocking(move || {
                let mut own = Vec::new();
                for (key, facts) in new {
                    let known = monitor.find_session(&key.to_string())?;
                    let Some(view) = known.filter(|view| view.key == key) else {
                        continue;
                    };
                    let has_file = view.transcript.is_some() || view.pid.is_some();
                    if has_file || view.sums.requests > 0 && !monitor.knows_any_call(&facts)? {
                        own.push(key);
                    }
                }
                Ok::<_, crate::Error>(own)
            });
            let store = |error: &dyn std::fmt::Display| RemoteError::Store(error.to_string());
            let own = asked.await.map_err(|error| store(&error))?;
            self.own.extend(own.map_err(|error| store(&error))?);
        }
        let is_theirs = |session: &Session| !self.own.contains(&session.key);
        Ok(sessions.into_iter().filter(is_theirs).collect())
    }
}

#[async_trait]
impl RemoteSource for SessionsApi {
    fn name(&self) -> &'static str {
        "sessions_api"
    }

    fn agent(&self) -> AgentKind {
        AgentKind::OpenClaw
    }

    fn address(&self) -> String {
        self.settings.url.to_string()
    }

    fn origin(&self) -> &'static str {
        "OPENCLAW_API_URL"
    }

    async fn run(&mut self, cx: &RemoteContext) -> Result<(), RemoteError> {
        let client = Client::new(&self.settings)?;
        let mut socket: Option<Socket> = None;
        let mut socket_at = Instant::now();
        loop {
            if socket.is_none() && Instant::now() >= socket_at {
                socket = Socket::open(&self.settings).await;
                socket_at = Instant::now() + SOCKET_AGAIN;
            }
            let asked = Instant::now();
            self.ask(&client, cx).await?;
            let Some(open) = &mut socket else {
                sleep_until(asked + POLL).await;
                continue;
            };
            tokio::select! {
                () = sleep_until(asked + POLL_BEHIND_SOCKET) => {}
                is_open = open.changed() => {
                    if !is_open {
                        socket = None;
                    }
                    sleep_until(asked + GAP).await;
                }
            }
        }
    }

    fn lost(&mut self, _: &RemoteError, now: Timestamp, out: &mut Batch) {
        for (key, told) in &mut self.told {
            if !told.is_over() {
                lost(key, "host_unreachable", now, out);
            }
            told.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_from_the_environment_and_secrets_stay() {
        let env = Env::at("/").with(
            "OPENCLAW_API_URL",
            "https://u:pw@far.example/api/openclaw/?x=1",
        );
        let source =
            SessionsApi::from_env(&env.clone().with("OPENCLAW_API_KEY", "hidden")).unwrap();
        assert_eq!(source.address(), "https://far.example/api/openclaw/");
        let shown = format!("{source:?}");
        assert!(
            !shown.contains("hidden") && !shown.contains("pw"),
            "{shown}"
        );
        let settings = Settings::from_env(&env).unwrap();
        assert_eq!(
            (settings.timeout, settings.attempts),
            (Duration::from_secs(10), 3)
        );
        for (address, machine) in [
            ("https://far.example/api", Some("far.example")),
            ("http://10.0.0.7:80/api", Some("10.0.0.7")),
            ("http://[fd00::7]/api", Some("fd00::7")),
            ("http://localhost:3000/api", None),
            ("http://127.0.0.1/api", None),
            ("http://[::1]/api", None),
        ] {
            let env = Env::at("/").with("OPENCLAW_API_URL", address);
            let settings = Settings::from_env(&env).unwrap();
            assert_eq!(settings.machine(), machine, "{address}");
        }
        let socket = |url: &str| derived(&Url::parse(url).unwrap()).unwrap().to_string();
        assert_eq!(socket("http://h:1/api"), "ws://h:1/api/sessions/ws");
        assert_eq!(socket("https://h/"), "wss://h/sessions/ws");
        let env = env
            .with("OPENCLAW_TIMEOUT", "500")
            .with("OPENCLAW_RETRY_ATTEMPTS", "0");
        let env = env.with("OPENCLAW_WS_URL", "ws://other/ws");
        let settings = Settings::from_env(&env).unwrap();
        assert_eq!(
            (settings.timeout, settings.attempts),
            (Duration::from_millis(500), 0)
        );
        assert_eq!(settings.socket.unwrap().as_str(), "ws://other/ws");
        for nonsense in [
            "",
            "far.example",
            "file:///etc/passwd",
            "ftp://x",
            "http://",
        ] {
            let env = Env::at("/").with("OPENCLAW_API_URL", nonsense);
            assert!(SessionsApi::from_env(&env).is_none(), "{nonsense}");
        }
    }
}
