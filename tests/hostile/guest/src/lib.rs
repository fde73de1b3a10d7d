//! A backend that does whatever its script says, hostile or not.
//!
//! The script is data in the component: whoever has the file puts another one in its place
//! (`tests/hostile/script.rs`), so one build serves every attack.

mod script;
mod steps;

use kst_plugin::prelude::*;
use script::{Record, records};

/// The backend that the script describes.
pub struct Scripted;

kst_plugin::export!(Scripted);

impl Backend for Scripted {
    fn describe() -> Description {
        // The steps of `describe` are played, too: the door has to be shut.
        let _ = steps::play("describe", "");
        let mut description = Description::new("nobody", "0", "nothing");
        for record in records() {
            describe(&record, &mut description);
        }
        description
    }

    fn probe(_at: &Location) -> Result<Health, Error> {
        let answer = steps::play("probe", "")?;
        Ok(Health::version(&answer.text))
    }

    fn list(_at: &Location) -> Result<Vec<Session>, Error> {
        Ok(steps::play("list", "")?.sessions)
    }

    fn status(_at: &Location, name: &str) -> Result<Session, Error> {
        steps::play("status", name)?.session(name).ok_or(Error::NotFound)
    }

    fn start(_at: &Location, request: &StartRequest) -> Result<Session, Error> {
        let answer = steps::play("start", &request.name)?;
        Ok(answer.session(&request.name).unwrap_or(Session::new(&request.name, State::Running)))
    }

    fn stop(_at: &Location, request: &StopRequest) -> Result<(), Error> {
        steps::play("stop", &request.name).map(|_| ())
    }

    fn remove(_at: &Location, name: &str) -> Result<(), Error> {
        steps::play("remove", name).map(|_| ())
    }

    fn logs(_at: &Location, name: &str, _lines: u32, _times: bool) -> Result<LogSource, Error> {
        let answer = steps::play("logs", name)?;
        Ok(match answer.plan {
            Some(form) => LogSource::Plan(Plan::of(&form)),
            None => LogSource::Text(answer.text.into_bytes()),
        })
    }

    fn attach(_at: &Location, name: &str) -> Result<Plan, Error> {
        Ok(Plan::of(&steps::play("attach", name)?.text))
    }

    fn send(_at: &Location, request: &SendRequest) -> Result<(), Error> {
        steps::play("send", &request.name).map(|_| ())
    }

    fn exec(_at: &Location, name: &str) -> Result<Plan, Error> {
        Ok(Plan::of(&steps::play("exec", name)?.text))
    }

    fn wait(_at: &Location, name: &str) -> Result<Plan, Error> {
        Ok(Plan::of(&steps::play("wait", name)?.text))
    }

    fn signal(_at: &Location, name: &str) -> Result<(), Error> {
        steps::play("signal", name).map(|_| ())
    }

    fn follow(_at: &Location, name: &str) -> Result<StreamSource, Error> {
        Ok(StreamSource::Plan(Plan::of(&steps::play("follow", name)?.text)))
    }
}

/// Add what a record says of the backend itself.
fn describe(record: &Record, to: &mut Description) {
    let texts = |from: usize| record.fields.iter().skip(from).cloned().collect::<Vec<_>>();
    let field = |at: usize| record.field(at);
    match record.verb.as_str() {
        "backend" => (to.name, to.version, to.summary) = (field(0), field(1), field(2)),
        "program" => *to = std::mem::replace(to, blank()).program(&field(0), &field(1)),
        "form" => {
            let operations: Vec<Operation> = field(1).split(',').map(operation).collect();
            let make = match field(2).as_str() {
                "reads" => Form::reads,
                "changes" => Form::changes,
                _ => Form::plan,
            };
            let mut form = make(&field(0), &operations, &field(3));
            if record.fields.len() > 4 {
                form = form.gives(&field(4));
            }
            *to = std::mem::replace(to, blank()).form(form);
        }
        "sockets" => {
            to.locations = Locations::Sockets(SocketFolder {
                variable: field(0),
                parent: field(1),
                folder: field(2),
                inside: None,
            });
        }
        "places" => to.locations = Locations::Programs(texts(0)),
        "option" => {
            let kind = match field(1).as_str() {
                "flag" => OptionKind::Flag,
                "image" => OptionKind::Image,
                "volume" => OptionKind::Volume,
                _ => OptionKind::Text,
            };
            let mut option = Choice::new(&field(0), kind, "an option");
            if kind == OptionKind::Volume {
                option = option.repeatable();
            }
            *to = std::mem::replace(to, blank()).option(option);
        }
        "elsewhere" => *to = std::mem::replace(to, blank()).elsewhere(),
        "file" => *to = std::mem::replace(to, blank()).file(&field(0), &field(1)),
        "detach" => to.detach = Some(field(0)),
        "also" => to.operations = texts(0).iter().map(|name| operation(name)).collect(),
        // As many forms as it says, each with another name.
        "forms" => {
            let usage = field(1);
            for number in 0..record.number(0) {
                let form = Form::reads(&format!("form-{number}"), &[Operation::List], &usage);
                *to = std::mem::replace(to, blank()).form(form);
            }
        }
        _ => {}
    }
}

fn blank() -> Description {
    Description::new("", "", "")
}

fn operation(name: &str) -> Operation {
    match name {
        "probe" => Operation::Probe,
        "list" => Operation::List,
        "status" => Operation::Status,
        "start" => Operation::Start,
        "stop" => Operation::Stop,
        "remove" => Operation::Remove,
        "logs" => Operation::Logs,
        "follow" => Operation::Follow,
        "send" => Operation::Send,
        "exec" => Operation::Exec,
        "wait" => Operation::Wait,
        "signal" => Operation::Signal,
        _ => Operation::Attach,
    }
}
