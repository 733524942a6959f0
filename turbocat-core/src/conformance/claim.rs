//! Claims: which executions a worker is given.

use super::complaint::Found;
use super::subject::{Subject, execution};
use crate::runtime::{Claim, Claimed, Release, WorkerId};
use crate::time::ExecutionId;

pub(super) async fn by_priority(s: Subject) -> Found {
    let mut names = Vec::new();
    for priority in [3, -2, 0, i32::MAX, i32::MIN, 1] {
        let mut new = execution();
        new.priority = priority;
        s.journal().create(std::slice::from_ref(&new)).await?;
        names.push((priority, new.execution));
        s.moment().await;
    }
    names.sort_unstable();
    let expected: Vec<ExecutionId> = names.into_iter().map(|(_, name)| name).collect();
    let worker = WorkerId::generate();
    let mut claimed = s.claimed(worker, 2).await?;
    claimed.extend(s.claimed(worker, 1).await?);
    claimed.extend(s.claimed(worker, 9).await?);
    same!(claimed, expected, "what was given, in order");
    Ok(())
}

pub(super) async fn longest_due_first(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let mut expected = Vec::new();
    for _ in 0..4 {
        expected.insert(0, s.created().await?);
        s.moment().await;
    }
    // The one that came first comes last again once it was given back.
    expected.reverse();
    let first = s.claimed(worker, 1).await?;
    same!(first, expected[..1], "what is due for the longest time");
    s.release(worker, first[0], Release::Ready).await?;
    expected.rotate_left(1);
    let mut claimed = Vec::new();
    for _ in 0..4 {
        claimed.extend(s.claimed(worker, 1).await?);
    }
    same!(claimed, expected, "what was given, one after the other");
    Ok(())
}

pub(super) async fn no_more_than_asked(s: Subject) -> Found {
    for _ in 0..5 {
        s.created().await?;
    }
    let worker = WorkerId::generate();
    for expected in [2, 2, 1, 0] {
        same!(s.claimed(worker, 2).await?.len(), expected, "how many are given of five, two at a time");
    }
    Ok(())
}

pub(super) async fn not_before_its_time(s: Subject) -> Found {
    let (moment, until) = s.soon();
    let mut new = execution();
    new.not_before = Some(moment);
    let mut past = execution();
    past.not_before = Some(crate::time::Timestamp::from_millis(0));
    s.journal().create(&[new.clone(), past.clone()]).await?;
    let worker = WorkerId::generate();
    let claimed = s.claim(worker, 9).await?;
    let names: Vec<_> = claimed.jobs.iter().map(|job| job.execution).collect();
    same!(names, [past.execution], "what is given before its time");
    holds!(
        claimed.next_at.is_none_or(|next| next <= moment),
        "there is one at {moment:?}, but the journal says that there is none before {:?}",
        claimed.next_at
    );
    s.pass(until).await;
    same!(s.claimed(worker, 9).await?, [new.execution], "what is given when its time has come");
    Ok(())
}

pub(super) async fn tells_when_there_is_more(s: Subject) -> Found {
    let (moment, _) = s.soon();
    let mut new = execution();
    new.not_before = Some(moment);
    s.journal().create(&[new]).await?;
    let claimed = s.claim(WorkerId::generate(), 9).await?;
    // Who has no lease never looks by itself.
    same!(claimed, Claimed { jobs: Vec::new(), next_at: Some(moment) }, "what is told of a delayed one");
    Ok(())
}

pub(super) async fn only_this_one(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let (moment, _) = s.soon();
    let mut late = execution();
    late.not_before = Some(moment);
    s.journal().create(std::slice::from_ref(&late)).await?;
    let (first, other) = (s.created().await?, s.created().await?);
    let parked = s.begun(worker).await?;
    s.release(worker, parked, Release::Park { until: None, seq: 1 }).await?;
    for id in [other, late.execution, parked, first] {
        let claimed = s.claim_only(worker, id).await?;
        let names: Vec<_> = claimed.jobs.iter().map(|job| job.execution).collect();
        same!(names, [id], "what is given to somebody who asks for one");
    }
    Ok(())
}

pub(super) async fn only_if_free(s: Subject) -> Found {
    let (worker, other) = (WorkerId::generate(), WorkerId::generate());
    let id = s.begun(worker).await?;
    same!(s.claim_only(other, id).await?.jobs, [], "what another worker is given");
    same!(s.claim_only(worker, id).await?.jobs.len(), 1, "how many its own worker is given");
    let ended = s.ended().await?;
    for nothing in [ended, ExecutionId::generate()] {
        same!(s.claim_only(other, nothing).await?.jobs, [], "what is given of nothing");
    }
    Ok(())
}

pub(super) async fn taken_over(s: Subject) -> Found {
    let (worker, other) = (WorkerId::generate(), WorkerId::generate());
    let id = s.begun(worker).await?;
    let claim = Claim { worker: other, limit: 1, only: Some(id), take_over: true };
    let taken = s.journal().claim(claim).await?.jobs.len();
    let released = s.release(worker, id, Release::Ready).await?;
    if s.journal().lease().is_some() {
        same!((taken, released), (0, true), "how many are taken over where there are leases");
    } else {
        same!((taken, released), (1, false), "how many are taken over, and whether it still was the other's");
    }
    Ok(())
}

pub(super) async fn dead_ones_by_name(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let id = s.held(worker).await?;
    let dead = || Release::Failed { error: "no such agent \u{0}".to_owned(), retry_in: None };
    same!(s.release(worker, id, dead()).await?, true, "giving it up");
    s.pass(s.soon().1).await;
    s.lease_ends().await;
    same!(s.claim(worker, 9).await?, Claimed::default(), "what is given of one that was given up");
    same!(s.journal().unfinished().await?, [id], "what has not ended");
    let jobs = s.claim_only(worker, id).await?.jobs;
    same!(jobs.iter().map(|job| job.failures).collect::<Vec<_>>(), [1], "its failures, asked for by name");
    same!(s.release(worker, id, Release::Ready).await?, true, "giving it back");
    same!(s.claimed(worker, 9).await?, [id], "what is given now");
    Ok(())
}
