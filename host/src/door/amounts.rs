//! What a manifest amounts to, in plain words for the person who approves it. They are made from its
//! operations, effects and placeholders, and never from the words of its author.

use std::collections::BTreeSet;

use super::form::{self, FirstWord, Item, Part, Placeholder};
use super::manifest::{Effect, FormDecl, Locations, Manifest, Operation};
use crate::text::{escape_controls, nearest};

/// What a backend could do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Amounts {
    /// What to look at twice: commands that could do more than they say.
    pub beware: Vec<String>,
    /// What it can change, then what it reads.
    pub can: Vec<String>,
}

/// Programs that run what they are given: interpreters, and those that run other programs.
const RUNNERS: &[&str] = &[
    "ash",
    "awk",
    "bash",
    "bun",
    "busybox",
    "chroot",
    "cscript",
    "csh",
    "dash",
    "deno",
    "doas",
    "elvish",
    "env",
    "eval",
    "exec",
    "expect",
    "find",
    "fish",
    "flock",
    "gawk",
    "gdb",
    "groovy",
    "ionice",
    "java",
    "jshell",
    "julia",
    "ksh",
    "ld.so",
    "lua",
    "luajit",
    "mawk",
    "mksh",
    "nawk",
    "nice",
    "node",
    "nodejs",
    "nohup",
    "nsenter",
    "nu",
    "osascript",
    "parallel",
    "perl",
    "php",
    "pkexec",
    "powershell",
    "pwsh",
    "pypy",
    "python",
    "rc",
    "rlogin",
    "rsh",
    "ruby",
    "runuser",
    "script",
    "setpriv",
    "setsid",
    "sh",
    "ssh",
    "stdbuf",
    "strace",
    "su",
    "sudo",
    "systemd-run",
    "tcsh",
    "tclsh",
    "timeout",
    "unshare",
    "watch",
    "wish",
    "xargs",
    "xonsh",
    "yash",
    "zsh",
];

/// Texts that a shell acts on, or tmux as a shell does.
const SHELL_TEXT: &[&str] =
    &["$(", "${", "#(", "`", "&&", "||", "|", ";", "&", ">", "<", "$IFS", "$HOME", "$PATH", "\n"];

/// What this manifest amounts to.
pub fn amounts(manifest: &Manifest, known_names: &[&str]) -> Amounts {
    let mut out = Amounts::default();
    if let Some(known) = nearest(&manifest.name, known_names.iter().copied()) {
        add(
            &mut out.beware,
            format!("its name is nearly '{known}', and it is another backend than that"),
        );
    }
    for program in &manifest.programs {
        if let Some(runner) = runner(&program.id) {
            add(&mut out.beware, format!("its program '{runner}' runs whatever it is given"));
        }
    }
    let mut reads = Vec::new();
    for decl in &manifest.forms {
        form_amounts(manifest, decl, &mut out, &mut reads);
    }
    for file in &manifest.files {
        let name = escape_controls(&file.name);
        add(
            &mut out.can,
            format!("has its programs read the file '{name}', which it brings along"),
        );
        let text = file.content.lines().filter(|line| !line.trim_start().starts_with('#'));
        let named: BTreeSet<String> = text.flat_map(runners_in).collect();
        for runner in named {
            let what = format!("its file '{name}' names '{runner}', which runs what it is given");
            add(&mut out.beware, what);
        }
    }
    if !manifest.keeps.is_empty() {
        let keeps: Vec<String> = manifest.keeps.iter().map(|key| escape_controls(key)).collect();
        let what = format!(
            "leaves these variables of your command as its engine sets them: {}",
            keeps.join(", ")
        );
        add(&mut out.can, what);
    }
    out.can.extend(reads);
    out
}

/// One form, each of its operations.
fn form_amounts(manifest: &Manifest, decl: &FormDecl, out: &mut Amounts, reads: &mut Vec<String>) {
    let Ok((first, items)) = form::parse(&decl.usage) else { return };
    let name = escape_controls(&decl.name);
    let program = match &first {
        FirstWord::Program(id) => format!("'{}'", escape_controls(id)),
        FirstWord::Location => match &manifest.locations {
            Locations::Programs(programs) => {
                let programs: Vec<String> =
                    programs.iter().map(|id| format!("'{}'", escape_controls(id))).collect();
                programs.join(" or ")
            }
            _ => "its program".to_owned(),
        },
    };
    if items.contains(&Item::Anything) {
        add(
            &mut out.beware,
            format!(
                "can run anything as you: {program} with whatever words it likes (form '{name}')"
            ),
        );
    }
    let mentions =
        |wanted: &Placeholder| form::values(&items).any(|value| value.placeholder == *wanted);
    let session = mentions(&Placeholder::Id) || mentions(&Placeholder::Name);
    let command = mentions(&Placeholder::Launch) || mentions(&Placeholder::Command);
    for operation in &decl.operations {
        if decl.effect == Effect::Reads {
            let line = format!("reads with {program}: ");
            match reads.iter_mut().find(|read| read.starts_with(&line)) {
                Some(read) => {
                    let known = read.get(line.len()..).unwrap_or_default();
                    if known.split(", ").all(|word| word != operation.as_str()) {
                        read.push_str(&format!(", {operation}"));
                    }
                }
                None => reads.push(format!("{line}{operation}")),
            }
            continue;
        }
        add(&mut out.can, deed(*operation, &program, &name, session, command));
    }
    let takes = |wanted: &Part| form::words(&items).any(|word| word.parts.contains(wanted));
    if takes(&Part::Int) || takes(&Part::Text) || items.contains(&Item::Rest) {
        reads.push(format!("chooses words or numbers of its own for {program} (form '{name}')"));
    }
    for value in form::values(&items) {
        let handed = match &value.placeholder {
            Placeholder::EnvFile | Placeholder::EnvInherited => {
                "has your session's variables handed to".to_owned()
            }
            Placeholder::Option(option) => {
                format!("hands your option {} to", escape_controls(option))
            }
            Placeholder::Recorder | Placeholder::Log => {
                "has your session's output recorded by".to_owned()
            }
            _ => continue,
        };
        add(&mut out.can, format!("{handed} {program}"));
    }
    for word in form::words(&items) {
        for part in &word.parts {
            let Part::Literal(text) = part else { continue };
            for runner in runners_in(text) {
                let what =
                    format!("the form '{name}' names '{runner}', which runs what it is given");
                add(&mut out.beware, what);
            }
            // A semicolon that stands alone parts an engine's own commands.
            let marks: Vec<&str> = SHELL_TEXT
                .iter()
                .filter(|mark| text != ";" && text.contains(**mark))
                .map(|mark| if *mark == "\n" { "a line's end" } else { mark })
                .collect();
            if !marks.is_empty() {
                let what = format!(
                    "the form '{name}' holds text that a shell would act on: {}",
                    marks.join(" ")
                );
                add(&mut out.beware, what);
            }
        }
    }
}

/// What a form that changes something, or takes the terminal, is to the user.
fn deed(operation: Operation, program: &str, form: &str, session: bool, command: bool) -> String {
    let what = match operation {
        Operation::Start if command => return format!("can start your command in {program}"),
        Operation::Exec if command && session => "can run your command in the session you name",
        Operation::Start | Operation::Exec => "",
        _ if !session => "",
        Operation::Stop => "can end the session you name",
        Operation::Remove => "can remove the session you name",
        Operation::Attach => "can put your terminal into the session you name",
        Operation::Send => "can type what you send into the session you name",
        Operation::Signal => "can send your signal to the session you name",
        Operation::Logs => "can tell the output of the session you name",
        Operation::Follow => "can follow the output of the session you name",
        Operation::Wait => "can wait for the end of the session you name",
        _ => "",
    };
    match what {
        "" => format!(
            "can run {program} by the form '{form}' when you say {operation}, whatever that does"
        ),
        what => format!("{what}, with {program}"),
    }
}

/// The runners that a text names as words of their own.
fn runners_in(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !(c.is_alphanumeric() || "-_.+/".contains(c)));
    parts.filter_map(runner).collect()
}

/// The program of that name or path, if it is one that runs what it is given: `/usr/bin/python3.11`
/// is python.
fn runner(word: &str) -> Option<String> {
    let file = word.rsplit('/').next().unwrap_or(word);
    let plain = file.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let known = |name: &str| RUNNERS.iter().any(|runner| runner.eq_ignore_ascii_case(name));
    (known(file) || known(plain)).then(|| escape_controls(file))
}

fn add(lines: &mut Vec<String>, line: String) {
    if !lines.contains(&line) {
        lines.push(line);
    }
}

#[cfg(test)]
mod tests;
