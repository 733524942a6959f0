//! Durations as people write them: `500ms`, `30s`, `10m`, `24h`, `7d`, or a number of milliseconds.

use std::time::Duration;

/// Reads `500ms`, `30s`, `1.5s`, `10m`, `24h`, `7d`, and sums of them such as `1h30m`.
///
/// # Errors
/// A sentence that says what is wrong with the text.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration such as `500ms`, `30s`, `10m`, `24h` or `1h30m`");
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut millis = 0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ms" => 1.0,
            "s" => 1e3,
            "m" | "min" => 60e3,
            "h" => 3_600e3,
            "d" => 86_400e3,
            _ => return Err(wrong()),
        };
        rest = rest[letters..].trim_start();
        millis += number * unit;
    }
    if millis.fract() != 0.0 {
        return Err(format!("`{text}` is finer than a millisecond"));
    }
    from_millis(millis).ok_or_else(|| format!("`{text}` is longer than a hundred years"))
}

/// The duration of a number of milliseconds, if it is whole, not negative and under a century.
pub(crate) fn from_millis(millis: f64) -> Option<Duration> {
    const CENTURY: f64 = 100.0 * 366.0 * 86_400e3;
    let whole = millis.fract() == 0.0 && (0.0..=CENTURY).contains(&millis);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just above")]
    whole.then(|| Duration::from_millis(millis as u64))
}

/// Writes a duration so that [`parse_duration`] reads it back: the largest whole unit.
pub fn format_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if millis >= size && millis.is_multiple_of(size) {
            return format!("{}{unit}", millis / size);
        }
    }
    format!("{millis}ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_as_people_do() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("1.5s", 1_500),
            ("10m", 600_000),
            ("24h", 86_400_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for millis in [0, 1, 999, 1000, 60_000, 90_000, 3_600_000, 86_400_000, 86_400_001] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(&format_duration(duration)), Ok(duration), "{millis}");
        }
    }

    #[test]
    fn a_bad_duration_says_how_to_write_one() {
        for text in ["", "soon", "10", "10 parsecs", "-1s", "1.2.3s", "s", "0.5ms", "999999999d", "1e9s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
