//! What a command or a tool says it made elsewhere: commits, pull requests, issues, releases. Only what the programs
//! themselves print about what they made is taken for it: a line of `git commit`, an address alone on its line.

use super::OutputKind;

/// A result as a tool's answer tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) kind: OutputKind,
    pub(super) title: Option<Box<str>>,
    pub(super) id: Option<Box<str>>,
    pub(super) url: Option<Box<str>>,
}

/// Longest title, in characters.
const MAX_TITLE: usize = 200;
/// Longest address, in bytes.
const MAX_URL: usize = 300;

/// How a program or a tool makes something that has an address.
struct Maker {
    kind: OutputKind,
    /// The words with which a command calls for it.
    commands: &'static [&'static str],
    /// How a tool that does it is called, in small letters without `_` and `-`, at its end.
    tools: &'static [&'static str],
    /// What stands in the path of its address, before the number or name.
    places: &'static [&'static str],
}

const MAKERS: &[Maker] = &[
    Maker {
        kind: OutputKind::PullRequest,
        commands: &["gh pr create", "glab mr create", "hub pull-request"],
        tools: &["createpullrequest", "createmergerequest"],
        places: &["/pull/", "/-/merge_requests/"],
    },
    Maker {
        kind: OutputKind::Issue,
        commands: &["gh issue create", "glab issue create"],
        tools: &["createissue"],
        places: &["/issues/", "/-/issues/"],
    },
    Maker {
        kind: OutputKind::Release,
        commands: &["gh release create", "glab release create"],
        tools: &["createrelease"],
        places: &["/releases/tag/", "/-/releases/"],
    },
];

/// What of git makes a commit and tells of it.
const COMMITTING: &[&str] = &["commit", "cherry-pick", "revert"];

/// Whether a tool makes something elsewhere, by its name.
pub(super) fn makes(tool: &str) -> bool {
    maker_of(tool).is_some()
}

fn maker_of(tool: &str) -> Option<&'static Maker> {
    let plain: String = tool
        .chars()
        .filter(|c| !matches!(c, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect();
    let is_it = |maker: &&Maker| maker.tools.iter().any(|name| plain.ends_with(name));
    MAKERS.iter().find(is_it)
}

/// Whether the answer to a command may tell of something that it made.
pub(super) fn may_make(command: &str) -> bool {
    commits(command) || MAKERS.iter().any(|maker| is_called(maker, command))
}

fn commits(command: &str) -> bool {
    command.contains("git") && COMMITTING.iter().any(|word| command.contains(word))
}

fn is_called(maker: &Maker, command: &str) -> bool {
    maker.commands.iter().any(|words| command.contains(words))
}

/// What the answer to a command tells that it made. Git speaks of its commit also where a later part of the command fails.
pub(super) fn of_command(command: &str, answer: &str, is_well: bool) -> Vec<Made> {
    let mut made = Vec::new();
    if commits(command) {
        made.extend(answer.lines().filter_map(commit));
    }
    for maker in MAKERS
        .iter()
        .filter(|maker| is_well && is_called(maker, command))
    {
        let words = answer.lines().map(str::trim);
        made.extend(words.filter_map(|word| at_address(maker, word)));
    }
    made
}

/// What the answer of a tool tells that it made: the first address of such a thing in it.
pub(super) fn of_tool(tool: &str, answer: &str) -> Option<Made> {
    let maker = maker_of(tool)?;
    let mut words = answer.split(|c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '(' | ')' | ',')
    });
    words.find_map(|word| at_address(maker, word))
}

/// `[branch 1a2b3c4] subject`, as git says after a commit.
fn commit(line: &str) -> Option<Made> {
    let (head, subject) = line.trim_start().strip_prefix('[')?.split_once("] ")?;
    let (branch, hash) = head.rsplit_once(' ')?;
    let is_hash = (7..=64).contains(&hash.len())
        && hash
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_hash && !branch.is_empty()).then(|| Made {
        kind: OutputKind::Commit,
        title: Some(clipped(subject)),
        id: Some(hash.into()),
        url: None,
    })
}

/// `https://host/owner/repo/pull/12`, and nothing behind it.
fn at_address(maker: &Maker, word: &str) -> Option<Made> {
    let rest = word
        .strip_prefix("https://")
        .filter(|_| word.len() <= MAX_URL)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:+%@".contains(c);
    if !rest.chars().all(is_plain) {
        return None;
    }
    let (before, name) = maker
        .places
        .iter()
        .find_map(|place| rest.rsplit_once(place))?;
    let (_, project) = before.split_once('/')?;
    let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let is_release = maker.kind == OutputKind::Release && !name.is_empty() && !name.contains('/');
    if project.is_empty() || !(is_number || is_release) {
        return None;
    }
    let sign = match (
        is_release,
        maker
            .places
            .iter()
            .any(|place| place.starts_with("/-/") && rest.contains(place)),
    ) {
        (true, _) => ' ',
        (false, true) if maker.kind == OutputKind::PullRequest => '!',
        (false, _) => '#',
    };
    Some(Made {
        kind: maker.kind,
        title: None,
        id: Some(format!("{project}{sign}{name}").into()),
        url: Some(word.into()),
    })
}

pub(super) fn clipped(text: &str) -> Box<str> {
    let line = text.lines().next().unwrap_or_default();
    line.trim()
        .chars()
        .take(MAX_TITLE)
        .collect::<String>()
        .into()
}
