//! A contestant in a process of its own, which takes a turn for every line it is sent.
//!
//! An engine that leaves the heap in pieces would otherwise slow down the floor it is compared with. The
//! child says `ready STEPS`, `unable REASON` or `not meant` first, then one figure a turn.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::contestant::{Case, Contestant, Unable};
use crate::turn::Turns;

/// What a child says first.
#[derive(Debug)]
pub enum Start {
    /// It takes turns.
    Ready(Remote),
    /// It cannot do the case, for this reason.
    Unable(String),
    /// It is not meant for the case.
    NotMeant,
}

/// A child that takes turns.
#[derive(Debug)]
pub struct Remote {
    child: Child,
    orders: ChildStdin,
    figures: BufReader<ChildStdout>,
    /// Steps of one run.
    pub steps: usize,
}

impl Remote {
    /// Starts a child, which must call [`serve`].
    ///
    /// # Errors
    /// If it does not start or says something else than it should.
    pub fn start(command: &mut Command) -> io::Result<Start> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (orders, figures) = (child.stdin.take(), child.stdout.take());
        let (orders, figures) = orders.zip(figures).ok_or_else(|| io::Error::other("no pipes"))?;
        let mut remote = Self { child, orders, figures: BufReader::new(figures), steps: 0 };
        let first = remote.line()?;
        let (word, rest) = first.split_once(' ').unwrap_or((&first, ""));
        match word {
            "ready" => {
                remote.steps = rest.parse().map_err(io::Error::other)?;
                return Ok(Start::Ready(remote));
            }
            "unable" => Ok(Start::Unable(rest.to_owned())),
            "not" => Ok(Start::NotMeant),
            other => Err(io::Error::other(format!("a contestant's process said `{other}`"))),
        }
        .and_then(|start| remote.end().map(|()| start))
    }

    /// Nanoseconds a step in one turn.
    ///
    /// # Errors
    /// If the child has ended.
    pub fn take_turn(&mut self) -> io::Result<f64> {
        self.orders.write_all(b"turn\n")?;
        self.line()?.parse().map_err(io::Error::other)
    }

    /// Lets the child end and waits for it.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub fn end(self) -> io::Result<()> {
        let Self { mut child, orders, .. } = self;
        drop(orders);
        child.wait().map(drop)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.figures.read_line(&mut line)? == 0 {
            return Err(io::Error::other("a contestant's process ended before its time"));
        }
        Ok(line.trim_end().to_owned())
    }
}

/// The child's side: takes turns on a worker of the runtime until nobody asks for more.
///
/// # Errors
/// If nobody listens, or the contestant panics.
pub fn serve(case: &Case, contestant: &dyn Contestant, turn: Duration, runtime: &Runtime) -> io::Result<()> {
    let mut answers = io::stdout();
    let prepared = match contestant.prepare(case) {
        Ok(prepared) => prepared,
        Err(Unable::Because(reason)) => return writeln!(answers, "unable {reason}"),
        Err(Unable::NotMeant) => return writeln!(answers, "not meant"),
    };
    let mut turns = runtime.block_on(runtime.spawn(Turns::check(prepared, turn)))?;
    writeln!(answers, "ready {}", turns.steps())?;
    for order in io::stdin().lines() {
        order?;
        let figure;
        (turns, figure) = runtime.block_on(runtime.spawn(async move {
            let figure = turns.take().await;
            (turns, figure)
        }))?;
        writeln!(answers, "{figure}")?;
    }
    Ok(())
}
