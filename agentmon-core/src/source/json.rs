//! Reading the JSON of agents without trusting it: every field may be missing, of another type, or huge.
//!
//! Structs borrow their fields as raw text ([`Raw`]) and the functions here turn one field at a time into a value, so
//! that one odd field costs that field and not the whole record.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use crate::model::Timestamp;
use crate::source::fields::string;

/// A field as it stands in the record; `None` when it is absent or `null`.
pub(in crate::source) type Raw<'a> = Option<&'a RawValue>;

/// The largest number that JavaScript writes exactly; a greater one is not a count.
const MAX_COUNT: f64 = 9_007_199_254_740_992.0;

/// A string. JavaScript cuts strings between the halves of a character and writes the half as a lone surrogate: that
/// becomes U+FFFD.
pub(in crate::source) fn text<'a>(raw: Raw<'a>) -> Option<Cow<'a, str>> {
    string(raw?.get().as_bytes())
}

/// A number of things, zero or more. Fractions are cut.
pub(in crate::source) fn count(raw: Raw<'_>) -> Option<u64> {
    let raw = raw?.get();
    raw.parse().ok().or_else(|| {
        let number: f64 = raw.parse().ok()?;
        (0.0..=MAX_COUNT).contains(&number).then_some(number as u64)
    })
}

/// A finite number.
pub(in crate::source) fn float(raw: Raw<'_>) -> Option<f64> {
    raw?.get()
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}

/// `true` or `false`.
pub(in crate::source) fn flag(raw: Raw<'_>) -> Option<bool> {
    raw?.get().parse().ok()
}

/// A time: milliseconds since 1970, or an ISO 8601 string.
pub(in crate::source) fn time(raw: Raw<'_>) -> Option<Timestamp> {
    match text(raw) {
        Some(text) => Timestamp::parse(&text),
        None => count(raw)
            .map(|millis| Timestamp(millis as i64))
            .filter(|at| (1..=Timestamp::MAX.0).contains(&at.0)),
    }
}

/// A struct of raw fields.
pub(in crate::source) fn object<'a, T: Deserialize<'a>>(raw: Raw<'a>) -> Option<T> {
    // serde would fill a struct from an array as well.
    let raw = raw?.get();
    raw.starts_with('{')
        .then(|| serde_json::from_str(raw).ok())
        .flatten()
}

/// The elements of a list as they stand in it; none when it is no list.
pub(in crate::source) fn elements<'a>(raw: Raw<'a>) -> Vec<&'a RawValue> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default()
}

/// The strings of a list.
pub(in crate::source) fn strings(raw: Raw<'_>) -> Vec<String> {
    let elements = elements(raw).into_iter();
    let strings = elements.filter_map(|element| text(Some(element)));
    strings.map(Cow::into_owned).collect()
}

/// A list of structs; elements that are something else are left out.
pub(in crate::source) fn list<'a, T: Deserialize<'a>>(raw: Raw<'a>) -> Vec<T> {
    elements(raw)
        .into_iter()
        .filter_map(|element| object(Some(element)))
        .collect()
}

/// Rewrites JSON5 as JSON. `None` when it is neither, or nested deeper than any file of OpenClaw: the JSON5 parser
/// recurses without a limit of its own, and a stack overflow cannot be caught.
pub(in crate::source) fn json5_to_json(text: &str) -> Option<String> {
    let mut parser = json5::Deserializer::from_str(text);
    let value = Nested(MAX_DEPTH).deserialize(&mut parser).ok()?;
    serde_json::to_string(&value).ok()
}

const MAX_DEPTH: usize = 64;

/// Builds a [`Value`] with at most this many levels below.
struct Nested(usize);

impl Nested {
    fn below<E: Error>(&self) -> Result<Self, E> {
        let levels = self.0.checked_sub(1);
        levels.map(Nested).ok_or_else(|| E::custom("too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON5")
    }
    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.below()?)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            object.insert(key, entries.next_value_seed(self.below()?)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn fields_of_any_shape_are_read_or_left_out() {
        let read = |json: &str| {
            let raw = raw(json);
            let raw = Some(&*raw);
            (
                text(raw).map(Cow::into_owned),
                count(raw),
                time(raw).map(|at| at.0),
            )
        };
        let string = |text: &str| (Some(text.to_owned()), None, None);
        assert_eq!(read(r#""plain""#), string("plain"));
        assert_eq!(read(r#""a\nb\"""#), string("a\nb\""));
        assert_eq!(read(r#""cut \ud83d""#), string("cut \u{fffd}"));
        assert_eq!(
            read(r#""1970-01-01T00:00:00.005Z""#),
            (Some("1970-01-01T00:00:00.005Z".into()), None, Some(5))
        );
        assert_eq!(read("7"), (None, Some(7), Some(7)));
        assert_eq!(read("7.9e1"), (None, Some(79), Some(79)));
        for nothing in ["-1", "1e300", "true", "[1]", "{}", "18446744073709551616"] {
            assert_eq!(read(nothing), (None, None, None), "{nothing}");
        }
        assert_eq!(read("18446744073709551615").2, None);
    }

    #[test]
    fn json5_is_rewritten_and_cannot_exhaust_the_stack() {
        let json = json5_to_json("{ // note\n a: 'x', \"b\": [1, -2, .5, null, true,], }").unwrap();
        assert_eq!(json, r#"{"a":"x","b":[1,-2,0.5,null,true]}"#);
        for hostile in [
            "[".repeat(1_000_000),
            "{a:".repeat(1_000_000),
            "[']',".repeat(100_000),
        ] {
            assert_eq!(json5_to_json(&hostile), None);
        }
    }
}
