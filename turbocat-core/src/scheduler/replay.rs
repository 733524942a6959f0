//! Reads an execution back from its events, refusing what cannot have happened.

use std::fmt;

use super::Scheduler;
use super::state::{Progress, WorkList};
use crate::event::{Event, ExecutionStatus, Fact, StepRef, StepStatus, Work};
use crate::plan::{Kind, Plan};

/// An event that does not fit the ones before it, or the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayError {
    seq: u64,
    message: String,
}

impl ReplayError {
    /// The number of the event that does not fit.
    pub const fn seq(&self) -> u64 {
        self.seq
    }
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {} does not fit: {}", self.seq, self.message)
    }
}

impl std::error::Error for ReplayError {}

impl Scheduler {
    /// The execution that these events tell of. Nothing is started; [`in_flight`](Self::in_flight)
    /// tells which attempts nobody is at any more.
    ///
    /// # Errors
    /// If an event does not fit the plan or the events before it.
    pub fn replay<'a>(plan: &Plan, events: impl IntoIterator<Item = &'a Event>) -> Result<Self, ReplayError> {
        let mut scheduler = Self::empty(plan);
        for event in events {
            let error = |message| ReplayError { seq: event.seq, message };
            scheduler.fits(event).map_err(error)?;
            scheduler.evolve(event, None);
        }
        if scheduler.state.status == ExecutionStatus::Pending {
            return Err(ReplayError { seq: 1, message: "there are no events".to_owned() });
        }
        // At the end of a turn nothing is left to look at; what is ready stays ready.
        let work = std::mem::take(&mut scheduler.state.work);
        scheduler.state.work = WorkList { instant: work.instant, agents: work.agents, ..WorkList::default() };
        Ok(scheduler)
    }

    /// The attempts that were begun and have not ended.
    pub fn in_flight(&self) -> Vec<(StepRef, u32)> {
        let frames =
            std::iter::once(&self.state.root).chain(self.state.frames.values().map(|frame| &**frame));
        let mut found = Vec::new();
        for frame in frames {
            for (at, state) in frame.steps.iter().enumerate() {
                let step = StepRef { frame: frame.number, step: frame.base + at as u32 };
                if state.status == StepStatus::Running && self.asks_agent(step) {
                    found.push((step, state.attempt));
                }
            }
        }
        found
    }

    fn fits(&self, event: &Event) -> Result<(), String> {
        if event.seq != self.state.seq + 1 {
            return Err(format!("its number should be {}", self.state.seq + 1));
        }
        let first = matches!(event.fact, Fact::ExecutionStarted { .. });
        if first != (self.state.status == ExecutionStatus::Pending) {
            return Err("an execution starts once, first of all".to_owned());
        }
        if self.state.is_ended() {
            return Err("the execution has ended".to_owned());
        }
        match &event.fact {
            Fact::ExecutionStarted { .. }
            | Fact::ExecutionPaused { .. }
            | Fact::ExecutionResumed
            | Fact::CancelRequested { .. }
            | Fact::SignalReceived { .. } => Ok(()),
            Fact::ExecutionEnded { status, .. } => match self.state.root.unfinished {
                0 if status.is_ended() => Ok(()),
                0 => Err(format!("an execution does not end as {}", status.word())),
                _ => Err("the execution has unfinished steps".to_owned()),
            },
            Fact::AttemptStarted { step, attempt, .. } => {
                self.begins(*step, *attempt)?;
                if self.asks_agent(*step) { Ok(()) } else { Err("the step asks no agent".to_owned()) }
            }
            Fact::StepStarted { step, attempt, work, .. } => {
                self.begins(*step, *attempt)?;
                let fits = match (&**work, &self.plan.step(step.step).kind) {
                    (Work::Loop { items }, Kind::Loop(_)) => items.is_array(),
                    (Work::Parallel { required }, Kind::Parallel(fork)) => {
                        *required as usize <= fork.bodies.len()
                    }
                    (Work::Timer { .. }, Kind::Timer { .. })
                    | (Work::Signal { .. }, Kind::Signal { .. })
                    | (Work::Approval { .. }, Kind::Approval { .. }) => true,
                    (Work::Child { execution, .. }, Kind::Child { .. }) => {
                        !self.state.children.contains_key(execution)
                    }
                    _ => false,
                };
                if fits { Ok(()) } else { Err("the step does other work".to_owned()) }
            }
            Fact::UsageRecorded { step, attempt, .. } => match self.open_status(*step)? {
                StepStatus::Running if self.state.step(*step).attempt == *attempt => Ok(()),
                StepStatus::Running => Err("it is not the attempt that is being done".to_owned()),
                other => Err(format!("the step is {}", other.word())),
            },
            Fact::AttemptFailed { step, counts, .. } => match self.open_status(*step)? {
                StepStatus::Running | StepStatus::Waiting if !counts && !self.asks_agent(*step) => {
                    Err("the step asks no agent".to_owned())
                }
                StepStatus::Running | StepStatus::Waiting => self.nothing_open(*step),
                other => Err(format!("the step is {}", other.word())),
            },
            Fact::AttemptLost { step, attempt, .. } => match self.open_status(*step)? {
                StepStatus::Running if !self.asks_agent(*step) => Err("the step asks no agent".to_owned()),
                StepStatus::Running if *attempt != self.state.step(*step).attempt => {
                    Err("another attempt is being done".to_owned())
                }
                StepStatus::Running => Ok(()),
                other => Err(format!("the step is {}", other.word())),
            },
            Fact::StepCompleted { step, .. }
                if self.asks_agent(*step) && self.open_status(*step)? == StepStatus::Waiting =>
            {
                Err("the step asks a person".to_owned())
            }
            Fact::StepCompleted { step, .. } | Fact::StepFailed { step, .. } => {
                match self.open_status(*step)? {
                    StepStatus::Ready | StepStatus::Running | StepStatus::Retrying | StepStatus::Waiting => {
                        self.nothing_open(*step)
                    }
                    other => Err(format!("the step is {}", other.word())),
                }
            }
            Fact::StepSkipped { step, .. } => match self.open_status(*step)? {
                StepStatus::Pending | StepStatus::Ready => Ok(()),
                other => Err(format!("the step is {}", other.word())),
            },
            Fact::StepCancelled { step, .. } => match self.open_status(*step)? {
                StepStatus::Running | StepStatus::Retrying | StepStatus::Waiting => self.nothing_open(*step),
                other => Err(format!("the step is {}", other.word())),
            },
            Fact::SignalTaken { step, name } => {
                self.open_status(*step)?;
                if !matches!(self.state.progress(*step), Some(Progress::Signal(awaited)) if awaited == name) {
                    return Err("the step does not wait for it".to_owned());
                }
                if self.state.signals.contains_key(name) {
                    Ok(())
                } else {
                    Err("there is no such signal".to_owned())
                }
            }
            Fact::FrameOpened { frame, owner, index } => {
                let status = self.open_status(*owner)?;
                if status != StepStatus::Running {
                    return Err(format!("its owner is {}", status.word()));
                }
                if *frame != self.state.next_frame {
                    return Err(format!("its frame should be {}", self.state.next_frame));
                }
                let fits = match self.state.progress(*owner) {
                    Some(Progress::Loop(progress)) => {
                        *index == progress.next && (*index as usize) < progress.items().len()
                    }
                    Some(Progress::Parallel(progress)) => {
                        *index == progress.next && (*index as usize) < progress.outputs.len()
                    }
                    _ => false,
                };
                if fits { Ok(()) } else { Err("its owner opens no such frame".to_owned()) }
            }
            Fact::FrameClosed { frame, .. } => {
                let open = self.state.frames.get(frame).ok_or("the frame is not open")?;
                if open.unfinished > 0 { Err("the frame has unfinished steps".to_owned()) } else { Ok(()) }
            }
        }
    }

    fn asks_agent(&self, step: StepRef) -> bool {
        matches!(self.plan.step(step.step).kind, Kind::Agent { .. })
    }

    fn open_status(&self, step: StepRef) -> Result<StepStatus, String> {
        let state = self.state.find_step(step).ok_or("its step is not in an open frame")?;
        Ok(state.status)
    }

    fn begins(&self, step: StepRef, attempt: u32) -> Result<(), String> {
        let status = self.open_status(step)?;
        if !matches!(status, StepStatus::Ready | StepStatus::Retrying) {
            return Err(format!("the step is {}", status.word()));
        }
        if attempt != self.state.step(step).attempt.wrapping_add(1) {
            return Err("attempts are counted one by one".to_owned());
        }
        Ok(())
    }

    fn nothing_open(&self, step: StepRef) -> Result<(), String> {
        let open = match self.state.progress(step) {
            Some(Progress::Loop(progress)) => !progress.open.is_empty(),
            Some(Progress::Parallel(progress)) => !progress.open.is_empty(),
            _ => false,
        };
        if open { Err("the step has open frames".to_owned()) } else { Ok(()) }
    }
}
