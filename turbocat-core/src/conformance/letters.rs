//! Letters: kept in order, once, until they are read.

use std::sync::Arc;

use serde_json::json;

use super::complaint::Found;
use super::subject::{Subject, cancel, event, execution, signal};
use crate::event::ExecutionStatus;
use crate::failure::StepFailure;
use crate::runtime::{Commit, Letter, Message, Release, Sent, WorkerId};
use crate::time::ExecutionId;

pub(super) async fn in_order(s: Subject) -> Found {
    let (id, other) = (s.created().await?, s.begun(WorkerId::generate()).await?);
    let child = ExecutionId::generate();
    let output = Arc::new(json!({ "n": [1, "\u{0}"] }));
    let failure = StepFailure::error("no").permanent().detail(json!({ "code": 7 }));
    let status = ExecutionStatus::Failed;
    let messages = [
        Message::Pause { reason: "wait".into() },
        Message::Resume,
        Message::Signal { name: "go \u{1F600}".into(), payload: Arc::new(json!(null)) },
        Message::Approval { step: "each[0].ask".to_owned(), approved: true, by: None, comment: None },
        Message::Approval {
            step: "ask".to_owned(),
            approved: false,
            by: Some("ada".to_owned()),
            comment: Some(String::new()),
        },
        Message::ChildEnded {
            execution: child,
            status,
            output,
            failure: Some(Box::new(failure)),
            usage: None,
        },
        Message::Cancel { reason: "enough".into() },
    ];
    let mut letters: Vec<Letter> = messages.into_iter().map(|message| Letter::new(id, message)).collect();
    // The order of their names is not the order in which they come.
    letters.reverse();
    for letter in &letters {
        same!(s.journal().send(letter).await?, Sent::Accepted, "what became of it");
        s.journal().send(&signal(other, json!(1))).await?;
    }
    same!(s.journal().letters(id).await?, letters, "the letters");
    same!(s.journal().letters(id).await?, letters, "the letters, looked at again");
    same!(s.journal().letters(other).await?.len(), letters.len(), "how many the other has");
    Ok(())
}

pub(super) async fn once(s: Subject) -> Found {
    let id = s.begun(WorkerId::generate()).await?;
    let letters = [signal(id, json!(1)), signal(id, json!(2))];
    for letter in letters.iter().chain(&letters) {
        same!(s.journal().send(letter).await?, Sent::Accepted, "what became of it");
    }
    same!(s.journal().letters(id).await?, letters, "the letters");
    Ok(())
}

pub(super) async fn to_nobody(s: Subject) -> Found {
    let (ended, unknown) = (s.ended().await?, ExecutionId::generate());
    same!(s.journal().send(&cancel(ended)).await?, Sent::Ended, "a letter to one that has ended");
    same!(s.journal().send(&cancel(unknown)).await?, Sent::Unknown, "a letter to one that is unknown");
    same!(s.journal().letters(ended).await?, [], "the letters of one that has ended");
    let mut new = execution();
    new.execution = unknown;
    s.journal().create(&[new]).await?;
    same!(s.journal().letters(unknown).await?, [], "what was sent before it was there");
    Ok(())
}

pub(super) async fn wake_the_delayed(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let [mut told, mut cancelled] = [execution(), execution()];
    let (moment, until) = s.soon();
    for new in [&mut told, &mut cancelled] {
        new.not_before = Some(moment);
    }
    s.journal().create(&[told.clone(), cancelled.clone()]).await?;
    s.journal().send(&signal(told.execution, json!(1))).await?;
    s.journal().send(&cancel(cancelled.execution)).await?;
    let claimed = s.claimed(worker, 9).await?;
    same!(claimed, [cancelled.execution], "what is given: a letter that cancels does not wait");
    s.pass(until).await;
    same!(s.claimed(worker, 9).await?, [told.execution], "what is given when its time has come");
    Ok(())
}

pub(super) async fn of_a_turn_wake(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let (sender, parked) = (s.begun(worker).await?, s.begun(worker).await?);
    let (until, _) = s.soon();
    s.release(worker, parked, Release::Park { until: Some(until), seq: 1 }).await?;
    let [mut told, mut cancelled] = [execution(), execution()];
    for new in [&mut told, &mut cancelled] {
        new.not_before = Some(until);
    }
    s.journal().create(&[told.clone(), cancelled.clone()]).await?;
    let sends = [signal(parked, json!(1)), signal(told.execution, json!(1)), cancel(cancelled.execution)];
    s.journal().commit(Commit::new(sender, 1, &[event(2)]).sends(&sends)).await?;
    let mut claimed = s.claimed(WorkerId::generate(), 9).await?;
    let mut expected = [parked, cancelled.execution];
    claimed.sort_unstable();
    expected.sort_unstable();
    same!(claimed, expected, "what a turn's letters wake");
    Ok(())
}

pub(super) async fn take_nothing_away(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let (held, dead) = (s.begun(worker).await?, s.begun(worker).await?);
    s.release(worker, dead, Release::Failed { error: "no".to_owned(), retry_in: None }).await?;
    for id in [held, dead] {
        for letter in [signal(id, json!(1)), cancel(id)] {
            same!(s.journal().send(&letter).await?, Sent::Accepted, "what became of the letter");
        }
        same!(s.journal().letters(id).await?.len(), 2, "how many letters there are");
    }
    same!(s.claimed(WorkerId::generate(), 9).await?, [], "what is given");
    same!(s.release(worker, held, Release::Ready).await?, true, "giving back the one that is held");
    Ok(())
}
