//! Keeps account of steps and bodies while events are read, and notes what cannot be true.
//!
//! Written apart from the scheduler on purpose, from what is promised instead of from how it is
//! done: the two check each other.

use std::collections::BTreeMap;

use crate::definition::OnLost;
use crate::event::{Effect, Event, ExecutionStatus, Fact, FrameOutcome, SkipReason, StepRef, Work};
use crate::failure::FailureKind;
use crate::plan::{Kind, Plan, PlanStep};
use crate::time::Timestamp;

/// With this many lost attempts a step that does not ask fails.
const MOST_LOST: u32 = 100;

/// What is known of an execution so far.
pub(super) struct Ledger<'a> {
    plan: &'a Plan,
    frames: BTreeMap<u32, Body>,
    next_frame: u32,
    ended: bool,
    paused: bool,
    cancelled: bool,
    /// Attempts of agents that are being done.
    running: u32,
    signals: BTreeMap<Box<str>, u64>,
}

/// One opening of a body.
struct Body {
    first: u32,
    owner: Option<StepRef>,
    steps: Vec<Step>,
    /// Whether one of its steps failed it.
    failed: bool,
}

#[derive(Clone, Debug, Default)]
struct Step {
    attempt: u32,
    /// How many of its attempts were lost and count for no policy.
    lost: u32,
    stand: Stand,
    /// Bodies: how many are to be opened, were opened, are open.
    bodies: (u32, u32, u32),
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Stand {
    #[default]
    Fresh,
    Begun,
    /// It lost an attempt and asks a person whether to begin another.
    Asking,
    Pausing(Timestamp),
    Completed(Option<bool>),
    Failed,
    Skipped,
    Cancelled,
}

impl Stand {
    const fn is_ended(&self) -> bool {
        matches!(self, Self::Completed(_) | Self::Failed | Self::Skipped | Self::Cancelled)
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Fresh => "has not begun",
            Self::Begun => "is being done",
            Self::Asking => "asks about an attempt it lost",
            Self::Pausing(_) => "pauses between attempts",
            Self::Completed(_) => "has completed",
            Self::Failed => "has failed",
            Self::Skipped => "was skipped",
            Self::Cancelled => "was cancelled",
        }
    }
}

impl<'a> Ledger<'a> {
    pub(super) const fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            frames: BTreeMap::new(),
            next_frame: 1,
            ended: false,
            paused: false,
            cancelled: false,
            running: 0,
            signals: BTreeMap::new(),
        }
    }

    /// Enters an event and notes what is wrong with it. Its steps must be in the plan.
    pub(super) fn enter(&mut self, event: &Event, found: &mut Vec<String>) {
        if self.ended {
            found.push(format!("event {} comes after the end of the execution", event.seq));
            return;
        }
        if let Err(problem) = self.note(event) {
            found.push(format!("event {}: {problem}", event.seq));
        }
    }

    fn note(&mut self, event: &Event) -> Result<(), String> {
        match &event.fact {
            Fact::ExecutionStarted { .. } => {
                self.open(0, 0, None);
                Ok(())
            }
            Fact::AttemptStarted { step, attempt, .. } => {
                let before = self.begin(*step, *attempt, event.at);
                self.running += 1;
                before?;
                if !matches!(self.plan_of(*step).kind, Kind::Agent { .. }) {
                    return Err(format!("{} asks no agent", self.name(*step)));
                }
                let limit = self.plan.0.max_parallel;
                let over = self.running > limit;
                if over { Err(format!("more than {limit} attempts are being done at once")) } else { Ok(()) }
            }
            Fact::StepStarted { step, attempt, work, .. } => {
                self.begin(*step, *attempt, event.at)?;
                self.start_work(*step, work)
            }
            Fact::UsageRecorded { step, attempt, .. } => {
                self.is_at(*step, *attempt)?;
                match self.step_mut(*step)?.stand {
                    Stand::Begun => Ok(()),
                    _ => Err(format!("{} uses something, and nothing is being done", self.name(*step))),
                }
            }
            Fact::AttemptLost { step, attempt, .. } => {
                let name = self.name(*step);
                self.leave(*step, &[Stand::Begun], "loses an attempt", Stand::Asking)?;
                self.is_at(*step, *attempt)?;
                match self.on_lost(*step) {
                    Some(OnLost::Ask) => Ok(()),
                    _ => Err(format!("{name} asks about an attempt it lost, and is not to ask")),
                }
            }
            Fact::AttemptFailed { step, attempt, failure, retry_at, counts: false } => {
                let name = self.name(*step);
                let (from, most) = match self.on_lost(*step) {
                    Some(OnLost::Retry) => (Stand::Begun, MOST_LOST),
                    Some(OnLost::Ask) => (Stand::Asking, u32::MAX),
                    _ => return Err(format!("an attempt of {name} fails and does not count")),
                };
                self.leave(*step, &[from], "goes on after a loss", Stand::Pausing(*retry_at))?;
                self.is_at(*step, *attempt)?;
                let state = self.step_mut(*step)?;
                state.lost = state.lost.saturating_add(1);
                if state.lost >= most {
                    return Err(format!("{name} goes on after {most} attempts were lost"));
                }
                if failure.kind != FailureKind::LOST {
                    return Err(format!("an attempt of {name} does not count, and was not lost"));
                }
                if *retry_at != event.at {
                    return Err(format!("the attempt of {name} after a lost one does not begin at once"));
                }
                Ok(())
            }
            Fact::AttemptFailed { step, attempt, retry_at, .. } => {
                let name = self.name(*step);
                let plan = self.plan_of(*step);
                self.leave(*step, &[Stand::Begun], "fails an attempt", Stand::Pausing(*retry_at))?;
                self.is_at(*step, *attempt)?;
                if plan.retry.is_none() {
                    return Err(format!("{name} is to be tried again, and has no policy for that"));
                }
                if *retry_at < event.at {
                    return Err(format!("the next attempt of {name} is to begin in the past"));
                }
                Ok(())
            }
            Fact::StepCompleted { step, decision, .. } => {
                let end = Stand::Completed(decision.as_ref().map(|decision| decision.result));
                if matches!(self.plan_of(*step).kind, Kind::Condition(_) | Kind::Pass { .. }) {
                    self.dependencies_ended(*step)?;
                    return self.leave(*step, &[Stand::Fresh], "completes", end);
                }
                self.leave(*step, &[Stand::Begun], "completes", end)
            }
            Fact::StepFailed { step, effect, .. } => {
                self.dependencies_ended(*step)?;
                let stand = self.step(*step)?.stand.clone();
                let from = if stand.is_ended() { Stand::Begun } else { stand };
                self.leave(*step, &[from], "fails", Stand::Failed)?;
                if *effect == Effect::Fail {
                    self.body(step.frame)?.failed = true;
                }
                Ok(())
            }
            Fact::StepSkipped { step, reason } => {
                let stopped = matches!(**reason, SkipReason::Stopped { .. });
                let checked = if stopped { Ok(()) } else { self.dependencies_ended(*step) };
                let reason = self.skip_reason(*step, reason);
                self.leave(*step, &[Stand::Fresh], "is skipped", Stand::Skipped)?;
                checked.and(reason)
            }
            Fact::StepCancelled { step, .. } => {
                let stand = self.step(*step)?.stand.clone();
                let between = matches!(stand, Stand::Pausing(_) | Stand::Asking);
                let from = [if between { stand } else { Stand::Begun }];
                self.leave(*step, &from, "is cancelled", Stand::Cancelled)
            }
            Fact::FrameOpened { frame, owner, index } => self.open_body(*frame, *owner, *index),
            Fact::FrameClosed { frame, outcome } => self.close_body(*frame, outcome),
            Fact::SignalReceived { name, .. } => {
                *self.signals.entry(name.clone()).or_default() += 1;
                Ok(())
            }
            Fact::SignalTaken { step, name } => {
                self.step(*step)?;
                match self.signals.get_mut(name) {
                    Some(kept) if *kept > 0 => {
                        *kept -= 1;
                        Ok(())
                    }
                    _ => Err(format!("{} takes a signal `{name}` that nobody sent", self.name(*step))),
                }
            }
            Fact::ExecutionPaused { .. } => self.pause(true),
            Fact::ExecutionResumed => self.pause(false),
            Fact::CancelRequested { .. } => {
                self.cancelled = true;
                Ok(())
            }
            Fact::ExecutionEnded { status, failure, .. } => {
                self.ended = true;
                self.end(*status, failure.is_some())
            }
        }
    }

    fn pause(&mut self, paused: bool) -> Result<(), String> {
        if std::mem::replace(&mut self.paused, paused) != paused {
            return Ok(());
        }
        Err(if paused { "it is paused already" } else { "it is not paused" }.to_owned())
    }

    fn begin(&mut self, step: StepRef, attempt: u32, at: Timestamp) -> Result<(), String> {
        let name = self.name(step);
        let before = self.dependencies_ended(step);
        let most = self.plan_of(step).retry.as_ref().map_or(1, |retry| retry.max.saturating_add(1));
        let state = self.step_mut(step)?;
        let most = most.saturating_add(state.lost);
        let last = std::mem::replace(&mut state.attempt, attempt);
        let stand = std::mem::replace(&mut state.stand, Stand::Begun);
        state.bodies = (0, 0, 0);
        before?;
        match stand {
            Stand::Pausing(until) if at < until => {
                return Err(format!("attempt {attempt} of {name} begins before its pause is over"));
            }
            Stand::Fresh | Stand::Pausing(_) => {}
            other => return Err(format!("{name} begins, but {}", other.word())),
        }
        if attempt != last.wrapping_add(1) {
            return Err(format!("attempt {attempt} of {name} follows attempt {last}"));
        }
        if attempt > most {
            return Err(format!("attempt {attempt} of {name} begins, and its policy allows {most}"));
        }
        if self.paused {
            return Err(format!("{name} begins while the execution is paused"));
        }
        if self.cancelled {
            return Err(format!("{name} begins after the execution was cancelled"));
        }
        if self.body(step.frame)?.failed {
            return Err(format!("{name} begins after a step of the same body failed it"));
        }
        Ok(())
    }

    /// Whether it is this attempt that a step is at.
    fn is_at(&self, step: StepRef, attempt: u32) -> Result<(), String> {
        let began = self.step(step)?.attempt;
        if began == attempt {
            return Ok(());
        }
        let name = self.name(step);
        Err(format!("attempt {attempt} of {name} fails, but attempt {began} is being done"))
    }

    /// What the definition says about lost attempts of a step, if an agent does it.
    fn on_lost(&self, step: StepRef) -> Option<OnLost> {
        match &self.plan_of(step).kind {
            Kind::Agent { on_lost, .. } => Some(*on_lost),
            _ => None,
        }
    }

    fn start_work(&mut self, step: StepRef, work: &Work) -> Result<(), String> {
        let bodies = match (work, &self.plan_of(step).kind) {
            (Work::Loop { items }, Kind::Loop(_)) => items.as_array().map_or(0, Vec::len) as u32,
            (Work::Parallel { .. }, Kind::Parallel(fork)) => fork.bodies.len() as u32,
            (Work::Timer { .. }, Kind::Timer { .. })
            | (Work::Signal { .. }, Kind::Signal { .. })
            | (Work::Approval { .. }, Kind::Approval { .. })
            | (Work::Child { .. }, Kind::Child { .. }) => 0,
            _ => return Err(format!("{} begins work of another type", self.name(step))),
        };
        self.step_mut(step)?.bodies = (bodies, 0, 0);
        Ok(())
    }

    /// A step goes from one of these stands to another.
    fn leave(&mut self, step: StepRef, from: &[Stand], verb: &str, to: Stand) -> Result<(), String> {
        let name = self.name(step);
        let agent = matches!(self.plan_of(step).kind, Kind::Agent { .. });
        let state = self.step_mut(step)?;
        let open = state.bodies.2;
        let stand = std::mem::replace(&mut state.stand, to);
        if agent && stand == Stand::Begun {
            self.running = self.running.saturating_sub(1);
        }
        if !from.contains(&stand) {
            return Err(format!("{name} {verb}, but {}", stand.word()));
        }
        if open > 0 { Err(format!("{name} {verb} while {open} of its bodies are open")) } else { Ok(()) }
    }

    fn dependencies_ended(&self, step: StepRef) -> Result<(), String> {
        let body = self.frames.get(&step.frame).ok_or_else(|| self.closed(step))?;
        let row = &self.plan_of(step).dependencies;
        for &at in &self.plan.0.dependencies[row.start as usize..row.end as usize] {
            if body.step(at).is_some_and(|before| !before.stand.is_ended()) {
                let before = self.plan.key(at);
                return Err(format!("it is the turn of {} before `{before}` has ended", self.name(step)));
            }
        }
        Ok(())
    }

    /// Whether the reason a step was skipped for is true.
    fn skip_reason(&self, step: StepRef, reason: &SkipReason) -> Result<(), String> {
        let (other, fits) = match reason {
            SkipReason::BranchNotTaken { condition, branch } => {
                (*condition, self.step(*condition)?.stand == Stand::Completed(Some(!branch)))
            }
            SkipReason::Failed { dependency } => {
                (*dependency, self.step(*dependency)?.stand == Stand::Failed)
            }
            SkipReason::Skipped { dependency } if dependency == &step => return Ok(()),
            SkipReason::Skipped { dependency } => {
                let stand = &self.step(*dependency)?.stand;
                (*dependency, matches!(stand, Stand::Skipped | Stand::Cancelled))
            }
            SkipReason::Guard { .. } | SkipReason::Stopped { .. } => return Ok(()),
        };
        if fits {
            return Ok(());
        }
        let stand = self.step(other)?.stand.word();
        Err(format!("{} is skipped because of {}, which {stand}", self.name(step), self.name(other)))
    }

    fn open(&mut self, frame: u32, body: u32, owner: Option<StepRef>) {
        let range = self.plan.body(body).steps.clone();
        let steps = vec![Step::default(); range.len()];
        self.frames.insert(frame, Body { first: range.start, owner, steps, failed: false });
    }

    fn open_body(&mut self, frame: u32, owner: StepRef, index: u32) -> Result<(), String> {
        let name = self.name(owner);
        let expected = std::mem::replace(&mut self.next_frame, frame.saturating_add(1));
        let (body, limit) = match &self.plan_of(owner).kind {
            Kind::Loop(each) => (Some(each.body), each.max_parallel),
            Kind::Parallel(fork) => (fork.bodies.get(index as usize).copied(), u32::MAX),
            _ => (None, 0),
        };
        let body = body.ok_or_else(|| format!("{name} has no body number {index}"))?;
        self.open(frame, body, Some(owner));
        let state = self.step_mut(owner)?;
        let (count, opened, open) = state.bodies;
        state.bodies = (count, opened + 1, open + 1);
        if state.stand != Stand::Begun {
            return Err(format!("{name} opens a body, but {}", state.stand.word()));
        }
        if frame != expected {
            return Err(format!("body {frame} is opened, and the next number is {expected}"));
        }
        if index != opened || index >= count {
            return Err(format!("{name} opens body number {index} after {opened} of {count}"));
        }
        if open >= limit { Err(format!("{name} has more than {limit} bodies open at once")) } else { Ok(()) }
    }

    fn close_body(&mut self, frame: u32, outcome: &FrameOutcome) -> Result<(), String> {
        if frame == 0 {
            return Err("the execution itself is closed like a body".to_owned());
        }
        let body = self.frames.remove(&frame).ok_or_else(|| format!("body {frame} is not open"))?;
        if let Some(owner) = body.owner
            && let Ok(owner) = self.step_mut(owner)
        {
            owner.bodies.2 = owner.bodies.2.saturating_sub(1);
        }
        self.all_ended(&body).map_err(|step| format!("body {frame} is closed before {step} has ended"))?;
        if body.failed && matches!(outcome, FrameOutcome::Completed(_)) {
            return Err(format!("body {frame} completes, but one of its steps failed it"));
        }
        Ok(())
    }

    fn all_ended(&self, body: &Body) -> Result<(), String> {
        let open = body.steps.iter().position(|step| !step.stand.is_ended());
        open.map_or(Ok(()), |at| Err(format!("step `{}`", self.plan.path(body.first + at as u32))))
    }

    fn end(&self, status: ExecutionStatus, failure: bool) -> Result<(), String> {
        let Some(root) = self.frames.get(&0) else { return Ok(()) };
        self.all_ended(root).map_err(|step| format!("the execution ends before {step} has ended"))?;
        if let Some(open) = self.frames.keys().find(|frame| **frame != 0) {
            return Err(format!("the execution ends while body {open} is open"));
        }
        let failed = root.steps.iter().any(|step| step.stand == Stand::Failed);
        match status {
            ExecutionStatus::Pending | ExecutionStatus::Running => {
                Err(format!("the execution ends as {}", status.word()))
            }
            ExecutionStatus::Completed if failed => {
                Err("the execution completes, but a step failed".to_owned())
            }
            ExecutionStatus::Completed if failure => Err("the execution completes with a failure".to_owned()),
            ExecutionStatus::Failed if !failure => Err("the execution fails and does not say why".to_owned()),
            ExecutionStatus::Cancelled if !self.cancelled => Err("nobody cancelled the execution".to_owned()),
            _ => Ok(()),
        }
    }

    fn plan_of(&self, step: StepRef) -> &'a PlanStep {
        self.plan.step(step.step)
    }

    fn body(&mut self, frame: u32) -> Result<&mut Body, String> {
        self.frames.get_mut(&frame).ok_or_else(|| format!("body {frame} is not open"))
    }

    fn step(&self, step: StepRef) -> Result<&Step, String> {
        let state = self.frames.get(&step.frame).and_then(|body| body.step(step.step));
        state.ok_or_else(|| self.closed(step))
    }

    fn step_mut(&mut self, step: StepRef) -> Result<&mut Step, String> {
        let closed = self.closed(step);
        let body = self.frames.get_mut(&step.frame);
        let at = body.as_ref().and_then(|body| step.step.checked_sub(body.first));
        body.zip(at).and_then(|(body, at)| body.steps.get_mut(at as usize)).ok_or(closed)
    }

    fn closed(&self, step: StepRef) -> String {
        format!("{} is in a body that is not open", self.name(step))
    }

    fn name(&self, step: StepRef) -> String {
        let path = self.plan.path(step.step);
        if step.frame == 0 {
            format!("step `{path}`")
        } else {
            format!("step `{path}` of body {}", step.frame)
        }
    }
}

impl Body {
    fn step(&self, step: u32) -> Option<&Step> {
        self.steps.get(step.checked_sub(self.first)? as usize)
    }
}
