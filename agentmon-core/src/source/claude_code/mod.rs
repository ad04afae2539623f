//! Claude Code: transcripts, live files, background jobs, hooks.

pub mod hook;
pub mod jobs;
pub mod live;
