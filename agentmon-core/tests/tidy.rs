//! The invariants of `docs/architecture.md` that can be read off the source text.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use toml::Table;

/// Longest source file, in lines without its tests. Longer ones have more than one job.
const MAX_LINES: usize = 500;

/// HTTP servers, command lines and terminals: none of them may come into core, directly or through another crate (I1).
const NOT_IN_CORE: [&str; 18] = [
    "actix-web",
    "axum",
    "clap",
    "comfy-table",
    "console",
    "crossterm",
    "dialoguer",
    "indicatif",
    "inquire",
    "poem",
    "portable-pty",
    "ratatui",
    "rocket",
    "salvo",
    "termion",
    "termios",
    "tide",
    "warp",
];

/// What HTTP servers and the one HTTP client of core are both made of: core may not use it itself.
const NOT_USED_BY_CORE: [&str; 4] = ["hyper", "hyper-util", "tower", "tower-http"];

/// The folders of core that neither do I/O nor know the time (I2).
const PURE: [&str; 4] = ["model", "pricing", "session", "source/openclaw/gateway"];

/// The one file in them that holds a connection.
const SOCKET: &str = "source/openclaw/gateway/socket.rs";

/// What is no part of them.
const IMPURE: [&str; 8] = [
    "async",
    "await",
    "tokio",
    "std::fs",
    "std::net",
    "SystemTime",
    "Instant",
    "now(",
];

/// Ways of reading wall time (I3).
const WALL_TIME: [&str; 4] = [
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "Utc::now",
];

/// Beginnings of SQL statements, as people write them in strings (I4).
const SQL: [&str; 12] = [
    "ALTER TABLE",
    "BEGIN IMMEDIATE",
    "CREATE INDEX",
    "CREATE TABLE",
    "CREATE TRIGGER",
    "CREATE VIRTUAL",
    "DELETE FROM",
    "DROP TABLE",
    "INSERT INTO",
    "INSERT OR",
    "PRAGMA",
    "SELECT",
];

/// Queues and request bodies without a bound (I8).
const UNBOUNDED: [&str; 8] = [
    "unbounded",
    "unbounded_channel",
    "mpsc::channel()",
    "sync::mpsc::channel",
    "body::bytes",
    "body::json",
    "body::aggregate",
    "body::form",
];

/// A source file, taken apart.
#[derive(Debug)]
struct Source {
    /// Path below the workspace, with `/` between its parts.
    path: String,
    text: String,
    /// The text up to its tests, with comments and the insides of strings blanked.
    code: String,
    /// The insides of its strings outside of tests, with their lines.
    strings: Vec<(usize, String)>,
}

impl Source {
    fn new(path: String, text: String) -> Self {
        let end = text
            .find("\n#[cfg(test)]\nmod tests {")
            .unwrap_or(text.len());
        let (code, strings) = take_apart(&text[..end]);
        Self {
            path,
            text,
            code,
            strings,
        }
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// The lines of code in which one of `needles` stands as a word of its own.
    fn uses(&self, needles: &[&str]) -> Vec<String> {
        let lines = self.code.lines().enumerate();
        let found = lines.flat_map(|(at, line)| {
            let found = needles.iter().filter(move |needle| has_word(line, needle));
            found.map(move |needle| format!("{}:{}: {needle}", self.path, at + 1))
        });
        found.collect()
    }
}

/// Whether `word` stands in `line`, not as a part of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let goes_on = word.ends_with(is_name) && after.is_some_and(is_name);
        !before.is_some_and(is_name) && !goes_on
    })
}

/// Code with comments and strings blanked, and the strings. Knows as much of Rust's grammar as that takes.
fn take_apart(text: &str) -> (String, Vec<(usize, String)>) {
    let mut code = String::new();
    let mut strings = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let until =
            |from: usize, end: &str| rest[from..].find(end).map_or(rest.len(), |at| from + at);
        let in_name = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let raw = rest.trim_start_matches(['b', 'c']).strip_prefix('r');
        let raw = raw
            .map(|raw| raw.trim_start_matches('#'))
            .filter(|raw| !in_name && raw.starts_with('"'));
        // How much of the rest is no code, and which part of that is a string.
        let (length, string) = if rest.starts_with("//") {
            (until(0, "\n"), None)
        } else if rest.starts_with("/*") {
            (until(2, "*/") + 2, None)
        } else if let Some(raw) = raw {
            let start = rest.len() - raw.len() + 1;
            let close = format!("\"{}", "#".repeat(rest[..start].matches('#').count()));
            let end = until(start, &close);
            (end + close.len(), Some(start..end))
        } else if c == '"' {
            let mut end = 1;
            while end < rest.len() && !rest[end..].starts_with('"') {
                let escaped = usize::from(rest[end..].starts_with('\\'));
                end += rest[end..]
                    .chars()
                    .take(1 + escaped)
                    .map(char::len_utf8)
                    .sum::<usize>();
            }
            (end + 1, Some(1..end))
        } else if c == '\'' && rest[1..].starts_with('\\') {
            (until(3, "'") + 1, None)
        } else if c == '\'' && rest.chars().nth(2) == Some('\'') {
            (rest.chars().take(3).map(char::len_utf8).sum(), None)
        } else {
            // Among others the quote that begins a lifetime.
            line += usize::from(c == '\n');
            code.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        let (blanked, after) = rest.split_at(length.min(rest.len()));
        strings.extend(string.map(|string| (line, rest[string].to_owned())));
        let lines = blanked.matches('\n').count();
        code.extend(std::iter::repeat_n('\n', lines));
        line += lines;
        rest = after;
    }
    (code, strings)
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// All sources of the workspace that are shipped.
fn sources() -> Vec<Source> {
    let crates = [
        "agentmon-core/src",
        "agentmon-cli/src",
        "agentmon-server/src",
        "examples",
    ];
    let mut pending: Vec<PathBuf> = crates
        .iter()
        .map(|folder| workspace().join(folder))
        .collect();
    let mut sources = Vec::new();
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(workspace()).unwrap().to_str().unwrap();
                sources.push(Source::new(
                    name.replace('\\', "/"),
                    fs::read_to_string(&path).unwrap(),
                ));
            }
        }
    }
    assert!(
        sources.len() > 50,
        "the sources are where this test looks for them"
    );
    sources
}

/// What `broken` says of every source that is no test, as one report.
fn check(rule: &str, broken: impl Fn(&Source) -> Vec<String>) {
    let sources = sources();
    let found: Vec<String> = sources
        .iter()
        .filter(|source| !source.is_test())
        .flat_map(broken)
        .collect();
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

fn in_core(source: &Source, folder: &str) -> bool {
    source
        .path
        .starts_with(&format!("agentmon-core/src/{folder}"))
}

#[test]
fn i1_core_depends_on_no_server_and_no_terminal() {
    let read = |path: &str| -> Table {
        fs::read_to_string(workspace().join(path))
            .unwrap()
            .parse()
            .unwrap()
    };
    let manifest = read("agentmon-core/Cargo.toml");
    assert!(
        !manifest.contains_key("target"),
        "dependencies by platform would be missed here"
    );
    let direct = manifest["dependencies"].as_table().unwrap();
    for name in NOT_USED_BY_CORE {
        assert!(!direct.contains_key(name), "agentmon-core uses {name}");
    }
    let direct = direct.keys().cloned();

    // From package to packages. Of packages from outside the lock file holds no development dependencies.
    let mut depends: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in read("Cargo.lock")["package"].as_array().unwrap() {
        let on = package
            .get("dependencies")
            .and_then(|on| on.as_array())
            .into_iter()
            .flatten();
        let on = on.map(|on| on.as_str().unwrap().split(' ').next().unwrap().to_owned());
        depends
            .entry(package["name"].as_str().unwrap().to_owned())
            .or_default()
            .extend(on);
    }
    let mut reached = BTreeSet::new();
    let mut pending: Vec<String> = direct.collect();
    while let Some(package) = pending.pop() {
        if reached.insert(package.clone()) {
            pending.extend(depends[&package].iter().cloned());
        }
    }
    let found: Vec<_> = NOT_IN_CORE
        .iter()
        .filter(|name| reached.contains(**name))
        .collect();
    assert!(found.is_empty(), "agentmon-core depends on {found:?}");
    assert!(
        !reached.iter().any(|name| name.starts_with("agentmon")),
        "core knows nobody"
    );
}

#[test]
fn i1_core_prints_nothing() {
    check("core prints", |source| match in_core(source, "") {
        true => source.uses(&["print!", "println!", "eprint!", "eprintln!", "dbg!"]),
        false => Vec::new(),
    });
}

#[test]
fn i2_pure_modules_do_no_io_and_read_no_time() {
    check("not pure", |source| {
        let is_pure = PURE
            .iter()
            .any(|folder| in_core(source, &format!("{folder}/")));
        match is_pure && !in_core(source, SOCKET) {
            true => source.uses(&IMPURE),
            false => Vec::new(),
        }
    });
    for folder in PURE {
        assert!(
            workspace().join("agentmon-core/src").join(folder).is_dir(),
            "{folder} has moved"
        );
    }
}

#[test]
fn i3_wall_time_is_read_in_one_place() {
    check("reads wall time", |source| {
        match in_core(source, "clock.rs") {
            true => Vec::new(),
            false => source.uses(&WALL_TIME),
        }
    });
}

#[test]
fn i4_sql_stands_in_the_store_and_where_agents_keep_databases() {
    check("SQL outside of the store", |source| {
        let in_store = in_core(source, "store/sqlite/");
        // Databases of agents: opened in one place, asked in one file of the adapter.
        let asks_agent = in_core(source, "source/") && source.path.ends_with("/database.rs");
        if in_store || asks_agent {
            return Vec::new();
        }
        let found = source
            .strings
            .iter()
            .filter(|(_, text)| SQL.iter().any(|start| has_word(text, start)));
        found
            .map(|(line, text)| format!("{}:{line}: {text:?}", source.path))
            .collect()
    });
}

#[test]
fn i8_queues_and_bodies_are_bounded() {
    check("has no bound", |source| source.uses(&UNBOUNDED));
    check("has no bound", |source| {
        let imports = source
            .code
            .split(';')
            .filter(|code| code.contains("use std::sync::mpsc::{"));
        let found = imports.filter(|import| has_word(import, "channel"));
        found
            .map(|import| format!("{}: {}", source.path, import.trim()))
            .collect()
    });
}

#[test]
fn files_have_one_job_and_say_which() {
    check("too long", |source| {
        let lines = source.code.lines().count();
        let long = lines > MAX_LINES;
        long.then(|| format!("{}: {lines} lines, at most {MAX_LINES}", source.path))
            .into_iter()
            .collect()
    });
    check("does not begin with `//!`", |source| {
        let said = source.text.starts_with("//!");
        (!said).then(|| source.path.clone()).into_iter().collect()
    });
}

#[test]
fn sources_are_taken_apart_as_rust_does() {
    let text = r##"let a = "x // y"; // println!("no")
/* SELECT
*/ let b = r#"DROP "TABLE""#; let c = '"'; let d = '\''; fn e<'a>(f: &'a str) {}
let g = b"\"quoted\\"; for h in i { 'l: loop {} } let k = "日本";"##;
    let (code, strings) = take_apart(text);
    let strings: Vec<_> = strings
        .iter()
        .map(|(line, text)| (*line, text.as_str()))
        .collect();
    assert_eq!(
        strings,
        [
            (1, "x // y"),
            (3, "DROP \"TABLE\""),
            (4, r#"\"quoted\\"#),
            (4, "日本")
        ]
    );
    assert_eq!(
        code,
        "let a = ; \n\n let b = ; let c = ; let d = ; fn e<'a>(f: &'a str) {}\n\
         let g = b; for h in i { 'l: loop {} } let k = ;"
    );
    assert!(has_word("x.now()", "now(") && has_word("a::SystemTime::now", "SystemTime"));
    assert!(!has_word("asynchronous", "async") && !has_word("known(", "now("));
    let source = Source::new(
        "a/b.rs".into(),
        "fn a() {}\n#[cfg(test)]\nmod tests { panic!() }".into(),
    );
    assert_eq!(source.code, "fn a() {}");
}
