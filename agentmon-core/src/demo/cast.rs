//! Who is on stage: a session in every state, in made-up projects of a made-up shop.
//!
//! Times are seconds from the beginning of the demo. `again` goes on from the last act while the demo is live.

use super::scene::{Act, Agent, Scene, Tool};

use Act::{
    Allow, Answer, AnswerAndRun, Ask, Broke, Compact, Die, Escalate, Fail, Got, Interrupt, Limit,
    Plan, Prompt, Quit, Use,
};
use Tool::{Delegate, Edit, Read, Run};

const OPUS: &str = "claude-opus-5-5";
const SONNET: &str = "claude-sonnet-5-5";
const HAIKU: &str = "claude-haiku-5-5";
const GPT: &str = "gpt-5.5";
const SOL: &str = "gpt-6-sol";

fn scene(
    name: &str,
    agent: Agent,
    model: &'static str,
    (project, branch): (&'static str, &'static str),
    title: &'static str,
    acts: &[(i64, Act)],
) -> Scene {
    Scene {
        name: name.to_owned(),
        agent,
        model,
        project,
        branch,
        title,
        context: 21_000,
        acts: acts.to_vec(),
        again: Vec::new(),
    }
}

impl Scene {
    /// What goes on while the demo is live.
    fn again(mut self, acts: &[(i64, Act)]) -> Self {
        self.again = acts.to_vec();
        self
    }

    /// How full the context is to begin with.
    fn context(mut self, tokens: u64) -> Self {
        self.context = tokens;
        self
    }
}

/// All scenes.
pub(super) fn scenes() -> Vec<Scene> {
    let mut scenes = claude_code();
    scenes.extend(claude_code_at_rest());
    scenes.extend(codex());
    scenes.extend(openclaw());
    scenes
}

fn claude_code() -> Vec<Scene> {
    let claude = Agent::Claude;
    let shop = ("shop", "checkout-v2");
    vec![
        scene("tests", claude, OPUS, shop, "Make the checkout tests pass", &[
            (-540, Prompt("Three checkout tests fail since the new tax rules. Find out why and fix it.")),
            (-528, Use(Run, "npm test -- checkout")),
            (-490, Broke("3 failing: totals with reduced tax are off by one cent")),
            (-470, Use(Read, "src/checkout/tax.ts")),
            (-468, Got("export function tax(net: Money, rate: Rate): Money { ... }")),
            (-430, Use(Edit, "src/checkout/tax.ts")),
            (-428, Got("The file src/checkout/tax.ts has been updated.")),
            (-24, Use(Run, "npm test -- checkout --coverage")),
        ])
        .context(64_000)
        .again(&[
            (20, Got("47 passing (18s)")),
            (6, Use(Edit, "src/checkout/rounding.ts")),
            (2, Got("The file src/checkout/rounding.ts has been updated.")),
            (5, Use(Run, "npm run lint")),
            (9, Got("0 problems")),
            (6, Answer("All 47 checkout tests pass. The tax is rounded once, at the end.")),
            (18, Prompt("Good. Now the same for the refund tests.")),
            (7, Use(Run, "npm test -- refund")),
        ]),
        scene("migrate", claude, OPUS, ("shop", "main"), "Add a column for gift notes", &[
            (-660, Prompt("Orders need an optional gift note. Add the column and the migration.")),
            (-640, Use(Read, "db/schema.sql")),
            (-638, Got("create table orders (...)")),
            (-600, Use(Edit, "db/migrations/0042_gift_note.sql")),
            (-598, Got("The file has been created.")),
            (-190, Escalate("npm run db:migrate -- --env staging", "Apply migration 0042 to staging")),
        ])
        .context(38_000)
        .again(&[
            (25, Allow),
            (8, Got("Applied 0042_gift_note in 1.2s")),
            (9, Answer("The column is there, on staging too.")),
            (20, Prompt("Backfill it for open orders.")),
            (10, Escalate("psql staging -f db/backfill/gift_note.sql", "Fill in the new column")),
            (60, Allow),
            (4, Got("UPDATE 312")),
            (5, Answer("312 open orders have an empty gift note now.")),
            (15, Prompt("Now write the down migration.")),
            (8, Escalate("npm run db:migrate -- --down --env staging", "Try the down migration")),
        ]),
        scene("rounding", claude, SONNET, ("billing", "fix-rounding"), "Round invoice totals as the law wants", &[
            (-1500, Prompt("Invoice totals differ from the bank by cents. Fix the rounding.")),
            (-1480, Use(Run, "rg -n 'round\\(' src")),
            (-1478, Got("src/invoice.ts:88: return round(total * 100) / 100")),
            (-700, Ask("Round half up, as on the printed invoices, or half to even, as the bank does?")),
        ])
        .context(29_000),
        scene("plan", claude, OPUS, ("docs-site", "search"), "Search for the docs without a server", &[
            (-2400, Prompt("Plan a search for the docs that needs no server.")),
            (-2380, Use(Read, "astro.config.mjs")),
            (-2378, Got("export default defineConfig({ ... })")),
            (-1580, Plan("1. Build an index at compile time\n2. Load it on first focus\n3. Rank titles above text")),
        ])
        .context(33_000),
        scene("explore", claude, OPUS, ("search-service", "ranking"), "Find what makes ranking slow", &[
            (-420, Prompt("Ranking got slow last week. Find out why; use two agents.")),
            (-400, Use(Delegate, "Profile the scorer")),
        ])
        .context(52_000)
        .again(&[
            (45, Got("The scorer spends 61 % in tokenisation.")),
            (12, Use(Delegate, "Look at the tokenizer's history")),
            (50, Got("Commit 4f1c2aa turned the cache off.")),
            (10, Answer("Tokenisation is not cached since 4f1c2aa. I can turn it on again.")),
            (25, Prompt("Do it, and measure before and after.")),
            (9, Use(Delegate, "Measure ranking with and without the cache")),
        ]),
        scene(
            "explore/profile",
            Agent::ClaudeSubagent { of: "explore", role: "Explore" },
            HAIKU,
            ("search-service", "ranking"),
            "Profile the scorer",
            &[
                (-398, Prompt("Profile the scorer")),
                (-380, Use(Run, "cargo bench --bench scorer")),
                (-330, Got("score 812 us (+61 %)")),
                (-35, Use(Run, "perf report --stdio | head -40")),
            ],
        )
        .again(&[
            (18, Got("61.2 % tokenize")),
            (9, Use(Read, "src/tokenize.rs")),
            (4, Got("pub fn tokenize(text: &str) -> Vec<Token> { ... }")), (12, Use(Run, "perf report --stdio | head -40")),
        ]),
        scene(
            "explore/history",
            Agent::ClaudeSubagent { of: "explore", role: "Explore" },
            HAIKU,
            ("search-service", "ranking"),
            "Read the history of the scorer",
            &[
                (-396, Prompt("Read the history of the scorer")),
                (-370, Use(Run, "git log --oneline -20 -- src/score.rs")),
                (-368, Got("4f1c2aa Simplify the token cache")),
                (-60, Use(Run, "git show 4f1c2aa --stat")),
            ],
        )
        .again(&[
            (15, Got("2 files changed, 4 insertions(+), 31 deletions(-)")),
            (8, Answer("4f1c2aa removed the cache in front of the tokenizer.")), (40, Prompt("Was that on purpose?")), (6, Use(Run, "git show 4f1c2aa")),
        ]),
        scene(
            "job",
            Agent::ClaudeJob,
            SONNET,
            ("mobile-app", "release-8.2"),
            "Prepare release 8.2",
            &[
                (-1300, Prompt("Prepare release 8.2: version, changelog, clean build.")),
                (-1280, Use(Edit, "CHANGELOG.md")),
                (-1278, Got("The file CHANGELOG.md has been updated.")),
                (-420, Escalate("rm -rf build/ && npm run build:release", "Build from a clean folder")),
            ],
        ),
    ]
}

fn claude_code_at_rest() -> Vec<Scene> {
    let claude = Agent::Claude;
    vec![
        scene(
            "done",
            claude,
            SONNET,
            ("api-gateway", "main"),
            "Answer 429 with Retry-After",
            &[
                (-1900, Prompt("Our 429 answers lack Retry-After. Add it.")),
                (-1890, Use(Edit, "src/limit.rs")),
                (-1888, Got("The file src/limit.rs has been updated.")),
                (-1700, Use(Run, "cargo test limit")),
                (-1650, Got("test result: ok. 12 passed")),
                (-1640, Compact),
                (
                    -410,
                    Answer("429 answers now carry Retry-After, in seconds. 12 tests pass."),
                ),
            ],
        )
        .context(88_000),
        scene(
            "server",
            claude,
            OPUS,
            ("docs-site", "main"),
            "Try the new theme",
            &[
                (
                    -900,
                    Prompt("Start the preview server and check the dark theme."),
                ),
                (-880, Use(Run, "npm run dev")),
                (-878, Got("Command running in background with ID: b1")),
                (
                    -610,
                    AnswerAndRun(
                        "The preview runs at http://127.0.0.1:4321. The dark theme looks right.",
                    ),
                ),
            ],
        )
        .context(26_000),
        scene(
            "overloaded",
            claude,
            OPUS,
            ("mobile-app", "offline"),
            "Keep the cart while offline",
            &[
                (-1200, Prompt("The cart must survive going offline.")),
                (-1180, Use(Read, "src/cart/store.ts")),
                (-1178, Got("export const cart = createStore(...)")),
                (
                    -840,
                    Fail(
                        "overloaded",
                        "API Error: 529 Overloaded. The API is at capacity; try again later.",
                    ),
                ),
            ],
        )
        .context(45_000),
        scene(
            "limit",
            claude,
            OPUS,
            ("infra", "cheaper-nodes"),
            "Move batch jobs to cheaper nodes",
            &[
                (-3000, Prompt("Which batch jobs could run on spot nodes?")),
                (-2980, Use(Run, "kubectl get cronjobs -A")),
                (-2977, Got("17 cron jobs")),
                (-1080, Limit(95)),
            ],
        )
        .context(71_000),
        scene(
            "crash",
            claude,
            OPUS,
            ("warehouse", "main"),
            "Import last year's stock",
            &[
                (
                    -2700,
                    Prompt("Import stock-2025.csv into the warehouse database."),
                ),
                (-2690, Use(Run, "python import_stock.py stock-2025.csv")),
                (-2100, Die),
            ],
        )
        .context(31_000),
        scene(
            "stopped",
            claude,
            SONNET,
            ("warehouse", "barcodes"),
            "Read barcodes from photos",
            &[
                (-4000, Prompt("Try two libraries for reading barcodes.")),
                (-3990, Use(Run, "pip download zxing-cpp")),
                (-3950, Interrupt),
            ],
        )
        .context(24_000),
        scene(
            "ended",
            claude,
            SONNET,
            ("billing", "main"),
            "Explain the dunning job",
            &[
                (
                    -9000,
                    Prompt("What does the dunning job do, in five sentences?"),
                ),
                (-8990, Use(Read, "jobs/dunning.ts")),
                (-8985, Got("export async function dunning() { ... }")),
                (
                    -8900,
                    Answer("It looks for invoices that are 14, 21 and 30 days late, ..."),
                ),
                (-8600, Quit),
            ],
        )
        .context(22_000),
    ]
}

fn codex() -> Vec<Scene> {
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

fn openclaw() -> Vec<Scene> {
    let agent = |agent, key, spawned_by| Agent::OpenClaw {
        agent,
        key,
        spawned_by,
    };
    let home = ("assistant", "main");
    vec![
        scene(
            "mail",
            agent("main", "telegram:direct:700100", None),
            SONNET,
            home,
            "Morning mail",
            &[
                (-4200, Prompt("What came in over night?")),
                (-4190, Use(Run, "himalaya list --new")),
                (-4188, Got("7 new messages")),
                (-300, Prompt("Draft an answer to the supplier.")),
                (-280, Use(Run, "himalaya read 4711")),
                (-30, Got("When can we expect the pallets?")),
            ],
        )
        .context(18_000)
        .again(&[
            (14, Use(Edit, "drafts/supplier.md")),
            (6, Got("Saved.")),
            (8, Answer("The draft is ready: pallets arrive on Tuesday.")),
            (40, Prompt("Make it friendlier.")),
            (9, Use(Edit, "drafts/supplier.md")),
            (5, Got("Saved.")),
        ]),
        scene(
            "approve",
            agent("main", "telegram:group:-100200", None),
            SONNET,
            home,
            "Warehouse group",
            &[
                (-1000, Prompt("Can you restart the label printer?")),
                (
                    -150,
                    Escalate(
                        "ssh printer-3 sudo systemctl restart cups",
                        "Restarting needs root",
                    ),
                ),
            ],
        )
        .context(16_000),
        scene(
            "research",
            agent("research", "main", None),
            OPUS,
            home,
            "Compare parcel services",
            &[
                (
                    -2000,
                    Prompt("Compare three parcel services for bulky goods."),
                ),
                (-1980, Use(Delegate, "Prices of the northern one")),
                (-1975, Got("Started.")),
                (-50, Use(Read, "notes/parcels.md")),
            ],
        )
        .context(27_000)
        .again(&[
            (12, Got("# Parcels")),
            (10, Use(Edit, "notes/parcels.md")),
            (8, Got("Saved.")),
            (11, Use(Read, "notes/parcels.md")),
        ]),
        scene(
            "prices",
            agent("research", "subagent:northern", Some("main")),
            SONNET,
            home,
            "Prices of the northern one",
            &[
                (-1970, Prompt("Find the prices for bulky goods.")),
                (-1960, Use(Read, "pages/northern.html")),
                (-70, Got("From 18.90 a parcel")),
            ],
        )
        .again(&[
            (20, Answer("18.90 up to 40 kg, 29.50 above.")),
            (70, Prompt("And for islands?")),
            (9, Use(Read, "pages/northern-islands.html")),
            (30, Got("Plus 12.00 a parcel")),
        ]),
        scene(
            "killed",
            agent("main", "cron:nightly", None),
            SONNET,
            home,
            "Nightly report",
            &[
                (-20_000, Prompt("Write the nightly report.")),
                (-19_990, Use(Run, "node report.mjs")),
                (-19_400, Interrupt),
            ],
        )
        .context(15_000),
    ]
}
