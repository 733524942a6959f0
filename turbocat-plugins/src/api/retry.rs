//! Whether to try again, and after how long. Waits for nobody itself.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use jiff::fmt::{rfc2822, strtime};

use super::settings::Retries;

/// Seconds nobody waits.
const FOR_EVER: u64 = u32::MAX as u64;

/// What the other side says about when to come again.
pub(crate) fn asked_pause(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // more digits than there are seconds is for ever
        return Some(Duration::from_secs(text.parse().unwrap_or(FOR_EVER)));
    }
    let then = u64::try_from(moment(text)?).unwrap_or(0);
    let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(Duration::from_secs(then).saturating_sub(now))
}

/// Seconds since 1970 of a date in one of the three forms HTTP knows.
fn moment(text: &str) -> Option<i64> {
    if let Ok(date) = rfc2822::parse(text) {
        return Some(date.timestamp().as_second());
    }
    ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"].iter().find_map(|format| {
        let date = strtime::parse(format, text).ok()?.to_datetime().ok()?;
        Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
    })
}

impl Retries {
    /// How long to wait before the next try; `None` if there is to be none.
    ///
    /// `tried` is how many tries there were, `chance` a number from 0 to 1. What the other side
    /// asks for is obeyed, or there is no other try: whoever comes too early is turned away longer.
    pub(crate) fn pause(&self, tried: u32, asked: Option<Duration>, chance: f64) -> Option<Duration> {
        if tried > self.count {
            return None;
        }
        if let Some(asked) = asked {
            return (asked <= self.max_delay).then_some(asked);
        }
        let doubled = 2_u32.saturating_pow(tried.saturating_sub(1));
        let longest = self.delay.saturating_mul(doubled).min(self.max_delay);
        // half of it is certain, so that there is a pause; half is chance, so that a crowd thins out
        Some(longest.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0)))
    }

    pub(crate) fn retries(&self, status: StatusCode) -> bool {
        self.on.contains(status)
    }
}

/// A number from 0 to 1, another one each time. Nothing secret hangs on it.
pub(crate) fn chance() -> f64 {
    let random = RandomState::new().hash_one(0);
    f64::from(u32::try_from(random >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::super::status::Statuses;
    use super::*;

    fn asked(text: &str) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(text).unwrap());
        // a minute before the date of the standard
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 60);
        asked_pause(&headers, now).map(|pause| pause.as_secs())
    }

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_by_date() {
        assert_eq!(asked("0"), Some(0));
        assert_eq!(asked(" 120 "), Some(120));
        assert_eq!(asked("99999999999999999999"), Some(FOR_EVER));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT"), Some(60));
        assert_eq!(asked("Sunday, 06-Nov-94 08:49:37 GMT"), Some(60));
        assert_eq!(asked("Sun Nov  6 08:49:37 1994"), Some(60));
        // gone by
        assert_eq!(asked("Sun, 06 Nov 1994 08:40:00 GMT"), Some(0));
        assert_eq!(asked("Wed, 31 Dec 1969 23:00:00 GMT"), Some(0));
        for text in ["", "-1", "1.5", "soon", "1 minute", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(asked(text), None, "{text}");
        }
    }

    #[test]
    fn pauses_double_up_to_a_limit() {
        let retries = Retries {
            count: 5,
            delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(6),
            on: Statuses::none(),
        };
        let longest: Vec<_> = (1..8).map(|tried| retries.pause(tried, None, 1.0)).collect();
        let seconds = |number: u64| Some(Duration::from_secs(number));
        assert_eq!(longest, [seconds(1), seconds(2), seconds(4), seconds(6), seconds(6), None, None]);
        assert_eq!(retries.pause(3, None, 0.0), seconds(2));
        assert_eq!(retries.pause(3, None, 0.5), seconds(3));
        // what is asked for is obeyed to the second, however short, or not at all
        assert_eq!(retries.pause(3, seconds(6), 0.0), seconds(6));
        assert_eq!(retries.pause(3, seconds(0), 1.0), seconds(0));
        assert_eq!(retries.pause(1, seconds(7), 0.0), None);
        assert_eq!(retries.pause(6, seconds(1), 0.0), None);
    }

    #[test]
    fn chance_is_between_nothing_and_one() {
        let drawn: Vec<f64> = (0..1000).map(|_| chance()).collect();
        assert!(drawn.iter().all(|chance| (0.0..=1.0).contains(chance)));
        assert!(drawn.iter().any(|chance| *chance < 0.1) && drawn.iter().any(|chance| *chance > 0.9));
    }
}
