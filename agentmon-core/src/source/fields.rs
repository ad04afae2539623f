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
    whole(object, |scanner| {
        scanner.object(|key, scanner| {
            each(key, scanner.value()?);
            Ok(())
        })
    })
}

/// Reads `bytes`, which hold one value and nothing else.
///
/// # Errors
/// [`Broken`], from `read` or because something follows.
pub fn whole<'a, T>(
    bytes: &'a [u8],
    read: impl FnOnce(&mut Scanner<'a>) -> Result<T, Broken>,
) -> Result<T, Broken> {
    let mut scanner = Scanner {
        bytes,
        at: skip_space(bytes, 0),
    };
    let value = read(&mut scanner)?;
    let at = skip_space(bytes, scanner.at);
    if at == bytes.len() {
        Ok(value)
    } else {
        Err(Broken { at })
    }
}

/// Stands before a value. Each value is either stepped over as a whole or entered, so that objects within objects are
/// looked at once.
#[derive(Debug)]
pub struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    /// The first byte of the value, which tells what it is.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Steps over the value.
    ///
    /// # Errors
    /// [`Broken`] when it has no end.
    pub fn value(&mut self) -> Result<&'a [u8], Broken> {
        let start = self.at;
        self.at = value_end(self.bytes, start).ok_or(Broken { at: start })?;
        Ok(&self.bytes[start..self.at])
    }

    /// Enters the value, which must be an object, and calls `each` with every key (as written, without its quotes),
    /// standing before the field's value. `each` must step over that value or enter it.
    ///
    /// # Errors
    /// [`Broken`], after `each` may have seen some fields, or what `each` returns.
    pub fn object(
        &mut self,
        mut each: impl FnMut(&'a [u8], &mut Self) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let bytes = self.bytes;
        self.expect(b'{')?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            let start = self.at + 1;
            if self.peek() != Some(b'"') {
                return Err(Broken { at: self.at });
            }
            let end = string_end(bytes, start).ok_or(Broken { at: self.at })?;
            self.at = skip_space(bytes, end);
            self.expect(b':')?;
            each(&bytes[start..end - 1], self)?;
            self.at = skip_space(bytes, self.at);
            match self.peek() {
                Some(b',') => self.at = skip_space(bytes, self.at + 1),
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(Broken { at: self.at }),
            }
        }
    }

    /// Steps over `byte` and the white space behind it.
    fn expect(&mut self, byte: u8) -> Result<(), Broken> {
        if self.peek() != Some(byte) {
            return Err(Broken { at: self.at });
        }
        self.at = skip_space(self.bytes, self.at + 1);
        Ok(())
    }
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r' | b'\n') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The place of the first quote or backslash among the first `most` bytes. Keys, ids and times end soon, and looking
/// at eight bytes at once beats setting up a vector search.
pub(super) fn near_quote(bytes: &[u8], most: usize) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // Marks bytes that are zero; above the first one, marks mean nothing.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let bytes = &bytes[..bytes.len().min(most)];
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found =
            zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            return Some(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let found = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    Some(words.len() * 8 + found)
}

/// The place behind the closing quote of a string whose first character is at `start`.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    const NEAR: usize = 40;
    let mut at = start;
    match near_quote(bytes.get(start..)?, NEAR) {
        Some(near) if bytes[start + near] == b'"' => return Some(start + near + 1),
        Some(near) => at += near,
        None => at += NEAR,
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
        fn near_quotes_are_found(bytes in prop::collection::vec(prop_oneof![Just(b'"'), Just(b'\\'), Just(b'#'),
            Just(b']'), Just(0xa2), Just(0), any::<u8>(), Just(b'x'), Just(b'y')], 0..40), most in 0_usize..50) {
            let slow = bytes.iter().take(most).position(|byte| matches!(byte, b'"' | b'\\'));
            prop_assert_eq!(near_quote(&bytes, most), slow);
        }

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
