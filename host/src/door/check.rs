//! Checking a manifest: everything that can be known before the first request.

use std::collections::{BTreeMap, BTreeSet};

use super::form::{self, Condition, FirstWord, Flag, Form, Group, Item, Part, Placeholder};
use super::gives::{Capture, Gives};
use super::manifest::{
    ConstFile, Effect, FormDecl, Locations, Manifest, Operation, OptionKind, OptionSchema,
    Placement, SocketFolder,
};
use crate::guard::Guard;
use crate::text::escape_controls;

/// A manifest that breaks a rule: a sentence for its author and whoever is to approve it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ManifestError(String);

/// A manifest that keeps all rules, with its forms parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedManifest {
    manifest: Manifest,
    forms: BTreeMap<String, Form>,
}

impl CheckedManifest {
    /// What was declared.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The form of this name.
    pub fn form(&self, name: &str) -> Option<&Form> {
        self.forms.get(name)
    }

    /// Whether it can start a session again just as it is, that kst did not make.
    pub fn resumes(&self) -> bool {
        let resume = Condition { flag: Flag::Resume, wanted: true };
        let stands_for_it = |item: &Item| match item {
            Item::Group(group) => group.conditions.contains(&resume),
            _ => false,
        };
        self.forms.values().any(|form| {
            form.operations.contains(&Operation::Start) && form.items.iter().any(stands_for_it)
        })
    }

    /// Whether it has a form that tells the times of what is printed, as it is printed.
    pub fn tells_times(&self) -> bool {
        self.forms.values().any(Form::asks_for_times)
    }

    /// Whether the backend has this operation.
    pub fn supports(&self, operation: Operation) -> bool {
        operation.is_required() || self.manifest.operations.contains(&operation)
    }
}

type Checked<T = ()> = Result<T, ManifestError>;

fn wrong<T>(what: impl Into<String>) -> Checked<T> {
    Err(ManifestError(what.into()))
}

impl Manifest {
    /// Check every name, bound and form.
    ///
    /// # Errors
    /// The first rule that is broken, with the form or value that breaks it.
    pub fn check(self) -> Result<CheckedManifest, ManifestError> {
        if !is_session_name(&self.name) {
            return wrong(format!(
                "the backend's name '{}' is not a letter with letters, digits, '_' and '-' after \
                 it, at most 64 in all",
                short(&self.name)
            ));
        }
        line("the version", &self.version, 64)?;
        line("the summary", &self.summary, 200)?;
        if let Some(detach) = &self.detach {
            line("the way to detach", detach, 64)?;
        }
        self.check_programs()?;
        self.check_locations()?;
        self.check_options()?;
        self.check_files()?;
        count("variables to keep", self.keeps.len(), 64)?;
        for key in &self.keeps {
            variable(key)?;
        }
        unique("variable to keep", self.keeps.iter())?;
        unique("operation", self.operations.iter().map(|operation| operation.as_str()))?;
        if let Some(operation) = self.operations.iter().find(|operation| operation.is_required()) {
            return wrong(format!(
                "the operation {operation} is listed, but every backend has it; only optional ones are"
            ));
        }
        count("forms", self.forms.len(), 128)?;
        unique("form", self.forms.iter().map(|form| form.name.as_str()))?;
        let mut forms = BTreeMap::new();
        for decl in &self.forms {
            forms.insert(decl.name.clone(), self.check_form(decl)?);
        }
        let gives_id = forms
            .values()
            .any(|form| form.gives.as_ref().is_some_and(|gives| gives.has(Capture::Id)));
        if let Some(form) = forms.values().find(|form| form.mentions(&Placeholder::Id))
            && !gives_id
        {
            return wrong(format!(
                "the form '{}' needs {{id}}, and no form gives one: `{}`",
                form.name(),
                form.usage()
            ));
        }
        Ok(CheckedManifest { manifest: self, forms })
    }

    fn check_programs(&self) -> Checked {
        if self.programs.is_empty() {
            return wrong("the manifest declares no program");
        }
        count("programs", self.programs.len(), 16)?;
        unique("program", self.programs.iter().map(|program| program.id.as_str()))?;
        for program in &self.programs {
            let id = &program.id;
            let plain = !id.is_empty()
                && id.len() <= 64
                && id.starts_with(|c: char| c.is_ascii_alphanumeric())
                && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c));
            if !plain && Guard::PlainPrograms.holds() {
                return wrong(format!(
                    "the program id '{}' is not a plain name (letters, digits, '-', '_', '.', '+')",
                    short(id)
                ));
            }
            line(&format!("the purpose of {id}"), &program.purpose, 200)?;
        }
        Ok(())
    }

    fn check_locations(&self) -> Checked {
        match &self.locations {
            Locations::One => {}
            Locations::Sockets(SocketFolder { variable: name, parent, folder, inside }) => {
                variable(name)?;
                inside.as_deref().map_or(Ok(()), variable)?;
                line("the sockets' parent folder", parent, 256)?;
                line("the sockets' folder", folder, 128)?;
                if !parent.starts_with('/') || parent.split('/').any(|part| part == "..") {
                    return wrong(format!("the sockets' parent folder '{parent}' is not absolute"));
                }
                let plain = folder.replace("{uid}", "0");
                if plain.contains(['/', '{', '}']) || plain == "." || plain == ".." {
                    return wrong(format!(
                        "the sockets' folder '{folder}' is not a plain name with {{uid}} in it"
                    ));
                }
            }
            Locations::Programs(programs) => {
                if programs.is_empty() {
                    return wrong("locations are programs, but none is named");
                }
                unique("location", programs.iter())?;
                for id in programs {
                    if !self.programs.iter().any(|program| program.id == *id) {
                        return wrong(format!(
                            "the location '{}' is not one of the programs declared",
                            short(id)
                        ));
                    }
                }
            }
        }
        match (&self.locations, &self.location_option) {
            (Locations::One, Some(option)) => wrong(format!(
                "the option '{}' is to name a location, and there is only one",
                short(&option.name)
            )),
            (_, Some(option)) if option.kind != OptionKind::Text || option.repeatable => wrong(
                format!("the option '{}' names a location, so it is one text", short(&option.name)),
            ),
            _ => Ok(()),
        }
    }

    fn check_options(&self) -> Checked {
        count("options", self.options.len(), 64)?;
        let all = || self.options.iter().chain(&self.location_option);
        unique("option", all().map(|option| option.name.as_str()))?;
        for OptionSchema { name, kind, help, required, repeatable, choices } in all() {
            let plain = name.len() <= 64
                && name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            if !plain {
                return wrong(format!(
                    "the option name '{}' is not a lower-case letter with lower-case letters, digits \
                     and '_' after it",
                    short(name)
                ));
            }
            line(&format!("the help of the option {name}"), help, 200)?;
            count(&format!("choices of the option {name}"), choices.len(), 64)?;
            unique(&format!("choice of the option {name}"), choices.iter())?;
            for choice in choices {
                line(&format!("a choice of the option {name}"), choice, 256)?;
            }
            if *kind == OptionKind::Flag && (*repeatable || *required || !choices.is_empty()) {
                return wrong(format!(
                    "the option {name} is a flag, which can be neither required nor repeated and has \
                     no choices"
                ));
            }
        }
        Ok(())
    }

    fn check_files(&self) -> Checked {
        count("constant files", self.files.len(), 16)?;
        unique("constant file", self.files.iter().map(|file| file.name.as_str()))?;
        for ConstFile { name, content } in &self.files {
            word("constant file", name)?;
            if content.len() > 64 * 1024 {
                return wrong(format!("the constant file '{name}' is longer than 64 KiB"));
            }
            let shown = content.replace(['\n', '\t'], " ");
            let plain = escape_controls(&shown) == shown && !shown.contains(odd_blank);
            if !plain && Guard::PlainManifest.holds() {
                return wrong(format!(
                    "the constant file '{name}' holds control or invisible characters; what is \
                     approved must be plain to see"
                ));
            }
        }
        Ok(())
    }

    fn check_form(&self, decl: &FormDecl) -> Checked<Form> {
        word("form", &decl.name)?;
        let wrong = |what: String| -> Checked<Form> {
            wrong(format!("the form '{}' {what}: `{}`", decl.name, escape_controls(&decl.usage)))
        };
        let (first, items) = match form::parse(&decl.usage) {
            Ok(parsed) => parsed,
            Err(what) => return wrong(what),
        };
        let gives = match decl.gives.as_deref().map(Gives::parse).transpose() {
            Ok(gives) => gives,
            Err(what) => {
                let text = escape_controls(decl.gives.as_deref().unwrap_or_default());
                return wrong(format!("has a wrong gives line '{text}' ({what})"));
            }
        };
        let form = Form {
            name: decl.name.clone(),
            operations: decl.operations.clone(),
            effect: decl.effect,
            usage: decl.usage.clone(),
            gives,
            first,
            items,
        };
        match self.form_rules(&form) {
            Ok(()) => Ok(form),
            Err(what) => wrong(what),
        }
    }

    /// What a form may be, given the rest of the manifest. The error is the middle of a sentence.
    fn form_rules(&self, form: &Form) -> Result<(), String> {
        self.operation_rules(form)?;
        match (&form.first, &self.locations) {
            (FirstWord::Location, Locations::Programs(_)) => {}
            (FirstWord::Location, _) => {
                return Err("begins with {location}, but locations are not programs".to_owned());
            }
            (FirstWord::Program(id), _) => {
                if !self.programs.iter().any(|program| program.id == *id) {
                    return Err(format!("begins with '{id}', which is not a program declared"));
                }
            }
        }
        for value in form::values(&form.items) {
            self.placeholder_rules(&value.placeholder)?;
        }
        for item in &form.items {
            match item {
                Item::Group(group) => self.group_rules(group)?,
                Item::Word(word) => {
                    for part in &word.parts {
                        if let Part::Value(value) = part
                            && self.is_list(&value.placeholder)
                        {
                            return Err(format!(
                                "places the list {} outside a group that is repeated (`[ … ]...`)",
                                value.placeholder
                            ));
                        }
                        if matches!(part, Part::Int | Part::Text) && form.effect != Effect::Reads {
                            return Err("takes parameters, which only reads may".to_owned());
                        }
                    }
                }
                Item::Rest if form.effect != Effect::Reads => {
                    return Err("takes parameters, which only reads may".to_owned());
                }
                Item::Anything if form.effect == Effect::Plan => {
                    return Err("takes parameters, which a plan has none of".to_owned());
                }
                Item::Rest | Item::Anything => {}
            }
        }
        self.session_rules(form)?;
        if Guard::OwnCommands.holds() {
            command_rules(form)?;
        }
        if Guard::Parameters.holds() {
            option_rules(form)?;
        }
        self.gives_rules(form)
    }

    fn operation_rules(&self, form: &Form) -> Result<(), String> {
        if form.operations.is_empty() {
            return Err("is for no operation".to_owned());
        }
        let mut seen = BTreeSet::new();
        for operation in &form.operations {
            if !seen.insert(operation) {
                return Err(format!("names the operation {operation} twice"));
            }
            if !operation.is_required() && !self.operations.contains(operation) {
                return Err(format!(
                    "is for {operation}, which is not among the manifest's operations"
                ));
            }
            match form.effect {
                Effect::Changes if operation.only_reads() && Guard::ReadsOnly.holds() => {
                    return Err(format!("changes something, and {operation} changes nothing"));
                }
                Effect::Plan if !operation.has_plan() => {
                    return Err(format!("is a plan, and {operation} has none"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn placeholder_rules(&self, placeholder: &Placeholder) -> Result<(), String> {
        match placeholder {
            Placeholder::Option(name) => match self.option(name) {
                None => Err(format!("places {placeholder}, which is not an option declared")),
                Some(option) if option.kind == OptionKind::Flag => Err(format!(
                    "places {placeholder}, which is yes or no; `{{?option-{name}}}` in a group asks"
                )),
                Some(_) => Ok(()),
            },
            Placeholder::File(name) if !self.files.iter().any(|file| file.name == *name) => {
                Err(format!("places {placeholder}, which is not a file declared"))
            }
            Placeholder::Location if self.locations == Locations::One => {
                Err("places {location}, but there is only one location".to_owned())
            }
            Placeholder::Launch if self.placement == Placement::Elsewhere => {
                Err("places {launch}, but commands run elsewhere".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn group_rules(&self, group: &Group) -> Result<(), String> {
        let mut lists = BTreeSet::new();
        for part in group.words.iter().flat_map(|word| &word.parts) {
            if let Part::Value(value) = part
                && self.is_list(&value.placeholder)
            {
                lists.insert(&value.placeholder);
            }
        }
        match (lists.len(), group.repeated) {
            (0, true) => return Err("repeats a group without a list in it".to_owned()),
            (1, true) | (0, false) => {}
            (_, true) => return Err("has two lists in one repeated group".to_owned()),
            (_, false) => {
                return Err("has a list in a group that is not repeated (`[ … ]...`)".to_owned());
            }
        }
        for condition in &group.conditions {
            if let Flag::Option(name) = &condition.flag
                && self.option(name).is_none()
            {
                return Err(format!(
                    "asks for {{?option-{name}}}, which is not an option declared"
                ));
            }
        }
        Ok(())
    }

    /// A form that changes something says where and what; so do plans and what ids are read from.
    fn session_rules(&self, form: &Form) -> Result<(), String> {
        let acts = form.effect != Effect::Reads;
        let has_session = form.operations.iter().any(|operation| *operation != Operation::Events);
        if acts
            && Guard::NamesSession.holds()
            && has_session
            && !form.mentions(&Placeholder::Name)
            && !form.mentions(&Placeholder::Id)
        {
            return Err(
                "changes or plans something without saying for which session ({name} or {id})"
                    .to_owned(),
            );
        }
        // Otherwise it would go to the default place when another is meant.
        if matches!(self.locations, Locations::Sockets(_))
            && (acts || form.gives.is_some())
            && !form.mentions(&Placeholder::Location)
            && Guard::NamesLocation.holds()
        {
            return Err("does not say at which place ({location})".to_owned());
        }
        Ok(())
    }

    fn gives_rules(&self, form: &Form) -> Result<(), String> {
        let Some(gives) = &form.gives else { return Ok(()) };
        if form.effect == Effect::Plan {
            return Err("has a gives line, but what a plan prints is not read".to_owned());
        }
        if form.runs_anything() {
            return Err("has a gives line, but could print whatever the backend likes".to_owned());
        }
        // With its parameters a backend picks the lines; nothing that is changed may hang on that.
        if form.has_parameters()
            && Guard::OwnLines.holds()
            && let Some(operation) = form.operations.iter().find(|one| **one != Operation::List)
        {
            return Err(format!(
                "has a gives line and parameters, which only forms of list may have, not of \
                 {operation}: the backend could choose whose line is printed"
            ));
        }
        let binds = [Capture::Id, Capture::Pids, Capture::Run];
        if form.effect == Effect::Reads
            && !gives.has(Capture::Name)
            && binds.iter().any(|capture| gives.has(*capture))
        {
            return Err(
                "has a gives line without {name}; only what a changing form printed can be known to \
                 be about the session without it"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn option(&self, name: &str) -> Option<&OptionSchema> {
        self.options.iter().find(|option| option.name == name)
    }

    fn is_list(&self, placeholder: &Placeholder) -> bool {
        match placeholder {
            Placeholder::EnvInherited => true,
            Placeholder::Option(name) => self.option(name).is_some_and(|option| option.repeatable),
            _ => false,
        }
    }
}

/// What a program does is written out: no parameter stands where many programs look for a
/// subcommand. The error is the middle of a sentence.
fn command_rules(form: &Form) -> Result<(), String> {
    for item in &form.items {
        let first = match item {
            Item::Word(word) => word.parts.first(),
            Item::Rest => Some(&Part::Text),
            Item::Group(_) | Item::Anything => None,
        };
        match first {
            Some(Part::Literal(text)) if text == "--" || !text.starts_with('-') => return Ok(()),
            Some(Part::Text) => {
                return Err(
                    "lets the backend choose what the program does: before <word> stands a \
                            word that is written out and no option, or `--`"
                        .to_owned(),
                );
            }
            _ => {}
        }
    }
    Ok(())
}

/// Behind a dash that is written out, a parameter would choose the option, or further ones: `-l<word>`
/// is `-lx` as well. Only the value of one is the backend's choice. The error is the middle of a
/// sentence.
fn option_rules(form: &Form) -> Result<(), String> {
    for word in form::words(&form.items) {
        let Some(own) = word.parts.iter().position(|part| *part == Part::Text) else { continue };
        let before = word.parts.get(..own).unwrap_or_default();
        let dash = matches!(before.first(), Some(Part::Literal(text)) if text.starts_with('-'));
        let value =
            before.iter().any(|part| matches!(part, Part::Literal(text) if text.contains('=')));
        if dash && !value {
            return Err(
                "lets the backend choose an option: behind a `-`, <word> stands after a `=`, or as \
                 a word of its own"
                    .to_owned(),
            );
        }
    }
    Ok(())
}

/// Like a session's name: a letter, then letters, digits, `_`, `-`, at most 64 in all.
fn is_session_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// The name of a form or file: letters, digits and `-`.
fn word(what: &str, name: &str) -> Checked {
    let plain = !name.is_empty()
        && name.len() <= 64
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    match plain {
        true => Ok(()),
        false => wrong(format!(
            "the {what} name '{}' is not made of letters, digits and '-' (at most 64)",
            short(name)
        )),
    }
}

/// The name of an environment variable.
fn variable(name: &str) -> Checked {
    let plain = name.len() <= 128
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match plain {
        true => Ok(()),
        false => wrong(format!("'{}' is not the name of a variable", short(name))),
    }
}

/// One line of plain text, not empty.
fn line(what: &str, text: &str, most: usize) -> Checked {
    if text.trim().is_empty() {
        return wrong(format!("{what} is empty"));
    }
    if text.len() > most && Guard::ManifestSize.holds() {
        return wrong(format!("{what} is longer than {most} bytes"));
    }
    if text.contains("  ") && Guard::PlainManifest.holds() {
        return wrong(format!("{what} holds two blanks in a row"));
    }
    if text.contains(odd_blank) && Guard::PlainManifest.holds() {
        return wrong(format!("{what} holds blanks that are not plain spaces"));
    }
    match escape_controls(text) == text || !Guard::PlainManifest.holds() {
        true => Ok(()),
        false => wrong(format!(
            "{what} holds control or invisible characters: '{}'",
            escape_controls(text)
        )),
    }
}

/// Blanks of other kinds could push what follows them out of sight.
fn odd_blank(c: char) -> bool {
    c != ' ' && (c.is_whitespace() || c == '\u{2800}')
}

fn count(what: &str, number: usize, most: usize) -> Checked {
    match number <= most || !Guard::ManifestSize.holds() {
        true => Ok(()),
        false => wrong(format!("the manifest has {number} {what}, and {most} are allowed")),
    }
}

fn unique(what: &str, names: impl Iterator<Item = impl AsRef<str>>) -> Checked {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name.as_ref().to_owned()) && Guard::DeclaredOnce.holds() {
            return wrong(format!("the {what} '{}' is declared twice", short(name.as_ref())));
        }
    }
    Ok(())
}

/// A stranger's text for a message.
fn short(text: &str) -> String {
    let mut short: String = text.chars().take(80).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    escape_controls(&short)
}

#[cfg(test)]
mod tests;
