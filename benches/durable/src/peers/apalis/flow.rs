//! The workflows, the same for each database: their types hold that of the storage, so a macro writes them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::contestant::Result;

/// What an execution is given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// By which its caller is told.
    pub(crate) id: u64,
    pub(crate) first: i64,
    pub(crate) second: i64,
}

impl Job {
    /// What a step of an execution does.
    pub(crate) fn add_one(self) -> Self {
        Self { first: self.first + 1, ..self }
    }
}

/// The value between two steps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Made {
    pub(crate) id: u64,
    pub(crate) value: String,
}

/// Which workflow.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Chain,
    Execution,
    Map,
    Payload,
}

impl Kind {
    pub(crate) const COUNT: usize = 4;
}

/// Queues a job.
pub(crate) type Push = Box<dyn Fn(Job) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// Callers, by the job that they wait for.
#[derive(Clone, Default)]
pub(crate) struct Waiting(Arc<Mutex<HashMap<u64, Caller>>>);

struct Caller {
    told: oneshot::Sender<[i64; 2]>,
    /// Steps that ran for it, where no value is handed on.
    steps: i64,
}

impl Waiting {
    pub(crate) fn wait_for(&self, id: u64) -> oneshot::Receiver<[i64; 2]> {
        let (told, receiver) = oneshot::channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Caller { told, steps: 0 });
        receiver
    }

    /// Counts a step and yields how many there were.
    pub(crate) fn count_step(&self, id: u64) -> i64 {
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        callers.get_mut(&id).map_or(0, |caller| {
            caller.steps += 1;
            caller.steps
        })
    }

    pub(crate) fn tell(&self, id: u64, output: [i64; 2]) {
        let caller = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let Some(caller) = caller {
            // Whoever no longer waits need not be told.
            let _ = caller.told.send(output);
        }
    }
}

/// Starts the worker of a workflow and yields how jobs are pushed to it.
macro_rules! start {
    ($backend:expr, $kind:expr, $waiting:expr, $stop:expr) => {{
        use ::apalis::prelude::*;
        use apalis_workflow::SteppedFlow;
        use apalis_workflow::sequential::repeat_until::RepeaterState;
        use $crate::payload::{Digest, value};
        use $crate::peers::apalis::flow::{Job, Kind, Made, Push};

        let (backend, waiting, mut stop) = ($backend, $waiting.clone(), $stop);
        macro_rules! run {
            ($flow:expr) => {{
                let builder = WorkerBuilder::new(format!("{:?}", $kind)).backend(backend.clone());
                let worker = builder.concurrency(64).build($flow);
                tokio::spawn(worker.run_until(async move {
                    // That nobody is left to stop it stops it too.
                    let _ = stop.changed().await;
                    Ok::<_, std::io::Error>(())
                }));
            }};
        }
        match $kind {
            Kind::Chain => {
                run!(SteppedFlow::new("chain").repeat_until(move |job: Job, _: Meta<RepeaterState>| {
                    let waiting = waiting.clone();
                    async move {
                        let steps = waiting.count_step(job.id);
                        if steps < job.second {
                            return Ok::<_, BoxDynError>(None);
                        }
                        waiting.tell(job.id, [job.first + steps, 0]);
                        Ok(Some(job.first + steps))
                    }
                }))
            }
            Kind::Execution => run!(
                SteppedFlow::new("execution")
                    .and_then(|job: Job| async move { Ok::<_, BoxDynError>(job.add_one()) })
                    .and_then(|job: Job| async move { Ok::<_, BoxDynError>(job.add_one()) })
                    .and_then(|job: Job| async move { Ok::<_, BoxDynError>(job.add_one()) })
                    .and_then(|job: Job| async move { Ok::<_, BoxDynError>(job.add_one()) })
                    .and_then(move |job: Job| {
                        let waiting = waiting.clone();
                        async move {
                            let job = job.add_one();
                            waiting.tell(job.id, [job.first, 0]);
                            Ok::<_, BoxDynError>(job)
                        }
                    })
            ),
            Kind::Map => run!(
                SteppedFlow::new("map")
                    .and_then(|job: Job| async move {
                        let item = |first| Job { first, ..job.clone() };
                        Ok::<_, BoxDynError>((0..job.second).map(item).collect::<Vec<_>>())
                    })
                    .filter_map(|item: Job| async move { Some(item.add_one()) })
                    .and_then(move |items: Vec<Job>| {
                        let waiting = waiting.clone();
                        async move {
                            let sum: i64 = items.iter().map(|item| item.first).sum();
                            waiting.tell(items.first().map_or(0, |item| item.id), [sum, 0]);
                            Ok::<_, BoxDynError>(sum)
                        }
                    })
            ),
            Kind::Payload => run!(
                SteppedFlow::new("payload")
                    .and_then(|job: Job| async move {
                        let value = value(usize::try_from(job.second)?);
                        Ok::<_, BoxDynError>(Made { id: job.id, value })
                    })
                    .and_then(move |made: Made| {
                        let waiting = waiting.clone();
                        async move {
                            let Digest { length, sum } = Digest::of(&made.value);
                            waiting.tell(made.id, [i64::try_from(length)?, sum.cast_signed()]);
                            Ok::<_, BoxDynError>(length)
                        }
                    })
            ),
        }
        let push: Push = Box::new(move |job| {
            let mut backend = backend.clone();
            Box::pin(async move {
                use apalis_workflow::WorkflowSink as _;
                backend.push_start(job).await.map_err(|error| error.to_string().into())
            })
        });
        push
    }};
}

pub(crate) use start;
