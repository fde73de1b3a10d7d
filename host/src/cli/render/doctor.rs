//! What `kst doctor` found.

use anstyle::Style;
use kst::session::{Finding, Verdict};
use kst::text::escape_controls;
use serde_json::{Value, json};

use super::style;

/// The findings by their areas, each with what to do about it.
pub fn full(findings: &[Finding], unicode: bool) -> String {
    let name = |finding: &Finding| escape_controls(&finding.name);
    let width = findings.iter().map(|one| name(one).chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    let mut area = "";
    for finding in findings {
        if finding.area != area {
            let gap = if area.is_empty() { "" } else { "\n" };
            area = finding.area;
            let bold = style::BOLD;
            out.push_str(&format!("{gap}{bold}{area}{bold:#}\n"));
        }
        let (mark, style) = mark(finding.verdict, unicode);
        let text = escape_controls(&finding.text);
        out.push_str(&format!("  {style}{mark}{style:#} {:width$}  {text}\n", name(finding)));
        if let Some(advice) = &finding.advice {
            let (hint, indent) = (style::HINT, " ".repeat(width));
            let advice = escape_controls(advice);
            out.push_str(&format!("    {indent}  {hint}hint:{hint:#} {advice}\n"));
        }
    }
    out
}

fn mark(verdict: Verdict, unicode: bool) -> (&'static str, Style) {
    match (verdict, unicode) {
        (Verdict::Good, true) => ("✓", style::GOOD),
        (Verdict::Good, false) => ("+", style::GOOD),
        (Verdict::Absent, true) => ("·", style::DIM),
        (Verdict::Absent, false) => ("-", style::DIM),
        (Verdict::Note, _) => ("!", style::WARNING),
        (Verdict::Problem, true) => ("✗", style::BAD),
        (Verdict::Problem, false) => ("x", style::BAD),
    }
}

/// The same for programs.
pub fn json(findings: &[Finding]) -> Value {
    let all: Vec<Value> = findings
        .iter()
        .map(|one| {
            json!({
                "area": one.area,
                "name": one.name,
                "state": one.verdict.as_str(),
                "text": one.text,
                "advice": one.advice,
            })
        })
        .collect();
    let ok = findings.iter().all(|one| one.verdict != Verdict::Problem);
    json!({ "version": env!("CARGO_PKG_VERSION"), "ok": ok, "findings": all })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_stand_below_their_areas() {
        let findings = [
            Finding::new("engines", "tmux", Verdict::Good, "3.3a, /usr/bin/tmux"),
            Finding::new("engines", "a\nb", Verdict::Problem, "down\u{1b}[2J").do_this("start it"),
            Finding::new("folders", "cache", Verdict::Absent, "none"),
        ];
        let plain = |unicode| {
            let text = full(&findings, unicode);
            String::from_utf8(kst::text::plain(text.as_bytes())).unwrap()
        };
        assert_eq!(
            plain(false),
            "engines\n  + tmux   3.3a, /usr/bin/tmux\n  x a\\nb   down\\x1b[2J\n           \
             hint: start it\n\nfolders\n  - cache  none\n"
        );
        assert!(plain(true).contains("  ✓ tmux"));
        let json = json(&findings);
        assert_eq!(
            (&json["ok"], &json["findings"][1]["state"]),
            (&false.into(), &"problem".into())
        );
    }
}
