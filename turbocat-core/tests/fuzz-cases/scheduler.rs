//! Any workflow, told anything in any order: nothing panics, what was recorded replays to the same
//! state, and an end is an end.

use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};
use turbocat_core::{
    Action, AnyAgent, Approval, ChildOutcome, Event, ExecutionId, ExecutionStatus, Input, Plan, Scheduler,
    StepFailure, StepRef, StepStatus, Timestamp, Turn, Workflow, compile,
};

/// How many inputs an execution is told.
const INPUTS: usize = 80;
/// From how many events on an execution is replayed at its end only.
const MANY: usize = 120;

/// Makes a workflow and an execution's life out of bytes.
pub(crate) fn check(data: &[u8]) {
    // what runs out of bytes goes on with zeroes
    let _ = live(&mut Unstructured::new(data));
}

fn live(bytes: &mut Unstructured<'_>) -> Result<()> {
    let definition = workflow(bytes)?;
    let Ok(workflow) = Workflow::from_value(&definition) else { return Ok(()) };
    let Ok(plan) = compile(&workflow, &AnyAgent) else { return Ok(()) };
    let mut now = if bytes.ratio(1, 8)? { bytes.arbitrary()? } else { 1_000_000 };
    let id = ExecutionId::from_uuid(uuid::Uuid::from_u128(7));
    let inputs = json!({ "items": [1, 2], "flag": bytes.arbitrary::<bool>()?, "n": 2, "f": 0.1 });
    let (scheduler, turn) =
        Scheduler::start(&plan, id, Timestamp::from_millis(now), bytes.arbitrary()?, inputs)
            .unwrap_or_else(|mistakes| panic!("nothing is declared, and yet: {mistakes}"));
    let mut life =
        Life { plan: plan.clone(), scheduler, events: Vec::new(), children: Vec::new(), wake_at: None };
    life.took(turn, now);
    let mut last = Input::Timer;
    for _ in 0..INPUTS {
        if bytes.is_empty() {
            break;
        }
        now = time(bytes, now, life.wake_at)?;
        let input = if bytes.ratio(1, 12)? { last } else { life.input(bytes)? };
        last = input.clone();
        life.tell(now, input);
        life.look(StepRef { frame: small(bytes)?, step: small(bytes)? });
    }
    life.ends(now);
    Ok(())
}

fn time(bytes: &mut Unstructured<'_>, now: i64, wake_at: Option<Timestamp>) -> Result<i64> {
    Ok(match bytes.int_in_range(0..=15)? {
        0 => bytes.arbitrary()?,
        1 => *bytes.choose(&[i64::MIN, i64::MAX, 0, -1])?,
        2..=6 => wake_at.map_or(now, Timestamp::as_millis),
        7..=9 => now.saturating_add(bytes.int_in_range(0..=100_000)?),
        10 => now.saturating_sub(bytes.int_in_range(0..=100_000)?),
        _ => now,
    })
}

/// A number that is often in range.
fn small(bytes: &mut Unstructured<'_>) -> Result<u32> {
    Ok(if bytes.ratio(1, 10)? { bytes.arbitrary()? } else { bytes.int_in_range(0..=12)? })
}

/// An execution with all that was recorded of it.
struct Life {
    plan: Plan,
    scheduler: Scheduler,
    events: Vec<Event>,
    children: Vec<ExecutionId>,
    wake_at: Option<Timestamp>,
}

impl Life {
    fn tell(&mut self, now: i64, input: Input) {
        let ended = self.scheduler.status().is_ended();
        let turn = self.scheduler.apply(Timestamp::from_millis(now), input);
        if ended {
            assert_eq!(turn, Turn::default(), "something happened after the end");
        }
        self.took(turn, now);
    }

    /// Notes what a turn says and looks whether it holds.
    fn took(&mut self, turn: Turn, now: i64) {
        assert!(!turn.events.is_empty() || turn.actions.is_empty(), "actions without events");
        for event in turn.events {
            assert_eq!(event.seq, self.events.len() as u64 + 1, "the events have a gap");
            assert_eq!(event.at.as_millis(), now);
            self.events.push(event);
        }
        assert_eq!(self.scheduler.seq(), self.events.len() as u64);
        let in_flight = self.scheduler.in_flight();
        for action in &turn.actions {
            match action {
                Action::Launch { step, attempt } if in_flight.contains(&(*step, *attempt)) => {
                    let _ = self.scheduler.attempt(*step, None);
                    assert_eq!(self.scheduler.agent(*step), Some("echo"));
                    assert_eq!(self.scheduler.find(&self.scheduler.path(*step)), Some(*step));
                }
                Action::Launch { step, .. } | Action::Abort { step, .. } => self.look(*step),
                Action::StartChild { execution, .. } => self.children.push(*execution),
                _ => {}
            }
        }
        self.wake_at = turn.wake_at;
        if self.events.len() < MANY {
            self.replays();
        }
    }

    /// Asks all there is to ask of a step that may not exist.
    fn look(&self, step: StepRef) {
        let scheduler = &self.scheduler;
        let _ = (scheduler.step_status(step), scheduler.is_waiting_for_approval(step), scheduler.agent(step));
        let _ = (scheduler.wants_secrets(step), scheduler.secrets(step), scheduler.attempt_timeout(step));
        let _ = scheduler.attempt(step, None);
        if let Some(explanation) = scheduler.explain(&scheduler.path(step)) {
            assert!(!explanation.to_string().is_empty());
        }
    }

    /// What was written down is read back as the same, and tells of the same execution.
    fn replays(&self) {
        let read = |event: &Event| {
            let text = self.plan.encode(event).to_string();
            let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            let read = self.plan.decode(&value).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(&read, event, "{text}");
            read
        };
        let events: Vec<Event> = self.events.iter().map(read).collect();
        let replayed = Scheduler::replay(&self.plan, &events);
        let replayed = replayed.unwrap_or_else(|error| panic!("{error}: {:#?}", self.events));
        assert!(replayed.stands_like(&self.scheduler), "{replayed:#?}\n{:#?}", self.scheduler);
        assert_eq!(replayed.output(), self.scheduler.output());
        assert_eq!(replayed.in_flight(), self.scheduler.in_flight());
    }

    fn input(&self, bytes: &mut Unstructured<'_>) -> Result<Input> {
        let in_flight = self.scheduler.in_flight();
        let (step, attempt) = if in_flight.is_empty() || bytes.ratio(1, 8)? {
            (StepRef { frame: small(bytes)?, step: small(bytes)? }, small(bytes)?)
        } else {
            let (step, attempt) = *bytes.choose(&in_flight)?;
            (step, if bytes.ratio(1, 10)? { small(bytes)? } else { attempt })
        };
        Ok(match bytes.int_in_range(0..=23)? {
            0..=6 => Input::AttemptCompleted { step, attempt, output: Arc::new(output(bytes)?) },
            7..=9 => Input::AttemptFailed { step, attempt, failure: failure(bytes)? },
            10 => Input::AttemptLost { step, attempt },
            11..=14 => Input::Timer,
            15..=16 => Input::Signal {
                name: (*bytes.choose(&["go", "stop", ""])?).into(),
                payload: Arc::new(output(bytes)?),
            },
            17..=18 => {
                let approval =
                    Approval { approved: bytes.arbitrary()?, by: None, comment: Some("well".to_owned()) };
                Input::Approval { step: StepRef { frame: small(bytes)?, step: small(bytes)? }, approval }
            }
            19..=20 => {
                let unknown = ExecutionId::from_uuid(uuid::Uuid::from_u128(bytes.arbitrary()?));
                let execution =
                    if self.children.is_empty() { unknown } else { *bytes.choose(&self.children)? };
                let status = *bytes.choose(&[
                    ExecutionStatus::Completed,
                    ExecutionStatus::Failed,
                    ExecutionStatus::Cancelled,
                    ExecutionStatus::Running,
                ])?;
                let failure = if bytes.arbitrary()? { Some(failure(bytes)?) } else { None };
                Input::ChildEnded {
                    execution,
                    outcome: ChildOutcome { status, output: Arc::new(output(bytes)?), failure, usage: None },
                }
            }
            21 => Input::Pause { reason: "wait".into() },
            22 => Input::Resume,
            _ if bytes.ratio(1, 4)? => Input::Cancel { reason: "enough".into() },
            _ => Input::Timer,
        })
    }

    /// Told what it waits for, an execution that is not held up ends; told to end, any does.
    fn ends(&mut self, mut now: i64) {
        self.replays();
        if now < i64::MAX / 4 && now > i64::MIN / 4 {
            self.tell(now, Input::Resume);
            for _ in 0..400 {
                if self.scheduler.status().is_ended() {
                    break;
                }
                if let Some(input) = self.next_news() {
                    self.tell(now, input);
                    continue;
                }
                // what waits for a signal or a person may wait for ever
                let Some(at) = self.wake_at else { break };
                now = now.max(at.as_millis());
                self.tell(now, Input::Timer);
            }
            let waits = self.scheduler.steps().any(|step| {
                matches!(step.status, StepStatus::Waiting | StepStatus::Running | StepStatus::Retrying)
            });
            assert!(self.scheduler.status().is_ended() || waits, "it stands still: {:#?}", self.scheduler);
        }
        self.tell(now, Input::Cancel { reason: "enough".into() });
        assert!(self.scheduler.status().is_ended(), "it goes on when it is cancelled");
        assert_eq!(self.scheduler.in_flight(), []);
        assert!(self.scheduler.steps().all(|step| step.status.is_ended()), "a step is left open");
        self.replays();
        for input in [Input::Timer, Input::Resume, Input::Cancel { reason: "again".into() }] {
            self.tell(now, input);
        }
        for step in self.scheduler.steps() {
            assert!(self.scheduler.explain(&step.path).is_some_and(|told| !told.to_string().is_empty()));
        }
        let _ = (self.scheduler.output(), self.scheduler.failure());
    }

    fn next_news(&self) -> Option<Input> {
        if let Some(&(step, attempt)) = self.scheduler.in_flight().first() {
            return Some(Input::AttemptCompleted { step, attempt, output: Arc::new(json!({ "ok": true })) });
        }
        None
    }
}

fn output(bytes: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match bytes.int_in_range(0..=9)? {
        0 => Value::Null,
        1 => json!("text"),
        2 => json!([1, [2], { "a": null }]),
        3 => json!(bytes.arbitrary::<u64>()?),
        4 => json!(bytes.arbitrary::<f64>()?),
        5 => json!(bytes.arbitrary::<i64>()?),
        6 => json!({ "ok": false, "items": [1, 2, 3], "type": "attemptStarted", "step": 1 }),
        _ => json!({ "ok": true, "items": [1], "n": 3 }),
    })
}

fn failure(bytes: &mut Unstructured<'_>) -> Result<StepFailure> {
    let kinds = ["timeout", "http.503", "template", "error", ""];
    let kind = turbocat_core::FailureKind::new(*bytes.choose(&kinds)?);
    let mut failure = StepFailure::new(kind, "it broke");
    failure.retryable = bytes.arbitrary()?;
    if bytes.ratio(1, 6)? {
        failure.retry_after =
            Some(std::time::Duration::new(bytes.arbitrary()?, bytes.int_in_range(0..=999_999_999)?));
    }
    if bytes.ratio(1, 6)? {
        failure.detail = Some(Box::new(output(bytes)?));
    }
    Ok(failure)
}

/// A definition of a few steps of every kind.
fn workflow(bytes: &mut Unstructured<'_>) -> Result<Value> {
    let mut definition = json!({ "name": "any", "steps": steps(bytes, 0)? });
    if bytes.ratio(1, 4)? {
        definition["timeout"] = duration(bytes)?;
    }
    if bytes.ratio(1, 3)? {
        definition["maxParallel"] = json!(bytes.int_in_range(1..=3)?);
    }
    if bytes.ratio(1, 6)? {
        let outputs = [json!({ "a": "{{ a }}", "n": "{{ inputs.n }}" }), json!("{{ a | default(none) }}")];
        definition["outputs"] = bytes.choose(&outputs)?.clone();
    }
    Ok(definition)
}

const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn steps(bytes: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    let count = bytes.int_in_range(1..=if depth == 0 { 6 } else { 3 })?;
    let mut all = Map::new();
    for (at, key) in KEYS.iter().enumerate().take(count) {
        all.insert((*key).to_owned(), step(bytes, depth, at, count)?);
    }
    Ok(Value::Object(all))
}

fn duration(bytes: &mut Unstructured<'_>) -> Result<Value> {
    Ok(json!(*bytes.choose(&["0ms", "1ms", "5s", "1h", "36500d"])?))
}

fn step(bytes: &mut Unstructured<'_>, depth: usize, at: usize, count: usize) -> Result<Value> {
    let kinds = if depth < 3 { 13 } else { 9 };
    let mut made = match bytes.int_in_range(0..=kinds)? {
        0..=1 => json!({ "agent": "echo" }),
        2 => json!({ "agent": "echo", "onLost": "ask" }),
        3 => json!({ "agent": "echo", "onLost": "fail" }),
        4 => json!({ "type": "agent", "inputs": value(bytes, at)? }),
        5 => {
            let mut ways = [Vec::new(), Vec::new()];
            for later in KEYS.iter().take(count).skip(at + 1) {
                if bytes.arbitrary()? {
                    ways[usize::from(bytes.arbitrary::<bool>()?)].push(later);
                }
            }
            json!({ "condition": truth(bytes, at)?, "then": ways[0], "else": ways[1] })
        }
        6 => json!({ "wait": { "for": duration(bytes)? } }),
        7 => match bytes.int_in_range(0..=3)? {
            0 => json!({ "wait": { "until": *bytes.choose(&[i64::MIN, i64::MAX, 0, 1_005_000, -1])? } }),
            1 => json!({ "wait": { "signal": "go", "onTimeout": "continue" }, "timeout": duration(bytes)? }),
            _ => json!({ "wait": { "signal": *bytes.choose(&["go", "stop"])? } }),
        },
        8 => match bytes.int_in_range(0..=3)? {
            0 => json!({ "wait": { "approval": "May I?" } }),
            way => {
                let way = ["continue", "approve", "reject"][way as usize - 1];
                json!({ "wait": { "approval": "May I?", "onTimeout": way }, "timeout": duration(bytes)? })
            }
        },
        9 => {
            json!({ "workflow": "other", "inputs": { "n": value(bytes, at)? }, "waitForCompletion": bytes.arbitrary::<bool>()? })
        }
        10 | 11 => {
            let items =
                *bytes.choose(&["{{ inputs.items }}", "{{ range(3) }}", "{{ [] }}", "{{ a.items }}"])?;
            let mut each = json!({ "loop": items, "maxParallel": bytes.int_in_range(1..=3)?, "steps": steps(bytes, depth + 1)? });
            if bytes.ratio(1, 4)? {
                each["output"] = json!(*bytes.choose(&["{{ item }}", "{{ a.missing }}", "{{ index }}"])?);
            }
            if bytes.ratio(1, 8)? {
                each["maxIterations"] = json!(1);
            }
            each
        }
        _ => {
            let mut branches = Map::new();
            for key in ["x", "y", "z"].iter().take(bytes.int_in_range(1..=3)?) {
                let branch = if bytes.arbitrary()? {
                    json!({ "steps": steps(bytes, depth + 1)? })
                } else {
                    step(bytes, depth + 1, 0, 1)?
                };
                branches.insert((*key).to_owned(), branch);
            }
            let join = bytes.choose(&[json!("all"), json!("any"), json!(1), json!(2)])?.clone();
            json!({ "parallel": { "branches": branches, "join": join } })
        }
    };
    policy(bytes, &mut made, at)?;
    Ok(made)
}

/// What any step may have besides.
fn policy(bytes: &mut Unstructured<'_>, step: &mut Value, at: usize) -> Result<()> {
    let flags: u8 = bytes.arbitrary()?;
    if flags & 1 != 0 && at > 0 {
        let before: Vec<&str> =
            KEYS[..at].iter().copied().filter(|_| bytes.arbitrary().unwrap_or(false)).collect();
        step["dependsOn"] = json!(before);
    }
    match flags >> 1 & 3 {
        1 => step["onError"] = json!("continue"),
        2 => {
            step["retry"] = json!({
                "max": bytes.int_in_range(0..=2)?,
                "delay": *bytes.choose(&["0ms", "1s", "1d"])?,
                "maxDelay": "2d",
                "jitter": *bytes.choose(&[0.0, 0.5, 1.0])?,
                "then": *bytes.choose(&["continue", "fail"])?,
                "on": if bytes.arbitrary()? { json!(["*", "lost"]) } else { json!([]) },
            });
        }
        _ => {}
    }
    if flags & 8 != 0 {
        step["needs"] = json!(*bytes.choose(&["succeeded", "any", "finished"])?);
    }
    if flags & 16 != 0 {
        step["when"] = json!(truth(bytes, at)?);
    }
    if flags & 32 != 0 && step.get("timeout").is_none() {
        step["timeout"] = duration(bytes)?;
    }
    if flags & 64 != 0 {
        step["deadline"] = duration(bytes)?;
    }
    if flags & 128 != 0 {
        step["outputs"] =
            json!({ "more": *bytes.choose(&["{{ result.ok }}", "{{ result }}", "{{ inputs.n }}"])? });
    }
    Ok(())
}

fn truth(bytes: &mut Unstructured<'_>, at: usize) -> Result<String> {
    let before = KEYS[at.saturating_sub(1)];
    Ok(match bytes.int_in_range(0..=5)? {
        0 => "true".to_owned(),
        1 => "false".to_owned(),
        2 => "{{ inputs.flag }}".to_owned(),
        3 => "{{ inputs.n / 0 > 1 }}".to_owned(),
        _ if at == 0 => "{{ inputs.items | length > 1 }}".to_owned(),
        4 => format!("{{{{ {before}.ok }}}}"),
        _ => format!("{{{{ {before} is none or {before}.n | default(0) > 2 }}}}"),
    })
}

fn value(bytes: &mut Unstructured<'_>, at: usize) -> Result<Value> {
    Ok(match bytes.int_in_range(0..=4)? {
        0 => json!({ "ok": true, "items": [1, 2] }),
        1 => json!("{{ inputs.f * 3 }}"),
        2 => json!("{{ inputs.missing }}"),
        3 if at > 0 => json!({ "before": format!("{{{{ {} }}}}", KEYS[at - 1]) }),
        _ => json!("{{ metadata }}"),
    })
}
