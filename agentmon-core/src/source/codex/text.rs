//! Strings as they come: borrowed, of an unexpected type, or in parts.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::source::image::marked;

/// A string, or nothing where the value is missing or of another type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text<'a>(Option<Cow<'a, str>>);

/// Longest id or name that is taken for one. What is remembered of a file must stay small, whatever is in it.
const MAX_NAME: usize = 200;

impl Text<'_> {
    /// The string where an id or a name is expected: [`Text::get`], unless it is too long to be one.
    pub(super) fn name(&self) -> Option<&str> {
        self.get().filter(|name| name.len() <= MAX_NAME)
    }

    /// The string, if it is there and not empty.
    pub(super) fn get(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Borrowed(text))))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Owned(text.to_owned()))))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Text(None))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Text(None))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Text(None))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Text(None))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Text(None))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                IgnoredAny.visit_seq(seq)?;
                Ok(Text(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                IgnoredAny.visit_map(map)?;
                Ok(Text(None))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// A raw part, read as `T` if it fits.
pub(super) fn part<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

/// Whether an address holds an image itself.
fn is_image(url: &str) -> bool {
    url.starts_with("data:image/")
}

/// Text as messages and outputs hold it: a string, a part with a `text`, or a list of both.
#[derive(Default)]
pub(super) struct Parts {
    text: String,
    /// Parts that are an image.
    images: usize,
}

impl Parts {
    /// All text of a raw value, parts on lines of their own.
    pub(super) fn of(raw: Option<&RawValue>) -> String {
        part::<Self>(raw).unwrap_or_default().text
    }

    /// All text, and behind it a mark for each image.
    pub(super) fn with_images(raw: Option<&RawValue>) -> String {
        let Self { text, images } = part::<Self>(raw).unwrap_or_default();
        marked(text, images)
    }

    fn push(&mut self, text: &str) {
        if !text.is_empty() {
            if !self.text.is_empty() && !self.text.ends_with('\n') {
                self.text.push('\n');
            }
            self.text.push_str(text);
        }
    }
}

impl<'de> Deserialize<'de> for Parts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartsVisitor;
        impl<'de> Visitor<'de> for PartsVisitor {
            type Value = Parts;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or parts of text")
            }
            fn visit_str<E>(self, text: &str) -> Result<Parts, E> {
                Ok(Parts {
                    text: text.to_owned(),
                    images: 0,
                })
            }
            fn visit_bool<E>(self, _: bool) -> Result<Parts, E> {
                Ok(Parts::default())
            }
            fn visit_u64<E>(self, _: u64) -> Result<Parts, E> {
                Ok(Parts::default())
            }
            fn visit_i64<E>(self, _: i64) -> Result<Parts, E> {
                Ok(Parts::default())
            }
            fn visit_f64<E>(self, _: f64) -> Result<Parts, E> {
                Ok(Parts::default())
            }
            fn visit_unit<E>(self) -> Result<Parts, E> {
                Ok(Parts::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Parts, A::Error> {
                let mut all = Parts::default();
                while let Some(part) = seq.next_element::<Parts>()? {
                    all.push(&part.text);
                    all.images += part.images;
                }
                Ok(all)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts, A::Error> {
                let mut all = Parts::default();
                while let Some(key) = map.next_key::<Cow<'_, str>>()? {
                    match &*key {
                        "text" | "content" | "stdout" => {
                            let part = map.next_value::<Parts>()?;
                            all.push(&part.text);
                            all.images += part.images;
                        }
                        "image_url" => {
                            let url = map.next_value::<Text<'_>>()?;
                            all.images += usize::from(url.get().is_some_and(is_image));
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(all)
            }
        }
        deserializer.deserialize_any(PartsVisitor)
    }
}
