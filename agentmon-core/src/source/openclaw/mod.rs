//! OpenClaw, and Clawdbot and Moltbot as it was called before: the state folder of the file-backed versions.
//!
//! `files` finds and reads the files.

mod files;

pub use files::OpenClawFiles;
