//! How an execution stands: everything that `evolve` changes and everybody else only reads.
//!
//! Flat where the hot path goes: one row of steps a frame, indices instead of names. What is rare
//! (failures, reasons, waits, loops in progress) stands aside in a box.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::ready::ReadySet;
use crate::event::{Decision, ExecutionStatus, SkipReason, StepRef, StepStatus, StopReason};
use crate::failure::StepFailure;
use crate::plan::Plan;
use crate::template::Explanation;
use crate::time::{ExecutionId, Timestamp};
use crate::usage::Usage;

/// The state of one execution.
#[derive(Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) seq: u64,
    pub(crate) id: ExecutionId,
    pub(crate) status: ExecutionStatus,
    pub(crate) inputs: Arc<Value>,
    pub(crate) metadata: Arc<Value>,
    pub(crate) seed: u64,
    pub(crate) started: Timestamp,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) paused: bool,
    pub(crate) root: Frame,
    /// All other open frames by number.
    pub(crate) frames: BTreeMap<u32, Box<Frame>>,
    pub(crate) next_frame: u32,
    /// Attempts that are being done.
    pub(crate) running: u32,
    /// Nested workflows that are waited for.
    pub(crate) children: BTreeMap<ExecutionId, StepRef>,
    /// Steps that wait for a moment, a signal or a person.
    pub(crate) waits: u32,
    /// Pauses before further attempts.
    pub(crate) retries: BTreeSet<(Timestamp, StepRef)>,
    pub(crate) alarms: BTreeSet<(Timestamp, Alarm)>,
    /// Signals that nobody waited for yet.
    pub(crate) signals: BTreeMap<Box<str>, VecDeque<Arc<Value>>>,
    pub(crate) kept_signals: usize,
    /// Steps that wait for a signal.
    pub(crate) listeners: BTreeMap<Box<str>, BTreeSet<StepRef>>,
    pub(crate) clock: WorkClock,
    pub(crate) output: Option<Arc<Value>>,
    pub(crate) failure: Option<Box<StepFailure>>,
    /// What its attempts used, if something.
    pub(crate) spent: Option<Box<Spent>>,
    pub(crate) work: WorkList,
}

/// What the attempts of an execution used.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Spent {
    pub(crate) total: Usage,
    /// By the step's index in the plan, all its frames together.
    pub(crate) by_step: BTreeMap<u32, Usage>,
    /// What had been used when it was resumed last, and counts no more against the budget.
    pub(crate) before: Usage,
}

/// What `settle` has to look at, noted by `evolve`. Empty between turns.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct WorkList {
    /// Frames in which a step failed.
    pub(crate) failing: BTreeSet<u32>,
    /// Loops and parallel steps of which a frame was closed.
    pub(crate) moved: BTreeSet<StepRef>,
    /// Frames all of whose steps ended.
    pub(crate) done: BTreeSet<u32>,
    /// Nested frames with steps that are ready and need no agent.
    pub(crate) instant: BTreeSet<u32>,
    /// Nested frames with steps that are ready for an agent.
    pub(crate) agents: BTreeSet<u32>,
}

/// How long an execution worked, not counting the times when it only waited.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct WorkClock {
    pub(crate) worked_ms: u64,
    pub(crate) since: Option<Timestamp>,
    pub(crate) alarm: Option<Timestamp>,
}

/// Something that happens at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Alarm {
    /// The execution took too long.
    Execution,
    /// A step's attempts took too long together.
    Deadline(StepRef),
    /// A loop, parallel step, wait or nested workflow took too long.
    Timeout(StepRef),
    /// A wait is over.
    Wait(StepRef),
}

/// One opening of a body.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Frame {
    pub(crate) number: u32,
    pub(crate) body: u32,
    /// The index of the body's first step.
    pub(crate) base: u32,
    pub(crate) owner: Option<StepRef>,
    /// Which item or branch.
    pub(crate) index: u32,
    pub(crate) item: Option<Arc<Value>>,
    /// The index of an iteration, for templates.
    pub(crate) index_value: Option<Arc<Value>>,
    pub(crate) steps: Vec<StepState>,
    /// Ready steps that need no agent.
    pub(crate) instant: ReadySet,
    /// Ready steps for agents.
    pub(crate) agents: ReadySet,
    pub(crate) unfinished: u32,
    /// The step whose failure fails the frame.
    pub(crate) failed_by: Option<u32>,
    /// Whether a step failed and the others went on.
    pub(crate) tainted: bool,
}

/// One step of a frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StepState {
    pub(crate) output: Option<Arc<Value>>,
    pub(crate) detail: Option<Box<Detail>>,
    pub(crate) started: Timestamp,
    pub(crate) ended: Timestamp,
    /// Dependencies that have not ended.
    pub(crate) blocked: u32,
    pub(crate) attempt: u32,
    pub(crate) status: StepStatus,
    pub(crate) before: Before,
}

/// How the steps before a step ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Before(u8);

impl Before {
    pub(crate) const COMPLETED: u8 = 1;
    pub(crate) const FAILED: u8 = 2;
    pub(crate) const SKIPPED: u8 = 4;
    /// A branch that leads here was taken.
    pub(crate) const LED: u8 = 8;

    pub(crate) const fn add(&mut self, bits: u8) {
        self.0 |= bits;
    }

    pub(crate) const fn has(self, bits: u8) -> bool {
        self.0 & bits != 0
    }
}

/// What is rare about a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Detail {
    pub(crate) why: Option<Box<Explanation>>,
    pub(crate) decision: Option<Box<Decision>>,
    pub(crate) failure: Option<Box<StepFailure>>,
    /// Why there is no further attempt.
    pub(crate) because: Box<str>,
    pub(crate) skip: Option<Box<SkipReason>>,
    pub(crate) stop: Option<Box<StopReason>>,
    pub(crate) retry_at: Option<Timestamp>,
    /// How many attempts were lost and do not count for the retry policy.
    pub(crate) lost: u32,
    /// What would happen to the step if it took too long.
    pub(crate) alarms: Vec<(Timestamp, Alarm)>,
    pub(crate) progress: Option<Progress>,
}

/// How far a step is that no agent is at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Progress {
    Loop(Box<LoopProgress>),
    Parallel(Box<ParallelProgress>),
    /// Until a moment.
    Timer(Timestamp),
    Signal(Box<str>),
    /// A person's answer, to an approval or to what becomes of a lost attempt.
    Approval(Box<str>),
    Child(ExecutionId),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LoopProgress {
    pub(crate) items: Arc<Value>,
    pub(crate) next: u32,
    pub(crate) open: BTreeSet<u32>,
    /// What the loop will have given, with null for what is still to come: handed on as it is when
    /// all are done. Shared with nobody before.
    pub(crate) output: Arc<Value>,
    pub(crate) failed: Option<(u32, Box<StepFailure>)>,
    pub(crate) tainted: bool,
}

impl LoopProgress {
    pub(crate) fn new(items: Arc<Value>) -> Self {
        let count = items.as_array().map_or(0, Vec::len);
        let mut output = Map::with_capacity(3);
        output.insert("itemCount".to_owned(), count.into());
        output.insert("loopCompleted".to_owned(), true.into());
        output.insert("results".to_owned(), Value::Array(vec![Value::Null; count]));
        Self {
            items,
            next: 0,
            open: BTreeSet::new(),
            output: Arc::new(Value::Object(output)),
            failed: None,
            tainted: false,
        }
    }

    /// The result of one item.
    pub(crate) fn result_mut(&mut self, index: u32) -> Option<&mut Value> {
        Arc::make_mut(&mut self.output).get_mut("results")?.get_mut(index as usize)
    }

    pub(crate) fn items(&self) -> &[Value] {
        self.items.as_array().map_or(&[], Vec::as_slice)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ParallelProgress {
    pub(crate) required: u32,
    pub(crate) open: BTreeSet<u32>,
    pub(crate) next: u32,
    pub(crate) completed: u32,
    pub(crate) failed: u32,
    pub(crate) outputs: Vec<Option<Arc<Value>>>,
    pub(crate) last_failure: Option<(u32, Box<StepFailure>)>,
    pub(crate) tainted: bool,
}

impl State {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            seq: 0,
            id: ExecutionId::from_uuid(uuid::Uuid::nil()),
            status: ExecutionStatus::Pending,
            inputs: plan.0.empty.clone(),
            metadata: plan.0.empty.clone(),
            seed: 0,
            started: Timestamp::default(),
            ended: None,
            paused: false,
            root: Frame::default(),
            frames: BTreeMap::new(),
            next_frame: 1,
            running: 0,
            children: BTreeMap::new(),
            waits: 0,
            retries: BTreeSet::new(),
            alarms: BTreeSet::new(),
            signals: BTreeMap::new(),
            kept_signals: 0,
            listeners: BTreeMap::new(),
            clock: WorkClock::default(),
            output: None,
            failure: None,
            spent: None,
            work: WorkList::default(),
        }
    }

    /// A frame that is open.
    ///
    /// # Panics
    /// If it is not: whoever asks has just been told of it.
    pub(crate) fn frame(&self, number: u32) -> &Frame {
        self.find_frame(number).unwrap_or_else(|| panic!("frame {number} is not open"))
    }

    pub(crate) fn find_frame(&self, number: u32) -> Option<&Frame> {
        if number == 0 { Some(&self.root) } else { self.frames.get(&number).map(|frame| &**frame) }
    }

    pub(crate) fn frame_mut(&mut self, number: u32) -> &mut Frame {
        if number == 0 {
            return &mut self.root;
        }
        self.frames.get_mut(&number).unwrap_or_else(|| panic!("frame {number} is not open"))
    }

    pub(crate) fn step(&self, step: StepRef) -> &StepState {
        self.frame(step.frame).step(step.step)
    }

    /// The state of a step, if its frame is open and has such a step.
    pub(crate) fn find_step(&self, step: StepRef) -> Option<&StepState> {
        let frame = self.find_frame(step.frame)?;
        frame.steps.get(step.step.checked_sub(frame.base)? as usize)
    }

    pub(crate) fn step_mut(&mut self, step: StepRef) -> &mut StepState {
        self.frame_mut(step.frame).step_mut(step.step)
    }

    pub(crate) fn progress(&self, step: StepRef) -> Option<&Progress> {
        self.step(step).detail.as_ref()?.progress.as_ref()
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.status.is_ended()
    }
}

impl Frame {
    /// A frame of a body, nothing begun; the steps that nothing comes before are ready.
    pub(crate) fn open(plan: &Plan, body: u32, number: u32, spare: Option<Box<Self>>) -> Box<Self> {
        let parts = plan.body(body);
        let mut frame = spare.unwrap_or_default();
        if frame.steps.len() == parts.blocked.len() {
            frame.instant.clear();
            frame.agents.clear();
        } else {
            frame.instant = ReadySet::new(parts.blocked.len());
            frame.agents = ReadySet::new(parts.blocked.len());
        }
        let fresh = |blocked: &u32| StepState { blocked: *blocked, ..StepState::EMPTY };
        frame.steps.clear();
        frame.steps.extend(parts.blocked.iter().map(fresh));
        frame.number = number;
        frame.body = body;
        frame.base = parts.steps.start;
        frame.owner = None;
        frame.index = 0;
        frame.item = None;
        frame.index_value = None;
        frame.unfinished = parts.blocked.len() as u32;
        frame.failed_by = None;
        frame.tainted = false;
        frame
    }

    pub(crate) fn step(&self, step: u32) -> &StepState {
        &self.steps[(step - self.base) as usize]
    }

    pub(crate) fn step_mut(&mut self, step: u32) -> &mut StepState {
        &mut self.steps[(step - self.base) as usize]
    }
}

impl StepState {
    const EMPTY: Self = Self {
        output: None,
        detail: None,
        started: Timestamp::from_millis(0),
        ended: Timestamp::from_millis(0),
        blocked: 0,
        attempt: 0,
        status: StepStatus::Pending,
        before: Before(0),
    };

    /// How many attempts were lost and do not count for the retry policy.
    pub(crate) fn lost(&self) -> u32 {
        self.detail.as_ref().map_or(0, |detail| detail.lost)
    }

    pub(crate) fn detail_mut(&mut self) -> &mut Detail {
        self.detail.get_or_insert_default()
    }
}
