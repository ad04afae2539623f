//! Images in chats: parts with `inlineData`, in what the user said and in what a tool gave back (beside the function's response,
//! or inside it).

use serde::Deserialize;
use serde_json::Value;

use super::message::tool_fact;
use crate::model::{SessionKey, Timestamp};
use crate::source::image::{Image, ImageOwner};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    timestamp: String,
    #[serde(default)]
    content: Value,
    #[serde(default)]
    tool_calls: Vec<ToolCall>,
}

#[derive(Deserialize)]
struct ToolCall {
    id: String,
    #[serde(default)]
    result: Value,
}

/// The images of `owner` in one line. Lines that bring the whole history again (`$set`) hold no image that is not in a line of
/// its own.
pub(super) fn images(session: &SessionKey, line: &[u8], owner: ImageOwner) -> Vec<Image> {
    let Ok(message) = serde_json::from_slice::<Message>(line) else {
        return Vec::new();
    };
    let mut images = Vec::new();
    match owner {
        ImageOwner::Result(call) => {
            let mut tools = message.tool_calls.iter();
            if let Some(tool) = tools.find(|tool| tool_fact(session, &tool.id) == call) {
                gather(&tool.result, &mut images);
            }
        }
        ImageOwner::Prompt(_) => {
            let then = Timestamp::parse(&message.timestamp);
            if message.kind == "user" && then.is_some_and(|at| owner.spoke_at(at)) {
                gather(&message.content, &mut images);
            }
        }
    }
    images
}

/// The images of a list of parts.
fn gather(parts: &Value, images: &mut Vec<Image>) {
    for part in parts.as_array().into_iter().flatten() {
        let data = part["inlineData"]["data"].as_str();
        images.extend(data.and_then(Image::from_base64));
        let inner = &part["functionResponse"]["parts"];
        for part in inner.as_array().into_iter().flatten() {
            let data = part["inlineData"]["data"].as_str();
            images.extend(data.and_then(Image::from_base64));
        }
    }
}
