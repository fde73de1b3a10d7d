//! Which word somebody may have meant.

/// A word longer than this is no slip of the hand, and comparing takes time by its length.
const LONGEST: usize = 64;

/// The one of `known` that `word` was probably meant to be. `None` where it is one of them already,
/// and where none is close: one slip in a short word, two in a longer one. Capital letters count for
/// no slip, nor does `-` for `_`. Of several that are as close it is the first.
///
/// ```
/// assert_eq!(kst::text::nearest("apii", ["db", "api"]), Some("api"));
/// ```
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if word.len() > LONGEST {
        return None;
    }
    let typed = folded(word);
    let length = typed.chars().count();
    // A single letter that is another one was hardly meant to be that.
    let slips = if length <= 4 { 1 } else { 2 }.min(length.saturating_sub(1));
    let mut best: Option<(usize, &'k str)> = None;
    for candidate in known {
        if candidate == word {
            return None;
        }
        if candidate.len() > 2 * LONGEST {
            continue;
        }
        let distance = strsim::damerau_levenshtein(&typed, &folded(candidate));
        if distance <= slips && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn folded(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_few_and_fewer_in_short_words() {
        for (word, known, meant) in [
            ("apii", &["db", "api"][..], Some("api")),
            ("wroker", &["worker"], Some("worker")),
            ("wrkr", &["worker"], None),
            ("wrker", &["worker"], Some("worker")),
            ("ab", &["cd"], None),
            ("ab", &["ac"], Some("ac")),
            ("a", &["b", "c"], None),
            ("", &["a"], None),
            ("Working-Dir", &["working_dir"], Some("working_dir")),
            ("grün", &["grau", "grin"], Some("grin")),
        ] {
            assert_eq!(nearest(word, known.iter().copied()), meant, "{word}");
        }
    }

    #[test]
    fn what_is_known_was_meant_and_the_closest_is_taken() {
        assert_eq!(nearest("api", ["apis", "api"]), None);
        assert_eq!(nearest("server", ["serv", "serve", "servers"]), Some("serve"));
    }

    #[test]
    fn what_is_long_is_not_compared() {
        let (long, longer) = ("a".repeat(100_000), "a".repeat(100_001));
        assert_eq!(nearest(&long, [longer.as_str()]), None);
        assert_eq!(nearest("a", [longer.as_str()]), None);
    }
}
