//! What waits to be sent to one client. Putting something in never waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::watch;

use super::message::Frame;

/// Messages that may wait.
const MESSAGES: usize = 64;
/// Bytes that may wait before another message is put in.
const BYTES: usize = 16 << 20;

/// The hub's end.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    frames: mpsc::Sender<Frame>,
    bytes: Arc<AtomicUsize>,
    slow: watch::Sender<bool>,
}

/// The connection's end.
#[derive(Debug)]
pub(super) struct Inbox {
    frames: mpsc::Receiver<Frame>,
    bytes: Arc<AtomicUsize>,
    slow: watch::Receiver<bool>,
}

/// What comes out.
#[derive(Debug)]
pub(super) enum Next {
    /// A message.
    Frame(Frame),
    /// The client reads too slowly.
    Slow,
    /// The hub is gone.
    Closed,
}

/// An empty outbox.
pub(super) fn outbox() -> (Outbox, Inbox) {
    let (frames, taken) = mpsc::channel(MESSAGES);
    let (slow, is_slow) = watch::channel(false);
    let bytes = Arc::new(AtomicUsize::new(0));
    let outbox = Outbox {
        frames,
        bytes: bytes.clone(),
        slow,
    };
    let inbox = Inbox {
        frames: taken,
        bytes,
        slow: is_slow,
    };
    (outbox, inbox)
}

impl Outbox {
    /// Puts a message in. Returns whether the client is still there and reads.
    pub(super) fn put(&self, frame: &Frame) -> bool {
        let has_room = self.bytes.load(Ordering::Relaxed) <= BYTES;
        let put = if has_room {
            self.bytes.fetch_add(frame.len(), Ordering::Relaxed);
            self.frames.try_send(frame.clone())
        } else {
            Err(TrySendError::Full(frame.clone()))
        };
        if let Err(TrySendError::Full(_)) = put {
            self.slow.send_replace(true);
        }
        put.is_ok()
    }
}

impl Inbox {
    /// Waits for what comes next.
    pub(super) async fn next(&mut self) -> Next {
        tokio::select! {
            biased;
            Ok(_) = self.slow.wait_for(|slow| *slow) => Next::Slow,
            frame = self.frames.recv() => match frame {
                Some(frame) => {
                    self.bytes.fetch_sub(frame.len(), Ordering::Relaxed);
                    Next::Frame(frame)
                }
                None => Next::Closed,
            },
        }
    }

    /// Waits until the client is found to be slow.
    pub(super) async fn slow(&self) {
        if self.slow.clone().wait_for(|slow| *slow).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_does_not_read_is_found_out() {
        let (outbox, mut inbox) = outbox();
        let frame: Frame = "x".into();
        for _ in 0..MESSAGES {
            assert!(outbox.put(&frame));
        }
        assert!(!outbox.put(&frame));
        assert!(matches!(inbox.next().await, Next::Slow));

        let (outbox, mut inbox) = super::outbox();
        let large: Frame = "x".repeat(BYTES + 1).into();
        assert!(
            outbox.put(&large),
            "one large message is no sign of slowness"
        );
        assert!(matches!(inbox.next().await, Next::Frame(_)));
        assert!(outbox.put(&large) && !outbox.put(&frame));
        drop(inbox);
        assert!(!outbox.put(&frame));
    }
}
