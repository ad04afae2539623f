//! What came out of sessions: reads the calls that may tell of it, the newest first and at most so many.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{CachedStatement, Connection, params};

use super::events::{kind_code, status_of};
use super::session_read::SessionRow;
use crate::model::{AgentKind, EventKind, EventStatus, SessionKey, Timestamp};
use crate::query::{ArtifactFold, Artifacts, ToolAnswer, ToolRow};
use crate::store::StoreError;

/// Calls that are looked at of a session with all its subagents.
const MAX_CALLS: usize = 20_000;
/// Results with pictures that are looked for.
const MAX_IMAGES: usize = 200;
/// Texts that are longer than this, in bytes, are not searched for pictures: beside them stands little.
const MAX_IMAGE_TEXT: usize = 4096;

/// A session, and the folder that its relative paths are in.
type Member = (i64, SessionKey, Option<Box<str>>);

/// What came out of a session and the subagents that are a part of it, with at most `limit` files and other results.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn artifacts(
    connection: &Connection,
    session: &SessionRow,
    limit: usize,
) -> Result<Artifacts, StoreError> {
    let view = &session.view;
    let folder = view.cwd.clone();
    let mut reader = Reader::new(connection)?;
    let mut fold = ArtifactFold::new(view.key.clone(), folder);
    reader.read(session.id, &mut fold)?;
    for (id, key, folder) in subagents(connection, session)? {
        fold.subagent(key, folder);
        reader.read(id, &mut fold)?;
    }
    Ok(fold.finish(limit))
}

/// The subagents that are a part of a session, at any depth, the newest first.
fn subagents(connection: &Connection, session: &SessionRow) -> rusqlite::Result<Vec<Member>> {
    let mut select = connection.prepare_cached(
        "WITH RECURSIVE part (id) AS (
             SELECT ?1
             UNION
             SELECT session.id FROM session JOIN part ON session.parent = part.id WHERE session.report_as = ?2
         )
         SELECT session.id, agent, native_id, cwd FROM session JOIN part ON part.id = session.id
         WHERE session.id <> ?1 ORDER BY session.id DESC",
    )?;
    let rows = select.query_map(params![session.id, session.report_as], |row| {
        let key = SessionKey::new(
            AgentKind::from(row.get::<_, String>(1)?),
            row.get::<_, String>(2)?,
        );
        let folder: Option<String> = row.get(3)?;
        Ok((row.get(0)?, key, folder.map(Into::into)))
    })?;
    rows.collect()
}

struct Reader<'c> {
    /// Tools whose calls may tell of a result, by their numbers.
    tools: BTreeMap<i64, Box<str>>,
    calls: CachedStatement<'c>,
    same_call: CachedStatement<'c>,
    images: CachedStatement<'c>,
    calls_left: usize,
    images_left: usize,
}

impl<'c> Reader<'c> {
    fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let mut tools = BTreeMap::new();
        let mut select = connection.prepare_cached("SELECT id, name FROM tool")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let name = row.get_ref(1)?.as_str().unwrap_or_default();
            if ArtifactFold::can_make(name) {
                tools.insert(row.get(0)?, name.into());
            }
        }
        let numbers: Vec<String> = tools.keys().map(i64::to_string).collect();
        let [used, returned, changed, committed] = [
            EventKind::ToolUse,
            EventKind::ToolResult,
            EventKind::FileChange,
            EventKind::GitCommit,
        ]
        .map(kind_code);
        let posted = "CASE WHEN json_valid(posted.metadata) THEN json_extract(posted.metadata, '$.file_path') END";
        let calls = format!(
            "SELECT event.seq, event.at, event.kind, event.status, event.tool, event.call, event.truncated,
                    CASE WHEN event.kind = {changed} AND posted.seq IS NOT NULL THEN coalesce({posted}, '')
                         ELSE coalesce(event_body.text, '') END
             FROM event
             LEFT JOIN event_body ON event_body.seq = event.seq
             LEFT JOIN posted ON posted.seq = event.seq
             WHERE event.session = ?1
               AND (event.kind = {used} AND event.tool IN ({}) OR event.kind IN ({changed}, {committed}))
             ORDER BY event.at DESC, event.seq DESC LIMIT ?2",
            numbers.join(", ")
        );
        let same_call = format!(
            "SELECT event.kind, event.status, event.tool, coalesce(event_body.text, '')
             FROM event LEFT JOIN event_body ON event_body.seq = event.seq
             WHERE event.call = ?1 AND event.session = ?2 AND event.seq <> ?3
               AND event.kind IN ({used}, {returned}, {changed})"
        );
        let images = format!(
            "SELECT event.seq, event.at, event_body.text,
                    (SELECT tool.name FROM event AS other JOIN tool ON tool.id = other.tool
                     WHERE other.call = event.call LIMIT 1)
             FROM event JOIN event_body ON event_body.seq = event.seq
             WHERE event.session = ?1 AND event.kind = {returned}
               AND octet_length(event_body.text) <= {MAX_IMAGE_TEXT} AND instr(event_body.text, '[image]') > 0
             ORDER BY event.at DESC, event.seq DESC LIMIT ?2"
        );
        Ok(Self {
            tools,
            calls: connection.prepare_cached(&calls)?,
            same_call: connection.prepare_cached(&same_call)?,
            images: connection.prepare_cached(&images)?,
            calls_left: MAX_CALLS,
            images_left: MAX_IMAGES,
        })
    }

    /// Tells `fold` what one session did.
    fn read(&mut self, session: i64, fold: &mut ArtifactFold) -> rusqlite::Result<()> {
        self.read_calls(session, fold)?;
        self.read_images(session, fold)
    }

    fn read_calls(&mut self, session: i64, fold: &mut ArtifactFold) -> rusqlite::Result<()> {
        let mut seen = HashSet::new();
        // One more tells whether there are more.
        let mut rows = self
            .calls
            .query(params![session, self.calls_left as i64 + 1])?;
        while let Some(row) = rows.next()? {
            if self.calls_left == 0 {
                fold.cut();
                return Ok(());
            }
            self.calls_left -= 1;
            let (event, at) = (row.get(0)?, Timestamp(row.get(1)?));
            let kind = row.get::<_, i64>(2)?;
            let status = status_of(row.get(3)?);
            let call: Option<i64> = row.get(5)?;
            let text = row.get_ref(7)?.as_str().unwrap_or_default();
            let tool: Option<i64> = row.get(4)?;
            let tool = tool.and_then(|tool| self.tools.get(&tool));
            if kind == kind_code(EventKind::GitCommit) {
                fold.commit(at, event, status, text);
                continue;
            }
            if kind == kind_code(EventKind::FileChange) {
                let is_told = match call {
                    Some(call) => {
                        of_call(&mut self.same_call, call, session, event, &self.tools)?.tells_files
                    }
                    None => false,
                };
                if !is_told {
                    fold.applied(at, event, status, text);
                }
                continue;
            }
            let Some(tool) = tool else { continue };
            let mut use_of = ToolRow {
                event,
                at,
                tool,
                text,
                truncated: row.get(6)?,
                status,
            };
            // Several sources may have told of one call.
            let is_again = call.is_some_and(|call| !seen.insert(call));
            if is_again || !ArtifactFold::wants_answer(&use_of) {
                continue;
            }
            let rest = match call {
                Some(call) => of_call(&mut self.same_call, call, session, event, &self.tools)?,
                None => OfCall::default(),
            };
            if let Some(text) = rest
                .text
                .as_deref()
                .filter(|other| other.len() > text.len())
            {
                use_of.text = text;
            }
            fold.tool(&use_of, &rest.answer);
        }
        Ok(())
    }

    fn read_images(&mut self, session: i64, fold: &mut ArtifactFold) -> rusqlite::Result<()> {
        let mut rows = self
            .images
            .query(params![session, self.images_left as i64])?;
        while let Some(row) = rows.next()? {
            let tool: Option<String> = row.get(3)?;
            if !tool.as_deref().is_none_or(ArtifactFold::gives_images) {
                continue;
            }
            self.images_left = self.images_left.saturating_sub(1);
            let text = row.get_ref(2)?.as_str().unwrap_or_default();
            let count = text.lines().filter(|line| *line == "[image]").count();
            if count > 0 {
                let at = Timestamp(row.get(1)?);
                fold.images(at, row.get(0)?, tool.as_deref(), count as u32);
            }
        }
        Ok(())
    }
}

/// The other events of a call.
#[derive(Default)]
struct OfCall {
    answer: ToolAnswer,
    /// The longest that another source told of the call's input.
    text: Option<String>,
    /// Whether its use tells of files.
    tells_files: bool,
}

fn of_call(
    select: &mut CachedStatement<'_>,
    call: i64,
    session: i64,
    event: i64,
    tools: &BTreeMap<i64, Box<str>>,
) -> rusqlite::Result<OfCall> {
    let mut found = OfCall::default();
    let mut rows = select.query(params![call, session, event])?;
    while let Some(row) = rows.next()? {
        let kind = row.get::<_, i64>(0)?;
        let status = status_of(row.get(1)?);
        let text = row.get_ref(3)?.as_str().unwrap_or_default();
        if kind == kind_code(EventKind::ToolUse) {
            let tool: Option<i64> = row.get(2)?;
            let tool = tool.and_then(|tool| tools.get(&tool));
            found.tells_files |= tool.is_some_and(|tool| {
                ArtifactFold::tells_files(&ToolRow {
                    event,
                    at: Timestamp::default(),
                    tool,
                    text,
                    truncated: false,
                    status,
                })
            });
            if found
                .text
                .as_ref()
                .is_none_or(|known| known.len() < text.len())
            {
                found.text = Some(text.to_owned());
            }
            continue;
        }
        let place = match kind == kind_code(EventKind::ToolResult) {
            true => &mut found.answer.result,
            false => &mut found.answer.applied,
        };
        // A failure that one source tells of is one; of the words the most.
        let known = place.take().unwrap_or_default();
        let status = match known.0 {
            EventStatus::Success => status,
            failed => failed,
        };
        let text = if text.len() > known.1.len() {
            text.into()
        } else {
            known.1
        };
        *place = Some((status, text));
    }
    Ok(found)
}
