//! Command forms: usage lines, parsed. The grammar is specified in `wit/manifest.wit`.
//!
//! Parsing is one pass over the line. What depends on the rest of the manifest (which programs,
//! options and files there are) is checked in `check`.

use super::gives::Gives;
use super::manifest::{Effect, Operation};
use crate::guard::Guard;
use crate::text::escape_controls;

/// The longest usage line, in bytes.
pub(super) const USAGE_BYTES: usize = 4096;
/// The most words of a usage line, placeholders and flags included.
pub(super) const USAGE_WORDS: usize = 256;

/// A command form that has been checked against its manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    pub(super) name: String,
    pub(super) operations: Vec<Operation>,
    pub(super) effect: Effect,
    pub(super) usage: String,
    pub(super) gives: Option<Gives>,
    pub(super) first: FirstWord,
    /// What follows the program.
    pub(super) items: Vec<Item>,
}

impl Form {
    /// The form's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The operations that it may be used in.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// What it may do.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// The usage line, as declared.
    pub fn usage(&self) -> &str {
        &self.usage
    }

    /// Whether `placeholder` occurs in it, in a group or not.
    pub fn mentions(&self, placeholder: &Placeholder) -> bool {
        self.first == FirstWord::Location && *placeholder == Placeholder::Location
            || values(&self.items).any(|value| value.placeholder == *placeholder)
    }

    /// Whether it has a group that stands just where times are asked for.
    pub(super) fn asks_for_times(&self) -> bool {
        let times = [Condition { flag: Flag::Times, wanted: true }];
        self.items.iter().any(|item| match item {
            Item::Group(group) => {
                group.conditions == times && values(std::slice::from_ref(item)).next().is_none()
            }
            _ => false,
        })
    }

    /// Whether it has words or numbers of the backend's own choice.
    pub(super) fn has_parameters(&self) -> bool {
        self.items.contains(&Item::Rest)
            || words(&self.items)
                .flat_map(|word| &word.parts)
                .any(|part| matches!(part, Part::Int | Part::Text))
    }

    /// Whether the backend can have it run anything.
    pub fn runs_anything(&self) -> bool {
        self.items.contains(&Item::Anything)
    }
}

/// Which program a form runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FirstWord {
    /// The one with this id.
    Program(String),
    /// The location's.
    Location,
}

/// A part of a usage line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Word(Word),
    Group(Group),
    /// `<word>...`: all parameters that are left, at least one.
    Rest,
    /// `{any}...`: all parameters that are left, whatever they are.
    Anything,
}

/// `[ … ]`: words that stand under a condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub words: Vec<Word>,
    pub conditions: Vec<Condition>,
    /// `[ … ]...`: once for each item of the list in it.
    pub repeated: bool,
}

/// `{?flag}` or `{!flag}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub flag: Flag,
    pub wanted: bool,
}

/// What a group can hang on without placing a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Flag {
    Terminal,
    Inside,
    Force,
    Resume,
    Enter,
    Times,
    Option(String),
}

/// A word of the argv to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// No two literals stand next to each other; `''` is one empty literal.
    pub parts: Vec<Part>,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    Value(Value),
    /// `<int>`
    Int,
    /// `<word>`
    Text,
}

/// A placeholder with its encodings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub placeholder: Placeholder,
    /// Applied left to right.
    pub encodings: Vec<Encoding>,
}

/// What the host fills in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the table in wit/manifest.wit says what each stands for")]
pub enum Placeholder {
    Name,
    Location,
    Launch,
    Recorder,
    Log,
    Command,
    EnvFile,
    EnvInherited,
    Workdir,
    Option(String),
    Run,
    Lines,
    Since,
    Until,
    Timeout,
    Keys,
    KeysFile,
    PasteFile,
    Signal,
    Restart,
    Id,
    File(String),
}

impl Placeholder {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "name" => Placeholder::Name,
            "location" => Placeholder::Location,
            "launch" => Placeholder::Launch,
            "recorder" => Placeholder::Recorder,
            "log" => Placeholder::Log,
            "command" => Placeholder::Command,
            "env-file" => Placeholder::EnvFile,
            "env-inherited" => Placeholder::EnvInherited,
            "workdir" => Placeholder::Workdir,
            "run" => Placeholder::Run,
            "lines" => Placeholder::Lines,
            "since" => Placeholder::Since,
            "until" => Placeholder::Until,
            "timeout" => Placeholder::Timeout,
            "keys" => Placeholder::Keys,
            "keys-file" => Placeholder::KeysFile,
            "paste-file" => Placeholder::PasteFile,
            "signal" => Placeholder::Signal,
            "restart" => Placeholder::Restart,
            "id" => Placeholder::Id,
            text => {
                if let Some(name) = text.strip_prefix("option-").filter(|name| !name.is_empty()) {
                    Placeholder::Option(name.to_owned())
                } else {
                    let name = text.strip_prefix("file-").filter(|name| !name.is_empty())?;
                    Placeholder::File(name.to_owned())
                }
            }
        })
    }

    /// Whether it stands for several words.
    pub(super) fn is_words(&self) -> bool {
        matches!(self, Placeholder::Launch | Placeholder::Recorder | Placeholder::Command)
    }
}

impl std::fmt::Display for Placeholder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Placeholder::Name => f.write_str("{name}"),
            Placeholder::Location => f.write_str("{location}"),
            Placeholder::Launch => f.write_str("{launch}"),
            Placeholder::Recorder => f.write_str("{recorder}"),
            Placeholder::Log => f.write_str("{log}"),
            Placeholder::Command => f.write_str("{command}"),
            Placeholder::EnvFile => f.write_str("{env-file}"),
            Placeholder::EnvInherited => f.write_str("{env-inherited}"),
            Placeholder::Workdir => f.write_str("{workdir}"),
            Placeholder::Option(name) => write!(f, "{{option-{name}}}"),
            Placeholder::Run => f.write_str("{run}"),
            Placeholder::Lines => f.write_str("{lines}"),
            Placeholder::Since => f.write_str("{since}"),
            Placeholder::Until => f.write_str("{until}"),
            Placeholder::Timeout => f.write_str("{timeout}"),
            Placeholder::Keys => f.write_str("{keys}"),
            Placeholder::KeysFile => f.write_str("{keys-file}"),
            Placeholder::PasteFile => f.write_str("{paste-file}"),
            Placeholder::Signal => f.write_str("{signal}"),
            Placeholder::Restart => f.write_str("{restart}"),
            Placeholder::Id => f.write_str("{id}"),
            Placeholder::File(name) => write!(f, "{{file-{name}}}"),
        }
    }
}

/// A language that a value is escaped for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// One POSIX shell text.
    Sh,
    /// A tmux format.
    TmuxFormat,
    /// A word of a tmux command line.
    TmuxWord,
    /// A strftime format.
    Strftime,
    /// A regular expression.
    Regex,
}

impl Encoding {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "sh" => Encoding::Sh,
            "tmux-format" => Encoding::TmuxFormat,
            "tmux-word" => Encoding::TmuxWord,
            "strftime" => Encoding::Strftime,
            "regex" => Encoding::Regex,
            _ => return None,
        })
    }
}

/// Every placeholder of `items`, with its encodings.
pub(super) fn values(items: &[Item]) -> impl Iterator<Item = &Value> {
    words(items).flat_map(|word| &word.parts).filter_map(|part| match part {
        Part::Value(value) => Some(value),
        _ => None,
    })
}

/// Every word of `items`, those in groups too.
pub(super) fn words(items: &[Item]) -> impl Iterator<Item = &Word> {
    items.iter().flat_map(|item| match item {
        Item::Word(word) => std::slice::from_ref(word),
        Item::Group(group) => group.words.as_slice(),
        Item::Rest | Item::Anything => &[],
    })
}

/// Parse a usage line into its program and what follows. The error is a sentence without the form's
/// name.
pub(super) fn parse(usage: &str) -> Result<(FirstWord, Vec<Item>), String> {
    if usage.len() > Guard::ManifestSize.limit(USAGE_BYTES) {
        return Err(format!("is {} bytes long, and {USAGE_BYTES} are allowed", usage.len()));
    }
    // Blanks of other kinds would make one word look like two.
    let odd_blank = |c: char| c != ' ' && (c.is_whitespace() || c == '\u{2800}');
    let plain = escape_controls(usage) == usage && !usage.contains(odd_blank);
    if !plain && Guard::PlainManifest.holds() {
        return Err("holds control or invisible characters; what is approved must be plain to \
                    see"
        .to_owned());
    }
    let mut items = Parser { usage, at: 0, words: 0 }.items()?;
    if items.is_empty() {
        return Err("is empty; it begins with a program".to_owned());
    }
    let first = match items.remove(0) {
        Item::Word(Word { parts }) => match parts.as_slice() {
            [Part::Literal(program)] => FirstWord::Program(program.clone()),
            [Part::Value(Value { placeholder: Placeholder::Location, encodings })]
                if encodings.is_empty() =>
            {
                FirstWord::Location
            }
            _ => return Err(no_program()),
        },
        _ => return Err(no_program()),
    };
    Ok((first, items))
}

fn no_program() -> String {
    "must begin with a program's id, or with {location} where locations are programs".to_owned()
}

struct Parser<'a> {
    usage: &'a str,
    at: usize,
    words: usize,
}

/// What ended a word, or stood in its place.
enum Piece {
    Word(Word),
    Condition(Condition),
    Rest,
    Anything,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.usage.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn take_str(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Take up to `end` and `end` itself, which closes what was opened at `opened`.
    fn take_until(&mut self, end: char, opened: usize) -> Result<&'a str, String> {
        let rest = self.rest();
        let Some(length) = rest.find(end) else {
            return Err(self.wrong(opened, &format!("has no `{end}` that closes this")));
        };
        self.at += length + end.len_utf8();
        Ok(rest.get(..length).unwrap_or_default())
    }

    /// A sentence about what stands at byte `at`.
    fn wrong(&self, at: usize, what: &str) -> String {
        let before = self.usage.get(..at).unwrap_or_default();
        let near: String = self.usage.get(at..).unwrap_or_default().chars().take(24).collect();
        format!("{what}: `{near}` (character {})", before.chars().count() + 1)
    }

    fn items(mut self) -> Result<Vec<Item>, String> {
        let mut items = Vec::new();
        let mut group: Option<(usize, Group)> = None;
        loop {
            self.blanks()?;
            let at = self.at;
            match self.peek() {
                None => break,
                Some('[') => {
                    self.take();
                    if group.is_some() {
                        return Err(self.wrong(at, "has a group in a group"));
                    }
                    group = Some((at, Group::default()));
                    continue;
                }
                Some(']') => {
                    self.take();
                    let Some((opened, mut closed)) = group.take() else {
                        return Err(self.wrong(at, "has a `]` without a `[`; quote it to mean it"));
                    };
                    closed.repeated = self.take_str("...");
                    if !matches!(self.peek(), None | Some(' ')) {
                        return Err(self.wrong(at, "needs a space after a group"));
                    }
                    self.check_group(opened, &closed)?;
                    items.push(Item::Group(closed));
                    continue;
                }
                Some(_) => {}
            }
            self.words += 1;
            if self.words > USAGE_WORDS {
                return Err(format!("has more than {USAGE_WORDS} words"));
            }
            if let Some(Item::Rest | Item::Anything) = items.last() {
                return Err(self.wrong(at, "has words after the last `...`, which takes all"));
            }
            let piece = self.piece()?;
            match (piece, &mut group) {
                (Piece::Word(word), None) => items.push(Item::Word(word)),
                (Piece::Word(word), Some((_, group))) => {
                    if word.parts.iter().any(|part| matches!(part, Part::Int | Part::Text)) {
                        return Err(self.wrong(at, "has a parameter in a group"));
                    }
                    group.words.push(word);
                }
                (Piece::Condition(condition), Some((_, group))) => group.conditions.push(condition),
                (Piece::Condition(_), None) => {
                    return Err(self.wrong(at, "has a flag outside a group"));
                }
                (Piece::Rest, None) => items.push(Item::Rest),
                (Piece::Anything, None) => items.push(Item::Anything),
                (Piece::Rest | Piece::Anything, Some(_)) => {
                    return Err(self.wrong(at, "has parameters in a group"));
                }
            }
        }
        if let Some((opened, _)) = group {
            return Err(self.wrong(opened, "has a group that does not end"));
        }
        Ok(items)
    }

    /// One blank between two words: more would push what comes after them out of sight of whoever
    /// approves the form.
    fn blanks(&mut self) -> Result<(), String> {
        let at = self.at;
        if Guard::PlainManifest.holds() && self.take_str("  ") {
            return Err(self.wrong(at, "has two blanks in a row outside quotes"));
        }
        self.take_str(" ");
        Ok(())
    }

    /// A group has words and something to hang on.
    fn check_group(&self, opened: usize, group: &Group) -> Result<(), String> {
        if group.words.is_empty() {
            return Err(self.wrong(opened, "has a group without words"));
        }
        let places = group
            .words
            .iter()
            .any(|word| word.parts.iter().any(|part| matches!(part, Part::Value(_))));
        if !places && group.conditions.is_empty() {
            return Err(self.wrong(opened, "has a group that hangs on nothing and always stands"));
        }
        Ok(())
    }

    /// One word, up to a space, the end of the group or of the line.
    fn piece(&mut self) -> Result<Piece, String> {
        let start = self.at;
        let mut word = Word::default();
        loop {
            let at = self.at;
            match self.peek() {
                None | Some(' ' | ']') => break,
                Some(quote @ ('\'' | '"')) => {
                    self.take();
                    let text = self.take_until(quote, at)?;
                    word.push_literal(text);
                }
                Some('\\') => {
                    self.take();
                    match self.take() {
                        Some(next) => word.push_literal(next.encode_utf8(&mut [0; 4])),
                        None => return Err(self.wrong(at, "ends in a backslash")),
                    }
                }
                Some('{') => {
                    self.take();
                    let text = self.take_until('}', at)?;
                    if text == "any" {
                        return self.alone(start, at, true, Piece::Anything);
                    }
                    if let Some(flag) = text.strip_prefix(['?', '!']) {
                        let flag = match flag {
                            "terminal" => Flag::Terminal,
                            "inside" => Flag::Inside,
                            "force" => Flag::Force,
                            "resume" => Flag::Resume,
                            "enter" => Flag::Enter,
                            "times" => Flag::Times,
                            other => match other.strip_prefix("option-") {
                                Some(name) if !name.is_empty() => Flag::Option(name.to_owned()),
                                _ => return Err(self.wrong(at, "has an unknown flag")),
                            },
                        };
                        let condition = Condition { flag, wanted: text.starts_with('?') };
                        return self.alone(start, at, false, Piece::Condition(condition));
                    }
                    let value = self.value(at, text)?;
                    word.parts.push(Part::Value(value));
                }
                Some('<') => {
                    self.take();
                    let kind = match self.take_until('>', at)? {
                        "int" => Part::Int,
                        "word" => Part::Text,
                        _ => {
                            return Err(
                                self.wrong(at, "has an unknown parameter (not <int> or <word>)")
                            );
                        }
                    };
                    if kind == Part::Text && self.rest().starts_with("...") {
                        return self.alone(start, at, true, Piece::Rest);
                    }
                    word.parts.push(kind);
                }
                Some('[' | '}' | '>') => {
                    return Err(self.wrong(at, "has a bracket out of place; quote it to mean it"));
                }
                Some('.') if self.rest().starts_with("...") => {
                    return Err(self.wrong(at, "has `...` out of place; quote it to mean it"));
                }
                Some(c) => {
                    self.take();
                    word.push_literal(c.encode_utf8(&mut [0; 4]));
                }
            }
        }
        self.check_word(start, &word)?;
        Ok(Piece::Word(word))
    }

    /// A piece that must be a word of its own, `...` after it or not.
    fn alone(
        &mut self,
        start: usize,
        at: usize,
        dots: bool,
        piece: Piece,
    ) -> Result<Piece, String> {
        if start != at {
            return Err(self.wrong(start, "has something in a word that must stand alone"));
        }
        if dots && !self.take_str("...") {
            return Err(self.wrong(at, "needs `...` after this"));
        }
        if !matches!(self.peek(), None | Some(' ' | ']')) {
            return Err(self.wrong(start, "has something in a word that must stand alone"));
        }
        Ok(piece)
    }

    /// The inside of `{…}`.
    fn value(&self, at: usize, text: &str) -> Result<Value, String> {
        let mut parts = text.split(':');
        let placeholder = parts
            .next()
            .and_then(Placeholder::parse)
            .ok_or_else(|| self.wrong(at, "has an unknown placeholder"))?;
        let mut encodings = Vec::new();
        for part in parts {
            let encoding = Encoding::parse(part)
                .ok_or_else(|| self.wrong(at, &format!("has an unknown encoding '{part}'")))?;
            if encodings.contains(&encoding) {
                return Err(self.wrong(at, "has the same encoding twice"));
            }
            encodings.push(encoding);
        }
        if let Some(place) = encodings.iter().position(|encoding| *encoding == Encoding::Sh)
            && place > 0
        {
            return Err(self.wrong(at, "has an encoding before `sh`, which must be the first"));
        }
        if let Some(place) = encodings.iter().position(|encoding| *encoding == Encoding::TmuxWord)
            && place + 1 != encodings.len()
        {
            return Err(self.wrong(at, "has an encoding after `tmux-word`, which must be the last"));
        }
        Ok(Value { placeholder, encodings })
    }

    /// Several words stand alone, and escaped values stand where their escaping holds.
    fn check_word(&self, start: usize, word: &Word) -> Result<(), String> {
        for (index, part) in word.parts.iter().enumerate() {
            let Part::Value(value) = part else { continue };
            let several = value.placeholder.is_words() && !value.encodings.contains(&Encoding::Sh);
            if several && word.parts.len() > 1 {
                let what = format!(
                    "has {}, which is several words, in a word (`:sh` makes them one)",
                    value.placeholder
                );
                return Err(self.wrong(start, &what));
            }
            let before = word.parts.get(..index).unwrap_or_default();
            let after = word.parts.get(index + 1..).unwrap_or_default();
            for encoding in &value.encodings {
                holds(*encoding, before, after).map_err(|why| {
                    self.wrong(start, &format!("has {} where {why}", value.placeholder))
                })?;
            }
        }
        Ok(())
    }
}

impl Word {
    fn push_literal(&mut self, text: &str) {
        match self.parts.last_mut() {
            Some(Part::Literal(literal)) => literal.push_str(text),
            _ => self.parts.push(Part::Literal(text.to_owned())),
        }
    }
}

/// Whether escaping by `encoding` means what it says between these parts of a word. An escaper knows
/// only its value; a quote, a `#` or a `%` that stands open before it would turn the escaping round.
fn holds(encoding: Encoding, before: &[Part], after: &[Part]) -> Result<(), &'static str> {
    let mut text = String::new();
    for part in before {
        match part {
            Part::Literal(literal) => text.push_str(literal),
            _ => text.push('x'),
        }
    }
    match encoding {
        Encoding::Sh if sh_open(&text) => {
            Err("the shell text before it has an open quote, `\\` or `$`")
        }
        Encoding::TmuxFormat if text.ends_with('#') => Err("a `#` before it changes its escaping"),
        Encoding::TmuxFormat if tmux_open(&text) => {
            Err("it is inside a tmux expression, where no escaping holds")
        }
        Encoding::TmuxFormat => match after.first() {
            None => Ok(()),
            Some(Part::Literal(next)) if !next.trim_start_matches('#').starts_with('[') => Ok(()),
            Some(_) => {
                Err("what follows it changes its escaping (put a literal other than `[` there)")
            }
        },
        Encoding::TmuxWord if !after.is_empty() => {
            Err("its end is not the word's, as `tmux-word` needs")
        }
        Encoding::Strftime if odd_run(&text, '%') => Err("a `%` before it changes its escaping"),
        Encoding::Regex if odd_run(&text, '\\') => Err("a `\\` before it changes its escaping"),
        Encoding::Regex if text.rfind('[') > text.rfind(']') => {
            Err("it is inside a bracket expression, where no escaping holds")
        }
        _ => Ok(()),
    }
}

/// Whether `text` ends in an odd number of `c`.
fn odd_run(text: &str, c: char) -> bool {
    text.chars().rev().take_while(|&last| last == c).count() % 2 == 1
}

/// Whether shell text ends inside quotes, after a backslash, after a `$` (which makes `$'…'`
/// another kind of quote), or in a comment.
fn sh_open(text: &str) -> bool {
    let mut quote = None;
    let mut escaped = false;
    let mut before = ' ';
    for c in text.chars() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), _) => {}
            (_, '\\') => escaped = true,
            (None, '\'' | '"') => quote = Some(c),
            (None, '#') if before == ' ' || before == ';' => return true,
            (None, '`') | (Some('"'), '`') => return true,
            _ => {}
        }
        before = c;
    }
    quote.is_some() || escaped || before == '$'
}

/// Whether a tmux format ends inside `#{…}` or `#(…)`, or might: each is closed by its own bracket
/// alone, and in the latter every bracket counts.
fn tmux_open(text: &str) -> bool {
    let mut open = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, open.last()) {
            ('#', _) => match chars.peek() {
                Some(&bracket @ ('{' | '(')) => {
                    chars.next();
                    open.push(bracket);
                }
                Some('#' | '}' | ',') => {
                    chars.next();
                }
                _ => {}
            },
            ('(', Some('(')) => open.push('('),
            ('}', Some('{')) | (')', Some('(')) => {
                open.pop();
            }
            _ => {}
        }
    }
    !open.is_empty()
}

#[cfg(test)]
mod tests;
