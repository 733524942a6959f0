//! Failures and stalls: counted while an execution gets nowhere.

use std::time::Duration;

use super::complaint::Found;
use super::subject::{Subject, event};
use crate::runtime::{Claim, Commit, Release, WorkerId};
use crate::time::ExecutionId;

/// Its worker goes away, and another one gets it: how many failures and stalls are counted.
async fn orphaned(s: &Subject, id: ExecutionId) -> Result<(WorkerId, u32, u32), super::Complaint> {
    let worker = WorkerId::generate();
    let claim = if s.lease_ends().await {
        Claim { worker, limit: 1, only: None, take_over: false }
    } else {
        Claim { worker, limit: 1, only: Some(id), take_over: true }
    };
    let jobs = s.journal().claim(claim).await?.jobs;
    match &*jobs {
        [job] if job.execution == id => Ok((worker, job.failures, job.stalls)),
        other => {
            Err(super::Complaint::new(format!("expected the execution of a lost worker, found {other:?}")))
        }
    }
}

pub(super) async fn stalls(s: Subject) -> Found {
    let id = s.held(WorkerId::generate()).await?;
    for expected in 1..=3 {
        let (_, _, stalls) = orphaned(&s, id).await?;
        same!(stalls, expected, "how many workers went away while it got nowhere");
    }
    // The last worker got somewhere before it went away.
    s.journal().commit(Commit::new(id, 0, &[event(1)])).await?;
    let (_, _, stalls) = orphaned(&s, id).await?;
    same!(stalls, 0, "how many went away since it last got somewhere");
    let (worker, _, stalls) = orphaned(&s, id).await?;
    same!(stalls, 1, "how many went away since then");
    s.release(worker, id, Release::Ready).await?;
    let jobs = s.claim(WorkerId::generate(), 1).await?.jobs;
    same!(jobs.iter().map(|job| job.stalls).collect::<Vec<_>>(), [1], "stalls after it was given back");
    Ok(())
}

pub(super) async fn failures(s: Subject) -> Found {
    let id = s.created().await?;
    let worker = WorkerId::generate();
    let failed = || Release::Failed { error: "no".to_owned(), retry_in: Some(Duration::ZERO) };
    for expected in 0..3 {
        let jobs = s.claim(worker, 1).await?.jobs;
        let failures: Vec<_> = jobs.iter().map(|job| (job.execution, job.failures)).collect();
        same!(failures, [(id, expected)], "how often it was given back as failed");
        same!(s.release(worker, id, failed()).await?, true, "giving it back");
    }
    s.claim(worker, 1).await?;
    s.journal().commit(Commit::new(id, 0, &[event(1)])).await?;
    s.release(worker, id, Release::Ready).await?;
    let jobs = s.claim(worker, 1).await?.jobs;
    let counted: Vec<_> = jobs.iter().map(|job| job.failures).collect();
    same!(counted, [0], "failures after it got somewhere");
    s.release(worker, id, failed()).await?;
    let jobs = s.claim(worker, 1).await?.jobs;
    let counted: Vec<_> = jobs.iter().map(|job| job.failures).collect();
    same!(counted, [1], "failures since then");
    Ok(())
}

pub(super) async fn parking_forgets(s: Subject) -> Found {
    let id = s.held(WorkerId::generate()).await?;
    let (worker, ..) = orphaned(&s, id).await?;
    s.release(worker, id, Release::Failed { error: "no".to_owned(), retry_in: Some(Duration::ZERO) }).await?;
    s.claim(worker, 1).await?;
    same!(s.release(worker, id, Release::Park { until: Some(s.now()), seq: 0 }).await?, true, "parking it");
    let jobs = s.claim(worker, 1).await?.jobs;
    let counted: Vec<_> = jobs.iter().map(|job| (job.failures, job.stalls)).collect();
    same!(counted, [(0, 0)], "failures and stalls of one that was parked");
    Ok(())
}
