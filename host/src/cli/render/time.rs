//! Times for people.

use jiff::Timestamp;

/// How far two clocks may be apart, in seconds, before it is worth a word.
const CLOCKS_APART: i64 = 5;

/// How long ago, in one unit: `12s`, `5m`, `3h`, `2d`. A time to come, by a clock that was set back,
/// is `0s`.
pub fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = seconds(since, now).max(0);
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=7_199 => format!("{}m", seconds / 60),
        7_200..=172_799 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// How long ago, in words: `12 seconds ago`, `1 minute ago`; `just now`. Of a time to come it is said
/// that it is one: the clock was set back, or it is another machine's.
pub fn ago(since: Timestamp, now: Timestamp) -> String {
    match seconds(since, now) {
        ahead if ahead < -CLOCKS_APART => "later than it is by this machine's clock".to_owned(),
        ..=0 => "just now".to_owned(),
        seconds => format!("{} ago", length(seconds)),
    }
}

/// How long something took, in words: `10 minutes`. `None` where it would have ended before it began,
/// as it seems when the clock was set back meanwhile.
pub fn took(began: Timestamp, ended: Timestamp) -> Option<String> {
    match seconds(began, ended) {
        ahead if ahead < -CLOCKS_APART => None,
        ..=0 => Some("less than a second".to_owned()),
        seconds => Some(length(seconds)),
    }
}

/// A length of time in its largest unit, with a second one where the first says little.
fn length(seconds: i64) -> String {
    const UNITS: [(i64, &str); 4] =
        [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    /// From so many of the largest unit on the next one is left out.
    const MANY: i64 = 10;
    let count =
        |count: i64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
    for (at, &(unit, name)) in UNITS.iter().enumerate() {
        let whole = seconds / unit;
        if whole == 0 {
            continue;
        }
        let first = count(whole, name);
        let Some(&(smaller, smaller_name)) = UNITS.get(at + 1) else { return first };
        return match seconds % unit / smaller {
            rest if rest > 0 && whole < MANY => format!("{first} {}", count(rest, smaller_name)),
            _ => first,
        };
    }
    count(0, "second")
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.as_second().saturating_sub(from.as_second())
}

/// RFC 3339 in UTC, to the second: for people.
pub fn rfc3339(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// RFC 3339 in UTC, as exact as it is known up to milliseconds: for programs, not all of which read
/// more digits.
pub fn exact(time: Timestamp) -> String {
    match time.subsec_millisecond() {
        0 => rfc3339(time),
        _ => format!("{time:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_795_411_873;

    fn after(seconds: i64) -> (Timestamp, Timestamp) {
        let at = |second| Timestamp::from_second(second).unwrap();
        (at(START), at(START + seconds))
    }

    #[test]
    fn ages_have_one_unit() {
        for (seconds, shown) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (7_199, "119m"),
            (7_200, "2h"),
            (172_799, "47h"),
            (172_800, "2d"),
            (86_400 * 400, "400d"),
        ] {
            let (since, now) = after(seconds);
            assert_eq!(age(since, now), shown);
        }
    }

    #[test]
    fn words_have_the_units_that_matter() {
        for (seconds, shown) in [
            (0, "just now"),
            (1, "1 second ago"),
            (59, "59 seconds ago"),
            (60, "1 minute ago"),
            (125, "2 minutes 5 seconds ago"),
            (610, "10 minutes ago"),
            (3_600, "1 hour ago"),
            (3_660, "1 hour 1 minute ago"),
            (11_500, "3 hours 11 minutes ago"),
            (86_400 * 2 + 3_600 * 4, "2 days 4 hours ago"),
            (86_400 * 400, "400 days ago"),
        ] {
            let (since, now) = after(seconds);
            assert_eq!(ago(since, now), shown);
        }
        let (began, ended) = after(0);
        assert_eq!(took(began, ended).as_deref(), Some("less than a second"));
        let (began, ended) = after(600);
        assert_eq!(took(began, ended).as_deref(), Some("10 minutes"));
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_negative_times() {
        for seconds in [-1, -60, -86_400 * 365, i64::MIN / 4 - START] {
            let since = Timestamp::from_second(START).unwrap();
            let now = Timestamp::from_second(START.saturating_add(seconds));
            let now = now.unwrap_or(Timestamp::MIN);
            assert_eq!(age(since, now), "0s");
            for text in [Some(ago(since, now)), took(since, now)].into_iter().flatten() {
                assert!(!text.contains('-') && !text.contains(" ago"), "{text}");
            }
        }
        // Two clocks are never quite the same.
        let (since, now) = after(-CLOCKS_APART);
        assert_eq!(ago(since, now), "just now");
        let (since, now) = after(-3_600);
        assert_eq!(ago(since, now), "later than it is by this machine's clock");
        assert_eq!(took(since, now), None);
    }

    #[test]
    fn times_are_utc() {
        let whole = Timestamp::new(START, 5_000).unwrap();
        assert_eq!(rfc3339(whole), "2026-11-23T05:31:13Z");
        assert_eq!(exact(whole), "2026-11-23T05:31:13Z");
        let finer = Timestamp::new(START, 70_999_999).unwrap();
        assert_eq!(exact(finer), "2026-11-23T05:31:13.070Z");
    }
}
