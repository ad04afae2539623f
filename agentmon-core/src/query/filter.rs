//! How a filter's words match: agents, models, projects and sessions, the same for every question.

use crate::model::SessionKey;

use super::session::Project;

/// Whether a model is meant by `wanted`: its name, or a beginning of it, with or without the vendor in front
/// (`claude-opus` means `anthropic/claude-opus-5-5`). Letter case does not matter.
#[must_use]
pub fn model_matches(model: &str, wanted: &str) -> bool {
    let begins = |name: &str| {
        name.get(..wanted.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(wanted))
    };
    begins(model) || model.rsplit('/').next().is_some_and(begins)
}

/// Whether a project is meant by `wanted`: its name, or with a `/` its folder, a folder inside it, or one above it.
#[must_use]
pub fn project_matches(project: Option<&Project>, wanted: &str) -> bool {
    let Some(project) = project else {
        return false;
    };
    if !wanted.contains(['/', '\\']) {
        return &*project.name == wanted;
    }
    let (root, wanted) = (&*project.root, wanted.trim_end_matches(['/', '\\']));
    is_within(root, wanted) || is_within(wanted, root)
}

fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '\\']) || folder.is_empty())
}

/// Whether a session is meant by `wanted`: a beginning of its id, or of `agent:id`.
#[must_use]
pub fn session_matches(key: &SessionKey, wanted: &str) -> bool {
    if key.native_id.starts_with(wanted) {
        return true;
    }
    wanted
        .strip_prefix(key.agent.as_str())
        .and_then(|rest| rest.strip_prefix(':'))
        .is_some_and(|id| key.native_id.starts_with(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AgentKind;

    #[test]
    fn words_match_what_people_mean_by_them() {
        assert!(model_matches("claude-opus-5-5", "claude-opus"));
        assert!(model_matches(
            "anthropic/claude-opus-5-5",
            "Claude-Opus-5-5"
        ));
        assert!(!model_matches("claude-opus", "claude-opus-5-5"));
        assert!(!model_matches("modèle", "modè\u{300}"));

        let project = Project {
            name: "app".into(),
            root: "/home/u/code/app".into(),
        };
        for (wanted, expected) in [
            ("app", true),
            ("ap", false),
            ("/home/u/code/app/", true),
            ("/home/u/code/app/src", true),
            ("/home/u/code", true),
            ("/home/u/code/ap", false),
            ("/home/u/code/app2", false),
        ] {
            assert_eq!(
                project_matches(Some(&project), wanted),
                expected,
                "{wanted}"
            );
        }
        assert!(!project_matches(None, "app"));

        let key = SessionKey::new(AgentKind::Codex, "01a1-b");
        assert!(session_matches(&key, "01a1"));
        assert!(session_matches(&key, "codex:01"));
        assert!(!session_matches(&key, "claude_code:01"));
    }
}
