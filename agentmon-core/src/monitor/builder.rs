//! Settings of a monitor and how it opens.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::{broadcast, watch};

use super::{Inner, Monitor, RING};
use crate::Error;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Overrides};
use crate::pricing::{PriceBook, PriceOverride};
use crate::session::StatePolicy;
use crate::source::{Env, FileFormat, formats};
use crate::store::sqlite::{Readers, Writer, open_reader, open_writer, suspect};
use crate::store::{LockError, StoreError, WriterLock};

/// The database's file name in the data folder.
const DATABASE: &str = "agentmon.db";
/// The lock's file name in the data folder.
const LOCK: &str = "writer.lock";
/// How long to wait for another short-lived writer to finish, unless told otherwise.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// Settings of a [`Monitor`], all with defaults.
#[derive(Debug, Default)]
pub struct MonitorBuilder {
    env: Option<Env>,
    config: Option<Config>,
    data_dir: Option<PathBuf>,
    clock: Option<Arc<dyn Clock>>,
    formats: Option<Vec<Box<dyn FileFormat>>>,
    in_memory: bool,
    for_one_report: bool,
    read_only: bool,
    lock_patience: Option<Duration>,
}

impl MonitorBuilder {
    /// Home folder and variables instead of the process's own.
    #[must_use]
    pub fn env(mut self, env: Env) -> Self {
        self.env = Some(env);
        self
    }

    /// A configuration instead of the one that the environment leads to.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(config);
        self
    }

    /// The folder for agentmon's own files instead of the configured one.
    #[must_use]
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Other file formats than the built-in ones: embedders add their own to [`formats`].
    #[must_use]
    pub fn formats(mut self, formats: Vec<Box<dyn FileFormat>>) -> Self {
        self.formats = Some(formats);
        self
    }

    /// Keeps everything in memory: reads and writes no file of agentmon's own.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.in_memory = true;
        self
    }

    /// In memory, and the fastest way to one report of usage: model calls stay beside the database. Usage is the same,
    /// but events do not tell what the calls beneath them used, and [`Monitor::db_check`] has nothing to compare
    /// totals with.
    #[must_use]
    pub fn for_one_report(mut self) -> Self {
        self.for_one_report = true;
        self.in_memory()
    }

    /// Only reads the database, even if nobody writes.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// How long to wait for another process that writes before this one only reads (by default two seconds).
    #[must_use]
    pub fn lock_patience(mut self, patience: Duration) -> Self {
        self.lock_patience = Some(patience);
        self
    }

    /// Opens the monitor. If another process writes to the data folder, this one reads (see
    /// [`Monitor::other_writer`]).
    ///
    /// # Errors
    /// [`Error`] when the configuration, a price or the database cannot be used.
    pub fn open(self) -> Result<Monitor, Error> {
        let env = self.env.unwrap_or_else(Env::from_process);
        let config = match self.config {
            Some(config) => config,
            None => Config::load(&env, &Overrides::default())?,
        };
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let data_dir = self
            .data_dir
            .unwrap_or_else(|| config.data_dir.value.clone());
        let formats = self.formats.unwrap_or_else(formats);
        let (formats, disabled) = formats
            .into_iter()
            .partition(|format| config.is_enabled(&format.agent()));
        let mut inner = Inner {
            book: price_book(&config)?,
            policy: policy(&config),
            formats,
            disabled,
            env,
            config,
            clock,
            path: None,
            moved_aside: None,
            writer: None,
            readers: None,
            other_writer: None,
            updates: broadcast::channel(RING).0,
            committed: watch::channel(0).1,
            queue: OnceLock::new(),
            remotes: super::remote::Remotes::default(),
            _lock: None,
        };
        if self.in_memory {
            let opened = open_writer(None, inner.clock.now())?;
            let mut writer = Writer::new(opened, None, inner.book.clone(), inner.policy.clone())?;
            if self.for_one_report {
                writer = writer.holding_calls();
            }
            set_writer(&mut inner, writer);
        } else {
            let patience = self.lock_patience.unwrap_or(LOCK_PATIENCE);
            open_file(&mut inner, &data_dir, self.read_only, patience)?;
        }
        inner.settle_hosts()?;
        Ok(Monitor {
            inner: Arc::new(inner),
        })
    }
}

fn open_file(
    inner: &mut Inner,
    data_dir: &Path,
    read_only: bool,
    patience: Duration,
) -> Result<(), Error> {
    let path = data_dir.join(DATABASE);
    if !read_only {
        create_private_folder(data_dir)?;
        match take_lock(&data_dir.join(LOCK), patience) {
            Ok(lock) => {
                let open = |inner: &mut Inner| {
                    let opened = open_writer(Some(&path), inner.clock.now())?;
                    inner.moved_aside.clone_from(&opened.moved_aside);
                    let (book, policy) = (inner.book.clone(), inner.policy.clone());
                    Writer::new(opened, Some(path.clone()), book, policy)
                };
                let writer = match open(inner) {
                    // Damage that the first reads met: now all of it is looked at.
                    Err(StoreError::Damaged(_)) => {
                        suspect(&path);
                        open(inner)?
                    }
                    result => result?,
                };
                set_writer(inner, writer);
                inner._lock = Some(lock);
            }
            Err(LockError::Held { pid }) => inner.other_writer = Some(pid),
            Err(LockError::Io(source)) => {
                return Err(StoreError::Folder {
                    path: data_dir.into(),
                    source,
                }
                .into());
            }
        }
    }
    if inner.writer.is_none() {
        // Says now, not at the first question, that there is nothing to read.
        drop(open_reader(&path)?);
    }
    inner.readers = Some(Readers::new(path.clone()));
    inner.path = Some(path);
    Ok(())
}

fn set_writer(inner: &mut Inner, writer: Writer) {
    let projects = inner.env.var("AGENTMONITOR_PROJECTS_DIR");
    let writer = writer.projects_below(projects.map(|folder| inner.env.expand(folder)));
    inner.committed = writer.committed();
    inner.writer = Some(Mutex::new(writer));
}

fn take_lock(path: &Path, patience: Duration) -> Result<WriterLock, LockError> {
    let begin = Instant::now();
    loop {
        match WriterLock::take(path) {
            Err(LockError::Held { .. }) if begin.elapsed() < patience => {
                std::thread::sleep(Duration::from_millis(20));
            }
            result => return result,
        }
    }
}

fn create_private_folder(path: &Path) -> Result<(), StoreError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| StoreError::Folder {
        path: path.into(),
        source,
    })
}

/// The embedded prices with the user's own in front.
fn price_book(config: &Config) -> Result<Arc<PriceBook>, Error> {
    let overrides: Vec<PriceOverride> = config
        .prices
        .iter()
        .map(|price| price.value.clone())
        .collect();
    Ok(Arc::new(PriceBook::with_overrides(&overrides)?))
}

/// The state machine's times as configured.
fn policy(config: &Config) -> StatePolicy {
    let mut policy = StatePolicy {
        stall_after: config.state.stall_after.value,
        ..StatePolicy::default()
    };
    if let Some(complete_after) = config.state.complete_after.value {
        let agents = policy.agents.values_mut();
        for agent in agents.chain([&mut policy.other]) {
            agent.complete_after = complete_after;
        }
    }
    policy
}
