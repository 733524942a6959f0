//! Leases: kept by whoever renews them, lost by whoever does not.

use serde_json::json;

use super::complaint::Found;
use super::subject::{Subject, signal};
use crate::runtime::{Release, Renewed, WorkerId};
use crate::time::ExecutionId;

pub(super) async fn ends(s: Subject) -> Found {
    let (worker, other) = (WorkerId::generate(), WorkerId::generate());
    let id = s.begun(worker).await?;
    let Some(lease) = s.journal().lease() else {
        s.pass(s.soon().1).await;
        same!(s.claimed(other, 9).await?, [], "what others are given where there are no leases");
        return Ok(());
    };
    s.pass(lease / 2).await;
    same!(s.claimed(other, 9).await?, [], "what others are given within the lease");
    s.pass(lease * 6 / 10).await;
    same!(s.claimed(other, 9).await?, [id], "what others are given after the lease");
    same!(s.release(worker, id, Release::Ready).await?, false, "giving it back after it was lost");
    let renewed = s.journal().renew(worker, &[id]).await?;
    same!(renewed, Renewed { lost: vec![id], letters: Vec::new() }, "what the first worker is told");
    same!(s.claimed(worker, 9).await?, [], "what the first worker is given within the second's lease");
    Ok(())
}

pub(super) async fn lasts(s: Subject) -> Found {
    let (worker, other) = (WorkerId::generate(), WorkerId::generate());
    let (kept, lost) = (s.begun(worker).await?, s.begun(worker).await?);
    let Some(lease) = s.journal().lease() else {
        let renewed = s.journal().renew(worker, &[kept, lost]).await?;
        same!(renewed, Renewed::default(), "what is told where there are no leases");
        return Ok(());
    };
    for _ in 0..3 {
        s.pass(lease * 6 / 10).await;
        same!(s.journal().renew(worker, &[kept]).await?, Renewed::default(), "what the worker is told");
    }
    same!(s.claimed(other, 9).await?, [lost], "what others are given: the one that was not renewed");
    Ok(())
}

pub(super) async fn tells(s: Subject) -> Found {
    let (worker, other) = (WorkerId::generate(), WorkerId::generate());
    let (mine, told, theirs) = (s.begun(worker).await?, s.begun(worker).await?, s.begun(other).await?);
    let ended = s.ended().await?;
    let (parked, free) = (s.begun(worker).await?, s.created().await?);
    s.release(worker, parked, Release::Park { until: None, seq: 1 }).await?;
    s.journal().send(&signal(told, json!(1))).await?;
    let all = [mine, told, theirs, ended, parked, free, ExecutionId::generate()];
    let Renewed { mut lost, letters } = s.journal().renew(worker, &all).await?;
    lost.sort_unstable();
    let mut expected = vec![theirs, parked, free];
    expected.sort_unstable();
    same!(lost, expected, "those that are not held any more");
    same!(letters, [told], "those that have letters");
    same!(s.journal().renew(worker, &[]).await?, Renewed::default(), "what is told of none");
    same!(s.claimed(other, 9).await?, [free], "what is free: renewing took nothing");
    Ok(())
}

pub(super) async fn what_is_held(s: Subject) -> Found {
    let (worker, other) = (WorkerId::generate(), WorkerId::generate());
    let (mine, _theirs, given_back) = (s.held(worker).await?, s.held(other).await?, s.held(worker).await?);
    s.release(worker, given_back, Release::Ready).await?;
    let held = s.journal().held(worker).await?;
    holds!(held == [mine] || held.is_empty() && s.journal().lease().is_some(), "it holds {held:?}");
    Ok(())
}
