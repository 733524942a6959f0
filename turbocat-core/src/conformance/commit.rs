//! Turns: events in order, all or nothing, one writer.

use std::sync::Arc;

use serde_json::{Value, json};

use super::complaint::Found;
use super::subject::{Subject, cancel, completed, conflicts, event, execution, signal};
use crate::event::ExecutionStatus;
use crate::runtime::{Commit, Release, WorkerId};
use crate::time::ExecutionId;

pub(super) async fn begins(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let mut new = execution();
    new.held_by = Some(worker);
    new.inputs = Arc::new(json!({ "n": 7 }));
    let events = [event(1), event(2)];
    s.journal().commit(Commit::new(new.execution, 0, &events).begins(&new)).await?;
    let recorded = s.load(new.execution).await?;
    same!(recorded.events, events, "its events");
    same!(recorded.inputs, json!({ "n": 7 }), "its inputs");
    same!(recorded.definition, new.definition, "its definition");
    same!(recorded.status, ExecutionStatus::Running, "its status");
    let others = s.claimed(WorkerId::generate(), 9).await?;
    same!(others, [], "what others are given while its worker holds it");
    same!(s.journal().unfinished().await?, [new.execution], "what has not ended");
    Ok(())
}

pub(super) async fn appends(s: Subject) -> Found {
    let id = s.begun(WorkerId::generate()).await?;
    s.journal().commit(Commit::new(id, 1, &[event(2), event(3)])).await?;
    s.journal().commit(Commit::new(id, 3, &[event(4)])).await?;
    same!(s.load(id).await?.events, [event(1), event(2), event(3), event(4)], "the events");
    Ok(())
}

pub(super) async fn refuses_another_number(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let (id, other) = (s.begun(worker).await?, s.begun(worker).await?);
    let letter = signal(id, json!(1));
    s.journal().send(&letter).await?;
    let before = s.load(id).await?;
    for expected in [0, 2, u64::from(u32::MAX)] {
        let new = execution();
        let (starts, sends, events) = ([new.clone()], [signal(other, json!(2))], [event(expected + 1)]);
        let commit = Commit::new(id, expected, &events).starts(&starts).sends(&sends);
        let commit = commit.read(letter.id).standing(completed());
        conflicts(s.journal().commit(commit).await, "a turn after another number of events")?;
        same!(s.load(id).await?, before, "the execution after a conflict");
        same!(s.journal().load(new.execution).await?, None, "what the turn would have started");
        same!(s.journal().letters(other).await?, [], "what the turn would have sent");
        same!(s.journal().letters(id).await?, std::slice::from_ref(&letter), "the letter it would have read");
    }
    // And the next one that fits goes through.
    s.journal().commit(Commit::new(id, 1, &[event(2)])).await?;
    same!(s.load(id).await?.events.len(), 2, "how many events there are");
    Ok(())
}

pub(super) async fn refuses_another_worker(s: Subject) -> Found {
    let (worker, other) = (WorkerId::generate(), WorkerId::generate());
    let id = s.begun(worker).await?;
    let letter = signal(id, json!(1));
    s.journal().send(&letter).await?;
    let refused = async |by| {
        let before = s.load(id).await?;
        let seq = before.events.len() as u64;
        let events = [event(seq + 1)];
        let turns = [Commit::new(id, seq, &events), Commit::new(id, seq, &[]).read(letter.id)];
        for turn in turns {
            conflicts(s.journal().commit(turn.by(by)).await, "a turn by who does not hold it")?;
        }
        same!(s.load(id).await?, before, "the execution after a conflict");
        same!(s.journal().letters(id).await?, std::slice::from_ref(&letter), "its letters");
        Ok(())
    };
    refused(other).await?;
    s.journal().commit(Commit::new(id, 1, &[event(2)]).by(worker)).await?;
    same!(s.release(worker, id, Release::Ready).await?, true, "giving it back");
    refused(worker).await?;
    same!(s.claimed(other, 9).await?, [id], "what another is given");
    refused(worker).await?;
    s.journal().commit(Commit::new(id, 2, &[event(3)]).by(other)).await?;
    same!(s.load(id).await?.events.len(), 3, "how many events there are");
    Ok(())
}

pub(super) async fn refuses_the_unknown(s: Subject) -> Found {
    let id = ExecutionId::generate();
    for expected in [0, 3] {
        let events = [event(expected + 1)];
        let done = s.journal().commit(Commit::new(id, expected, &events)).await;
        conflicts(done, "a turn of an execution that is unknown")?;
    }
    same!(s.journal().load(id).await?, None, "the unknown execution");
    Ok(())
}

pub(super) async fn begins_once(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let mut new = execution();
    new.held_by = Some(worker);
    s.journal().commit(Commit::new(new.execution, 0, &[event(1)]).begins(&new)).await?;
    let (before, events) = (s.load(new.execution).await?, [event(1)]);
    let again = Commit::new(new.execution, 0, &events).begins(&new);
    conflicts(s.journal().commit(again).await, "beginning again")?;
    same!(s.load(new.execution).await?, before, "the execution after a conflict");
    let created = s.created().await?;
    let mut new = execution();
    new.execution = created;
    let begun = Commit::new(created, 0, &events).begins(&new);
    conflicts(s.journal().commit(begun).await, "beginning what was created")?;
    same!(s.load(created).await?.events, Vec::<Value>::new(), "the events of what was created");
    Ok(())
}

pub(super) async fn sends(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let (id, to) = (s.begun(worker).await?, s.begun(worker).await?);
    let letters = [signal(to, json!(1)), cancel(to), signal(id, json!("to itself"))];
    s.journal().commit(Commit::new(id, 1, &[event(2)]).sends(&letters)).await?;
    same!(s.journal().letters(to).await?, letters[..2], "the letters of the other");
    same!(s.journal().letters(id).await?, letters[2..], "the letter to itself");
    // A turn told again sends the same letters again.
    s.journal().commit(Commit::new(id, 2, &[event(3)]).sends(&letters)).await?;
    same!(s.journal().letters(to).await?, letters[..2], "the letters of the other, sent twice");
    Ok(())
}

pub(super) async fn sends_to_nobody(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let (id, ended, to) = (s.begun(worker).await?, s.ended().await?, s.begun(worker).await?);
    let unknown = ExecutionId::generate();
    let letters = [cancel(unknown), signal(ended, json!(1)), signal(to, json!(2))];
    s.journal().commit(Commit::new(id, 1, &[event(2)]).sends(&letters)).await?;
    same!(s.load(id).await?.events.len(), 2, "how many events the sender has");
    same!(s.journal().letters(to).await?, letters[2..], "the letter that has somebody to read it");
    for nobody in [unknown, ended] {
        same!(s.journal().letters(nobody).await?, [], "letters to nobody");
    }
    Ok(())
}

pub(super) async fn reads(s: Subject) -> Found {
    let id = s.begun(WorkerId::generate()).await?;
    let letters = [signal(id, json!(1)), signal(id, json!(2)), signal(id, json!(3))];
    for letter in &letters {
        s.journal().send(letter).await?;
    }
    s.journal().commit(Commit::new(id, 1, &[event(2)]).read(letters[1].id)).await?;
    let left = [letters[0].clone(), letters[2].clone()];
    same!(s.journal().letters(id).await?, left, "the letters that were not read");
    // It makes a difference only once.
    s.journal().commit(Commit::new(id, 2, &[event(3)]).read(letters[1].id)).await?;
    same!(s.journal().letters(id).await?, left, "the letters after one was read twice");
    Ok(())
}

pub(super) async fn answers_with_nothing(s: Subject) -> Found {
    let id = s.begun(WorkerId::generate()).await?;
    let letter = signal(id, json!(1));
    s.journal().send(&letter).await?;
    let before = s.load(id).await?;
    conflicts(
        s.journal().commit(Commit::new(id, 5, &[]).read(letter.id)).await,
        "an empty turn after another number of events",
    )?;
    same!(s.journal().letters(id).await?.len(), 1, "how many letters are left after a conflict");
    s.journal().commit(Commit::new(id, 1, &[]).read(letter.id)).await?;
    same!(s.journal().letters(id).await?, [], "the letters after an empty turn");
    same!(s.load(id).await?, before, "the execution after an empty turn");
    s.journal().commit(Commit::new(id, 1, &[event(2)])).await?;
    Ok(())
}

pub(super) async fn takes_a_large_turn(s: Subject) -> Found {
    let id = s.begun(WorkerId::generate()).await?;
    let events: Vec<Value> = (2..=1800).map(event).collect();
    s.journal().commit(Commit::new(id, 1, &events)).await?;
    s.journal().commit(Commit::new(id, 1800, &[event(1801)])).await?;
    let recorded = s.load(id).await?;
    same!(recorded.events.len(), 1801, "how many events there are");
    same!(recorded.events[1..1800], events, "the events of the large turn");
    Ok(())
}
