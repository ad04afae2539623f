//! What is added to observations on their way into the store: the project that a session's folder belongs to.

pub mod project;
