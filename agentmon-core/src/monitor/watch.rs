//! Watching
use super::Monitor;
#[derive(Debug)]
pub struct Watching;
