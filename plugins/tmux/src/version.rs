//! What a version of tmux can do.

use kst_plugin::prelude::*;

/// The health that `tmux -V` tells. Versions that are no number (`tmux master`) are taken for new.
pub fn health(line: &str) -> Health {
    let version = line.strip_prefix("tmux ").unwrap_or(line);
    let Some(number) = number(version) else { return Health::version(version) };
    if number < (3, 0) {
        let mut health = Health::problem("this tmux is too old: kst needs tmux 3.0 or later");
        health.version = Some(version.into());
        return health;
    }
    let mut health = Health::version(version);
    let lacks = [
        (
            (3, 1),
            "before 3.1 tmux does not tell which windows are shared: of a session that kst did not \
             start, no pid is shown, and stop only hangs up its programs",
        ),
        (
            (3, 3),
            "before 3.3 tmux does not tell which signal ended a program in a session that kst did \
             not start",
        ),
    ];
    health.lacks.extend(
        lacks.iter().filter(|(since, _)| number < *since).map(|(_, lack)| String::from(*lack)),
    );
    health
}

/// `3.3a` and `next-3.4` as numbers; letters are fixes of the same version.
fn number(version: &str) -> Option<(u32, u32)> {
    let version = version.strip_prefix("next-").unwrap_or(version);
    let (major, rest) = version.split_once('.')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((major.parse().ok()?, rest.get(..digits)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(number("3.3a"), Some((3, 3)));
        assert_eq!(number("next-3.6"), Some((3, 6)));
        assert_eq!(number("3.10"), Some((3, 10)));
        assert_eq!(number("master"), None);
        assert_eq!(number("openbsd-7.4"), None);
    }

    #[test]
    fn old_ones_say_what_they_lack() {
        assert!(!health("tmux 2.9a").available);
        assert_eq!(health("tmux 3.0").lacks.len(), 2);
        assert_eq!(health("tmux 3.1c").lacks.len(), 1);
        assert_eq!(health("tmux 3.3a").lacks.len(), 0);
        assert_eq!(health("tmux 3.3a").version.as_deref(), Some("3.3a"));
        assert!(health("tmux master").available);
    }
}
