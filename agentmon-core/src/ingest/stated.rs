//! Projects that clients name without saying where they are. Where a folder of projects is configured, the name is
//! looked up in it, and the branch read from its `.git/HEAD`; a name can never lead out of that folder.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use super::project::{self, Project};
use crate::model::{Span, Timestamp};

/// How long an answer is believed.
const MAX_AGE: Span = Span::from_mins(1);
/// Names remembered.
const MAX_CACHED: usize = 4096;

/// A project by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// The project; its root is the name alone where no folder is known.
    pub project: Project,
    /// The branch that is checked out there.
    pub branch: Option<Box<str>>,
}

/// Looks projects up by name and remembers them for a minute.
#[derive(Debug, Default)]
pub struct StatedProjects {
    folder: Option<PathBuf>,
    known: HashMap<Box<str>, (Timestamp, Stated)>,
}

impl StatedProjects {
    /// Looks below `folder`; nowhere when there is none.
    #[must_use]
    pub fn below(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            known: HashMap::new(),
        }
    }

    /// The project of that name.
    pub fn resolve(&mut self, name: &str, now: Timestamp) -> Stated {
        if let Some((at, stated)) = self.known.get(name)
            && *at <= now
            && now - *at < MAX_AGE
        {
            return stated.clone();
        }
        let stated = self.find(name);
        if self.known.len() >= MAX_CACHED {
            self.known.clear();
        }
        self.known.insert(name.into(), (now, stated.clone()));
        stated
    }

    fn find(&self, name: &str) -> Stated {
        let named = |root: PathBuf| Project {
            root,
            name: name.to_owned(),
            worktree: None,
        };
        let folder = self.folder.as_ref().filter(|_| is_one_part(name));
        let root = folder.map(|folder| folder.join(name)).filter(|root| {
            // A link could lead elsewhere.
            let real = root.canonicalize();
            let folder = self.folder.as_ref().map(|folder| folder.canonicalize());
            matches!((real, folder), (Ok(real), Some(Ok(folder))) if real.starts_with(&folder) && real.is_dir())
        });
        match root {
            Some(root) => Stated {
                branch: project::branch(&root).map(Into::into),
                project: named(root),
            },
            None => Stated {
                branch: None,
                project: named(name.into()),
            },
        }
    }
}

/// Whether a name is one ordinary part of a path.
fn is_one_part(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_name_never_leads_out_of_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let projects = dir.path().join("projects");
        let git = |root: &Path| {
            for folder in ["objects", "refs"] {
                fs::create_dir_all(root.join(".git").join(folder)).unwrap();
            }
            fs::write(root.join(".git/HEAD"), "ref: refs/heads/topic\n").unwrap();
        };
        git(&projects.join("app"));
        git(&dir.path().join("outside"));
        let mut stated = StatedProjects::below(Some(projects.clone()));
        let now = Timestamp(0);
        let app = stated.resolve("app", now);
        assert_eq!(app.branch.as_deref(), Some("topic"));
        assert_eq!(app.project.root, projects.join("app"));
        #[cfg(unix)]
        std::os::unix::fs::symlink(dir.path().join("outside"), projects.join("link")).unwrap();
        for name in [
            "../outside",
            "..",
            ".",
            "/etc",
            "app/../../outside",
            "link",
            "",
            "missing",
        ] {
            let found = stated.resolve(name, now);
            assert_eq!(
                (found.branch, found.project.root),
                (None, name.into()),
                "{name}"
            );
        }
    }
}
