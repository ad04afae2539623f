//! Codex on stage.

use super::{GPT, SOL, scene};
use crate::demo::scene::Act::{Answer, Broke, Escalate, Got, Prompt, Use};
use crate::demo::scene::Tool::{Edit, Read, Run};
use crate::demo::scene::{Agent, Scene};

/// Its sessions.
pub(super) fn scenes() -> Vec<Scene> {
    let codex = Agent::Codex;
    vec![
        scene(
            "index",
            codex,
            GPT,
            ("search-service", "index-v3"),
            "Write index version 3",
            &[
                (
                    -800,
                    Prompt("Implement index version 3 as described in docs/index-v3.md."),
                ),
                (-780, Use(Read, "docs/index-v3.md")),
                (-778, Got("# Index version 3")),
                (-700, Use(Edit, "src/index/v3.rs")),
                (
                    -698,
                    Got("Success. Updated the following files: M src/index/v3.rs"),
                ),
                (-40, Use(Run, "cargo test index::v3")),
            ],
        )
        .context(58_000)
        .again(&[
            (22, Broke("test index::v3::merges_segments ... FAILED")),
            (11, Use(Edit, "src/index/merge.rs")),
            (
                3,
                Got("Success. Updated the following files: M src/index/merge.rs"),
            ),
            (8, Use(Run, "cargo test index::v3")),
            (24, Got("test result: ok. 31 passed")),
            (
                9,
                Answer("Version 3 reads and writes, and merges segments. 31 tests pass."),
            ),
            (16, Prompt("Add a benchmark against version 2.")),
            (12, Use(Run, "cargo bench --bench index")),
        ]),
        scene(
            "deploy",
            codex,
            SOL,
            ("api-gateway", "canary"),
            "Deploy the canary",
            &[
                (
                    -500,
                    Prompt("Deploy the canary to eu-1 and watch its error rate."),
                ),
                (-480, Use(Run, "cat deploy/canary.yaml")),
                (-479, Got("replicas: 1")),
                (
                    -95,
                    Escalate(
                        "kubectl apply -f deploy/canary.yaml",
                        "Deploying needs the network",
                    ),
                ),
            ],
        )
        .context(34_000)
        .again(&[
            (50, Got("deployment.apps/gateway-canary configured")),
            (15, Answer("The canary runs; its error rate is 0.02 %.")),
            (30, Prompt("Go on to eu-2.")),
            (
                12,
                Escalate(
                    "kubectl --context eu-2 apply -f deploy/canary.yaml",
                    "The same for eu-2",
                ),
            ),
        ]),
        scene(
            "silent",
            codex,
            GPT,
            ("warehouse", "forecast"),
            "Forecast next month's stock",
            &[
                (
                    -1700,
                    Prompt("Fit the forecast again with this year's numbers."),
                ),
                (-1690, Use(Run, "ls data/2026")),
                (-1689, Got("01.csv 02.csv 03.csv")),
                (-560, Prompt("Leave out the holidays.")),
            ],
        )
        .context(47_000),
        scene(
            "review",
            codex,
            SOL,
            ("shop", "checkout-v2"),
            "Review the tax change",
            &[
                (-5400, Prompt("Review the last commit.")),
                (-5390, Use(Run, "git show --stat HEAD")),
                (-5389, Got("src/checkout/tax.ts | 14 +++---")),
                (
                    -5200,
                    Answer("Two remarks: the rate is read twice, and a test for zero is missing."),
                ),
            ],
        )
        .context(25_000),
    ]
}
