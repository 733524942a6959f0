//! Places of agents: no more at a time than there are, and those of lost workers free again.

use super::complaint::Found;
use super::subject::{Subject, completed, event};
use crate::runtime::{AgentPlace, Commit, Release, WorkerId};
use crate::time::ExecutionId;

fn place(worker: WorkerId, execution: ExecutionId, attempt: usize) -> AgentPlace {
    AgentPlace { worker, execution, attempt: format!("a#{attempt}") }
}

/// Takes all places there are for one execution.
async fn fill(s: &Subject, worker: WorkerId, id: ExecutionId) -> Result<bool, super::Complaint> {
    let Some((agent, places)) = s.places() else { return Ok(true) };
    for attempt in 0..places {
        if !s.journal().take_place(agent, &place(worker, id, attempt)).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) async fn limited(s: Subject) -> Found {
    let Some((agent, places)) = s.places() else { return Ok(()) };
    let worker = WorkerId::generate();
    let (id, other) = (s.begun(worker).await?, s.begun(worker).await?);
    same!(s.journal().limits(agent), true, "whether the agent has a limit");
    same!(fill(&s, worker, id).await?, true, "whether there are as many places as there should be");
    let more = place(worker, other, 0);
    same!(s.journal().take_place(agent, &more).await?, false, "taking one more");
    same!(s.journal().take_place(agent, &place(worker, id, 0)).await?, true, "taking the same again");
    s.journal().give_place(agent, &more).await?;
    same!(s.journal().take_place(agent, &more).await?, false, "taking one, after another's was not given");
    s.journal().give_place(agent, &place(worker, id, places - 1)).await?;
    same!(s.journal().take_place(agent, &more).await?, true, "taking the one that was given back");
    let once_more = place(worker, other, 1);
    same!(s.journal().take_place(agent, &once_more).await?, false, "taking one more than that");
    Ok(())
}

pub(super) async fn unlimited(s: Subject) -> Found {
    let worker = WorkerId::generate();
    let id = s.begun(worker).await?;
    for attempt in 0..50 {
        let taken = s.journal().take_place("an agent without a limit", &place(worker, id, attempt)).await?;
        same!(taken, true, "taking a place of an agent that has no limit");
    }
    same!(s.journal().limits("an agent without a limit"), false, "whether it has a limit");
    Ok(())
}

pub(super) async fn of_the_gone_are_free(s: Subject) -> Found {
    let Some((agent, _)) = s.places() else { return Ok(()) };
    let worker = WorkerId::generate();
    let other = s.begun(worker).await?;
    let first = place(worker, other, 0);
    // The execution was given back.
    let id = s.begun(worker).await?;
    fill(&s, worker, id).await?;
    s.release(worker, id, Release::Ready).await?;
    let late = place(worker, id, 99);
    same!(s.journal().take_place(agent, &late).await?, false, "taking one for an execution given back");
    same!(s.journal().take_place(agent, &first).await?, true, "taking one of an execution given back");
    s.journal().give_place(agent, &first).await?;
    // It ended.
    let id = s.begun(worker).await?;
    fill(&s, worker, id).await?;
    s.journal().commit(Commit::new(id, 1, &[event(2)]).standing(completed())).await?;
    same!(s.journal().take_place(agent, &first).await?, true, "taking one of an execution that ended");
    s.journal().give_place(agent, &first).await?;
    // Its worker is gone.
    let id = s.begun(worker).await?;
    fill(&s, worker, id).await?;
    if s.lease_ends().await {
        let new = WorkerId::generate();
        let other = s.begun(new).await?;
        let taken = s.journal().take_place(agent, &place(new, other, 0)).await?;
        same!(taken, true, "taking one of a worker that is gone");
    }
    Ok(())
}
