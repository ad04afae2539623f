//! Browsers on the same machine: a link that works once, and then a cookie that no other site can make them send.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use http::{HeaderMap, header};

use super::token::{Hash, hash, random};

/// The cookie's name.
pub(crate) const COOKIE: &str = "agentmon_session";
/// How long a link works.
const INVITATION: Duration = Duration::from_secs(15 * 60);
/// Browsers that are remembered.
const MAX_OPEN: usize = 256;

/// Invitations and the browsers that took one. Both are kept as hashes, and gone when the server ends.
#[derive(Debug, Default)]
pub(crate) struct Logins {
    invitations: Vec<(Instant, Hash)>,
    open: HashSet<Hash>,
}

impl Logins {
    /// A word that lets one browser in. `None` when the system has no randomness.
    pub(crate) fn invite(&mut self) -> Option<String> {
        let code = random(32).ok()?;
        self.invitations
            .retain(|(made, _)| made.elapsed() < INVITATION);
        self.invitations.push((Instant::now(), hash(&code)));
        Some(code)
    }

    /// Takes an invitation, which is gone then. Returns the value of the browser's cookie.
    pub(crate) fn take(&mut self, code: &str) -> Option<String> {
        self.invitations
            .retain(|(made, _)| made.elapsed() < INVITATION);
        // What is compared are hashes of what was given: how long that takes tells nothing of the word.
        let given = hash(code);
        let at = self
            .invitations
            .iter()
            .position(|(_, known)| *known == given)?;
        let cookie = random(32).ok()?;
        self.invitations.swap_remove(at);
        if self.open.len() >= MAX_OPEN {
            self.open.clear();
        }
        self.open.insert(hash(&cookie));
        Some(cookie)
    }

    /// Whether a cookie's value is that of a browser that was let in.
    pub(crate) fn is_open(&self, cookie: &str) -> bool {
        self.open.contains(&hash(cookie))
    }
}

/// The values of our cookie in a request.
pub(super) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_works_once() {
        let mut logins = Logins::default();
        let code = logins.invite().unwrap();
        assert_eq!(logins.take("other"), None);
        let cookie = logins.take(&code).unwrap();
        assert_eq!(logins.take(&code), None);
        assert!(logins.is_open(&cookie) && !logins.is_open(&code));
        let mut headers = HeaderMap::new();
        let value = format!("a=b; {COOKIE}={cookie}; c");
        headers.insert(header::COOKIE, value.parse().unwrap());
        assert_eq!(cookies(&headers).collect::<Vec<_>>(), [cookie]);
    }
}
