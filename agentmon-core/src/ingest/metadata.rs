//! The free part of a posted event: what is kept of it when it is too large.

use super::json::Json;

/// The fields that stay when the rest goes: what tells people what happened.
const KEPT: [&str; 9] = [
    "command",
    "file_path",
    "query",
    "pattern",
    "error",
    "message",
    "tool_name",
    "path",
    "type",
];

/// Metadata as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    /// Compact JSON.
    pub text: Box<str>,
    /// Whether something of it went.
    pub truncated: bool,
}

/// The metadata as compact JSON of at most `limit` bytes. What is longer keeps its telling fields, each shortened on a
/// character boundary where needed, and says how long it was.
pub(super) fn fit(metadata: &Json, limit: usize) -> Metadata {
    let whole = metadata.compact();
    if whole.len() <= limit {
        return Metadata {
            text: whole.into(),
            truncated: false,
        };
    }
    let mut fields = vec![
        ("_truncated", Json::Bool(true).compact()),
        ("_original_bytes", whole.len().to_string()),
    ];
    let kept = KEPT.into_iter().filter_map(|name| {
        let value = metadata.get(name)?;
        // Names are short and plain: they are written as they are, in quotes, between a comma and a colon.
        Some((name, value, value.compact()))
    });
    let mut kept: Vec<_> = kept.collect();
    let used = fields
        .iter()
        .map(|(name, text)| cost(name, text.len()))
        .sum::<usize>()
        + 1;
    let mut room = limit.saturating_sub(used);
    // The short ones first: what they leave of their share goes to the long ones.
    kept.sort_by_key(|(_, _, text)| text.len());
    let mut fitted = Vec::new();
    for (index, (name, value, text)) in kept.iter().enumerate() {
        let share = room / (kept.len() - index);
        let Some(text) = shorten(value, text, share.saturating_sub(cost(name, 0))) else {
            continue;
        };
        room -= cost(name, text.len());
        fitted.push((*name, text));
    }
    fitted.sort_by_key(|(name, _)| KEPT.iter().position(|known| known == name));
    fields.append(&mut fitted);
    let fields: Vec<String> = fields
        .into_iter()
        .map(|(name, text)| format!("\"{name}\":{text}"))
        .collect();
    Metadata {
        text: format!("{{{}}}", fields.join(",")).into(),
        truncated: true,
    }
}

/// Bytes that a field takes: quotes, colon and comma included.
fn cost(name: &str, value: usize) -> usize {
    name.len() + value + 4
}

/// A value in at most `room` bytes: as it is, or a string's beginning; `None` when that is not possible.
fn shorten(value: &Json, text: &str, room: usize) -> Option<String> {
    if text.len() <= room {
        return Some(text.to_owned());
    }
    let string = value.as_str()?;
    let mut left = room.checked_sub(2)?;
    let mut end = 0;
    for (at, c) in string.char_indices() {
        let width = written(c);
        if width > left {
            break;
        }
        left -= width;
        end = at + c.len_utf8();
    }
    (end > 0).then(|| Json::String(string[..end].into()).compact())
}

/// Bytes that a character takes inside a JSON string.
fn written(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        c if (c as u32) < 0x20 => 6,
        c => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Json {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_fits_stays_and_what_does_not_is_shortened() {
        let exact = read(r#"{"note":"0123456789"}"#);
        assert_eq!(fit(&exact, 21).text.as_ref(), exact.compact());
        assert!(!fit(&exact, 21).truncated);
        let cut = fit(&exact, 20);
        assert_eq!(
            (&*cut.text, cut.truncated),
            (r#"{"_truncated":true,"_original_bytes":21}"#, true)
        );

        let long = format!(
            r#"{{"blob":"{}","command":"{}","path":"a\"b","type":7,"error":{{"deep":[{}]}}}}"#,
            "x".repeat(5000),
            "é".repeat(5000),
            "1,".repeat(2000) + "1"
        );
        for limit in [60, 100, 200, 1000, 10_240] {
            let fitted = fit(&read(&long), limit);
            assert!(
                fitted.truncated && fitted.text.len() <= limit,
                "{limit}: {}",
                fitted.text
            );
            let json = read(&fitted.text);
            assert_eq!(json.get("blob"), None);
            assert_eq!(json.get("_truncated"), Some(&Json::Bool(true)));
            if limit >= 200 {
                assert_eq!(json.get("path").and_then(Json::as_str), Some("a\"b"));
                assert_eq!(json.get("type").and_then(Json::as_count), Some(7));
                let command = json.get("command").and_then(Json::as_str).unwrap();
                assert!(command.chars().all(|c| c == 'é') && command.len() > limit / 4);
            }
        }
        // Not an object: nothing of it can be kept.
        assert!(fit(&read(&format!("\"{}\"", "x".repeat(100))), 50).truncated);
    }
}
