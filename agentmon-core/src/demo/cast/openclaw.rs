//! OpenClaw on stage.

use super::{OPUS, SONNET, scene};
use crate::demo::scene::Act::{Answer, Escalate, Got, Interrupt, Prompt, Use};
use crate::demo::scene::Tool::{Delegate, Edit, Read, Run};
use crate::demo::scene::{Agent, Scene};

/// Its conversations.
pub(super) fn scenes() -> Vec<Scene> {
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
