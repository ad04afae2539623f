//! The weeks before: sessions that came to an end, a few on every working day, for reports and searches to find.

use super::random::Random;
use super::scene::{Act, Agent, Scene, Tool};
use crate::model::Timestamp;

const DAY: i64 = 86_400;

/// Where people worked on what: project, branch, title, what was asked, and what was answered.
const TASKS: [(&str, &str, &str, &str, &str); 12] = [
    (
        "shop",
        "main",
        "Speed up the product page",
        "The product page takes two seconds. Make it fast.",
        "Images load lazily now; the page takes 0.6 s.",
    ),
    (
        "shop",
        "vouchers",
        "Add voucher codes",
        "Customers want voucher codes at the checkout.",
        "Vouchers work for amounts and for percentages.",
    ),
    (
        "billing",
        "main",
        "Send invoices as e-mail",
        "Send invoices by e-mail instead of letters.",
        "Invoices go out by e-mail, with the letter as a fallback.",
    ),
    (
        "billing",
        "sepa",
        "Read SEPA returns",
        "Read returned direct debits from the bank's file.",
        "Returns are read and shown beside the invoice.",
    ),
    (
        "search-service",
        "main",
        "Find synonyms",
        "'couch' should find sofas.",
        "Synonyms are read from a file and expanded at query time.",
    ),
    (
        "search-service",
        "typos",
        "Forgive typing errors",
        "One wrong letter must not lead to an empty page.",
        "Words with one edit match, ranked lower.",
    ),
    (
        "api-gateway",
        "main",
        "Log slow requests",
        "Log every request that takes longer than a second.",
        "Slow requests are logged with their route and time.",
    ),
    (
        "mobile-app",
        "main",
        "Fix the crash on start",
        "The app crashes on start with an empty profile.",
        "An empty profile is a profile now, and there is a test.",
    ),
    (
        "docs-site",
        "main",
        "Explain returns",
        "Write a page on how returns work.",
        "The page is written, with a picture of the label.",
    ),
    (
        "infra",
        "main",
        "Renew certificates",
        "Certificates expire next week. Automate it.",
        "They renew themselves thirty days ahead.",
    ),
    (
        "warehouse",
        "main",
        "Count stock twice a day",
        "Run the stock count twice a day.",
        "It runs at 6:00 and 18:00 and reports differences.",
    ),
    (
        "assistant",
        "main",
        "Plan the week",
        "What is on this week?",
        "Two deliveries, one audit, and the dentist on Thursday.",
    ),
];

/// What is done in between: a tool, what it is given, and what comes of it.
const STEPS: [(Tool, &str, &str); 7] = [
    (Tool::Read, "README.md", "# Read me first"),
    (Tool::Run, "git status --short", " M src/main.ts"),
    (Tool::Run, "rg -n TODO src", "src/main.ts:12: // TODO"),
    (
        Tool::Edit,
        "src/main.ts",
        "The file src/main.ts has been updated.",
    ),
    (Tool::Run, "npm test", "128 passing (9s)"),
    (Tool::Run, "npm run lint", "0 problems"),
    (Tool::Read, "package.json", "{ \"name\": \"demo\" }"),
];

/// Sessions of the `days` before `now`, the oldest first.
pub(super) fn scenes(seed: u64, days: u32, now: Timestamp) -> Vec<Scene> {
    let mut random = Random::new(seed, "history");
    let mut scenes = Vec::new();
    for day in (1..=i64::from(days)).rev() {
        // 1970-01-01 was a Thursday: Saturdays and Sundays are quiet.
        let weekday = (now.0 / 1000 / DAY - day).rem_euclid(7);
        let sessions = match weekday {
            2 | 3 => random.between(0, 2),
            _ => random.between(3, 7),
        };
        for number in 0..sessions {
            // Spread over ten hours, none of them within the last half day.
            let begin = -day * DAY - random.between(0, 36_000) as i64;
            scenes.push(session(&mut random, begin, &format!("day {day} {number}")));
        }
    }
    scenes
}

fn session(random: &mut Random, begin: i64, name: &str) -> Scene {
    let &(project, branch, title, prompt, answer) = random.pick(&TASKS);
    let (agent, model) = match (project, random.between(0, 10)) {
        ("assistant", _) => (main_chat(), "claude-sonnet-5-5"),
        (_, 0..3) => (Agent::Claude, "claude-opus-5-5"),
        (_, 3..5) => (Agent::Claude, "claude-sonnet-5-5"),
        (_, 5) => (Agent::Codex, "gpt-5.5"),
        (_, 6) => (Agent::Codex, "gpt-6-sol"),
        (_, 7) => (Agent::Gemini, "gemini-3.1-pro-preview"),
        (_, 8) => (Agent::OpenCode, "claude-sonnet-5-5"),
        _ => (Agent::Copilot, "gpt-5.5"),
    };
    let mut at = begin;
    let mut acts = vec![(at, Act::Prompt(prompt))];
    for _ in 0..random.between(5, 16) {
        let &(tool, argument, output) = random.pick(&STEPS);
        at += random.between(8, 60) as i64;
        acts.push((at, Act::Use(tool, argument)));
        at += random.between(1, 90) as i64;
        acts.push((at, Act::Got(output)));
    }
    at += random.between(5, 40) as i64;
    acts.push((at, Act::Answer(answer)));
    if matches!(agent, Agent::Claude | Agent::Copilot) {
        acts.push((at + 60, Act::Quit));
    }
    Scene {
        name: name.to_owned(),
        agent,
        model,
        project,
        branch,
        title,
        context: random.between(18_000, 90_000),
        acts,
        again: Vec::new(),
    }
}

/// Every conversation of the past was one of its own: the key leads to the latest.
fn main_chat() -> Agent {
    Agent::OpenClaw {
        agent: "main",
        key: "main",
        spawned_by: None,
    }
}
