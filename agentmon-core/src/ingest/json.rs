//! A JSON value that keeps the order of its fields and prints compactly: what a client sends is kept as it was.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Number;

/// Any JSON. Depth is bounded by the parser.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(Number),
    String(Box<str>),
    Array(Vec<Self>),
    /// Fields in their order; of equal names the last counts.
    Object(Vec<(Box<str>, Self)>),
}

impl Json {
    /// The value as compact UTF-8 text.
    pub(super) fn compact(&self) -> String {
        // Text and numbers that were read can be written: nothing here fails.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A field of an object.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(fields) = self else {
            return None;
        };
        let mut fields = fields.iter().rev();
        fields
            .find(|(known, _)| &**known == name)
            .map(|(_, value)| value)
    }

    /// The text of a string.
    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number that is not negative, however it is written (`3`, `3.0`, `3e0`).
    pub(super) fn as_count(&self) -> Option<u64> {
        let Self::Number(number) = self else {
            return None;
        };
        number.as_u64().or_else(|| {
            let float = number.as_f64()?;
            (float >= 0.0 && float.fract() == 0.0).then_some(float as u64)
        })
    }

    /// A number that is not negative.
    pub(super) fn as_amount(&self) -> Option<f64> {
        match self {
            Self::Number(number) => number.as_f64().filter(|amount| *amount >= 0.0),
            _ => None,
        }
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json, E> {
        Ok(Json::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Number::from_f64(number).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = access.next_entry()? {
            fields.push(field);
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_comes_back_compact_and_in_order() {
        let read = |text| serde_json::from_str::<Json>(text).unwrap();
        let json =
            read(r#" { "b" : [1, -2.5, "\u00e9\n"], "a": {"x": null, "y": true} , "b": 3.0} "#);
        assert_eq!(
            json.compact(),
            r#"{"b":[1,-2.5,"é\n"],"a":{"x":null,"y":true},"b":3.0}"#
        );
        assert_eq!(json.get("b").and_then(Json::as_count), Some(3));
        assert_eq!(read("-1").as_count(), None);
        assert_eq!(read("1.5").as_count(), None);
        assert_eq!(read("1.5").as_amount(), Some(1.5));
        assert!(serde_json::from_str::<Json>(&"[".repeat(100_000)).is_err());
    }
}
