//! Hand-computed costs where the price depends on the date or on the hour.

use super::{check, time};
use crate::model::PriceMode;
use crate::pricing::PriceBook;

use PriceMode::{Batch, Fast, Priority, Standard};

#[test]
fn a_price_holds_from_its_date_on() {
    // gpt-5.6-sol: 5 until 2026-08-21, then 4; fast 10, then 8; batch over 272,000 tokens 5, then 4.
    let (before, at, after) = (
        "2026-08-20T23:59:59.999Z",
        "2026-08-21T00:00:00Z",
        "2026-08-21T00:00:00.001Z",
    );
    for (mode, tokens, old, new) in [
        (Standard, 1_000, 5_000_000, 4_000_000),
        (Fast, 1_000, 10_000_000, 8_000_000),
        (Priority, 1_000, 10_000_000, 8_000_000),
        (Batch, 272_001, 272_001 * 5_000, 272_001 * 4_000),
    ] {
        check("gpt-5.6-sol", before, mode, [tokens, 0, 0, 0, 0], old);
        check("gpt-5.6-sol", at, mode, [tokens, 0, 0, 0, 0], new);
        check("gpt-5.6-sol", after, mode, [tokens, 0, 0, 0, 0], new);
    }
    // A tier can end: claude-opus-4-6 cost 10 over 200,000 tokens until 2026-03-13T19:13:40Z, 5 since.
    check(
        "claude-opus-4-6",
        "2026-03-13T19:13:39.999Z",
        Standard,
        [200_001, 0, 0, 0, 0],
        10_000 * 200_001,
    );
    check(
        "claude-opus-4-6",
        "2026-03-13T19:13:40Z",
        Standard,
        [200_001, 0, 0, 0, 0],
        5_000 * 200_001,
    );
    // The first known price covers everything before it, a missing time (0) included.
    check(
        "gpt-5.6-sol",
        "1970-01-01T00:00:00Z",
        Standard,
        [1_000, 0, 0, 0, 0],
        5_000_000,
    );
    let prices = PriceBook::embedded().lookup("gpt-5.6-sol").unwrap();
    assert_eq!(prices.at(time(before)).from, None);
    assert_eq!(prices.at(time(after)).from, Some(time(at)));
}

#[test]
fn peak_hours_cost_more() {
    // deepseek-v4-pro: 0.66, double from 01:00 to 04:00 and 06:00 to 10:00 UTC on Chinese working days.
    for (at, nano) in [
        ("2026-11-23T00:59:59.999Z", 660_000), // a Monday
        ("2026-11-23T01:00:00Z", 1_320_000),
        ("2026-11-23T03:59:59.999Z", 1_320_000),
        ("2026-11-23T04:00:00Z", 660_000),
        ("2026-11-23T06:00:00Z", 1_320_000),
        ("2026-11-23T10:00:00Z", 660_000),
        ("2026-11-20T09:59:59Z", 1_320_000), // a Friday
        ("2026-11-21T02:00:00Z", 660_000),   // Saturday
        ("2026-11-22T02:00:00Z", 660_000),   // Sunday
        ("2026-10-01T02:00:00Z", 660_000),   // National Day, a Thursday
        ("2026-10-08T02:00:00Z", 1_320_000), // the day after the holidays
    ] {
        check("deepseek-v4-pro", at, Standard, [1_000, 0, 0, 0, 0], nano);
    }
    // The schedule began with the price of 2026-08-16T16:00Z; before, the price was 0.435 at all hours.
    check(
        "deepseek-v4-pro",
        "2026-08-14T02:00:00Z",
        Standard,
        [1_000, 0, 0, 0, 0],
        435_000,
    );
    // In 2025 nights were cheaper: deepseek-chat (0.27) by half, deepseek-reasoner (0.55) by three quarters.
    for (at, chat, reasoner) in [
        ("2025-07-01T16:29:59Z", 270_000, 550_000),
        ("2025-07-01T16:30:00Z", 135_000, 137_500),
        ("2025-07-02T00:29:59Z", 135_000, 137_500),
        ("2025-07-02T00:30:00Z", 270_000, 550_000),
    ] {
        check("deepseek-chat", at, Standard, [1_000, 0, 0, 0, 0], chat);
        check(
            "deepseek-reasoner",
            at,
            Standard,
            [1_000, 0, 0, 0, 0],
            reasoner,
        );
    }
    // Alibaba sells the same model at its own hours: 0.44, half of it from 14:00 to 24:00 UTC.
    let model = "alibaba/deepseek-v4-flash-0731";
    check(
        model,
        "2026-11-21T13:59:59Z",
        Standard,
        [1_000, 0, 0, 0, 0],
        440_000,
    );
    check(
        model,
        "2026-11-21T14:00:00Z",
        Standard,
        [1_000, 0, 0, 0, 0],
        220_000,
    );
    check(
        model,
        "2026-11-21T00:00:00Z",
        Standard,
        [1_000, 0, 0, 0, 0],
        440_000,
    );
    let prices = PriceBook::embedded().lookup("deepseek-v4-pro").unwrap();
    assert_eq!(prices.time_of_day_factor(time("2026-11-23T01:00:00Z")), 2.0);
}
