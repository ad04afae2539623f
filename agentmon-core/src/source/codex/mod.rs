//! codex/mod
