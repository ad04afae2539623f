//! The `notify` setting of Codex: one program, called with a JSON argument when a turn is complete.

use toml_edit::{Array, DocumentMut, Item, Value};

use super::{EditError, HookAgent, is_ours};

/// The setting.
const NOTIFY: &str = "notify";

pub(super) fn install(text: &str, agent: HookAgent, words: &[String]) -> Result<String, EditError> {
    let mut document = read(text)?;
    match document.get(NOTIFY) {
        Some(known) if program(known) == words => return Ok(text.to_owned()),
        Some(known) if !is_ours(&program(known).join(" "), agent) => {
            return Err(EditError::Taken(program(known).join(" ")));
        }
        _ => {}
    }
    document[NOTIFY] = Item::Value(Value::Array(words.iter().collect::<Array>()));
    Ok(document.to_string())
}

pub(super) fn uninstall(text: &str, agent: HookAgent) -> Result<String, EditError> {
    let mut document = read(text)?;
    match document.get(NOTIFY) {
        Some(known) if is_ours(&program(known).join(" "), agent) => {
            document.remove(NOTIFY);
            Ok(document.to_string())
        }
        _ => Ok(text.to_owned()),
    }
}

/// The words of the setting.
fn program(item: &Item) -> Vec<String> {
    match item.as_array() {
        Some(words) => words
            .iter()
            .map(|word| word.as_str().unwrap_or_default().to_owned())
            .collect(),
        None => vec![item.to_string().trim().to_owned()],
    }
}

fn read(text: &str) -> Result<DocumentMut, EditError> {
    text.parse()
        .map_err(|error: toml_edit::TomlError| EditError::Malformed(error.to_string()))
}
