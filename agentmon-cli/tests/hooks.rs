//! `agentmon hooks`: what is written into agents' settings, and how it is undone.

#![allow(clippy::unwrap_used, reason = "a failed test is what a panic is for")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use tempfile::TempDir;

fn agentmon(home: &Path, line: &str) -> Command {
    let mut command = Command::cargo_bin("agentmon").unwrap();
    command
        .env_clear()
        .env("HOME", home)
        .env("TZ", "UTC")
        .current_dir(home)
        .args(line.split_whitespace());
    command
}

fn told(home: &Path, line: &str) -> String {
    let output = agentmon(home, line).assert().success();
    String::from_utf8(output.get_output().stdout.clone()).unwrap()
}

#[test]
fn settings_come_back_as_they_were() {
    let home = TempDir::new().unwrap();
    let settings = home.path().join(".claude/settings.json");
    let config = home.path().join(".codex/config.toml");
    let own = "{\"model\":\"opus\",\n   \"hooks\": {\"Stop\": []} }";
    fs::create_dir_all(settings.parent().unwrap()).unwrap();
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    fs::write(&settings, own).unwrap();
    fs::write(&config, "# mine\nmodel = \"x\"\n").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&settings, fs::Permissions::from_mode(0o640)).unwrap();
    }

    // Shown, and nothing done.
    let shown = told(home.path(), "hooks install --print");
    assert!(
        shown.contains("+++ ") && shown.contains("hook claude-code"),
        "{shown}"
    );
    assert!(!shown.contains("gemini"), "{shown}");
    assert_eq!(fs::read_to_string(&settings).unwrap(), own);
    // Nobody can be asked.
    agentmon(home.path(), "hooks install").assert().code(2);
    assert_eq!(fs::read_to_string(&settings).unwrap(), own);

    told(home.path(), "hooks install --yes");
    let status = told(home.path(), "hooks status");
    assert_eq!(status.matches("  installed").count(), 3, "{status}");
    assert_eq!(status.matches("not installed").count(), 1, "{status}");
    assert!(
        fs::read_to_string(&config)
            .unwrap()
            .starts_with("# mine\nmodel = \"x\"\nnotify = [")
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&settings).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }
    let again = told(home.path(), "hooks install --yes");
    assert!(again.starts_with("Nothing to do"), "{again}");

    told(home.path(), "hooks uninstall --yes");
    assert_eq!(fs::read_to_string(&settings).unwrap(), own);
    assert_eq!(
        fs::read_to_string(&config).unwrap(),
        "# mine\nmodel = \"x\"\n"
    );
    // It was not there before.
    assert!(!home.path().join(".codex/hooks.json").exists());
    let again = told(home.path(), "hooks uninstall --yes");
    assert!(again.starts_with("Nothing to do"), "{again}");
}

#[test]
fn what_was_changed_since_stays_changed() {
    let home = TempDir::new().unwrap();
    told(home.path(), "hooks install gemini --yes");
    let settings = home.path().join(".gemini/settings.json");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(
        &settings,
        text.replacen('{', "{\n  \"theme\": \"dark\",", 1),
    )
    .unwrap();
    told(home.path(), "hooks uninstall gemini --yes");
    assert_eq!(
        fs::read_to_string(&settings).unwrap(),
        "{\n  \"theme\": \"dark\"\n}\n"
    );
}

#[test]
fn a_file_that_does_not_parse_is_left_alone() {
    let home = TempDir::new().unwrap();
    let settings = home.path().join(".claude/settings.json");
    fs::create_dir_all(settings.parent().unwrap()).unwrap();
    fs::write(&settings, "{ not json").unwrap();
    let output = agentmon(home.path(), "hooks install --yes")
        .assert()
        .code(1);
    let error = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(error.contains("settings.json is left as it is"), "{error}");
    assert_eq!(fs::read_to_string(&settings).unwrap(), "{ not json");
}

#[test]
fn another_notify_program_stays() {
    let home = TempDir::new().unwrap();
    let config = home.path().join(".codex/config.toml");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    fs::write(&config, "notify = [\"say\"]\n").unwrap();
    let output = agentmon(home.path(), "hooks install codex --yes")
        .assert()
        .success();
    let warning = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(warning.contains("another program (say)"), "{warning}");
    assert_eq!(fs::read_to_string(&config).unwrap(), "notify = [\"say\"]\n");
    assert!(home.path().join(".codex/hooks.json").exists());
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link() {
    let home = TempDir::new().unwrap();
    let real = home.path().join("dotfiles.json");
    fs::write(&real, "{}\n").unwrap();
    let settings = home.path().join(".claude/settings.json");
    fs::create_dir_all(settings.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&real, &settings).unwrap();
    told(home.path(), "hooks install claude-code --yes");
    assert!(settings.is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("SessionStart"));
    told(home.path(), "hooks uninstall claude-code --yes");
    assert!(settings.is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), "{}\n");
}

#[test]
fn a_project_has_hooks_of_its_own() {
    let home = TempDir::new().unwrap();
    told(
        home.path(),
        "hooks install claude-code --scope project --yes --data-dir /elsewhere",
    );
    let text = fs::read_to_string(home.path().join(".claude/settings.json")).unwrap();
    assert!(
        text.contains("hook claude-code --data-dir /elsewhere\""),
        "{text}"
    );
}
