//! A turn seen from outside: the process is started, under `strace` if its syncs are to be counted, and read.

use std::io;
use std::process::{Command, Stdio};

use crate::turn::{Act, Figure};
use crate::workload::Case;

/// What a process said of its turn.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was read back from the store.
    pub settings: String,
    /// Seconds a unit, unless nothing was to be done.
    pub figure: Option<Figure>,
    /// Bytes that its work left behind, if asked for.
    pub bytes: Option<u64>,
    /// How often the process synced a file, if counted.
    pub syncs: Option<u64>,
}

/// One turn of one contestant.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What is done.
    pub case: Case,
    /// Who does it.
    pub name: &'static str,
    /// On which fresh store.
    pub place: &'a str,
    /// What for.
    pub act: Act,
    /// Flags that the process is to be given too.
    pub flags: &'a [&'static str],
}

impl Call<'_> {
    /// Runs this very program as the contestant's process and waits for it.
    ///
    /// # Errors
    /// If it cannot be started. A turn that fails yields the reason in the inner result.
    pub fn make(&self, count_syncs: bool) -> io::Result<Result<Report, String>> {
        let program = std::env::current_exe()?;
        let mut command = if count_syncs {
            let mut strace = Command::new("strace");
            strace.args(["-f", "-c", "-e", "trace=fsync,fdatasync"]).arg(program);
            strace
        } else {
            Command::new(program)
        };
        command.args(["--serve", self.name, "--filter", &self.case.to_string(), "--place", self.place]);
        command.args(["--act", self.act.name()]).args(self.flags);
        let stderr = if count_syncs { Stdio::piped() } else { Stdio::inherit() };
        let output = command.env("RUST_LOG", "off").stdin(Stdio::null()).stderr(stderr).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let mut report = Report::default();
        let (mut seconds, mut units) = (None, None);
        for (word, rest) in said.lines().filter_map(|line| line.split_once(' ')) {
            match word {
                "failed" => return Ok(Err(rest.to_owned())),
                "settings" => rest.clone_into(&mut report.settings),
                "seconds" => seconds = rest.parse().ok(),
                "units" => units = rest.parse().ok(),
                "bytes" => report.bytes = rest.parse().ok(),
                _ => {} // an engine that prints
            }
        }
        if !output.status.success() {
            return Ok(Err(format!("its process ended with {}", output.status)));
        }
        report.figure = seconds.zip(units).map(|(seconds, units)| Figure { seconds, units });
        report.syncs = count_syncs.then(|| syncs_in(&String::from_utf8_lossy(&output.stderr)));
        Ok(Ok(report))
    }
}

/// Whether `strace` is there and allowed to trace.
pub fn can_count_syncs() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-c", "-e", "trace=fsync,fdatasync", "true"]);
    strace.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Adds up the calls in the table that `strace -c` prints: share, seconds, µs a call, calls, name.
fn syncs_in(table: &str) -> u64 {
    let calls = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let counts = matches!(fields.last(), Some(&("fsync" | "fdatasync")));
        fields.get(3).filter(|_| counts)?.parse::<u64>().ok()
    };
    table.lines().filter_map(calls).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syncs_of_both_kinds_are_added_up_and_the_total_is_not() {
        let table = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 90.00    0.000900           9       100           fdatasync
 10.00    0.000100          10        10         1 fsync
------ ----------- ----------- --------- --------- ----------------
100.00    0.001000           9       110         1 total
";
        assert_eq!(syncs_in(table), 110);
        assert_eq!(syncs_in("strace: no such thing"), 0);
    }
}
