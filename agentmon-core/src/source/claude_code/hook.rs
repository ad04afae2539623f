//! Hook payloads of Claude Code -> evidence.
