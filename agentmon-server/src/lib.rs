//! The agentmon HTTP server: everything of the core, live, over HTTP.
//!
//! A request passes the accept loop (`accept`), the `guard` (who is asking, from where, how often), and one route.
//! A route does four things: parse, call one method of the core, choose a status, render. `routes/` holds the native
//! API by resource, `contracts/` one module for each API of other systems whose clients work with agentmon.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let monitor = agentmon_core::Monitor::builder().open()?;
//! let server = agentmon_server::serve(agentmon_server::Options::new(monitor)).await?;
//! println!("{}", server.url());
//! server.stop().await;
//! # Ok(())
//! # }
//! ```

mod accept;
mod access;
mod alerts;
mod announce;
mod app;
pub mod args;
mod contracts;
mod error;
mod guard;
mod http;
mod local;
mod metrics;
mod options;
mod routes;
mod run;
mod serve;
mod sources;
mod stream;

pub use access::AccessError;
pub use access::{Scope, Scopes, TokenError, TokenInfo, Tokens};
pub use announce::{announce, log_to_stderr};
pub use options::{GrpcListen, Limits, Options, Settings};
pub use run::run;
pub use serve::{ServeError, Server, serve};
