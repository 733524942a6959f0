//! The scheduler as its driver sees it.

mod regressions;
