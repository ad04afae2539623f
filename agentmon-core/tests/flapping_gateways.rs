//! Many gateways that come and go, on a clock that leaps. A process of its own: its memory is measured.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "gateways/fake.rs"]
mod fake;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use agentmon_core::gateways::Gateways;
use fake::{Fake, Peer, monitor, new};
use futures_util::SinkExt;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

const GATEWAYS: usize = 50;
const FLAPPING: Duration = Duration::from_secs(600);
/// Ten times the longest wait between two attempts: the clock leaps also while the system carries bytes.
const SETTLED: Duration = Duration::from_secs(600);

/// What is allocated and in use, in bytes; 0 where the system does not say.
fn memory() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let resident = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    resident.map_or(0, |pages: usize| pages * 4096)
}

/// Answers, and ticks as gateways do.
async fn serve(peer: &mut Peer) {
    loop {
        let request = tokio::select! {
            request = peer.request() => request,
            () = sleep(Duration::from_secs(30)) => {
                peer.event("tick", json!({})).await;
                continue;
            }
        };
        let Some(request) = request else { return };
        if !peer.answer(&request).await {
            let payload = json!({"sessionId": "s-1", "messages": []});
            peer.ok(&request, payload).await;
        }
    }
}

/// Every connection ends in another way than the one before it.
async fn flap(number: usize, mut peer: Peer) {
    let while_up = Duration::from_millis(number as u64 * 7919 % 20_000);
    match number % 7 {
        // The cable is cut before a word was said.
        0 => {}
        1 => peer.close(1013, "try again later").await,
        // It accepts, and never says a word.
        2 => while peer.request().await.is_some() {},
        3 => {
            // The client may be gone.
            let _ = peer.socket.send(Message::text("}{")).await;
        }
        way => {
            peer.greet(3 + way as u64 % 2).await;
            // Who hung up is gone before that.
            let _ = timeout(while_up, serve(&mut peer)).await;
            match way {
                // No close frame.
                4 => {}
                5 => peer.close(1012, "service restart").await,
                _ => peer.delta("run", &"x".repeat(1 << 20)).await,
            }
        }
    }
}

fn connected(gateways: &Gateways) -> usize {
    gateways.list().iter().filter(|one| one.connected).count()
}

async fn all_connected(gateways: &Gateways) {
    let wait = async {
        while connected(gateways) < GATEWAYS {
            sleep(Duration::from_secs(1)).await;
        }
    };
    let done = timeout(SETTLED, wait).await;
    assert!(done.is_ok(), "{} are connected", connected(gateways));
}

#[tokio::test(start_paused = true)]
async fn fifty_that_flap_cost_no_more_than_fifty_that_do_not() {
    let is_flapping = Arc::new(AtomicBool::new(false));
    let flapping = is_flapping.clone();
    let fake = Fake::start(move |number, mut peer| {
        let flapping = flapping.clone();
        async move {
            if flapping.load(Ordering::Relaxed) {
                return flap(number, peer).await;
            }
            peer.greet(4).await;
            let until_it_begins = async {
                while !flapping.load(Ordering::Relaxed) {
                    sleep(Duration::from_millis(number as u64 * 10)).await;
                }
            };
            tokio::select! {
                () = serve(&mut peer) => {}
                () = until_it_begins => {}
            }
        }
    })
    .await;
    let monitor = monitor();
    let gateways = Gateways::start(monitor.clone()).unwrap();
    for _ in 0..GATEWAYS {
        gateways.add(new(fake.url())).unwrap();
    }
    all_connected(&gateways).await;
    let (tasks, bytes) = (Handle::current().metrics().num_alive_tasks(), memory());

    is_flapping.store(true, Ordering::Relaxed);
    let end = Instant::now() + FLAPPING;
    let mut seen = BTreeSet::new();
    while Instant::now() < end {
        sleep(Duration::from_secs(1)).await;
        seen.insert(connected(&gateways));
        let now = Handle::current().metrics().num_alive_tasks();
        // Each one has its own task, at most the next connection's, and one that closes in order.
        assert!(now <= tasks + 2 * GATEWAYS, "{now} tasks, {tasks} before");
    }
    assert!(seen.len() > 3, "they flapped: {seen:?}");
    let attempts = *fake.connections.lock().unwrap();
    assert!(
        (4 * GATEWAYS..200 * GATEWAYS).contains(&attempts),
        "{attempts} connections"
    );

    is_flapping.store(false, Ordering::Relaxed);
    all_connected(&gateways).await;
    let now = Handle::current().metrics().num_alive_tasks();
    assert!(now <= tasks + 2, "{now} tasks, {tasks} before");
    let grown = memory().saturating_sub(bytes) >> 20;
    assert!(grown < 64, "{grown} MiB more");
    gateways.stop().await;
}
