//! The program that is killed: opens a store, takes executions in, works. It learns what to do
//! from its environment, writes down what it did in files, and knows nothing of what becomes of it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::json;
use turbocat_core::{
    AgentExecutor, AttemptRequest, Engine, EngineBuilder, Enqueue, ErrorKind, ExecutionId, StepFailure,
    StepOutput, WorkOptions,
};
use turbocat_storage::{Store, StoreSettings, args};
use uuid::Uuid;

use crate::workflows::{WORKFLOWS, inputs_of, large, name_of, parsed, workflow_of};

/// What the program is to do.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    pub(crate) url: String,
    /// Where it writes what it did.
    pub(crate) folder: PathBuf,
    /// Which of the programs it is.
    pub(crate) node: u64,
    /// How many executions it takes in, those of its predecessors counted.
    pub(crate) count: u64,
    /// Whether it ends when nothing is left to do.
    pub(crate) ends: bool,
}

/// How long a program holds what it drives, on a server.
pub(crate) const LEASE: Duration = Duration::from_secs(1);

/// How long the last program may take for what is left.
const PATIENCE: Duration = Duration::from_secs(90);

const VARIABLES: [&str; 5] = [
    "TURBOCAT_KILL_URL",
    "TURBOCAT_KILL_FOLDER",
    "TURBOCAT_KILL_NODE",
    "TURBOCAT_KILL_COUNT",
    "TURBOCAT_KILL_ENDS",
];

impl Orders {
    pub(crate) fn to_environment(&self) -> [(&'static str, String); 5] {
        let Self { url, folder, node, count, ends } = self;
        let values = [
            url.clone(),
            folder.display().to_string(),
            node.to_string(),
            count.to_string(),
            ends.to_string(),
        ];
        let mut values = values.into_iter();
        VARIABLES.map(|variable| (variable, values.next().unwrap()))
    }

    /// `None` if this is no program that was started by a test.
    pub(crate) fn from_environment() -> Option<Self> {
        let [url, folder, node, count, ends] = VARIABLES.map(|variable| std::env::var(variable).ok());
        Some(Self {
            url: url?,
            folder: folder?.into(),
            node: node?.parse().unwrap(),
            count: count?.parse().unwrap(),
            ends: ends?.parse().unwrap(),
        })
    }
}

/// The name of the execution of that number that a node takes in.
pub(crate) fn execution(node: u64, number: u64) -> ExecutionId {
    ExecutionId::from_uuid(Uuid::from_u64_pair(node + 1, number))
}

/// A file that is only ever added to.
pub(crate) fn append(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

/// Adds a line to a file. One write, so that no kill leaves half of it, and those of several programs
/// do not mix.
fn note(mut file: &File, line: &str) {
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Writes down that an attempt begins, then acts.
struct Agent {
    name: &'static str,
    log: Arc<File>,
    engine: Arc<OnceLock<Engine>>,
}

#[async_trait::async_trait]
impl AgentExecutor for Agent {
    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        note(&self.log, &format!("{} {}", request.attempt, request.idempotency_key()));
        let n = request.inputs["n"].as_u64().unwrap_or_default();
        let id = request.execution();
        let pause = async |millis| tokio::time::sleep(Duration::from_millis(millis)).await;
        match self.name {
            "flaky" if request.attempt < 3 => return Err(StepFailure::error("not yet")),
            "flaky" => return Ok(json!({ "n": n }).into()),
            "broken" => return Err(StepFailure::error("never")),
            "ring" => told(self.engine().signal(id, "bell", json!({ "n": n })).await)?,
            "stop" => {
                told(self.engine().cancel(id, "as it is told").await)?;
                std::future::pending::<()>().await;
            }
            "large" => return Ok(json!({ "text": large(n) }).into()),
            // Some are done at once.
            _ => pause(n % 4 * 5).await,
        }
        Ok(json!({ "n": n + 1 }).into())
    }
}

impl Agent {
    fn engine(&self) -> &Engine {
        self.engine.get().unwrap()
    }
}

/// An execution may have ended elsewhere meanwhile; then nobody needs what was to be told.
fn told(result: Result<(), turbocat_core::Error>) -> Result<(), StepFailure> {
    match result {
        Err(error) if error.kind() != ErrorKind::NotWaiting => Err(StepFailure::error(error.to_string())),
        _ => Ok(()),
    }
}

/// An engine with the program's agents and workflows; who does nothing may leave the log away.
pub(crate) fn builder(log: File, engine: &Arc<OnceLock<Engine>>) -> EngineBuilder {
    let log = Arc::new(log);
    let mut builder = Engine::builder();
    for name in ["add", "narrow", "ring", "flaky", "broken", "stop", "large"] {
        builder = builder.agent(name, Agent { name, log: log.clone(), engine: engine.clone() });
    }
    for workflow in WORKFLOWS {
        builder = builder.workflow(name_of(workflow), parsed(workflow));
    }
    builder
}

async fn run(orders: Orders) {
    let settings = StoreSettings::new(&orders.url).lease(LEASE);
    let store = Store::open_with(settings).await.unwrap_or_else(|error| panic!("{error}"));
    note(&append(&orders.folder.join("opened")), "opened");
    let cell = Arc::new(OnceLock::new());
    let log = append(&orders.folder.join("attempts"));
    let engine = builder(log, &cell).store(store.clone()).build();
    cell.set(engine.clone()).unwrap();
    let work = WorkOptions::new().slots(32).poll(Duration::from_millis(200));
    // That it is killed is not the fault of any execution.
    engine.work(work.stalls(u32::MAX)).unwrap();
    take_in(&engine, &orders).await;
    let began = Instant::now();
    loop {
        let left = left(&store).await;
        if orders.ends && left.is_empty() {
            break;
        }
        assert!(!orders.ends || began.elapsed() < PATIENCE, "these have not ended: {left:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    engine.shutdown(Duration::from_secs(10)).await;
    store.close().await;
}

/// Goes on where the program before this one was killed.
async fn take_in(engine: &Engine, orders: &Orders) {
    let path = orders.folder.join(format!("acknowledged-{}", orders.node));
    let acknowledged = append(&path);
    let first = std::fs::read_to_string(&path).unwrap().lines().count() as u64;
    for number in first..orders.count {
        let how = Enqueue::new().id(execution(orders.node, number));
        match engine.enqueue(workflow_of(number), inputs_of(number), how).await {
            Ok(_) => {}
            // It was taken in, and its acknowledgement was not written.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => panic!("{error}"),
        }
        note(&acknowledged, &number.to_string());
        acknowledged.sync_data().unwrap();
    }
}

/// The executions that have not ended: name, state of the job, workflow.
async fn left(store: &Store) -> Vec<(ExecutionId, i64, String)> {
    let text = "select execution_id, state, workflow_name from jobs order by execution_id limit 20";
    let rows = store.database().fetch_all(text, args![]).await.unwrap();
    rows.iter()
        .map(|row| {
            (row.get("execution_id").unwrap(), row.get("state").unwrap(), row.get("workflow_name").unwrap())
        })
        .collect()
}

/// Nobody is left behind by a test that was stopped.
#[expect(clippy::exit, reason = "what is killed anyway has nothing to clean up")]
fn end_with_the_test() {
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    std::process::exit(1);
}

/// Under this name the program is started. Left alone, it does all its work and ends.
#[test]
fn a_program_that_nobody_kills_does_its_work_and_ends() {
    match Orders::from_environment() {
        Some(orders) => {
            std::thread::spawn(end_with_the_test);
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.unwrap().block_on(run(orders));
        }
        None => crate::sqlite::undisturbed(),
    }
}

/// The name of the test that is the program.
pub(crate) const PROGRAM: &str = "program::a_program_that_nobody_kills_does_its_work_and_ends";

/// A value for those who only read.
pub(crate) fn reader() -> Engine {
    builder(File::open("/dev/null").unwrap(), &Arc::default()).build()
}

/// The lines that programs wrote of what they did, as they are now.
pub(crate) fn lines(folder: &Path, file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join(file)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
