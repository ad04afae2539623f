//! Images in transcripts: blocks of type `image` with `data` and `mimeType`, in what a tool gave back and what the user sent.

use serde::Deserialize;
use serde_json::Value;

use super::message::tool_key;
use crate::model::{SessionKey, Timestamp};
use crate::source::image::{Image, ImageOwner};

#[derive(Deserialize)]
struct Line {
    timestamp: String,
    message: Message,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    role: String,
    tool_call_id: Option<String>,
    #[serde(default)]
    content: Value,
}

/// The images of `owner` in one line.
pub(super) fn images(session: &SessionKey, line: &[u8], owner: ImageOwner) -> Vec<Image> {
    let Ok(Line { timestamp, message }) = serde_json::from_slice(line) else {
        return Vec::new();
    };
    let is_wanted = match owner {
        ImageOwner::Result(call) => {
            let id = message.tool_call_id.as_deref();
            message.role == "toolResult" && id.is_some_and(|id| tool_key(session, id) == call)
        }
        ImageOwner::Prompt(_) => {
            let then = Timestamp::parse(&timestamp);
            message.role == "user" && then.is_some_and(|at| owner.spoke_at(at))
        }
    };
    let blocks = message.content.as_array().filter(|_| is_wanted);
    let images = blocks
        .into_iter()
        .flatten()
        .filter(|block| block["type"] == "image");
    images
        .filter_map(|block| Image::from_base64(block["data"].as_str()?))
        .collect()
}
