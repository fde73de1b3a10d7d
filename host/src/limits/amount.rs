//! Amounts as people write them: `64 MiB`, `10s`, `100`.

use std::time::Duration;

use jiff::SignedDuration;

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Pieces.
    Count,
    /// Bytes.
    Bytes,
    /// Seconds.
    Time,
}

/// Sizes by their names: those in powers of 1024, with the short ones that docker, podman and systemd
/// take for the same, and those in powers of 1000.
const SIZES: [(&str, u64); 11] = [
    ("", 1),
    ("b", 1),
    ("kib", 1 << 10),
    ("k", 1 << 10),
    ("mib", 1 << 20),
    ("m", 1 << 20),
    ("gib", 1 << 30),
    ("g", 1 << 30),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
];

impl Unit {
    /// Read an amount. What is wrong is a sentence's end: what it should have been.
    pub fn read(self, text: &str) -> Result<u64, &'static str> {
        let text = text.trim();
        match self {
            Unit::Count => text.parse().map_err(|_| "a whole number"),
            Unit::Bytes => bytes(text).ok_or("a size, such as 64 MiB"),
            Unit::Time => seconds(text).ok_or("a time, such as 90s or 5min"),
        }
    }

    /// An amount for people. It can be read back.
    pub fn shown(self, amount: u64) -> String {
        match self {
            Unit::Count => amount.to_string(),
            Unit::Time => format!("{amount} s"),
            Unit::Bytes => {
                let whole = |size: &&(&str, u64)| amount >= size.1 && amount.is_multiple_of(size.1);
                let sizes = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
                match sizes.iter().find(whole) {
                    Some((name, size)) => format!("{} {name}", amount / size),
                    None => format!("{amount} bytes"),
                }
            }
        }
    }

    /// What a config may hold for it, as a regular expression.
    pub(crate) const fn pattern(self) -> &'static str {
        match self {
            Unit::Count => "^[0-9]+$",
            Unit::Bytes => "^[0-9]+ *([Bb](ytes)?|[KkMmGg]([Ii]?[Bb])?)?$",
            Unit::Time => "^[0-9]+([.][0-9]+)? *[A-Za-z]*( *[0-9]+ *[A-Za-z]+)*$",
        }
    }
}

fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, size) = text.split_at(digits);
    let size = size.trim_start().to_ascii_lowercase();
    let size = size.strip_suffix("ytes").unwrap_or(&size);
    let (_, each) = SIZES.iter().find(|(name, _)| *name == size)?;
    number.parse::<u64>().ok()?.checked_mul(*each)
}

/// Whole seconds, begun ones counted.
fn seconds(text: &str) -> Option<u64> {
    let time = time(text)?;
    time.as_secs().checked_add(u64::from(time.subsec_nanos() > 0))
}

/// A length of time as people write it: seconds (`10`, `0.5`), or with units (`250ms`, `90s`, `1h 30m`).
/// In the config and on the command line alike.
pub fn time(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if digits(whole) && digits(fraction) {
        let nanoseconds: String = fraction.chars().chain("00000000".chars()).take(9).collect();
        return Some(Duration::new(whole.parse().ok()?, nanoseconds.parse().ok()?));
    }
    Duration::try_from(text.parse::<SignedDuration>().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("5000 bytes", 5000),
            ("1b", 1),
            ("64 MiB", 64 << 20),
            ("64MiB", 64 << 20),
            (" 64m ", 64 << 20),
            ("2G", 2 << 30),
            ("8 kib", 8192),
            ("1 MB", 1_000_000),
        ] {
            assert_eq!(Unit::Bytes.read(text), Ok(bytes), "{text}");
        }
        for text in
            ["", "MiB", "-1", "1.5 MiB", "1 TiB", "64 M iB", "99999999999 GiB", "1e9", "0x10"]
        {
            assert!(Unit::Bytes.read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times() {
        for (text, milliseconds) in [
            ("90", 90_000),
            ("90s", 90_000),
            ("60 s", 60_000),
            ("5min", 300_000),
            ("1h 30m", 5_400_000),
            ("1.5s", 1_500),
            ("1.5", 1_500),
            ("0.25", 250),
            ("250ms", 250),
            (" 1 ", 1_000),
        ] {
            assert_eq!(time(text), Some(Duration::from_millis(milliseconds)), "{text}");
            // A second that has begun is one.
            assert_eq!(Unit::Time.read(text), Ok(milliseconds.div_ceil(1000)), "{text}");
        }
        assert_eq!(time("0.1234567899"), Some(Duration::from_nanos(123_456_789)));
        for text in [
            "",
            "s",
            "-1",
            "-5s",
            "5s ago",
            "soon",
            "1.",
            ".5",
            "1.5.5",
            "1e3",
            "+1",
            "inf",
            "\u{663}",
            "99999999999999999999",
        ] {
            assert!(time(text).is_none() && Unit::Time.read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts() {
        assert_eq!(Unit::Count.read("64"), Ok(64));
        for text in ["", "-1", "1.0", "64 runs", "1e3", "99999999999999999999"] {
            assert!(Unit::Count.read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn amounts_are_shown_as_they_are_read() {
        for amount in [1, 1023, 4096, 5000, 64 << 20, 1 << 30, 3 << 30, (1 << 30) + 1024] {
            let shown = Unit::Bytes.shown(amount);
            assert_eq!(Unit::Bytes.read(&shown), Ok(amount), "{shown}");
        }
        assert_eq!(Unit::Bytes.shown(64 << 20), "64 MiB");
        assert_eq!(Unit::Time.shown(60), "60 s");
        assert_eq!(Unit::Count.shown(100_000), "100000");
    }
}
