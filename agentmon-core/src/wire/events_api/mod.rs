//! The JSON of the events API, as its clients know it. Its rows have times of whole seconds without a zone, in UTC.

mod event;
mod frame;
mod part;
mod quota;
mod receipt;
mod session;
mod stats;
mod transcript;

pub use event::feed;
pub use frame::{connected_frame, event_frame, session_frame, stats_frame};
pub use quota::quotas;
pub use receipt::{batch_receipt, invalid, receipt};
pub use session::{session, sessions};
pub use stats::{cost, filter_options, stats, tools};
pub use transcript::transcript;
