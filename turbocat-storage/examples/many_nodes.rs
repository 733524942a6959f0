//! How do several machines share the work, and what if one of them goes away?
//!
//! Every machine opens a store on the same PostgreSQL and works. An execution is held by one of
//! them, for as long as its lease is renewed; when a machine is gone, the others go on with what it
//! held. Here the machines are three programs that this one starts. The second is killed in the
//! middle of something.
//!
//! ```text
//! DATABASE_URL=postgres://postgres@localhost/books cargo run --example many_nodes
//! ```
//!
//! Prints, in an order that is never the same:
//! ```text
//! ada prints page 1 of book 1
//! bob prints page 1 of book 2
//! cid prints page 1 of book 3
//! ada prints page 2 of book 1
//! bob prints page 2 of book 2
//! bob is killed
//! ada prints page 3 of book 1
//! …
//! cid prints page 2 of book 2 again
//! cid prints page 3 of book 2
//! book 1 is printed: ada, ada, ada
//! book 2 is printed: bob, cid, cid
//! …
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::{AttemptRequest, Engine, Enqueue, StepFailure, WorkOptions, Workflow, agent_fn_with};
use turbocat_storage::{Store, StoreSettings};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const BOOK: &str = "
name: book
inputs: { book: integer }
steps:
  pages: { loop: [1, 2, 3], agent: press, inputs: { book: '{{ inputs.book }}', page: '{{ item }}' } }
outputs: '{{ pages.results }}'
";

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::var("DATABASE_URL").map_err(|_| "DATABASE_URL must name a PostgreSQL database")?;
    // What a machine holds is free two seconds after it was last heard of; 30 s is the default, for
    // machines that are busier than these.
    let store = Store::open_with(StoreSettings::new(&url).lease(Duration::from_secs(2))).await?;
    match std::env::args().nth(1) {
        Some(name) => machine(store, name).await,
        None => office(store).await,
    }
}

/// The engine of a machine of that name.
fn engine(store: Store, name: String) -> Engine {
    let press = agent_fn_with(move |input: Value, request: AttemptRequest| {
        let name = name.clone();
        async move {
            let again = if request.attempt > 1 { " again" } else { "" };
            println!("{name} prints page {} of book {}{again}", input["page"], input["book"]);
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok::<_, StepFailure>(name)
        }
    });
    Engine::builder().agent("press", press).store(store).build()
}

/// A machine works until it is told to stop, or killed.
async fn machine(store: Store, name: String) -> Result<()> {
    let engine = engine(store.clone(), name);
    engine.work(WorkOptions::new().slots(1))?;
    // The office closes its end when it needs the machine no more.
    tokio::task::spawn_blocking(|| std::io::stdin().lines().count()).await?;
    engine.shutdown(Duration::from_secs(10)).await;
    store.close().await;
    Ok(())
}

/// The office takes orders, and looks after the machines. It does nothing of the work itself.
async fn office(store: Store) -> Result<()> {
    let engine = engine(store.clone(), "nobody".to_owned());
    let book = engine.compile(&Workflow::from_yaml(BOOK)?)?;
    let mut books = Vec::new();
    for number in 1..=6 {
        books.push(engine.enqueue(&book, json!({ "book": number }), Enqueue::new()).await?);
    }

    let ada = start("ada", Stdio::inherit())?;
    let mut bob = start("bob", Stdio::piped())?;
    let cid = start("cid", Stdio::inherit())?;
    let said = BufReader::new(bob.stdout.take().ok_or("bob is mute")?);
    // His second page is not finished when he says that he prints it.
    for line in said.lines().take(2) {
        println!("{}", line?);
    }
    bob.kill()?;
    println!("bob is killed");

    for (book, number) in books.into_iter().zip(1..) {
        let printed = engine.wait(book).await?;
        let by: Vec<&str> =
            printed.output().as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        println!("book {number} is printed: {}", by.join(", "));
    }
    for mut machine in [ada, cid] {
        drop(machine.stdin.take());
        machine.wait()?;
    }
    store.close().await;
    Ok(())
}

/// Starts a machine: this program once more.
fn start(name: &str, stdout: Stdio) -> Result<Child> {
    let program = std::env::current_exe()?;
    Ok(Command::new(program).arg(name).stdin(Stdio::piped()).stdout(stdout).spawn()?)
}
