//! A session's options, held against the schema of its backend.

use std::collections::BTreeMap;
use std::path::Path;

use super::model::{OptionValue, SessionConfig};
use super::validate;
use crate::config::{KSTLIB_BACKENDS, KSTLIB_OPTIONS};
use crate::door::{Manifest, OptionKind, OptionSchema};
use crate::text::nearest;
use crate::{Error, Result};

/// The most values of a repeatable option that has no limit of its own.
const MOST_VALUES: usize = 100;

/// Options as their backend gets them, and the location that they named.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Checked {
    pub options: BTreeMap<String, OptionValue>,
    pub location: Option<String>,
}

/// Leave out what the config says for another backend. One config serves several: a session that
/// has an image and volumes on the server runs in tmux on the laptop, where neither means anything.
/// What was asked for just now stays, to be refused.
pub(crate) fn leave_out_others(
    manifest: &Manifest,
    options: &mut BTreeMap<String, OptionValue>,
    defined: &SessionConfig,
) {
    options.retain(|name, value| {
        !is_others(manifest, defined, name) || defined.options.get(name) != Some(value)
    });
}

/// Whether an option is one that kstlib's configs have for every session, and this backend has not.
/// Where the definition names the backend, and kstlib has none of that name, it is a mistake.
pub(crate) fn is_others(manifest: &Manifest, defined: &SessionConfig, name: &str) -> bool {
    let meant = defined.backend.as_deref() == Some(&*manifest.name)
        && !KSTLIB_BACKENDS.contains(&&*manifest.name);
    let mut own = manifest.options.iter().chain(&manifest.location_option);
    !meant && KSTLIB_OPTIONS.contains(&name) && own.all(|option| option.name != name)
}

/// Check options against a backend's schema, and give each its declared type. Relative paths are
/// taken from `base`.
///
/// # Errors
///
/// [`Error::Invalid`] for an option that the backend does not have, or a value of another kind.
pub(crate) fn check(
    manifest: &Manifest,
    given: &BTreeMap<String, OptionValue>,
    base: &Path,
) -> Result<Checked> {
    let mut checked = Checked::default();
    for (name, value) in given {
        if manifest.location_option.as_ref().is_some_and(|option| option.name == *name) {
            checked.location = Some(text(name, value)?);
            continue;
        }
        let Some(schema) = manifest.options.iter().find(|option| option.name == *name) else {
            return Err(unknown(manifest, name));
        };
        if let Some(value) = typed(schema, value, base)? {
            checked.options.insert(name.clone(), value);
        }
    }
    Ok(checked)
}

/// Whether every option that a new session cannot do without is there.
///
/// # Errors
///
/// [`Error::Invalid`] that names the first one missing.
pub(crate) fn check_required(
    manifest: &Manifest,
    options: &BTreeMap<String, OptionValue>,
) -> Result<()> {
    match manifest.options.iter().find(|one| one.required && !options.contains_key(&one.name)) {
        None => Ok(()),
        Some(missing) => Err(Error::Invalid {
            what: format!(
                "a session of {} needs {}: {}",
                manifest.name, missing.name, missing.help
            ),
            advice: Some(format!(
                "give it as '-o {}=…', or as '{}:' in the config",
                missing.name, missing.name
            )),
        }),
    }
}

fn unknown(manifest: &Manifest, name: &str) -> Error {
    let known = || {
        manifest.options.iter().chain(&manifest.location_option).map(|option| option.name.as_str())
    };
    let advice = match nearest(name, known()) {
        Some(close) => format!("did you mean '{close}'?"),
        None if known().next().is_none() => format!("{} has no options", manifest.name),
        None => format!("{} has: {}", manifest.name, known().collect::<Vec<_>>().join(", ")),
    };
    Error::Invalid {
        what: format!("{} has no option '{}'", manifest.name, crate::text::escape_controls(name)),
        advice: Some(advice),
    }
}

/// The value in its declared type; `None` for one that says nothing (an empty list).
fn typed(schema: &OptionSchema, value: &OptionValue, base: &Path) -> Result<Option<OptionValue>> {
    let name = &schema.name;
    if schema.repeatable {
        let items = match value {
            OptionValue::List(items) => items.clone(),
            other => vec![text(name, other)?],
        };
        let items: Result<Vec<String>> =
            items.iter().map(|item| one_text(schema, item, base)).collect();
        let items = items?;
        match schema.kind {
            OptionKind::Volume => validate::volumes(&items)?,
            OptionKind::Port => validate::ports(&items)?,
            _ if items.len() > MOST_VALUES => {
                return Err(Error::invalid(format!(
                    "option '{name}' has {} values; at most {MOST_VALUES} are possible",
                    items.len()
                )));
            }
            _ => {}
        }
        return Ok((!items.is_empty()).then_some(OptionValue::List(items)));
    }
    let wrong =
        |needs: &str| Error::invalid(format!("option '{name}' {needs}, not {}", describe(value)));
    match schema.kind {
        OptionKind::Flag => match value {
            OptionValue::Flag(flag) => Ok(Some(OptionValue::Flag(*flag))),
            OptionValue::Text(text) => match validate::yes_or_no(text) {
                Some(flag) => Ok(Some(OptionValue::Flag(flag))),
                None => Err(wrong("is true or false")),
            },
            _ => Err(wrong("is true or false")),
        },
        OptionKind::Number => match value {
            OptionValue::Number(number) => Ok(Some(OptionValue::Number(*number))),
            OptionValue::Text(text) => match text.parse() {
                Ok(number) => Ok(Some(OptionValue::Number(number))),
                Err(_) => Err(wrong("is a whole number")),
            },
            _ => Err(wrong("is a whole number")),
        },
        _ => {
            if matches!(value, OptionValue::List(_)) {
                return Err(wrong("takes one value"));
            }
            let value = one_text(schema, &text(name, value)?, base)?;
            Ok(Some(OptionValue::Text(value)))
        }
    }
}

/// One text value, checked by its kind, with relative paths made absolute.
fn one_text(schema: &OptionSchema, value: &str, base: &Path) -> Result<String> {
    let name = &schema.name;
    let value = match schema.kind {
        OptionKind::Image => {
            validate::image(value)?;
            value.to_owned()
        }
        OptionKind::Port => {
            validate::port(value)?;
            value.to_owned()
        }
        OptionKind::Volume => {
            validate::volume(value)?;
            validate::absolute_volume(value, base)?
        }
        OptionKind::Path => {
            let path = base.join(value);
            path.to_str().map(str::to_owned).ok_or_else(|| {
                Error::invalid(format!("option '{name}': the path is not valid UTF-8"))
            })?
        }
        OptionKind::Text | OptionKind::Number | OptionKind::Flag => value.to_owned(),
    };
    if value.is_empty() {
        return Err(Error::invalid(format!("option '{name}' is empty")));
    }
    if value.len() > 4096 {
        return Err(Error::invalid(format!("option '{name}' is longer than 4,096 bytes")));
    }
    if value.chars().any(char::is_control) {
        return Err(Error::invalid(format!("option '{name}' holds a control character")));
    }
    if !schema.choices.is_empty() && !schema.choices.contains(&value) {
        return Err(Error::Invalid {
            what: format!("option '{name}' cannot be '{value}'"),
            advice: Some(format!("it is one of {}", schema.choices.join(", "))),
        });
    }
    Ok(value)
}

fn text(name: &str, value: &OptionValue) -> Result<String> {
    match value {
        OptionValue::Text(text) => Ok(text.clone()),
        OptionValue::Number(number) => Ok(number.to_string()),
        OptionValue::Flag(flag) => Ok(flag.to_string()),
        OptionValue::List(_) => {
            Err(Error::invalid(format!("option '{name}' takes one value, not several")))
        }
    }
}

fn describe(value: &OptionValue) -> String {
    match value {
        OptionValue::Flag(flag) => flag.to_string(),
        OptionValue::Number(number) => number.to_string(),
        OptionValue::Text(text) => format!("'{}'", crate::text::escape_controls(text)),
        OptionValue::List(_) => "a list".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::{Locations, Placement};

    fn without_options() -> Manifest {
        Manifest {
            name: "eng".into(),
            version: "1".into(),
            summary: "runs sessions".into(),
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

    fn options(list: &[(&str, &str)]) -> BTreeMap<String, OptionValue> {
        let option = |(name, value): &(&str, &str)| {
            ((*name).to_owned(), OptionValue::Text((*value).to_owned()))
        };
        list.iter().map(option).collect()
    }

    #[test]
    fn what_the_config_says_for_another_backend_is_left_out() {
        let mut defined = SessionConfig {
            options: options(&[("image", "app:1"), ("runtime", "podman"), ("colour", "red")]),
            ..SessionConfig::default()
        };
        let mut merged = defined.options.clone();
        // Given on the command line.
        merged.extend(options(&[("runtime", "docker")]));
        leave_out_others(&without_options(), &mut merged, &defined);
        // The image was the config's and is a container's; nobody knows what a colour is.
        assert_eq!(merged, options(&[("runtime", "docker"), ("colour", "red")]));

        // An image was meant for this very backend: to be refused.
        defined.backend = Some("eng".into());
        let mut merged = defined.options.clone();
        leave_out_others(&without_options(), &mut merged, &defined);
        assert_eq!(merged, defined.options);
    }
}
