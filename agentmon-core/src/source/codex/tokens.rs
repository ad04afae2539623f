//! `token_count` lines: every fifth line of a rollout, and what a first import of Codex spends its time on.
//!
//! A line of the shape that clients write is read by its bytes; any other is left to `serde_json`, whose answer and
//! whose errors then count. Both give the same figures.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::counter::Tokens;
use super::record::{self, LastUsage};
use crate::source::fields::{Broken, Scanner, is_null, number, whole};

/// What a `token_count` says.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct TokenCount<'a> {
    pub(super) info: Option<TokenInfo>,
    /// As it stands in the line.
    pub(super) rate_limits: Option<&'a str>,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
pub(super) struct TokenInfo {
    pub(super) total_token_usage: Option<Tokens>,
    pub(super) last_token_usage: Option<LastUsage>,
    pub(super) model_context_window: Option<u64>,
}

/// Reads a line.
pub(super) fn read(line: &[u8], bare: bool) -> serde_json::Result<TokenCount<'_>> {
    match quick(line) {
        Some(count) if !bare => Ok(count),
        _ => slow(line, bare),
    }
}

fn slow(line: &[u8], bare: bool) -> serde_json::Result<TokenCount<'_>> {
    #[derive(Deserialize)]
    struct Record<'a> {
        #[serde(default)]
        info: Option<TokenInfo>,
        #[serde(default, borrow)]
        rate_limits: Option<&'a RawValue>,
    }
    let Record { info, rate_limits } = record::read(line, bare)?;
    Ok(TokenCount {
        info,
        rate_limits: rate_limits.map(RawValue::get),
    })
}

/// The usual shape; `None` for anything else.
fn quick(line: &[u8]) -> Option<TokenCount<'_>> {
    let mut quick = Quick::default();
    whole(line, |scanner| {
        scanner.object(|key, scanner| match key {
            b"payload" => quick.payload(scanner),
            _ => scanner.value().map(|_| ()),
        })
    })
    .ok()?;
    (!quick.unusual && quick.payloads == 1).then_some(quick.count)
}

#[derive(Default)]
struct Quick<'a> {
    count: TokenCount<'a>,
    payloads: usize,
    /// Something has a type or a place that clients do not write.
    unusual: bool,
}

impl<'a> Quick<'a> {
    fn payload(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Broken> {
        self.payloads += 1;
        scanner.object(|key, scanner| match key {
            b"info" => self.info(scanner),
            b"rate_limits" => {
                let limits = std::str::from_utf8(scanner.value()?);
                self.unusual |= limits.is_err() || self.count.rate_limits.is_some();
                // As serde reads an optional value.
                self.count.rate_limits = limits.ok().filter(|limits| *limits != "null");
                Ok(())
            }
            _ => scanner.value().map(|_| ()),
        })
    }

    fn info(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Broken> {
        if scanner.peek() != Some(b'{') {
            self.unusual |= !is_null(scanner.value()?);
            return Ok(());
        }
        self.unusual |= self.count.info.is_some();
        let mut info = TokenInfo::default();
        scanner.object(|key, scanner| {
            match key {
                b"total_token_usage" => {
                    info.total_token_usage = self.usage(scanner)?.map(LastUsage::tokens);
                }
                b"last_token_usage" => info.last_token_usage = self.usage(scanner)?,
                b"model_context_window" => {
                    info.model_context_window = self.optional(scanner.value()?);
                }
                _ => {
                    scanner.value()?;
                }
            }
            Ok(())
        })?;
        self.count.info = Some(info);
        Ok(())
    }

    fn usage(&mut self, scanner: &mut Scanner<'a>) -> Result<Option<LastUsage>, Broken> {
        if scanner.peek() != Some(b'{') {
            self.unusual |= !is_null(scanner.value()?);
            return Ok(None);
        }
        let mut usage = LastUsage::default();
        scanner.object(|key, scanner| {
            let value = scanner.value()?;
            let field = match key {
                b"input_tokens" => &mut usage.input_tokens,
                b"cached_input_tokens" => &mut usage.cached_input_tokens,
                b"cache_write_input_tokens" => &mut usage.cache_write_input_tokens,
                b"output_tokens" => &mut usage.output_tokens,
                b"reasoning_output_tokens" => &mut usage.reasoning_output_tokens,
                b"total_tokens" => &mut usage.total_tokens,
                _ => return Ok(()),
            };
            self.unusual |= field.is_some();
            *field = self.optional(value);
            Ok(())
        })?;
        Ok(Some(usage))
    }

    fn optional(&mut self, value: &[u8]) -> Option<u64> {
        let count = number(value);
        self.unusual |= count.is_none() && !is_null(value);
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(payload: &str, is_quick: bool) {
        let line = format!(r#"{{"timestamp":"t","type":"event_msg","payload":{payload}}}"#);
        let slow = slow(line.as_bytes(), false).ok();
        let quick = quick(line.as_bytes());
        assert_eq!(quick.is_some(), is_quick, "{payload}");
        assert!(quick.is_none() || quick == slow, "{payload}: {slow:?}");
    }

    #[test]
    fn both_ways_agree() {
        let usage = r#"{"input_tokens":12,"cached_input_tokens":3,"output_tokens":4,"reasoning_output_tokens":null,"total_tokens":16}"#;
        let info = |total: &str, last: &str| {
            format!(
                r#"{{"type":"token_count","info":{{"total_token_usage":{total},"last_token_usage":{last},"model_context_window":9}},"rate_limits":{{"primary":{{"used_percent":1.5}}}}}}"#
            )
        };
        check(&info(usage, usage), true);
        check(&info(usage, "null"), true);
        check(&info("{}", "{}"), true);
        check(
            r#"{"type":"token_count","info":null,"rate_limits":null}"#,
            true,
        );
        check("{}", true);
        // Left to serde.
        check(&info("[1]", usage), false);
        check(&info(r#"{"input_tokens":-1}"#, usage), false);
        check(&info(r#"{"input_tokens":1.0}"#, usage), false);
        check(
            &info(r#"{"input_tokens":1,"input_tokens":2}"#, usage),
            false,
        );
        check(r#"{"info":7}"#, false);
        check("null", false);
    }
}
