//! Claude Code on stage.

use super::{HAIKU, OPUS, SONNET, scene};
use crate::demo::scene::Act::{
    Allow, Answer, AnswerAndRun, Ask, Broke, Compact, Die, Escalate, Fail, Got, Interrupt, Limit,
    Plan, Prompt, Quit, Use,
};
use crate::demo::scene::Tool::{Delegate, Edit, Read, Run};
use crate::demo::scene::{Agent, Scene};

/// Sessions that go on, or wait for the user.
pub(super) fn at_work() -> Vec<Scene> {
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

/// Sessions at rest, in trouble, or over.
pub(super) fn at_rest() -> Vec<Scene> {
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
