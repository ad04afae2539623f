//! Images in rollouts: what a tool gave back, and what the user put into a prompt. Both are parts of type `input_image` whose
//! `image_url` holds the image itself; the prompt's stand in the message to the model beside it.

use serde::Deserialize;
use serde_json::Value;

use super::timeline::tool_key;
use crate::model::Timestamp;
use crate::source::image::{Image, ImageOwner};

#[derive(Deserialize)]
struct Line {
    timestamp: String,
    payload: Item,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: String,
    role: Option<String>,
    call_id: Option<String>,
    #[serde(default)]
    content: Value,
    #[serde(default)]
    output: Value,
}

/// The images of `owner`, in the thread of that id, in one line.
pub(super) fn images(thread: &str, line: &[u8], owner: ImageOwner) -> Vec<Image> {
    let Ok(Line { timestamp, payload }) = serde_json::from_slice(line) else {
        return Vec::new();
    };
    let parts = match owner {
        ImageOwner::Result(call) => {
            let is_output = payload.kind.ends_with("_call_output");
            let id = payload.call_id.filter(|id| tool_key(thread, id) == call);
            (is_output && id.is_some()).then_some(payload.output)
        }
        ImageOwner::Prompt(_) => {
            let is_prompt = payload.kind == "message" && payload.role.as_deref() == Some("user");
            let is_then = Timestamp::parse(&timestamp).is_some_and(|at| owner.spoke_at(at));
            (is_prompt && is_then).then_some(payload.content)
        }
    };
    let parts = parts.as_ref().and_then(Value::as_array);
    let images = parts
        .into_iter()
        .flatten()
        .filter(|part| part["type"] == "input_image");
    images
        .filter_map(|part| Image::from_data_url(part["image_url"].as_str()?))
        .collect()
}
