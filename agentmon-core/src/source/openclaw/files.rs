//! OpenClaw and Clawdbot state folders: `sessions.json` and transcripts.
