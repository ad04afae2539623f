//! Titles that the client had a model make up.

use serde::Deserialize;

use crate::model::{Timestamp, Title, TitleKind};

/// A made-up title. Some clients keep the model's whole answer, which is an object: `{"title": "fix calculator bug"}`.
pub(super) fn made_up(at: Timestamp, text: &str) -> Option<Title> {
    #[derive(Deserialize)]
    struct Answer {
        title: String,
    }
    let answer: Option<Answer> = serde_json::from_str(text).ok();
    let text = answer.as_ref().map_or(text, |answer| &answer.title);
    Title::new(TitleKind::Agent, at, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_asked_for_its_title() {
        for (text, title) in [
            (
                r#"{"title": "fix calculator bug"}"#,
                Some("fix calculator bug"),
            ),
            (r#" {"title":"Gr\u00fc\u00dfe","extra":1}"#, Some("Grüße")),
            (r#"{"title":" "}"#, None),
            ("fix calculator bug", Some("fix calculator bug")),
            // Not such an object: shown as it is.
            (r#"{"title": "torn"#, Some(r#"{"title": "torn"#)),
            (r#"{"name": "x"}"#, Some(r#"{"name": "x"}"#)),
            (r#""quoted""#, Some(r#""quoted""#)),
        ] {
            let made = made_up(Timestamp(1), text);
            assert_eq!(made.as_ref().map(|title| &*title.text), title, "{text}");
        }
    }
}
