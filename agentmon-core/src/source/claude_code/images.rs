//! Images in transcript lines: those that a tool gave back, and those that the user put into a prompt.

use serde::Deserialize;
use serde_json::Value;

use super::identity::tool_fact;
use crate::model::Timestamp;
use crate::source::image::{Image, ImageOwner};

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    timestamp: String,
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: Vec<Block>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    tool_use_id: Option<String>,
    content: Option<Value>,
    source: Option<Value>,
}

/// The images of `owner` in one line.
pub(super) fn images(line: &[u8], owner: ImageOwner) -> Vec<Image> {
    let Ok(line) = serde_json::from_slice::<Line>(line) else {
        return Vec::new();
    };
    if line.kind != "user" {
        return Vec::new();
    }
    let mut blocks = line.message.content.into_iter();
    match owner {
        ImageOwner::Result(call) => {
            let is_wanted = |block: &Block| {
                let id = block.tool_use_id.as_deref();
                block.kind == "tool_result" && id.is_some_and(|id| tool_fact(id) == call)
            };
            let content = blocks.find(is_wanted).and_then(|block| block.content);
            let content = content.as_ref().and_then(Value::as_array);
            let sources = content.into_iter().flatten().map(|part| &part["source"]);
            sources.filter_map(decoded).collect()
        }
        ImageOwner::Prompt(_) => {
            let then = Timestamp::parse(&line.timestamp);
            let is_then = then.is_some_and(|then| owner.spoke_at(then));
            let sources = blocks.filter(|block| is_then && block.kind == "image");
            let sources: Vec<Value> = sources.filter_map(|block| block.source).collect();
            sources.iter().filter_map(decoded).collect()
        }
    }
}

/// The image of a block's `source`: `{"type":"base64","media_type","data"}`. Others are addresses elsewhere.
fn decoded(source: &Value) -> Option<Image> {
    if source["type"] != "base64" {
        return None;
    }
    Image::from_base64(source["data"].as_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIF: &str = r#"{"type":"base64","media_type":"text/html","data":"R0lGODlhAQABAAAAACw="}"#;

    #[test]
    fn images_belong_to_the_call_or_the_prompt_that_they_stand_in() {
        let result = format!(
            r#"{{"type":"user","timestamp":"2026-11-21T10:00:00.000Z","message":{{"role":"user","content":[
                {{"type":"tool_result","tool_use_id":"a","content":[{{"type":"text","text":"x"}},{{"type":"image","source":{GIF}}}]}},
                {{"type":"tool_result","tool_use_id":"b","content":"no image"}}]}}}}"#
        );
        let of = |line: &str, owner| images(line.as_bytes(), owner).len();
        let call = |id| ImageOwner::Result(tool_fact(id));
        assert_eq!(of(&result, call("a")), 1);
        assert_eq!(of(&result, call("b")), 0);
        assert_eq!(of(&result, call("c")), 0);

        let prompt = format!(
            r#"{{"type":"user","timestamp":"2026-11-21T10:00:00.000Z","message":{{"role":"user","content":[
                {{"type":"text","text":"[Image #1] [Image #2]"}},{{"type":"image","source":{GIF}}},
                {{"type":"image","source":{{"type":"url","url":"https://example.org/x.png"}}}}]}}}}"#
        );
        let at = |text: &str| ImageOwner::Prompt(Timestamp::parse(text).unwrap());
        assert_eq!(of(&prompt, at("2026-11-21T10:00:02Z")), 1);
        assert_eq!(of(&prompt, at("2026-11-21T10:01:00Z")), 0);
        assert_eq!(of(&result, at("2026-11-21T10:00:00Z")), 0);
        for broken in ["", "{", "[]", r#"{"type":"user"}"#] {
            assert_eq!(of(broken, call("a")), 0);
        }
    }
}
