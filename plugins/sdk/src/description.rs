//! Building a [`Description`].

use crate::bindings::kst::runner::manifest::{
    self, Effect, File, OptionKind, OptionSchema, Placement, Program,
};
use crate::{Description, Locations, Operation};

impl Description {
    /// A backend with this name (as in `--backend NAME`), its own version, and one line on what it
    /// runs sessions in. Until more is said: one location, sessions on this machine, no options.
    pub fn new(name: &str, version: &str, summary: &str) -> Self {
        Description {
            name: name.into(),
            version: version.into(),
            summary: summary.into(),
            programs: Vec::new(),
            forms: Vec::new(),
            locations: Locations::One,
            location_option: None,
            options: Vec::new(),
            placement: Placement::Here,
            keeps: Vec::new(),
            files: Vec::new(),
            operations: Vec::new(),
            detach: None,
        }
    }

    /// Add a program that forms begin with: its name on the PATH, and what it does for the session,
    /// for the person who approves it.
    pub fn program(mut self, id: &str, purpose: &str) -> Self {
        self.programs.push(Program { id: id.into(), purpose: purpose.into() });
        self
    }

    /// Add a command form.
    pub fn form(mut self, form: Form) -> Self {
        self.forms.push(form.0);
        self
    }

    /// Say where the engine's places are, and which option names the one to use.
    pub fn locations(mut self, locations: Locations, option: Choice) -> Self {
        self.locations = locations;
        self.location_option = Some(option.0);
        self
    }

    /// Add an option that a session can have.
    pub fn option(mut self, option: Choice) -> Self {
        self.options.push(option.0);
        self
    }

    /// The sessions' processes run elsewhere (in containers, on other machines), not on this
    /// machine below kst's shim: forms use `{command}` in place of `{launch}`.
    pub fn elsewhere(mut self) -> Self {
        self.placement = Placement::Elsewhere;
        self
    }

    /// Variables that a session keeps as its engine set them, where all others are the caller's.
    pub fn keeps(mut self, variables: &[&str]) -> Self {
        self.keeps.extend(variables.iter().map(|&variable| variable.into()));
        self
    }

    /// Add a constant file that a program needs; `{file-NAME}` in forms is its path.
    pub fn file(mut self, name: &str, content: &str) -> Self {
        self.files.push(File { name: name.into(), content: content.into() });
        self
    }

    /// The optional operations that the backend has, from `send` on.
    pub fn operations(mut self, operations: &[Operation]) -> Self {
        self.operations.extend_from_slice(operations);
        self
    }

    /// How a person detaches (`Ctrl-b d`), shown once on attach.
    pub fn detach(mut self, keys: &str) -> Self {
        self.detach = Some(keys.into());
        self
    }
}

/// A command form: its name, the operations it may be used in, and its usage line.
///
/// The grammar of usage lines and of [`gives`](Form::gives) is in `wit/manifest.wit`.
pub struct Form(manifest::Form);

impl Form {
    /// A form that changes nothing. It may be run any number of times.
    pub fn reads(name: &str, operations: &[Operation], usage: &str) -> Self {
        Form::with(Effect::Reads, name, operations, usage)
    }

    /// A form that changes something. It may be run once in an operation.
    pub fn changes(name: &str, operations: &[Operation], usage: &str) -> Self {
        Form::with(Effect::Changes, name, operations, usage)
    }

    /// A form that the backend answers with and kst runs, on the user's terminal or with its output
    /// piped.
    pub fn plan(name: &str, operations: &[Operation], usage: &str) -> Self {
        Form::with(Effect::Plan, name, operations, usage)
    }

    /// The shape of a line of its output, where kst is to take ids, pids or names from it.
    pub fn gives(mut self, shape: &str) -> Self {
        self.0.gives = Some(shape.into());
        self
    }

    fn with(effect: Effect, name: &str, operations: &[Operation], usage: &str) -> Self {
        Form(manifest::Form {
            name: name.into(),
            operations: operations.to_vec(),
            effect,
            usage: usage.into(),
            gives: None,
        })
    }
}

/// An option that a session can have, as the config and `-o NAME=VALUE` give it.
///
/// ```
/// # use kst_plugin::{Choice, OptionKind};
/// Choice::new("volumes", OptionKind::Volume, "Folders to mount").repeatable();
/// Choice::text("size", "How big").of(&["small", "large"]).required();
/// ```
pub struct Choice(OptionSchema);

impl Choice {
    /// An option of this name (lower-case letters, digits and `_`) and kind, with a line of help.
    pub fn new(name: &str, kind: OptionKind, help: &str) -> Self {
        Choice(OptionSchema {
            name: name.into(),
            kind,
            help: help.into(),
            required: false,
            repeatable: false,
            choices: Vec::new(),
        })
    }

    /// An option that is any text.
    pub fn text(name: &str, help: &str) -> Self {
        Choice::new(name, OptionKind::Text, help)
    }

    /// A new session cannot do without it.
    pub fn required(mut self) -> Self {
        self.0.required = true;
        self
    }

    /// It takes several values.
    pub fn repeatable(mut self) -> Self {
        self.0.repeatable = true;
        self
    }

    /// It takes these values only.
    pub fn of(mut self, choices: &[&str]) -> Self {
        self.0.choices = choices.iter().map(|&choice| choice.into()).collect();
        self
    }
}
