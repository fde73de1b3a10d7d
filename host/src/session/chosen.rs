//! Programs that the config of a directory chose: they are run once their user approved that very
//! file, for that very setting.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::approvals::{Answer, Ask, ProgramReview, Question};
use crate::config::{Config, Sourced};
use crate::door::Programs;
use crate::guard::Guard;
use crate::plugin::{Digest, ProgramApproval, TrustFile};
use crate::text::{escape_controls, shown_path};
use crate::{Error, Result, ownership};

/// The programs that the config puts in place of others, by id, as far as it may. With `lenient`,
/// what a directory chose and nobody approved is left out, and nobody is asked.
pub(super) fn overrides(
    config: &Config,
    trust: &TrustFile,
    ask: Option<&Ask>,
    lenient: bool,
) -> Result<BTreeMap<String, OsString>> {
    let mut overrides = BTreeMap::new();
    for (id, program) in config.program_overrides() {
        if !is_chosen(id, program) {
            overrides.insert(id.clone(), program.value.clone().into());
            continue;
        }
        match approved(id, program, trust, ask.filter(|_| !lenient)) {
            Ok(path) => {
                overrides.insert(id.clone(), path.into());
            }
            Err(_) if lenient => {}
            Err(error) => return Err(error),
        }
    }
    Ok(overrides)
}

/// What a directory's config chose and nobody approved, to be shown; what cannot be approved is an
/// error of its own.
pub(super) fn unapproved(config: &Config, trust: &TrustFile) -> Vec<Result<ProgramReview>> {
    let chosen = config.program_overrides().iter().filter(|(id, program)| is_chosen(id, program));
    chosen
        .map(|(id, program)| review(id, program, trust))
        .filter(|review| match review {
            Ok(review) => !trust.has_program(&review.choice).unwrap_or(false),
            Err(_) => true,
        })
        .collect()
}

/// Whether a directory that was merely entered chooses another program than there would be.
fn is_chosen(id: &str, program: &Sourced<String>) -> bool {
    program.from_working_dir && program.value != id && Guard::DirectoryConfig.holds()
}

/// The path that may be run.
fn approved(
    id: &str,
    program: &Sourced<String>,
    trust: &TrustFile,
    ask: Option<&Ask>,
) -> Result<PathBuf> {
    let review = review(id, program, trust)?;
    if trust.has_program(&review.choice)? {
        return Ok(review.choice.path);
    }
    match ask.map(|ask| ask(&Question::Program(&review))) {
        Some(Answer::Always) => trust.approve_program(&review.choice)?,
        Some(Answer::Once) => {}
        Some(Answer::No) => {
            return Err(Error::Refused {
                what: format!(
                    "{}: the program that it chooses to be run as {id} was not approved",
                    program.place()
                ),
                advice: None,
            });
        }
        None => {
            let why = match review.changed {
                true => "it changed since you approved it",
                false => "nobody approved it",
            };
            return Err(refused(id, program, why, true));
        }
    }
    Ok(review.choice.path)
}

fn review(id: &str, program: &Sourced<String>, trust: &TrustFile) -> Result<ProgramReview> {
    let on_path = Programs::new(std::env::var_os("PATH"), BTreeMap::new());
    let value = Path::new(&program.value);
    let path = match value.is_absolute() {
        true => value.to_owned(),
        false => on_path
            .resolve(&program.value)
            .map_err(|error| refused(id, program, &error.to_string(), false))?,
    };
    let digest = digest(&path).map_err(|why| refused(id, program, &why, false))?;
    safe(&path, value.is_absolute())?;
    let choice = ProgramApproval {
        program: id.to_owned(),
        path,
        digest,
        config: program.file.clone(),
        approved_at: String::new(),
    };
    Ok(ProgramReview {
        place: program.place(),
        value: program.value.clone(),
        instead_of: on_path.resolve(id).ok(),
        changed: trust.has_program_for(id, &program.file)?,
        choice,
    })
}

fn refused(id: &str, program: &Sourced<String>, why: &str, can_approve: bool) -> Error {
    let otherwise = "put the setting into your own config (~/.config/kstlib.conf.yml), or name this \
                     file with --config";
    Error::Refused {
        what: format!(
            "{}: the config of a directory cannot choose the program that is run as {id} ('{}'): {why}",
            program.place(),
            escape_controls(&program.value)
        ),
        advice: Some(match can_approve {
            true => format!("see it and approve it: kst config trust\nor {otherwise}"),
            false => format!("if you mean it, {otherwise}"),
        }),
    }
}

/// The digest of a program's content, or why it is none.
fn digest(path: &Path) -> std::result::Result<Digest, String> {
    let shown = shown_path(path);
    let failed = |error: io::Error| format!("{shown} cannot be read: {error}");
    let meta = std::fs::metadata(path).map_err(failed)?;
    let runs = meta.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    if !runs {
        return Err(format!("{shown} is not a file that can be executed"));
    }
    let mut hash = Sha256::new();
    let mut file = File::open(path).map_err(failed)?;
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece).map_err(failed)? {
            0 => break,
            count => hash.update(piece.get(..count).unwrap_or_default()),
        }
    }
    Ok(Digest::from_bytes(hash.finalize().into()))
}

/// Whether nobody else can put another file there, once this one was looked at. The folders of PATH
/// are the user's own choice.
fn safe(path: &Path, named_by_path: bool) -> Result<()> {
    let failed = |error: io::Error| {
        Error::failed(format!("{} cannot be looked at: {error}", shown_path(path)))
    };
    let real = std::fs::canonicalize(path).map_err(failed)?;
    let mut all = vec![real.as_path()];
    if named_by_path {
        all.extend([real.parent(), path.parent()].into_iter().flatten());
        ownership::check_way(path)?;
    }
    for path in all {
        ownership::check(path, &std::fs::metadata(path).map_err(failed)?)?;
    }
    Ok(())
}
