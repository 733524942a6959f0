//! Executions that a turn starts.

use serde_json::json;

use super::complaint::Found;
use super::subject::{Subject, conflicts, event, execution, signal};
use crate::event::ExecutionStatus;
use crate::runtime::{Commit, NewExecution, WorkerId};
use crate::time::ExecutionId;

fn child(parent: ExecutionId, held_by: Option<WorkerId>) -> NewExecution {
    let mut new = execution();
    new.parent = Some(parent);
    new.awaited = true;
    new.lineage = vec!["outer".into(), "inner".into()];
    new.held_by = held_by;
    new
}

pub(super) async fn with_the_turn(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let id = s.begun(worker).await?;
    let starts = [child(id, Some(worker)), child(id, None)];
    let sends = [signal(starts[1].execution, json!(1))];
    s.journal().commit(Commit::new(id, 1, &[event(2)]).starts(&starts).sends(&sends)).await?;
    for new in &starts {
        let recorded = s.load(new.execution).await?;
        same!(recorded.status, ExecutionStatus::Pending, "the status of what was started");
        same!(recorded.parent, Some(id), "its parent");
        same!(recorded.awaited, true, "whether its parent waits");
        same!(recorded.lineage, new.lineage, "its lineage");
    }
    let free = s.claimed(WorkerId::generate(), 9).await?;
    same!(free, [starts[1].execution], "what was started and is held by nobody");
    same!(s.journal().letters(starts[1].execution).await?, sends, "a letter of the turn to what it starts");
    Ok(())
}

pub(super) async fn all_or_none(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let (id, known) = (s.begun(worker).await?, s.created().await?);
    let before = s.load(known).await?;
    let mut taken = child(id, None);
    taken.execution = known;
    let (starts, events) = ([child(id, None), taken], [event(2)]);
    let commit = Commit::new(id, 1, &events).starts(&starts);
    conflicts(s.journal().commit(commit).await, "starting what is there already")?;
    same!(s.load(id).await?.events, [event(1)], "the events after a conflict");
    same!(s.journal().load(starts[0].execution).await?, None, "the other execution it would have started");
    same!(s.load(known).await?, before, "what was there already");
    let twice = child(id, None);
    let starts = [twice.clone(), twice.clone()];
    let commit = Commit::new(id, 1, &events).starts(&starts);
    conflicts(s.journal().commit(commit).await, "starting one execution twice in a turn")?;
    same!(s.journal().load(twice.execution).await?, None, "what would have been started twice");
    s.journal().commit(Commit::new(id, 1, &[event(2)])).await?;
    Ok(())
}

pub(super) async fn at_the_beginning(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let mut new = execution();
    new.held_by = Some(worker);
    let (starts, events) = ([child(new.execution, Some(worker))], [event(1)]);
    let commit = Commit::new(new.execution, 0, &events).begins(&new).starts(&starts);
    s.journal().commit(commit).await?;
    same!(s.load(new.execution).await?.events, [event(1)], "the events of the execution that begins");
    same!(s.load(starts[0].execution).await?.parent, Some(new.execution), "the parent of what it starts");
    let known = starts[0].execution;
    let mut second = execution();
    second.held_by = Some(worker);
    let mut taken = child(second.execution, None);
    taken.execution = known;
    let starts = [taken];
    let commit = Commit::new(second.execution, 0, &events).begins(&second).starts(&starts);
    conflicts(s.journal().commit(commit).await, "beginning with the start of what is there already")?;
    same!(s.journal().load(second.execution).await?, None, "the execution that would have begun");
    Ok(())
}
