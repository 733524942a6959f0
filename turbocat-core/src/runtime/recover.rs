//! Goes on when the journal failed, and when another engine is gone.

use super::driver::{Cause, Driver, left};
use super::error::{Error, ErrorKind};
use super::shared::seed;
use super::writer::read;
use crate::event::{Event, Fact, StepRef, Work};
use crate::scheduler::{Action, Input, Scheduler, Turn};
use crate::time::{ExecutionId, Timestamp};

impl Driver {
    /// Nobody knows what was written: what the journal has now is what is true. Tells the
    /// scheduler again what it may not have heard, and goes on with what is still being done here.
    /// `unsure` are those of which nobody knows. Gives the turn to be written, and what it answers.
    pub(super) async fn recover(
        &mut self,
        error: Error,
        mut cause: Cause,
        unsure: &[Event],
    ) -> Result<(Turn, Cause), Error> {
        tracing::warn!(%error, "the journal could not be written; reading it back");
        let known = self.log.as_ref().map(|log| log.len());
        let Some(writer) = &mut self.writer else { return Err(error) };
        let written = writer.written();
        let told = Error::new(error.kind(), error.to_string());
        let (plan, id) = (self.scheduler.plan().clone(), self.scheduler.id());
        let found = tokio::select! {
            biased;
            found = writer.read_back(id, error, &self.shared.clock) => found?,
            () = self.shared.stopping() => return Err(left(id)),
        };
        // The caller of an execution that is not there is told, and may ask again.
        let Some(recorded) = found else { return Err(told) };
        if recorded.events.is_empty() {
            writer.found(&[]);
            return Ok((self.begin_again().ok_or(told)?, cause));
        }
        let (scheduler, events) = read(&plan, &recorded.events)?;
        let added = events.get(usize::try_from(written).unwrap_or(usize::MAX)..);
        if !added.is_some_and(|added| added.is_empty() || added == unsure) {
            // What is there and was not written here was written by whoever drives it now.
            return Err(Error::new(ErrorKind::Conflict, format!("somebody else writes to execution {id}")));
        }
        writer.found(&events);
        // A turn is written whole or not at all: if it was, its inputs have been told, and what it
        // started is there.
        let mut started = Vec::new();
        if scheduler.seq() != written {
            cause = Cause::default();
            started.extend(unsure.iter().filter_map(|event| aside(&event.fact)));
        }
        self.scheduler = scheduler;
        if let (Some(log), Some(known)) = (&self.log, known) {
            log.append(events.into_iter().skip(known));
        }
        let now = self.now();
        let mut turn = Turn::default();
        let lost = self.lost.iter().map(|&(step, attempt)| Input::AttemptLost { step, attempt });
        // A timer does no harm, and tells when to wake up next.
        for input in cause.inputs.iter().cloned().chain([Input::Timer]).chain(lost) {
            self.scheduler.apply_into(&mut turn, now, input);
        }
        let in_flight = self.scheduler.in_flight();
        self.running.retain(|attempt, _| in_flight.contains(attempt));
        self.queue.clear();
        let begun = |attempt: &(StepRef, u32), actions: &[Action]| {
            let (step, attempt) = *attempt;
            self.running.contains_key(&(step, attempt)) || actions.contains(&Action::Launch { step, attempt })
        };
        let missing: Vec<_> = in_flight.iter().filter(|attempt| !begun(attempt, &turn.actions)).collect();
        turn.actions.extend(
            missing.into_iter().map(|(step, attempt)| Action::Launch { step: *step, attempt: *attempt }),
        );
        let awaited = self.scheduler.open_children();
        let is_awaited =
            |execution: &ExecutionId| awaited.iter().any(|action| child(action) == Some(*execution));
        started.retain(|action| child(action).is_some_and(|name| !is_awaited(&name)));
        for action in awaited.iter().cloned().chain(started) {
            if !turn.actions.contains(&action) {
                turn.actions.push(action);
            }
        }
        Ok((turn, cause))
    }

    /// The first turn once more, of an execution of which nothing was written.
    fn begin_again(&mut self) -> Option<Turn> {
        let (plan, id) = (self.scheduler.plan().clone(), self.scheduler.id());
        let inputs = (**self.scheduler.inputs()).clone();
        let now = self.now();
        let (scheduler, turn) = Scheduler::start(&plan, id, now, seed(id), inputs).ok()?;
        self.scheduler = scheduler;
        Some(turn)
    }
}

const fn child(action: &Action) -> Option<ExecutionId> {
    match action {
        Action::StartChild { execution, .. } => Some(*execution),
        _ => None,
    }
}

/// The nested workflow that a fact starts, as one that nobody waits for.
fn aside(fact: &Fact) -> Option<Action> {
    let Fact::StepStarted { work, .. } = fact else { return None };
    let Work::Child { execution, workflow, inputs } = &**work else { return None };
    let (execution, workflow, inputs) = (*execution, workflow.clone(), inputs.clone());
    Some(Action::StartChild { execution, workflow, inputs, wait: false })
}

/// What an execution that was read back begins with: nobody is at its attempts any more.
/// Gives those attempts, too.
pub(crate) fn resume(scheduler: &mut Scheduler, now: Timestamp) -> (Turn, Vec<(StepRef, u32)>) {
    let mut turn = Turn { actions: scheduler.open_children(), ..Turn::default() };
    let attempts = scheduler.in_flight();
    for &(step, attempt) in &attempts {
        let lost = scheduler.apply(now, Input::AttemptLost { step, attempt });
        turn.events.extend(lost.events);
        turn.actions.extend(lost.actions);
    }
    // Also tells when to wake up next.
    let due = scheduler.apply(now, Input::Timer);
    turn.events.extend(due.events);
    turn.actions.extend(due.actions);
    turn.wake_at = due.wake_at;
    // An attempt that was started and given up within these turns is not begun at all.
    (turn, attempts)
}
