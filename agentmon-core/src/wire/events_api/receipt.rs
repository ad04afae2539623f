//! Answers to who posts events.

use serde::Serialize;

use crate::ingest::Receipt;
use crate::ingest::events_api::{FieldError, Rejected};

/// The answer to one posted event.
#[must_use]
pub fn receipt(receipt: &Receipt) -> impl Serialize + '_ {
    Received {
        received: receipt.ids.len(),
        ids: &receipt.ids,
        duplicates: receipt.duplicates,
    }
}

#[derive(Serialize)]
struct Received<'a> {
    received: usize,
    ids: &'a [i64],
    duplicates: u64,
}

/// The answer to a batch.
#[must_use]
pub fn batch_receipt<'a>(receipt: &'a Receipt, rejected: &[Rejected]) -> impl Serialize + 'a {
    #[derive(Serialize)]
    struct Refused {
        index: usize,
        errors: Vec<String>,
    }
    #[derive(Serialize)]
    struct Batch<'a> {
        #[serde(flatten)]
        received: Received<'a>,
        rejected: Vec<Refused>,
    }
    let told = |error: &FieldError| format!("{}: {}", error.field, error.message);
    Batch {
        received: Received {
            received: receipt.ids.len(),
            ids: &receipt.ids,
            duplicates: receipt.duplicates,
        },
        rejected: rejected
            .iter()
            .map(|one| Refused {
                index: one.index,
                errors: one.errors.iter().map(told).collect(),
            })
            .collect(),
    }
}

/// The answer to an event that is not valid.
#[must_use]
pub fn invalid(errors: &[FieldError]) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct Invalid<'a> {
        error: &'static str,
        details: &'a [FieldError],
    }
    Invalid {
        error: "Invalid event payload",
        details: errors,
    }
}
