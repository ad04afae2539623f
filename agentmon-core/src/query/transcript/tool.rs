//! What a tool's input says: which kind of tool it is, what it is about, what it changes. Tools of all agents, by the
//! names that they and their parameters have.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{ToolBlock, ToolOutcome};
use crate::model::EventKind;
use crate::query::event::EventRow;

/// Longest title, in characters.
const MAX_TITLE: usize = 200;

/// What kind of tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ToolType {
    /// Runs commands.
    Shell,
    /// Changes files.
    Edit,
    /// Writes whole files.
    Write,
    /// Reads files or lists folders.
    Read,
    /// Looks for files or text.
    Search,
    /// Keeps a list of what is to be done.
    Todo,
    /// Fetches or searches the web.
    Web,
    /// Has another agent do something.
    Task,
    /// Asks the user.
    Ask,
    /// Anything else.
    Other,
}

/// Names of tools in small letters without `_` and `-`.
const NAMES: &[(ToolType, &[&str])] = &[
    (
        ToolType::Shell,
        &[
            "bash",
            "shell",
            "execcommand",
            "exec",
            "localshell",
            "runshellcommand",
            "executecommand",
            "runterminalcmd",
            "terminal",
            "process",
            "writestdin",
            "bashoutput",
            "killshell",
            "powershell",
        ],
    ),
    (
        ToolType::Edit,
        &[
            "edit",
            "multiedit",
            "applypatch",
            "replace",
            "strreplace",
            "strreplaceeditor",
            "strreplacebasededittool",
            "strreplacefile",
            "notebookedit",
            "patch",
            "applydiff",
            "replaceinfile",
            "editfile",
            "insertcontent",
            "searchandreplace",
        ],
    ),
    (
        ToolType::Write,
        &[
            "write",
            "writefile",
            "filewrite",
            "createfile",
            "writetofile",
            "create",
        ],
    ),
    (
        ToolType::Read,
        &[
            "read",
            "readfile",
            "view",
            "viewimage",
            "readmanyfiles",
            "ls",
            "listdirectory",
            "list",
            "listdir",
            "listfiles",
            "cat",
        ],
    ),
    (
        ToolType::Search,
        &[
            "grep",
            "glob",
            "search",
            "searchfilecontent",
            "codebasesearch",
            "searchfiles",
            "toolsearch",
            "find",
            "greptool",
            "globtool",
        ],
    ),
    (
        ToolType::Todo,
        &[
            "todowrite",
            "todoread",
            "updateplan",
            "writetodos",
            "todo",
            "taskcreate",
            "taskupdate",
            "tasklist",
            "settodolist",
            "updatetodolist",
        ],
    ),
    (
        ToolType::Web,
        &[
            "webfetch",
            "websearch",
            "fetch",
            "googlewebsearch",
            "searchweb",
            "fetchurl",
            "browser",
        ],
    ),
    (
        ToolType::Task,
        &[
            "task",
            "agent",
            "spawnagent",
            "sessionsspawn",
            "delegate",
            "newtask",
            "subagent",
        ],
    ),
    (
        ToolType::Ask,
        &[
            "askuserquestion",
            "exitplanmode",
            "askuser",
            "requestuserinput",
            "question",
            "askfollowupquestion",
        ],
    ),
];

/// What an edit changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Diff {
    /// What is replaced by what in one file.
    Hunks {
        /// The file, if it is named.
        path: Option<Box<str>>,
        /// The places, in the order given.
        hunks: Vec<Hunk>,
    },
    /// A patch as text.
    Patch(Box<str>),
}

/// One place that is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// What was there; empty for a file that is written.
    pub old: Box<str>,
    /// What is there now.
    pub new: Box<str>,
}

/// One entry of a list of what is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Todo {
    /// What.
    pub text: Box<str>,
    /// How far it is.
    pub status: TodoStatus,
}

/// How far an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TodoStatus {
    /// Not begun.
    Pending,
    /// Begun.
    InProgress,
    /// Done.
    Completed,
}

impl ToolType {
    /// The name used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Edit => "edit",
            Self::Write => "write",
            Self::Read => "read",
            Self::Search => "search",
            Self::Todo => "todo",
            Self::Web => "web",
            Self::Task => "task",
            Self::Ask => "ask",
            Self::Other => "other",
        }
    }

    /// The kind of the tool with that name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let plain: String = name
            .chars()
            .filter(|c| !matches!(c, '_' | '-'))
            .flat_map(char::to_lowercase)
            .collect();
        let known = NAMES.iter().find(|(_, names)| names.contains(&&*plain));
        known.map_or(Self::Other, |(kind, _)| *kind)
    }
}

impl TodoStatus {
    /// The name used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
        }
    }

    fn parse(name: &str) -> Self {
        match name {
            "completed" | "done" | "x" => Self::Completed,
            "in_progress" | "in-progress" | "active" => Self::InProgress,
            _ => Self::Pending,
        }
    }
}

/// A tool's input, where it is a JSON object and was kept whole.
pub(super) fn input(row: &EventRow) -> Option<Map<String, Value>> {
    if row.truncated || !row.text.starts_with('{') {
        return None;
    }
    serde_json::from_str(&row.text).ok()
}

/// What a tool was asked, and what it gave back.
pub(super) fn read(row: &EventRow, result: Option<ToolOutcome>) -> ToolBlock {
    let name = row.tool.clone().unwrap_or_default();
    let input = input(row);
    let empty = Map::new();
    let fields = input.as_ref().unwrap_or(&empty);
    let kind = match ToolType::of(&name) {
        ToolType::Other if row.kind == EventKind::PlanStep => ToolType::Todo,
        kind => kind,
    };
    let images = result.as_ref().map_or(0, |result| {
        let images = result.text.lines().filter(|line| *line == "[image]");
        images.count() as u32
    });
    ToolBlock {
        kind,
        title: title(kind, fields, &row.text).into(),
        diff: diff(kind, fields, &row.text),
        todos: (kind == ToolType::Todo)
            .then(|| todos(fields, &row.text))
            .flatten(),
        name,
        images,
        result,
        input: input.map(Value::Object),
    }
}

/// The first of these fields that holds text.
pub(in crate::query) fn first<'a>(
    fields: &'a Map<String, Value>,
    names: &[&str],
) -> Option<&'a str> {
    let texts = names.iter().filter_map(|name| fields.get(*name)?.as_str());
    texts.into_iter().find(|text| !text.is_empty())
}

const COMMAND: &[&str] = &["command", "cmd", "script", "input", "chars"];

/// The command that a shell's input holds, all of it: a field of it, or the input itself.
pub(in crate::query) fn command(text: &str) -> Cow<'_, str> {
    let fields: Option<Map<String, Value>> = text
        .starts_with('{')
        .then(|| serde_json::from_str(text).ok())
        .flatten();
    let Some(fields) = fields else {
        return text.into();
    };
    let line = first(&fields, COMMAND).map(str::to_owned);
    line.or_else(|| argv(&fields)).unwrap_or_default().into()
}

/// A command that is given as a program and its arguments.
fn argv(fields: &Map<String, Value>) -> Option<String> {
    let words = fields
        .get("command")
        .or_else(|| fields.get("cmd"))?
        .as_array()?;
    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    // What a shell is told to run is the command.
    Some(match words[..] {
        [_, "-lc" | "-c", script] => script.to_owned(),
        _ => words.join(" "),
    })
}

/// Names of the field that holds a file or folder.
pub(in crate::query) const PATH: &[&str] = &[
    "file_path",
    "filePath",
    "path",
    "absolute_path",
    "notebook_path",
    "filename",
    "target_file",
    "dir_path",
];

fn title(kind: ToolType, fields: &Map<String, Value>, text: &str) -> String {
    let named: &[&str] = match kind {
        ToolType::Shell => COMMAND,
        ToolType::Edit | ToolType::Write | ToolType::Read => PATH,
        ToolType::Search => &["pattern", "query", "regex", "q"],
        ToolType::Web => &["url", "query", "q"],
        ToolType::Task => &["description", "task", "prompt", "message"],
        ToolType::Todo => &["subject", "explanation"],
        ToolType::Ask => &["question", "plan"],
        ToolType::Other => &[],
    };
    let asked = || {
        let questions = fields.get("questions")?.as_array()?;
        Some(questions.first()?.get("question")?.as_str()?.to_owned())
    };
    let any = || fields.values().find_map(Value::as_str).map(str::to_owned);
    let plain = || (fields.is_empty() && !text.starts_with('{')).then(|| text.to_owned());
    let title = first(fields, named)
        .map(str::to_owned)
        .or_else(|| argv(fields))
        .or_else(asked)
        .or_else(|| first(fields, PATH).map(str::to_owned))
        .or_else(any)
        .or_else(plain)
        .unwrap_or_default();
    let line = title.lines().find(|line| !line.trim().is_empty());
    line.unwrap_or_default()
        .trim()
        .chars()
        .take(MAX_TITLE)
        .collect()
}

/// What an edit changes, or the patch that a tool applies.
pub(in crate::query) fn diff(
    kind: ToolType,
    fields: &Map<String, Value>,
    text: &str,
) -> Option<Diff> {
    if !matches!(kind, ToolType::Edit | ToolType::Write | ToolType::Shell) {
        return None;
    }
    let patch = first(fields, &["patch", "patchText", "diff", "input"]).or(Some(text));
    let is_patch = |text: &&str| text.starts_with("*** Begin Patch") || text.starts_with("--- ");
    if let Some(patch) = patch.filter(is_patch) {
        return Some(Diff::Patch(patch.into()));
    }
    if kind == ToolType::Shell {
        return None;
    }
    let path = first(fields, PATH).map(Into::into);
    let written = first(fields, &["content", "contents", "file_text"]);
    let hunk = |fields: &Map<String, Value>| {
        let text = |names: &[&str]| names.iter().find_map(|name| fields.get(*name)?.as_str());
        let new = text(&[
            "new_string",
            "newString",
            "new_str",
            "new_source",
            "replace",
            "newText",
            "new",
        ])?;
        let old = text(&[
            "old_string",
            "oldString",
            "old_str",
            "search",
            "oldText",
            "old",
        ]);
        Some(Hunk {
            old: old.unwrap_or_default().into(),
            new: new.into(),
        })
    };
    let edits = ["edits", "edit"]
        .iter()
        .find_map(|name| match fields.get(*name)? {
            Value::Array(edits) => Some(&edits[..]),
            edit @ Value::Object(_) => Some(std::slice::from_ref(edit)),
            _ => None,
        });
    let hunks: Vec<Hunk> = match (edits, hunk(fields), written) {
        (Some(edits), ..) => edits
            .iter()
            .filter_map(|edit| hunk(edit.as_object()?))
            .collect(),
        (None, Some(hunk), _) => vec![hunk],
        (None, None, Some(content)) => vec![Hunk {
            old: "".into(),
            new: content.into(),
        }],
        (None, None, None) => Vec::new(),
    };
    (!hunks.is_empty()).then_some(Diff::Hunks { path, hunks })
}

fn todos(fields: &Map<String, Value>, text: &str) -> Option<Vec<Todo>> {
    let list = ["todos", "plan", "items", "tasks"];
    let list = list.iter().find_map(|name| fields.get(*name)?.as_array());
    if let Some(list) = list {
        let entry = |entry: &Value| {
            let entry = entry.as_object()?;
            let text = first(
                entry,
                &["content", "step", "text", "title", "description", "subject"],
            )?;
            let status = first(entry, &["status", "state"]).unwrap_or_default();
            Some(Todo {
                text: text.into(),
                status: TodoStatus::parse(status),
            })
        };
        return Some(list.iter().filter_map(entry).collect());
    }
    // As Codex's plans are kept: `[status] step`.
    let line = |line: &str| {
        let (status, text) = line.trim().strip_prefix('[')?.split_once(']')?;
        Some(Todo {
            text: text.trim().into(),
            status: TodoStatus::parse(status.trim()),
        })
    };
    let todos: Vec<Todo> = text.lines().filter_map(line).collect();
    (!todos.is_empty() && !text.starts_with('{')).then_some(todos)
}
