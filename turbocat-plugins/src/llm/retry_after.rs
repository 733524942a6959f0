//! How long a provider wants to be left alone.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;

/// The longest pause that is believed: nobody means more.
pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// What the headers of a reply say: milliseconds, seconds, or a date.
pub(crate) fn read(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |text: &str| text.parse::<f64>().ok();
    let pause = match text("retry-after-ms").and_then(number) {
        Some(millis) => Duration::try_from_secs_f64(millis / 1e3).ok(),
        None => {
            let said = text("retry-after")?;
            match number(said) {
                Some(seconds) => Duration::try_from_secs_f64(seconds).ok(),
                None => until(said, now),
            }
        }
    };
    pause.map(|pause| pause.min(LONGEST))
}

fn until(date: &str, now: SystemTime) -> Option<Duration> {
    let date = jiff::fmt::rfc2822::parse(date).ok()?.timestamp().as_second();
    let now = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(Duration::from_secs(u64::try_from(date).ok()?.saturating_sub(now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_pause_is_read() {
        let now = UNIX_EPOCH + Duration::from_secs(1_445_412_470);
        let check = |headers: &[(&'static str, &str)], expected: Option<f64>| {
            let map: HeaderMap = headers
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
                .collect();
            assert_eq!(read(&map, now), expected.map(Duration::from_secs_f64), "{headers:?}");
        };
        check(&[], None);
        check(&[("retry-after", "7")], Some(7.0));
        check(&[("retry-after", "1.5")], Some(1.5));
        check(&[("retry-after", "7"), ("retry-after-ms", "250")], Some(0.25));
        check(&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")], Some(10.0));
        check(&[("retry-after", "Wed, 21 Oct 1998 07:28:00 GMT")], Some(0.0));
        check(&[("retry-after", "-3")], None);
        check(&[("retry-after", "soon")], None);
        check(&[("retry-after", "99999999999")], Some(86_400.0));
    }
}
