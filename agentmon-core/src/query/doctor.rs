//! What is wrong with an installation, and what to do about it.

use std::collections::HashSet;
use std::path::PathBuf;

use crate::model::Timestamp;
use crate::pricing::{PriceBook, PriceWarning};

use super::database::DbCheck;
use super::source::{RootState, SourceReport};
use super::usage::UsageReport;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// All is well.
    Good,
    /// Worth knowing.
    Note,
    /// Figures or states may be missing or wrong.
    Problem,
}

impl Severity {
    /// The name used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Note => "note",
            Self::Problem => "problem",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// What was looked at: `configuration`, `database`, `sources`, `prices`.
    pub subject: &'static str,
    /// What was found.
    pub message: String,
    /// What to do, if anything is to be done.
    pub advice: Option<String>,
}

impl Finding {
    /// A finding about a subject.
    pub fn new(severity: Severity, subject: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity,
            subject,
            message: message.into(),
            advice: None,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

/// Judges the database.
#[must_use]
pub fn judge_database(
    check: &DbCheck,
    moved_aside: Option<&PathBuf>,
    other_writer: Option<u32>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for problem in &check.problems {
        let advice = "move the database away and let agentmon read everything anew; `agentmon db backup` keeps what is left";
        findings.push(Finding::new(Severity::Problem, "database", &**problem).advise(advice));
    }
    if let Some(path) = moved_aside {
        let message = format!("it was damaged and moved to {}", path.display());
        findings.push(
            Finding::new(Severity::Problem, "database", message)
                .advise("what agents have since deleted is only there; keep the file"),
        );
    }
    if let Some(pid) = other_writer {
        let message = format!("process {pid} keeps it up to date; this one only reads");
        findings.push(Finding::new(Severity::Note, "database", message));
    }
    if findings
        .iter()
        .all(|finding| finding.severity < Severity::Problem)
    {
        findings.insert(0, Finding::new(Severity::Good, "database", "sound"));
    }
    findings
}

/// Judges the sources.
#[must_use]
pub fn judge_sources(reports: &[SourceReport]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for report in reports {
        let root = report.root.display();
        match &report.state {
            RootState::Read => {
                let message = format!(
                    "{}: {root}: {} files, {} sessions",
                    report.agent, report.files, report.sessions
                );
                findings.push(Finding::new(Severity::Good, "sources", message));
            }
            RootState::Unreadable(error) => {
                let message = format!("{}: {root}: {error}", report.agent);
                findings.push(
                    Finding::new(Severity::Problem, "sources", message)
                        .advise("give this user the right to read it"),
                );
            }
            // Most people use few of the agents that there are.
            RootState::Missing
            | RootState::Disabled
            | RootState::Configured
            | RootState::Connecting
            | RootState::Connected => {}
        }
        let skipped: u64 = report.problems.iter().map(|problem| problem.count).sum();
        if skipped > 0 {
            let message = format!(
                "{}: {root}: {skipped} records or files were skipped",
                report.agent
            );
            findings.push(
                Finding::new(Severity::Note, "sources", message)
                    .advise("`agentmon sources --problems` lists them"),
            );
        }
    }
    if !reports.iter().any(|report| report.files > 0) {
        findings.push(
            Finding::new(Severity::Problem, "sources", "no agent has left any file")
                .advise("`agentmon sources` shows where was looked; add roots under [sources] in the configuration"),
        );
    }
    findings
}

/// What may be wrong with the prices of the models of a report over them.
#[must_use]
pub fn price_warnings<'a>(
    prices: &'a PriceBook,
    models: &UsageReport,
    now: Timestamp,
) -> Vec<PriceWarning<'a>> {
    let rows = models.rows.iter().filter_map(|row| row.model.as_deref());
    let used = rows.filter_map(|model| prices.lookup(model));
    let (names, providers): (HashSet<_>, HashSet<_>) =
        used.map(|model| (model.name(), model.provider())).unzip();
    let mut warnings = prices.check(now);
    warnings.retain(|warning| match warning {
        PriceWarning::NoCacheRate { model } | PriceWarning::Disputed { model, .. } => {
            names.contains(model)
        }
        PriceWarning::CalendarEnded { provider, .. } => providers.contains(provider),
        PriceWarning::Stale { .. } => true,
    });
    warnings
}

/// Judges the prices of the models of a report over them.
#[must_use]
pub fn judge_prices(prices: &PriceBook, models: &UsageReport, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    for warning in price_warnings(prices, models, now) {
        let finding = Finding::new(Severity::Note, "prices", warning.to_string());
        findings.push(finding.advise("update agentmon, or set [[prices]] in the configuration"));
    }
    for unpriced in &models.unpriced {
        let message = format!("no price is known for {}", unpriced.model);
        findings.push(Finding::new(Severity::Problem, "prices", message).advise(
            "set [[prices]] in the configuration; its calls are left out of costs until then",
        ));
    }
    if models.unpriced.is_empty() {
        findings.push(Finding::new(
            Severity::Good,
            "prices",
            "every model in use has a price",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AgentKind, Span};
    use crate::query::{
        ReportKind, SourceProblem, Sums, Unpriced, UsageData, UsageQuery, UsageRow, report,
    };

    fn report_over(kind: ReportKind) -> UsageReport {
        let query = UsageQuery::new(kind);
        report(&query, &UsageData::default(), None, Timestamp(0))
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_do() {
        let report = |state: RootState, files, problems: u64| SourceReport {
            format: "codex".into(),
            agent: AgentKind::Codex,
            root: "/x".into(),
            origin: "default".into(),
            state,
            files,
            bytes: 0,
            sessions: 1,
            newest: None,
            problems: (0..problems)
                .map(|_| SourceProblem {
                    kind: crate::model::ProblemKind::Malformed,
                    file: "/x/y".into(),
                    offset: 0,
                    detail: "".into(),
                    count: 2,
                })
                .collect(),
        };
        let graver = |findings: Vec<Finding>| -> Vec<(Severity, String)> {
            findings
                .into_iter()
                .filter(|finding| finding.severity > Severity::Good)
                .inspect(|finding| assert!(finding.advice.is_some(), "{finding:?}"))
                .map(|finding| (finding.severity, finding.message))
                .collect()
        };
        let missing = report(RootState::Missing, 0, 0);
        let read = report(RootState::Read, 3, 1);
        let unreadable = report(RootState::Unreadable("permission denied".into()), 0, 0);
        let nothing = (Severity::Problem, "no agent has left any file".to_owned());
        assert_eq!(
            graver(judge_sources(std::slice::from_ref(&missing))),
            [nothing]
        );
        assert_eq!(
            graver(judge_sources(&[missing, read, unreadable])),
            [
                (
                    Severity::Note,
                    "codex: /x: 2 records or files were skipped".to_owned()
                ),
                (Severity::Problem, "codex: /x: permission denied".to_owned()),
            ]
        );
        let sound = judge_database(&DbCheck::default(), None, Some(7));
        assert_eq!(sound[0].severity, Severity::Good);
        assert_eq!(sound[1].severity, Severity::Note);
        let now = PriceBook::embedded().built();
        let mut models = report_over(ReportKind::Models);
        models.unpriced.push(Unpriced {
            model: "mystery".into(),
            requests: 1,
            tokens: 1,
        });
        let prices = judge_prices(PriceBook::embedded(), &models, now);
        assert_eq!(
            graver(prices),
            [(
                Severity::Problem,
                "no price is known for mystery".to_owned()
            )]
        );
    }

    #[test]
    fn only_prices_in_use_are_warned_of() {
        let prices = PriceBook::embedded();
        let row = |model: &str| UsageRow {
            period: None,
            session: None,
            title: None,
            agent: None,
            model: Some(model.into()),
            project: None,
            host: None,
            first: Timestamp(0),
            last: Timestamp(0),
            sums: Sums::default(),
        };
        let said = |models: &[&str]| -> Vec<_> {
            let mut report = report_over(ReportKind::Models);
            report.rows.extend(models.iter().map(|model| row(model)));
            let findings = judge_prices(
                prices,
                &report,
                prices.built() + Span::from_mins(50 * 24 * 60),
            );
            findings
                .into_iter()
                .map(|finding| (finding.severity, finding.message))
                .collect()
        };
        let fine = (Severity::Good, "every model in use has a price".to_owned());
        assert_eq!(said(&["claude-opus-5-5"]), std::slice::from_ref(&fine));
        let calendar =
            "deepseek: holidays after 2026-12-31 are not known, peak prices may be wrong";
        assert_eq!(
            said(&["deepseek-chat"]),
            [(Severity::Note, calendar.to_owned()), fine]
        );
    }
}
