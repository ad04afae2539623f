//! How fast a server takes in what agents send: see `examples/bench_ingest.sh`.
//!
//! Starts the real server on a free port over a temporary folder, drives it over loopback with keep-alive connections,
//! and checks at the end that everything that was acknowledged is stored, once. Client and server share the machine:
//! a run says what both do together, so rates are below what the server alone could do. Memory figures need Linux.

mod bodies;
mod client;
mod live;
mod load;
mod server;

use std::path::PathBuf;
use std::time::Duration;

use bodies::Bodies;
use load::{Load, Outcome};
use server::Server;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Events in a batch, and records in an export.
const BATCH: usize = 100;
/// What AgentMonitor 0.7 stores on a quiet machine of the same kind, in events per second: one by one over 16
/// connections, in batches of 100 over one, and in OTLP exports of 100 records over one.
const PEER: [(Shape, f64); 3] = [
    (Shape::Single, 1_062.0),
    (Shape::Batch, 1_550.0),
    (Shape::Otlp, 1_559.0),
];

/// How events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One event in a request.
    Single,
    /// The same, each with an id of its own, by which it is stored once however often it is sent.
    Identified,
    /// [`BATCH`] events in a request.
    Batch,
    /// The same, each with an id of its own, as every exported record has one.
    IdentifiedBatch,
    /// [`BATCH`] log records of Claude Code in a request.
    Otlp,
}

impl Shape {
    fn name(self) -> String {
        match self {
            Shape::Single => "one event in a request".to_owned(),
            Shape::Identified => "one event with `event_id`".to_owned(),
            Shape::Batch => format!("batches of {BATCH}"),
            Shape::IdentifiedBatch => format!("batches of {BATCH} with `event_id`"),
            Shape::Otlp => format!("OTLP logs (JSON), {BATCH} records"),
        }
    }
}

#[derive(Debug)]
struct Options {
    server: PathBuf,
    /// How long each load is kept up.
    seconds: u64,
    /// How often all loads are run in turn; what is told is the median of each.
    rounds: usize,
    /// Events in the database when reads and streams are measured.
    events: u64,
    sessions: usize,
    streams: usize,
    /// Parts of the names of the loads that are wanted, with commas between them; all without one.
    only: String,
}

fn main() -> Result<()> {
    let options = options()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(&options))
}

fn options() -> Result<Options> {
    let mut options = Options {
        server: "target/release/agentmon-server".into(),
        seconds: 10,
        rounds: 1,
        events: 1_000_000,
        sessions: 40,
        streams: 1000,
        only: String::new(),
    };
    let mut given = std::env::args().skip(1);
    while let Some(flag) = given.next() {
        let value = given
            .next()
            .ok_or_else(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--server" => options.server = value.into(),
            "--seconds" => options.seconds = value.parse()?,
            "--rounds" => options.rounds = value.parse()?,
            "--events" => options.events = value.parse()?,
            "--sessions" => options.sessions = value.parse()?,
            "--streams" => options.streams = value.parse()?,
            "--only" => options.only = value,
            _ => return Err(format!("{flag} is not known").into()),
        }
    }
    Ok(options)
}

async fn run(options: &Options) -> Result<()> {
    let server = Server::start(&options.server, options.streams)?;
    let mut bodies = Bodies::new(options.sessions);
    let mut acknowledged = 0;
    println!(
        "| load | connections | events/s | of AgentMonitor's | p50 ms | p99 ms | server CPU us/event |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let loads = [
        (Shape::Single, 1),
        (Shape::Single, 16),
        (Shape::Single, 64),
        (Shape::Identified, 16),
        (Shape::Batch, 1),
        (Shape::Otlp, 1),
        (Shape::Batch, 4),
        (Shape::Otlp, 4),
        (Shape::IdentifiedBatch, 1),
        (Shape::IdentifiedBatch, 4),
    ];
    let mut runs: Vec<Vec<Run>> = loads.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.rounds {
        for ((shape, connections), runs) in loads.iter().copied().zip(&mut runs) {
            let name = format!("{} {connections}", shape.name());
            if !options.only.split(',').any(|part| name.contains(part)) {
                continue;
            }
            let load = Load {
                shape,
                connections,
                time: Duration::from_secs(options.seconds),
                at_most: u64::MAX,
                rate: None,
            };
            let before = server.cpu()?;
            let outcome = load.run(&server, &mut bodies).await?;
            if shape != Shape::Otlp {
                acknowledged += outcome.acknowledged;
            }
            let cpu = (server.cpu()? - before).as_secs_f64();
            runs.push(Run { load, outcome, cpu });
        }
    }
    let beside = compare(&runs);
    for runs in &mut runs {
        report(runs);
    }
    print!("{beside}");
    println!(
        "\nidle after that: {:.0} MiB resident, {:.0} MiB at most",
        server.resident()?,
        server.peak()?
    );
    let stored = live::stored(&server).await?;
    if options.events > stored {
        let load = Load {
            shape: Shape::Batch,
            connections: 4,
            time: Duration::from_secs(3600),
            at_most: options.events - stored,
            rate: None,
        };
        acknowledged += load.run(&server, &mut bodies).await?.acknowledged;
    }
    let stored = live::stored(&server).await?;
    println!(
        "{stored} events stored: {:.0} MiB resident, {:.0} MiB at most",
        server.resident()?,
        server.peak()?
    );
    let posted = live::posted(&server).await?;
    if posted != acknowledged {
        return Err(
            format!("{acknowledged} posted events were acknowledged, {posted} are stored").into(),
        );
    }
    println!("all {acknowledged} posted events that were acknowledged are stored, once");
    live::reads(&server, &mut bodies).await?;
    live::streams(&server, &mut bodies, options.streams, options.seconds).await?;
    Ok(())
}

/// One go of a load.
#[derive(Debug)]
struct Run {
    load: Load,
    outcome: Outcome,
    /// Seconds of the server.
    cpu: f64,
}

impl Run {
    /// Events in a second.
    fn rate(&self) -> f64 {
        self.outcome.acknowledged as f64 / self.outcome.seconds
    }
}

/// Tells the goes of one load by the one in their middle.
fn report(runs: &mut [Run]) {
    runs.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
    let Some(run) = runs.get(runs.len() / 2) else {
        return;
    };
    let (load, outcome, rate) = (run.load, &run.outcome, run.rate());
    let peer = match load.shape {
        Shape::Identified => Shape::Single,
        Shape::IdentifiedBatch => Shape::Batch,
        shape => shape,
    };
    let of_peer = PEER
        .iter()
        .find(|(shape, _)| *shape == peer)
        .map_or(0.0, |(_, peer)| rate / peer);
    let name = load.shape.name();
    println!(
        "| {name} | {} | {rate:.0} | {of_peer:.1} x | {:.2} | {:.2} | {:.1} |",
        load.connections,
        outcome.percentile(0.5),
        outcome.percentile(0.99),
        run.cpu * 1e6 / outcome.acknowledged as f64,
    );
}

/// Exports beside the batches that were sent over as many connections just before, by the median of the goes.
fn compare(runs: &[Vec<Run>]) -> String {
    let mut text = String::new();
    let of = |shape| {
        let first = move |run: &Run| run.load.shape == shape;
        runs.iter()
            .filter(move |runs| runs.first().is_some_and(first))
    };
    for exports in of(Shape::Otlp) {
        let connections = exports[0].load.connections;
        let is_like = |batches: &&Vec<Run>| batches[0].load.connections == connections;
        let Some(batches) = of(Shape::Batch).find(is_like) else {
            continue;
        };
        let pairs = exports.iter().zip(batches);
        let mut times: Vec<f64> = pairs
            .map(|(one, other)| one.rate() / other.rate())
            .collect();
        times.sort_by(f64::total_cmp);
        text += &format!(
            "\nOTLP over {connections} connections, beside batches: {:.2} x ({:.2} to {:.2})\n",
            times[times.len() / 2],
            times[0],
            times[times.len() - 1]
        );
    }
    text
}
