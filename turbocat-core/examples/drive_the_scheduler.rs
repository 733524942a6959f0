//! How do I run workflows without the engine: on another runtime, in a simulation, in a browser?
//!
//! The scheduler is a machine without clock, thread and I/O. It is told what happened and says
//! what became true and what is to be done; whoever drives it brings time, storage and workers.
//! Write the events down before doing the actions, and after a crash a replay goes on.
//!
//! ```text
//! cargo run --example drive_the_scheduler
//! ```
//!
//! Prints:
//! ```text
//! at     0 ms launch fetch, attempt 1
//! at   100 ms fetch failed; back at 1100 ms
//! at  1100 ms launch fetch, attempt 2
//! a crash; 4 events were written down, and attempt 2 of fetch was being done
//! at  5000 ms launch fetch, attempt 3
//! at  5100 ms launch store, attempt 1
//! completed: {"fetch":{"rows":3},"store":{"stored":3}}
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;

use serde_json::{Value, json};
use turbocat_core::{
    Action, AnyAgent, ExecutionId, Input, Plan, Scheduler, StepFailure, Timestamp, Turn, Workflow, compile,
};

const WORKFLOW: &str = "
steps:
  fetch: { agent: http, retry: { max: 3, delay: 1s, factor: 2, jitter: 0 } }
  store: { agent: database, inputs: { rows: '{{ fetch.rows }}' } }
outputs: { fetch: '{{ fetch }}', store: '{{ store }}' }
";

/// What a driver has to bring: the time, and a place to write events down.
struct Driver {
    now: i64,
    journal: Vec<Value>,
}

impl Driver {
    /// Writes the events of a turn down, then says what is to be done.
    fn act(&mut self, scheduler: &Scheduler, turn: &Turn) -> Vec<Action> {
        let plan = scheduler.plan();
        self.journal.extend(turn.events.iter().map(|event| plan.encode(event)));
        for action in &turn.actions {
            if let Action::Launch { step, attempt } = action {
                println!("at {:>5} ms launch {}, attempt {attempt}", self.now, scheduler.path(*step));
            }
        }
        turn.actions.clone()
    }

    /// Tells the scheduler something at this moment; gives when to come back, and what to do now.
    fn tell(&mut self, scheduler: &mut Scheduler, input: Input) -> (Option<Timestamp>, Vec<Action>) {
        let turn = scheduler.apply(Timestamp::from_millis(self.now), input);
        let actions = self.act(scheduler, &turn);
        (turn.wake_at, actions)
    }

    /// Says what failed and when to come back, and lets the time pass until then.
    fn sleep(&mut self, what: &str, until: Option<Timestamp>) {
        let until = until.map_or(self.now, Timestamp::as_millis);
        println!("at {:>5} ms {what}; back at {until} ms", self.now);
        self.now = until;
    }
}

fn launched(actions: &[Action]) -> Result<(turbocat_core::StepRef, u32), &'static str> {
    match actions {
        [Action::Launch { step, attempt }] => Ok((*step, *attempt)),
        _ => Err("nothing was launched"),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let plan: Plan = compile(&Workflow::from_yaml(WORKFLOW)?, &AnyAgent)?;
    let mut driver = Driver { now: 0, journal: Vec::new() };
    let id: ExecutionId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
    let seed = 7; // where the jitter of pauses comes from: the same seed, the same events

    let (mut scheduler, turn) =
        Scheduler::start(&plan, id, Timestamp::from_millis(driver.now), seed, json!({}))?;
    let (step, attempt) = launched(&driver.act(&scheduler, &turn))?;

    // The agent fails; there will be another attempt, after a pause.
    driver.now = 100;
    let failure = StepFailure::error("connection refused");
    let (until, _) = driver.tell(&mut scheduler, Input::AttemptFailed { step, attempt, failure });
    driver.sleep("fetch failed", until);
    driver.tell(&mut scheduler, Input::Timer);

    // The program dies while an attempt is being done. All that is left is the journal.
    drop(scheduler);
    let events = driver.journal.iter().map(|event| plan.decode(event)).collect::<Result<Vec<_>, _>>()?;
    let mut scheduler = Scheduler::replay(&plan, &events)?;
    let in_flight = scheduler.in_flight();
    println!(
        "a crash; {} events were written down, and attempt {} of {} was being done",
        events.len(),
        in_flight[0].1,
        scheduler.path(in_flight[0].0)
    );

    // Nobody knows whether it acted. `onLost` decides; without it there is another attempt at once.
    driver.now = 5_000;
    let (step, attempt) = in_flight[0];
    let (_, actions) = driver.tell(&mut scheduler, Input::AttemptLost { step, attempt });
    let (step, attempt) = launched(&actions)?;

    driver.now += 100;
    let output = Arc::new(json!({ "rows": 3 }));
    let (_, actions) = driver.tell(&mut scheduler, Input::AttemptCompleted { step, attempt, output });
    let (step, attempt) = launched(&actions)?;

    // The inputs of an attempt are not recorded: they follow from what is.
    let inputs = scheduler.attempt(step, None).map_err(|failure| failure.to_string())?.inputs;
    let output = Arc::new(json!({ "stored": inputs["rows"] }));
    driver.tell(&mut scheduler, Input::AttemptCompleted { step, attempt, output });
    println!("{}: {}", scheduler.status().word(), scheduler.output());
    Ok(())
}
