//! What a full database costs its readers while events keep coming: reads, and streams.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::task::LocalSet;

use crate::bodies::Bodies;
use crate::client::Client;
use crate::load::{Load, percentile};
use crate::server::Server;
use crate::{Result, Shape};

/// How often each question is asked.
const ROUNDS: usize = 40;
/// Events per second that come in meanwhile.
const RATE: f64 = 500.0;
/// What dashboards ask.
const QUESTIONS: [&str; 13] = [
    "/api/events?limit=50",
    "/api/events?event_type=error&limit=50",
    "/api/events?session_id=bench-0003&limit=50",
    "/api/sessions?limit=50",
    "/api/sessions/bench-0003",
    "/api/stats",
    "/api/stats/tools",
    "/api/stats/cost",
    "/api/filter-options",
    "/api/v1/sessions?limit=50",
    "/api/v1/usage?report=daily",
    "/api/v1/usage?report=models",
    "/metrics",
];

/// How many events were posted and are stored.
pub(crate) async fn posted(server: &Server) -> Result<u64> {
    let mut client = Client::connect(server.address).await?;
    let (_, body) = client
        .ask("GET", "/api/events?source=api&limit=1", "")
        .await?;
    let page: serde_json::Value = serde_json::from_slice(body)?;
    page["total"].as_u64().ok_or_else(|| "no total".into())
}

/// How many events are stored, those of exports included.
pub(crate) async fn stored(server: &Server) -> Result<u64> {
    let mut client = Client::connect(server.address).await?;
    let (_, body) = client.ask("GET", "/api/stats", "").await?;
    let stats: serde_json::Value = serde_json::from_slice(body)?;
    stats["total_events"]
        .as_u64()
        .ok_or_else(|| "no total".into())
}

fn trickle(seconds: u64) -> Load {
    Load {
        shape: Shape::Single,
        connections: 4,
        time: Duration::from_secs(seconds),
        at_most: u64::MAX,
        rate: Some(RATE / 4.0),
    }
}

/// Asks everything that dashboards ask while events come in.
pub(crate) async fn reads(server: &Server, bodies: &mut Bodies) -> Result<()> {
    println!("\n| read, while {RATE} events/s come in | p50 ms | p95 ms |\n|---|---:|---:|");
    let asked = async {
        let mut client = Client::connect(server.address).await?;
        for question in QUESTIONS {
            let mut taken = Vec::with_capacity(ROUNDS);
            for _ in 0..ROUNDS {
                let begin = Instant::now();
                let (status, _) = client.ask("GET", question, "").await?;
                if status != 200 {
                    return Err(format!("{question}: {status}").into());
                }
                taken.push(begin.elapsed());
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            taken.sort_unstable();
            println!(
                "| `{question}` | {:.1} | {:.1} |",
                percentile(&taken, 0.5),
                percentile(&taken, 0.95)
            );
        }
        Ok(())
    };
    tokio::select! {
        done = asked => done,
        ended = trickle(3600).run(server, bodies) => Err(format!("sending ended: {ended:?}").into()),
    }
}

/// Streams events to many clients, and counts what each of them hears.
pub(crate) async fn streams(
    server: &Server,
    bodies: &mut Bodies,
    count: usize,
    seconds: u64,
) -> Result<()> {
    // What was sent before is told before.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = server.resident()?;
    let heard = Rc::new(Cell::new(0_u64));
    let closed = Rc::new(Cell::new(0_u64));
    let local = LocalSet::new();
    for _ in 0..count {
        let mut stream = Client::connect(server.address)
            .await?
            .stream("/api/stream")
            .await?;
        let (heard, closed) = (heard.clone(), closed.clone());
        local.spawn_local(async move {
            let mut buffer = vec![0; 16 * 1024];
            // What may be the beginning of a mark that the next piece ends.
            let mut rest = Vec::new();
            while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                rest.extend_from_slice(&buffer[..length]);
                let found = memchr::memmem::find_iter(&rest, MARK).count();
                heard.set(heard.get() + found as u64);
                let keep = rest.len().min(MARK.len() - 1);
                rest.drain(..rest.len() - keep);
            }
            closed.set(closed.get() + 1);
        });
    }
    let begin = server.cpu()?;
    let sent = local
        .run_until(async {
            let sent = trickle(seconds).run(server, bodies).await?.acknowledged;
            let end = Instant::now() + Duration::from_secs(20);
            while heard.get() < sent * count as u64 && Instant::now() < end {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(sent)
        })
        .await?;
    println!(
        "\n{count} streams at {RATE} events/s for {seconds} s: {} of {} events heard, {} streams closed; \
         {:.0} MiB resident ({:+.0} MiB), {:.1} s of the server's processor time",
        heard.get(),
        sent * count as u64,
        closed.get(),
        server.resident()?,
        server.resident()? - before,
        (server.cpu()? - begin).as_secs_f64(),
    );
    Ok(())
}

/// What begins every event of a stream.
const MARK: &[u8] = b"data: {\"type\":\"event\"";
