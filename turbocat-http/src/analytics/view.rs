//! Figures as they are shown: rates are parts of one, times are in milliseconds.

use std::collections::BTreeMap;

use serde::Serialize;
use turbocat_storage::platform::{Bucket, Spread, StepFigures, Totals};
use utoipa::ToSchema;

use crate::wire::Time;

/// How many ended how.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ended {
    total: u64,
    completed: u64,
    /// By a time limit too.
    failed: u64,
    pending: u64,
    running: u64,
    cancelled: u64,
    /// Which part of those that ended well or failed ended well.
    success_rate: f64,
    failure_rate: f64,
    avg_execution_time_ms: u64,
}

impl Ended {
    pub(super) fn of(totals: &Totals, spread: &Spread) -> Self {
        let (completed, failed) = (totals.of("completed"), totals.failed());
        Self {
            total: totals.total,
            completed,
            failed,
            pending: totals.of("pending"),
            running: totals.of("running"),
            cancelled: totals.of("cancelled"),
            success_rate: rate(completed, completed + failed),
            failure_rate: rate(failed, completed + failed),
            avg_execution_time_ms: rounded(spread.avg),
        }
    }
}

/// How long it took.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Performance {
    avg: u64,
    min: u64,
    max: u64,
    p50: u64,
    p95: u64,
    p99: u64,
}

impl From<Spread> for Performance {
    fn from(spread: Spread) -> Self {
        Self {
            avg: rounded(spread.avg),
            min: rounded(spread.min),
            max: rounded(spread.max),
            p50: rounded(spread.p50),
            p95: rounded(spread.p95),
            p99: rounded(spread.p99),
        }
    }
}

/// How well it went.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reliability {
    success_rate: f64,
    failure_rate: f64,
    /// How many failures there were of each kind.
    error_types: BTreeMap<String, u64>,
}

impl Reliability {
    pub(super) fn of(totals: &Totals, error_types: BTreeMap<String, u64>) -> Self {
        let (completed, failed) = (totals.of("completed"), totals.failed());
        Self {
            success_rate: rate(completed, completed + failed),
            failure_rate: rate(failed, completed + failed),
            error_types,
        }
    }
}

/// A span of a series.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SpanView {
    /// When it begins.
    timestamp: Time,
    count: u64,
    success_count: u64,
    failure_count: u64,
    avg_duration_ms: u64,
}

impl From<Bucket> for SpanView {
    fn from(bucket: Bucket) -> Self {
        Self {
            timestamp: bucket.at.into(),
            count: bucket.count,
            success_count: bucket.completed,
            failure_count: bucket.failed,
            avg_duration_ms: rounded(bucket.avg),
        }
    }
}

/// A step of a workflow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StepView {
    step_key: String,
    step_name: String,
    total_executions: u64,
    successful_executions: u64,
    failed_executions: u64,
    skipped_executions: u64,
    avg_execution_time_ms: u64,
    success_rate: f64,
}

impl From<StepFigures> for StepView {
    fn from(step: StepFigures) -> Self {
        Self {
            step_key: step.key,
            step_name: step.name,
            total_executions: step.completed + step.failed + step.skipped,
            successful_executions: step.completed,
            failed_executions: step.failed,
            skipped_executions: step.skipped,
            avg_execution_time_ms: rounded(step.avg),
            success_rate: rate(step.completed, step.completed + step.failed),
        }
    }
}

/// A part of a whole, with four digits; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "there are not that many")]
pub(super) fn rate(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64 * 1e4).round() / 1e4 }
}

/// Whole milliseconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times are small and not negative"
)]
pub(super) fn rounded(millis: f64) -> u64 {
    millis.max(0.0).round() as u64
}
