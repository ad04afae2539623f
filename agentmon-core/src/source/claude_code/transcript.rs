//! Transcripts: model calls and session facts.
//!
//! One API response is written as one line per content block; all share `message.id` and each carries usage, the last
//! one the final usage. A call is therefore keyed by `message.id` alone (`requestId` may be missing or differ), and
//! the sighting with the most output wins wherever it stands: in this file, in a fork that copied it, in a sidechain
//! replay. `progress` lines repeat a subagent's messages and `toolUseResult.usage` sums them up: neither counts.
//!
//! The fast pass must not parse what it does not need: 7 of 10 lines carry no usage, and the bytes are in those. A
//! line is looked at by its head (metadata lines begin with their type) and for the word `"usage"`; only lines that
//! pass are parsed. The filter can only pass too much, never too little.

use std::borrow::Cow;

use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::line::{Line, RawUsage, SYNTHETIC};
use super::{content, evidence, session_key, title};
use crate::model::{
    Batch, CallSource, FactKey, ModelCall, ModelTotals, NanoUsd, ProblemKind, Relation,
    SessionIndex, Stamped, Timestamp, Title, TitleKind, Usage, latest, stamp, stamp_first,
};
use crate::source::fields::mend;
use crate::source::otlp::request_key;
use crate::source::{FileInfo, Parser, Want, for_each_line};

/// How many lines are searched for the first prompt before giving up on it as a title.
const PROMPT_SEARCH_LINES: u32 = 200;

/// Types of lines that belong to the conversation. Any other type marks metadata.
const CONVERSATION: [&str; 5] = ["assistant", "user", "system", "attachment", "progress"];

/// Types of metadata lines that hold nothing for agentmon. Others are counted as unknown.
const KNOWN_METADATA: [&[u8]; 17] = [
    b"api-request",
    b"api-request-blob",
    b"api-request-shape",
    b"atis-latch",
    b"content-replacement",
    b"file-history-delta",
    b"file-history-snapshot",
    b"last-prompt",
    b"mode",
    b"permission-mode",
    b"pr-link",
    b"queue-operation",
    b"relocated",
    b"tag",
    b"tools-used",
    b"worktree-state",
    b"agent-setting",
];

/// What is remembered between two pieces of a file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Memory {
    /// The session id that lines carried last; the file name until then.
    session: Box<str>,
    /// The latest timestamp seen: metadata lines have none of their own.
    at: Timestamp,
    /// Lines still to be searched for the first prompt.
    prompt_search: u32,
    /// How the last assistant line ended, for the state of files that are not read for evidence.
    ending: Option<evidence::Ending>,
    /// When the client last exited, as far as the file tells.
    left: Option<Timestamp>,
    /// The turn that the file is in, where content is read.
    turn: Option<Box<str>>,
}

/// Parser of one transcript file.
#[derive(Debug)]
pub(super) struct Transcript {
    /// The subagent's id where the file is one's own transcript.
    agent: Option<Box<str>>,
    path: Box<str>,
    born: Timestamp,
    memory: Memory,
    /// The session of `memory.session` in the batch of the current `feed`.
    current: Option<SessionIndex>,
    usage: memmem::Finder<'static>,
}

impl Transcript {
    pub(super) fn new(file: &FileInfo) -> Self {
        let agent = file.stem().strip_prefix("agent-");
        let relative = file.relative();
        // A subagent's folder is named after its session; beside the session (older layout) only the lines tell.
        let folder = relative
            .split("/subagents/")
            .next()
            .and_then(|path| path.rsplit('/').next());
        let session = if agent.is_some() {
            folder.unwrap_or_default()
        } else {
            file.stem()
        };
        Self {
            agent: agent.map(Into::into),
            path: file.path.to_string_lossy().into(),
            born: file.born,
            memory: Memory {
                session: session.into(),
                prompt_search: PROMPT_SEARCH_LINES,
                ..Memory::default()
            },
            current: None,
            usage: memmem::Finder::new(b"\"usage\""),
        }
    }

    pub(super) fn resume(file: &FileInfo, state: &[u8]) -> Option<Self> {
        let memory = serde_json::from_slice(state).ok()?;
        Some(Self {
            memory,
            ..Self::new(file)
        })
    }

    /// The session that the line belongs to, in this batch.
    fn session(&mut self, line_session: Option<&str>, out: &mut Batch) -> SessionIndex {
        if let Some(session) = line_session.filter(|id| !id.is_empty())
            && *session != *self.memory.session
        {
            self.memory.session = session.into();
            self.current = None;
        }
        if let Some(index) = self.current {
            return index;
        }
        let index = out.session(&session_key(&self.memory.session, self.agent.as_deref()));
        if self.agent.is_some() {
            let parent = session_key(&self.memory.session, None);
            out.patch(index)
                .propose_parent(Some((parent, Relation::Within)));
        }
        self.current = Some(index);
        index
    }

    fn line(&mut self, offset: u64, bytes: &[u8], want: Want, out: &mut Batch) {
        let metadata = metadata_type(bytes);
        if let Some(kind) = metadata {
            if want.accounting {
                self.metadata(kind, offset, bytes, want, out);
            }
            return;
        }
        let has_usage = self.usage.find(bytes).is_some();
        let searches_prompt = want.accounting && self.memory.prompt_search > 0;
        if !(has_usage || searches_prompt || want.evidence || want.content) {
            return;
        }
        // Numbers and ids need no mending.
        let bytes = if searches_prompt || want.evidence || want.content {
            mend(bytes)
        } else {
            Cow::Borrowed(bytes)
        };
        match Line::parse(&bytes) {
            Ok(line) => self.read(offset, &line, want, out),
            Err(error) => out.problem(error.kind(), offset, error.to_string()),
        }
    }

    fn read(&mut self, offset: u64, line: &Line<'_>, want: Want, out: &mut Batch) {
        if !CONVERSATION.contains(&&*line.kind) {
            // Most lines are only parsed when content is wanted: counting there counts each once.
            if want.content {
                out.problem(ProblemKind::UnknownType, offset, &*line.kind);
            }
            return;
        }
        if want.accounting {
            self.facts(line, out);
            self.first_prompt(line, out);
            let usage = line
                .message
                .as_ref()
                .and_then(|message| message.usage.as_ref());
            if let ("assistant", Some(usage)) = (&*line.kind, usage) {
                self.call(offset, line, usage, want, out);
            }
        }
        if want.evidence || want.content {
            let session = self.session(line.session_id.as_deref(), out);
            let Some(at) = self.time_of(line) else { return };
            if want.evidence {
                evidence::report(line, at, session, self.agent.is_some(), out);
            }
            if want.content {
                if let Some(turn) = line.prompt_id.as_deref() {
                    self.memory.turn = Some(turn.into());
                }
                let place = content::Place {
                    path: &self.path,
                    born: self.born,
                    offset,
                    agent: self.agent.as_deref(),
                    turn: self.memory.turn.as_deref(),
                };
                content::report(line, at, session, place, out);
            }
        }
    }

    /// The line's own time or, failing that, the latest before it.
    fn time_of(&mut self, line: &Line<'_>) -> Option<Timestamp> {
        if let Some(at) = line.at() {
            self.memory.at = self.memory.at.max(at);
            return Some(at);
        }
        (self.memory.at != Timestamp(0)).then_some(self.memory.at)
    }

    /// Session facts that every chained line carries.
    fn facts(&mut self, line: &Line<'_>, out: &mut Batch) {
        let Some(at) = line.at() else { return };
        self.memory.at = self.memory.at.max(at);
        let session = self.session(line.session_id.as_deref(), out);
        if let Some(original) = line.original() {
            // Copied lines speak of the time and place of the original.
            if self.agent.is_none() {
                let parent = session_key(original, None);
                out.patch(session)
                    .propose_parent(Some((parent, Relation::Fork)));
            }
            return;
        }
        let patch = out.patch(session);
        patch.touch(at);
        if let Some(cwd) = line.cwd.as_deref() {
            stamp_first(&mut patch.cwd, at, cwd);
        }
        // Outside a repository and on a detached head the client writes HEAD, which is no branch.
        if let Some(branch) = line
            .git_branch
            .as_deref()
            .filter(|branch| !branch.is_empty() && *branch != "HEAD")
        {
            stamp(&mut patch.branch, at, branch);
        }
        if let Some(version) = line.version.as_deref() {
            stamp(&mut patch.version, at, version);
        }
        if let Some(entrypoint) = line.entrypoint.as_deref() {
            stamp(&mut patch.entrypoint, at, entrypoint);
        }
        stamp(&mut patch.transcript, self.born, &self.path);
    }

    /// The first real prompt is the title of sessions that have no better one.
    fn first_prompt(&mut self, line: &Line<'_>, out: &mut Batch) {
        if self.memory.prompt_search == 0 {
            return;
        }
        self.memory.prompt_search -= 1;
        let Some(prompt) = evidence::human_prompt(line) else {
            return;
        };
        let Some(at) = line.at() else { return };
        let session = self.session(line.session_id.as_deref(), out);
        out.patch(session)
            .propose_title(Title::new(TitleKind::FirstPrompt, at, &prompt));
        self.memory.prompt_search = 0;
    }

    /// Counts the call of an assistant line.
    fn call(
        &mut self,
        offset: u64,
        line: &Line<'_>,
        usage: &RawUsage,
        want: Want,
        out: &mut Batch,
    ) {
        let Some(message) = &line.message else { return };
        let Some(at) = line.at() else {
            out.problem(
                ProblemKind::BadField,
                offset,
                "assistant line without a timestamp",
            );
            return;
        };
        self.memory.ending = Some(evidence::Ending::of(line, at));
        let model = message.model.as_deref().unwrap_or("unknown");
        if model == SYNTHETIC {
            return;
        }
        let fact = match (message.id.as_deref(), line.uuid.as_deref()) {
            (Some(id), _) if !id.is_empty() => FactKey::new("anthropic.message", &[id.as_bytes()]),
            (_, Some(uuid)) => FactKey::new("claude.line", &[uuid.as_bytes()]),
            _ => FactKey::new(
                "claude.place",
                &[self.path.as_bytes(), &offset.to_le_bytes()],
            ),
        };
        // Telemetry comes within seconds: older calls need no second name.
        if want.evidence
            && let Some(request) = line.request_id.as_deref()
        {
            out.aliases.push((request_key(request), fact));
        }
        // A line that a fork copied names the session that made the request: the call is that session's.
        let original = line.original();
        let (session, credit) = match original {
            Some(id) => (out.session(&session_key(id, self.agent.as_deref())), 0),
            None => (self.session(line.session_id.as_deref(), out), self.born.0),
        };
        let tokens = usage.usage();
        if original.is_none() {
            let patch = out.patch(session);
            stamp(&mut patch.model, at, model);
            if tokens.prompt() > 0 {
                let value = (tokens.prompt() + tokens.output, None);
                latest(&mut patch.context, Some(Stamped { at, value }));
            }
        }
        let call = ModelCall {
            fact,
            at,
            session,
            model: out.model(model),
            usage: tokens,
            mode: usage.mode(),
            web_searches: usage.web_searches(),
            reported: None,
            credit,
            source: CallSource::Transcript,
        };
        // The lines of one response follow each other: merging here keeps the batch small.
        let twin = |last: &&mut ModelCall| {
            (last.fact, last.session, last.model) == (call.fact, call.session, call.model)
        };
        match out.calls.last_mut().filter(twin) {
            Some(last) => last.merge(&call),
            None => out.calls.push(call),
        }
    }

    /// Lines that only have a type, a session and a payload, appended anew every turn.
    fn metadata(&mut self, kind: &[u8], offset: u64, bytes: &[u8], want: Want, out: &mut Batch) {
        let (title_kind, reports) = match kind {
            b"custom-title" => (Some(TitleKind::Custom), false),
            b"ai-title" | b"agent-name" => (Some(TitleKind::Agent), false),
            b"summary" => (Some(TitleKind::Summary), false),
            b"cost-state" => (None, true),
            known if KNOWN_METADATA.contains(&known) => return,
            unknown => {
                out.problem(
                    ProblemKind::UnknownType,
                    offset,
                    String::from_utf8_lossy(unknown),
                );
                return;
            }
        };
        let line: MetadataLine = match serde_json::from_slice(&mend(bytes)) {
            Ok(line) => line,
            Err(error) => {
                let kind = if error.is_data() {
                    ProblemKind::BadField
                } else {
                    ProblemKind::Malformed
                };
                out.problem(kind, offset, error.to_string());
                return;
            }
        };
        let session = self.session(line.session_id.as_deref(), out);
        let (at, ran_until) = (self.memory.at, line.ran_until());
        if let Some(title_kind) = title_kind {
            let text = line
                .custom_title
                .or(line.ai_title)
                .or(line.agent_name)
                .or(line.summary);
            let title = text.and_then(|text| match title_kind {
                TitleKind::Agent => title::made_up(at, &text),
                _ => Title::new(title_kind, at, &text),
            });
            out.patch(session).propose_title(title);
        }
        if !reports {
            return;
        }
        // The client counts its time over resumes and leaves out the pauses between them: then its sum ends too early.
        let left = ran_until.map_or(at, |until| until.max(at));
        self.memory.left = Some(left);
        if want.evidence {
            out.evidence(session, evidence::exit(left));
        }
        if let Some(models) = line.model_usage {
            let totals = models
                .into_iter()
                .map(|(model, totals)| totals.named(model))
                .collect();
            let reported = Stamped { at, value: totals };
            latest(&mut out.patch(session).reported, Some(reported));
        }
    }
}

impl Parser for Transcript {
    fn feed(&mut self, base: u64, bytes: &[u8], want: Want, _now: Timestamp, out: &mut Batch) {
        self.current = None;
        for_each_line(base, bytes, |offset, line| {
            self.line(offset, line, want, out)
        });
    }

    fn finish(&mut self, want: Want, out: &mut Batch) {
        if want.evidence {
            return;
        }
        let ending = self.memory.ending.as_ref();
        let signs = [
            ending.map(evidence::Ending::evidence),
            self.memory.left.map(evidence::exit),
        ];
        self.current = None;
        for sign in signs.into_iter().flatten() {
            let session = self.session(None, out);
            out.evidence(session, sign);
        }
    }

    fn state(&self) -> Vec<u8> {
        serde_json::to_vec(&self.memory).unwrap_or_default()
    }
}

/// The type of a line that begins with it, where that type marks metadata rather than conversation.
fn metadata_type(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"{\"type\":\"")?;
    let kind = &rest[..memchr::memchr(b'"', &rest[..rest.len().min(40)])?];
    let conversation = CONVERSATION.iter().any(|known| known.as_bytes() == kind);
    (!conversation).then_some(kind)
}

/// The payloads of metadata lines.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataLine {
    session_id: Option<String>,
    custom_title: Option<String>,
    ai_title: Option<String>,
    agent_name: Option<String>,
    summary: Option<String>,
    model_usage: Option<std::collections::BTreeMap<Box<str>, ModelUsage>>,
    /// When the client began, in milliseconds since 1970.
    start_time: Option<i64>,
    /// How long it ran, in milliseconds.
    total_duration: Option<i64>,
}

impl MetadataLine {
    /// Until when the client ran, by a `cost-state` line.
    fn ran_until(&self) -> Option<Timestamp> {
        Some(Timestamp(
            self.start_time?.checked_add(self.total_duration?)?,
        ))
    }
}

/// One model in a `cost-state` line: the client's own cumulative count, compaction and refused answers included.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct ModelUsage {
    input_tokens: u64,
    output_tokens: u64,
    cache_read_input_tokens: u64,
    cache_creation_input_tokens: u64,
    #[serde(rename = "costUSD")]
    cost_usd: f64,
}

impl ModelUsage {
    fn named(self, model: Box<str>) -> ModelTotals {
        let usage = Usage {
            input: self.input_tokens,
            cache_read: self.cache_read_input_tokens,
            cache_creation_5m: self.cache_creation_input_tokens,
            cache_creation_1h: 0,
            output: self.output_tokens,
            reasoning: 0,
        };
        let cost = NanoUsd::from_dollars(self.cost_usd).unwrap_or_default();
        ModelTotals {
            model,
            usage: usage.into(),
            cost,
        }
    }
}
