//! JSON objects whose fields stand in the order in which they were given: readers of agents' logs look at a line's head.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON value in its text form.
#[derive(Debug, Clone)]
pub(super) struct Json(pub(super) String);

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.clone())
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

/// The text form of a value. What cannot be written (no value here) is `null`.
pub(super) fn text(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// `object! { "key": value, ... }`: a [`Json`] object. Values are anything that serialises.
macro_rules! object {
    ($($key:literal : $value:expr),* $(,)?) => {{
        let fields = [$(format!("\"{}\":{}", $key, $crate::demo::json::text(&$value))),*];
        $crate::demo::json::Json(format!("{{{}}}", fields.join(",")))
    }};
}
pub(super) use object;

impl Json {
    /// The fields of this object, then those of `other`. Neither may be empty.
    pub(super) fn and(mut self, other: &Self) -> Self {
        self.0.pop();
        self.0.push(',');
        self.0.push_str(&other.0[1..]);
        self
    }
}
