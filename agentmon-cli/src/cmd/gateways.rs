//! `agentmon gateways`: adds, lists, removes and tests OpenClaw gateways. Where a server runs, it does the work.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use agentmon_core::config::Secret;
use agentmon_core::gateways::{GatewayChange, Gateways, NewGateway};
use serde_json::{Value, json};

use crate::args::{GatewaysArgs, GatewaysCommand, SecretArgs};
use crate::client::Client;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::table::{Layout, Table};
use crate::output::{Format, Output};

/// How long a test waits for a connection.
const TEST: Duration = Duration::from_secs(20);

pub(super) fn run(args: &GatewaysArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    match &args.command {
        GatewaysCommand::Add {
            name,
            url,
            secrets,
            disabled,
        } => add(name, url, secrets, !disabled, cx, out),
        GatewaysCommand::List => list(cx, out),
        GatewaysCommand::Remove { id } => remove(id, cx, out),
        GatewaysCommand::Test { gateway, secrets } => test(gateway, secrets, cx, out),
    }
}

fn add(
    name: &str,
    url: &str,
    secrets: &SecretArgs,
    enabled: bool,
    cx: &Context,
    out: &mut Output,
) -> Result<Exit, Error> {
    let (token, password) = (token(secrets, cx)?, password(secrets, cx)?);
    let id = match Client::find(&cx.config.data_dir.value) {
        Some(client) => {
            let mut body = json!({"name": name, "url": url, "enabled": enabled});
            for (key, secret) in [("token", &token), ("password", &password)] {
                if let Some(secret) = secret {
                    body[key] = secret.expose().as_str().into();
                }
            }
            let known = client.ask("GET", "/api/gateways", None)?;
            let same = known
                .as_array()
                .into_iter()
                .flatten()
                .find(|gateway| gateway["name"] == name);
            let view = match same.and_then(|gateway| gateway["id"].as_str()) {
                Some(id) => client.ask("PATCH", &format!("/api/gateways/{id}"), Some(&body))?,
                None => client.ask("POST", "/api/gateways", Some(&body))?,
            };
            view["id"].as_str().unwrap_or_default().to_owned()
        }
        None => {
            let monitor = cx.monitor()?;
            let runtime = runtime()?;
            let _inside = runtime.enter();
            let gateways = Gateways::only(monitor, |_| false)?;
            let same = gateways
                .list()
                .into_iter()
                .find(|gateway| gateway.name == name);
            let view = match same {
                Some(same) => gateways.change(
                    &same.id,
                    GatewayChange {
                        url: Some(url.to_owned()),
                        token,
                        password,
                        enabled: Some(enabled),
                        ..GatewayChange::default()
                    },
                )?,
                None => gateways.add(NewGateway {
                    name: name.to_owned(),
                    url: url.to_owned(),
                    token,
                    password,
                    enabled,
                })?,
            };
            view.id.into()
        }
    };
    // Alone on its line, so that scripts can take it.
    out.line(&id)?;
    Ok(Exit::Done)
}

fn list(cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let mut rows = Vec::new();
    let served = Client::find(&cx.config.data_dir.value).is_some();
    for (entry, status) in Gateways::known(&cx.reader()?)? {
        // What a process noted that is gone is history.
        let status = status.filter(|_| served);
        rows.push(json!({
            "id": entry.id, "name": entry.name, "url": entry.url, "enabled": entry.enabled,
            "connected": status.as_ref().is_some_and(|status| status.connected) && entry.enabled,
            "note": match (entry.enabled, status) {
                (false, _) => "disabled".to_owned(),
                (true, Some(status)) => status.note,
                (true, None) => "connected to while `agentmon serve` runs".to_owned(),
            },
        }));
    }
    if out.format == Format::Json {
        out.json(&json!({"schema": "agentmon.gateways.v1", "gateways": rows}))?;
        return Ok(Exit::Done);
    }
    let columns = ["ID", "NAME", "URL", "CONNECTED", "NOTE"].map(|name| (name, Layout::Left));
    let mut table = Table::new(&columns);
    for row in &rows {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let connected = if row["connected"] == true {
            "yes"
        } else {
            "no"
        };
        table.row(vec![
            text("id").into(),
            text("name").into(),
            text("url").into(),
            connected.into(),
            text("note").into(),
        ]);
    }
    out.table(&table, 0)?;
    Ok(Exit::Done)
}

fn remove(id: &str, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    match Client::find(&cx.config.data_dir.value) {
        Some(client) => drop(client.ask("DELETE", &format!("/api/gateways/{id}"), None)?),
        None => {
            let runtime = runtime()?;
            let _inside = runtime.enter();
            Gateways::only(cx.monitor()?, |_| false)?.remove(id)?;
        }
    }
    out.line(format!("removed {id}"))?;
    Ok(Exit::Done)
}

fn test(
    gateway: &str,
    secrets: &SecretArgs,
    cx: &Context,
    out: &mut Output,
) -> Result<Exit, Error> {
    let is_url = gateway.contains("://");
    let status: Value = match Client::find(&cx.config.data_dir.value).filter(|_| !is_url) {
        Some(client) => client.ask("GET", &format!("/api/gateways/{gateway}/status"), None)?,
        None => {
            let monitor = match is_url {
                // Nothing of a test is kept.
                true => cx.monitor_in_memory()?,
                false => cx.monitor()?,
            };
            let new = is_url.then(|| -> Result<_, Error> {
                Ok(NewGateway {
                    name: "test".to_owned(),
                    url: gateway.to_owned(),
                    token: token(secrets, cx)?,
                    password: password(secrets, cx)?,
                    enabled: true,
                })
            });
            let new = new.transpose()?;
            runtime()?.block_on(async {
                let gateways = Gateways::only(monitor, |entry| *entry.id == *gateway)?;
                let id = match new {
                    Some(new) => gateways.add(new)?.id.into(),
                    None => gateway.to_owned(),
                };
                let begin = Instant::now();
                let status = loop {
                    let (view, note) = (gateways.get(&id)?, gateways.note(&id)?);
                    let is_known = view.connected || note != "connecting";
                    if is_known || begin.elapsed() > TEST {
                        break json!({"id": view.id, "connected": view.connected, "note": note});
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                };
                gateways.stop().await;
                Ok::<_, Error>(status)
            })?
        }
    };
    let is_connected = status["connected"] == true;
    let note = status["note"].as_str().unwrap_or_default();
    match out.format {
        Format::Json => out.json(&status)?,
        _ if is_connected => out.line(format!("connected: {note}"))?,
        _ => out.line(format!("not connected: {note}"))?,
    }
    Ok(if is_connected {
        Exit::Done
    } else {
        Exit::Problems
    })
}

/// A runtime for one command.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Ok(builder.worker_threads(2).enable_all().build()?)
}

fn token(args: &SecretArgs, cx: &Context) -> Result<Option<Secret<String>>, Error> {
    secret(args.token_file.as_deref(), args.token_env.as_deref(), cx)
}

fn password(args: &SecretArgs, cx: &Context) -> Result<Option<Secret<String>>, Error> {
    secret(
        args.password_file.as_deref(),
        args.password_env.as_deref(),
        cx,
    )
}

fn secret(
    file: Option<&Path>,
    variable: Option<&str>,
    cx: &Context,
) -> Result<Option<Secret<String>>, Error> {
    let text = match (file, variable) {
        (Some(file), _) if file == Path::new("-") => {
            let mut text = String::new();
            std::io::stdin()
                .lock()
                .take(64 * 1024)
                .read_to_string(&mut text)?;
            text
        }
        (Some(file), _) => std::fs::read_to_string(file)
            .map_err(|error| Error::Usage(format!("cannot read {}: {error}", file.display())))?,
        (None, Some(name)) => cx
            .env
            .var(name)
            .ok_or_else(|| Error::Usage(format!("{name} is not set")))?
            .to_owned(),
        (None, None) => return Ok(None),
    };
    Ok(Some(Secret::new(text.trim().to_owned())))
}
