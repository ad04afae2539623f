//! Builds the dashboard (`ui/`) into `OUT_DIR`, from where it is embedded. Nothing is written into the source tree.
//!
//! `AGENTMON_UI_DIST=dir` takes a dashboard that was built before. Without it and without node, or where npm fails, the
//! server builds all the same, warns, and serves the page without scripts alone.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "cargo listens to what a build script prints"
)]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder of a dashboard that is built already.
const DIST: &str = "AGENTMON_UI_DIST";
/// What the build reads, below `ui/`.
const SOURCES: [&str; 8] = [
    "index.html",
    "package.json",
    "package-lock.json",
    ".npmrc",
    "vite.config.ts",
    "tsconfig.json",
    "public",
    "src",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-env-changed={DIST}");
    println!("cargo:rerun-if-changed=build.rs");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo names no OUT_DIR")?);
    let ui = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo names no folder")?)
        .join("ui");
    let dist = out.join("ui");
    remove(&dist)?;
    fs::create_dir_all(&dist)?;
    if let Some(built) = std::env::var_os(DIST).filter(|dir| !dir.is_empty()) {
        let built = PathBuf::from(built);
        println!("cargo:rerun-if-changed={}", built.display());
        if !built.join("index.html").is_file() {
            let folder = built.display();
            return Err(format!("{DIST}: {folder} holds no index.html").into());
        }
        return Ok(copy(&built, &dist)?);
    }
    for source in SOURCES {
        println!("cargo:rerun-if-changed=ui/{source}");
    }
    if std::env::var_os("DOCS_RS").is_some() {
        return Ok(());
    }
    if let Err(reason) = build(&ui, &out.join("ui-build"), &dist) {
        println!(
            "cargo:warning=the dashboard is left out, the page without scripts is served instead: {reason}"
        );
        remove(&dist)?;
        fs::create_dir_all(&dist)?;
    }
    Ok(())
}

/// Builds in a copy of the sources. Packages that are there from the last time stay if the lock file is the same.
fn build(ui: &Path, work: &Path, dist: &Path) -> Result<(), Box<dyn Error>> {
    let lock = fs::read(ui.join("package-lock.json"))?;
    let installed = work.join("installed.json");
    let is_installed = fs::read(&installed).is_ok_and(|known| known == lock);
    fs::create_dir_all(work)?;
    for source in SOURCES {
        let (from, to) = (ui.join(source), work.join(source));
        remove(&to)?;
        copy(&from, &to)?;
    }
    if !is_installed {
        remove(&installed)?;
        let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
        // Nothing to wait for where there is no network.
        npm.args(["ci", "--omit=dev", "--prefer-offline", "--fetch-retries=1"])
            .env("npm_config_fetch_retry_maxtimeout", "5000");
        run(npm.current_dir(work))?;
        fs::write(&installed, lock)?;
    }
    let mut vite = Command::new("node");
    vite.arg("node_modules/vite/bin/vite.js")
        .args(["build", "--logLevel=warn", "--emptyOutDir", "--outDir"])
        .arg(dist)
        .env("NODE_ENV", "production");
    run(vite.current_dir(work))
}

fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program} does not run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let mut said = String::from_utf8_lossy(&output.stderr).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stdout));
    // A warning of cargo is one line.
    let said: Vec<&str> = said.split_whitespace().take(120).collect();
    Err(format!("{program}: {}: {}", output.status, said.join(" ")).into())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(|_| ());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Removes a file or folder that may not be there.
fn remove(path: &Path) -> std::io::Result<()> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
