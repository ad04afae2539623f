//! How tokens are counted: one rollout's usage lines in, model calls out. Pure.
//!
//! A rollout reports usage in two ways. `token_usage_record` (clients of late 2026) states one response and is written
//! at once. `token_count` states the running total of the thread, is repeated at every resume and compaction, restarts
//! in some clients and begins at the ancestor's total in forks. A file that was continued by a newer client holds both.
//! [`Counter`] turns every line into the growth that nothing before it has reported. The rule was checked against a
//! provider with known numbers for clients 0.45 to 0.169; each test below is one of its traps.

use serde::{Deserialize, Deserializer, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::thread::{ThreadId, uuid7_millis};
use crate::model::{Span, Timestamp, Usage};

/// How many response ids are remembered against a record written twice. Copies stand close together.
const REMEMBERED_RESPONSES: usize = 16;

/// A copied history is written in one burst; the user's own first line follows later than this.
const COPY_GAP: Span = Span::from_secs(1);

/// Tokens as Codex writes them: `input` includes `cached` and `cache_write`, `output` includes `reasoning`.
/// `total_tokens` is left out on purpose: after a compaction it is an estimate of the new context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Tokens {
    #[serde(default, rename = "input_tokens", deserialize_with = "count")]
    pub(super) input: u64,
    #[serde(default, rename = "cached_input_tokens", deserialize_with = "count")]
    pub(super) cached: u64,
    #[serde(
        default,
        rename = "cache_write_input_tokens",
        deserialize_with = "count"
    )]
    pub(super) cache_write: u64,
    #[serde(default, rename = "output_tokens", deserialize_with = "count")]
    pub(super) output: u64,
    #[serde(
        default,
        rename = "reasoning_output_tokens",
        deserialize_with = "count"
    )]
    pub(super) reasoning: u64,
}

/// A count that may be null.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Tokens {
    fn fields(self) -> [u64; 5] {
        [
            self.input,
            self.cached,
            self.cache_write,
            self.output,
            self.reasoning,
        ]
    }

    fn zip(self, other: Self, each: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            input: each(self.input, other.input),
            cached: each(self.cached, other.cached),
            cache_write: each(self.cache_write, other.cache_write),
            output: each(self.output, other.output),
            reasoning: each(self.reasoning, other.reasoning),
        }
    }

    fn plus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_add)
    }

    /// The growth since `earlier`; `None` if any field shrank.
    fn since(self, earlier: Self) -> Option<Self> {
        let grew = std::iter::zip(self.fields(), earlier.fields()).all(|(now, then)| now >= then);
        grew.then(|| self.zip(earlier, u64::saturating_sub))
    }

    fn is_zero(self) -> bool {
        self == Self::default()
    }

    /// In agentmon's disjoint buckets. Never more tokens than `input + output`, whatever the file claims.
    pub(super) fn usage(self) -> Usage {
        let cache_read = self.cached.min(self.input);
        let cache_write = self.cache_write.min(self.input - cache_read);
        Usage {
            input: self.input - cache_read - cache_write,
            cache_read,
            cache_creation_5m: cache_write,
            cache_creation_1h: 0,
            output: self.output,
            reasoning: self.reasoning.min(self.output),
        }
    }
}

/// A call that was not counted before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    /// Its place among the counted calls of the thread, from 0. Stays the same when the file is moved, compressed or
    /// migrated, so that it identifies the call.
    pub(super) index: u64,
    /// What it used.
    pub(super) tokens: Tokens,
}

/// The state of counting one thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Counter {
    thread: ThreadId,
    /// When the thread began, for telling copied turns from its own.
    born: Option<Timestamp>,
    /// The thread's running total so far, in the units of `token_count`.
    total: Option<Tokens>,
    /// `thread_token_usage` of the latest record: after a resume by a newer client it differs from `total`.
    record_total: Option<Tokens>,
    /// Whether the thread began as a fork; absent until its first `session_meta` was read.
    forked: Option<bool>,
    /// Whether another thread's `session_meta` stands in the file.
    copied: bool,
    /// Whether the lines now read were copied from an ancestor.
    inherited: bool,
    /// Whether any turn had an id. Clients before about 0.99 write none.
    dated_turns: bool,
    /// Time of the latest line, while lines without turn ids are inherited.
    copied_until: Option<Timestamp>,
    /// The model of the latest `turn_context`.
    model: Option<Box<str>>,
    calls: u64,
    responses: Vec<u64>,
}

impl Counter {
    pub(super) fn new(thread: ThreadId) -> Self {
        Self {
            born: thread.born(),
            thread,
            total: None,
            record_total: None,
            forked: None,
            copied: false,
            inherited: false,
            dated_turns: false,
            copied_until: None,
            model: None,
            calls: 0,
            responses: Vec::new(),
        }
    }

    pub(super) fn thread(&self) -> &ThreadId {
        &self.thread
    }

    /// Whether the lines now read belong to an ancestor: its calls, prompts and turns are not this thread's.
    pub(super) fn inherited(&self) -> bool {
        self.inherited
    }

    /// The model that calls are now credited to: that of the last `turn_context` *in file order*. Not by turn id: when
    /// the user switches models, the old model still does the compaction inside the new turn.
    pub(super) fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// A `session_meta` line, with its own time and the session's stated start. Returns whether it is the thread's own.
    pub(super) fn session_meta(
        &mut self,
        id: Option<&str>,
        forked: bool,
        at: Timestamp,
        started: Option<Timestamp>,
    ) -> bool {
        let first = self.forked.is_none();
        if first {
            self.forked = Some(forked);
            self.born = self.born.or(started);
        }
        let own = id.is_none_or(|id| id == self.thread.as_str());
        if !own {
            self.copied = true;
            self.inherited = true;
            self.copied_until = Some(at);
        }
        own || first
    }

    /// A line of any kind: ends an inherited history whose turns have no ids, by the pause after it.
    pub(super) fn line(&mut self, at: Timestamp) {
        let Some(until) = self.copied_until else {
            return;
        };
        if self.inherited && !self.dated_turns {
            let after_birth = self.born.is_none_or(|born| at > born);
            self.inherited = !(after_birth && at - until > COPY_GAP);
            self.copied_until = Some(until.max(at));
        }
        if !self.inherited || self.dated_turns {
            self.copied_until = None;
        }
    }

    pub(super) fn turn_context(&mut self, model: Option<&str>) {
        if let Some(model) = model
            && self.model.as_deref() != Some(model)
        {
            self.model = Some(model.into());
        }
    }

    /// A turn began: in a thread that can hold copies, turns older than the thread are copies. In any other thread an
    /// older turn only means that the clock was set back.
    pub(super) fn task_started(&mut self, turn: Option<&str>) {
        if let (Some(turn), Some(born)) = (turn.and_then(uuid7_millis), self.born) {
            self.dated_turns = true;
            self.inherited = turn < born && (self.copied || self.forked != Some(false));
        }
    }

    /// A `token_usage_record`.
    pub(super) fn usage_record(
        &mut self,
        thread: Option<&str>,
        response: Option<&str>,
        usage: Tokens,
        thread_total: Option<Tokens>,
    ) -> Option<Counted> {
        if thread.is_some_and(|thread| thread != self.thread.as_str()) {
            return None;
        }
        if let Some(response) = response {
            let hash = xxh3_64(response.as_bytes());
            if self.responses.contains(&hash) {
                return None;
            }
            if self.responses.len() == REMEMBERED_RESPONSES {
                self.responses.remove(0);
            }
            self.responses.push(hash);
        }
        self.record_total = thread_total;
        self.total = match self.total {
            None => thread_total.or(Some(usage)),
            Some(total) => Some(total.plus(usage)),
        };
        self.counted(usage)
    }

    /// A `token_count` with its thread total and, if written, the usage of the last response.
    pub(super) fn token_count(&mut self, total: Tokens, last: Option<Tokens>) -> Option<Counted> {
        let growth = match self.total {
            // The first line of a fork that copies no history states the ancestor's total.
            None if self.forked == Some(true) => last.unwrap_or_default(),
            None => total,
            // A repetition, or a response that a record has reported.
            Some(known) if total == known || Some(total) == self.record_total => Tokens::default(),
            Some(known) => {
                let growth = total.since(known);
                match last {
                    Some(last) if growth == Some(last) || total == last => last,
                    // A line was lost in between, or else the total restarted.
                    _ => growth.unwrap_or(total),
                }
            }
        };
        self.total = Some(total);
        if self.inherited {
            return None;
        }
        self.counted(growth)
    }

    fn counted(&mut self, tokens: Tokens) -> Option<Counted> {
        if tokens.is_zero() {
            return None;
        }
        let index = self.calls;
        self.calls += 1;
        Some(Counted { index, tokens })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREAD: &str = "01a1fd70-0000-7000-8000-000000000001";
    const PARENT: &str = "01a1fd60-0000-7000-8000-000000000002";
    const OWN_TURN: &str = "01a1fd71-0000-7000-8000-000000000003";
    const OLD_TURN: &str = "01a1fd61-0000-7000-8000-000000000004";

    fn thread() -> Counter {
        Counter::new(ThreadId::new(THREAD))
    }

    /// Tokens whose fields stand in a fixed relation, so that one number names them.
    fn tokens(n: u64) -> Tokens {
        Tokens {
            input: 10 * n,
            cached: 4 * n,
            cache_write: n,
            output: 3 * n,
            reasoning: 2 * n,
        }
    }

    fn count(counter: &mut Counter, total: u64, last: u64) -> u64 {
        counted(counter.token_count(tokens(total), Some(tokens(last))))
    }

    fn record(counter: &mut Counter, response: &str, usage: u64, total: u64) -> u64 {
        counted(counter.usage_record(
            Some(THREAD),
            Some(response),
            tokens(usage),
            Some(tokens(total)),
        ))
    }

    fn counted(call: Option<Counted>) -> u64 {
        call.map_or(0, |call| {
            assert_eq!(call.tokens, tokens(call.tokens.input / 10));
            call.tokens.input / 10
        })
    }

    fn own_meta(counter: &mut Counter, forked: bool) {
        assert!(counter.session_meta(Some(THREAD), forked, Timestamp(0), None));
    }

    #[test]
    fn repetitions_and_estimates_after_a_compaction_count_nothing() {
        let counter = &mut thread();
        own_meta(counter, false);
        assert_eq!(count(counter, 5, 5), 5);
        assert_eq!(count(counter, 5, 5), 0);
        assert_eq!(count(counter, 5, 0), 0);
        assert_eq!(count(counter, 7, 2), 2);
        assert_eq!(counter.calls, 2);
    }

    #[test]
    fn a_total_that_restarts_at_a_resume_counts_from_zero() {
        let counter = &mut thread();
        own_meta(counter, false);
        assert_eq!(count(counter, 5, 5), 5);
        assert_eq!(count(counter, 9, 4), 4);
        assert_eq!(count(counter, 3, 3), 3);
        // Larger than the old total would have been, but the last response says that it is a restart.
        assert_eq!(count(counter, 20, 20), 20);
        assert_eq!(
            counted(counter.token_count(tokens(1), None)),
            1,
            "no last usage"
        );
    }

    #[test]
    fn lost_lines_and_lines_without_a_last_usage_count_the_growth() {
        let counter = &mut thread();
        own_meta(counter, false);
        assert_eq!(count(counter, 5, 5), 5);
        assert_eq!(count(counter, 12, 3), 7);
        assert_eq!(counted(counter.token_count(tokens(15), None)), 3);
    }

    #[test]
    fn a_call_in_both_styles_is_one_call() {
        let counter = &mut thread();
        own_meta(counter, false);
        assert_eq!(record(counter, "r1", 5, 5), 5);
        assert_eq!(count(counter, 5, 5), 0);
        assert_eq!(record(counter, "r2", 2, 7), 2);
        assert_eq!(record(counter, "r2", 2, 7), 0, "written twice");
        assert_eq!(count(counter, 7, 2), 0);
        // Killed before the token_count: the record alone counts.
        assert_eq!(record(counter, "r3", 1, 8), 1);
        assert_eq!(counter.calls, 3);
    }

    #[test]
    fn a_session_continued_by_a_newer_client_counts_once() {
        let counter = &mut thread();
        own_meta(counter, false);
        assert_eq!(count(counter, 5, 5), 5);
        // The new client's own total begins at the resume, its token_count goes on from the old total.
        assert_eq!(record(counter, "r1", 2, 2), 2);
        assert_eq!(count(counter, 7, 2), 0);
        assert_eq!(record(counter, "r2", 3, 5), 3);
        assert_eq!(count(counter, 10, 3), 0);
    }

    #[test]
    fn a_fork_without_copies_starts_at_the_ancestors_total() {
        let counter = &mut thread();
        own_meta(counter, true);
        assert_eq!(record(counter, "r1", 2, 102), 2);
        assert_eq!(count(counter, 102, 2), 0);
        assert_eq!(count(counter, 103, 1), 1);

        let counter = &mut thread();
        own_meta(counter, true);
        assert_eq!(
            count(counter, 100, 0),
            0,
            "the first line only states the total"
        );
        assert_eq!(count(counter, 104, 4), 4);
    }

    #[test]
    fn a_fork_that_copies_its_parent_counts_its_own_turns() {
        let counter = &mut thread();
        own_meta(counter, true);
        assert!(!counter.session_meta(Some(PARENT), false, Timestamp(0), None));
        counter.task_started(Some(OLD_TURN));
        assert_eq!(count(counter, 5, 5), 0);
        assert_eq!(count(counter, 9, 4), 0);
        counter.task_started(Some(OWN_TURN));
        assert_eq!(count(counter, 9, 4), 0, "repeated for the new client");
        assert_eq!(count(counter, 10, 1), 1);
        assert_eq!(counter.calls, 1);
    }

    #[test]
    fn records_of_other_threads_are_not_ours() {
        let counter = &mut thread();
        own_meta(counter, false);
        let theirs = counter.usage_record(Some(PARENT), Some("r"), tokens(5), Some(tokens(5)));
        assert_eq!(theirs, None);
        assert_eq!(count(counter, 2, 2), 2);
    }

    #[test]
    fn a_copy_without_turn_ids_ends_at_the_pause_after_it() {
        let born = ThreadId::new(THREAD).born().unwrap();
        let counter = &mut thread();
        own_meta(counter, true);
        counter.session_meta(Some(PARENT), false, born + Span(5), None);
        // Some clients keep the original times, some stamp all with the time of the copy.
        for at in [born - Span::from_secs(900), born + Span(5), born + Span(40)] {
            counter.line(at);
            assert!(counter.inherited());
        }
        assert_eq!(count(counter, 9, 4), 0);
        counter.line(born + Span::from_secs(8));
        assert_eq!(count(counter, 10, 1), 1);
    }

    #[test]
    fn threads_and_turns_without_a_time_in_their_ids_are_their_own() {
        let counter = &mut Counter::new(ThreadId::new("f2b7d8a0-1111-4222-8333-444455556666"));
        counter.session_meta(
            Some("f2b7d8a0-1111-4222-8333-444455556666"),
            false,
            Timestamp(0),
            None,
        );
        counter.task_started(Some(OLD_TURN));
        counter.task_started(Some("3"));
        assert_eq!(count(counter, 5, 5), 5);
    }

    #[test]
    fn a_clock_set_back_loses_nothing() {
        let counter = &mut thread();
        own_meta(counter, false);
        counter.task_started(Some(OLD_TURN));
        assert_eq!(count(counter, 5, 5), 5);
    }

    #[test]
    fn calls_go_to_the_model_of_the_turn_context_before_them() {
        let counter = &mut thread();
        counter.turn_context(Some("old"));
        counter.task_started(Some(OWN_TURN));
        assert_eq!(counter.model(), Some("old"));
        counter.turn_context(None);
        counter.turn_context(Some("new"));
        assert_eq!(counter.model(), Some("new"));
    }

    #[test]
    fn buckets_are_disjoint_even_when_the_file_lies() {
        let usage = tokens(1).usage();
        assert_eq!(
            (
                usage.input,
                usage.cache_read,
                usage.cache_creation_5m,
                usage.output,
                usage.reasoning
            ),
            (5, 4, 1, 3, 2)
        );
        let lie = Tokens {
            input: 5,
            cached: 9,
            cache_write: 7,
            output: 1,
            reasoning: u64::MAX,
        };
        assert_eq!(lie.usage().total(), 6);
    }
}
