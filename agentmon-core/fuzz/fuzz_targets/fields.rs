//! The walker of JSON objects against `serde_json`: whatever that accepts comes out with the same keys and values.
#![no_main]

use std::fmt;

use agentmon_core::source::fields::{for_each_field, is_null, number, string};
use libfuzzer_sys::fuzz_target;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// The fields of an object in their order, with those that stand in it twice.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

fuzz_target!(|data: &[u8]| {
    let mut seen = Vec::new();
    let walked = for_each_field(data, |key, value| {
        let _ = (string(value), number(value), is_null(value));
        seen.push((key, value));
    });
    let Ok(Fields(fields)) = serde_json::from_slice(data) else {
        return;
    };
    walked.expect("what serde_json accepts is an object");
    assert_eq!(seen.len(), fields.len());
    for ((key, value), (name, raw)) in seen.into_iter().zip(&fields) {
        let quoted = [b"\"", key, b"\""].concat();
        assert_eq!(string(&quoted).as_deref(), Some(name.as_str()));
        assert_eq!(value, raw.get().as_bytes());
        // Deep nesting and lone surrogates are beyond `Value`.
        if let Ok(parsed) = serde_json::from_slice::<Value>(value) {
            assert_eq!(string(value).as_deref(), parsed.as_str());
            assert_eq!(is_null(value), parsed.is_null());
            let short = parsed.as_u64().filter(|_| value.len() < 20);
            assert_eq!(number(value), short);
        }
    }
    // A torn line is refused wherever it was torn.
    let object = data.trim_ascii();
    let cut = object.len() * 7 % 11 * object.len() / 11;
    assert!(for_each_field(&object[..cut], |_, _| {}).is_err());
});
