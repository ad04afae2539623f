//! Hand-computed costs, one per rule. A token at $1 per million costs 1,000 nano-dollars.

use super::{TODAY, check, time, usage};
use crate::model::{Cost, PriceMode};
use crate::pricing::PriceBook;

use PriceMode::{Batch, Fast, Flex, Priority, Standard};

#[test]
fn every_bucket_has_its_own_rate() {
    // claude-opus-5-5: 4 / 0.2 / 5 / 8 / 20.
    let model = "claude-opus-5-5";
    check(model, TODAY, Standard, [1_000, 0, 0, 0, 0], 4_000_000);
    check(model, TODAY, Standard, [0, 2_000, 0, 0, 0], 400_000);
    check(model, TODAY, Standard, [0, 0, 300, 0, 0], 1_500_000);
    check(model, TODAY, Standard, [0, 0, 0, 400, 0], 3_200_000);
    check(model, TODAY, Standard, [0, 0, 0, 0, 500], 10_000_000);
    check(
        model,
        TODAY,
        Standard,
        [1_000, 2_000, 300, 400, 500],
        19_100_000,
    );
    check(model, TODAY, Standard, [0; 5], 0);
}

#[test]
fn agrees_with_what_claude_code_charges_itself() {
    // Solved from the costs that the client states in its own telemetry, USD per million tokens.
    for (model, [input, output, read, write_5m, write_1h]) in [
        ("claude-opus-5-5", [4_000, 20_000, 200, 5_000, 8_000]),
        ("claude-fable-5-2", [8_000, 40_000, 200, 10_000, 16_000]),
        ("claude-sonnet-5-5", [2_000, 10_000, 100, 2_500, 4_000]),
        ("claude-sonnet-5", [2_000, 10_000, 200, 2_500, 4_000]),
        ("claude-opus-4-6", [5_000, 25_000, 500, 6_250, 10_000]),
        ("claude-opus-4-8", [5_000, 25_000, 500, 6_250, 10_000]),
        ("claude-haiku-4-5", [1_000, 5_000, 100, 1_250, 2_000]),
        ("claude-haiku-5-5", [100, 500, 10, 125, 200]),
    ] {
        check(model, TODAY, Standard, [1, 0, 0, 0, 0], input);
        check(model, TODAY, Standard, [0, 1, 0, 0, 0], read);
        check(model, TODAY, Standard, [0, 0, 1, 0, 0], write_5m);
        check(model, TODAY, Standard, [0, 0, 0, 1, 0], write_1h);
        check(model, TODAY, Standard, [0, 0, 0, 0, 1], output);
    }
    // "x5 when the prompt (in+read+write) is over 100k".
    check(
        "claude-haiku-5-5",
        TODAY,
        Standard,
        [100_001, 0, 0, 0, 100],
        500 * 100_001 + 2_500 * 100,
    );
}

#[test]
fn a_missing_cache_rate_is_billed_as_input() {
    // gpt-5.4-pro: 30 / 180 and nothing else.
    check("gpt-5.4-pro", TODAY, Standard, [0, 100, 0, 0, 0], 3_000_000);
    check("gpt-5.4-pro", TODAY, Standard, [0, 0, 100, 0, 0], 3_000_000);
    check("gpt-5.4-pro", TODAY, Standard, [0, 0, 0, 100, 0], 3_000_000);
    // gpt-5.5: input 5, cache read 0.5.
    check("gpt-5.5", TODAY, Standard, [0, 0, 100, 0, 0], 500_000);
    // qwen3.8-flash: five-minute writes 0.2, no other: one-hour writes are not cheaper than those.
    check(
        "qwen3.8-flash",
        TODAY,
        Standard,
        [0, 0, 0, 1_000, 0],
        200_000,
    );
}

#[test]
fn an_amount_is_rounded_once_and_half_up() {
    // gemini-flash-1.5-8b: input 0.0375, that is 37.5 nano-dollars a token; cache read 0.01.
    let model = "gemini-flash-1.5-8b";
    check(model, TODAY, Standard, [1, 0, 0, 0, 0], 38);
    check(model, TODAY, Standard, [2, 0, 0, 0, 0], 75);
    check(model, TODAY, Standard, [3, 0, 0, 0, 0], 113);
    check(model, TODAY, Standard, [1, 1, 0, 0, 0], 48);
    // deepseek-v4-pro before 2026-08-16: cache read 0.003625, that is 3.625 a token.
    let at = "2026-07-01T00:00:00Z";
    check("deepseek-v4-pro", at, Standard, [0, 1, 0, 0, 0], 4);
    check("deepseek-v4-pro", at, Standard, [0, 3, 0, 0, 0], 11);
    check("deepseek-v4-pro", at, Standard, [0, 1_000, 0, 0, 0], 3_625);
}

#[test]
fn a_tier_replaces_the_price_of_the_whole_request_beyond_its_limit() {
    // claude-haiku-5-5: 0.1, over 100,000 tokens of prompt 0.5 / 0.05 / 0.625 / 1 / 2.5.
    let model = "claude-haiku-5-5";
    check(model, TODAY, Standard, [99_999, 0, 0, 0, 0], 9_999_900);
    check(model, TODAY, Standard, [100_000, 0, 0, 0, 0], 10_000_000);
    check(model, TODAY, Standard, [100_001, 0, 0, 0, 0], 50_000_500);
    // The prompt is fresh input, cache reads and cache writes; output does not count.
    check(
        model,
        TODAY,
        Standard,
        [1, 60_000, 30_000, 10_000, 10],
        500 + 60_000 * 50 + 30_000 * 625 + 10_000 * 1_000 + 10 * 2_500,
    );
    check(
        model,
        TODAY,
        Standard,
        [100_000, 0, 0, 0, 1_000_000],
        10_000_000 + 500_000_000,
    );
    // qwen3-coder-plus: 1, over 32,000 1.8, over 128,000 3, over 256,000 6.
    let model = "qwen3-coder-plus";
    check(model, TODAY, Standard, [32_000, 0, 0, 0, 0], 32_000_000);
    check(model, TODAY, Standard, [32_001, 0, 0, 0, 0], 1_800 * 32_001);
    check(
        model,
        TODAY,
        Standard,
        [128_001, 0, 0, 0, 0],
        3_000 * 128_001,
    );
    check(
        model,
        TODAY,
        Standard,
        [256_001, 0, 0, 0, 0],
        6_000 * 256_001,
    );
}

#[test]
fn xai_tiers_begin_at_their_limit() {
    // grok-4.7: 2, from 200,000 on 4. Google's begin after it: gemini-2.5-pro 1.25, then 2.5.
    check(
        "grok-4.7",
        TODAY,
        Standard,
        [199_999, 0, 0, 0, 0],
        2_000 * 199_999,
    );
    check(
        "grok-4.7",
        TODAY,
        Standard,
        [200_000, 0, 0, 0, 0],
        4_000 * 200_000,
    );
    check(
        "gemini-2.5-pro",
        TODAY,
        Standard,
        [200_000, 0, 0, 0, 0],
        1_250 * 200_000,
    );
    check(
        "gemini-2.5-pro",
        TODAY,
        Standard,
        [200_001, 0, 0, 0, 0],
        2_500 * 200_001,
    );
}

#[test]
fn a_mode_has_its_own_price_and_its_own_tiers() {
    check(
        "claude-opus-5-5",
        TODAY,
        Fast,
        [10, 10, 10, 10, 10],
        10 * (8_000 + 400 + 10_000 + 16_000 + 40_000),
    );
    check(
        "claude-opus-5-5",
        TODAY,
        Batch,
        [10, 0, 0, 0, 10],
        10 * (2_000 + 10_000),
    );
    check(
        "gpt-5.2",
        TODAY,
        Flex,
        [1_000, 0, 0, 0, 1_000],
        875_000 + 7_000_000,
    );
    check("gpt-5.5", TODAY, Priority, [1_000, 0, 0, 0, 0], 12_500_000);
    // Tiers inside a mode.
    check(
        "claude-haiku-5-5",
        TODAY,
        Batch,
        [100_000, 0, 0, 0, 0],
        50 * 100_000,
    );
    check(
        "claude-haiku-5-5",
        TODAY,
        Batch,
        [100_001, 0, 0, 0, 0],
        250 * 100_001,
    );
    // A mode without tiers has none, whatever the standard price has: gpt-5.5 fast is 12.5, standard over 272,000 is 10.
    check(
        "gpt-5.5",
        TODAY,
        Fast,
        [300_000, 0, 0, 0, 0],
        12_500 * 300_000,
    );
    check(
        "gpt-5.5",
        TODAY,
        Standard,
        [300_000, 0, 0, 0, 0],
        10_000 * 300_000,
    );
    // OpenAI's fast and priority are one service, so priority knows the cache write rate of fast.
    check("gpt-5.6-sol", TODAY, Priority, [0, 0, 100, 0, 0], 1_000_000);
    // A withdrawn mode keeps its price for the calls of its time.
    check(
        "claude-opus-4-6",
        "2026-05-01T00:00:00Z",
        Fast,
        [100, 0, 0, 0, 100],
        100 * (30_000 + 150_000),
    );
}

#[test]
fn a_mode_without_a_price_is_billed_at_the_standard_price_and_says_so() {
    check(
        "claude-sonnet-5",
        TODAY,
        Fast,
        [1_000, 0, 0, 0, 0],
        2_000_000,
    );
    let prices = PriceBook::embedded().lookup("claude-sonnet-5").unwrap();
    assert_eq!(prices.at_mode(time(TODAY), Fast).mode, Standard);
    assert_eq!(prices.at_mode(time(TODAY), Batch).mode, Batch);
}

#[test]
fn web_searches_are_billed_apart_where_a_price_is_known() {
    let cost = |model, at, mode| {
        let usage = usage([1_000, 0, 0, 0, 0]);
        PriceBook::embedded()
            .cost(model, time(at), &usage, mode, 3)
            .amount
            .0
    };
    // One cent each at Anthropic, in every mode; no source gives a price for OpenAI's.
    assert_eq!(
        cost("claude-opus-5-5", TODAY, Standard),
        4_000_000 + 30_000_000
    );
    assert_eq!(
        cost("claude-opus-5-5", TODAY, Batch),
        2_000_000 + 30_000_000
    );
    assert_eq!(cost("gpt-5.5", TODAY, Standard), 5_000_000);
}

#[test]
fn a_reseller_has_its_own_price() {
    // glm-5.2: cache read 0.26 at its lab, 0.28 at Alibaba.
    check("glm-5.2", TODAY, Standard, [0, 1_000, 0, 0, 0], 260_000);
    check("zai/glm-5.2", TODAY, Standard, [0, 1_000, 0, 0, 0], 260_000);
    check(
        "alibaba/glm-5.2",
        TODAY,
        Standard,
        [0, 1_000, 0, 0, 0],
        280_000,
    );
    // claude-sonnet-4-5: only Google's list has a tier at 200,000 tokens.
    check(
        "claude-sonnet-4-5",
        TODAY,
        Standard,
        [200_001, 0, 0, 0, 0],
        3_000 * 200_001,
    );
    check(
        "vertex_ai/claude-sonnet-4-5@20250929",
        TODAY,
        Standard,
        [200_001, 0, 0, 0, 0],
        6_000 * 200_001,
    );
}

#[test]
fn free_is_priced_and_unknown_is_not() {
    check(
        "glm-4.7-flash",
        TODAY,
        Standard,
        [1_000_000, 0, 0, 0, 1_000_000],
        0,
    );
    // `<synthetic>` marks lines that Claude Code writes without calling a model.
    for model in ["<synthetic>", "gpt-5.5-foo", "my-own-model", ""] {
        let cost = PriceBook::embedded().cost(model, time(TODAY), &usage([1; 5]), Standard, 1);
        assert_eq!(cost, Cost::UNPRICED, "{model}");
    }
}
