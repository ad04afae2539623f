//! What holds for every price and any usage.

use proptest::prelude::*;

use super::usage;
use crate::model::{CostBasis, PriceMode, Timestamp};
use crate::pricing::{ModelPrices, PriceBook};

fn any_model() -> impl Strategy<Value = ModelPrices<'static>> {
    let models: Vec<_> = PriceBook::embedded().models().collect();
    prop::sample::select(models)
}

fn any_mode() -> impl Strategy<Value = PriceMode> {
    prop::sample::select(PriceMode::ALL.to_vec())
}

/// From 2024 to 2028.
fn any_time() -> impl Strategy<Value = Timestamp> {
    (1_704_067_200_000_i64..1_830_297_600_000).prop_map(Timestamp)
}

proptest! {
    #[test]
    fn more_tokens_never_cost_less(
        model in any_model(), mode in any_mode(), at in any_time(),
        tokens in prop::array::uniform5(0_u64..2_000_000), kind in 0_usize..5, more in 0_u64..2_000_000,
    ) {
        let cost = |tokens| model.cost(at, &usage(tokens), mode, 0).amount;
        let mut greater = tokens;
        greater[kind] += more;
        prop_assert!(cost(tokens) <= cost(greater));
    }

    #[test]
    fn a_cost_is_the_sum_of_its_parts(
        model in any_model(), mode in any_mode(), at in any_time(),
        tokens in prop::array::uniform5(0_u64..6_000), searches in 0_u32..100,
    ) {
        // Below 30,000 tokens of prompt there is no tier, so that a part costs the same alone. Each part is rounded.
        let cost = |tokens, searches| model.cost(at, &usage(tokens), mode, searches).amount.0;
        let whole = cost(tokens, searches);
        let parts: i64 = (0..5).map(|kind| {
            let mut part = [0; 5];
            part[kind] = tokens[kind];
            cost(part, 0)
        }).sum::<i64>() + cost([0; 5], searches);
        prop_assert!((whole - parts).abs() <= 3, "{whole} {parts}");
    }

    #[test]
    fn no_usage_overflows(
        model in any_model(), mode in any_mode(), at in any::<i64>(),
        tokens in prop::array::uniform5(prop::sample::select(vec![0, 1, u64::MAX / 2, u64::MAX])),
        searches in any::<u32>(),
    ) {
        let cost = model.cost(Timestamp(at), &usage(tokens), mode, searches);
        prop_assert_eq!(cost.basis, CostBasis::Priced);
        prop_assert!(cost.amount.0 >= 0);
        if tokens[0] == u64::MAX && model.at_mode(Timestamp(at), mode).for_prompt(u64::MAX).input.0 > 0 {
            prop_assert_eq!(cost.amount.0, i64::MAX);
        }
    }

    #[test]
    fn no_name_panics(name in "\\PC{0,40}") {
        let _ = PriceBook::embedded().lookup(&name);
    }

    #[test]
    fn no_spelling_panics(
        name in "(arn:aws:bedrock:|openrouter/|us\\.|anthropic\\.|claude-|[0-9]{1,8}|-|\\.|/|@|:|\\[1m\\]|v|é){0,12}",
    ) {
        let _ = PriceBook::embedded().lookup(&name);
    }
}
