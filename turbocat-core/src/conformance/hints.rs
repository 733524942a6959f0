//! Hints: somebody who listens hears soon. One may be missed; none ever would leave engines asleep.

use std::time::Duration;

use serde_json::json;
use tokio::sync::broadcast::Receiver;

use super::complaint::Found;
use super::subject::{Subject, completed, event, signal};
use crate::runtime::{Commit, Hint, Release, WorkerId};

/// How long hints may take.
const PATIENCE: Duration = Duration::from_secs(10);

async fn heard(hints: &mut Receiver<Hint>, expected: Hint, what: &str) -> Found {
    let found = tokio::time::timeout(PATIENCE, async {
        while let Ok(hint) = hints.recv().await {
            if hint == expected {
                return true;
            }
        }
        false
    });
    let found = found.await.unwrap_or(false);
    holds!(found, "{what}: nobody heard {expected:?}");
    Ok(())
}

pub(super) async fn come(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let mut hints = s.journal().hints();
    let id = s.created().await?;
    heard(&mut hints, Hint::Ready, "an execution was taken in").await?;
    s.claim(worker, 1).await?;
    s.journal().send(&signal(id, json!(1))).await?;
    heard(&mut hints, Hint::Letter(id), "a letter was sent").await?;
    let mut hints = s.journal().hints();
    s.release(worker, id, Release::Ready).await?;
    heard(&mut hints, Hint::Ready, "an execution was given back").await?;
    let other = s.begun(worker).await?;
    s.release(worker, other, Release::Park { until: None, seq: 1 }).await?;
    let mut hints = s.journal().hints();
    let sends = [signal(other, json!(1))];
    s.journal().commit(Commit::new(id, 0, &[event(1)]).standing(completed()).sends(&sends)).await?;
    let mut others = s.journal().hints();
    heard(&mut hints, Hint::Letter(other), "a turn sent a letter").await?;
    heard(&mut hints, Hint::Ended(id), "an execution ended").await?;
    s.journal().send(&signal(other, json!(2))).await?;
    heard(&mut others, Hint::Letter(other), "somebody listens later").await
}

pub(super) async fn of_what_wakes(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let (sender, parked) = (s.begun(worker).await?, s.begun(worker).await?);
    s.release(worker, parked, Release::Park { until: None, seq: 1 }).await?;
    let mut hints = s.journal().hints();
    let sends = [signal(parked, json!(1))];
    s.journal().commit(Commit::new(sender, 1, &[event(2)]).sends(&sends)).await?;
    heard(&mut hints, Hint::Ready, "a turn's letter woke an execution").await?;
    s.claim(worker, 9).await?;
    s.journal().commit(Commit::new(parked, 1, &[]).read(sends[0].id)).await?;
    same!(s.release(worker, parked, Release::Park { until: None, seq: 1 }).await?, true, "parking it again");
    let mut hints = s.journal().hints();
    s.journal().send(&signal(parked, json!(2))).await?;
    heard(&mut hints, Hint::Ready, "a letter woke an execution").await
}
