//! From a command as its user gave it to the words that are run.

use super::Command;
use super::validate::{MAX_COMMAND, character, quoted};
use crate::{Error, Result};

/// The shell of this machine.
const SHELL_HERE: &str = "/bin/sh";
/// The shell of a place whose files kst does not know: found there on the PATH.
const SHELL_ELSEWHERE: &str = "sh";

/// First words that only a shell understands. A text that begins with one goes to the shell, like
/// a text with expansions.
const SHELL_WORDS: [&str; 52] = [
    "!", "{", "}", "if", "then", "else", "elif", "fi", "for", "in", "do", "done", "while", "until",
    "case", "esac", ".", ":", "alias", "bg", "break", "cd", "command", "continue", "eval", "exec",
    "exit", "export", "fc", "fg", "getopts", "hash", "jobs", "local", "read", "readonly", "return",
    "set", "shift", "source", "times", "trap", "type", "ulimit", "umask", "unalias", "unset",
    "wait", "builtin", "let", "declare", "typeset",
];

/// The words to run for a command; the first is the program, never empty.
///
/// `placement_here`: whether the session's processes run on this machine (the backend's placement).
///
/// - [`Command::Words`] are run as they are.
/// - [`Command::Text`], at most [`MAX_COMMAND`] characters, is split into words by the rules of the
///   POSIX shell and run without one. What a quote or backslash protects is just characters.
///   Operators and command substitutions outside quotes are refused. Expansions (`$HOME`, `~`,
///   `*`), assignments before the program, comments, and first words that only a shell understands
///   (`exit 3`) are left to `sh` on this machine, and are plain words elsewhere.
/// - [`Command::Shell`], of the same length, is for `sh -c`.
///
/// Nothing with a NUL character can be run.
///
/// ```
/// use kst::session::Command;
/// use kst::session::command::resolve;
///
/// # fn main() -> kst::Result<()> {
/// let text = Command::Text("grep -e 'a b' file".into());
/// assert_eq!(resolve(&text, true)?, ["grep", "-e", "a b", "file"]);
/// assert!(resolve(&Command::Text("make && run".into()), true).is_err());
/// assert_eq!(resolve(&Command::Shell("make && run".into()), true)?.last().unwrap(), "make && run");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Error::Invalid`], with the way out as its advice.
pub fn resolve(command: &Command, placement_here: bool) -> Result<Vec<String>> {
    match command {
        Command::Words(words) => {
            if words.first().is_none_or(String::is_empty) {
                return Err(empty());
            }
            words.iter().try_for_each(|word| no_nul(word))?;
            Ok(words.clone())
        }
        Command::Text(text) => {
            check_text(text)?;
            let split = split(text)?;
            if placement_here && split.needs_shell {
                return Ok(shell(text, placement_here));
            }
            if split.words.first().is_none_or(String::is_empty) {
                return Err(empty());
            }
            Ok(split.words)
        }
        Command::Shell(text) => {
            check_text(text)?;
            Ok(shell(text, placement_here))
        }
    }
}

fn shell(text: &str, placement_here: bool) -> Vec<String> {
    let shell = if placement_here { SHELL_HERE } else { SHELL_ELSEWHERE };
    // A text that begins with a dash would be read as an option; sh takes no `--` after `-c` on
    // every system, but blanks before a command mean nothing anywhere.
    let text = if text.starts_with(['-', '+']) { format!(" {text}") } else { text.to_owned() };
    vec![shell.to_owned(), "-c".to_owned(), text]
}

fn check_text(text: &str) -> Result<()> {
    no_nul(text)?;
    let length = text.chars().count();
    if length > MAX_COMMAND {
        return Err(Error::Invalid {
            what: format!(
                "the command {} has {length} characters; at most {MAX_COMMAND} are possible",
                quoted(text)
            ),
            advice: Some("put it into a script, or give its words after `--`".to_owned()),
        });
    }
    if text.trim_matches(BLANK).is_empty() {
        return Err(empty());
    }
    Ok(())
}

fn no_nul(text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::invalid(format!(
            "the command {} holds a NUL character, which no program can be given",
            quoted(text)
        )));
    }
    Ok(())
}

fn empty() -> Error {
    Error::Invalid {
        what: "the command is empty".to_owned(),
        advice: Some("leave it out for a shell, or for what the image runs by itself".to_owned()),
    }
}

/// What separates words and may hang on at both ends of a text.
const BLANK: [char; 3] = [' ', '\t', '\n'];

/// A text in its words.
#[derive(Debug, Default, PartialEq, Eq)]
struct Split {
    /// The words with their quotes removed; expansions stand in them as written.
    words: Vec<String>,
    /// Whether a shell would have made something else of them.
    needs_shell: bool,
}

/// Split by the rules of the POSIX shell (XCU 2.2 and 2.3).
fn split(text: &str) -> Result<Split> {
    Lexer { text, rest: text.trim_matches(BLANK).chars().peekable(), out: Split::default() }.run()
}

struct Lexer<'a> {
    /// The whole text, for errors.
    text: &'a str,
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    out: Split,
}

/// The word being read.
#[derive(Default)]
struct Word {
    text: String,
    /// Something of it was quoted: it is a word even if empty.
    quoted: bool,
    /// How it begins, unquoted, up to the first quote: what decides about `~`, `A=` and reserved
    /// words.
    bare: String,
}

impl Word {
    fn bare(&mut self, c: char) {
        self.text.push(c);
        if !self.quoted {
            self.bare.push(c);
        }
    }

    fn started(&self) -> bool {
        self.quoted || !self.text.is_empty()
    }

    /// `NAME=…`, which before the program sets a variable.
    fn assigns(&self) -> bool {
        self.bare.split_once('=').is_some_and(|(name, _)| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
    }
}

impl Lexer<'_> {
    fn run(mut self) -> Result<Split> {
        let mut word = Word::default();
        while let Some(c) = self.rest.next() {
            match c {
                ' ' | '\t' => self.end(&mut word),
                '\'' => {
                    word.quoted = true;
                    self.single(&mut word)?;
                }
                '"' => {
                    word.quoted = true;
                    self.double(&mut word)?;
                }
                '\\' => match self.rest.next() {
                    // The line goes on.
                    Some('\n') => {}
                    Some(c) => {
                        word.quoted = true;
                        word.text.push(c);
                    }
                    None => return Err(self.unfinished("it ends in a backslash")),
                },
                ';' | '&' | '|' | '<' | '>' | '(' | ')' | '\n' | '`' => {
                    return Err(self.operator(c));
                }
                '$' => self.dollar(&mut word, false)?,
                '#' if !word.started() => {
                    // A comment for the shell; a word like any other where there is none.
                    self.out.needs_shell = true;
                    word.bare(c);
                }
                '~' if !word.started() => {
                    self.out.needs_shell = true;
                    word.bare(c);
                }
                '*' | '?' | '[' => {
                    self.out.needs_shell = true;
                    word.bare(c);
                }
                c => word.bare(c),
            }
        }
        self.end(&mut word);
        Ok(self.out)
    }

    /// The word is complete.
    fn end(&mut self, word: &mut Word) {
        if !word.started() {
            return;
        }
        let word = std::mem::take(word);
        if self.out.words.is_empty()
            && (word.assigns() || (!word.quoted && SHELL_WORDS.contains(&&*word.text)))
        {
            self.out.needs_shell = true;
        }
        self.out.words.push(word.text);
    }

    fn single(&mut self, word: &mut Word) -> Result<()> {
        loop {
            match self.rest.next() {
                Some('\'') => return Ok(()),
                Some(c) => word.text.push(c),
                None => return Err(self.unfinished("a single quote is not closed")),
            }
        }
    }

    fn double(&mut self, word: &mut Word) -> Result<()> {
        loop {
            match self.rest.next() {
                Some('"') => return Ok(()),
                Some('\\') => match self.rest.next() {
                    Some('\n') => {}
                    Some(c @ ('$' | '`' | '"' | '\\')) => word.text.push(c),
                    Some(c) => word.text.extend(['\\', c]),
                    None => return Err(self.unfinished("a double quote is not closed")),
                },
                // Double quotes do not protect these two from the shell.
                Some('`') => return Err(self.operator('`')),
                Some('$') => self.dollar(word, true)?,
                Some(c) => word.text.push(c),
                None => return Err(self.unfinished("a double quote is not closed")),
            }
        }
    }

    /// After a `$`.
    fn dollar(&mut self, word: &mut Word, in_double: bool) -> Result<()> {
        word.bare('$');
        self.join_lines();
        match self.rest.peek() {
            Some('(') => return Err(self.operator('$')),
            Some('{') => {
                self.out.needs_shell = true;
                self.parameter(word)?;
            }
            // Shells differ on a quote here, outside double quotes; it is theirs to decide.
            Some('\'' | '"') if !in_double => self.out.needs_shell = true,
            Some(c) if c.is_ascii_alphanumeric() || "_@*#?-$!".contains(*c) => {
                self.out.needs_shell = true;
                // What follows is the name: no pattern, no comment.
                if let Some(c) = self.rest.next() {
                    word.bare(c);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Drop line continuations: the shell does before it looks at anything, so one between `$` and
    /// `(` would hide a substitution.
    fn join_lines(&mut self) {
        loop {
            let mut ahead = self.rest.clone();
            if (ahead.next(), ahead.next()) != (Some('\\'), Some('\n')) {
                return;
            }
            self.rest = ahead;
        }
    }

    /// `{…}` after a `$`: one piece for the shell, whatever quotes and blanks are in it, but no
    /// place to hide a substitution.
    fn parameter(&mut self, word: &mut Word) -> Result<()> {
        let mut depth = 0_usize;
        let mut quote = None;
        while let Some(c) = self.rest.next() {
            word.bare(c);
            match (quote, c) {
                (Some('\''), '\'') | (Some('"'), '"') => quote = None,
                (Some('\''), _) => {}
                (_, '`') => return Err(self.operator('`')),
                (_, '$') => {
                    self.join_lines();
                    if self.rest.peek() == Some(&'(') {
                        return Err(self.operator('$'));
                    }
                }
                (_, '\\') => {
                    if let Some(c) = self.rest.next() {
                        word.bare(c);
                    }
                }
                (None, '\'' | '"') => quote = Some(c),
                (None, '{') => depth += 1,
                (None, '}') => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
        Err(self.unfinished("a '${' is not closed"))
    }

    fn operator(&self, c: char) -> Error {
        let (shown, meaning) = match c {
            ';' => ("';'".to_owned(), "ends a command"),
            '&' => ("'&'".to_owned(), "runs or joins commands"),
            '|' => ("'|'".to_owned(), "joins commands"),
            '<' | '>' => (format!("'{c}'"), "redirects"),
            '`' => ("'`'".to_owned(), "runs a command inside"),
            '$' => ("'$('".to_owned(), "runs a command inside"),
            '\n' => (character(c), "ends a command"),
            _ => (format!("'{c}'"), "groups commands"),
        };
        Error::Invalid {
            what: format!(
                "the command {} needs a shell, and runs without one: {shown} outside quotes \
                 {meaning}",
                quoted(self.text)
            ),
            advice: Some(
                "run it in a shell with --shell, or `shell: true` in the config; or quote it, or \
                 give the words after `--`, if it belongs to an argument"
                    .to_owned(),
            ),
        }
    }

    fn unfinished(&self, why: &str) -> Error {
        Error::Invalid {
            what: format!("the command {} is not complete: {why}", quoted(self.text)),
            advice: Some("give the words after `--` to have them taken as they are".to_owned()),
        }
    }
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
