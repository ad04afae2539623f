//! `/plain`: the sessions as a page without scripts; also `/` where no dashboard was built. Everything that agents wrote is hostile, and escaped.

use std::fmt::Write;
use std::sync::Arc;

use agentmon_core::model::{Span, Timestamp};
use agentmon_core::query::{SessionFilter, SessionList, SessionView};
use http::{HeaderValue, StatusCode, header};
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::error::ApiError;
use crate::http::{Route, answer, method, reply, with};
use crate::routes::ui;

/// Sessions on the page.
const MAX_SESSIONS: usize = 200;
/// Nothing may be loaded or run but the style below.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta http-equiv=\"refresh\" content=\"10\">\n\
<title>agentmon</title>\n<style>\n\
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}\n\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #8884;vertical-align:top}\n\
th{font-weight:600}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.d{opacity:.7}\n\
.needs_input,.failed{color:#c33}.stalled,.limited{color:#b70}.working{color:#283}\n</style>\n";

pub(super) fn routes(app: &Arc<App>) -> Route {
    let page = method::get()
        .and(with(app))
        .then(|app| async { answer(page(app).await) });
    let plain = warp::path!("plain").and(page.clone());
    if ui::is_built() {
        plain.boxed()
    } else {
        plain.or(warp::path::end().and(page)).unify().boxed()
    }
}

async fn page(app: Arc<App>) -> Result<Response, ApiError> {
    let filter = SessionFilter {
        limit: Some(MAX_SESSIONS),
        ..SessionFilter::default()
    };
    let list = app.ask(move |monitor| monitor.sessions(&filter)).await?;
    let html = render(&list, app.monitor.now());
    let mut response = reply::with_type(StatusCode::OK, "text/html; charset=utf-8", html);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    Ok(response)
}

fn render(list: &SessionList, now: Timestamp) -> String {
    let mut html = HEAD.to_owned();
    // Writing to a string does not fail.
    let _ = writeln!(html, "<h1>Sessions</h1>");
    if list.sessions.is_empty() {
        html.push_str("<p>No session was seen yet. Start an agent, or post events to <code>/api/events</code>.</p>\n");
        return html;
    }
    html.push_str(
        "<table>\n<tr><th>State<th>Session<th>Project<th>Agent<th class=n>Cost<th class=n>Last sign</tr>\n",
    );
    for session in &list.sessions {
        row(&mut html, session, now);
    }
    html.push_str("</table>\n");
    let shown = list.sessions.len() as u64;
    if list.matching > shown {
        let _ = writeln!(html, "<p class=d>and {} more</p>", list.matching - shown);
    }
    html
}

fn row(html: &mut String, session: &SessionView, now: Timestamp) {
    let title = session.title.as_deref().unwrap_or(&session.key.native_id);
    let project = session
        .project
        .as_ref()
        .map_or("", |project| &*project.name);
    let cost = session
        .sums
        .known_cost()
        .map_or_else(|| "unknown".to_owned(), |cost| cost.to_string());
    let age = session
        .last_activity_at
        .map_or_else(String::new, |at| age(now - at));
    let _ = write!(
        html,
        "<tr><td class=\"{state}\">{state} <span class=d>{reason}</span><td>{title}",
        state = session.state.as_str(),
        reason = Escaped(&session.reason.to_string()),
        title = Escaped(title),
    );
    if let Some(detail) = &session.detail {
        let _ = write!(html, "<br><span class=d>{}</span>", Escaped(detail));
    }
    let _ = writeln!(
        html,
        "<td>{}<td>{}<td class=n>{cost}<td class=n>{age}</tr>",
        Escaped(project),
        Escaped(session.key.agent.as_str()),
    );
}

/// How long ago, in the largest unit that fits.
fn age(span: Span) -> String {
    let seconds = span.0.max(0) / 1000;
    let (count, unit) = match seconds {
        0..60 => (seconds, "s"),
        60..3600 => (seconds / 60, "min"),
        3600..86_400 => (seconds / 3600, "h"),
        _ => (seconds / 86_400, "d"),
    };
    format!("{count} {unit} ago")
}

/// Text that cannot be anything but text in HTML.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c if c.is_control() => f.write_char(' ')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
