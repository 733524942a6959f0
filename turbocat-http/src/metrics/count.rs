//! What is counted while requests are answered.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::histogram::Histogram;

/// How far back it is looked to say how it is now.
const RECENT: Duration = Duration::from_secs(5 * 60);
/// How many spans that time has.
const SPANS: u64 = 30;

/// A request, by what is the same for many.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    pub(super) method: &'static str,
    /// The pattern of its path.
    pub(super) route: String,
    pub(super) status: u16,
}

/// What is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    in_flight: AtomicI64,
    counted: Mutex<Counted>,
    began: Instant,
}

#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) requests: BTreeMap<Kind, Histogram>,
    pub(super) limited: u64,
    pub(super) deliveries: BTreeMap<&'static str, u64>,
    recent: VecDeque<Span>,
}

#[derive(Debug, Default)]
struct Span {
    number: u64,
    requests: u64,
    errors: u64,
    took: Duration,
}

/// How requests were answered in the last minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Recent {
    pub(crate) per_minute: f64,
    pub(crate) avg_ms: f64,
    /// Which part failed here.
    pub(crate) error_rate: f64,
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct InFlight<'a>(&'a Metrics);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self { in_flight: AtomicI64::new(0), counted: Mutex::default(), began: Instant::now() }
    }

    /// One more is being answered, until what is given is dropped.
    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self)
    }

    pub(super) fn in_flight(&self) -> i64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request that was answered.
    pub(crate) fn request(&self, method: &str, route: Option<&str>, status: u16, took: Duration) {
        // Only what there is: names of others would have no end.
        const METHODS: [&str; 7] = ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"];
        let method = METHODS.into_iter().find(|known| *known == method).unwrap_or("OTHER");
        let kind = Kind { method, route: route.unwrap_or("none").to_owned(), status };
        let number = self.now();
        let mut counted = self.counted();
        counted.requests.entry(kind).or_default().add(took);
        counted.limited += u64::from(status == 429);
        if counted.recent.back().is_none_or(|span| span.number != number) {
            counted.recent.push_back(Span { number, ..Span::default() });
            while counted.recent.front().is_some_and(|span| span.number + SPANS <= number) {
                counted.recent.pop_front();
            }
        }
        if let Some(span) = counted.recent.back_mut() {
            span.requests += 1;
            span.errors += u64::from(status >= 500);
            span.took += took;
        }
    }

    /// Counts what an attempt to deliver something came to.
    pub(crate) fn delivered(&self, result: &'static str) {
        *self.counted().deliveries.entry(result).or_default() += 1;
    }

    /// Which span it is.
    fn now(&self) -> u64 {
        self.began.elapsed().as_secs() / (RECENT.as_secs() / SPANS)
    }

    /// How it was in the last minutes.
    #[expect(clippy::cast_precision_loss, reason = "there are not that many")]
    pub(crate) fn recent(&self) -> Recent {
        let number = self.now();
        let counted = self.counted();
        let (mut requests, mut errors, mut took) = (0, 0, Duration::ZERO);
        for span in counted.recent.iter().filter(|span| span.number + SPANS > number) {
            requests += span.requests;
            errors += span.errors;
            took += span.took;
        }
        if requests == 0 {
            return Recent::default();
        }
        let minutes = self.began.elapsed().min(RECENT).max(Duration::from_secs(1)).as_secs_f64() / 60.0;
        let requests = requests as f64;
        Recent {
            per_minute: requests / minutes,
            avg_ms: took.as_secs_f64() * 1e3 / requests,
            error_rate: errors as f64 / requests,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_answered_is_counted_by_kind() {
        let metrics = Metrics::new();
        let one = metrics.begin();
        assert_eq!(metrics.in_flight(), 1);
        drop(one);
        assert_eq!(metrics.in_flight(), 0);
        for (status, millis) in [(200, 10), (200, 20), (500, 30), (429, 0)] {
            metrics.request("GET", Some("/a/{id}"), status, Duration::from_millis(millis));
        }
        metrics.request("BREW", None, 404, Duration::ZERO);
        let counted = metrics.counted();
        assert_eq!(counted.requests.len(), 4);
        assert_eq!(counted.limited, 1);
        let kind = Kind { method: "OTHER", route: "none".to_owned(), status: 404 };
        assert_eq!(counted.requests[&kind].count, 1);
        drop(counted);
        let recent = metrics.recent();
        assert!((recent.error_rate - 0.2).abs() < 1e-9 && (recent.avg_ms - 12.0).abs() < 1e-9, "{recent:?}");
        assert!(recent.per_minute >= 5.0);
    }
}
