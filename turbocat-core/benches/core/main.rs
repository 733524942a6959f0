//! `cargo bench -p turbocat-core --bench core`: what Turbocat's parts cost, as Markdown tables of
//! ratios. `--help` tells the flags. Memory is the bench next door; other engines are in
//! `benches/peers`.

mod measure;
mod table;
mod graphs;
mod scale;
mod kinds;
mod executions;
mod compiling;
#[cfg(feature = "bench-internals")]
mod paths;

use measure::Pace;
use table::note;

const HELP: &str =
    "cargo bench -p turbocat-core --bench core --features bench-internals [-- [--quick] [--filter TEXT]]

  --quick        few rounds, small sizes, to see that everything works
  --filter TEXT  only tables whose title contains TEXT, for instance `chain`";

/// What was asked for.
struct Choice {
    quick: bool,
    filter: String,
}

impl Choice {
    fn has(&self, title: &str) -> bool {
        title.contains(&self.filter)
    }

    fn pace(&self) -> Pace {
        if self.quick { Pace::QUICK } else { Pace::FULL }
    }

    /// Sizes, the largest left out when in a hurry.
    fn sizes<'a>(&self, sizes: &'a [usize]) -> &'a [usize] {
        let most = if self.quick { 10_000 } else { usize::MAX };
        &sizes[..sizes.iter().take_while(|size| **size <= most).count()]
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut choice = Choice { quick: false, filter: String::new() };
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--quick" => choice.quick = true,
            "--filter" => choice.filter = given.next().ok_or("`--filter` needs a text")?,
            // The process of one figure; see `scale`.
            "--one" => {
                let (title, size) = (given.next().unwrap_or_default(), given.next().unwrap_or_default());
                let figure = scale::one(&title, size.parse()?).ok_or("no such table")?;
                note(&figure.to_string());
                return Ok(());
            }
            "--bench" => {} // what cargo says to every benchmark
            "--help" => {
                note(HELP);
                return Ok(());
            }
            other => return Err(format!("unknown argument `{other}`; help: see `--help`").into()),
        }
    }
    scale::tables(&choice)?;
    #[cfg(feature = "bench-internals")]
    paths::tables(&choice);
    #[cfg(not(feature = "bench-internals"))]
    note("Path templates: only with `--features bench-internals`.");
    compiling::tables(&choice);
    executions::tables(&choice);
    kinds::tables(&choice);
    Ok(())
}

/// One thread: what is measured does not bounce between cores.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime can be made")
}
