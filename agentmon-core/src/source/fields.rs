//! The fields of a JSON object as raw bytes, in order, without reading what nobody asks for.
//!
//! Transcript lines are large and almost all of it is text that counting does not need. A general parser looks at
//! every key on every level; this walks one level, skips values by their brackets and strings, and leaves their
//! meaning to the caller (`serde_json` for anything but plain strings and numbers). It accepts all JSON and some that
//! is not (`[1 2]`, `tru`), but never an object that does not end where the bytes end: a torn line is refused.

use std::borrow::Cow;

use memchr::{memchr, memmem};

/// An object that does not parse: cut short, followed by something, or not an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON object, at byte {at}")]
pub struct Broken {
    /// Where reading stopped.
    pub at: usize,
}

/// Calls `each` with every key (as written, without its quotes) and value of `object`.
///
/// # Errors
/// [`Broken`], after `each` may have seen some fields.
pub fn for_each_field<'a>(
    object: &'a [u8],
    mut each: impl FnMut(&'a [u8], &'a [u8]),
) -> Result<(), Broken> {
    let broken = |at: usize| Broken { at };
    let mut at = skip_space(object, 0);
    if object.get(at) != Some(&b'{') {
        return Err(broken(at));
    }
    at = skip_space(object, at + 1);
    if object.get(at) == Some(&b'}') {
        return end(object, at + 1);
    }
    loop {
        if object.get(at) != Some(&b'"') {
            return Err(broken(at));
        }
        let key_end = string_end(object, at + 1).ok_or(broken(at))?;
        let key = &object[at + 1..key_end - 1];
        at = skip_space(object, key_end);
        if object.get(at) != Some(&b':') {
            return Err(broken(at));
        }
        at = skip_space(object, at + 1);
        let value_end = value_end(object, at).ok_or(broken(at))?;
        each(key, &object[at..value_end]);
        at = skip_space(object, value_end);
        match object.get(at) {
            Some(b',') => at = skip_space(object, at + 1),
            Some(b'}') => return end(object, at + 1),
            _ => return Err(broken(at)),
        }
    }
}

fn end(object: &[u8], at: usize) -> Result<(), Broken> {
    let at = skip_space(object, at);
    if at == object.len() {
        Ok(())
    } else {
        Err(Broken { at })
    }
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r' | b'\n') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The place behind the closing quote of a string whose first character is at `start`.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    // Keys and ids end soon: looking at a few bytes beats setting up a vector search.
    let near = bytes.len().min(start + 24);
    let mut at = start;
    while at < near && bytes[at] != b'\\' {
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 1;
    }
    loop {
        at += memchr(b'"', bytes.get(at..)?)?;
        // Line ends are escaped far more often than quotes, so the escapes are looked at only before a quote: an even
        // number of backslashes escapes one another.
        let escapes = bytes[start..at]
            .iter()
            .rev()
            .take_while(|byte| **byte == b'\\')
            .count();
        at += 1;
        if escapes % 2 == 0 {
            return Some(at);
        }
    }
}

/// The place behind the value that starts at `at`.
fn value_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => string_end(bytes, at + 1),
        b'{' | b'[' => {
            let mut depth = 0_usize;
            loop {
                match bytes.get(at)? {
                    b'"' => {
                        at = string_end(bytes, at + 1)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
        }
        b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
            let length = bytes[at..]
                .iter()
                .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n'));
            Some(length.map_or(bytes.len(), |length| at + length))
        }
        _ => None,
    }
}

/// Whether a value is `null`.
#[must_use]
pub fn is_null(value: &[u8]) -> bool {
    value == b"null"
}

/// A value that is a string, borrowed where it has no escapes; `None` when it is none.
#[must_use]
pub fn string(value: &[u8]) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if memchr(b'\\', inner).is_none() {
        return std::str::from_utf8(inner).ok().map(Cow::Borrowed);
    }
    serde_json::from_slice(&mend(value)).ok().map(Cow::Owned)
}

/// JSON with escapes that `serde_json` reads. JavaScript cuts strings between the halves of a character and writes the
/// half as an escape of its own (`\ud83d`), which is no character: it becomes U+FFFD, in as many bytes.
#[must_use]
pub fn mend(json: &[u8]) -> Cow<'_, [u8]> {
    let mut mended = Cow::Borrowed(json);
    let mut at = 0;
    while let Some(found) = memmem::find(json.get(at..).unwrap_or_default(), b"\\u") {
        let escape = at + found;
        let escapes = json[..escape]
            .iter()
            .rev()
            .take_while(|byte| **byte == b'\\')
            .count();
        at = escape + 2;
        if escapes % 2 == 1 {
            continue;
        }
        match (unit(json, escape), unit(json, escape + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => at = escape + 12,
            (Some(0xD800..=0xDFFF), _) => {
                mended.to_mut()[escape + 2..escape + 6].copy_from_slice(b"fffd");
            }
            _ => {}
        }
    }
    mended
}

/// The UTF-16 unit of the escape at `at`, if there is one.
fn unit(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// A value that is a whole number from zero up; `None` when it is none.
#[must_use]
pub fn number(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 19 {
        return None;
    }
    value.iter().try_fold(0_u64, |sum, &digit| {
        digit
            .is_ascii_digit()
            .then(|| sum * 10 + u64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    fn walk(object: &[u8]) -> Option<Map<String, Value>> {
        let mut map = Map::new();
        for_each_field(object, |key, value| {
            let key = serde_json::from_slice(&[b"\"", key, b"\""].concat()).unwrap();
            map.insert(key, serde_json::from_slice(value).unwrap());
        })
        .ok()?;
        Some(map)
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<i32>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
            ".*".prop_map(Value::from),
            "[\\\\\"{}\\[\\]:, ]*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(".*", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn sees_what_a_parser_sees(map in prop::collection::hash_map(".*", json(), 0..6), pretty in any::<bool>()) {
            let object = Value::Object(map.into_iter().collect());
            let text = if pretty { serde_json::to_vec_pretty(&object) } else { serde_json::to_vec(&object) }.unwrap();
            prop_assert_eq!(walk(&text).map(Value::Object), Some(object));
            for cut in 0..text.len() {
                let torn = for_each_field(&text[..cut], |_, _| {});
                prop_assert!(torn.is_err());
            }
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(prop_oneof![Just(b'"'), Just(b'\\'), Just(b'{'), Just(b'}'),
            Just(b'['), Just(b':'), Just(b','), any::<u8>()], 0..60)) {
            let _ = for_each_field(&bytes, |_, value| {
                let _ = (string(value), number(value));
            });
            prop_assert_eq!(mend(&bytes).len(), bytes.len());
        }
    }

    #[test]
    fn halves_of_characters_are_mended() {
        let read = |text: &str| {
            let value = format!("\"{text}\"");
            string(value.as_bytes()).map(Cow::into_owned)
        };
        for (text, expected) in [
            (r"cut \ud83d", "cut \u{fffd}"),
            (r"\ud83d\ud83d\uDE00\ude00", "\u{fffd}\u{1f600}\u{fffd}"),
            (r"\ud83dx\u00e9", "\u{fffd}x\u{e9}"),
            (r"\\ud83d \\\ud83d", "\\ud83d \\\u{fffd}"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for whole in ["", r"\ud83d\ude00", r"\\ud83d", r"\u12", r"\u"] {
            assert!(
                matches!(mend(whole.as_bytes()), Cow::Borrowed(_)),
                "{whole}"
            );
        }
    }

    #[test]
    fn refuses_what_goes_on_after_the_object() {
        for text in [
            "",
            "[]",
            "{}x",
            r#"{"a":1"#,
            r#"{"a":1}{"b":2}"#,
            r#"{"a":{"b":1}"#,
            r#"{"a" 1}"#,
            r#"{a:1}"#,
        ] {
            assert!(
                for_each_field(text.as_bytes(), |_, _| {}).is_err(),
                "{text}"
            );
        }
        assert!(for_each_field(b" { } ", |_, _| {}).is_ok());
    }
}
