//! Requests that wait for their answers. Answers come in any order, some twice, some never.

use std::collections::BTreeMap;

use serde_json::Value;

use super::frame::{self, Payload, RpcError};
use crate::model::{Span, Timestamp};
use crate::source::json;

/// How long an answer may take.
pub const TIMEOUT: Span = Span::from_secs(30);

/// Requests that may wait at a time.
pub const MAX_PENDING: usize = 512;

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no connection to the gateway.
    #[error("the gateway is not connected")]
    NotConnected,
    /// The connection was lost before the answer came.
    #[error("the connection to the gateway was lost before it answered")]
    Lost,
    /// It took too long.
    #[error("the gateway did not answer within 30 seconds")]
    Timeout,
    /// Too many requests wait already.
    #[error("too many requests are waiting for the gateway")]
    Busy,
    /// The gateway refused it.
    #[error("the gateway refused: {0}")]
    Refused(#[source] RpcError),
}

/// Requests that wait, each with a ticket of whoever made it.
#[derive(Debug)]
pub struct Requests<T> {
    last: u64,
    pending: BTreeMap<u64, Pending<T>>,
}

#[derive(Debug)]
struct Pending<T> {
    ticket: T,
    until: Timestamp,
}

impl<T> Default for Requests<T> {
    fn default() -> Self {
        Self {
            last: 0,
            pending: BTreeMap::new(),
        }
    }
}

impl<T> Requests<T> {
    /// The frame of a new request.
    ///
    /// # Errors
    /// The ticket, when too many wait already.
    pub fn ask(
        &mut self,
        ticket: T,
        method: &str,
        params: &Value,
        now: Timestamp,
    ) -> Result<String, T> {
        if self.pending.len() >= MAX_PENDING {
            return Err(ticket);
        }
        self.last += 1;
        let until = now + TIMEOUT;
        self.pending.insert(self.last, Pending { ticket, until });
        Ok(frame::request(&self.last.to_string(), method, params))
    }

    /// The ticket of the request that an answer ends. `None` for answers to nothing, for second answers, and for those
    /// that only say that the work has begun: the rest of those comes under the same id.
    pub fn answered(
        &mut self,
        id: &str,
        outcome: &Result<Payload<'_>, RpcError>,
        now: Timestamp,
    ) -> Option<T> {
        let id = id.parse().ok()?;
        if let Ok(payload) = outcome
            && is_accepted(*payload)
        {
            self.pending.get_mut(&id)?.until = now + TIMEOUT;
            return None;
        }
        self.pending.remove(&id).map(|pending| pending.ticket)
    }

    /// The tickets of those that took too long.
    pub fn expired(&mut self, now: Timestamp) -> Vec<T> {
        let late: Vec<u64> = self
            .pending
            .iter()
            .filter(|(_, pending)| pending.until <= now)
            .map(|(id, _)| *id)
            .collect();
        late.into_iter()
            .filter_map(|id| self.pending.remove(&id))
            .map(|pending| pending.ticket)
            .collect()
    }

    /// The tickets of all that still wait: nobody will answer any more.
    pub fn give_up(&mut self) -> Vec<T> {
        let pending = std::mem::take(&mut self.pending);
        pending
            .into_values()
            .map(|pending| pending.ticket)
            .collect()
    }

    /// When the next one will have taken too long.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.pending.values().map(|pending| pending.until).min()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}

/// The method `agent` answers first that it has begun, then with the result.
fn is_accepted(payload: Payload<'_>) -> bool {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Status<'a> {
        #[serde(borrow)]
        status: json::Raw<'a>,
    }
    let is_short = payload.get().len() < 1024;
    is_short
        && json::object::<Status<'_>>(payload.0)
            .and_then(|body| json::text(body.status))
            .is_some_and(|status| status == "accepted")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::openclaw::gateway::frame::{Incoming, read};

    fn answer(requests: &mut Requests<char>, text: &str) -> Option<char> {
        match read(text.as_bytes()) {
            Some(Incoming::Answer { id, outcome }) => {
                requests.answered(&id, &outcome, Timestamp(1000))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn answers_find_their_requests_in_any_order_and_once() {
        let mut requests = Requests::default();
        for (ticket, id) in [('a', "1"), ('b', "2"), ('c', "3")] {
            let frame = requests
                .ask(ticket, "agent", &Value::Null, Timestamp(0))
                .unwrap();
            assert!(frame.contains(&format!("\"id\":\"{id}\"")), "{frame}");
        }
        let ok = |id: &str, status: &str| {
            format!(
                r#"{{"type":"res","id":"{id}","ok":true,"payload":{{"runId":"r","status":"{status}"}}}}"#
            )
        };
        assert_eq!(answer(&mut requests, &ok("3", "ok")), Some('c'));
        assert_eq!(answer(&mut requests, &ok("3", "ok")), None);
        assert_eq!(answer(&mut requests, &ok("1", "accepted")), None);
        assert_eq!(answer(&mut requests, &ok("1", "ok")), Some('a'));
        assert_eq!(answer(&mut requests, &ok("9", "ok")), None);
        assert_eq!(answer(&mut requests, &ok("invalid", "ok")), None);
        assert_eq!(
            answer(&mut requests, r#"{"type":"res","id":"2","ok":false}"#),
            Some('b')
        );
        assert!(requests.is_empty());
    }

    #[test]
    fn what_is_not_answered_ends_too() {
        let mut requests = Requests::default();
        requests.ask('a', "m", &Value::Null, Timestamp(0)).unwrap();
        requests.ask('b', "m", &Value::Null, Timestamp(10)).unwrap();
        assert_eq!(requests.deadline(), Some(Timestamp(30_000)));
        assert!(requests.expired(Timestamp(29_999)).is_empty());
        assert_eq!(requests.expired(Timestamp(30_000)), ['a']);
        assert_eq!(requests.give_up(), ['b']);
        for _ in 0..MAX_PENDING {
            requests.ask('c', "m", &Value::Null, Timestamp(0)).unwrap();
        }
        assert_eq!(requests.ask('d', "m", &Value::Null, Timestamp(0)), Err('d'));
        assert_eq!(requests.len(), MAX_PENDING);
    }
}
