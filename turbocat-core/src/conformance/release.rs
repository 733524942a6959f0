//! Executions given back.

use std::time::Duration;

use serde_json::json;

use super::complaint::Found;
use super::subject::{Subject, signal};
use crate::runtime::{Claimed, Release, WorkerId};

pub(super) async fn ready(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let id = s.begun(worker).await?;
    same!(s.release(worker, id, Release::Ready).await?, true, "giving it back");
    same!(s.release(worker, id, Release::Ready).await?, false, "giving it back twice");
    same!(s.claimed(WorkerId::generate(), 9).await?, [id], "what is given");
    Ok(())
}

pub(super) async fn by_its_worker_alone(s: Subject) -> Found {
    let (worker, other) = (WorkerId::generate(), WorkerId::generate());
    let (id, free) = (s.begun(worker).await?, s.created().await?);
    for release in [
        Release::Ready,
        Release::Park { until: None, seq: 1 },
        Release::Failed { error: "no".to_owned(), retry_in: None },
        Release::Failed { error: "no".to_owned(), retry_in: Some(Duration::ZERO) },
    ] {
        let (held, free) =
            (s.release(other, id, release.clone()).await?, s.release(other, free, release).await?);
        same!((held, free), (false, false), "giving back what is not held");
    }
    let unknown = crate::time::ExecutionId::generate();
    same!(s.release(other, unknown, Release::Ready).await?, false, "giving back what is not there");
    same!(s.claimed(other, 9).await?, [free], "what is given");
    let jobs = s.claim_only(worker, id).await?.jobs;
    let counted: Vec<_> = jobs.iter().map(|job| (job.failures, job.stalls)).collect();
    same!(counted, [(0, 0)], "failures and stalls of the one that is held");
    Ok(())
}

pub(super) async fn parked(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let id = s.begun(worker).await?;
    same!(s.release(worker, id, Release::Park { until: None, seq: 1 }).await?, true, "parking it");
    s.pass(s.soon().1).await;
    s.lease_ends().await;
    same!(s.claim(worker, 9).await?, Claimed::default(), "what is given while it is parked");
    same!(s.journal().unfinished().await?, [id], "what has not ended");
    s.journal().send(&signal(id, json!(1))).await?;
    same!(s.claimed(WorkerId::generate(), 9).await?, [id], "what is given once a letter came");
    Ok(())
}

pub(super) async fn parked_until(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let (first, second) = (s.begun(worker).await?, s.begun(worker).await?);
    let (moment, until) = s.soon();
    for id in [first, second] {
        let parked = s.release(worker, id, Release::Park { until: Some(moment), seq: 1 }).await?;
        same!(parked, true, "parking it");
    }
    let expected = Claimed { jobs: Vec::new(), next_at: Some(moment) };
    same!(s.claim(worker, 9).await?, expected, "what is given before the moment");
    s.journal().send(&signal(first, json!(1))).await?;
    same!(s.claimed(worker, 9).await?, [first], "what is given once a letter came");
    s.pass(until).await;
    same!(s.claimed(worker, 9).await?, [second], "what is given when the moment has come");
    Ok(())
}

pub(super) async fn not_parked_by_who_knows_less(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let id = s.begun(worker).await?;
    for seq in [0, 2] {
        same!(s.release(worker, id, Release::Park { until: None, seq }).await?, false, "parking it");
    }
    let jobs = s.claim_only(worker, id).await?.jobs.len();
    same!(jobs, 1, "whether it is still held");
    same!(s.release(worker, id, Release::Park { until: None, seq: 1 }).await?, true, "parking it");
    Ok(())
}

pub(super) async fn not_parked_over_a_letter(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let id = s.begun(worker).await?;
    s.journal().send(&signal(id, json!(1))).await?;
    for until in [None, Some(s.soon().0)] {
        let parked = s.release(worker, id, Release::Park { until, seq: 1 }).await?;
        same!(parked, false, "parking it while there is a letter");
    }
    same!(s.claimed(WorkerId::generate(), 9).await?, [], "what others are given");
    same!(s.release(worker, id, Release::Ready).await?, true, "giving it back, as it is still held");
    same!(s.claimed(worker, 9).await?, [id], "what is given then");
    Ok(())
}

pub(super) async fn failed_until(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let id = s.begun(worker).await?;
    let (moment, until) = s.soon();
    let pause = moment.since(s.now());
    let failed = Release::Failed { error: "no such agent".to_owned(), retry_in: Some(pause) };
    same!(s.release(worker, id, failed).await?, true, "giving it back");
    let claimed = s.claim(worker, 9).await?;
    same!(claimed.jobs, [], "what is given before the moment");
    let pause = claimed.next_at.map(|next| next.since(s.now()) > Duration::ZERO);
    same!(pause, Some(true), "whether the moment is still to come");
    s.pass(until).await;
    same!(s.claimed(worker, 9).await?, [id], "what is given when the moment has come");
    Ok(())
}
