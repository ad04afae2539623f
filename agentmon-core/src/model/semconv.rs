//! Names of the OpenTelemetry GenAI semantic conventions. The only place where such strings stand.

/// Input tokens, cached ones included.
pub const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
/// Output tokens, reasoning included.
pub const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
/// Input tokens read from a cache (a part of [`INPUT_TOKENS`]).
pub const CACHE_READ_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
/// Input tokens written to a cache (a part of [`INPUT_TOKENS`]).
pub const CACHE_CREATION_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
/// The model asked for.
pub const REQUEST_MODEL: &str = "gen_ai.request.model";
/// The model that answered.
pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
/// Output tokens spent on reasoning (a part of [`OUTPUT_TOKENS`]).
pub const REASONING_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
/// The provider's id of an answer.
pub const RESPONSE_ID: &str = "gen_ai.response.id";
/// The conversation that a record belongs to.
pub const CONVERSATION_ID: &str = "gen_ai.conversation.id";
/// What a span or event is about.
pub const OPERATION_NAME: &str = "gen_ai.operation.name";
/// Operations that are one request to a model.
pub const MODEL_OPERATIONS: [&str; 4] =
    ["chat", "text_completion", "generate_content", "embeddings"];
/// The operation of a tool call.
pub const EXECUTE_TOOL: &str = "execute_tool";
/// The operation of an agent's run.
pub const INVOKE_AGENT: &str = "invoke_agent";
/// The agent's name.
pub const AGENT_NAME: &str = "gen_ai.agent.name";
/// A tool's name.
pub const TOOL_NAME: &str = "gen_ai.tool.name";
/// The id of a tool call.
pub const TOOL_CALL_ID: &str = "gen_ai.tool.call.id";
