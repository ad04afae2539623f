//! `agentmon serve`: the server, until it is asked to end.

use agentmon_server::args::ServeArgs;
use agentmon_server::{announce, log_to_stderr, run};

use crate::context::Context;
use crate::error::{Error, Exit};

pub(super) fn run_server(args: &ServeArgs, cx: &Context) -> Result<Exit, Error> {
    log_to_stderr(args.log_format);
    let options = args.options(cx.monitor()?, &cx.env);
    run(options, |server| announce(server, args.no_open))?;
    Ok(Exit::Done)
}
