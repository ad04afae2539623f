//! Prices from the configuration.

use serde::Deserialize;

use super::{TODAY, time, usage};
use crate::model::{CostBasis, NanoUsd, PriceMode};
use crate::pricing::{PriceBook, PriceError, PriceOverride};

#[derive(Deserialize)]
struct Config {
    prices: Vec<PriceOverride>,
}

fn config(toml: &str) -> Vec<PriceOverride> {
    toml::from_str::<Config>(toml).unwrap().prices
}

/// The cost in nano-dollars of a million tokens of each of the five kinds, at [`TODAY`].
fn million_each(book: &PriceBook, model: &str, mode: PriceMode) -> i64 {
    let cost = book.cost(model, time(TODAY), &usage([1_000_000; 5]), mode, 0);
    assert_eq!(cost.basis, CostBasis::Priced, "{model}");
    cost.amount.0
}

const DOLLAR: i64 = 1_000_000_000;

#[test]
fn an_override_replaces_the_whole_price_in_every_spelling() {
    let prices = config(
        r#"
        [[prices]]
        model = "Claude-Opus-4.6"
        input = 3.5
        output = 20
        cache_read = 0.25
        cache_write_5m = 4
        cache_write_1h = 7

        [[prices]]
        model = "my-own-model"
        input = 1
        output = 2
        "#,
    );
    let book = PriceBook::with_overrides(&prices).unwrap();
    for name in [
        "claude-opus-4-6",
        "claude-opus-4-6-20260205",
        "anthropic/claude-opus-4.6",
        "us.anthropic.claude-opus-4-6-v1:0",
        "claude-opus-4-6[1m]",
    ] {
        // 3.5 + 0.25 + 4 + 7 + 20.
        assert_eq!(
            million_each(&book, name, PriceMode::Standard),
            34_750_000_000
        );
        // Its fast mode is gone with the rest of the old price.
        assert_eq!(million_each(&book, name, PriceMode::Fast), 34_750_000_000);
    }
    let prices = book.lookup("claude-opus-4-6").unwrap();
    assert!(prices.is_overridden());
    assert_eq!(
        (prices.name(), prices.provider()),
        ("Claude-Opus-4.6", "anthropic")
    );
    // Web searches cost what they cost before.
    let with_search = prices.cost(time(TODAY), &usage([0; 5]), PriceMode::Standard, 1);
    assert_eq!(with_search.amount, NanoUsd(10_000_000));
    // A model that only the user knows; its cache tokens are billed as input.
    assert_eq!(
        million_each(&book, "my-own-model", PriceMode::Standard),
        6 * DOLLAR
    );
    // Other models are untouched, and the list has every model once.
    assert_eq!(
        million_each(&book, "gpt-5.5", PriceMode::Batch),
        million_each(PriceBook::embedded(), "gpt-5.5", PriceMode::Batch)
    );
    assert_eq!(
        book.models().count(),
        PriceBook::embedded().models().count() + 1
    );
}

#[test]
fn a_prefixed_override_is_for_that_seller_alone() {
    let prices =
        config(r#"prices = [{ model = "bedrock/claude-opus-5-5", input = 1, output = 1 }]"#);
    let book = PriceBook::with_overrides(&prices).unwrap();
    assert!(
        book.lookup("bedrock/claude-opus-5-5")
            .unwrap()
            .is_overridden()
    );
    assert!(!book.lookup("claude-opus-5-5").unwrap().is_overridden());
}

#[test]
fn an_override_can_have_tiers_modes_and_dates() {
    let prices = config(
        r#"
        [[prices]]
        model = "claude-opus-5-5"
        from = "2026-10-01"
        input = 2
        output = 10
        web_search = 0.02
        tiers = [{ over = 1000, input = 4, output = 20 }]
        modes.fast = { input = 6, output = 30, tiers = [{ over = 2000, input = 7, output = 35 }] }

        [[prices]]
        model = "claude-opus-5-5"
        from = "2026-11-01T12:00:00Z"
        input = 1
        output = 5
        "#,
    );
    let book = PriceBook::with_overrides(&prices).unwrap();
    let prices = book.lookup("claude-opus-5-5").unwrap();
    let input = |at: &str, tokens, mode| {
        let cost = prices.cost(time(at), &usage([tokens, 0, 0, 0, 0]), mode, 0);
        cost.amount.0 / tokens as i64
    };
    use PriceMode::{Batch, Fast, Standard};
    // The embedded price (4, fast 8, batch 2) until the first override.
    assert_eq!(input("2026-09-30T23:59:59.999Z", 10_000, Standard), 4_000);
    assert_eq!(input("2026-09-30T23:59:59.999Z", 10_000, Fast), 8_000);
    assert_eq!(input("2026-09-30T23:59:59.999Z", 10_000, Batch), 2_000);
    // Then the first, with its tiers; batch, which it does not have, at its standard price.
    assert_eq!(input("2026-10-01T00:00:00Z", 1_000, Standard), 2_000);
    assert_eq!(input("2026-10-01T00:00:00Z", 1_001, Standard), 4_000);
    assert_eq!(input("2026-10-01T00:00:00Z", 2_000, Fast), 6_000);
    assert_eq!(input("2026-10-01T00:00:00Z", 2_001, Fast), 7_000);
    assert_eq!(input("2026-10-01T00:00:00Z", 1_001, Batch), 4_000);
    assert_eq!(
        prices.at_mode(time("2026-10-01T00:00:00Z"), Batch).mode,
        Standard
    );
    // Then the second, in all modes.
    for mode in [Standard, Fast, Batch] {
        assert_eq!(input("2026-11-01T12:00:00Z", 10_000, mode), 1_000);
    }
    let search = prices.cost(time(TODAY), &usage([0; 5]), Standard, 1);
    assert_eq!(search.amount, NanoUsd(20_000_000));
}

#[test]
fn a_schedule_ends_where_the_users_price_begins() {
    let peak = time("2026-11-23T02:00:00Z");
    let price = |from: &str| {
        let from = if from.is_empty() {
            String::new()
        } else {
            format!("from = \"{from}\"")
        };
        let toml =
            format!("[[prices]]\nmodel = \"deepseek-v4-pro\"\ninput = 1\noutput = 1\n{from}");
        let book = PriceBook::with_overrides(&config(&toml)).unwrap();
        let usage = usage([1_000_000, 0, 0, 0, 0]);
        book.cost("deepseek-v4-pro", peak, &usage, PriceMode::Standard, 0)
            .amount
            .0
    };
    assert_eq!(price(""), DOLLAR);
    assert_eq!(price("2026-11-01"), DOLLAR);
    assert_eq!(price("2026-12-01"), 1_320_000_000);
}

#[test]
fn the_first_price_of_an_unknown_model_holds_for_all_times() {
    let prices =
        config(r#"prices = [{ model = "mine", from = "2026-12-01", input = 1, output = 1 }]"#);
    let book = PriceBook::with_overrides(&prices).unwrap();
    assert_eq!(million_each(&book, "mine", PriceMode::Standard), 5 * DOLLAR);
}

#[test]
fn errors_name_the_model_and_the_field() {
    for (toml, expected) in [
        (
            "model = 'm'\ninput = -1\noutput = 1",
            "price of `m`: `input` is -1, but must be 0 to 1000000 (USD per million tokens)",
        ),
        (
            "model = 'm'\ninput = 1\noutput = 1\ncache_read = nan",
            "price of `m`: `cache_read` is NaN, but must be 0 to 1000000 (USD per million tokens)",
        ),
        (
            "model = 'm'\ninput = 1\noutput = 1\nweb_search = -0.01",
            "price of `m`: `web_search` is -0.01, but must be 0 to 1000000 (USD per million tokens)",
        ),
        (
            "model = 'm'\ninput = 1\noutput = 1\nmodes.fast = { input = 1, output = 1, tiers = [{ over = 1, input = 1, output = 2e6 }] }",
            "price of `m`: `modes.fast.tiers[0].output` is 2000000, but must be 0 to 1000000 (USD per million tokens)",
        ),
        (
            "model = 'm'\ninput = 1\noutput = 1\ntiers = [{ over = 2, input = 1, output = 1 }, { over = 2, input = 1, output = 1 }]",
            "price of `m`: the limits in `tiers` must rise",
        ),
        (
            "model = 'm'\ninput = 1\noutput = 1\nfrom = 'yesterday'",
            "price of `m`: `from` is \"yesterday\", but must be a day (2026-08-21) or a time (2026-08-21T16:00:00Z)",
        ),
        (
            "model = 'm'\ninput = 1\noutput = 1\nmodes.standard = { input = 1, output = 1 }",
            "price of `m`: `modes.standard` is the price itself",
        ),
        (
            "model = ' '\ninput = 1\noutput = 1",
            "price number 1: `model` is empty",
        ),
    ] {
        let error = PriceBook::with_overrides(&config(&format!("[[prices]]\n{toml}"))).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let twice = config(
        "prices = [{ model = 'a.b', input = 1, output = 1 }, { model = 'A.B', input = 2, output = 1 }]",
    );
    let error = PriceBook::with_overrides(&twice).unwrap_err();
    assert!(matches!(error, PriceError::Twice { model } if model == "A.B"));
    // A field that is missing or misspelt is the reader's error.
    let misspelt = "[[prices]]\nmodel = 'm'\ninput = 1\noutput = 1\ncache_reads = 1";
    assert!(toml::from_str::<Config>(misspelt).is_err());
    assert!(toml::from_str::<Config>("[[prices]]\nmodel = 'm'\ninput = 1").is_err());
}

#[test]
fn the_fingerprint_follows_every_price() {
    let of = |toml: &str| {
        PriceBook::with_overrides(&config(toml))
            .unwrap()
            .fingerprint()
    };
    let base = "prices = [{ model = 'm', input = 1, output = 1 }]";
    assert_eq!(of("prices = []"), PriceBook::embedded().fingerprint());
    assert_eq!(of(base), of(base));
    let variants = [
        "prices = []",
        base,
        "prices = [{ model = 'n', input = 1, output = 1 }]",
        "prices = [{ model = 'm', input = 1, output = 1.000001 }]",
        "prices = [{ model = 'm', input = 1, output = 1, cache_read = 1 }]",
        "prices = [{ model = 'm', input = 1, output = 1, cache_write_5m = 1 }]",
        "prices = [{ model = 'm', input = 1, output = 1, from = '2026-01-01' }]",
        "prices = [{ model = 'm', input = 1, output = 1, web_search = 1 }]",
        "prices = [{ model = 'm', input = 1, output = 1, tiers = [{ over = 1, input = 1, output = 1 }] }]",
        "prices = [{ model = 'm', input = 1, output = 1, modes.fast = { input = 1, output = 1 } }]",
        "prices = [{ model = 'm', input = 1, output = 1, modes.flex = { input = 1, output = 1 } }]",
    ];
    let distinct: std::collections::HashSet<u64> = variants.into_iter().map(of).collect();
    assert_eq!(distinct.len(), variants.len());
    // The order in which they are written down changes no price.
    let (a, b) = (
        "{ model = 'a', input = 1, output = 1 }",
        "{ model = 'b', input = 2, output = 1 }",
    );
    assert_eq!(
        of(&format!("prices = [{a}, {b}]")),
        of(&format!("prices = [{b}, {a}]"))
    );
}
