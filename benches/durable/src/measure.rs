//! Rounds: every contestant once a round on a fresh store, so that noise hits all alike.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::cluster::Cluster;
use crate::contestant::{Can, Contestant, Promise, Result};
use crate::process::{Call, Report};
use crate::table::{Account, Figures, Row, Table};
use crate::turn::Act;
use crate::workload::{Case, Database};

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// No round begins after this, once the fewest are done.
    pub case: Duration,
    /// Rounds measured even if they take longer.
    pub fewest_rounds: usize,
    /// Rounds after which there is nothing more to learn.
    pub most_rounds: usize,
    /// A contestant whose turn took longer has no further one, and no account.
    pub patience: Duration,
    /// Whether syncs and bytes are counted.
    pub accounts: bool,
}

/// Where turns are taken and how.
#[derive(Debug)]
pub struct Site<'a> {
    /// For files and for databases' folders.
    pub folder: &'a Path,
    /// The server, if there is one.
    pub cluster: Option<Cluster>,
    /// For what the server is asked.
    pub runtime: &'a Runtime,
    /// Flags that every process is given.
    pub flags: Vec<&'static str>,
    /// Whether `strace` can count.
    pub strace: bool,
    /// What was read back of each contestant's store.
    pub settings: BTreeMap<(Database, &'static str), String>,
}

/// Measures a case; the first contestant that runs it is its floor.
///
/// # Errors
/// If a process cannot be started or a store not be made. A contestant that fails has the reason in its row.
pub fn measure(
    case: Case,
    contestants: &[Box<dyn Contestant>],
    pace: Pace,
    site: &mut Site<'_>,
) -> Result<Table> {
    let mut entries: Vec<Entry> =
        contestants.iter().filter_map(|contestant| Entry::new(&**contestant, case)).collect();
    run_rounds(case, &mut entries, pace, site)?;
    if pace.accounts {
        for entry in entries.iter_mut().filter(|entry| entry.runs()) {
            entry.account = account(case, entry.name, site)?;
        }
    }
    let floor = entries.first().map(|entry| entry.samples.clone()).unwrap_or_default();
    let rows = entries.into_iter().map(|entry| entry.into_row(&floor)).collect();
    Ok(Table { case, rows })
}

struct Entry {
    name: &'static str,
    promise: Promise,
    /// Seconds a unit, one a round.
    samples: Vec<f64>,
    account: Account,
    /// It cannot, or it failed.
    reason: Option<String>,
    /// It took too long to be asked again.
    slow: bool,
}

impl Entry {
    fn new(contestant: &dyn Contestant, case: Case) -> Option<Self> {
        let reason = match contestant.can(case.workload) {
            _ if contestant.database() != case.database => return None,
            Can::NotMeant => return None,
            Can::No(reason) => Some(reason.to_owned()),
            Can::Yes => None,
        };
        let (name, promise) = (contestant.name(), contestant.promise());
        Some(Self { name, promise, samples: Vec::new(), account: Account::default(), reason, slow: false })
    }

    fn runs(&self) -> bool {
        self.reason.is_none() && !self.slow
    }

    fn into_row(self, floor: &[f64]) -> Row {
        let Self { name, promise, samples, account, reason, .. } = self;
        let result = match reason {
            Some(reason) => Err(reason),
            None => Ok(Figures { samples, floor: floor.to_vec(), account }),
        };
        Row { name, promise, result }
    }
}

/// Who begins moves on by one each round, so that nobody always follows the same neighbour.
fn run_rounds(case: Case, entries: &mut [Entry], pace: Pace, site: &mut Site<'_>) -> Result<()> {
    let begun = Instant::now();
    let mut rounds = 0;
    while rounds < pace.most_rounds && (rounds < pace.fewest_rounds || begun.elapsed() < pace.case) {
        for turn in 0..entries.len() {
            let entry = &mut entries[(turn + rounds) % entries.len()];
            if !entry.runs() {
                continue;
            }
            let turn_begun = Instant::now();
            let (answer, _) = site.turn(case, entry.name, Act::Run)?;
            entry.slow = turn_begun.elapsed() > pace.patience;
            match answer.map(|report| report.figure) {
                Ok(Some(figure)) => entry.samples.push(figure.seconds),
                Ok(None) => entry.reason = Some("its process said nothing".to_owned()),
                Err(reason) => entry.reason = Some(reason),
            }
        }
        rounds += 1;
    }
    Ok(())
}

/// What a step costs beside time: a turn that works less one that only opens its store.
fn account(case: Case, name: &'static str, site: &mut Site<'_>) -> Result<Account> {
    let (Ok(idle), idle_syncs) = site.turn(case, name, Act::Idle)? else { return Ok(Account::default()) };
    let (Ok(work), work_syncs) = site.turn(case, name, Act::Account)? else { return Ok(Account::default()) };
    let Some(figure) = work.figure else { return Ok(Account::default()) };
    let steps = (figure.units * case.workload.steps_in_unit()) as f64;
    let syncs = |server, report: &Report| if server > 0 { Some(server) } else { report.syncs };
    let counted = syncs(work_syncs, &work).zip(syncs(idle_syncs, &idle));
    Ok(Account {
        syncs: counted.map(|(work, idle)| work.saturating_sub(idle) as f64 / steps),
        bytes: work.bytes.map(|bytes| bytes as f64 / steps),
    })
}

impl Site<'_> {
    /// A turn on a fresh store, and how often the server synced meanwhile.
    fn turn(
        &mut self,
        case: Case,
        name: &'static str,
        act: Act,
    ) -> Result<(std::result::Result<Report, String>, u64)> {
        let call = |place: &str, strace| {
            Call { case, name, place, act, flags: &self.flags }.make(strace).map_err(Into::into)
        };
        let strace = self.strace && act != Act::Run;
        let (answer, syncs): (Result<_>, u64) = match (case.database, &mut self.cluster) {
            (Database::Sqlite, _) => {
                let folder = fresh(self.folder)?;
                let answer = call(&folder.display().to_string(), strace);
                fs::remove_dir_all(&folder)?;
                (answer, 0)
            }
            (Database::Postgres, Some(cluster)) => {
                let url = self.runtime.block_on(cluster.new_database())?;
                let before = self.runtime.block_on(cluster.syncs())?;
                let answer = call(&url, false);
                let syncs = self.runtime.block_on(cluster.syncs())? - before;
                self.runtime.block_on(cluster.drop_database())?;
                (answer, u64::try_from(syncs)?)
            }
            (Database::Postgres, None) => return Err("no server for a case that needs one".into()),
        };
        let answer = answer?;
        if let Ok(report) = &answer {
            self.settings.entry((case.database, name)).or_insert_with(|| report.settings.clone());
        }
        Ok((answer, syncs))
    }
}

fn fresh(parent: &Path) -> Result<PathBuf> {
    let folder = parent.join("store");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
