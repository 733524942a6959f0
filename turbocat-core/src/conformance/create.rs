//! Executions taken in.

use std::sync::Arc;

use serde_json::json;

use super::complaint::Found;
use super::subject::{Subject, conflicts, execution};
use crate::runtime::{NewExecution, TriggerKind, WorkerId};

pub(super) async fn many(s: Subject) -> Found {
    s.journal().create(&[]).await?;
    let mut new: Vec<NewExecution> = (0..120).map(|_| execution()).collect();
    for (new, trigger) in new.iter_mut().zip(TriggerKind::ALL) {
        new.trigger = trigger;
        new.trigger_data = json!({ "why": trigger.word(), "odd": "\u{0}" });
        new.steps = 3;
    }
    s.journal().create(&new).await?;
    let mut expected: Vec<_> = new.iter().map(|new| new.execution).collect();
    let mut claimed = s.claimed(WorkerId::generate(), 500).await?;
    expected.sort_unstable();
    claimed.sort_unstable();
    same!(claimed, expected, "what can be claimed");
    Ok(())
}

pub(super) async fn all_or_none(s: Subject) -> Found {
    let known = s.created().await?;
    let before = s.load(known).await?;
    let [first, mut second, third] = [execution(), execution(), execution()];
    second.execution = known;
    second.inputs = Arc::new(json!("other"));
    let new = [first.clone(), second, third.clone()];
    conflicts(s.journal().create(&new).await, "taking in one that is there already")?;
    for other in [first, third] {
        same!(s.journal().load(other.execution).await?, None, "the others of the call");
    }
    same!(s.load(known).await?, before, "the one that is there");
    same!(s.claimed(WorkerId::generate(), 9).await?, [known], "what can be claimed");
    Ok(())
}

pub(super) async fn not_twice(s: Subject) -> Found {
    let new = execution();
    let done = s.journal().create(&[new.clone(), new.clone()]).await;
    conflicts(done, "taking one in twice in a call")?;
    same!(s.journal().load(new.execution).await?, None, "the execution");
    s.journal().create(std::slice::from_ref(&new)).await?;
    conflicts(s.journal().create(std::slice::from_ref(&new)).await, "taking it in again")?;
    Ok(())
}

pub(super) async fn held(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let id = s.held(worker).await?;
    let other = WorkerId::generate();
    same!(s.claimed(other, 9).await?, [], "what others are given");
    same!(s.claim_only(other, id).await?.jobs, [], "what others are given who ask for it");
    same!(s.claim_only(worker, id).await?.jobs.len(), 1, "how many its worker is given who asks for it");
    Ok(())
}
