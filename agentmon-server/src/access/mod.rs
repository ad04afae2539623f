//! Who may do what. Pure decisions on a request's head; [`guard`](crate::guard) applies them.

mod limit;
mod login;
mod origin;
mod scope;
mod token;

use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::time::Duration;

use agentmon_core::config::Secret;
use http::{HeaderMap, StatusCode, header};

use limit::Rates;
pub(crate) use login::COOKIE;
use login::Logins;
pub(crate) use origin::Origins;
pub(crate) use scope::required;
pub use scope::{Scope, Scopes};
pub(crate) use token::random;
use token::{CurrentTokens, Hash};
pub use token::{TokenError, TokenInfo, Tokens};

use crate::error::ApiError;
use crate::options::Options;

/// Everything that decides whether a request is answered.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) origins: Origins,
    tokens: CurrentTokens,
    /// The token for programs of this user on this machine, which find it beside the address.
    pub(crate) lent: Option<Secret<String>>,
    logins: Mutex<Logins>,
    rates: Rates,
    /// What who has no token may do.
    without_token: Scopes,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    scopes: Scopes,
    /// The token's hash, for its rate; none for browsers that logged in and for who has no token.
    token: Option<Hash>,
}

impl Identity {
    fn may(self, needed: Scope) -> Result<(), ApiError> {
        if self.scopes.has(needed) {
            return Ok(());
        }
        let is_known = self.token.is_some();
        Err(if is_known {
            let message = format!("The token does not have the scope {:?}", needed.as_str());
            ApiError::new(StatusCode::FORBIDDEN, message)
        } else {
            ApiError::new(StatusCode::UNAUTHORIZED, "A token is needed")
        })
    }
}

/// Who is counted as one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// Everybody with a token, by its hash.
    Token(Hash),
    /// Everybody at an address.
    Address(IpAddr),
}

/// Why a server may not listen.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Others can reach the address, and nobody could be told apart.
    #[error(
        "{0} can be reached from other machines, which needs a token: create one with `agentmon token create NAME --scope read,ingest`"
    )]
    NoTokens(SocketAddr),
    /// The file of tokens.
    #[error(transparent)]
    Tokens(#[from] TokenError),
}

impl Access {
    pub(crate) fn new(options: &Options, bound: SocketAddr) -> Result<Self, AccessError> {
        let is_local = bound.ip().is_loopback();
        let (tokens, lent) = match &options.data_dir {
            Some(folder) => {
                let mut tokens = CurrentTokens::open(folder)?;
                let lent = tokens.lend()?;
                (tokens, Some(lent))
            }
            None => (CurrentTokens::default(), None),
        };
        if !is_local && !tokens.has_created() {
            return Err(AccessError::NoTokens(bound));
        }
        Ok(Self {
            origins: Origins::new(&options.allowed_hosts, &options.allowed_origins),
            tokens,
            lent,
            logins: Mutex::default(),
            rates: Rates::new(&options.limits),
            without_token: if is_local && !options.require_token {
                Scopes::from([Scope::Read, Scope::Ingest])
            } else {
                Scopes::default()
            },
        })
    }

    /// Decides whether a request may do what it asks for, and whether its client asks too often.
    pub(crate) fn check(
        &self,
        headers: &HeaderMap,
        peer: IpAddr,
        needed: Scope,
    ) -> Result<(), ApiError> {
        let identity = self.identify(headers)?;
        if let Some(wait) = self.over_rate(&identity, peer, needed) {
            let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests");
            return Err(error.retry_after(wait));
        }
        identity.may(needed)
    }

    /// Decides whether a request may do what it asks for, however often: for contracts with limits of their own.
    pub(crate) fn check_scope(&self, headers: &HeaderMap, needed: Scope) -> Result<(), ApiError> {
        self.identify(headers)?.may(needed)
    }

    /// Whose limits a request counts against.
    pub(crate) fn client(&self, headers: &HeaderMap, peer: IpAddr) -> Client {
        let identity = self.identify(headers);
        match identity.ok().and_then(|identity| identity.token) {
            Some(token) => Client::Token(token),
            None => Client::Address(peer.to_canonical()),
        }
    }

    /// Decides whether a client without a token of ours asks too often.
    pub(crate) fn check_rate(&self, peer: IpAddr) -> Result<(), ApiError> {
        let is_local = peer.to_canonical().is_loopback();
        match self.rates.address(peer).filter(|_| !is_local) {
            None => Ok(()),
            Some(wait) => Err(
                ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests").retry_after(wait),
            ),
        }
    }

    fn identify(&self, headers: &HeaderMap) -> Result<Identity, ApiError> {
        if let Some(given) = headers.get(header::AUTHORIZATION) {
            let given = given.to_str().unwrap_or_default();
            let bearer = given
                .split_once(' ')
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
            let found = bearer.and_then(|(_, token)| self.tokens.find(token.trim()));
            let (token, scopes) = found
                .ok_or_else(|| ApiError::new(StatusCode::UNAUTHORIZED, "The token is not valid"))?;
            return Ok(Identity {
                scopes,
                token: Some(token),
            });
        }
        let is_logged_in = login::cookies(headers).any(|cookie| self.logins().is_open(cookie));
        Ok(Identity {
            scopes: if is_logged_in {
                Scopes::ALL
            } else {
                self.without_token
            },
            token: None,
        })
    }

    /// How long to wait, if that was one request too many.
    fn over_rate(&self, identity: &Identity, peer: IpAddr, needed: Scope) -> Option<Duration> {
        let is_ingest = needed == Scope::Ingest && identity.scopes.has(Scope::Ingest);
        match identity.token {
            Some(_) if is_ingest => None,
            Some(token) => self.rates.token(token),
            None if peer.to_canonical().is_loopback() => None,
            None => self.rates.address(peer),
        }
    }

    fn logins(&self) -> std::sync::MutexGuard<'_, Logins> {
        self.logins
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A word that lets one browser in, once.
    pub(crate) fn invite(&self) -> Option<String> {
        self.logins().invite()
    }

    /// Takes an invitation. Returns the value of the browser's cookie.
    pub(crate) fn log_in(&self, code: &str) -> Option<String> {
        self.logins().take(code)
    }

    /// Forgets rates that nobody has used up lately.
    pub(crate) fn tidy(&self) {
        self.rates.tidy();
    }
}
