//! The end of an execution: what is gone with it, and what it refuses.

use serde_json::{Value, json};

use super::complaint::Found;
use super::subject::{Subject, completed, conflicts, event, execution, signal};
use crate::event::ExecutionStatus;
use crate::runtime::{Commit, Release, Renewed, Sent, Standing, WorkerId};

pub(super) async fn clears(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let id = s.begun(worker).await?;
    s.journal().send(&signal(id, json!(1))).await?;
    let own = [signal(id, json!("to itself"))];
    s.journal().commit(Commit::new(id, 1, &[event(2)]).standing(completed()).sends(&own)).await?;
    same!(s.load(id).await?.status, ExecutionStatus::Completed, "its status");
    same!(s.journal().letters(id).await?, [], "its letters");
    same!(s.journal().unfinished().await?, [], "what has not ended");
    let claimed = s.claim_only(worker, id).await?;
    same!(claimed.jobs, [], "what is given of an execution that has ended");
    s.lease_ends().await;
    same!(s.claimed(WorkerId::generate(), 9).await?, [], "what is given after its lease");
    for release in [Release::Ready, Release::Park { until: None, seq: 1 }] {
        same!(s.release(worker, id, release).await?, false, "giving it back");
    }
    same!(s.journal().renew(worker, &[id]).await?, Renewed::default(), "renewing it");
    same!(s.journal().send(&signal(id, json!(2))).await?, Sent::Ended, "a letter to it");
    same!(s.journal().letters(id).await?, [], "its letters");
    Ok(())
}

pub(super) async fn refuses(s: Subject) -> Found {
    let id = s.ended().await?;
    let before = s.load(id).await?;
    let other = s.begun(WorkerId::generate()).await?;
    let sends = [signal(other, json!(1))];
    conflicts(s.journal().commit(Commit::new(id, 1, &[event(2)])).await, "a turn after the end")?;
    let empty = Commit::new(id, 1, &[]).standing(completed()).sends(&sends);
    conflicts(s.journal().commit(empty).await, "an empty turn after the end")?;
    let answer = Commit::new(id, 1, &[]).read(sends[0].id);
    conflicts(s.journal().commit(answer).await, "the answer to a letter after the end")?;
    same!(s.load(id).await?, before, "the execution");
    same!(s.journal().letters(other).await?, [], "what the turn would have sent");
    Ok(())
}

pub(super) async fn before_it_began(s: Subject) -> Found {
    let (id, parent) = (s.created().await?, s.begun(WorkerId::generate()).await?);
    s.journal().send(&signal(id, json!(1))).await?;
    let sends = [signal(parent, json!("ended"))];
    let error = Some("cancelled before it began");
    let standing = Standing { status: ExecutionStatus::Cancelled, error, ..Standing::default() };
    let commit = || Commit::new(id, 0, &[]).standing(standing.clone()).sends(&sends);
    s.journal().commit(commit()).await?;
    let recorded = s.load(id).await?;
    same!(recorded.status, ExecutionStatus::Cancelled, "its status");
    same!(recorded.error.as_deref(), error, "what went wrong");
    same!(recorded.events, Vec::<Value>::new(), "its events");
    same!(s.journal().letters(id).await?, [], "its letters");
    same!(s.journal().letters(parent).await?, sends, "the letter that tells of it");
    same!(s.claimed(WorkerId::generate(), 9).await?, [], "what is given");
    conflicts(s.journal().commit(commit()).await, "ending it again")?;
    Ok(())
}

pub(super) async fn at_once(s: Subject) -> Found {
    let mut new = execution();
    new.held_by = Some(WorkerId::generate());
    let events = [event(1), event(2)];
    let commit = Commit::new(new.execution, 0, &events).begins(&new).standing(completed());
    s.journal().commit(commit).await?;
    let recorded = s.load(new.execution).await?;
    same!((recorded.status, recorded.events.len()), (ExecutionStatus::Completed, 2), "the execution");
    same!(s.journal().unfinished().await?, [], "what has not ended");
    s.lease_ends().await;
    same!(s.claimed(WorkerId::generate(), 9).await?, [], "what is given");
    Ok(())
}

pub(super) async fn every_status(s: Subject) -> Found {
    use ExecutionStatus::{Cancelled, Completed, Failed, Timeout};
    for status in [Completed, Failed, Cancelled, Timeout] {
        let id = s.begun(WorkerId::generate()).await?;
        let error = (status != Completed).then_some("step `a` failed: \u{0} \"quoted\"\n\u{1F600}");
        let (began, ended) = (s.now(), s.now());
        let value = json!({ "a": [1, null] });
        let standing = Standing {
            status,
            completed: 1,
            failed: 2,
            skipped: 3,
            started_at: Some(began),
            ended_at: Some(ended),
            output: Some(&value),
            error,
        };
        s.journal().commit(Commit::new(id, 1, &[event(2)]).standing(standing)).await?;
        let recorded = s.load(id).await?;
        same!(recorded.status, status, "the status");
        same!(recorded.error.as_deref(), error, "what went wrong");
    }
    Ok(())
}
