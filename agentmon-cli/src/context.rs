//! What every command starts from: the configuration, the present, and a monitor that is up to date.

use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use agentmon_core::clock::{Clock, SystemClock};
use agentmon_core::config::{Config, Overrides};
use agentmon_core::hooks::spool;
use agentmon_core::ingest::project::ProjectResolver;
use agentmon_core::model::Timestamp;
use agentmon_core::query::{
    Edge, Progress, RefreshOptions, RefreshReport, WeekStart, Zone, parse_when,
};
use agentmon_core::source::Env;
use agentmon_core::{Monitor, MonitorBuilder};

use crate::args::{Global, Range};
use crate::demo::{DemoHome, Playing};
use crate::error::Error;
use crate::output::progress::Bar;
use crate::output::text;

/// What every command starts from.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Home folder and environment variables.
    pub(crate) env: Env,
    /// The configuration in force.
    pub(crate) config: Config,
    /// The present, the same for the whole command.
    pub(crate) now: Timestamp,
    no_cache: bool,
    quiet: bool,
    /// The made-up home, when that is what is looked at.
    demo: Option<Rc<DemoHome>>,
}

impl Context {
    /// Reads the configuration.
    pub(crate) fn new(global: &Global, week_start: Option<WeekStart>) -> Result<Self, Error> {
        let demo = global.demo.then(DemoHome::new).transpose()?;
        let env = demo.as_ref().map_or_else(Env::from_process, DemoHome::env);
        let flags = Overrides {
            data_dir: global.data_dir.clone(),
            time_zone: global.timezone.clone(),
            week_start,
        };
        Ok(Self {
            config: Config::load(&env, &flags)?,
            env,
            now: SystemClock.now(),
            // Nothing of the demo may come among the user's own data.
            no_cache: global.no_cache || global.demo,
            quiet: global.quiet,
            demo: demo.map(Rc::new),
        })
    }

    /// Lets the demo go on, if this is one, as long as what is returned is kept.
    pub(crate) fn play_demo(&self) -> Result<Option<Playing>, Error> {
        self.demo.as_deref().map(DemoHome::play).transpose()
    }

    /// Removes the demo's folder when the process is told to stop, for commands that run until then.
    pub(crate) fn remove_demo_on_stop(&self) -> Result<(), Error> {
        self.demo
            .as_deref()
            .map_or(Ok(()), DemoHome::remove_on_stop)
    }

    /// The same, now.
    pub(crate) fn at_present(&self) -> Self {
        Self {
            now: SystemClock.now(),
            ..self.clone()
        }
    }

    /// Where days begin and in which times are shown.
    pub(crate) fn zone(&self) -> &Zone {
        &self.config.time_zone.value
    }

    /// The start and end that a range names.
    pub(crate) fn range(
        &self,
        range: &Range,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), Error> {
        let read = |flag, text: &Option<String>, edge| {
            let text = text.as_deref();
            text.map(|text| parse_when(text, edge, self.now, self.zone()))
                .transpose()
                .map_err(|error| Error::Usage(format!("{flag}: {error}")))
        };
        let since = read("--since", &range.since, Edge::Since)?;
        let until = read("--until", &range.until, Edge::Until)?;
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            return Err(Error::Usage(format!(
                "--since ({since}) is not before --until ({until})"
            )));
        }
        Ok((since, until))
    }

    /// Words of a filter as the core takes them: a folder becomes that of the project it belongs to.
    pub(crate) fn projects(&self, projects: &[String]) -> Vec<Box<str>> {
        let mut resolver = ProjectResolver::default();
        let mut word = |project: &String| -> Box<str> {
            let is_path = project.starts_with(['.', '~']) || project.contains(['/', '\\']);
            let path = self.env.expand(project);
            match path.canonicalize() {
                Ok(path) if is_path => {
                    let project = resolver.resolve(&path, self.now);
                    project.root.to_string_lossy().into()
                }
                _ if is_path => path.to_string_lossy().into(),
                _ => project.as_str().into(),
            }
        };
        projects.iter().map(&mut word).collect()
    }

    /// Opens the monitor.
    pub(crate) fn monitor(&self) -> Result<Monitor, Error> {
        self.open(MonitorBuilder::in_memory)
    }

    /// Opens the monitor, `without_cache` if it may keep nothing.
    fn open(
        &self,
        without_cache: impl FnOnce(MonitorBuilder) -> MonitorBuilder,
    ) -> Result<Monitor, Error> {
        let mut builder = Monitor::builder()
            .env(self.env.clone())
            .config(self.config.clone());
        if self.no_cache {
            builder = without_cache(builder);
        }
        let monitor = builder.open()?;
        // What hooks left while nobody stored anything.
        let data_dir = &self.config.data_dir.value;
        if !self.no_cache
            && monitor.other_writer().is_none()
            && let Err(error) = spool::replay(&monitor, data_dir)
        {
            self.warn(&format!("cannot store what hooks have left: {error}"));
        }
        if let Some(path) = monitor.moved_aside() {
            self.warn(&format!(
                "the database was damaged: it was moved to {} and is being built anew",
                path.display()
            ));
        }
        Ok(monitor)
    }

    /// A monitor that keeps nothing.
    pub(crate) fn monitor_in_memory(&self) -> Result<Monitor, Error> {
        let builder = Monitor::builder()
            .env(self.env.clone())
            .config(self.config.clone());
        Ok(builder.in_memory().open()?)
    }

    /// Opens the store for reading alone.
    pub(crate) fn reader(&self) -> Result<Monitor, Error> {
        let builder = Monitor::builder()
            .env(self.env.clone())
            .config(self.config.clone());
        Ok(builder.read_only().open()?)
    }

    /// Opens the store for writing unless another process writes: nothing is waited for.
    pub(crate) fn writer_now(&self) -> Result<Monitor, Error> {
        let builder = Monitor::builder()
            .env(self.env.clone())
            .config(self.config.clone());
        Ok(builder.lock_patience(Duration::ZERO).open()?)
    }

    /// Opens the monitor and reads what agents wrote since the last time.
    pub(crate) fn fresh_monitor(&self, options: RefreshOptions<'_>) -> Result<Monitor, Error> {
        self.refreshed(self.monitor()?, options)
    }

    /// The same for a report of usage alone.
    pub(crate) fn fresh_totals(&self, options: RefreshOptions<'_>) -> Result<Monitor, Error> {
        self.refreshed(self.open(MonitorBuilder::for_one_report)?, options)
    }

    fn refreshed(&self, monitor: Monitor, options: RefreshOptions<'_>) -> Result<Monitor, Error> {
        let report = self.with_progress(|progress| {
            monitor.refresh(&RefreshOptions {
                progress,
                ..options
            })
        })?;
        self.tell_unreadable(&report);
        Ok(monitor)
    }

    /// Does long work under a progress bar, if there is a terminal for it.
    pub(crate) fn with_progress<T>(&self, work: impl FnOnce(Option<&dyn Progress>) -> T) -> T {
        let bar = Bar::on_terminal(self.quiet);
        work(bar.as_ref().map(|bar| bar as &dyn Progress))
    }

    fn tell_unreadable(&self, report: &RefreshReport) {
        if report.unreadable > 0 {
            self.warn(&format!(
                "{} files or folders could not be read, so something may be missing: see `agentmon sources --problems`",
                report.unreadable
            ));
        }
    }

    /// Tells the user something on standard error.
    pub(crate) fn warn(&self, message: &str) {
        if !self.quiet {
            // Nobody is left to be told that this failed.
            let _ = writeln!(std::io::stderr(), "agentmon: {}", text::line(message));
        }
    }
}
