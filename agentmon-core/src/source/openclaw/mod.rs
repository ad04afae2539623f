//! OpenClaw and Clawdbot. `files` reads the state folder of the file-backed versions.
pub mod files;
