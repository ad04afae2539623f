//! Gemini CLI, opencode and GitHub Copilot CLI on stage.

use super::{GEMINI, GPT, SONNET, scene};
use crate::demo::scene::Act::{Answer, Escalate, Fail, Got, Interrupt, Prompt, Quit, Use};
use crate::demo::scene::Tool::{Edit, Read, Run};
use crate::demo::scene::{Agent, Scene};

/// Their sessions.
pub(super) fn scenes() -> Vec<Scene> {
    vec![
        scene(
            "help pages",
            Agent::Gemini,
            GEMINI,
            ("docs-site", "polish"),
            "Translate the help pages",
            &[
                (-600, Prompt("Translate the help pages into Polish.")),
                (-590, Use(Read, "help/returns.md")),
                (-588, Got("# Returns\nSend it back within thirty days.")),
                (-40, Use(Edit, "help/pl/returns.md")),
                (-20, Got("Saved.")),
            ],
        )
        .context(31_000)
        .again(&[
            (15, Use(Read, "help/delivery.md")),
            (6, Got("# Delivery\nTwo to four days.")),
            (20, Use(Edit, "help/pl/delivery.md")),
            (8, Got("Saved.")),
        ]),
        scene(
            "alt texts",
            Agent::Gemini,
            GEMINI,
            ("docs-site", "main"),
            "Describe every picture",
            &[
                (-2600, Prompt("Write alternative texts for all pictures.")),
                (-2590, Use(Run, "ls static/pictures | wc -l")),
                (-2588, Got("212")),
                (
                    -2500,
                    Fail("error", "The model is overloaded. Try again later."),
                ),
            ],
        ),
        scene(
            "slots",
            Agent::OpenCode,
            SONNET,
            ("warehouse", "slots"),
            "Sort the delivery slots",
            &[
                (-900, Prompt("Show the delivery slots by district.")),
                (-890, Use(Read, "src/slots.ts")),
                (-888, Got("export const slots = [")),
                (-45, Use(Run, "bun test slots")),
            ],
        )
        .context(26_000)
        .again(&[
            (12, Got("14 pass, 1 fail")),
            (15, Use(Edit, "src/slots.ts")),
            (4, Got("Edit applied.")),
            (10, Use(Run, "bun test slots")),
        ]),
        scene(
            "stylesheet",
            Agent::OpenCode,
            SONNET,
            ("shop", "tidy-css"),
            "Tidy the stylesheet",
            &[
                (-1500, Prompt("Remove rules that no page uses.")),
                (-1490, Use(Run, "npx purgecss --dry-run")),
                (-1470, Got("312 of 2041 rules unused")),
                (-1400, Use(Edit, "styles/main.css")),
                (-1395, Got("Edit applied.")),
                (
                    -240,
                    Answer("312 rules are gone; the sheet is 18 kB smaller."),
                ),
            ],
        ),
        scene(
            "rename",
            Agent::OpenCode,
            SONNET,
            ("billing", "main"),
            "Rename the tax fields",
            &[
                (-5200, Prompt("Rename vat to tax everywhere.")),
                (-5190, Use(Run, "rg -l vat src")),
                (-5100, Interrupt),
            ],
        ),
        scene(
            "publish",
            Agent::Copilot,
            GPT,
            ("api-gateway", "release"),
            "Publish the client library.",
            &[
                (-700, Prompt("Publish the client library.")),
                (-690, Use(Run, "npm pack --dry-run")),
                (-680, Got("client-4.2.0.tgz, 61 kB")),
                (
                    -210,
                    Escalate("npm publish --access public", "Publish version 4.2.0"),
                ),
            ],
        )
        .context(19_000),
        scene(
            "changelog",
            Agent::Copilot,
            GPT,
            ("api-gateway", "main"),
            "Write the changelog of 4.2.",
            &[
                (-9000, Prompt("Write the changelog of 4.2.")),
                (-8990, Use(Run, "git log --oneline v4.1..")),
                (-8985, Got("37 commits")),
                (-8900, Answer("The changelog has nine entries now.")),
                (-8700, Quit),
            ],
        ),
    ]
}
