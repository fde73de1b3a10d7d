//! A small manifest and request for the tests of the door.

use super::*;
#[cfg(test)]
use crate::session::OptionValue;

/// A form.
pub(super) fn form(
    name: &str,
    operations: &[Operation],
    effect: Effect,
    usage: &str,
    gives: Option<&str>,
) -> FormDecl {
    FormDecl {
        name: name.to_owned(),
        operations: operations.to_vec(),
        effect,
        usage: usage.to_owned(),
        gives: gives.map(str::to_owned),
    }
}

fn option(name: &str, kind: OptionKind, repeatable: bool) -> OptionSchema {
    OptionSchema {
        name: name.to_owned(),
        kind,
        help: "an option".to_owned(),
        required: false,
        repeatable,
        choices: Vec::new(),
    }
}

/// A backend with the programs `sh` and `eng`, sockets, options of each kind, one file.
pub(super) fn manifest(forms: Vec<FormDecl>) -> Manifest {
    let program = |id: &str| Program { id: id.to_owned(), purpose: "does it".to_owned() };
    Manifest {
        name: "eng".to_owned(),
        version: "1.0".to_owned(),
        summary: "runs sessions in eng".to_owned(),
        programs: vec![program("sh"), program("eng")],
        forms,
        locations: Locations::Sockets(SocketFolder {
            variable: "ENG_TMPDIR".to_owned(),
            parent: "/tmp".to_owned(),
            folder: "eng-{uid}".to_owned(),
            inside: Some("ENG".to_owned()),
        }),
        location_option: None,
        options: vec![
            option("image", OptionKind::Image, false),
            option("volumes", OptionKind::Volume, true),
            option("tty", OptionKind::Flag, false),
        ],
        placement: Placement::Here,
        keeps: vec!["TERM".to_owned()],
        files: vec![ConstFile { name: "rc".to_owned(), content: "zombie kr\n".to_owned() }],
        operations: vec![
            Operation::Send,
            Operation::Exec,
            Operation::Follow,
            Operation::Wait,
            Operation::Signal,
            Operation::Events,
        ],
        detach: None,
    }
}

/// The same with two programs for locations.
pub(super) fn two_engines(forms: Vec<FormDecl>) -> Manifest {
    Manifest {
        locations: Locations::Programs(vec!["eng".to_owned(), "sh".to_owned()]),
        placement: Placement::Elsewhere,
        ..manifest(forms)
    }
}

/// A form that gives ids, so that others may need them.
pub(super) fn listing() -> FormDecl {
    form(
        "list",
        &[Operation::List, Operation::Status, Operation::Start, Operation::Stop],
        Effect::Reads,
        "eng [-L {location}] ls",
        Some("{id} {pids},{name}"),
    )
}

/// A checked manifest with this one form, besides [`listing`].
#[cfg(test)]
pub(super) fn with_form(decl: FormDecl) -> CheckedManifest {
    manifest(vec![listing(), decl]).check().unwrap()
}

/// A request about the session `web` at the default place.
pub(super) fn request(operation: Operation) -> Request {
    let location = Location { name: "default".to_owned(), is_default: true, inside: false };
    Request { name: Some("web".to_owned()), ..Request::new(operation, location) }
}

/// Options, by their kind.
#[cfg(test)]
pub(super) fn options(
    list: &[(&str, OptionValue)],
) -> std::collections::BTreeMap<String, OptionValue> {
    list.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}
