//! Images that stand in transcripts. They are not stored: whoever looks at one reads it from the agent's file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::model::{FactKey, Span, Timestamp};

/// How far apart the times can be at which sources told of one prompt.
const SAME_PROMPT: Span = Span::from_secs(10);

/// Whose images are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageOwner {
    /// The result of a tool call.
    Result(FactKey),
    /// What the user said then. Sources that told of the same prompt may have heard of it at slightly different times.
    Prompt(Timestamp),
}

impl ImageOwner {
    /// Whether it is the prompt of that time.
    #[must_use]
    pub fn spoke_at(self, at: Timestamp) -> bool {
        matches!(self, Self::Prompt(then) if Span((at - then).0.abs()) <= SAME_PROMPT)
    }
}

/// The text that stands for an image in the text of an event, on a line of its own.
pub const MARK: &str = "[image]";

/// Puts the mark of each of `count` images behind a text.
#[must_use]
pub fn marked(mut text: String, count: usize) -> String {
    for _ in 0..count {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(MARK);
    }
    text
}

/// What browsers draw without running anything in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageKind {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
    /// WebP.
    Webp,
}

impl ImageKind {
    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }

    /// What bytes are, by how they begin: what the agent says of them is not believed.
    fn of(bytes: &[u8]) -> Option<Self> {
        const BEGINNINGS: [(&[u8], ImageKind); 3] = [
            (b"\x89PNG\r\n\x1a\n", ImageKind::Png),
            (b"\xff\xd8\xff", ImageKind::Jpeg),
            (b"GIF8", ImageKind::Gif),
        ];
        let known = BEGINNINGS
            .iter()
            .find(|(beginning, _)| bytes.starts_with(beginning));
        let is_webp = || bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
        known
            .map(|(_, kind)| *kind)
            .or_else(|| is_webp().then_some(Self::Webp))
    }
}

/// An image. Hostile input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// What it is.
    pub kind: ImageKind,
    /// The file.
    pub bytes: Vec<u8>,
}

impl Image {
    /// An image that is written as base64; `None` if it is no image, or of a kind that is not shown.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        let kind = ImageKind::of(&bytes)?;
        Some(Self { kind, bytes })
    }

    /// An image inside an address: `data:image/png;base64,...`. What type it says is not believed.
    #[must_use]
    pub fn from_data_url(url: &str) -> Option<Self> {
        let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
        head.ends_with(";base64").then(|| Self::from_base64(data))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_begins_as_an_image_is_one() {
        let read = |bytes: &[u8]| Image::from_base64(&STANDARD.encode(bytes));
        let kind = |bytes: &[u8]| read(bytes).map(|image| image.kind);
        assert_eq!(kind(b"\x89PNG\r\n\x1a\nrest"), Some(ImageKind::Png));
        assert_eq!(kind(b"\xff\xd8\xff\xe0"), Some(ImageKind::Jpeg));
        assert_eq!(kind(b"GIF89a"), Some(ImageKind::Gif));
        assert_eq!(kind(b"RIFF0000WEBPVP8 "), Some(ImageKind::Webp));
        for other in [b"<svg onload=alert(1)>".as_slice(), b"", b"RIFF0000WAVE"] {
            assert_eq!(kind(other), None);
        }
        assert_eq!(Image::from_base64("not base64!"), None);
        let url = format!("data:image/svg+xml;base64,{}", STANDARD.encode(b"GIF89a"));
        let kind = Image::from_data_url(&url).map(|image| image.kind);
        assert_eq!(kind, Some(ImageKind::Gif));
        for other in [
            "https://example.org/x.png",
            "data:image/gif,GIF89a",
            "data:image/gif;base64",
            "",
        ] {
            assert_eq!(Image::from_data_url(other), None, "{other}");
        }
    }
}
