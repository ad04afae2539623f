//! What is sent: events and log records as agents write them, no two alike.

use std::fmt::Write;

use agentmon_core::clock::{Clock, SystemClock};

use crate::{BATCH, Shape};

/// The tools that are used.
const TOOLS: [&str; 4] = ["Bash", "Read", "Edit", "Grep"];

/// Makes bodies.
#[derive(Debug)]
pub(crate) struct Bodies {
    sessions: usize,
    made: u64,
}

impl Bodies {
    pub(crate) fn new(sessions: usize) -> Self {
        Self { sessions, made: 0 }
    }

    /// The next body of a shape.
    pub(crate) fn next(&mut self, shape: Shape) -> String {
        let mut body = String::new();
        match shape {
            Shape::Single => self.event(&mut body, false),
            Shape::Identified => self.event(&mut body, true),
            Shape::Batch | Shape::IdentifiedBatch => {
                body.push_str("{\"events\":[");
                for number in 0..BATCH {
                    body.push_str(if number > 0 { "," } else { "" });
                    self.event(&mut body, shape == Shape::IdentifiedBatch);
                }
                body.push_str("]}");
            }
            Shape::Otlp => self.export(&mut body),
        }
        body
    }

    /// The number of an event, its session, and its number there.
    fn number(&mut self) -> (u64, u64, u64) {
        self.made += 1;
        let (made, sessions) = (self.made, self.sessions as u64);
        // Neighbours are of different sessions, as they are where many agents work, and each session does a bit of all.
        (made, made.wrapping_mul(7) % sessions, made / sessions)
    }

    /// Mostly tools that were used, some answers with tokens, now and then a prompt.
    fn event(&mut self, out: &mut String, identified: bool) {
        let (n, session, turn) = self.number();
        // Writing to a string does not fail.
        let _ = write!(
            out,
            "{{\"session_id\":\"bench-{session:04}\",\"agent_type\":\"my_agent\",\"project\":\"app-{}\",\"branch\":\"main\",",
            session % 5
        );
        if identified {
            let _ = write!(
                out,
                "\"event_id\":\"{:016x}-{n}\",",
                n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            );
        }
        let _ = match turn % 10 {
            0 => write!(
                out,
                "\"event_type\":\"user_prompt\",\"metadata\":{{\"message\":\"Please look at case {n} of the parser and say why it fails\"}}}}"
            ),
            1..4 => write!(
                out,
                "\"event_type\":\"llm_response\",\"model\":\"claude-sonnet-4-5\",\"tokens_in\":{},\"tokens_out\":{},\"cache_read_tokens\":{},\"duration_ms\":{},\"metadata\":{{\"content_preview\":\"The test number {n} compares two lists that are sorted differently\"}}}}",
                n % 4000,
                n % 700,
                n % 90_000,
                n % 20_000
            ),
            _ => write!(
                out,
                "\"event_type\":\"tool_use\",\"tool_name\":\"{}\",\"status\":\"success\",\"duration_ms\":{},\"metadata\":{{\"command\":\"cargo test -p app --lib parser::tests::case_{n}\",\"file_path\":\"/home/user/app/src/parser/case_{}.rs\"}}}}",
                TOOLS[turn as usize % 4],
                n % 3000,
                n % 500
            ),
        };
    }

    /// What Claude Code logs of requests and tools.
    fn export(&mut self, out: &mut String) {
        out.push_str("{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"claude-code\"}}]},\"scopeLogs\":[{\"logRecords\":[");
        let begin = SystemClock.now().0 as u64 * 1_000_000;
        for index in 0..BATCH {
            let (n, session, turn) = self.number();
            let is_request = turn % 3 == 0;
            let name = match is_request {
                true => "api_request",
                false => "tool_result",
            };
            let _ = write!(
                out,
                "{}{{\"timeUnixNano\":\"{}\",\"body\":{{\"stringValue\":\"claude_code.{name}\"}},\"attributes\":[{{\"key\":\"event.name\",\"value\":{{\"stringValue\":\"{name}\"}}}},{{\"key\":\"session.id\",\"value\":{{\"stringValue\":\"otel-{session:04}\"}}}},{{\"key\":\"event.sequence\",\"value\":{{\"intValue\":\"{n}\"}}}},",
                if index > 0 { "," } else { "" },
                begin + index as u64 * 1000,
            );
            let _ = if is_request {
                write!(
                    out,
                    "{{\"key\":\"request_id\",\"value\":{{\"stringValue\":\"req_{n}\"}}}},{{\"key\":\"model\",\"value\":{{\"stringValue\":\"claude-sonnet-4-5\"}}}},{{\"key\":\"input_tokens\",\"value\":{{\"intValue\":\"{}\"}}}},{{\"key\":\"output_tokens\",\"value\":{{\"intValue\":\"{}\"}}}},{{\"key\":\"duration_ms\",\"value\":{{\"intValue\":\"{}\"}}}}]}}",
                    n % 4000,
                    n % 700,
                    n % 20_000
                )
            } else {
                write!(
                    out,
                    "{{\"key\":\"tool_name\",\"value\":{{\"stringValue\":\"{}\"}}}},{{\"key\":\"tool_use_id\",\"value\":{{\"stringValue\":\"toolu_{n}\"}}}},{{\"key\":\"success\",\"value\":{{\"stringValue\":\"true\"}}}},{{\"key\":\"duration_ms\",\"value\":{{\"intValue\":\"{}\"}}}}]}}",
                    TOOLS[turn as usize % 4],
                    n % 3000
                )
            };
        }
        out.push_str("]}]}]}");
    }
}
