//! What a session remembers of its evidence, in bounded space.

use serde::{Deserialize, Serialize};

/// What a session remembers of its evidence.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Ledger {}
