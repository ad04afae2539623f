//! TEMP
pub mod project;
