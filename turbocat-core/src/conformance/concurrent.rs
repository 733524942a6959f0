//! Many at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};

use super::complaint::{Complaint, Found};
use super::subject::{Subject, completed, event, execution, signal};
use crate::event::ExecutionStatus;
use crate::runtime::{
    Claim, Commit, Journal, JournalError, JournalErrorKind, NewExecution, Release, Standing, WorkerId,
};
use crate::time::ExecutionId;

/// How many do something at once.
const MANY: usize = 8;

async fn all<T: Send + 'static>(
    tasks: impl Iterator<Item = impl Future<Output = Result<T, JournalError>> + Send + 'static>,
) -> Result<Vec<Result<T, JournalError>>, Complaint> {
    let mut set = JoinSet::new();
    tasks.for_each(|task| drop(set.spawn(task)));
    let mut done = Vec::new();
    while let Some(result) = set.join_next().await {
        done.push(result.map_err(|error| Complaint::new(format!("the journal panicked: {error}")))?);
    }
    Ok(done)
}

/// Of all of them one was done, and the others are conflicts.
fn one_wins(results: &[Result<(), JournalError>]) -> Found {
    let won = results.iter().filter(|result| result.is_ok()).count();
    same!(won, 1, "how many of {} won", results.len());
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        same!(error.kind(), JournalErrorKind::Conflict, "what the others are told ({error})");
    }
    Ok(())
}

pub(super) async fn claims(s: Subject) -> Found {
    let new: Vec<NewExecution> = (0..100).map(|_| execution()).collect();
    s.journal().create(&new).await?;
    let workers = (0..MANY).map(|_| {
        let journal = s.journal().clone();
        async move {
            let (worker, mut mine, mut empty) = (WorkerId::generate(), Vec::new(), 0);
            // Somebody who finds nothing may just have met somebody else.
            while empty < 5 {
                let claim = Claim { worker, limit: 7, only: None, take_over: false };
                let jobs = journal.claim(claim).await?.jobs;
                empty = if jobs.is_empty() { empty + 1 } else { 0 };
                mine.extend(jobs.into_iter().map(|job| job.execution));
                tokio::task::yield_now().await;
            }
            Ok(mine)
        }
    });
    let mut times: BTreeMap<ExecutionId, usize> = BTreeMap::new();
    for mine in all(workers).await? {
        for id in mine? {
            *times.entry(id).or_default() += 1;
        }
    }
    same!(times.len(), new.len(), "how many were given");
    holds!(times.values().all(|times| *times == 1), "some were given more than once: {times:?}");
    Ok(())
}

pub(super) async fn claims_of_one(s: Subject) -> Found {
    let id = s.created().await?;
    let workers = (0..MANY).map(|_| {
        let journal = s.journal().clone();
        let claim = Claim { worker: WorkerId::generate(), limit: 1, only: Some(id), take_over: false };
        async move { Ok(journal.claim(claim).await?.jobs.len()) }
    });
    let mut given = 0;
    for jobs in all(workers).await? {
        given += jobs?;
    }
    same!(given, 1, "to how many it was given");
    Ok(())
}

pub(super) async fn turns_of_one(s: Subject) -> Found {
    let id = s.begun(WorkerId::generate()).await?;
    for round in 1..=5_u64 {
        let writers = (0..MANY).map(|_| {
            let journal = s.journal().clone();
            async move { journal.commit(Commit::new(id, round, &[event(round + 1)])).await }
        });
        one_wins(&all(writers).await?)?;
        same!(s.load(id).await?.events.len() as u64, round + 1, "how many events there are");
    }
    Ok(())
}

pub(super) async fn beginnings(s: Subject) -> Found {
    let new = execution();
    let tries = (0..MANY).map(|number| {
        let (journal, mut new) = (s.journal().clone(), new.clone());
        new.held_by = (number % 2 == 0).then(WorkerId::generate);
        async move {
            match number % 2 {
                0 => journal.commit(Commit::new(new.execution, 0, &[event(1)]).begins(&new)).await,
                _ => journal.create(&[new]).await,
            }
        }
    });
    one_wins(&all(tries).await?)
}

pub(super) async fn turns_of_many(s: Subject) -> Found {
    let drives = (0..40).map(|_| drive(s.journal().clone()));
    for done in all(drives).await? {
        let (id, child) = done?;
        let recorded = s.load(id).await?;
        let expected: Vec<_> = (1..=6).map(event).collect();
        same!(recorded.events, expected, "the events of one of many");
        same!(recorded.status, ExecutionStatus::Completed, "its status");
        same!(s.load(child).await?.parent, Some(id), "the parent of what it started");
    }
    same!(s.journal().unfinished().await?.len(), 40, "how many have not ended: what they started");
    Ok(())
}

/// An execution from its beginning to its end, with a child and a letter of its own.
async fn drive(journal: Arc<dyn Journal>) -> Result<(ExecutionId, ExecutionId), JournalError> {
    let mut new = execution();
    new.held_by = Some(WorkerId::generate());
    let id = new.execution;
    journal.commit(Commit::new(id, 0, &[event(1)]).begins(&new)).await?;
    let mut child = execution();
    child.parent = Some(id);
    let letter = signal(id, json!(1));
    let (starts, sends) = ([child], [letter]);
    journal.commit(Commit::new(id, 1, &[event(2), event(3)]).starts(&starts)).await?;
    journal.commit(Commit::new(id, 3, &[event(4)]).sends(&sends)).await?;
    journal.commit(Commit::new(id, 4, &[event(5)]).read(sends[0].id)).await?;
    let standing = Standing { status: ExecutionStatus::Completed, ..Standing::default() };
    journal.commit(Commit::new(id, 5, &[event(6)]).standing(standing)).await?;
    Ok((id, starts[0].execution))
}

pub(super) async fn the_same_letter(s: Subject) -> Found {
    let id = s.begun(WorkerId::generate()).await?;
    let letter = signal(id, json!(1));
    let senders = (0..MANY).map(|_| {
        let (journal, letter) = (s.journal().clone(), letter.clone());
        async move { journal.send(&letter).await }
    });
    for sent in all(senders).await? {
        sent?;
    }
    same!(s.journal().letters(id).await?, [letter], "the letters");
    Ok(())
}

pub(super) async fn parking_and_letters(s: Subject) -> Found {
    for round in 0..30 {
        let worker = WorkerId::generate();
        let (id, sender) = (s.begun(worker).await?, s.begun(worker).await?);
        let (parks, sends) = (s.journal().clone(), s.journal().clone());
        let park =
            tokio::spawn(
                async move { parks.release(worker, id, Release::Park { until: None, seq: 1 }).await },
            );
        let send = tokio::spawn(async move { post(&*sends, sender, id, round).await });
        let parked = joined(park).await??;
        joined(send).await??;
        let claimed = s.claimed(WorkerId::generate(), 9).await?;
        if parked {
            same!(claimed, [id], "what is given of one that was parked while a letter came");
        } else {
            same!(claimed, [], "what is given of one that was not parked");
        }
    }
    Ok(())
}

pub(super) async fn ending_and_letters(s: Subject) -> Found {
    for round in 0..30 {
        let worker = WorkerId::generate();
        let (id, sender) = (s.begun(worker).await?, s.begun(worker).await?);
        let (ends, sends) = (s.journal().clone(), s.journal().clone());
        let end =
            tokio::spawn(
                async move { ends.commit(Commit::new(id, 1, &[event(2)]).standing(completed())).await },
            );
        let send = tokio::spawn(async move { post(&*sends, sender, id, round).await });
        joined(end).await??;
        joined(send).await??;
        same!(s.journal().letters(id).await?, [], "the letters of one that ended while a letter came");
    }
    Ok(())
}

/// A letter by itself, or with a turn of another execution.
async fn post(
    journal: &dyn Journal,
    from: ExecutionId,
    to: ExecutionId,
    round: usize,
) -> Result<(), JournalError> {
    let letters = [signal(to, json!(round))];
    match round % 2 {
        0 => journal.send(&letters[0]).await.map(drop),
        _ => journal.commit(Commit::new(from, 1, &[event(2)]).sends(&letters)).await,
    }
}

async fn joined<T>(task: JoinHandle<T>) -> Result<T, Complaint> {
    task.await.map_err(|error| Complaint::new(format!("the journal panicked: {error}")))
}
