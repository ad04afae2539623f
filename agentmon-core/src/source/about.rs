//! What a tool call is about, in the words that the user is shown: the command, the file, the question. Agents name their
//! tools' arguments alike.

use std::borrow::Cow;

use serde::Deserialize;

use crate::model::Event;

/// The arguments that say it best, the best first.
#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow, default)]
    command: Option<Words<'a>>,
    #[serde(borrow, default)]
    cmd: Option<Words<'a>>,
    #[serde(borrow, default)]
    file_path: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "filePath")]
    file: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    notebook_path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    url: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    plan: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pattern: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    query: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    task: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    questions: Vec<Question<'a>>,
}

#[derive(Deserialize)]
struct Question<'a> {
    #[serde(borrow, default)]
    question: Option<Cow<'a, str>>,
}

/// A command line, or a program with its arguments.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words<'a> {
    Line(#[serde(borrow)] Cow<'a, str>),
    Program(Vec<String>),
}

impl<'a> Words<'a> {
    fn line(self) -> Cow<'a, str> {
        match self {
            Self::Line(line) => line,
            // What a shell is to do is its last argument.
            Self::Program(words) => match &words[..] {
                [_, flag, script] if flag.starts_with('-') && flag.ends_with('c') => {
                    script.clone().into()
                }
                words => words.join(" ").into(),
            },
        }
    }
}

/// What a call is about by its arguments, a JSON text, clipped; the arguments themselves where none of them says it.
pub(in crate::source) fn about(arguments: &str) -> Option<Box<str>> {
    let known: Option<Input<'_>> = serde_json::from_str(arguments).ok();
    let words = known.and_then(|input| {
        let question = || input.questions.into_iter().find_map(|ask| ask.question);
        input
            .command
            .or(input.cmd)
            .map(Words::line)
            .or(input.file_path)
            .or(input.file)
            .or(input.notebook_path)
            .or(input.url)
            .or(input.plan)
            .or(input.pattern)
            .or(input.query)
            .or(input.description)
            .or(input.task)
            .or(input.path)
            .or_else(question)
    });
    let words = words.or_else(|| {
        let says = !matches!(arguments, "" | "{}" | "null");
        says.then_some(arguments.into())
    });
    words.map(|words| Event::clip(&words).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_that_say_it_best_are_shown() {
        for (arguments, words) in [
            (
                r#"{"command":"make \"all\"","description":"Build"}"#,
                Some("make \"all\""),
            ),
            (
                r#"{"command":["bash","-lc","ls -la | head"]}"#,
                Some("ls -la | head"),
            ),
            (r#"{"command":["git","status"]}"#, Some("git status")),
            (
                r#"{"cmd":"cargo test","yield_time_ms":1000}"#,
                Some("cargo test"),
            ),
            (
                r#"{"filePath":"/src/a.rs","oldString":"a"}"#,
                Some("/src/a.rs"),
            ),
            (r#"{"pattern":"fn main","path":"src"}"#, Some("fn main")),
            (
                r#"{"prompt":"Long ...","description":"Look around"}"#,
                Some("Look around"),
            ),
            (
                r#"{"questions":[{"question":"Which one?"}]}"#,
                Some("Which one?"),
            ),
            (r#"{"command":7}"#, Some(r#"{"command":7}"#)),
            ("*** Begin Patch", Some("*** Begin Patch")),
            ("{}", None),
            ("", None),
        ] {
            assert_eq!(about(arguments).as_deref(), words, "{arguments}");
        }
    }
}
