//! TEMP
use crate::model::Timestamp;
use std::path::{Path, PathBuf};
#[derive(Debug, Clone)]
pub struct Project {
    pub root: PathBuf,
    pub name: String,
    pub worktree: Option<String>,
}
#[derive(Debug, Default)]
pub struct ProjectResolver;
impl ProjectResolver {
    pub fn resolve(&mut self, cwd: &Path, _: Timestamp) -> Project {
        Project {
            root: cwd.into(),
            name: cwd
                .file_name()
                .map(|s| s.to_string_lossy().into_owned())
                .unwrap_or_default(),
            worktree: None,
        }
    }
}
