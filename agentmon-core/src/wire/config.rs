//! `agentmon.config.v1`.

use serde::Serialize;

use crate::config::{Config, Origin};

/// Every setting with its origin.
#[must_use]
pub fn config(config: &Config) -> impl Serialize + use<> {
    let settings = config.settings().into_iter().map(|row| Setting {
        key: row.key,
        value: row.value,
        origin: match &row.origin {
            Origin::Default => "default",
            Origin::File { .. } => "file",
            Origin::Environment(_) => "environment",
            Origin::Flag(_) => "flag",
        },
        place: (row.origin != Origin::Default).then(|| row.origin.to_string()),
    });
    Settings {
        schema: "agentmon.config.v1",
        file: config.file.display().to_string(),
        file_exists: config.file_exists,
        settings: settings.collect(),
    }
}

/// Where the configuration and the data are.
#[must_use]
pub fn config_path(config: &Config) -> impl Serialize + use<> {
    Paths {
        schema: "agentmon.config_path.v1",
        file: config.file.display().to_string(),
        file_exists: config.file_exists,
        data_dir: config.data_dir.value.display().to_string(),
    }
}

#[derive(Serialize)]
struct Settings {
    schema: &'static str,
    file: String,
    file_exists: bool,
    settings: Vec<Setting>,
}

#[derive(Serialize)]
struct Setting {
    key: String,
    value: String,
    origin: &'static str,
    place: Option<String>,
}

#[derive(Serialize)]
struct Paths {
    schema: &'static str,
    file: String,
    file_exists: bool,
    data_dir: String,
}
