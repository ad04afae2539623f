//! File change notifications.
