//! Which price a name finds, and which it must not find.

use crate::pricing::PriceBook;

/// Names as agents, gateways and clouds write them, and the entry that prices them.
const FOUND: &[(&str, &str)] = &[
    // The lab's own spelling, and case.
    ("claude-opus-5-5", "claude-opus-5-5"),
    ("Claude-Opus-5-5", "claude-opus-5-5"),
    (" gpt-5.5 ", "gpt-5.5"),
    ("gpt-5.3-codex", "gpt-5.3-codex"),
    ("gpt-6-sol", "gpt-6-sol"),
    ("gemini-3.5-flash", "gemini-3.5-flash"),
    ("GLM-5.2", "glm-5.2"),
    ("MiniMax-M2.5", "minimax-m2.5"),
    ("o3", "o3"),
    // Dots and dashes.
    ("claude-opus-4.6", "claude-opus-4-6"),
    ("claude-sonnet-4.5", "claude-sonnet-4-5"),
    ("gpt-5-6-sol", "gpt-5.6-sol"),
    ("grok-4-6", "grok-4.6"),
    ("grok-4.1-fast", "grok-4-1-fast"),
    ("kimi-k2-5", "kimi-k2.5"),
    // Dates.
    ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
    ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
    ("claude-opus-4-5-20251101", "claude-opus-4-5"),
    ("claude-opus-4-1-20250805", "claude-opus-4-1"),
    ("claude-opus-4-20250514", "claude-opus-4-20250514"),
    ("claude-opus-5-5-20261001", "claude-opus-5-5"),
    ("gpt-5-2025-08-07", "gpt-5"),
    ("gpt-5.5-2026-04-23", "gpt-5.5"),
    ("gpt-4.1-mini-2025-04-14", "gpt-4.1-mini"),
    ("o4-mini-2025-04-16", "o4-mini"),
    ("gpt-5.4-20260305", "gpt-5.4"),
    ("qwen3.7-plus-2026-05-26", "qwen3.7-plus-2026-05-26"),
    // -latest.
    ("claude-sonnet-4-5-latest", "claude-sonnet-4-5"),
    ("claude-3-7-sonnet-latest", "claude-3-7-sonnet-latest"),
    ("gemini-2.5-flash-latest", "gemini-2.5-flash"),
    ("mistral-large-latest", "mistral-large-latest"),
    // The long-context mark of Claude Code.
    ("claude-opus-4-6[1m]", "claude-opus-4-6"),
    ("claude-sonnet-4-5-20250929[1m]", "claude-sonnet-4-5"),
    ("us.anthropic.claude-opus-4-6-v1[1m]", "claude-opus-4-6"),
    // Claude's two orders, and the names of Claude 3.
    ("claude-3-5-sonnet-20241022", "claude-3-5-sonnet-20241022"),
    ("claude-3.5-sonnet", "claude-3-5-sonnet-20241022"),
    ("claude-3-5-haiku", "claude-3-5-haiku-20241022"),
    ("claude-3.7-sonnet", "claude-3-7-sonnet-20250219"),
    ("claude-haiku-3-5", "claude-3-5-haiku-latest"),
    ("claude-sonnet-3.7", "claude-3-7-sonnet-20250219"),
    ("claude-4.5-sonnet", "claude-sonnet-4-5"),
    ("claude-4-sonnet-20250514", "claude-sonnet-4-20250514"),
    ("claude-4-opus", "claude-opus-4-0"),
    ("claude-opus-4", "claude-opus-4-0"),
    ("claude-3-opus-20240229", "claude-3-opus-20240229"),
    // Labs in front.
    ("anthropic/claude-opus-5-5", "claude-opus-5-5"),
    ("anthropic/claude-sonnet-4", "claude-sonnet-4-0"),
    (
        "anthropic/claude-3.5-sonnet-20240620",
        "claude-3-5-sonnet-20240620",
    ),
    ("openai/gpt-5.5", "gpt-5.5"),
    ("openai-codex/gpt-5.3-codex", "gpt-5.3-codex"),
    ("google/gemini-2.5-pro", "gemini-2.5-pro"),
    ("gemini/gemini-3-flash-preview", "gemini-3-flash-preview"),
    ("models/gemini-2.5-flash", "gemini-2.5-flash"),
    ("x-ai/grok-4.5", "grok-4.5"),
    ("xai/grok-4.7", "grok-4.7"),
    ("z-ai/glm-5.1", "glm-5.1"),
    ("moonshotai/kimi-k3", "kimi-k3"),
    ("deepseek/deepseek-v4-pro", "deepseek-v4-pro"),
    ("mistralai/devstral-2512", "devstral-2512"),
    ("qwen/qwen3-coder-plus", "qwen3-coder-plus"),
    // Gateways.
    ("openrouter/anthropic/claude-opus-4.6", "claude-opus-4-6"),
    (
        "openrouter/anthropic/claude-4.5-sonnet-20250929",
        "claude-sonnet-4-5",
    ),
    ("openrouter/openai/gpt-5.5", "gpt-5.5"),
    ("openrouter/x-ai/grok-4.7", "grok-4.7"),
    ("vercel/anthropic/claude-opus-5", "claude-opus-5"),
    ("litellm/gpt-5.2", "gpt-5.2"),
    ("azure/gpt-5.5", "gpt-5.5"),
    // Bedrock.
    (
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
        "claude-3-5-sonnet-20241022",
    ),
    (
        "anthropic.claude-3-haiku-20240307-v1:0:48k",
        "claude-3-haiku-20240307",
    ),
    (
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "claude-sonnet-4-5",
    ),
    (
        "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
        "claude-haiku-4-5",
    ),
    (
        "apac.anthropic.claude-sonnet-4-20250514-v1:0",
        "claude-sonnet-4-20250514",
    ),
    ("global.anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
    (
        "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "claude-sonnet-4-5",
    ),
    ("bedrock/us.anthropic.claude-opus-5-5", "claude-opus-5-5"),
    (
        "bedrock/us-east-1/anthropic.claude-sonnet-5",
        "claude-sonnet-5",
    ),
    (
        "amazon-bedrock/global.anthropic.claude-opus-4-8",
        "claude-opus-4-8",
    ),
    (
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "claude-sonnet-4-5",
    ),
    (
        "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
        "claude-haiku-4-5",
    ),
    // Vertex.
    ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
    ("claude-opus-4-6@default", "claude-opus-4-6"),
    (
        "claude-3-5-sonnet-v2@20241022",
        "claude-3-5-sonnet-20241022",
    ),
    ("vertex_ai/gemini-2.5-pro", "gemini-2.5-pro"),
    (
        "publishers/google/models/gemini-3.5-flash",
        "gemini-3.5-flash",
    ),
    // A reseller's price, where the name names it.
    ("google/claude-opus-4-5", "google/claude-opus-4-5"),
    (
        "vertex_ai/claude-opus-5-5@20261001",
        "google/claude-opus-5-5",
    ),
    ("vertex_ai/claude-sonnet-5", "claude-sonnet-5"),
    (
        "projects/p/locations/us-east5/publishers/anthropic/models/claude-haiku-4-5@20251001",
        "google/claude-haiku-4-5",
    ),
    ("vertex_ai/anthropic/claude-opus-4-5", "claude-opus-4-5"),
    ("alibaba/glm-5.1", "alibaba/glm-5.1"),
    ("dashscope/kimi-k3", "alibaba/kimi-k3"),
    ("cursor/grok-4.7", "cursor/grok-4.7"),
    ("cursor/composer-2.5", "composer-2.5"),
    // Aliases of the data.
    ("deepseek-v4.1-flash", "deepseek-flash"),
    ("mistral-medium-3.5", "mistral-medium-2604"),
];

/// Names that are merely like a known one, or sold by someone whose price is not known.
const NOT_FOUND: &[&str] = &[
    "",
    " ",
    "/",
    "<synthetic>",
    "claude",
    "claude-opus",
    "opus",
    "haiku",
    "gpt-5.5-foo",
    "gpt-5.5-high",
    "gpt-5.5x",
    "xgpt-5.5",
    "gpt-5.",
    "gpt-55",
    "gpt-9",
    "claude-opus-4-6-thinking",
    "claude-opus-4-6-fast",
    "claude-opus-6",
    "claude-opus-4-6-20261399",
    "claude-opus-4-6-2026-04",
    "claude-opus-4-6-12345678",
    "claude-6-4-opus",
    "claude-opus-4-6:free",
    "gemini-2.5-pro-exp",
    // An unknown seller.
    "mycompany/claude-opus-5-5",
    "together/glm-5.2",
    "github-copilot/claude-opus-4.6",
    "anthropic/../claude-opus-5-5",
    // The wrong lab.
    "openai/claude-opus-5-5",
    "anthropic/gpt-5.5",
    "openrouter/openai/claude-opus-5-5",
    // Resellers set their own prices of open weights.
    "openrouter/deepseek/deepseek-v4-pro",
    "openrouter/qwen/qwen3-coder-plus",
    "bedrock/deepseek-v4-pro",
    "openai.gpt-oss-120b-1:0",
    "gpt-oss:20b",
    "gpt-oss-20b",
    // Ids that say nothing.
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4",
    "arn:aws:sagemaker:us-east-1:123456789012:endpoint/claude-opus-5-5",
    "publishers/anthropic/claude-opus-5-5",
    "projects/p/locations/us-east5/endpoints/1234567890",
    "us.anthropic.",
    "anthropic.",
    "anthropic.claude-v2:1",
    "claude-sonnet-4-5@",
    "[1m]",
    "日本語-2025-01-01",
    "é20250101",
];

#[test]
fn a_name_finds_the_price_of_its_model() {
    for &(name, expected) in FOUND {
        let found = PriceBook::embedded().lookup(name);
        assert_eq!(found.map(|prices| prices.name()), Some(expected), "{name}");
    }
}

#[test]
fn a_name_never_finds_a_merely_similar_model() {
    let long = "claude-opus-5-5-".repeat(100);
    for &name in NOT_FOUND.iter().chain(&[long.as_str()]) {
        let found = PriceBook::embedded().lookup(name);
        assert_eq!(found.map(|prices| prices.name()), None, "{name}");
    }
}

#[test]
fn every_listed_model_finds_itself() {
    for model in PriceBook::embedded().models() {
        let found = PriceBook::embedded().lookup(model.name()).unwrap();
        assert_eq!(found.name(), model.name());
    }
}
