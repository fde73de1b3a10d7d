//! Whether what is about to run is the whole of the request: a form that leaves a value out is as
//! much a lie as one that changes it.

use super::error::DoorError;
use super::fill::Placed;
use super::form::{Form, Placeholder};
use super::gives::Capture;
use super::manifest::{Effect, Locations, Operation};
use super::request::Request;
use crate::guard::Guard;
use crate::session::OptionValue;
use crate::text::escape_controls;

/// Check that a changing form or a plan, filled, carries the request. `made_here` says whether the
/// id it places belongs to what this very operation made.
pub(super) fn check(
    form: &Form,
    request: &Request,
    locations: &Locations,
    placed: &Placed,
    made_here: bool,
) -> Result<(), DoorError> {
    let has = |placeholder: Placeholder| placed.values.contains(&placeholder);
    let missing = |what: String| {
        Err(DoorError::Refused(format!(
            "the form '{}' leaves out {what} of this {}: `{}`",
            form.name(),
            request.operation,
            form.usage()
        )))
    };
    // Another location's ids look like this one's: every tmux server starts at `$0`.
    let binds = form.gives.as_ref().is_some_and(|gives| gives.has(Capture::Name));
    if matches!(locations, Locations::Sockets(_))
        && (form.effect() != Effect::Reads || binds)
        && !has(Placeholder::Location)
        && Guard::NamesLocation.holds()
    {
        return missing(format!(
            "the location '{}' ({{location}})",
            escape_controls(&request.location.name)
        ));
    }
    if form.effect() == Effect::Reads {
        return Ok(());
    }
    let names = has(Placeholder::Name) || has(Placeholder::Id);
    if request.name.is_some() && !names && Guard::NamesSession.holds() {
        return missing("the session ({name} or {id})".to_owned());
    }
    // Nothing is asked for but that; whatever else a start may do with what it made itself must not
    // be done to somebody's own session.
    if request.resume && !placed.resumes && Guard::AsItIs.holds() {
        return missing("that the session is to be started as it is ({?resume})".to_owned());
    }
    if !Guard::WholeRequest.holds() {
        return Ok(());
    }
    match request.operation {
        // What this operation made itself may be changed by its id alone: to clean up, or to go on.
        Operation::Start if made_here && has(Placeholder::Id) => return Ok(()),
        Operation::Start if request.signal.is_some() && !has(Placeholder::Signal) => {
            return missing("the signal that is to end it ({signal})".to_owned());
        }
        Operation::Start if request.restart.is_some() && !has(Placeholder::Restart) => {
            return missing("when it is to be started again ({restart})".to_owned());
        }
        Operation::Start | Operation::Exec => {}
        Operation::Send if has(Placeholder::PasteFile) => {
            // Behind a paste, Enter is a matter of the form's own words.
            return match placed.enters == request.enter {
                true => Ok(()),
                false => missing("the Enter that is to follow ({?enter})".to_owned()),
            };
        }
        Operation::Send
            if request.keys.is_some() && !has(Placeholder::Keys) && !has(Placeholder::KeysFile) =>
        {
            return missing("what to type ({keys} or {keys-file})".to_owned());
        }
        Operation::Signal if request.signal.is_some() && !has(Placeholder::Signal) => {
            return missing("the signal ({signal})".to_owned());
        }
        _ => return Ok(()),
    }
    if !has(Placeholder::Launch) {
        if request.launch.is_some() {
            return missing("what to launch ({launch})".to_owned());
        }
        if request.command.as_ref().is_some_and(|command| !command.is_empty())
            && !has(Placeholder::Command)
        {
            return missing("the command ({command})".to_owned());
        }
        if request.workdir.is_some() && !has(Placeholder::Workdir) {
            return missing("the working directory ({workdir})".to_owned());
        }
        if request.env_lines().next().is_some() && !has(Placeholder::EnvFile) {
            return missing("the environment ({env-file})".to_owned());
        }
        if request.env_inherited().next().is_some() && !has(Placeholder::EnvInherited) {
            return missing(
                "the environment values that hold newlines ({env-inherited})".to_owned(),
            );
        }
    }
    for (name, value) in &request.options {
        let carried = match value {
            OptionValue::Flag(false) => true,
            OptionValue::Flag(true) => placed.flags.contains(name),
            OptionValue::List(list) if list.is_empty() => true,
            _ => has(Placeholder::Option(name.clone())),
        };
        if !carried {
            return missing(format!("the option {name} ({{option-{name}}})"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
