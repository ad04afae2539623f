//! Adapters: what each agent leaves on disk or sends, read into [`Batch`]es.
//!
//! A file-backed agent is one file or folder here with `impl FileFormat` and one line in [`formats`]. The shared
//! machinery ([`walk`], [`tail`], [`read`], [`database`], [`piece`], [`scan`]) knows no agent, and no adapter opens a
//! transcript itself, keeps an offset or writes anything: it turns bytes or rows into observations and reports what it
//! skipped.

mod about;
pub mod claude_code;
pub mod cline;
pub mod codex;
pub mod copilot;
pub mod database;
pub mod droid;
pub mod env;
pub mod exported;
pub mod fields;
pub mod gemini;
pub mod image;
pub mod import;
mod json;
pub mod kimi;
mod line;
pub mod machine;
pub mod openclaw;
pub mod opencode;
pub mod otlp;
pub mod piece;
pub mod process;
pub mod qwen;
pub mod read;
mod record;
pub mod remote;
pub mod scan;
pub mod sessions_api;
pub mod tail;
pub mod walk;

use std::fmt::Debug;
use std::path::{Path, PathBuf};

pub use database::{Database, DatabaseError};
pub use env::Env;
pub use remote::RemoteSource;

use image::{Image, ImageOwner};

use crate::model::{AgentKind, Batch, SessionKey, Timestamp};

/// All file-backed agents. A new one is one line.
#[must_use]
pub fn formats() -> Vec<Box<dyn FileFormat>> {
    vec![
        Box::new(claude_code::ClaudeCode::default()),
        Box::new(codex::Codex),
        Box::new(openclaw::OpenClawFiles),
        Box::new(openclaw::OpenClawSqlite),
        Box::new(gemini::Gemini),
        Box::new(opencode::OpenCode),
        Box::new(copilot::Copilot),
        Box::new(qwen::Qwen),
        Box::new(kimi::Kimi),
        Box::new(droid::Droid),
        Box::new(cline::ClineSessions),
        Box::new(cline::ClineTasks),
        Box::new(cline::RooCode),
    ]
}

/// All sources that the environment names and that are reached over the network. A new kind is one line.
#[must_use]
pub fn remotes(env: &Env) -> Vec<Box<dyn RemoteSource>> {
    let mut all: Vec<Box<dyn RemoteSource>> = Vec::new();
    all.extend(sessions_api::SessionsApi::from_env(env).map(|source| Box::new(source) as _));
    all
}

/// A folder in which an agent may have left files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// The folder. It need not exist.
    pub path: PathBuf,
    /// Why it is looked at: `CLAUDE_CONFIG_DIR`, `default`, ...
    pub origin: &'static str,
}

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileRole {
    /// Records are appended, one a line; read from where the last read stopped.
    Lines,
    /// The same, compressed with zstd as a whole and never appended; read once for each version of the file.
    CompressedLines,
    /// A small file replaced as a whole; read again whenever it changed.
    Snapshot,
    /// The same for a file that holds text besides.
    Document,
    /// A small file that speaks of a running process; read at every sweep, because the process can die without a
    /// write.
    Live,
    /// A SQLite database; asked for its new rows whenever it or its write-ahead log changed.
    Database,
}

impl FileRole {
    /// Whether files of this role hold text for timelines and search, beside facts.
    #[must_use]
    pub const fn has_content(self) -> bool {
        matches!(
            self,
            Self::Lines | Self::CompressedLines | Self::Document | Self::Database
        )
    }
}

/// What a reader wants from a piece of a file. Accounting (calls and session facts) is wanted first and everywhere;
/// evidence only where a session may still matter; content is indexed behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// Model calls and session facts.
    pub accounting: bool,
    /// State evidence.
    pub evidence: bool,
    /// Events with text.
    pub content: bool,
}

impl Want {
    /// The fast pass over old data.
    pub const ACCOUNTING: Self = Self {
        accounting: true,
        evidence: false,
        content: false,
    };
    /// The live pass.
    pub const LIVE: Self = Self {
        accounting: true,
        evidence: true,
        content: false,
    };
    /// The pass behind.
    pub const CONTENT: Self = Self {
        accounting: false,
        evidence: false,
        content: true,
    };
}

/// What is wanted of a database, which unlike a file of lines holds the old and the new side by side.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// What is wanted at all.
    pub want: Want,
    /// The present, for what the data itself does not date.
    pub now: Timestamp,
}

impl Request {
    /// What is wanted of something that was last touched at `at`: evidence only where it can still matter.
    #[must_use]
    pub fn of(&self, at: Timestamp) -> Want {
        Want {
            evidence: self.want.evidence && self.now - at < read::EVIDENCE_AGE,
            ..self.want
        }
    }

    /// Whether nothing is wanted of something that was last touched at `at`.
    #[must_use]
    pub fn skips(&self, at: Timestamp) -> bool {
        let want = self.of(at);
        !want.accounting && !want.evidence && !want.content
    }
}

/// What a parser may know about the file it reads.
#[derive(Debug, Clone)]
pub struct FileInfo {
    /// The root under which it was found.
    pub root: PathBuf,
    /// Its path.
    pub path: PathBuf,
    /// How it is read.
    pub role: FileRole,
    /// The file's birth, or its last change where that is earlier (a copied tree keeps only the latter): the fallback
    /// order for crediting calls that several files hold.
    pub born: Timestamp,
    /// Last change of the file.
    pub modified: Timestamp,
}

impl FileInfo {
    /// The part of the path below the root, with `/` between its parts.
    #[must_use]
    pub fn relative(&self) -> String {
        self.path
            .strip_prefix(&self.root)
            .unwrap_or(&self.path)
            .to_string_lossy()
            .replace('\\', "/")
    }

    /// The file name without its last extension.
    #[must_use]
    pub fn stem(&self) -> &str {
        self.path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default()
    }
}

/// One file-backed agent.
pub trait FileFormat: Debug + Send + Sync + 'static {
    /// The agent.
    fn agent(&self) -> AgentKind;

    /// A short name of this format, unique among [`formats`] (`claude-code`, `openclaw-files`): part of cursors and
    /// messages.
    fn name(&self) -> &'static str;

    /// Bumped when the parser learns something, so that files are read again from the start.
    fn version(&self) -> u32;

    /// Where to look, existing or not, in order of precedence. Never touches the disk beyond what [`Env`] offers.
    fn roots(&self, env: &Env) -> Vec<Root>;

    /// Whether a folder below a root can hold files of interest, by its path relative to the root. Prunes the walk.
    fn enters(&self, relative: &Path) -> bool;

    /// How to read a file, by its path relative to the root; `None` to leave it alone.
    fn role(&self, relative: &Path) -> Option<FileRole>;

    /// Whether a folder that lies anywhere and is laid out as a root of this format is one, by its path. Formats that
    /// share a layout tell their folders apart here.
    fn owns(&self, folder: &Path) -> bool {
        let _ = folder;
        true
    }

    /// Whether a file that lies anywhere holds a transcript of this format, by its first bytes (64 KiB at most, the last
    /// line may be cut). The parser must then need nothing from the file's place but its name.
    fn recognises(&self, head: &[u8]) -> bool {
        let _ = head;
        false
    }

    /// A parser for one file. `state` is what [`Parser::state`] returned at the offset where reading goes on; `None`
    /// at the start of the file. A state that cannot be read must be reported by returning `None` from
    /// [`FileFormat::resume`], after which the file is read from the start.
    fn start(&self, file: &FileInfo) -> Box<dyn Parser>;

    /// A parser that goes on where `state` was taken, or `None` when the state is not of this version.
    fn resume(&self, file: &FileInfo, state: &[u8]) -> Option<Box<dyn Parser>>;

    /// Reports that a [`FileRole::Live`] or [`FileRole::Snapshot`] file is gone. `state` is the parser's last one.
    fn removed(&self, file: &FileInfo, state: &[u8], now: Timestamp, out: &mut Batch) {
        let _ = (file, state, now, out);
    }

    /// What stands in every line that holds images; `None` where transcripts of this format are not known to hold any.
    fn image_mark(&self) -> Option<&'static [u8]> {
        None
    }

    /// The images of `owner` in one line of a session's transcript.
    fn images(&self, session: &SessionKey, line: &[u8], owner: ImageOwner) -> Vec<Image> {
        let _ = (session, line, owner);
        Vec::new()
    }
}

/// Reads one file, piece by piece.
pub trait Parser: Debug + Send {
    /// Reads whole lines (or, for snapshots, the whole file). `base` is the offset of `bytes[0]`; `now` is only for
    /// what the data itself does not date. Never fails as a whole: what cannot be read goes into
    /// [`Batch::problems`](crate::model::Batch::problems).
    fn feed(&mut self, base: u64, bytes: &[u8], want: Want, now: Timestamp, out: &mut Batch);

    /// Reads the next rows of a [`FileRole::Database`] file, a bounded number at a time, and says whether there may be
    /// more. After every such step [`Parser::state`] tells where to go on. Rows may change or go between steps.
    ///
    /// # Errors
    /// [`DatabaseError`]: nothing of this step counts then.
    fn query(
        &mut self,
        database: &Database,
        request: Request,
        out: &mut Batch,
    ) -> Result<bool, DatabaseError> {
        let _ = (database, request, out);
        Ok(false)
    }

    /// Called when everything there is has been fed with `want`: says what only the end of the file can tell.
    fn finish(&mut self, want: Want, out: &mut Batch) {
        let _ = (want, out);
    }

    /// What must be remembered to go on later from the end of what was fed. Small: it is stored for each file.
    fn state(&self) -> Vec<u8>;
}

/// Calls `each` with the offset and bytes (without the line end) of every non-blank line of `bytes`.
pub fn for_each_line(base: u64, bytes: &[u8], mut each: impl FnMut(u64, &[u8])) {
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', bytes).chain(std::iter::once(bytes.len())) {
        let line = bytes[start.min(end)..end].trim_ascii();
        if !line.is_empty() {
            each(base + start as u64, line);
        }
        start = end + 1;
    }
}
