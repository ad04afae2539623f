//! Which project a folder belongs to, and on which branch it is. git is never run: a session's folder is whatever an
//! agent wrote down, and running git there would run that repository's configuration.
//!
//! The rules are those of `gitrepository-layout(5)`: the nearest folder upwards with a `.git` is the top of a work
//! tree. A `.git` file names the real git folder (`gitdir: ...`), and that of a linked work tree names the one that it
//! shares with its repository (`commondir`). All work trees of a repository are one project.
//!
//! Everything read is hostile: paths of at most 4 KiB, at most 4 KiB of ordinary files, a bounded number of folders.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf, Prefix};

use crate::model::{Located, Span, Timestamp};

/// Largest file that is read. git's own are below 300 bytes.
const MAX_FILE: usize = 4096;
/// Longest path that is looked up, in bytes. Systems allow no more.
const MAX_PATH: usize = 4096;
/// Folders looked at on the way up.
const MAX_DEPTH: usize = 64;
/// Folders remembered.
const MAX_CACHED: usize = 4096;
/// How long a folder's project is believed: repositories are made and work trees removed while sessions run.
const MAX_AGE: Span = Span::from_mins(1);

/// Where agents put the work trees that they make, below the repository.
const WORKTREE_FOLDERS: [&[&str]; 2] = [&[".claude", "worktrees"], &[".worktrees"]];

/// A repository, or a folder that is in none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Project {
    /// The top of the repository's main work tree, the bare repository itself, or the folder. It need not exist.
    pub root: PathBuf,
    /// What people call it: the last part of `root`.
    pub name: String,
    /// The name of the linked work tree, when the folder is in one.
    pub worktree: Option<String>,
}

impl Project {
    fn new(root: PathBuf, worktree: Option<String>) -> Self {
        let name = root.file_name().map_or_else(
            || root.to_string_lossy().into_owned(),
            |name| name.to_string_lossy().into_owned(),
        );
        let name = name
            .strip_suffix(".git")
            .filter(|stem| !stem.is_empty())
            .map_or(name.clone(), str::to_owned);
        Self {
            root,
            name,
            worktree,
        }
    }
}

impl From<&Located> for Project {
    fn from(located: &Located) -> Self {
        Self {
            root: PathBuf::from(&*located.root),
            name: located.name.to_string(),
            worktree: located.worktree.as_deref().map(str::to_owned),
        }
    }
}

/// Finds projects and remembers them for a minute.
#[derive(Debug, Default)]
pub struct ProjectResolver {
    cache: HashMap<PathBuf, (Timestamp, Project)>,
}

impl ProjectResolver {
    /// The project of a folder, which need not exist: without a repository it is the folder itself.
    pub fn resolve(&mut self, cwd: &Path, now: Timestamp) -> Project {
        if let Some((at, project)) = self.cache.get(cwd)
            && *at <= now
            && now - *at < MAX_AGE
        {
            return project.clone();
        }
        let project = find(cwd);
        if self.cache.len() >= MAX_CACHED {
            self.cache.clear();
        }
        self.cache.insert(cwd.to_owned(), (now, project.clone()));
        project
    }
}

/// The branch that is checked out in a folder's work tree; seven digits of the commit when none is. `None` outside of
/// repositories and where `HEAD` makes no sense.
#[must_use]
pub fn branch(cwd: &Path) -> Option<String> {
    let head = read_small(&repository(&real(cwd)?)?.git_dir.join("HEAD"))?;
    let head = head.trim_end();
    if let Some(reference) = head.strip_prefix("ref:") {
        let reference = reference.trim_start();
        let name = reference
            .strip_prefix("refs/heads/")
            .or_else(|| reference.strip_prefix("refs/"))?;
        // `.invalid` stands there when branches are kept in another format.
        let valid = !name.is_empty() && name != ".invalid" && !name.contains(char::is_control);
        return valid.then(|| name.to_owned());
    }
    let is_commit = [40, 64].contains(&head.len()) && head.bytes().all(|b| b.is_ascii_hexdigit());
    is_commit.then(|| head[..7].to_owned())
}

fn find(cwd: &Path) -> Project {
    if cwd.as_os_str().len() > MAX_PATH {
        return Project::new(cwd.to_owned(), None);
    }
    let laid_out = laid_out(cwd);
    let found = real(cwd).and_then(|folder| repository(&folder));
    match (found, laid_out) {
        (Some(found), laid_out) => {
            let root = fs::canonicalize(&found.root).unwrap_or(found.root);
            // A work tree that is gone leaves the folder of its repository to be found.
            let gone = laid_out.filter(|(repository, _)| {
                fs::canonicalize(repository).is_ok_and(|repository| repository == root)
            });
            Project::new(root, found.worktree.or(gone.map(|(_, name)| name)))
        }
        (None, Some((repository, name))) => Project::new(repository, Some(name)),
        (None, None) => Project::new(cwd.to_owned(), None),
    }
}

/// The folder with links resolved, or as it is written when it does not exist here. `None` for what must not be looked
/// up: a relative path would be taken from agentmon's own folder, and on Windows one that names a server would make
/// the system log in there.
fn real(cwd: &Path) -> Option<PathBuf> {
    let local = match cwd.components().next() {
        Some(Component::Prefix(prefix)) => {
            matches!(prefix.kind(), Prefix::Disk(_) | Prefix::VerbatimDisk(_))
        }
        _ => true,
    };
    if !local || !cwd.is_absolute() || cwd.as_os_str().len() > MAX_PATH {
        return None;
    }
    Some(fs::canonicalize(cwd).unwrap_or_else(|_| cwd.to_owned()))
}

/// The repository and name of a work tree, by its path alone: `<repository>/.claude/worktrees/<name>/...`.
fn laid_out(cwd: &Path) -> Option<(PathBuf, String)> {
    let parts: Vec<Component<'_>> = cwd.components().collect();
    for (at, _) in parts.iter().enumerate().skip(1) {
        for folders in WORKTREE_FOLDERS {
            let end = at + folders.len();
            let matches = parts.get(at..end).is_some_and(|parts| {
                parts
                    .iter()
                    .zip(folders)
                    .all(|(part, folder)| part.as_os_str() == *folder)
            });
            if let Some(Component::Normal(name)) = parts.get(end).filter(|_| matches) {
                let repository = parts[..at].iter().collect();
                return Some((repository, name.to_string_lossy().into_owned()));
            }
        }
    }
    None
}

struct Repository {
    /// The folder with this work tree's `HEAD`.
    git_dir: PathBuf,
    root: PathBuf,
    worktree: Option<String>,
}

/// The repository that a folder is in.
fn repository(folder: &Path) -> Option<Repository> {
    folder.ancestors().take(MAX_DEPTH).find_map(|top| {
        let dot_git = top.join(".git");
        match fs::metadata(&dot_git) {
            Ok(metadata) if metadata.is_file() => Some(linked(top, &dot_git)),
            Ok(_) if is_git_dir(&dot_git) || is_closed(&dot_git) => Some(Repository {
                git_dir: dot_git,
                root: top.to_owned(),
                worktree: None,
            }),
            _ => is_git_dir(top).then(|| Repository {
                git_dir: top.to_owned(),
                root: owner(top),
                worktree: None,
            }),
        }
    })
}

/// The repository of a folder whose `.git` is a file: a linked work tree, a submodule, or a repository whose git folder
/// lies elsewhere.
fn linked(top: &Path, dot_git: &Path) -> Repository {
    let text = read_small(dot_git).unwrap_or_default();
    let target = text.strip_prefix("gitdir:").map(str::trim);
    let Some(target) = target.filter(|target| !target.is_empty()) else {
        return Repository {
            git_dir: dot_git.to_owned(),
            root: top.to_owned(),
            worktree: None,
        };
    };
    let git_dir = top.join(target);
    let worktree = || {
        top.file_name()
            .map(|name| name.to_string_lossy().into_owned())
    };
    let (root, worktree) = match common_dir(&git_dir) {
        Some(common) => (owner(&common), worktree()),
        None => (top.to_owned(), None),
    };
    Repository {
        git_dir,
        root,
        worktree,
    }
}

/// The git folder that a linked work tree's own shares with its repository. git keeps the work tree's inside of it, in
/// `worktrees/`: what lies elsewhere is no linked work tree.
fn common_dir(git_dir: &Path) -> Option<PathBuf> {
    let Ok(real) = fs::canonicalize(git_dir) else {
        // The repository is not on this machine, or is gone: its path still says where it was.
        let git_dir = without_dots(git_dir);
        let worktrees = git_dir.parent()?;
        let common = worktrees.parent()?;
        return (worktrees.file_name()? == "worktrees" && common.file_name()? == ".git")
            .then(|| common.to_owned());
    };
    let text = read_small(&real.join("commondir"))?;
    let common = fs::canonicalize(real.join(text.trim())).ok()?;
    (is_git_dir(&common) && real.parent() == Some(&common.join("worktrees"))).then_some(common)
}

/// Whose git folder this is: of the folder that it is hidden in (`.git`, `.bare`), or of itself when it is a bare
/// repository in the open (`project.git`).
fn owner(git_dir: &Path) -> PathBuf {
    let hidden = git_dir
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'));
    match git_dir.parent().filter(|_| hidden) {
        Some(parent) => parent.to_owned(),
        None => git_dir.to_owned(),
    }
}

/// Whether a folder is what git takes for one of its own.
fn is_git_dir(folder: &Path) -> bool {
    folder.join("objects").is_dir() && folder.join("refs").is_dir() && folder.join("HEAD").is_file()
}

/// Whether it may not be looked into.
fn is_closed(folder: &Path) -> bool {
    let head = fs::metadata(folder.join("HEAD"));
    head.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

/// A path without `..`, as far as that can be told without looking.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

/// The text of an ordinary file of at most [`MAX_FILE`] bytes.
fn read_small(path: &Path) -> Option<String> {
    // Opening a pipe would wait for its writer.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let limit = MAX_FILE as u64 + 1;
    File::open(path)
        .ok()?
        .take(limit)
        .read_to_end(&mut bytes)
        .ok()?;
    if bytes.len() > MAX_FILE {
        return None;
    }
    String::from_utf8(bytes).ok()
}
