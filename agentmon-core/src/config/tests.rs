use std::path::Path;

use super::*;

/// Loads a configuration file with this text in an environment with these variables.
fn load(text: &str, vars: &[(&str, &str)], flags: &Overrides) -> Result<Config, String> {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/agentmon");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("agentmon.toml"), text).unwrap();
    let env = vars.iter().fold(
        Env::at(home.path()).with("TZ", "UTC"),
        |env, (name, value)| env.with(name, *value),
    );
    Config::load(&env, flags).map_err(|error| {
        error
            .to_string()
            .replace(&home.path().display().to_string(), "~")
    })
}

#[test]
fn every_key_is_read_and_knows_its_line() {
    let config = load(
        r#"data_dir = "/srv/agentmon"
time_zone = "Europe/Berlin"
week_start = "sunday"

[sources.codex]
enabled = false

[sources.claude_code]
roots = ["~/old", "/mnt/claude"]

[[prices]]
model = "my-model"
input = 1
output = 2.5

[retention]
events = "90d"

[state]
stall_after = "10m"
"#,
        &[],
        &Overrides::default(),
    )
    .unwrap();
    assert_eq!(config.data_dir.value, Path::new("/srv/agentmon"));
    assert_eq!(config.time_zone.value.name(), Some("Europe/Berlin"));
    assert_eq!(config.week_start.value, WeekStart::Sunday);
    assert!(!config.is_enabled(&AgentKind::Codex));
    assert!(config.is_enabled(&AgentKind::Gemini));
    assert!(config.extra_roots(&AgentKind::ClaudeCode)[0].ends_with("old"));
    assert_eq!(config.prices[0].value.output, 2.5);
    assert_eq!(
        config.retention.events.value,
        Some(Span::from_mins(90 * 24 * 60))
    );
    assert_eq!(config.retention.sessions.value, None);
    let lines: Vec<(String, usize)> = config
        .settings()
        .into_iter()
        .filter_map(|row| match row.origin {
            Origin::File { line, .. } => Some((row.key, line)),
            _ => None,
        })
        .collect();
    let expected = [
        ("data_dir", 1),
        ("time_zone", 2),
        ("week_start", 3),
        ("retention.events", 17),
        ("state.stall_after", 20),
        ("sources.claude_code.roots", 9),
        ("sources.codex.enabled", 6),
        ("prices.\"my-model\"", 11),
    ];
    assert_eq!(lines, expected.map(|(key, line)| (key.to_owned(), line)));
}

#[test]
fn flags_beat_the_environment_and_the_environment_beats_the_file() {
    let text = "data_dir = \"/file\"\ntime_zone = \"Asia/Tokyo\"\n";
    let vars = [("AGENTMON_DATA_DIR", "/environment")];
    let flags = Overrides {
        data_dir: Some("/flag".into()),
        ..Overrides::default()
    };
    let config = load(text, &vars, &Overrides::default()).unwrap();
    assert_eq!(
        config.data_dir,
        Setting::new(
            "/environment".into(),
            Origin::Environment("AGENTMON_DATA_DIR")
        )
    );
    assert_eq!(config.time_zone.value.name(), Some("Asia/Tokyo"));
    let config = load(text, &vars, &flags).unwrap();
    assert_eq!(
        config.data_dir,
        Setting::new("/flag".into(), Origin::Flag("--data-dir"))
    );
    let config = load("", &[], &Overrides::default()).unwrap();
    assert_eq!(config.data_dir.origin, Origin::Default);
    assert_eq!(config.time_zone.origin, Origin::Environment("TZ"));
}

#[test]
fn a_time_zone_that_does_not_exist_is_refused_where_it_counts() {
    let tz = |name| [("TZ", name)];
    let refused = "TZ: unknown time zone \"Mars/Olympus\": use an IANA name such as Europe/Berlin, UTC, or `local`";
    let none = Overrides::default();
    for text in ["", "time_zone = \"local\"\n"] {
        assert_eq!(load(text, &tz("Mars/Olympus"), &none).unwrap_err(), refused);
    }
    assert!(load("time_zone = \"UTC\"\n", &tz("Mars/Olympus"), &none).is_ok());
    let zone = |name| load("", &tz(name), &none).unwrap().time_zone;
    assert_eq!(zone(":Europe/Berlin").value.name(), Some("Europe/Berlin"));
    assert_eq!(
        zone("CET-1CEST,M3.5.0,M10.5.0/3").origin,
        Origin::Environment("TZ")
    );
    assert!(
        load("", &tz("/nowhere/zone"), &none)
            .unwrap_err()
            .contains("\"/nowhere/zone\"")
    );
}

#[test]
fn wrong_files_say_where_and_what() {
    for (text, expected) in [
        (
            "data_dri = 1\n",
            "~/.config/agentmon/agentmon.toml:1: unknown field `data_dri`, expected one of `data_dir`, `time_zone`, `week_start`, `host`, `webhook_secret`, `sources`, `prices`, `retention`, `state`, `budgets`, `alerts`, `notify`, `gateways`\n    data_dri = 1",
        ),
        (
            "\n\nweek_start = \"friday\"\n",
            "~/.config/agentmon/agentmon.toml:3: unknown variant `friday`, expected `monday` or `sunday`\n    week_start = \"friday\"",
        ),
        (
            "data_dir = 5\n",
            "~/.config/agentmon/agentmon.toml:1: invalid type: integer `5`, expected a string\n    data_dir = 5",
        ),
        (
            "[sources.claude]\nenabled = true\n",
            "~/.config/agentmon/agentmon.toml:1: unknown variant `claude`, expected one of `claude_code`, `codex`, `gemini`, `opencode`, `openclaw`, `copilot`, `qwen`, `kimi`, `droid`, `cline`, `roo_code`\n    [sources.claude]",
        ),
        (
            "time_zone = \"Mars/Olympus\"\n",
            "~/.config/agentmon/agentmon.toml:1: time_zone: unknown time zone \"Mars/Olympus\": use an IANA name such as Europe/Berlin, UTC, or `local`",
        ),
        (
            "[state]\nstall_after = \"soon\"\n",
            "~/.config/agentmon/agentmon.toml:2: state.stall_after: \"soon\" is not a length of time: write 90s, 5m, 12h, 30d or 1h30m",
        ),
        (
            "[[prices]]\nmodel = \"x\"\ninput = -1\noutput = 0\n",
            "~/.config/agentmon/agentmon.toml:1: prices: price of `x`: `input` is -1, but must be 0 to 1000000 (USD per million tokens)",
        ),
        (
            "[[prices]]\nmodel = \"x\"\ninput = 1\n",
            "~/.config/agentmon/agentmon.toml:1: missing field `output`\n    [[prices]]",
        ),
        (
            "a = [",
            "~/.config/agentmon/agentmon.toml:1: unclosed array, expected `]`\n    a = [",
        ),
    ] {
        assert_eq!(
            load(text, &[], &Overrides::default()).unwrap_err(),
            expected
        );
    }
}

#[test]
fn a_named_file_must_exist_a_default_one_need_not() {
    let env = Env::at("/nowhere").with("TZ", "UTC");
    assert!(
        !Config::load(&env, &Overrides::default())
            .unwrap()
            .file_exists
    );
    let error = Config::load(
        &env.with("AGENTMON_CONFIG", "~/x.toml"),
        &Overrides::default(),
    );
    assert!(error.unwrap_err().to_string().contains("/nowhere/x.toml"));
}

#[test]
fn secrets_do_not_print() {
    let secret = Secret::new("hunter2");
    assert_eq!(
        format!("{secret} {secret:?} {:?}", Some(&secret)),
        "[redacted] [redacted] Some([redacted])"
    );
    assert_eq!(*secret.expose(), "hunter2");
}

#[test]
fn alerts_are_read_and_secrets_stay_secret() {
    let text = r#"
[[alerts]]
when = "needs_input"
for = "5m"
[[alerts]]
name = "dear"
when = "spend"
per = "session"
above_usd = 2.5
notify = ["log", "webhook:ops"]
[[alerts]]
when = "quota"
above_percent = 90
[notify]
desktop = ["notify-send", "{title}"]
[notify.webhooks.ops]
url_env = "OPS_URL"
secret = "hush"
"#;
    let vars = [("OPS_URL", "https://example.org/key-123")];
    let config = load(text, &vars, &Overrides::default()).unwrap();
    let rows: Vec<String> = config
        .settings()
        .into_iter()
        .filter(|row| row.key.starts_with("alerts") || row.key.starts_with("notify"))
        .map(|row| format!("{} = {}", row.key, row.value))
        .collect();
    assert_eq!(
        rows,
        [
            "alerts.\"needs_input\" = needs_input 5m",
            "alerts.\"dear\" = spend $2.50 a session",
            "alerts.\"quota\" = quota 90 %",
            "notify.desktop = notify-send {title}",
            "notify.webhooks.\"ops\" = [redacted]",
        ]
    );
    let shown = format!("{config:?}");
    assert!(!shown.contains("hush") && !shown.contains("key-123"));
    for (text, wanted) in [
        ("[[alerts]]\nwhen = \"spend\"", "above_usd"),
        (
            "[[alerts]]\nwhen = \"quota\"\nabove_percent = 300",
            "above_percent",
        ),
        (
            "[[alerts]]\nwhen = \"failed\"\nnotify = [\"desktop\"]",
            "not configured",
        ),
        (
            "[[alerts]]\nwhen = \"failed\"\n[[alerts]]\nwhen = \"failed\"",
            "another rule",
        ),
        (
            "[[alerts]]\nwhen = \"stalled\"\nfor = \"soon\"",
            "length of time",
        ),
        ("[notify]\ndesktop = []", "no program"),
        ("[notify.webhooks.a]\nurl = \"ftp://x\"", "https://"),
        (
            "[notify.webhooks.a]\nurl_env = \"NOTHING\"",
            "NOTHING is not set",
        ),
    ] {
        let error = load(text, &[], &Overrides::default()).unwrap_err();
        assert!(error.contains(wanted), "{text}: {error}");
    }
}
