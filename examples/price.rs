//! Prices a call without any I/O: `cargo run -p agentmon-examples --no-default-features --example price`.

use agentmon_core::model::{CostBasis, PriceMode, Timestamp, Usage};
use agentmon_core::pricing::PriceBook;

fn main() {
    let at = Timestamp::parse("2026-11-20T12:00:00Z").expect("a valid time");
    // The buckets are disjoint: what is read from a cache is no part of `input`.
    let usage = Usage {
        input: 1_200,
        cache_read: 96_000,
        cache_creation_5m: 4_000,
        output: 900,
        ..Usage::default()
    };
    for model in ["claude-opus-5-5", "gpt-5.5", "a-model-of-my-own"] {
        let cost = PriceBook::embedded().cost(model, at, &usage, PriceMode::Standard, 0);
        match cost.basis {
            CostBasis::Unpriced => println!("{model}: no known price"),
            _ => println!("{model}: {}", cost.amount),
        }
    }
}
