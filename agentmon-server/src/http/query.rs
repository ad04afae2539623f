//! Queries and parts of paths, percent-decoded. A parameter that is given twice counts as given last.

use std::convert::Infallible;

use agentmon_core::ingest::events_api::read_time;
use agentmon_core::model::Timestamp;
use warp::Filter;

use crate::error::ApiError;

/// The parameters of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

/// The parameters of the request at hand.
pub(crate) fn query() -> impl Filter<Extract = (Query,), Error = Infallible> + Clone {
    let none = warp::any().map(String::new);
    warp::query::raw()
        .or(none)
        .unify()
        .map(|text: String| Query::parse(&text))
}

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        Self(
            form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// A parameter that is there and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut given = self.0.iter().rev();
        given
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// All values of a parameter, also where they are joined by commas.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .flat_map(|(_, value)| value.split(','))
            .map(str::trim)
            .filter(|value| !value.is_empty())
    }

    /// A parameter as a word of a filter.
    pub(crate) fn word(&self, name: &str) -> Option<Box<str>> {
        self.get(name).map(Into::into)
    }

    /// A number, brought into a range; `default` when there is none or it is no number.
    pub(crate) fn number(
        &self,
        name: &str,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> u64 {
        let given = self.get(name).and_then(|text| text.parse::<i64>().ok());
        given.map_or(default, |number| {
            u64::try_from(number)
                .unwrap_or(0)
                .clamp(*range.start(), *range.end())
        })
    }

    /// A point in time.
    pub(crate) fn time(&self, name: &'static str) -> Result<Option<Timestamp>, ApiError> {
        self.get(name)
            .map(|text| {
                // A plus sign in a query that was not encoded reads as a space.
                read_time(text)
                    .or_else(|| read_time(&text.replace(' ', "+")))
                    .ok_or_else(|| ApiError::query(name, "must be a valid timestamp"))
            })
            .transpose()
    }
}

/// A part of a path as it was meant.
pub(crate) fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_leniently_and_times_strictly() {
        let query = Query::parse(
            "a=1&a=2&b=&c=x%2Cy,z&limit=-5&big=99999&no=x&t=2026-11-21T10:00:00+01:00&bad=soon",
        );
        assert_eq!(query.get("a"), Some("2"));
        assert_eq!(query.get("b"), None);
        assert_eq!(query.all("c").collect::<Vec<_>>(), ["x", "y", "z"]);
        assert_eq!(query.number("limit", 50, 1..=1000), 1);
        assert_eq!(query.number("big", 50, 1..=1000), 1000);
        assert_eq!(query.number("no", 50, 1..=1000), 50);
        let at = query.time("t").unwrap().unwrap();
        assert_eq!(at.to_string(), "2026-11-21T09:00:00.000Z");
        assert!(query.time("bad").is_err());
        assert_eq!(decoded("main%2Fa%3Ab"), "main/a:b");
    }
}
