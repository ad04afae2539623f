//! What a request needs, and what a token may do.

use std::fmt;
use std::str::FromStr;

use http::Method;
use serde::{Deserialize, Serialize};

/// One thing that a token may allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Seeing what agents do.
    Read,
    /// Telling what agents do.
    Ingest,
    /// Changing what agents and agentmon do.
    Control,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 3] = [Self::Read, Self::Ingest, Self::Control];

    /// The name used on the command line and in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Ingest => "ingest",
            Self::Control => "control",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|scope| scope.as_str() == name);
        known.ok_or_else(|| format!("{name:?} is not a scope: read, ingest or control"))
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Scope>", into = "Vec<Scope>")]
pub struct Scopes(u8);

impl Scopes {
    /// All scopes.
    pub const ALL: Self = Self(0b111);

    /// Whether a scope is in it.
    #[must_use]
    pub fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    /// Its scopes.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

impl<const N: usize> From<[Scope; N]> for Scopes {
    fn from(scopes: [Scope; N]) -> Self {
        scopes.into_iter().collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let add = |set, scope: Scope| set | 1 << scope as u8;
        Self(scopes.into_iter().fold(0, add))
    }
}

impl From<Vec<Scope>> for Scopes {
    fn from(scopes: Vec<Scope>) -> Self {
        scopes.into_iter().collect()
    }
}

impl From<Scopes> for Vec<Scope> {
    fn from(scopes: Scopes) -> Self {
        scopes.iter().collect()
    }
}

/// Paths on which writing tells what agents do. All other writing is control, also on paths that come to be later.
const INGEST: [&str; 8] = [
    "/api/events",
    "/api/provider-quotas",
    "/api/otel",
    "/api/hooks",
    "/api/webhooks",
    // What people write down by hand of their agents, and a look for news.
    "/api/agents",
    "/api/clawdbot/refresh",
    "/v1",
];

/// What a request needs.
pub(crate) fn required(method: &Method, path: &str) -> Scope {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Scope::Read;
    }
    let below = |prefix: &str| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if INGEST.into_iter().any(below) {
        Scope::Ingest
    } else {
        Scope::Control
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_is_control_unless_it_tells_what_agents_do() {
        for (method, path, needed) in [
            (Method::GET, "/api/agents", Scope::Read),
            (Method::POST, "/api/events", Scope::Ingest),
            (Method::POST, "/api/events/batch", Scope::Ingest),
            (Method::POST, "/v1/logs", Scope::Ingest),
            (Method::POST, "/api/eventsx", Scope::Control),
            (Method::DELETE, "/api/v1/sessions/x", Scope::Control),
            (Method::POST, "/api/agents", Scope::Ingest),
            (Method::POST, "/api/openclaw/sessions", Scope::Control),
        ] {
            assert_eq!(required(&method, path), needed, "{method} {path}");
        }
    }

    #[test]
    fn sets_hold_what_was_put_in() {
        let set = Scopes::from([Scope::Read, Scope::Control]);
        assert!(set.has(Scope::Read) && !set.has(Scope::Ingest) && set.has(Scope::Control));
        assert_eq!(Scopes::from_iter(set.iter()), set);
        assert_eq!(Scopes::from(Scope::ALL), Scopes::ALL);
    }
}
