//! Settings files before and after.

use super::*;

const COMMAND: Command<'static> = Command {
    program: "/opt/agentmon",
    data_dir: None,
};

fn file(agent: HookAgent, format: Format) -> SettingsFile {
    SettingsFile {
        agent,
        path: "x".into(),
        format,
    }
}

/// Installing twice is installing once, and taking away gives back what was there.
fn check(agent: HookAgent, format: Format, before: &str) -> String {
    let file = file(agent, format);
    assert_eq!(file.standing(before, &COMMAND), Ok(Standing::Absent));
    let installed = file.installed(before, &COMMAND).unwrap();
    assert_eq!(file.standing(&installed, &COMMAND), Ok(Standing::Installed));
    assert_eq!(file.installed(&installed, &COMMAND).unwrap(), installed);
    // Another agentmon takes its place.
    let other = Command {
        program: "/home/me/my apps/agentmon",
        data_dir: Some("/data"),
    };
    assert_eq!(file.standing(&installed, &other), Ok(Standing::Partly));
    let moved = file.installed(&installed, &other).unwrap();
    assert_eq!(file.standing(&moved, &other), Ok(Standing::Installed));
    assert!(!moved.contains("/opt/"), "{moved}");
    for text in [&installed, &moved] {
        assert_eq!(file.uninstalled(text).unwrap(), before, "{text}");
    }
    installed
}

#[test]
fn what_the_user_wrote_stays() {
    let theirs = r#"{
    "model": "opus",   "n": 1e3,
    "hooks": {
        "Stop": [ {"hooks": [{"type": "command", "command": "say done"}]} ],
        "Other": []
    },
    "z": "a \"quoted, [text]\" \\"
}
"#;
    for agent in HookAgent::ALL {
        for before in [
            theirs,
            "{\n  \"a\": 1\n}",
            "{\"a\":[{}]}",
            "{\"hooks\":{\"X\":[]}}\n",
            "{\r\n\t\"b\": {\"hooks\": {}},\r\n\t\"a\": null\r\n}\r\n",
        ] {
            let installed = check(agent, Format::Hooks, before);
            let value: serde_json::Value = serde_json::from_str(&installed).unwrap();
            let start = &value["hooks"]["SessionStart"][0]["hooks"][0];
            assert_eq!(
                start["command"],
                format!("/opt/agentmon hook {}", agent.as_str())
            );
        }
    }
}

#[test]
fn a_file_that_is_new_or_empty_is_written_in_full() {
    for before in ["", "{}\n"] {
        let installed = file(HookAgent::Gemini, Format::Hooks)
            .installed(before, &COMMAND)
            .unwrap();
        assert!(
            installed.starts_with(
                "{\n  \"hooks\": {\n    \"SessionStart\": [\n      {\n        \"hooks\": [\n          {\n            \"command\": \"/opt/agentmon hook gemini\",\n            \"timeout\": 5000,\n"
            ),
            "{installed}"
        );
        let left = file(HookAgent::Gemini, Format::Hooks)
            .uninstalled(&installed)
            .unwrap();
        assert_eq!(left, "{}\n");
    }
}

#[test]
fn of_a_group_with_others_only_our_hook_goes() {
    let theirs = r#"{"hooks": {"Stop": [{"matcher": "*", "hooks": [{"command": "a"}, {"command": "'/my apps/agentmon' hook claude-code"}, {"command": "b"}]}]}}"#;
    let left = file(HookAgent::ClaudeCode, Format::Hooks)
        .uninstalled(theirs)
        .unwrap();
    assert_eq!(
        left,
        r#"{"hooks": {"Stop": [{"matcher": "*", "hooks": [{"command": "a"}, {"command": "b"}]}]}}"#
    );
}

#[test]
fn what_makes_no_sense_is_left_alone() {
    let settings = file(HookAgent::ClaudeCode, Format::Hooks);
    for text in ["{", "{\"a\": 1,}", "// words\n{}", "nothing"] {
        let error = settings.installed(text, &COMMAND).unwrap_err();
        assert!(matches!(error, EditError::Malformed(_)), "{text}: {error}");
    }
    for text in ["[]", "{\"hooks\": []}", "{\"hooks\": {\"Stop\": {}}}"] {
        let error = settings.installed(text, &COMMAND).unwrap_err();
        assert!(matches!(error, EditError::Shape(..)), "{text}: {error}");
    }
    let notify = file(HookAgent::Codex, Format::Notify);
    let error = notify.installed("notify = [", &COMMAND).unwrap_err();
    assert!(matches!(error, EditError::Malformed(_)), "{error}");
}

#[test]
fn comments_and_order_of_toml_stay() {
    for before in [
        "",
        "# mine\nmodel = \"gpt-5.5\" # the best\n\n[projects.\"/x\"] # trusted\ntrust_level = \"trusted\"\n",
        "[otel]\nenvironment = 'test'\n",
    ] {
        let installed = check(HookAgent::Codex, Format::Notify, before);
        assert!(
            installed.contains("notify = [\"/opt/agentmon\", \"hook\", \"codex\"]\n"),
            "{installed}"
        );
    }
}

#[test]
fn another_notify_program_is_left_in_place() {
    let notify = file(HookAgent::Codex, Format::Notify);
    let theirs = "notify = [\"notify-send\", \"Codex\"]\n";
    let error = notify.installed(theirs, &COMMAND).unwrap_err();
    assert!(error.to_string().contains("notify-send Codex"), "{error}");
    assert_eq!(notify.standing(theirs, &COMMAND), Ok(Standing::Taken));
    assert_eq!(notify.uninstalled(theirs).unwrap(), theirs);
}

#[test]
fn ours_is_told_apart() {
    for (line, expected) in [
        ("agentmon hook codex", true),
        ("/usr/bin/agentmon hook codex --data-dir /x", true),
        ("'/my apps/agentmon' hook codex", true),
        ("agentmon hook codexx", false),
        ("agentmonx hook codex", false),
        ("myhook codex", false),
        ("agentmon hook gemini", false),
    ] {
        assert_eq!(is_ours(line, HookAgent::Codex), expected, "{line}");
    }
    assert_eq!(quote("it's"), r"'it'\''s'");
}
