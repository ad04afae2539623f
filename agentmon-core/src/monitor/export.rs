//! What exports hold beside lists and pages.

use super::Monitor;
use crate::Error;
use crate::model::{SessionKey, SessionPatch};
use crate::query::{CallFilter, CallRow};
use crate::store::sqlite;

impl Monitor {
    /// A page of model calls, in the order of their keys.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn model_calls(&self, filter: &CallFilter) -> Result<Vec<CallRow>, Error> {
        self.inner
            .read(|connection| sqlite::model_calls(connection, filter))
    }

    /// What is known of a session, as far as it holds on other machines too. `None` when it is not known.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn session_facts(&self, session: &SessionKey) -> Result<Option<SessionPatch>, Error> {
        self.inner
            .read(|connection| sqlite::facts(connection, session))
    }
}
