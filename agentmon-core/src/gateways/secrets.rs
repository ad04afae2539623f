//! Tokens, passwords and the device's key: one file that only its owner can read (0600), replaced as a whole. Nothing in it
//! is ever shown, logged or exported (I10). Where nothing is kept, it is in memory alone.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::config::Secret;
use crate::source::openclaw::gateway::device::Identity;
use crate::source::openclaw::gateway::handshake::Credentials;

/// The file's name in the data folder.
const FILE: &str = "gateway-secrets.json";

/// Why secrets cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The file.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Others can read it.
    #[error("{} can be read by others: `chmod 600` it, and change the tokens in it", .0.display())]
    Open(PathBuf),
    /// It is damaged.
    #[error("{} is damaged: move it away, and add the gateways' tokens again", .0.display())]
    Damaged(PathBuf),
    /// There is no randomness.
    #[error("the system has no randomness for a key")]
    Random,
}

/// The secrets.
#[derive(Debug)]
pub(super) struct Secrets {
    path: Option<PathBuf>,
    device: Secret<[u8; 32]>,
    gateways: BTreeMap<String, Credentials>,
}

impl Secrets {
    /// Reads the secrets, and makes the device's key where there is none yet.
    pub(super) fn open(folder: Option<&Path>) -> Result<Self, SecretsError> {
        let path = folder.map(|folder| folder.join(FILE));
        let found = match &path {
            Some(path) => read(path)?,
            None => None,
        };
        if let Some((device, gateways)) = found {
            let device = Secret::new(device);
            return Ok(Self {
                path,
                device,
                gateways,
            });
        }
        let mut device = [0; 32];
        getrandom::fill(&mut device).map_err(|_| SecretsError::Random)?;
        let secrets = Self {
            path,
            device: Secret::new(device),
            gateways: BTreeMap::new(),
        };
        secrets.write()?;
        Ok(secrets)
    }

    pub(super) fn identity(&self) -> Identity {
        Identity::new(self.device.expose())
    }

    pub(super) fn get(&self, gateway: &str) -> Credentials {
        self.gateways.get(gateway).cloned().unwrap_or_default()
    }

    pub(super) fn put(
        &mut self,
        gateway: &str,
        credentials: Credentials,
    ) -> Result<(), SecretsError> {
        self.gateways.insert(gateway.to_owned(), credentials);
        self.write()
    }

    pub(super) fn remove(&mut self, gateway: &str) -> Result<(), SecretsError> {
        self.gateways.remove(gateway);
        self.write()
    }

    fn write(&self) -> Result<(), SecretsError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let mut gateways = Map::new();
        for (id, credentials) in &self.gateways {
            let expose = |secret: &Option<Secret<String>>| {
                secret.as_ref().map(|secret| secret.expose().clone())
            };
            let (token, password) = (expose(&credentials.token), expose(&credentials.password));
            gateways.insert(id.clone(), json!({"token": token, "password": password}));
        }
        let text = json!({"device": STANDARD.encode(self.device.expose()), "gateways": gateways})
            .to_string();
        let temporary = path.with_extension("tmp");
        let replace = || {
            // A file that is left over keeps its mode: a new one gets the right one.
            match fs::remove_file(&temporary) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut options = fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&temporary)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, path)
        };
        replace().map_err(|source| SecretsError::File {
            path: path.clone(),
            source,
        })
    }
}

type Content = ([u8; 32], BTreeMap<String, Credentials>);

fn read(path: &Path) -> Result<Option<Content>, SecretsError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(SecretsError::File {
                path: path.into(),
                source,
            });
        }
    };
    #[cfg(unix)]
    if fs::metadata(path)
        .is_ok_and(|file| std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o077 != 0)
    {
        return Err(SecretsError::Open(path.into()));
    }
    content(&text)
        .map(Some)
        .ok_or_else(|| SecretsError::Damaged(path.into()))
}

fn content(text: &str) -> Option<Content> {
    let value: Value = serde_json::from_str(text).ok()?;
    let device = STANDARD.decode(value["device"].as_str()?).ok()?;
    let gateways = value["gateways"].as_object()?.iter().map(|(id, kept)| {
        let secret = |name: &str| kept[name].as_str().map(|text| Secret::new(text.to_owned()));
        let credentials = Credentials {
            token: secret("token"),
            password: secret("password"),
        };
        (id.clone(), credentials)
    });
    Some((device.try_into().ok()?, gateways.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_kept_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut secrets = Secrets::open(Some(folder.path())).unwrap();
        let id = secrets.identity().id().to_owned();
        let credentials = Credentials {
            token: Some(Secret::new("t0p".to_owned())),
            password: None,
        };
        secrets.put("home", credentials).unwrap();
        assert!(!format!("{secrets:?}").contains("t0p"));
        let again = Secrets::open(Some(folder.path())).unwrap();
        assert_eq!(again.identity().id(), id);
        assert_eq!(again.get("home").token.unwrap().expose(), "t0p");
        assert!(again.get("other").token.is_none());
        let path = folder.path().join(FILE);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            assert!(matches!(
                Secrets::open(Some(folder.path())),
                Err(SecretsError::Open(_))
            ));
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        fs::write(&path, "{}").unwrap();
        let error = Secrets::open(Some(folder.path())).unwrap_err();
        assert!(matches!(error, SecretsError::Damaged(_)), "{error}");
    }
}
