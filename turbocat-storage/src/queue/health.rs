//! Whether all is well with the queue, and what is not.

use super::count::{Counts, Throughput};
use super::view::Queue;
use crate::error::StorageError;

/// Whether all is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum HealthStatus {
    /// All is well.
    Healthy,
    /// Somebody should look.
    Degraded,
    /// It does not work.
    Unhealthy,
    /// The store does not answer.
    Unknown,
}

/// How the queue is.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Health {
    /// What the queue is called.
    pub name: &'static str,
    /// Whether all is well.
    pub status: HealthStatus,
    /// Whether nothing is claimed.
    pub is_paused: bool,
    /// Whether there is a worker, or was one that has not been forgotten.
    pub has_worker: bool,
    /// Whether a worker claims executions.
    pub worker_running: bool,
    /// How many executions there are.
    pub metrics: Counts,
    /// What is not well.
    pub issues: Vec<String>,
}

/// What the judgement is about.
#[derive(Clone, Copy)]
struct Seen {
    paused: bool,
    has_worker: bool,
    running: bool,
    counts: Counts,
    /// Of what ended in the last hour.
    success_rate: f64,
}

impl Queue<'_> {
    /// How the queue is. A store that does not answer is no error here: it is the answer.
    ///
    /// The part that fails is that of the last hour, and not of what
    /// [`counts`](Self::counts) counts, where seven days of failures would stand against the last
    /// thousand successes.
    pub async fn health(&self) -> Health {
        match self.look().await {
            Ok(seen) => judge(seen),
            Err(error) => Health {
                name: Self::NAME,
                status: HealthStatus::Unknown,
                is_paused: false,
                has_worker: false,
                worker_running: false,
                metrics: Counts::default(),
                issues: vec![format!("the store does not answer: {error}")],
            },
        }
    }

    async fn look(&self) -> Result<Seen, StorageError> {
        let workers = self.0.workers().await?;
        let Throughput { success_rate, .. } = self.throughput().await?;
        Ok(Seen {
            paused: self.is_paused().await?,
            has_worker: !workers.is_empty(),
            running: workers.iter().any(|worker| worker.is_running),
            counts: self.counts().await?,
            success_rate,
        })
    }
}

fn judge(seen: Seen) -> Health {
    use HealthStatus::{Degraded, Healthy, Unhealthy};
    let Seen { paused, has_worker, running, counts, success_rate } = seen;
    let mut found = Vec::new();
    if paused {
        found.push((Degraded, "the queue is paused".to_owned()));
    }
    if !has_worker {
        found.push((Degraded, "there is no worker".to_owned()));
    } else if !running {
        found.push((Degraded, "no worker is running".to_owned()));
    }
    if counts.active > 0 && !running {
        let issue = format!("{} executions are held, and no worker is running", counts.active);
        found.push((Unhealthy, issue));
    }
    let failing = 1.0 - success_rate;
    if failing > 0.1 {
        let status = if failing > 0.5 { Unhealthy } else { Degraded };
        found.push((status, format!("{:.0} % of the executions of the last hour failed", failing * 100.0)));
    }
    let backlog = counts.waiting + counts.prioritized + counts.delayed;
    if backlog > 1000 {
        let status = if backlog > 5000 { Unhealthy } else { Degraded };
        found.push((status, format!("{backlog} executions are waiting")));
    }
    Health {
        name: Queue::NAME,
        status: found.iter().map(|(status, _)| *status).max().unwrap_or(Healthy),
        is_paused: paused,
        has_worker,
        worker_running: running,
        metrics: counts,
        issues: found.into_iter().map(|(_, issue)| issue).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Seen {
        Seen {
            paused: false,
            has_worker: true,
            running: true,
            counts: Counts { active: 3, waiting: 600, delayed: 400, ..Counts::default() },
            success_rate: 0.9,
        }
    }

    fn check(seen: Seen, status: HealthStatus, issues: &[&str]) {
        let health = judge(seen);
        assert_eq!(
            (health.status, &*health.issues),
            (status, &issues.iter().map(|issue| (*issue).to_owned()).collect::<Vec<_>>()[..])
        );
    }

    #[test]
    fn each_condition_has_its_status_and_its_issue() {
        use HealthStatus::{Degraded, Healthy, Unhealthy};
        check(well(), Healthy, &[]);
        check(Seen { paused: true, ..well() }, Degraded, &["the queue is paused"]);
        let idle = Counts::default();
        let nobody = Seen { has_worker: false, running: false, counts: idle, ..well() };
        check(nobody, Degraded, &["there is no worker"]);
        check(Seen { running: false, counts: idle, ..well() }, Degraded, &["no worker is running"]);
        check(
            Seen { running: false, ..well() },
            Unhealthy,
            &["no worker is running", "3 executions are held, and no worker is running"],
        );
        check(
            Seen { success_rate: 0.89, ..well() },
            Degraded,
            &["11 % of the executions of the last hour failed"],
        );
        check(
            Seen { success_rate: 0.49, ..well() },
            Unhealthy,
            &["51 % of the executions of the last hour failed"],
        );
        let backlog = |delayed| Counts { waiting: 500, prioritized: 100, delayed, ..idle };
        check(Seen { counts: backlog(400), ..well() }, Healthy, &[]);
        check(Seen { counts: backlog(401), ..well() }, Degraded, &["1001 executions are waiting"]);
        check(Seen { counts: backlog(4400), ..well() }, Degraded, &["5000 executions are waiting"]);
        check(Seen { counts: backlog(4401), ..well() }, Unhealthy, &["5001 executions are waiting"]);
    }
}
