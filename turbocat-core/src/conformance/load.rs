//! What is told of executions.

use serde_json::{Value, json};

use super::complaint::Found;
use super::subject::{Subject, completed, event, execution};
use crate::event::ExecutionStatus;
use crate::runtime::{Commit, WorkerId};
use crate::time::ExecutionId;

pub(super) async fn unknown(s: Subject) -> Found {
    same!(s.journal().load(ExecutionId::generate()).await?, None, "an execution that is unknown");
    same!(s.journal().letters(ExecutionId::generate()).await?, [], "its letters");
    same!(s.journal().unfinished().await?, [], "what has not ended");
    Ok(())
}

pub(super) async fn pending(s: Subject) -> Found {
    let id = s.created().await?;
    let recorded = s.load(id).await?;
    same!(recorded.status, ExecutionStatus::Pending, "its status");
    same!(recorded.events, Vec::<Value>::new(), "its events");
    same!(recorded.inputs, json!({ "n": 1 }), "its inputs");
    same!(recorded.definition.workflow()["name"], json!("conformance"), "its definition");
    same!(recorded.error, None, "what went wrong");
    same!((recorded.parent, recorded.awaited), (None, false), "its parent");
    same!(recorded.lineage, [], "its lineage");
    // To be claimed changes nothing.
    s.claim(WorkerId::generate(), 1).await?;
    same!(s.load(id).await?, recorded, "the execution after it was claimed");
    Ok(())
}

pub(super) async fn running(s: Subject) -> Found {
    let id = s.created().await?;
    let worker = WorkerId::generate();
    s.claim(worker, 1).await?;
    s.journal().commit(Commit::new(id, 0, &[event(1)])).await?;
    same!(s.load(id).await?.status, ExecutionStatus::Running, "its status");
    same!(s.load(id).await?.error, None, "what went wrong");
    Ok(())
}

pub(super) async fn family(s: Subject) -> Found {
    let mut new = execution();
    let parent = ExecutionId::generate();
    new.parent = Some(parent);
    new.awaited = true;
    new.lineage = vec!["outer".into(), "m\u{e9}\"{}".into(), "".into()];
    s.journal().create(std::slice::from_ref(&new)).await?;
    let recorded = s.load(new.execution).await?;
    same!((recorded.parent, recorded.awaited), (Some(parent), true), "its parent");
    same!(recorded.lineage, new.lineage, "its lineage");
    Ok(())
}

pub(super) async fn oldest_first(s: Subject) -> Found {
    // Names whose order is not the order in which they came.
    let mut names: Vec<ExecutionId> = (0..4).map(|_| ExecutionId::generate()).collect();
    names.reverse();
    for name in &names {
        let mut new = execution();
        new.execution = *name;
        s.journal().create(std::slice::from_ref(&new)).await?;
        s.moment().await;
    }
    same!(s.journal().unfinished().await?, names, "what has not ended");
    s.claim(WorkerId::generate(), 2).await?;
    same!(s.journal().unfinished().await?, names, "what has not ended, after some were claimed");
    Ok(())
}

pub(super) async fn not_waited_for(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let parent = s.begun(worker).await?;
    s.moment().await;
    let [mut awaited, mut free] = [execution(), execution()];
    for new in [&mut awaited, &mut free] {
        new.parent = Some(parent);
    }
    awaited.awaited = true;
    s.journal().create(&[awaited.clone()]).await?;
    s.moment().await;
    s.journal().create(&[free.clone()]).await?;
    let unfinished = s.journal().unfinished().await?;
    same!(unfinished, [parent, free.execution], "what has not ended and nobody waits for");
    s.journal().commit(Commit::new(parent, 1, &[event(2)]).standing(completed())).await?;
    let unfinished = s.journal().unfinished().await?;
    same!(unfinished, [awaited.execution, free.execution], "what has not ended once the parent has");
    Ok(())
}
