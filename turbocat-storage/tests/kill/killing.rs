//! Programs started and killed.

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::program::{Orders, PROGRAM, append, lines};

/// How long a program may take for anything before something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

/// A program that runs. It ends with the test, however that ends.
pub(crate) struct Program {
    child: Child,
    /// When it is closed, the program ends.
    _line: Option<ChildStdin>,
    folder: PathBuf,
    began: Instant,
    /// How many programs had opened the store before.
    opened: usize,
}

impl Program {
    pub(crate) fn start(orders: &Orders) -> Self {
        let folder = orders.folder.clone();
        let opened = lines(&folder, "opened").len();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([PROGRAM, "--exact", "--nocapture"])
            .envs(orders.to_environment())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(append(&folder.join("errors")))
            .spawn()
            .unwrap();
        Self { _line: child.stdin.take(), child, folder, began: Instant::now(), opened }
    }

    /// Returns when it, or one that was started beside it, has opened the store.
    pub(crate) fn wait_until_open(&mut self) {
        self.wait("open the store", |program| lines(&program.folder, "opened").len() > program.opened);
    }

    /// Returns when it has ended by itself.
    pub(crate) fn wait_until_ended(mut self) {
        let mut ended = None;
        self.wait("end", |program| {
            ended = program.child.try_wait().unwrap();
            ended.is_some()
        });
    }

    fn wait(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        while !is_so(self) {
            assert!(self.began.elapsed() < PATIENCE, "a program did not {what}: {}", errors(&self.folder));
            self.must_be_well();
            std::thread::sleep(Duration::from_millis(1));
        }
        self.must_be_well();
    }

    fn must_be_well(&mut self) {
        let status = self.child.try_wait().unwrap();
        let well = status.is_none_or(|status| status.success());
        assert!(well, "a program failed: {status:?}\n{}", errors(&self.folder));
    }

    /// Has it stand still for a while, as a machine without memory or a laptop that sleeps would.
    pub(crate) fn freeze(&self, time: Duration) {
        let id = self.child.id().to_string();
        let signal = |signal: &str| Command::new("kill").args([signal, id.as_str()]).status().unwrap();
        assert!(signal("-STOP").success());
        std::thread::sleep(time);
        assert!(signal("-CONT").success());
    }

    /// Kills it, as a crash would: it has no time for anything.
    pub(crate) fn kill(mut self) {
        self.must_be_well();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What it came to, if it is to fail.
    pub(crate) fn fails(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        (status, errors(&self.folder))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What programs said that went wrong.
pub(crate) fn errors(folder: &Path) -> String {
    lines(folder, "errors").join("\n")
}

/// How often to kill on each database.
pub(crate) fn kills(default: u32) -> u32 {
    std::env::var("TURBOCAT_KILLS")
        .map_or(default, |kills| kills.parse().expect("TURBOCAT_KILLS is a number"))
}

/// Moments to kill at. They need not be the same again: what the machine does never is.
pub(crate) struct Moments(u64);

impl Moments {
    pub(crate) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        Self(u64::try_from(now).unwrap() | 1)
    }

    /// A number below that one.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % limit
    }

    /// Lets a program be for 5 to 300 ms, mostly after it opened the store; now and then so long
    /// that what only waits is parked.
    pub(crate) fn let_be(&mut self, program: &mut Program) {
        if self.below(4) > 0 {
            program.wait_until_open();
        }
        let long = if self.below(20) == 0 { 2300 } else { 0 };
        std::thread::sleep(Duration::from_millis(5 + self.below(296) + long));
    }
}
