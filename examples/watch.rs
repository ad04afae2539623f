//! Prints every change of every session.
fn main() {}
