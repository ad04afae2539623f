//! Values with the time at which they were true, and the one rule by which two of them become one. Parsers go by it
//! within a batch as the store does between batches: otherwise the rows would depend on where a file was cut.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// A value with the time at which it was true: the latest wins, ties go to the greater value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamped<T> {
    /// When it was true.
    pub at: Timestamp,
    /// The value.
    pub value: T,
}

/// Keeps the latest of two values, of two at the same time the greater.
#[cfg(feature = "monitor")]
pub(crate) fn latest<T: Ord>(mine: &mut Option<Stamped<T>>, theirs: Option<Stamped<T>>) {
    if theirs > *mine {
        *mine = theirs;
    }
}

/// Keeps the earliest of two values, of two at the same time the lesser.
#[cfg(feature = "monitor")]
pub(crate) fn earliest<T: Ord>(mine: &mut Option<Stamped<T>>, theirs: Option<Stamped<T>>) {
    if let Some(theirs) = theirs
        && mine.as_ref().is_none_or(|mine| theirs < *mine)
    {
        *mine = Some(theirs);
    }
}

/// [`latest()`] for a text, without allocating where it is known.
#[cfg(feature = "monitor")]
pub(crate) fn stamp(field: &mut Option<Stamped<Box<str>>>, at: Timestamp, value: &str) {
    match field {
        Some(known) if (known.at, &*known.value) >= (at, value) => {}
        Some(known) if &*known.value == value => known.at = at,
        _ => {
            *field = Some(Stamped {
                at,
                value: value.into(),
            });
        }
    }
}

/// [`earliest()`] for a text, without allocating where it is known.
#[cfg(feature = "monitor")]
pub(crate) fn stamp_first(field: &mut Option<Stamped<Box<str>>>, at: Timestamp, value: &str) {
    match field {
        Some(known) if (known.at, &*known.value) <= (at, value) => {}
        _ => {
            *field = Some(Stamped {
                at,
                value: value.into(),
            });
        }
    }
}

#[cfg(all(test, feature = "monitor"))]
mod tests {
    use super::*;

    #[test]
    fn texts_and_values_go_by_the_same_rule() {
        let values = [(1, "a"), (2, "b"), (2, "a"), (0, "c"), (2, "c"), (0, "b")];
        let stamped = |(at, value): (i64, &str)| {
            Some(Stamped {
                at: Timestamp(at),
                value: Box::<str>::from(value),
            })
        };
        let (mut last, mut first, mut late, mut early) = (None, None, None, None);
        for (at, value) in values {
            stamp(&mut last, Timestamp(at), value);
            stamp_first(&mut first, Timestamp(at), value);
            latest(&mut late, stamped((at, value)));
            earliest(&mut early, stamped((at, value)));
        }
        assert_eq!(last, stamped((2, "c")));
        assert_eq!(first, stamped((0, "b")));
        assert_eq!((late, early), (last, first));
    }
}
