//! JSON that is safe to look at: characters that act on a terminal are written as `\u` escapes, which every JSON
//! reader turns back into themselves.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use super::text::is_unsafe;

/// Writes a value and a line end: on one line, or spread over many for people.
pub(crate) fn write(out: &mut dyn Write, value: &impl Serialize, pretty: bool) -> io::Result<()> {
    if pretty {
        let formatter = Escaping(PrettyFormatter::new());
        value.serialize(&mut serde_json::Serializer::with_formatter(
            &mut *out, formatter,
        ))?;
    } else {
        let formatter = Escaping(CompactFormatter);
        value.serialize(&mut serde_json::Serializer::with_formatter(
            &mut *out, formatter,
        ))?;
    }
    out.write_all(b"\n")
}

/// A formatter that escapes more than JSON asks for.
struct Escaping<F>(F);

/// Hands everything but strings to the inner formatter.
macro_rules! forward {
    ($($name:ident($($argument:ident: $type:ty),*);)*) => {
        $(fn $name<W: ?Sized + Write>(&mut self, writer: &mut W $(, $argument: $type)*) -> io::Result<()> {
            self.0.$name(writer $(, $argument)*)
        })*
    };
}

impl<F: Formatter> Formatter for Escaping<F> {
    forward! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        begin_object_value();
        end_object_value();
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Control characters below U+0020 never come here: the serializer escapes them itself.
        if fragment.bytes().all(|byte| byte.is_ascii() && byte != 0x7f) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut start = 0;
        for (index, c) in fragment.char_indices().filter(|(_, c)| is_unsafe(*c)) {
            writer.write_all(&fragment.as_bytes()[start..index])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            start = index + c.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[start..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_terminals_is_escaped_and_reads_back() {
        let text = "a\u{1b}[2J \u{9b}K \u{7f} \u{202e}x\u{202c} \u{e0041} é 日本語 \u{2028} \"q\"";
        for pretty in [false, true] {
            let mut out = Vec::new();
            write(&mut out, &vec![text], pretty).unwrap();
            let json = String::from_utf8(out).unwrap();
            assert!(
                !json.trim_end().chars().any(|c| is_unsafe(c) && c != '\n'),
                "{json}"
            );
            assert!(json.contains("é 日本語"));
            assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [text]);
        }
    }
}
