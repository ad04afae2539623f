//! OpenClaw, and Clawdbot and Moltbot as it was called before: the state folder of the file-backed versions.
//!
//! `files` finds and reads the files; `json` reads what OpenClaw writes without trusting it.

mod files;
mod json;

pub use files::OpenClawFiles;
