//! WHERE clauses put together from filters: fixed SQL, values always bound.

use rusqlite::types::Value;
use rusqlite::{Params, params_from_iter};

use crate::model::{AgentKind, SessionKey};

/// Conditions joined by AND, with their values in order.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    sql: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// One condition.
    pub(super) fn add(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push(sql.to_owned());
        self.values.extend(values);
    }

    /// One condition that any of `items` fulfils; nothing when there are none.
    pub(super) fn any<T>(&mut self, items: &[T], sql: &str, values: impl Fn(&T) -> Vec<Value>) {
        if !items.is_empty() {
            self.sql
                .push(format!("({})", vec![sql; items.len()].join(" OR ")));
            self.values.extend(items.iter().flat_map(values));
        }
    }

    /// One condition around other conditions.
    pub(super) fn nested(&mut self, before: &str, inner: Self, after: &str) {
        self.sql.push(format!("{before}{}{after}", inner.sql()));
        self.values.extend(inner.values);
    }

    /// Sessions by agent.
    pub(super) fn agents(&mut self, agents: &[AgentKind]) {
        self.any(agents, "session.agent = ?", |agent| {
            vec![agent.as_str().to_owned().into()]
        });
    }

    /// Sessions by the machine that they run on.
    pub(super) fn hosts(&mut self, hosts: &[Box<str>]) {
        self.any(hosts, "session.host = ?", |host| {
            vec![host.to_string().into()]
        });
    }

    /// Models by a beginning of their name, as [`model_matches`](crate::query::model_matches) has it.
    pub(super) fn models(&mut self, column: &str, models: &[Box<str>]) {
        // LIKE does not mind the case of letters.
        let sql = format!("({column} LIKE ? ESCAPE '!' OR {column} LIKE ? ESCAPE '!')");
        self.any(models, &sql, |model| {
            let wanted = escape_like(model);
            vec![format!("{wanted}%").into(), format!("%/{wanted}%").into()]
        });
    }

    /// Sessions by their project, as [`project_matches`](crate::query::project_matches) has it: by name, or with a `/`
    /// by its folder, a folder inside it, or one above it.
    pub(super) fn projects(&mut self, projects: &[Box<str>]) {
        let (folders, names): (Vec<_>, Vec<_>) = projects
            .iter()
            .map(ToString::to_string)
            .partition(|project| project.contains(['/', '\\']));
        let mut either = Self::default();
        either.any(&names, "project.name = ?", |name| vec![name.clone().into()]);
        either.any(
            &folders,
            "(project.root = ? OR instr(?, project.root || '/') = 1 OR instr(project.root, ? || '/') = 1)",
            |folder| {
                let folder = folder.trim_end_matches(['/', '\\']).to_owned();
                vec![folder.clone().into(), folder.clone().into(), folder.into()]
            },
        );
        if !either.sql.is_empty() {
            self.sql.push(format!("({})", either.sql.join(" OR ")));
            self.values.extend(either.values);
        }
    }

    /// Exactly these sessions; nothing when there are none.
    pub(super) fn keys(&mut self, keys: &[SessionKey]) {
        if !keys.is_empty() {
            let values = vec!["(?, ?)"; keys.len()].join(", ");
            let id = |key: &SessionKey| [key.native_id.to_string(), key.agent.as_str().to_owned()];
            self.sql.push(format!(
                "(session.native_id, session.agent) IN (VALUES {values})"
            ));
            let parts = keys.iter().flat_map(id);
            self.values.extend(parts.map(Value::from));
        }
    }

    /// Sessions by their id or the beginning of it, with or without the agent.
    pub(super) fn session_ids(&mut self, ids: &[Box<str>]) {
        // What stands before a colon may be an agent, or a part of the id.
        let readings: Vec<(String, String)> = ids
            .iter()
            .flat_map(|id| {
                let key = SessionKey::parse(id);
                let is_known = key
                    .as_ref()
                    .is_some_and(|key| !matches!(key.agent, AgentKind::Other(_)));
                let whole = (!is_known).then(|| (id.to_string(), "%".to_owned()));
                let parts = key.map(|key| (key.native_id.into(), key.agent.into()));
                whole.into_iter().chain(parts)
            })
            .collect();
        self.any(
            &readings,
            "(session.native_id >= ? AND session.native_id < ? AND session.agent LIKE ?)",
            |(native_id, agent)| {
                let end = format!("{native_id}\u{10ffff}");
                vec![native_id.clone().into(), end.into(), agent.clone().into()]
            },
        );
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.sql.is_empty()
    }

    /// The text behind WHERE.
    pub(super) fn sql(&self) -> String {
        if self.sql.is_empty() {
            "TRUE".to_owned()
        } else {
            self.sql.join(" AND ")
        }
    }

    /// The values to bind.
    pub(super) fn values(&self) -> impl Params + '_ {
        params_from_iter(self.values.iter())
    }
}

/// Text as a part of a LIKE pattern with `!` for escapes.
pub(super) fn escape_like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '!' | '%' | '_') {
            escaped.push('!');
        }
        escaped.push(c);
    }
    escaped
}
