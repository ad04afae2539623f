//! `agentmon.demo.v1`.

use std::path::Path;

use serde::Serialize;

/// A demo home that was written to `folder`, and whether it goes on.
#[must_use]
pub fn demo(folder: &Path, live: bool) -> impl Serialize {
    Demo {
        schema: "agentmon.demo.v1",
        home: folder.display().to_string(),
        live,
    }
}

#[derive(Serialize)]
struct Demo {
    schema: &'static str,
    home: String,
    live: bool,
}
