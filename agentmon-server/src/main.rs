//! The `agentmon-server` binary.
fn main() {}
