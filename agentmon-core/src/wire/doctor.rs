//! `agentmon.doctor.v1`.

use serde::Serialize;

use crate::query::{Finding, Severity};

/// What was looked at and found.
#[must_use]
pub fn doctor(findings: &[Finding]) -> impl Serialize + '_ {
    Doctor {
        schema: "agentmon.doctor.v1",
        ok: findings
            .iter()
            .all(|finding| finding.severity < Severity::Problem),
        findings: findings
            .iter()
            .map(|finding| Item {
                severity: finding.severity.as_str(),
                subject: finding.subject,
                message: &finding.message,
                advice: finding.advice.as_deref(),
            })
            .collect(),
    }
}

#[derive(Serialize)]
struct Doctor<'a> {
    schema: &'static str,
    ok: bool,
    findings: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    severity: &'static str,
    subject: &'static str,
    message: &'a str,
    advice: Option<&'a str>,
}
