//! Times as people write them: so long ago, or at a time.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const UNITS: [(&str, i64); 6] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 7 * 86_400_000),
];

/// Fewer seconds than this, the year 1973, are no time that anybody means.
const LEAST_SECONDS: i64 = 100_000_000;

/// A time: so long ago (`90s`, `1h30m`, `7d`), RFC 3339, a date or a date and a time of day in the zone
/// `here`, or seconds since 1970.
pub fn parse(text: &str, now: Timestamp, here: &TimeZone) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Some(ago) = ago(text) {
        return now.checked_sub(ago).map_err(|_| "it is too long ago".to_owned());
    }
    if let Some(time) = seconds(text) {
        return match time {
            Some(time) => Ok(time),
            None => Err(format!(
                "a number is a time in seconds since 1970; with a unit, as \
                                 {text}s or {text}m, it is so long ago"
            )),
        };
    }
    let local = || text.parse::<DateTime>().ok()?.to_zoned(here.clone()).ok();
    text.parse().ok().or_else(|| local().map(|zoned| zoned.timestamp())).ok_or_else(|| {
        "it is neither so long ago (90s, 10m, 1h30m, 7d) nor a time (2026-01-31, \
             2026-01-31T08:00, 2026-01-31T08:00:00Z)"
            .to_owned()
    })
}

/// `1h30m`: whole numbers, each with its unit.
fn ago(mut text: &str) -> Option<SignedDuration> {
    let mut sum: i64 = 0;
    loop {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, rest) = text.split_at(digits);
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (unit, rest) = rest.split_at(letters);
        let (_, length) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(number.parse::<i64>().ok()?.checked_mul(length)?)?;
        if rest.is_empty() {
            return Some(SignedDuration::from_millis(sum));
        }
        text = rest;
    }
}

/// Seconds since 1970, perhaps with a fraction; `Some(None)` where there are too few or too many.
fn seconds(text: &str) -> Option<Option<Timestamp>> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let whole = whole.parse::<i64>().ok().filter(|whole| *whole >= LEAST_SECONDS);
    let nanoseconds = format!("{fraction:0<9}").parse().ok();
    Some(whole.zip(nanoseconds).and_then(|(whole, rest)| Timestamp::new(whole, rest).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Result<String, String> {
        let now = "2026-11-23T12:00:00Z".parse().unwrap();
        let here = TimeZone::fixed(jiff::tz::offset(2));
        parse(text, now, &here).map(|time| time.to_string())
    }

    #[test]
    fn so_long_ago() {
        for (text, time) in [
            ("90s", "2026-11-23T11:58:30Z"),
            ("250ms", "2026-11-23T11:59:59.75Z"),
            ("10m", "2026-11-23T11:50:00Z"),
            ("2h", "2026-11-23T10:00:00Z"),
            ("1h30m", "2026-11-23T10:30:00Z"),
            ("7d", "2026-11-16T12:00:00Z"),
            ("2w1d", "2026-11-08T12:00:00Z"),
            ("0s", "2026-11-23T12:00:00Z"),
        ] {
            assert_eq!(at(text).as_deref(), Ok(time), "{text}");
        }
    }

    #[test]
    fn at_a_time() {
        for (text, time) in [
            ("2026-01-31", "2026-01-30T22:00:00Z"),
            ("2026-01-31T08:00", "2026-01-31T06:00:00Z"),
            ("2026-01-31 08:00:05", "2026-01-31T06:00:05Z"),
            ("2026-01-31T08:00:05.25", "2026-01-31T06:00:05.25Z"),
            ("2026-01-31T08:00:00Z", "2026-01-31T08:00:00Z"),
            ("2026-01-31T08:00Z", "2026-01-31T08:00:00Z"),
            ("2026-01-31T08:00:00.123456789+05:30", "2026-01-31T02:30:00.123456789Z"),
            ("1795411873", "2026-11-23T05:31:13Z"),
            ("1795411873.5", "2026-11-23T05:31:13.5Z"),
        ] {
            assert_eq!(at(text).as_deref(), Ok(time), "{text}");
        }
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "",
            "s",
            "-1s",
            "+1s",
            "1.5h",
            "1x",
            "1h30",
            "1hm",
            "99999999999999999999d",
            "9223372036854775807w",
            "2026-02-30",
            "2026-13-01T00:00:00Z",
            "yesterdayish",
            "12:00",
            "2026-01-31T25:00",
            "1e9",
            "0x10",
            "1795411873.",
            "9999999999999999999999",
            "\u{663}s",
            "2026-01-31T08:00:00Zx",
        ] {
            at(text).unwrap_err();
        }
        assert!(at("10").unwrap_err().contains("10m"));
        assert!(at("99999999999d").unwrap_err().contains("too long ago"));
    }
}
