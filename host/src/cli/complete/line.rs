//! A command line that is being typed: which command it is about, and what is expected where the cursor
//! stands.

use clap::{Arg, ArgAction, Command};

/// What was typed before the cursor, as far as it can be understood.
pub struct Line<'c> {
    /// The command that is being given.
    pub command: &'c Command,
    /// Its name: `["plugin", "trust"]`.
    pub path: Vec<String>,
    /// What is expected now.
    pub place: Place<'c>,
    /// The options and arguments so far, by their ids; a flag has no value.
    given: Vec<(String, String)>,
}

/// Where the cursor stands.
pub enum Place<'c> {
    /// An option's value. `prefix` stands before it in the same word.
    Value { arg: &'c Arg, prefix: String, typed: String },
    /// An option's name.
    Option { typed: String },
    /// A subcommand or a positional argument.
    Word { positional: Option<&'c Arg>, typed: String },
    /// Another program's words, of which the first is this word of the line.
    Command { first: usize },
}

impl<'c> Line<'c> {
    /// Read the words `before` the one that is being typed. `definition` is built.
    pub fn read(definition: &'c Command, before: &[String], current: &str) -> Self {
        let mut line = Line {
            command: definition,
            path: Vec::new(),
            place: Place::Command { first: 0 },
            given: Vec::new(),
        };
        let mut pending: Option<&Arg> = None;
        let mut place = 0;
        for (at, word) in before.iter().enumerate() {
            if let Some(arg) = pending.take() {
                // bash takes `--option=value` apart.
                if word == "="
                    && before.get(at.wrapping_sub(1)).is_some_and(|it| it.starts_with("--"))
                {
                    pending = Some(arg);
                } else {
                    line.give(arg, word);
                }
            } else if word == "--" {
                // The word after it is after the program's name and those before.
                line.place = Place::Command { first: at + 2 };
                return line;
            } else if let Some(long) = word.strip_prefix("--") {
                pending = line.long(long);
            } else if word.len() > 1 && word.starts_with('-') {
                pending = line.short(word);
            } else if let Some(below) = line.subcommand(word).filter(|_| place == 0) {
                line.path.push(below.get_name().to_owned());
                line.command = below;
            } else {
                place += line.positional(place, word);
            }
        }
        line.place = match pending {
            Some(arg) => {
                let typed = if current == "=" { "" } else { current };
                Place::Value { arg, prefix: String::new(), typed: typed.to_owned() }
            }
            None => line.begun(current, place),
        };
        line
    }

    /// The values that an option or argument has been given.
    pub fn values_of(&self, id: &str) -> Vec<String> {
        let given = self.given.iter().filter(|(of, _)| of == id);
        given.map(|(_, value)| value.clone()).collect()
    }

    /// Whether an option was given and cannot be again.
    pub fn is_used_up(&self, arg: &Arg) -> bool {
        let repeatable = matches!(arg.get_action(), ArgAction::Append | ArgAction::Count);
        !repeatable && self.given.iter().any(|(id, _)| id == arg.get_id().as_str())
    }

    /// What is expected where a word has begun.
    fn begun(&self, current: &str, place: usize) -> Place<'c> {
        let typed = current.to_owned();
        if let Some((long, value)) = current.strip_prefix("--").and_then(|it| it.split_once('='))
            && let Some(arg) =
                self.find(|arg| arg.get_long() == Some(long)).filter(|arg| takes_value(arg))
        {
            return Place::Value { arg, prefix: format!("--{long}="), typed: value.to_owned() };
        }
        if current.starts_with('-') {
            return Place::Option { typed };
        }
        Place::Word { positional: self.at(place), typed }
    }

    fn give(&mut self, arg: &Arg, value: &str) {
        self.given.push((arg.get_id().to_string(), value.to_owned()));
    }

    /// A long option; itself where its value is the next word.
    fn long(&mut self, long: &str) -> Option<&'c Arg> {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        let named = |arg: &&Arg| {
            arg.get_long_and_visible_aliases().is_some_and(|names| names.contains(&name))
        };
        let arg = self.find(|arg| named(&arg))?;
        if takes_value(arg) && value.is_none() {
            return Some(arg);
        }
        self.give(arg, value.unwrap_or_default());
        None
    }

    /// Short options in one word; the one whose value is the next word.
    fn short(&mut self, word: &str) -> Option<&'c Arg> {
        let mut letters = word.chars().skip(1);
        while let Some(letter) = letters.next() {
            let arg = self.find(|arg| arg.get_short() == Some(letter))?;
            if takes_value(arg) {
                let value: String = letters.collect();
                if value.is_empty() {
                    return Some(arg);
                }
                self.give(arg, &value);
                return None;
            }
            self.give(arg, "");
        }
        None
    }

    /// Take a positional argument, and say by how much the next one stands further on.
    fn positional(&mut self, place: usize, word: &str) -> usize {
        let Some(arg) = self.at(place) else { return 1 };
        self.give(arg, word);
        usize::from(!takes_several(arg))
    }

    fn find(&self, is_it: impl Fn(&'c Arg) -> bool) -> Option<&'c Arg> {
        self.command.get_arguments().find(|&arg| is_it(arg))
    }

    fn at(&self, place: usize) -> Option<&'c Arg> {
        // What stands after `--` alone is not to be had here.
        self.command.get_positionals().nth(place).filter(|arg| !arg.is_last_set())
    }

    fn subcommand(&self, word: &str) -> Option<&'c Command> {
        self.command.find_subcommand(word)
    }
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values() && !arg.is_positional()
}

fn takes_several(arg: &Arg) -> bool {
    arg.get_num_args().is_some_and(|count| count.max_values() > 1)
        || matches!(arg.get_action(), ArgAction::Append)
}
