//! Settings files of agents on disk: read, written whole or not at all, and what is needed to undo that.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use agentmon_core::model::FactKey;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The folder, in agentmon's own, of what was there before.
const FOLDER: &str = "hooks";

/// A settings file before and after hooks were installed in it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Undo {
    /// `None` when there was no file.
    pub(super) before: Option<String>,
    pub(super) after: String,
}

impl Undo {
    pub(super) fn find(data_dir: &Path, path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(place(data_dir, path)).ok()?).ok()
    }

    /// Keeps it. Of several installations the first knows what was there before.
    pub(super) fn keep(
        data_dir: &Path,
        path: &Path,
        before: Option<String>,
        after: &str,
    ) -> Result<(), Error> {
        let former = Self::find(data_dir, path);
        let before = match former {
            Some(former) if before.as_deref() == Some(&former.after) => former.before,
            _ => before,
        };
        let undo = Self {
            before,
            after: after.to_owned(),
        };
        let place = place(data_dir, path);
        if let Some(folder) = place.parent() {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(folder)?;
        }
        replace(
            &place,
            &serde_json::to_vec(&undo).map_err(io::Error::other)?,
            None,
        )?;
        Ok(())
    }

    pub(super) fn forget(data_dir: &Path, path: &Path) {
        // Left behind, it fits no file any more.
        let _ = fs::remove_file(place(data_dir, path));
    }
}

fn place(data_dir: &Path, path: &Path) -> PathBuf {
    let name = FactKey::new("settings.path", &[path.as_os_str().as_encoded_bytes()]);
    data_dir.join(FOLDER).join(format!("{:016x}.json", name.0))
}

/// The text of a file; `None` when there is none.
pub(super) fn read(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => Ok(None),
        Err(error) => Err(Error::Settings(format!(
            "cannot read {}: {error}",
            path.display()
        ))),
    }
}

/// Writes the new text of a file that still has the old one, or deletes the file.
pub(super) fn write(path: &Path, before: Option<&str>, after: Option<&str>) -> Result<(), Error> {
    if read(path)?.as_deref() != before {
        return Err(Error::Settings(format!(
            "{} has just been changed by somebody else: try again",
            path.display()
        )));
    }
    let error = |error| Error::Settings(format!("cannot write {}: {error}", path.display()));
    let Some(after) = after else {
        return fs::remove_file(path).map_err(error);
    };
    // A link stays one: what it leads to is written.
    let real = match before {
        Some(_) => fs::canonicalize(path).map_err(error)?,
        None => path.to_owned(),
    };
    let permissions = fs::metadata(&real).ok().map(|file| file.permissions());
    if let Some(folder) = real.parent() {
        fs::create_dir_all(folder).map_err(error)?;
    }
    replace(&real, after.as_bytes(), permissions).map_err(error)
}

/// Puts a file in the place of another, at once. Without permissions only its owner can read it.
fn replace(path: &Path, bytes: &[u8], permissions: Option<fs::Permissions>) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
