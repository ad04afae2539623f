//! Notifications by a command. No shell is involved, and text of agents cannot become an option: it stands behind words
//! of ours.

use std::process::Stdio;
use std::time::Duration;

use agentmon_core::alert::Alert;
use tokio::process::Command;

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest text of an argument or variable, in characters.
const MAX_TEXT: usize = 500;

/// Runs the command for an alert. In its arguments `{title}` and `{message}` are replaced; its environment has
/// `AGENTMON_ALERT_TITLE`, `_MESSAGE`, `_DETAIL`, `_RULE`, `_KIND` and `_SESSION`.
pub(super) async fn notify(command: &[String], alert: &Alert) -> Result<(), String> {
    let Some((program, arguments)) = command.split_first() else {
        return Err("the command is empty".to_owned());
    };
    let (title, message) = (plain(&alert.title), plain(&alert.message));
    let arguments = arguments.iter().map(|argument| match &**argument {
        "{title}" => title.clone(),
        "{message}" => message.clone(),
        other => other.to_owned(),
    });
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("AGENTMON_ALERT_TITLE", &title)
        .env("AGENTMON_ALERT_MESSAGE", &message)
        .env("AGENTMON_ALERT_RULE", plain(&alert.rule))
        .env("AGENTMON_ALERT_KIND", &*alert.kind)
        .env(
            "AGENTMON_ALERT_DETAIL",
            plain(alert.detail.as_deref().unwrap_or_default()),
        )
        .env(
            "AGENTMON_ALERT_SESSION",
            plain(alert.session.as_deref().unwrap_or_default()),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let status = command.status();
    match tokio::time::timeout(PATIENCE, status).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("the command ended with {status}")),
        Ok(Err(error)) => Err(format!("the command cannot be run: {error}")),
        Err(_) => Err("the command took longer than 10 s".to_owned()),
    }
}

/// Text on one line, of bounded length, without anything that only machines read.
fn plain(text: &str) -> String {
    let visible = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    visible.take(MAX_TEXT).collect()
}
