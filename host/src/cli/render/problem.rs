//! Problems of the config.

use kst::config::{Problem, Severity};
use kst::text::escape_controls;
use serde_json::{Value, json};

use super::style;

/// `FILE:LINE: KEY: what is wrong`
pub fn sentence(problem: &Problem) -> String {
    let mut text = String::new();
    if let Some(file) = &problem.file {
        text.push_str(&file.display().to_string());
        if let Some(line) = problem.line {
            text.push_str(&format!(":{line}"));
        }
        text.push_str(": ");
    }
    if let Some(key) = &problem.key {
        text.push_str(&format!("{key}: "));
    }
    text.push_str(&problem.what);
    escape_controls(&text)
}

/// The problem, the line of the file that has it, and what to do.
pub fn full(problem: &Problem) -> String {
    let (word, style) = match problem.severity {
        Severity::Error => ("error", style::ERROR),
        Severity::Warning => ("warning", style::WARNING),
    };
    let mut out = format!("{style}{word}:{style:#} {}\n", sentence(problem));
    if let Some(text) = &problem.text_line {
        let number = problem.line.map(|line| line.to_string()).unwrap_or_default();
        let dim = style::DIM;
        let text = escape_controls(text.trim_end());
        out.push_str(&format!("  {dim}{number:>4} |{dim:#} {text}\n"));
    }
    if let Some(advice) = &problem.advice {
        let hint = style::HINT;
        out.push_str(&format!("  {hint}hint:{hint:#} {}\n", escape_controls(advice)));
    }
    out
}

/// The problem for programs.
pub fn json(problem: &Problem) -> Value {
    json!({
        "severity": match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "file": problem.file.as_ref().map(|file| file.display().to_string()),
        "line": problem.line,
        "text": problem.text_line,
        "key": problem.key,
        "what": problem.what,
        "advice": problem.advice,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_its_line() {
        let problem = Problem {
            file: Some("kstlib.conf.yml".into()),
            line: Some(3),
            text_line: Some("    backnd: tmux\u{1b}[2J\n".into()),
            key: Some("ops.sessions.api.backnd".into()),
            what: "there is no such key".into(),
            advice: Some("did you mean 'backend'?".into()),
            severity: Severity::Error,
        };
        let text = String::from_utf8(kst::text::plain(full(&problem).as_bytes())).unwrap();
        assert_eq!(
            text,
            "error: kstlib.conf.yml:3: ops.sessions.api.backnd: there is no such key\n     \
             3 |     backnd: tmux\\x1b[2J\n  hint: did you mean 'backend'?\n"
        );
        assert_eq!(json(&problem)["line"], 3);
    }
}
