//! Projects and branches, from repositories written by hand, and compared with git's own.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use agentmon_core::ingest::project::{Project, ProjectResolver, branch};
use agentmon_core::model::{Span, Timestamp};
use tempfile::TempDir;

const NOW: Timestamp = Timestamp(1_795_300_000_000);
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A folder with files in it, by their paths; `""` as the text makes a folder.
fn folder(files: &[(&str, &str)]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for (path, text) in files {
        let path = root.join(path);
        if text.is_empty() {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text.replace("ROOT", root.to_str().unwrap())).unwrap();
        }
    }
    (folder, root)
}

/// What git makes at least of a git folder.
fn git_dir<'a>(paths: &'a [String; 3], head: &'a str) -> [(&'a str, &'a str); 3] {
    [(&paths[0], head), (&paths[1], ""), (&paths[2], "")]
}

fn git_dir_paths(at: &str) -> [String; 3] {
    ["HEAD", "objects", "refs"].map(|part| format!("{at}/{part}"))
}

fn resolve(cwd: impl AsRef<Path>) -> Project {
    ProjectResolver::default().resolve(cwd.as_ref(), NOW)
}

/// `root`, name and work tree, with `root` relative to `below`.
fn resolved(below: &Path, cwd: &str) -> (String, String, Option<String>) {
    let Project {
        root,
        name,
        worktree,
    } = resolve(below.join(cwd));
    let root = root.strip_prefix(below).unwrap_or(&root);
    (root.to_str().unwrap().to_owned(), name, worktree)
}

fn project(root: &str, name: &str, worktree: Option<&str>) -> (String, String, Option<String>) {
    (
        root.to_owned(),
        name.to_owned(),
        worktree.map(str::to_owned),
    )
}

#[test]
fn folders_of_a_repository_are_one_project() {
    let (repo, module) = (
        git_dir_paths("repo/.git"),
        git_dir_paths("repo/.git/modules/lib"),
    );
    let (bare, hidden) = (git_dir_paths("tool.git"), git_dir_paths("site/.bare"));
    let mut files = vec![
        ("repo/src/deep", ""),
        ("repo/vendor/empty/.git", ""),
        ("repo/lib/.git", "gitdir: ../.git/modules/lib\n"),
        // Made by git, absolute, and by hand, relative.
        (
            "trees/feature/.git",
            "gitdir: ROOT/repo/.git/worktrees/feature1\n",
        ),
        ("repo/.git/worktrees/feature1/commondir", "../..\n"),
        (
            "repo/.git/worktrees/feature1/HEAD",
            "ref: refs/heads/feature\n",
        ),
        ("trees/relative/.git", "gitdir: ../../repo/.git/worktrees/r"),
        ("repo/.git/worktrees/r/commondir", "../.."),
        (
            "repo/.claude/worktrees/agent/.git",
            "gitdir: ROOT/repo/.git/worktrees/agent\n",
        ),
        ("repo/.claude/worktrees/agent/src", ""),
        ("repo/.git/worktrees/agent/commondir", "../..\n"),
        // A bare repository hidden beside its work trees.
        ("site/.git", "gitdir: ./.bare\n"),
        ("site/main/.git", "gitdir: ROOT/site/.bare/worktrees/main\n"),
        ("site/.bare/worktrees/main/commondir", "../..\n"),
        // The repository of this one was on another machine.
        (
            "trees/orphan/.git",
            "gitdir: /gone/elsewhere/.git/worktrees/orphan\n",
        ),
        (
            "trees/drifter/.git",
            "gitdir: ../../away/.git/worktrees/drifter\n",
        ),
    ];
    files.extend(git_dir(&repo, "ref: refs/heads/main\n"));
    files.extend(git_dir(&module, "ref: refs/heads/lib\n"));
    files.extend(git_dir(&bare, "ref: refs/heads/main\n"));
    files.extend(git_dir(&hidden, "ref: refs/heads/main\n"));
    let (_keep, root) = folder(&files);
    for (cwd, expected) in [
        ("repo", project("repo", "repo", None)),
        ("repo/src/deep", project("repo", "repo", None)),
        ("repo/src/deep/gone/away", project("repo", "repo", None)),
        ("repo/vendor/empty", project("repo", "repo", None)),
        ("repo/.git/objects", project("repo", "repo", None)),
        (
            "repo/.git/worktrees/feature1",
            project("repo", "repo", None),
        ),
        ("repo/lib", project("repo/lib", "lib", None)),
        ("trees/feature", project("repo", "repo", Some("feature"))),
        ("trees/relative", project("repo", "repo", Some("relative"))),
        (
            "repo/.claude/worktrees/agent/src",
            project("repo", "repo", Some("agent")),
        ),
        (
            "repo/.claude/worktrees/gone/src",
            project("repo", "repo", Some("gone")),
        ),
        (
            "repo/.worktrees/gone",
            project("repo", "repo", Some("gone")),
        ),
        ("tool.git/refs", project("tool.git", "tool", None)),
        ("site", project("site", "site", None)),
        ("site/main", project("site", "site", Some("main"))),
        (
            "trees/orphan",
            project("/gone/elsewhere", "elsewhere", Some("orphan")),
        ),
        ("trees/drifter", project("away", "away", Some("drifter"))),
        ("trees", project("trees", "trees", None)),
    ] {
        assert_eq!(resolved(&root, cwd), expected, "{cwd}");
    }
    for (cwd, expected) in [
        ("repo/src", Some("main")),
        ("repo/lib", Some("lib")),
        ("trees/feature", Some("feature")),
        ("tool.git", Some("main")),
        ("trees/orphan", None),
        ("trees", None),
    ] {
        assert_eq!(branch(&root.join(cwd)).as_deref(), expected, "{cwd}");
    }
}

#[test]
fn folders_that_are_not_here_go_by_their_path() {
    for (cwd, root, name, worktree) in [
        ("/nowhere/app", "/nowhere/app", "app", None),
        (
            "/nowhere/app/.claude/worktrees/fix/src",
            "/nowhere/app",
            "app",
            Some("fix"),
        ),
        (
            "/nowhere/app/.worktrees/fix",
            "/nowhere/app",
            "app",
            Some("fix"),
        ),
        (
            "/nowhere/app/.worktrees",
            "/nowhere/app/.worktrees",
            ".worktrees",
            None,
        ),
        ("/.worktrees/fix", "/", "/", Some("fix")),
        (
            "relative/.worktrees/fix",
            "relative",
            "relative",
            Some("fix"),
        ),
        ("relative", "relative", "relative", None),
        (".git", ".git", ".git", None),
        ("", "", "", None),
        ("/", "/", "/", None),
        (
            "/nowhere/nul\0byte",
            "/nowhere/nul\0byte",
            "nul\0byte",
            None,
        ),
    ] {
        let expected = Project {
            root: root.into(),
            name: name.into(),
            worktree: worktree.map(str::to_owned),
        };
        assert_eq!(resolve(cwd), expected, "{cwd}");
        assert_eq!(branch(Path::new(cwd)), None, "{cwd}");
    }
    let long = "/x".repeat(1_000_000);
    assert_eq!(resolve(&long).name, "x");
    assert_eq!(branch(Path::new(&long)), None);
    // agentmon's own folder is in a repository; a relative path is not looked up there.
    assert_eq!(resolve(".").root, Path::new("."));
}

#[test]
fn heads_are_read_or_left_alone() {
    let name = |head: &[u8]| {
        let paths = git_dir_paths(".git");
        let (_keep, root) = folder(&git_dir(&paths, "x"));
        fs::write(root.join(".git/HEAD"), head).unwrap();
        branch(&root)
    };
    for (head, expected) in [
        ("ref: refs/heads/feature/new ui\n", Some("feature/new ui")),
        ("ref:refs/heads/main", Some("main")),
        (
            "ref: refs/remotes/origin/main\n",
            Some("remotes/origin/main"),
        ),
        (&format!("{COMMIT}\n"), Some("0123456")),
        (&format!("{COMMIT}{}\n", &COMMIT[..24]), Some("0123456")),
        ("ref: refs/heads/.invalid\n", None),
        ("ref: refs/heads/\n", None),
        ("ref: refs/heads/a\x1b[2Jb\n", None),
        ("ref: HEAD", None),
        (&COMMIT[..39], None),
        ("", None),
        (&format!("ref: refs/heads/{}", "x".repeat(5000)), None),
    ] {
        assert_eq!(name(head.as_bytes()).as_deref(), expected, "{head}");
    }
    assert_eq!(name(b"ref: refs/heads/\xff\xfe"), None);
    assert_eq!(name(&vec![0; 1_000_000]), None);
}

#[test]
fn dot_git_files_that_lie_are_no_work_trees() {
    let repo = git_dir_paths("repo/.git");
    let (long, binary) = (
        "gitdir: ".to_owned() + &"x".repeat(100_000),
        "gitdir: \0\u{1}",
    );
    for file in [
        "nonsense",
        "gitdir:",
        long.as_str(),
        binary,
        "gitdir: /etc",
        "gitdir: .",
        "gitdir: .git",
        // A folder outside of the repository that names it as its own.
        "gitdir: ../fake",
        "gitdir: ../loop",
    ] {
        let mut files = vec![("app/.git", file), ("app/src", "")];
        files.extend(git_dir(&repo, "ref: refs/heads/main\n"));
        files.extend([
            ("fake/commondir", "../repo/.git\n"),
            ("loop/commondir", "../loop\n"),
        ]);
        let (_keep, root) = folder(&files);
        let expected = project("app", "app", None);
        assert_eq!(resolved(&root, "app/src"), expected, "{file:.40}");
        assert_eq!(branch(&root.join("app")), None);
    }
}

#[cfg(unix)]
#[test]
fn links_pipes_and_closed_folders() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let (repo, inner) = (git_dir_paths("repo/.git"), git_dir_paths("repo/inner/.git"));
    let mut files = vec![
        ("repo/src", ""),
        ("repo/pipe/.git/objects", ""),
        ("repo/pipe/.git/refs", ""),
    ];
    files.extend(git_dir(&repo, "ref: refs/heads/main\n"));
    files.extend(git_dir(&inner, "ref: refs/heads/inner\n"));
    let (_keep, root) = folder(&files);
    // A link into the repository is in it; a repository seen through a link is the same project.
    symlink(root.join("repo/src"), root.join("into")).unwrap();
    symlink(root.join("repo"), root.join("also")).unwrap();
    assert_eq!(resolved(&root, "into"), project("repo", "repo", None));
    assert_eq!(resolved(&root, "also/src"), project("repo", "repo", None));
    // Links in a circle, as the folder, as `.git` and as `HEAD`.
    symlink(root.join("b"), root.join("a")).unwrap();
    symlink(root.join("a"), root.join("b")).unwrap();
    assert_eq!(resolved(&root, "a/x"), project("a/x", "x", None));
    fs::create_dir(root.join("circle")).unwrap();
    symlink(".git", root.join("circle/.git")).unwrap();
    assert_eq!(resolved(&root, "circle"), project("circle", "circle", None));
    // Nobody waits at a pipe.
    let pipe = root.join("repo/pipe/.git/HEAD");
    if Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .is_ok_and(|status| status.success())
    {
        assert_eq!(resolved(&root, "repo/pipe"), project("repo", "repo", None));
        assert_eq!(branch(&root.join("repo/pipe")).as_deref(), Some("main"));
    } else {
        eprintln!("SKIPPED: no mkfifo");
    }
    // A repository that may not be looked into is one all the same.
    let closed = root.join("repo/inner/.git");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
    assert_eq!(
        resolved(&root, "repo/inner"),
        project("repo/inner", "inner", None)
    );
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn what_was_found_is_believed_for_a_minute() {
    let (_keep, root) = folder(&[("app", "")]);
    let mut resolver = ProjectResolver::default();
    let mut root_at = |now| resolver.resolve(&root.join("app"), now).root;
    assert_eq!(root_at(NOW), root.join("app"));
    for path in git_dir_paths(".git") {
        fs::create_dir_all(root.join(&path)).unwrap();
    }
    fs::remove_dir(root.join(".git/HEAD")).unwrap();
    fs::write(root.join(".git/HEAD"), "ref: refs/heads/main").unwrap();
    assert_eq!(root_at(NOW + Span::from_secs(59)), root.join("app"));
    assert_eq!(root_at(NOW + Span::from_secs(60)), root);
    assert_eq!(
        root_at(NOW - Span::from_secs(600)),
        root,
        "a clock that went back"
    );
}

#[test]
fn git_itself_agrees() {
    let (_keep, root) = folder(&[("repo/src", ""), ("home", "")]);
    let git = |folder: &str, arguments: &str| {
        let output = Command::new("git")
            .current_dir(root.join(folder))
            .args(["-c", "user.name=t", "-c", "user.email=t@example.invalid"])
            .args(arguments.split(' '))
            .env("HOME", root.join("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output();
        let output = output.ok()?;
        assert!(output.status.success(), "git {arguments}: {output:?}");
        Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    };
    if git(".", "--version").is_none() {
        eprintln!("SKIPPED: git is not installed");
        return;
    }
    git("repo", "init -q -b trunk");
    git("repo", "commit -q --allow-empty -m first");
    git("repo", "worktree add -q -b fix .claude/worktrees/fix");
    git("repo", "worktree add -q --detach ../outside");
    git(".", "clone -q --bare repo copy.git");
    git("copy.git", "worktree add -q -b side ../side");
    for (cwd, expected) in [
        ("repo/src", project("repo", "repo", None)),
        (
            "repo/.claude/worktrees/fix",
            project("repo", "repo", Some("fix")),
        ),
        ("outside", project("repo", "repo", Some("outside"))),
        ("copy.git", project("copy.git", "copy", None)),
        ("side", project("copy.git", "copy", Some("side"))),
    ] {
        assert_eq!(resolved(&root, cwd), expected, "{cwd}");
        let common = git(cwd, "rev-parse --path-format=absolute --git-common-dir").unwrap();
        let common = PathBuf::from(common.strip_suffix("/.git").unwrap_or(&common));
        assert_eq!(resolve(root.join(cwd)).root, common, "{cwd}");
        let head = git(cwd, "rev-parse --abbrev-ref HEAD").unwrap();
        let head = match head.as_str() {
            "HEAD" => git(cwd, "rev-parse HEAD").unwrap()[..7].to_owned(),
            _ => head,
        };
        assert_eq!(branch(&root.join(cwd)), Some(head), "{cwd}");
    }
    // A work tree that was deleted by hand keeps its project.
    fs::remove_dir_all(root.join("repo/.claude/worktrees/fix")).unwrap();
    let gone = project("repo", "repo", Some("fix"));
    assert_eq!(resolved(&root, "repo/.claude/worktrees/fix"), gone);
}
