//! Editing JSON as text: where its parts are, and cutting and inserting between them. Everything else stays as the user
//! wrote it.

use serde_json::Value;

use super::EditError;

/// A part of a document, by the bytes that it takes.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: Kind,
}

/// What a part is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// Names with their values, and where each name starts.
    Object(Vec<(String, usize, Node)>),
    Array(Vec<Node>),
    Scalar,
}

/// Reads a document that is valid JSON.
pub(super) fn read(text: &str) -> Result<Node, EditError> {
    // The library knows JSON better than what follows, and says where it ends to be.
    serde_json::from_str::<serde::de::IgnoredAny>(text)
        .map_err(|error| EditError::Malformed(error.to_string()))?;
    let mut reader = Reader { text, at: 0 };
    reader
        .value()
        .ok_or_else(|| EditError::Malformed("it is no JSON".to_owned()))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        let skipped = rest.iter().take_while(|byte| byte.is_ascii_whitespace());
        self.at += skipped.count();
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn value(&mut self) -> Option<Node> {
        let first = self.peek()?;
        let start = self.at;
        let kind = match first {
            b'{' => self.object()?,
            b'[' => self.array()?,
            b'"' => {
                self.string()?;
                Kind::Scalar
            }
            _ => {
                let rest = &self.text.as_bytes()[self.at..];
                let ends = |byte: &u8| byte.is_ascii_whitespace() || b",]}".contains(byte);
                self.at += rest.iter().position(ends).unwrap_or(rest.len());
                Kind::Scalar
            }
        };
        let end = self.at;
        Some(Node { start, end, kind })
    }

    fn object(&mut self) -> Option<Kind> {
        self.eat(b'{')?;
        let mut members = Vec::new();
        while self.peek()? != b'}' {
            let start = self.at;
            let name = self.string()?;
            self.eat(b':')?;
            members.push((name, start, self.value()?));
            if self.eat(b',').is_none() {
                break;
            }
        }
        self.eat(b'}')?;
        Some(Kind::Object(members))
    }

    fn array(&mut self) -> Option<Kind> {
        self.eat(b'[')?;
        let mut items = Vec::new();
        while self.peek()? != b']' {
            items.push(self.value()?);
            if self.eat(b',').is_none() {
                break;
            }
        }
        self.eat(b']')?;
        Some(Kind::Array(items))
    }

    fn string(&mut self) -> Option<String> {
        let start = self.at;
        let mut escaped = false;
        for (offset, byte) in self.text.as_bytes()[start..].iter().enumerate().skip(1) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    self.at = start + offset + 1;
                    return serde_json::from_str(&self.text[start..self.at]).ok();
                }
                _ => {}
            }
        }
        None
    }
}

impl Node {
    /// The value of a member; of several with one name the last counts.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let Kind::Object(members) = &self.kind else {
            return None;
        };
        let found = members.iter().rev().find(|(known, ..)| known == name);
        found.map(|(.., value)| value)
    }

    pub(super) fn members(&self) -> &[(String, usize, Self)] {
        match &self.kind {
            Kind::Object(members) => members,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::Array(items) => items,
            _ => &[],
        }
    }

    pub(super) fn value(&self, text: &str) -> Value {
        serde_json::from_str(&text[self.start..self.end]).unwrap_or_default()
    }

    /// Where the parts begin and end.
    fn parts(&self) -> Vec<(usize, usize)> {
        match &self.kind {
            Kind::Object(members) => members
                .iter()
                .map(|(_, start, value)| (*start, value.end))
                .collect(),
            Kind::Array(items) => items.iter().map(|item| (item.start, item.end)).collect(),
            Kind::Scalar => Vec::new(),
        }
    }

    /// The text with a part more at this one's end. `depth` is how deep this one is.
    pub(super) fn with_part(&self, text: &str, depth: usize, part: &str) -> String {
        let unit = unit(text);
        let inner = format!("\n{}", unit.repeat(depth + 1));
        match self.parts().last() {
            Some(&(_, end)) => format!("{},{inner}{part}{}", &text[..end], &text[end..]),
            None => format!(
                "{}{inner}{part}\n{}{}",
                &text[..=self.start],
                unit.repeat(depth),
                &text[self.end - 1..]
            ),
        }
    }

    /// The text without one part of this one.
    pub(super) fn without_part(&self, text: &str, index: usize) -> String {
        let parts = self.parts();
        let (from, to) = match (index.checked_sub(1), parts.get(index + 1)) {
            (Some(before), _) => (parts[before].1, parts[index].1),
            (None, Some(next)) => (parts[index].0, next.0),
            (None, None) => (self.start + 1, self.end - 1),
        };
        format!("{}{}", &text[..from], &text[to..])
    }
}

/// By what a document is indented.
fn unit(text: &str) -> String {
    let lines = text.lines().skip(1);
    let mut spaces = lines.map(|line| &line[..line.len() - line.trim_start().len()]);
    let first = spaces.find(|space| !space.is_empty());
    first.unwrap_or("  ").to_owned()
}

/// A value as it is written at some depth of a document.
pub(super) fn write(text: &str, depth: usize, value: &Value) -> String {
    let unit = unit(text);
    let outer = unit.repeat(depth);
    let (open, close, parts): (_, _, Vec<String>) = match value {
        Value::Object(members) if !members.is_empty() => {
            let parts = members.iter().map(|(name, value)| {
                format!(
                    "{}: {}",
                    Value::from(&**name),
                    write(text, depth + 1, value)
                )
            });
            ('{', '}', parts.collect())
        }
        Value::Array(items) if !items.is_empty() => {
            let parts = items.iter().map(|item| write(text, depth + 1, item));
            ('[', ']', parts.collect())
        }
        value => return value.to_string(),
    };
    let inner = format!("\n{outer}{unit}");
    let parts = parts.join(&format!(",{inner}"));
    format!("{open}{inner}{parts}\n{outer}{close}")
}
