//! Running sources that are reached over the network: starting again after a break, and telling how they fare.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Monitor;
use crate::model::{AgentKind, Batch, SessionKey};
use crate::query::{RootState, SourceReport};
use crate::source::remote::{Claims, RemoteContext, RemoteError, RemoteSource, RemoteState};
use crate::source::{Env, remotes};

/// How long to wait after the first failure; twice as long after each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// What is shown of a remote source that runs.
#[derive(Debug)]
struct Shown {
    name: &'static str,
    agent: AgentKind,
    address: String,
    origin: &'static str,
    state: watch::Receiver<RemoteState>,
    claims: Arc<Claims>,
}

/// The remote sources that run, and those that are configured, for [`Monitor::sources`].
#[derive(Debug, Default)]
pub(super) struct Remotes {
    running: Mutex<Vec<Weak<Shown>>>,
    configured: OnceLock<Vec<SourceReport>>,
}

impl Remotes {
    fn add(&self, shown: &Arc<Shown>) {
        let mut all = self.all();
        all.retain(|known| known.strong_count() > 0);
        all.push(Arc::downgrade(shown));
    }

    /// Whether one of them tells of a session.
    pub(super) fn has(&self, key: &SessionKey) -> bool {
        let all = self.all();
        let mut running = all.iter().filter_map(Weak::upgrade);
        running.any(|shown| shown.claims.has(key))
    }

    fn all(&self) -> MutexGuard<'_, Vec<Weak<Shown>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How each of them fares, and which others the environment names.
    pub(super) fn reports(&self, env: &Env) -> Vec<SourceReport> {
        let all = self.all();
        let running = all.iter().filter_map(Weak::upgrade);
        let report_of = |shown: Arc<Shown>| SourceReport {
            sessions: shown.claims.count(),
            state: match &*shown.state.borrow() {
                RemoteState::Connecting => RootState::Connecting,
                RemoteState::Connected(_) => RootState::Connected,
                RemoteState::Lost(_, error) => RootState::Unreadable(error.to_string().into()),
            },
            ..report(shown.name, &shown.agent, &shown.address, shown.origin)
        };
        let mut reports: Vec<_> = running.map(report_of).collect();
        let configured = self.configured.get_or_init(|| {
            let named = remotes(env).into_iter();
            named
                .map(|source| {
                    let (agent, address) = (source.agent(), source.address());
                    report(source.name(), &agent, &address, source.origin())
                })
                .collect()
        });
        for other in configured {
            let is_same =
                |known: &SourceReport| (&known.format, &known.root) == (&other.format, &other.root);
            if !reports.iter().any(is_same) {
                reports.push(other.clone());
            }
        }
        reports
    }
}

/// What is shown of a remote source that nobody asks.
fn report(
    name: &'static str,
    agent: &AgentKind,
    address: &str,
    origin: &'static str,
) -> SourceReport {
    SourceReport {
        format: name.into(),
        agent: agent.clone(),
        root: address.into(),
        origin: origin.into(),
        state: RootState::Configured,
        files: 0,
        bytes: 0,
        sessions: 0,
        newest: None,
        problems: Vec::new(),
    }
}

/// A remote source that runs until this is dropped or stopped.
#[derive(Debug)]
pub struct RemoteTask {
    shown: Arc<Shown>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl RemoteTask {
    /// How it fares, now and from now on.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<RemoteState> {
        self.shown.state.clone()
    }

    /// Stops it and waits for its end.
    pub async fn stop(mut self) {
        // A task that has ended hears nothing, and need not.
        let _ = self.stop.send(true);
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, source = self.shown.name, "a remote source failed");
        }
    }
}

impl Drop for RemoteTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Monitor {
    /// Runs all remote sources that the environment names (see [`Monitor::start_remote`]).
    ///
    /// # Panics
    /// When called outside of a Tokio runtime with time and I/O.
    #[must_use = "remote sources stop when their tasks are dropped"]
    pub fn start_remotes(&self) -> Vec<RemoteTask> {
        let sources = remotes(&self.inner.env).into_iter();
        sources.map(|source| self.start_remote(source)).collect()
    }

    /// Runs a remote source as a task of the runtime at hand, connecting again after every break: after 1 second, then
    /// 2, 4 and so on up to a minute. It is listed by [`Monitor::sources`] as long as it runs.
    ///
    /// # Panics
    /// When called outside of a Tokio runtime with time.
    #[must_use = "a remote source stops when its task is dropped"]
    pub fn start_remote(&self, source: Box<dyn RemoteSource>) -> RemoteTask {
        let (state, shown) = watch::channel(RemoteState::Connecting);
        let (stop, stopping) = watch::channel(false);
        let shown = Arc::new(Shown {
            name: source.name(),
            agent: source.agent(),
            address: source.address(),
            origin: source.origin(),
            state: shown,
            claims: Arc::default(),
        });
        self.inner.remotes.add(&shown);
        let cx = RemoteContext {
            monitor: self.clone(),
            state,
            stopping,
            claims: shown.claims.clone(),
        };
        RemoteTask {
            shown,
            stop,
            task: tokio::spawn(keep_running(source, cx)),
        }
    }
}

async fn keep_running(mut source: Box<dyn RemoteSource>, cx: RemoteContext) {
    let mut failures = 0;
    loop {
        let ended = tokio::select! {
            ended = source.run(&cx) => ended,
            () = cx.stopped() => return,
        };
        let error = ended
            .err()
            .unwrap_or_else(|| RemoteError::Unreachable("the connection was closed".to_owned()));
        let now = cx.now();
        let before = cx.state.borrow().clone();
        if matches!(before, RemoteState::Connected(_)) {
            failures = 0;
        }
        tell(source.name(), &source.address(), &before, &error);
        if !matches!(before, RemoteState::Lost(..)) {
            let mut batch = Batch::default();
            source.lost(&error, now, &mut batch);
            if !batch.evidence.is_empty()
                && let Err(error) = cx.deliver(batch).await
            {
                tracing::warn!(%error, "cannot store that a remote source is gone");
            }
        }
        cx.state.send_replace(match before {
            RemoteState::Lost(since, _) => RemoteState::Lost(since, error.clone()),
            _ => RemoteState::Lost(now, error.clone()),
        });
        let wait = wait(failures, &error);
        failures += 1;
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = cx.stopped() => return,
        }
    }
}

/// How long to wait after so many failures in a row.
fn wait(failures: u32, error: &RemoteError) -> Duration {
    let wait = FIRST_WAIT
        .saturating_mul(1 << failures.min(6))
        .min(MAX_WAIT);
    match error {
        RemoteError::TooOften { after } => wait.max((*after).min(MAX_WAIT)),
        _ => wait,
    }
}

/// Says that a connection ended: once, not for every try.
fn tell(source: &str, address: &str, before: &RemoteState, error: &RemoteError) {
    match before {
        RemoteState::Lost(_, known) if known == error => {
            tracing::debug!(source, address, %error, "still not connected");
        }
        _ => tracing::warn!(source, address, %error, "not connected"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Evidence, EvidenceSource, Signal, State};
    use async_trait::async_trait;

    /// Connects every second time it tries, tells of a session, and breaks.
    #[derive(Debug, Default)]
    struct Flaky {
        tries: u32,
        lost: u32,
    }

    impl Flaky {
        fn say(signal: Signal, now: crate::model::Timestamp, out: &mut Batch) {
            let session = out.session(&SessionKey::new(AgentKind::Codex, "far"));
            out.touch(session, now);
            let source = EvidenceSource::Gateway;
            let evidence = Evidence {
                at: now,
                source,
                signal,
            };
            out.evidence(session, evidence);
        }
    }

    #[async_trait]
    impl RemoteSource for Flaky {
        fn name(&self) -> &'static str {
            "flaky"
        }
        fn agent(&self) -> AgentKind {
            AgentKind::Codex
        }
        fn address(&self) -> String {
            "nowhere".to_owned()
        }
        fn origin(&self) -> &'static str {
            "test"
        }
        async fn run(&mut self, cx: &RemoteContext) -> Result<(), RemoteError> {
            self.tries += 1;
            if self.tries.is_multiple_of(2) {
                return Err(RemoteError::Refused(self.lost.to_string()));
            }
            cx.connected();
            let mut batch = Batch::default();
            Self::say(Signal::ModelActive, cx.now(), &mut batch);
            cx.deliver(batch).await?;
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(())
        }
        fn lost(&mut self, _: &RemoteError, now: crate::model::Timestamp, out: &mut Batch) {
            self.lost += 1;
            let reason = "host_unreachable".into();
            Self::say(Signal::Uncovered { reason }, now, out);
        }
    }

    #[test]
    fn a_break_is_told_once_and_the_source_comes_back() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let env = Env::at("/nonexistent");
            let monitor = Monitor::builder().env(env).in_memory().open().unwrap();
            let task = monitor.start_remote(Box::<Flaky>::default());
            let mut state = task.state();
            let shown = || {
                let reports = monitor.sources().unwrap();
                let of_it = reports.iter().find(|report| &*report.format == "flaky");
                of_it.map(|report| report.state.as_str())
            };
            let session = || monitor.session("far").unwrap().session;
            assert_eq!(shown(), Some("connecting"));
            state
                .wait_for(|now| matches!(now, RemoteState::Connected(_)))
                .await
                .unwrap();
            assert_eq!(shown(), Some("connected"));
            let lost = |now: &RemoteState| matches!(now, RemoteState::Lost(..));
            let first = state.wait_for(lost).await.unwrap().clone();
            assert_eq!(shown(), Some("unreadable"));
            assert_eq!(
                (session().state, session().reason.to_string()),
                (State::Unobserved, "host_unreachable".to_owned())
            );
            let refused =
                |now: &RemoteState| matches!(now, RemoteState::Lost(_, RemoteError::Refused(_)));
            let second = state.wait_for(refused).await.unwrap().clone();
            assert_eq!(
                (second.since(), second.clone()),
                (
                    first.since(),
                    RemoteState::Lost(first.since().unwrap(), RemoteError::Refused("1".to_owned()))
                )
            );
            state
                .wait_for(|now| matches!(now, RemoteState::Connected(_)))
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert_eq!(session().state, State::Working);
            task.stop().await;
            assert_eq!(shown(), None);
        });
    }

    #[test]
    fn what_is_configured_is_told_before_anybody_asks_it() {
        let env =
            Env::at("/nonexistent").with("OPENCLAW_API_URL", "http://127.0.0.1:1/api/openclaw");
        let monitor = Monitor::builder().env(env).in_memory().open().unwrap();
        let shown = || {
            let reports = monitor.sources().unwrap().into_iter();
            let of_it = reports.filter(|report| &*report.format == "sessions_api");
            of_it
                .map(|report| (report.state.as_str(), report.root))
                .collect::<Vec<_>>()
        };
        let address = "http://127.0.0.1:1/api/openclaw";
        assert_eq!(shown(), [("configured", address.into())]);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let tasks = monitor.start_remotes();
            assert_eq!(shown(), [("connecting", address.into())]);
            drop(tasks);
        });
        assert_eq!(shown(), [("configured", address.into())]);
    }

    #[test]
    fn waits_grow_up_to_a_minute_and_mind_what_is_asked_for() {
        let gone = RemoteError::Unreachable(String::new());
        let waits: Vec<u64> = (0..9)
            .map(|failures| wait(failures, &gone).as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        let after = Duration::from_secs(20);
        assert_eq!(wait(0, &RemoteError::TooOften { after }), after);
        let after = Duration::from_secs(1 << 40);
        assert_eq!(wait(0, &RemoteError::TooOften { after }), MAX_WAIT);
    }
}
