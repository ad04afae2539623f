//! Attributes of OTLP records, whichever way they were encoded. Exporters disagree on types: counts come as integers,
//! as doubles and as text, so every reading is lenient and says `None` where nothing fits.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::model::Timestamp;

/// The value of an attribute. Lists, maps and bytes carry nothing that agentmon reads.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Value<'a> {
    #[default]
    Nothing,
    Text(Cow<'a, str>),
    Int(i64),
    Float(f64),
    Bool(bool),
}

/// The attributes of a resource, record, span or data point.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Attributes<'a>(pub(super) Vec<(Cow<'a, str>, Value<'a>)>);

impl Value<'_> {
    /// A text that is not empty.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        let number = match self {
            Self::Int(int) => *int as f64,
            Self::Float(float) => *float,
            Self::Text(text) => text.trim().parse().ok()?,
            Self::Bool(_) | Self::Nothing => return None,
        };
        number.is_finite().then_some(number)
    }

    fn count(&self) -> Option<u64> {
        match self {
            Self::Int(int) => (*int).try_into().ok(),
            Self::Text(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            other => other
                .number()
                .filter(|number| (0.0..9e15).contains(number))
                .map(|number| number as u64),
        }
    }
}

impl Attributes<'_> {
    /// The value of an attribute. Records have few attributes: a scan beats a map.
    pub(super) fn get(&self, name: &str) -> Option<&Value<'_>> {
        self.0
            .iter()
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// A text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.text()
    }

    /// The first of several names that has a text.
    pub(super) fn first_text(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.text(name))
    }

    /// A whole number that is not negative.
    pub(super) fn count(&self, name: &str) -> Option<u64> {
        self.get(name)?.count()
    }

    /// The first of several names that has a count.
    pub(super) fn first_count(&self, names: &[&str]) -> Option<u64> {
        names.iter().find_map(|name| self.count(name))
    }

    /// Any finite number.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.number()
    }

    /// A yes or no, also as text.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// A time in RFC 3339.
    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        Timestamp::parse(self.text(name)?)
    }
}

/// `[{"key":"model","value":{"stringValue":"x"}}, ...]`.
impl<'de: 'a, 'a> Deserialize<'de> for Attributes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Attributes<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of attributes")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Attributes::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut attributes = Attributes::default();
                while let Some(Pair { key, value }) = list.next_element()? {
                    attributes.0.push((key, value));
                }
                Ok(attributes)
            }
        }
        deserializer.deserialize_any(List)
    }
}

#[derive(serde::Deserialize)]
struct Pair<'a> {
    #[serde(borrow, default)]
    key: Cow<'a, str>,
    #[serde(borrow, default)]
    value: Value<'a>,
}

/// `{"stringValue":"x"}`, `{"intValue":"3"}`, `{"intValue":3}`, `{}`, `null`.
impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Value<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an attribute's value")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Value::Nothing)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut value = Value::Nothing;
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    match &*key {
                        "stringValue" | "string_value" | "doubleValue" | "double_value"
                        | "boolValue" | "bool_value" => value = map.next_value::<Scalar<'de>>()?.0,
                        "intValue" | "int_value" => {
                            value = match map.next_value::<Scalar<'de>>()?.0 {
                                Value::Text(text) => {
                                    text.parse().map_or(Value::Nothing, Value::Int)
                                }
                                other => other,
                            }
                        }
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(value)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// Any scalar of JSON; lists and maps are nothing.
pub(super) struct Scalar<'a>(pub(super) Value<'a>);

impl Default for Scalar<'_> {
    fn default() -> Self {
        Self(Value::Nothing)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Scalar<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a scalar")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Scalar(Value::Nothing))
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
                Ok(Scalar(Value::Bool(flag)))
            }

            fn visit_i64<E>(self, int: i64) -> Result<Self::Value, E> {
                Ok(Scalar(Value::Int(int)))
            }

            fn visit_u64<E>(self, int: u64) -> Result<Self::Value, E> {
                Ok(Scalar(
                    i64::try_from(int).map_or(Value::Float(int as f64), Value::Int),
                ))
            }

            fn visit_f64<E>(self, float: f64) -> Result<Self::Value, E> {
                Ok(Scalar(Value::Float(float)))
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Scalar(Value::Text(Cow::Borrowed(text))))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Scalar(Value::Text(Cow::Owned(text.to_owned()))))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar(Value::Nothing))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar(Value::Nothing))
            }
        }
        deserializer.deserialize_any(Any)
    }
}
