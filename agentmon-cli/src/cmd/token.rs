//! `agentmon token`: who may ask a server from elsewhere, or control it.

use agentmon_server::args::TokenCommand;
use agentmon_server::{Scope, Scopes, TokenInfo, Tokens};
use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::table::{Layout, Table};
use crate::output::{Format, Output};

pub(super) fn run(command: &TokenCommand, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let mut tokens = Tokens::open(&cx.config.data_dir.value)?;
    match command {
        TokenCommand::Create { name, scope } => {
            let token = tokens.create(name, scope.iter().copied().collect())?;
            match out.format {
                Format::Json => out.json(&Created {
                    schema: "agentmon.token.v1",
                    name,
                    token: &token,
                })?,
                // Alone on its line, so that scripts can take it.
                _ => out.line(&token)?,
            }
            cx.warn("keep it: it is not shown again");
        }
        TokenCommand::List if out.format == Format::Json => {
            let token = |token: TokenInfo| Listed {
                name: token.name,
                scopes: token.scopes.iter().map(Scope::as_str).collect(),
            };
            out.json(&List {
                schema: "agentmon.tokens.v1",
                tokens: tokens.list().map(token).collect(),
            })?;
        }
        TokenCommand::List => {
            let mut table = Table::new(&[("NAME", Layout::Left), ("SCOPES", Layout::Left)]);
            for token in tokens.list() {
                table.row(vec![token.name.into(), words(token.scopes).into()]);
            }
            out.table(&table, 0)?;
        }
        TokenCommand::Revoke { name } => tokens.revoke(name)?,
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Created<'a> {
    schema: &'static str,
    name: &'a str,
    token: &'a str,
}

#[derive(Serialize)]
struct List {
    schema: &'static str,
    tokens: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    scopes: Vec<&'static str>,
}

fn words(scopes: Scopes) -> String {
    let words: Vec<&str> = scopes.iter().map(Scope::as_str).collect();
    words.join(", ")
}
