//! All gateways: those of the configuration and those that were added. Changes take effect at once and are kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::chat::Own;
use super::connection::{Command, Connection, Known, MAX_COMMANDS, Shared};
use super::entry::{
    GatewayChange, GatewayEntry, GatewayError, GatewayStatus, GatewayView, NewGateway,
};
use super::recorder::Recorder;
use super::secrets::Secrets;
use super::transcripts::Transcripts;
use crate::Monitor;
use crate::config::Secret;
use crate::source::openclaw::gateway::handshake::Credentials;
use crate::source::openclaw::gateway::link::Settings;
use crate::source::openclaw::gateway::socket::Address;
use crate::source::openclaw::gateway::talk::Role;

/// Gateways at a time.
const MAX_GATEWAYS: usize = 200;

/// All gateways. Cheap to clone: all clones are the same. Everything here needs a tokio runtime.
#[derive(Debug, Clone)]
pub struct Gateways {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) monitor: Monitor,
    pub(super) recorder: Recorder,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    secrets: Secrets,
    gateways: BTreeMap<Box<str>, Gateway>,
}

#[derive(Debug)]
pub(super) struct Gateway {
    entry: GatewayEntry,
    /// Set in the configuration file, which cannot be changed from here.
    configured: Option<Credentials>,
    pub(super) shared: Arc<Shared>,
    pub(super) running: Option<Running>,
}

#[derive(Debug)]
pub(super) struct Running {
    pub(super) commands: mpsc::Sender<Command>,
    task: JoinHandle<()>,
}

impl Gateways {
    /// Connects to all gateways that are enabled. The monitor must be the one that writes.
    ///
    /// # Errors
    /// [`GatewayError`] when the store or the file of secrets cannot be used.
    pub fn start(monitor: Monitor) -> Result<Self, GatewayError> {
        Self::only(monitor, |_| true)
    }

    /// Connects to those of the gateways that `wanted` is true for, by id and name.
    ///
    /// # Errors
    /// [`GatewayError`] when the store or the file of secrets cannot be used.
    pub fn only(
        monitor: Monitor,
        wanted: impl Fn(&GatewayEntry) -> bool,
    ) -> Result<Self, GatewayError> {
        let secrets = Secrets::open(monitor.data_dir().as_deref())?;
        let mut gateways = BTreeMap::new();
        for (entry, configured) in known(&monitor)? {
            let shared = Shared::new(&entry.id);
            let gateway = Gateway {
                entry,
                configured,
                shared,
                running: None,
            };
            gateways.insert(gateway.entry.id.clone(), gateway);
        }
        let state = State { secrets, gateways };
        let started = Self {
            inner: Arc::new(Inner {
                recorder: Recorder::start(monitor.clone()),
                monitor,
                state: Mutex::new(state),
            }),
        };
        let mut state = started.state();
        let ids: Vec<Box<str>> = state.gateways.keys().cloned().collect();
        for id in ids {
            if state
                .gateways
                .get(&id)
                .is_some_and(|gateway| wanted(&gateway.entry))
            {
                started.connect(&mut state, &id)?;
            }
        }
        drop(state);
        Ok(started)
    }

    /// All gateways with how each fared when that last changed: also without connecting to any, and beside a process that
    /// does.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn known(
        monitor: &Monitor,
    ) -> Result<Vec<(GatewayEntry, Option<GatewayStatus>)>, GatewayError> {
        let mut statuses = monitor.gateway_statuses()?;
        let entries = known(monitor)?.into_iter();
        Ok(entries
            .map(|(entry, _)| (entry.clone(), statuses.remove(&entry.id)))
            .collect())
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// All gateways, as they may be shown.
    #[must_use]
    pub fn list(&self) -> Vec<GatewayView> {
        self.state().gateways.values().map(view).collect()
    }

    /// One gateway.
    ///
    /// # Errors
    /// [`GatewayError::Unknown`].
    pub fn get(&self, id: &str) -> Result<GatewayView, GatewayError> {
        let state = self.state();
        Ok(view(find(&state, id)?))
    }

    /// Why a gateway is not connected, or its version.
    ///
    /// # Errors
    /// [`GatewayError::Unknown`].
    pub fn note(&self, id: &str) -> Result<String, GatewayError> {
        let state = self.state();
        let gateway = find(&state, id)?;
        Ok(
            match (gateway.entry.enabled, &*gateway.shared.known().note) {
                (false, _) => "disabled".to_owned(),
                (true, "") => "connecting".to_owned(),
                (true, note) => note.to_owned(),
            },
        )
    }

    /// Adds a gateway and connects to it.
    ///
    /// # Errors
    /// [`GatewayError`]; nothing is added then.
    pub fn add(&self, new: NewGateway) -> Result<GatewayView, GatewayError> {
        let address = Address::parse(&new.url)?;
        let mut state = self.state();
        if state.gateways.len() >= MAX_GATEWAYS {
            return Err(GatewayError::TooMany(MAX_GATEWAYS));
        }
        let name = match new.name.trim() {
            "" => address.as_str(),
            name => name,
        };
        let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
        let id = free_id(&name, |id| state.gateways.contains_key(id));
        let entry = GatewayEntry {
            id: id.clone(),
            name,
            url: address.as_str().to_owned(),
            enabled: new.enabled,
        };
        let filled =
            |secret: Option<Secret<String>>| secret.filter(|secret| !secret.expose().is_empty());
        let credentials = Credentials {
            token: filled(new.token),
            password: filled(new.password),
        };
        state.secrets.put(&id, credentials)?;
        self.inner.monitor.put_gateway(&entry)?;
        let gateway = Gateway {
            shared: Shared::new(&id),
            entry,
            configured: None,
            running: None,
        };
        state.gateways.insert(id.clone(), gateway);
        self.connect(&mut state, &id)?;
        Ok(view(find(&state, &id)?))
    }

    /// Changes a gateway. The connection is made anew.
    ///
    /// # Errors
    /// [`GatewayError`]; nothing is changed then.
    pub fn change(&self, id: &str, change: GatewayChange) -> Result<GatewayView, GatewayError> {
        let address = change.url.as_deref().map(Address::parse).transpose()?;
        let mut state = self.state();
        let gateway = find(&state, id)?;
        if gateway.configured.is_some() {
            return Err(GatewayError::Configured(id.to_owned()));
        }
        let mut entry = gateway.entry.clone();
        if let Some(name) = change.name.as_deref().map(str::trim) {
            if name.is_empty() {
                return Err(GatewayError::Invalid("a gateway has a name"));
            }
            entry.name = name.chars().filter(|c| !c.is_control()).take(100).collect();
        }
        if let Some(address) = address {
            entry.url = address.as_str().to_owned();
        }
        entry.enabled = change.enabled.unwrap_or(entry.enabled);
        let mut credentials = state.secrets.get(id);
        let set = |slot: &mut Option<Secret<String>>, given: Option<Secret<String>>| {
            if let Some(secret) = given {
                *slot = (!secret.expose().is_empty()).then_some(secret);
            }
        };
        set(&mut credentials.token, change.token);
        set(&mut credentials.password, change.password);
        state.secrets.put(id, credentials)?;
        self.inner.monitor.put_gateway(&entry)?;
        if let Some(gateway) = state.gateways.get_mut(id) {
            gateway.entry = entry;
            if let Some(running) = gateway.running.take() {
                stop(running);
            }
            *gateway.shared.known() = Known::default();
        }
        self.connect(&mut state, id)?;
        Ok(view(find(&state, id)?))
    }

    /// Removes a gateway, with its secrets and everything that was said through it. Sessions that were seen stay.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub fn remove(&self, id: &str) -> Result<(), GatewayError> {
        let mut state = self.state();
        if find(&state, id)?.configured.is_some() {
            return Err(GatewayError::Configured(id.to_owned()));
        }
        if let Some(gateway) = state.gateways.remove(id) {
            gateway.shared.chats.close();
            if let Some(running) = gateway.running {
                stop(running);
            }
        }
        state.secrets.remove(id)?;
        Ok(self.inner.monitor.remove_gateway(id)?)
    }

    /// Closes all connections, and waits until what was heard is stored.
    pub async fn stop(&self) {
        let running: Vec<Running> = {
            let mut state = self.state();
            state
                .gateways
                .values_mut()
                .filter_map(|gateway| gateway.running.take())
                .collect()
        };
        for running in running {
            // A task that has ended already needs no word.
            let _ = running.commands.send(Command::Stop).await;
            if let Err(error) = running.task.await {
                tracing::error!(%error, "the task of a gateway failed");
            }
        }
    }

    fn connect(&self, state: &mut State, id: &str) -> Result<(), GatewayError> {
        let monitor = &self.inner.monitor;
        let Some(gateway) = state
            .gateways
            .get_mut(id)
            .filter(|gateway| gateway.entry.enabled)
        else {
            return Ok(());
        };
        let address = Address::parse(&gateway.entry.url)?;
        let settings = Settings {
            credentials: match &gateway.configured {
                Some(configured) => configured.clone(),
                None => state.secrets.get(id),
            },
            identity: Some(state.secrets.identity()),
            sends_identity: !address.is_loopback(),
        };
        for (session_key, message) in monitor.open_chat_messages(id)? {
            if let (Some(run), Role::User) = (&message.run, message.role) {
                let own = Own {
                    id: message.id,
                    text: message.text,
                    at: message.at,
                };
                gateway.shared.chats.begin(&session_key, run, own);
            }
        }
        let transcripts = Transcripts::new(monitor.gateway_progress(id)?);
        let (shared, recorder) = (gateway.shared.clone(), self.inner.recorder.clone());
        let connection = Connection::new(
            shared,
            monitor.clone(),
            recorder,
            address,
            settings,
            transcripts,
        );
        let (commands, queued) = mpsc::channel(MAX_COMMANDS);
        let task = tokio::spawn(connection.run(queued));
        gateway.running = Some(Running { commands, task });
        Ok(())
    }
}

/// Tells a task to end, without waiting for it.
fn stop(running: Running) {
    tokio::spawn(async move {
        // A task that has ended already needs no word.
        let _ = running.commands.send(Command::Stop).await;
    });
}

/// All gateways, with the secrets of those that the configuration file sets.
fn known(monitor: &Monitor) -> Result<Vec<(GatewayEntry, Option<Credentials>)>, GatewayError> {
    let mut found: Vec<(GatewayEntry, Option<Credentials>)> = Vec::new();
    for gateway in monitor.config().gateways.iter().map(|set| &set.value) {
        let id = free_id(&gateway.name, |id| {
            found.iter().any(|(known, _)| *known.id == *id)
        });
        let read = |place: &Option<crate::config::SecretPlace>| place.as_ref()?.read(monitor.env());
        let credentials = Credentials {
            token: read(&gateway.token),
            password: read(&gateway.password),
        };
        let entry = GatewayEntry {
            id,
            name: gateway.name.clone(),
            url: gateway.address.as_str().to_owned(),
            enabled: gateway.enabled,
        };
        found.push((entry, Some(credentials)));
    }
    for entry in monitor.gateway_entries()? {
        // A name that the file took since then is the file's.
        if found.iter().all(|(known, _)| known.id != entry.id) {
            found.push((entry, None));
        }
    }
    Ok(found)
}

pub(super) fn find<'a>(state: &'a State, id: &str) -> Result<&'a Gateway, GatewayError> {
    state
        .gateways
        .get(id)
        .ok_or_else(|| GatewayError::Unknown(id.to_owned()))
}

fn view(gateway: &Gateway) -> GatewayView {
    GatewayView {
        id: gateway.entry.id.clone(),
        name: gateway.entry.name.clone(),
        url: gateway.entry.url.clone(),
        connected: gateway.entry.enabled && gateway.shared.known().hello.is_some(),
    }
}

/// An id from a name that is not taken: letters, digits and dashes.
fn free_id(name: &str, is_taken: impl Fn(&str) -> bool) -> Box<str> {
    let name = name
        .trim_start_matches("wss://")
        .trim_start_matches("ws://");
    let mut id = String::new();
    for c in name.chars().flat_map(char::to_lowercase).take(60) {
        if c.is_ascii_alphanumeric() {
            id.push(c);
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
    }
    let id = id.trim_end_matches('-');
    let id = if id.is_empty() { "gateway" } else { id };
    let numbered = (1..).map(|number| {
        if number == 1 {
            id.to_owned()
        } else {
            format!("{id}-{number}")
        }
    });
    let mut free = numbered.filter(|id| !is_taken(id));
    free.next().unwrap_or_default().into()
}
