//! Claude Code: transcripts, live files, background jobs, hooks.

pub mod hook;
pub mod live;
