//! `agentmon.search.v1`.

use serde::Serialize;

use super::part::Time;
use crate::query::{IndexProgress, SearchFilter, SearchHit, SearchResults};

/// What a search found.
#[must_use]
pub fn search<'a>(filter: &SearchFilter, results: &'a SearchResults) -> impl Serialize + 'a {
    Results {
        schema: "agentmon.search.v1",
        order: filter.order.as_str(),
        results: results.hits.iter().map(Hit::from).collect(),
        more: results.more,
        ranked_since: results.ranked_since.map(Time),
        index: (&results.index).into(),
    }
}

#[derive(Serialize)]
struct Results<'a> {
    schema: &'static str,
    order: &'static str,
    results: Vec<Hit<'a>>,
    more: bool,
    ranked_since: Option<Time>,
    index: Index,
}

#[derive(Serialize)]
struct Index {
    complete: bool,
    files: u64,
    files_indexed: u64,
    bytes: u64,
    bytes_indexed: u64,
}

impl From<&IndexProgress> for Index {
    fn from(progress: &IndexProgress) -> Self {
        Self {
            complete: progress.is_complete(),
            files: progress.files,
            files_indexed: progress.files_indexed,
            bytes: progress.bytes,
            bytes_indexed: progress.bytes_indexed,
        }
    }
}

#[derive(Serialize)]
struct Hit<'a> {
    id: i64,
    at: Time,
    session: String,
    agent: &'a str,
    native_id: &'a str,
    title: Option<&'a str>,
    project: Option<&'a str>,
    kind: &'static str,
    status: &'static str,
    tool: Option<&'a str>,
    snippet: &'a str,
    /// Where the matches are in the snippet: start and end, counted in characters.
    matches: Vec<[usize; 2]>,
}

impl<'a> From<&'a SearchHit> for Hit<'a> {
    fn from(hit: &'a SearchHit) -> Self {
        let snippet = &*hit.snippet.text;
        let characters = |end: usize| snippet[..end].chars().count();
        let matches = hit.snippet.matches.iter();
        Self {
            id: hit.id,
            at: Time(hit.at),
            session: hit.session.to_string(),
            agent: hit.session.agent.as_str(),
            native_id: &hit.session.native_id,
            title: hit.title.as_deref(),
            project: hit.project.as_deref(),
            kind: hit.kind.as_str(),
            status: hit.status.as_str(),
            tool: hit.tool.as_deref(),
            snippet,
            matches: matches
                .map(|range| [characters(range.start), characters(range.end)])
                .collect(),
        }
    }
}
