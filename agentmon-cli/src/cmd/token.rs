//! `agentmon token`: who may ask a server from elsewhere, or control it.

use agentmon_server::args::TokenCommand;
use agentmon_server::{Scope, Scopes, Tokens};

use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::Output;
use crate::output::table::{Layout, Table};

pub(super) fn run(command: &TokenCommand, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let mut tokens = Tokens::open(&cx.config.data_dir.value)?;
    match command {
        TokenCommand::Create { name, scope } => {
            let token = tokens.create(name, scope.iter().copied().collect())?;
            // Alone on its line, so that scripts can take it.
            out.line(&token)?;
            cx.warn("keep it: it is not shown again");
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

fn words(scopes: Scopes) -> String {
    let words: Vec<&str> = scopes.iter().map(Scope::as_str).collect();
    words.join(", ")
}
