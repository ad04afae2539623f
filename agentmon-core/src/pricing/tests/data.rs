//! The embedded file itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{TODAY, time};
use crate::model::{PriceMode, Span};
use crate::pricing::{PriceBook, PriceWarning, data};

#[test]
fn the_embedded_file_is_read() {
    let embedded = data::parse(data::JSON).unwrap();
    assert_eq!(
        embedded.models.iter().count(),
        PriceBook::embedded().models().count()
    );
    assert!(embedded.models.iter().count() > 400);
    assert_eq!(PriceBook::embedded().sources().count(), 3);
}

#[test]
fn a_bad_file_is_refused_with_a_reason() {
    let check = |from: &str, to: &str, expected: &str| {
        let changed = data::JSON.replacen(from, to, 1);
        assert_ne!(changed, data::JSON, "{from}");
        let error = data::parse(changed.leak()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("\"schema\":1", "\"schema\":2", "schema 2");
    check("\"schema\":1", "\"schema\":", "expected value");
    check("[0.4,0.4]", "[-0.4,0.4]", "-0.4: not a price");
    check("[0.4,0.4]", "[0.4]", "invalid length 1");
    check(
        "\"over\":100000",
        "\"above\":100000",
        "unknown field `above`",
    );
    check(
        "\"2026-03-13T19:13:40Z\"",
        "\"soon\"",
        "\"soon\": not a time",
    );
    check("\"16:30\"", "\"24:30\"", "\"24:30\": not a time");
    check(
        ":\"deepseek-flash\"",
        ":\"deepseek-flush\"",
        "alias deepseek-v4.1-flash",
    );
}

#[test]
fn the_embedded_file_is_what_the_script_makes() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reference = ["../../shared", "../../../shared"]
        .map(|shared| crate_dir.join(shared).join("pricing/reference.json"))
        .into_iter()
        .find(|path| path.exists());
    let Some(reference) = reference else {
        eprintln!("SKIPPED: no pricing/reference.json beside the workspace");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out: PathBuf = folder.path().join("prices.json");
    let run = Command::new("python3")
        .arg(crate_dir.join("scripts/build_prices.py"))
        .arg(reference)
        .arg("--out")
        .arg(&out)
        .output();
    let Ok(run) = run else {
        eprintln!("SKIPPED: no python3");
        return;
    };
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
    let built = std::fs::read_to_string(out).unwrap();
    assert!(
        built == data::JSON,
        "run scripts/build_prices.py and commit data/prices.json"
    );
}

#[test]
fn prices_can_be_listed_with_where_they_come_from() {
    let prices = PriceBook::embedded().lookup("gpt-5.6-sol").unwrap();
    assert_eq!(prices.provider(), "openai");
    assert_eq!(
        prices.sources(),
        ["model-prices", "genai-prices", "litellm"]
    );
    assert_eq!(prices.context_window(), Some(922_000));
    assert!(!prices.is_overridden());
    let now = prices.at(time(TODAY));
    assert_eq!(now.rates.input.dollars_per_million(), 4.0);
    assert_eq!(now.rates.cache_write_5m.unwrap().dollars_per_million(), 5.0);
    assert_eq!(now.tiers[0].over, 272_000);
    assert_eq!(now.source, Some("https://openai.com/index/gpt-5-6/"));
    let modes: Vec<_> = prices
        .history()
        .map(|(mode, entries)| (mode, entries.len()))
        .collect();
    assert_eq!(
        modes,
        [
            (PriceMode::Standard, 2),
            (PriceMode::Fast, 2),
            (PriceMode::Batch, 2),
            (PriceMode::Priority, 2),
        ]
    );
}

#[test]
fn a_check_finds_what_may_be_wrong() {
    let book = PriceBook::embedded();
    let fresh = book.check(book.built());
    assert!(fresh.iter().all(|warning| matches!(
        warning,
        PriceWarning::NoCacheRate { .. } | PriceWarning::Disputed { .. }
    )));
    assert!(fresh.contains(&PriceWarning::NoCacheRate {
        model: "gpt-5.4-pro"
    }));
    assert!(fresh.contains(&PriceWarning::Disputed {
        model: "claude-sonnet-4-5",
        fields: &["tiers_over"],
    }));
    // Withdrawn models are not worth a word, free ones need no cache rate.
    let about = |name: &str| {
        fresh
            .iter()
            .any(|warning| warning.to_string().contains(name))
    };
    assert!(!about("grok-code-fast-1:") && !about("labs-leanstral-1-5:"));
    let day = Span::from_mins(24 * 60);
    let later = (0..61).fold(book.built(), |at, _| at + day);
    let old = book.check(later);
    assert_eq!(old[0].to_string(), "the price data is 61 days old");
    assert_eq!(
        old[1].to_string(),
        "deepseek: holidays after 2026-12-31 are not known, peak prices may be wrong"
    );
}
