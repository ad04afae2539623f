//! Tokens: random words that are shown once and kept as hashes, in a file that only its owner can read.
//!
//! One token is made on the first start and kept in the clear, for control by programs of the same user: who can read
//! that file could do everything without it.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::scope::{Scope, Scopes};
use agentmon_core::config::Secret;

/// The file of tokens in the data folder.
const FILE: &str = "tokens.json";
/// The file of the control token in the data folder.
const CONTROL_FILE: &str = "control.token";
/// What tokens begin with, so that scanners for leaked secrets know them.
const PREFIX: &str = "agentmon_";

/// A SHA-256 hash. Tokens are random and long: no slower hash would make them safer.
pub(crate) type Hash = [u8; 32];

/// What can go wrong with tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A file cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is no list of tokens.
    #[error("{} does not hold tokens: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The name is taken.
    #[error("there is a token {0:?} already")]
    Exists(String),
    /// No token has that name.
    #[error("there is no token {0:?}")]
    Missing(String),
    /// The system has no randomness.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

/// A token as it is listed: never the token itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// What it is called.
    pub name: String,
    /// What it allows.
    pub scopes: Scopes,
}

#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    name: String,
    sha256: String,
    scopes: Scopes,
}

#[derive(Default, Serialize, Deserialize)]
struct File {
    version: u32,
    tokens: Vec<Stored>,
}

/// What shows that a file was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    modified: Option<SystemTime>,
    length: u64,
}

impl Version {
    /// `None` while there is no file.
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
        })
    }
}

/// The tokens of a data folder as they are now: another process may create and revoke some.
#[derive(Debug, Default)]
pub(crate) struct CurrentTokens {
    folder: Option<PathBuf>,
    /// Those that are in no file and end with this server.
    lent: Vec<(Hash, Scopes)>,
    read: RwLock<(Option<Version>, Tokens)>,
}

impl CurrentTokens {
    /// The tokens of a folder.
    pub(crate) fn open(folder: &Path) -> Result<Self, TokenError> {
        // A change between the look and the reading is noticed with the next look.
        let version = Version::of(&folder.join(FILE));
        Ok(Self {
            folder: Some(folder.to_owned()),
            lent: Vec::new(),
            read: RwLock::new((version, Tokens::open(folder)?)),
        })
    }

    /// A token that allows to tell what agents do, until this server ends.
    pub(crate) fn lend(&mut self) -> Result<Secret<String>, TokenError> {
        let token = new_token()?;
        self.lent
            .push((hash(&token), Scopes::from([Scope::Ingest])));
        Ok(Secret::new(token))
    }

    /// Whether any was created.
    pub(crate) fn has_created(&self) -> bool {
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        !read.1.created.is_empty()
    }

    /// A token's hash and what it allows.
    pub(crate) fn find(&self, token: &str) -> Option<(Hash, Scopes)> {
        self.look();
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        find(read.1.known.iter().chain(&self.lent), token)
    }

    /// Reads the file again if it is another one now.
    fn look(&self) {
        let Some(folder) = &self.folder else { return };
        let version = Version::of(&folder.join(FILE));
        let known = self.read.read().unwrap_or_else(PoisonError::into_inner).0;
        if version == known {
            return;
        }
        let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
        match Tokens::open(folder) {
            Ok(tokens) => read.1 = tokens,
            // Nobody is let in or locked out by a file that somebody broke.
            Err(error) => tracing::error!(%error, "tokens stay as they were"),
        }
        read.0 = version;
    }
}

/// The tokens of a data folder.
#[derive(Default)]
pub struct Tokens {
    path: Option<PathBuf>,
    created: Vec<Stored>,
    /// The control token first, then those that were created.
    known: Vec<(Hash, Scopes)>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("path", &self.path)
            .field("tokens", &self.created.len())
            .finish_non_exhaustive()
    }
}

impl Tokens {
    /// The tokens of a folder; its control token is made when there is none.
    ///
    /// # Errors
    /// [`TokenError`] when a file cannot be used.
    pub fn open(folder: &Path) -> Result<Self, TokenError> {
        let control = control(folder)?;
        let path = folder.join(FILE);
        let file = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|source| TokenError::Format {
                path: path.clone(),
                source,
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => File::default(),
            Err(source) => return Err(TokenError::File { path, source }),
        };
        let mut tokens = Self {
            path: Some(path),
            created: file.tokens,
            known: vec![(hash(&control), Scopes::ALL)],
        };
        let created = tokens.created.iter();
        let created: Vec<_> = created
            .filter_map(|one| Some((unhex(&one.sha256)?, one.scopes)))
            .collect();
        tokens.known.extend(created);
        Ok(tokens)
    }

    /// Creates a token and returns it. It cannot be shown again.
    ///
    /// # Errors
    /// [`TokenError`] when the name is taken or the file cannot be written.
    pub fn create(&mut self, name: &str, scopes: Scopes) -> Result<String, TokenError> {
        if self.created.iter().any(|token| token.name == name) {
            return Err(TokenError::Exists(name.to_owned()));
        }
        let token = new_token()?;
        let hash = hash(&token);
        self.created.push(Stored {
            name: name.to_owned(),
            sha256: hex(&hash),
            scopes,
        });
        self.save()?;
        self.known.push((hash, scopes));
        Ok(token)
    }

    /// Revokes a token. A server that runs forgets it too.
    ///
    /// # Errors
    /// [`TokenError`] when there is none of that name or the file cannot be written.
    pub fn revoke(&mut self, name: &str) -> Result<(), TokenError> {
        let at = self.created.iter().position(|token| token.name == name);
        let Some(at) = at else {
            return Err(TokenError::Missing(name.to_owned()));
        };
        let revoked = self.created.remove(at);
        self.known.retain(|(hash, _)| hex(hash) != revoked.sha256);
        self.save()
    }

    /// The tokens that were created.
    pub fn list(&self) -> impl Iterator<Item = TokenInfo> {
        self.created.iter().map(|token| TokenInfo {
            name: token.name.clone(),
            scopes: token.scopes,
        })
    }

    fn save(&self) -> Result<(), TokenError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let file = File {
            version: 1,
            tokens: self.created.clone(),
        };
        let text = serde_json::to_vec_pretty(&file).map_err(|source| TokenError::Format {
            path: path.clone(),
            source,
        })?;
        // Another name first: a file that was written half would lock everybody out.
        let new = path.with_extension("json.new");
        let _ = fs::remove_file(&new);
        let error = |source| TokenError::File {
            path: path.clone(),
            source,
        };
        write_private(&new, &text).map_err(error)?;
        fs::rename(&new, path).map_err(error)
    }
}

/// A token's hash and what it allows. Takes as long whether it is known or not.
fn find<'a>(
    known: impl Iterator<Item = &'a (Hash, Scopes)>,
    token: &str,
) -> Option<(Hash, Scopes)> {
    let given = hash(token);
    let mut found = None;
    for (known, scopes) in known {
        let is_same: Choice = known.ct_eq(&given);
        if is_same.into() {
            found = Some((*known, *scopes));
        }
    }
    found
}

/// The control token of a folder, made when there is none.
fn control(folder: &Path) -> Result<String, TokenError> {
    let path = folder.join(CONTROL_FILE);
    let error = |source| TokenError::File {
        path: path.clone(),
        source,
    };
    match fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => fs::remove_file(&path).map_err(error)?,
        Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => {}
        Err(source) => return Err(error(source)),
    }
    let token = new_token()?;
    fs::create_dir_all(folder).map_err(error)?;
    write_private(&path, format!("{token}\n").as_bytes()).map_err(error)?;
    Ok(token)
}

/// Writes a new file that only its owner can read.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn new_token() -> Result<String, TokenError> {
    Ok(format!("{PREFIX}{}", random(32)?))
}

/// So many random bytes as text; 32 at most.
pub(crate) fn random(length: usize) -> Result<String, TokenError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(TokenError::Random)?;
    Ok(hex(&bytes[..length.min(bytes.len())]))
}

pub(super) fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    if text.len() != hash.len() * 2 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Scope;

    #[test]
    fn tokens_are_kept_as_hashes_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut tokens = Tokens::open(dir.path()).unwrap();
        assert!(tokens.created.is_empty());
        let read = Scopes::from([Scope::Read]);
        let token = tokens.create("board", read).unwrap();
        assert!(matches!(
            tokens.create("board", read),
            Err(TokenError::Exists(_))
        ));
        let control = control(dir.path()).unwrap();

        let tokens = Tokens::open(dir.path()).unwrap();
        assert_eq!(
            find(tokens.known.iter(), &token).map(|(_, scopes)| scopes),
            Some(read)
        );
        assert_eq!(
            find(tokens.known.iter(), &control).map(|(_, scopes)| scopes),
            Some(Scopes::ALL)
        );
        assert_eq!(find(tokens.known.iter(), ""), None);
        let file = fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert!(!file.contains(&token) && !format!("{tokens:?}").contains(&token));
        #[cfg(unix)]
        for name in [FILE, CONTROL_FILE] {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(dir.path().join(name))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }

        let mut tokens = tokens;
        tokens.revoke("board").unwrap();
        assert_eq!(find(tokens.known.iter(), &token), None);
        assert!(find(Tokens::open(dir.path()).unwrap().known.iter(), &token).is_none());
        assert!(matches!(
            tokens.revoke("board"),
            Err(TokenError::Missing(_))
        ));
    }
}
