//! The workloads, and the cases they make with a database.

use std::fmt;

/// Steps of one execution where many executions are counted.
pub const EXECUTION_STEPS: usize = 5;

/// Something to do durably. Every workload has a unit, and figures are given per unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// One execution of so many no-op steps, one after another; the unit is a step.
    Chain {
        /// Steps of the execution.
        steps: usize,
    },
    /// So many executions of five steps at any time; the unit is an execution.
    Throughput {
        /// Executions at the same time.
        concurrency: usize,
    },
    /// One execution that runs a step for each of so many items; the unit is an item.
    Map {
        /// Items.
        items: usize,
    },
    /// A value of so many bytes, made by one step and read by the next; the unit is the value.
    Payload {
        /// Length of the value.
        bytes: usize,
    },
    /// Jobs taken and ended by so many connections; the unit is a job.
    Claims {
        /// Connections that claim.
        connections: usize,
    },
}

impl Workload {
    /// The same in a size that shows only that it works.
    pub fn tiny(self) -> Self {
        match self {
            Self::Chain { .. } => Self::Chain { steps: 6 },
            Self::Throughput { concurrency } => Self::Throughput { concurrency: concurrency.min(3) },
            Self::Map { .. } => Self::Map { items: 20 },
            Self::Payload { bytes } => Self::Payload { bytes: bytes.min(4096) },
            Self::Claims { connections } => Self::Claims { connections: connections.min(2) },
        }
    }

    /// Steps in one unit: accounts of bytes and of fsyncs are given per step.
    pub fn steps_in_unit(self) -> usize {
        if let Self::Throughput { .. } = self { EXECUTION_STEPS } else { 1 }
    }

    /// What a step is called in the heading of an account.
    pub fn step_noun(self) -> &'static str {
        match self {
            Self::Chain { .. } | Self::Throughput { .. } => "step",
            Self::Map { .. } => "item",
            Self::Payload { .. } => "value",
            Self::Claims { .. } => "job",
        }
    }

    /// How figures are read.
    pub fn scale(self) -> Scale {
        match self {
            Self::Chain { .. } => Scale::Time { unit: "µs a step", per_second: 1e6 },
            Self::Map { .. } => Scale::Time { unit: "µs an item", per_second: 1e6 },
            Self::Payload { .. } => Scale::Time { unit: "ms a value", per_second: 1e3 },
            Self::Throughput { .. } => Scale::Rate { unit: "executions/s" },
            Self::Claims { .. } => Scale::Rate { unit: "jobs/s" },
        }
    }
}

/// How the seconds of a unit are printed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// As a time: less is better.
    Time {
        /// Heading.
        unit: &'static str,
        /// How many of them make a second.
        per_second: f64,
    },
    /// As a rate: more is better.
    Rate {
        /// Heading.
        unit: &'static str,
    },
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain { steps } => write!(f, "chain of {} steps", Thousands(*steps)),
            Self::Throughput { concurrency } => {
                write!(f, "throughput of executions of {EXECUTION_STEPS} steps, {concurrency} at once")
            }
            Self::Map { items } => write!(f, "map of {} items", Thousands(*items)),
            Self::Payload { bytes } if *bytes >= 1 << 20 => write!(f, "payload of {} MiB", bytes >> 20),
            Self::Payload { bytes } => write!(f, "payload of {} KiB", bytes >> 10),
            Self::Claims { connections } => write!(f, "claims, connections: {connections}"),
        }
    }
}

/// With thousands apart.
struct Thousands(usize);

impl fmt::Display for Thousands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            number if number < 1000 => write!(f, "{number}"),
            number => write!(f, "{},{:03}", Self(number / 1000), number % 1000),
        }
    }
}

/// Where results are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Database {
    /// A file.
    Sqlite,
    /// A server on the same machine, over its socket.
    Postgres,
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// One table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// What is done.
    pub workload: Workload,
    /// Where it is kept.
    pub database: Database,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.database, self.workload)
    }
}

/// All cases, in the order in which they are printed.
pub fn cases() -> Vec<Case> {
    let chains = [100, 1_000].map(|steps| Workload::Chain { steps });
    let throughputs = [1, 10, 50, 200].map(|concurrency| Workload::Throughput { concurrency });
    let payloads = [1 << 10, 64 << 10, 1 << 20, 16 << 20].map(|bytes| Workload::Payload { bytes });
    let claims = [1, 4, 8].map(|connections| Workload::Claims { connections });
    let both =
        || chains.into_iter().chain(throughputs).chain([Workload::Map { items: 10_000 }]).chain(payloads);
    let sqlite = both().map(|workload| Case { workload, database: Database::Sqlite });
    let postgres = both().chain(claims).map(|workload| Case { workload, database: Database::Postgres });
    sqlite.chain(postgres).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_names_one_case() {
        let mut titles: Vec<String> = cases().iter().map(Case::to_string).collect();
        let all = titles.len();
        titles.sort();
        titles.dedup();
        assert_eq!(titles.len(), all);
    }
}
