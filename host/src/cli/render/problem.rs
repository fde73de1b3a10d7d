//! Problems of the config.

use std::path::PathBuf;

use kst::config::{Problem, Severity};
use kst::text::escape_controls;

use super::style;

/// The problem, the line of the file that has it, and what to do.
pub fn full(problem: &Problem) -> String {
    let (word, style) = match problem.severity {
        Severity::Error => ("error", style::ERROR),
        Severity::Warning => ("warning", style::WARNING),
    };
    let sentence = escape_controls(&problem.to_string());
    let mut out = format!("{style}{word}:{style:#} {sentence}\n");
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

/// That there is no problem, and which files that is said of.
pub fn none(files: &[PathBuf]) -> String {
    if files.is_empty() {
        return "There is no config; 'kst config --help' says where it is looked for.\n".to_owned();
    }
    let file = |file: &PathBuf| escape_controls(&file.display().to_string());
    format!("The config is good: {}\n", files.iter().map(file).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_its_line() {
        let problem = Problem {
            file: "kstlib.conf.yml".into(),
            line: Some(3),
            text_line: Some("    backnd: tmux\u{1b}[2J\n".into()),
            key: "ops.sessions.api.backnd".into(),
            what: "there is no such key".into(),
            advice: Some("did you mean 'backend'?".into()),
            severity: Severity::Error,
            may_be_option: false,
        };
        let text = String::from_utf8(kst::text::plain(full(&problem).as_bytes())).unwrap();
        assert_eq!(
            text,
            "error: kstlib.conf.yml:3: ops.sessions.api.backnd: there is no such key\n     \
             3 |     backnd: tmux\\x1b[2J\n  hint: did you mean 'backend'?\n"
        );
    }
}
