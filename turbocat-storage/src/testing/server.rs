//! A PostgreSQL server of one's own, which is gone when the process is.

use std::fmt;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::{Connection, Executor};

use super::{binaries, folder};
use crate::db::connect_once;
use crate::error::StorageError;

/// A PostgreSQL server of one's own: on a socket in a folder of its own, without any promise of
/// durability, stopped when it is dropped or when this process ends, however it ends.
pub struct PrivatePostgres {
    bin: PathBuf,
    folder: PathBuf,
    user: Option<(u32, u32)>,
    /// Lives as long as its standard input is open, and cleans up then.
    watcher: Mutex<Option<Child>>,
    databases: AtomicU32,
}

impl fmt::Debug for PrivatePostgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivatePostgres").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl PrivatePostgres {
    /// Makes a server and starts it. `None` if PostgreSQL is not installed.
    ///
    /// # Panics
    /// If it is installed and does not start.
    pub fn launch() -> Option<Self> {
        let bin = binaries::find()?;
        let folder = folder::new_path("pg");
        let user = binaries::user();
        std::fs::create_dir(&folder).expect("a folder for the server can be made");
        if let Some((uid, gid)) = user {
            chown(&folder, Some(uid), Some(gid)).expect("root can give a folder away");
        }
        let server = Self { bin, folder, user, watcher: Mutex::new(None), databases: AtomicU32::new(0) };
        *server.watcher.lock().unwrap_or_else(PoisonError::into_inner) = Some(server.watch());
        server.run(
            "initdb",
            &["-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        );
        server.start();
        Some(server)
    }

    /// Starts the server after [`stop`](Self::stop).
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(&self) {
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off \
             -c synchronous_commit=off -c full_page_writes=off -c max_connections=300",
            self.folder.display()
        );
        self.run("pg_ctl", &["-D", "data", "-w", "-t", "60", "-l", "log", "-o", &options, "start"]);
    }

    /// Stops the server as a power cut would: connections break, nothing is written.
    ///
    /// # Panics
    /// If it does not run.
    pub fn stop(&self) {
        self.run("pg_ctl", &["-D", "data", "-m", "immediate", "-w", "stop"]);
    }

    /// Stops and starts it.
    ///
    /// # Panics
    /// If it does not run or does not start.
    pub fn restart(&self) {
        self.stop();
        self.start();
    }

    /// Makes a database. The answer is its address.
    ///
    /// # Errors
    /// What the server says.
    pub async fn create_database(&self) -> Result<String, StorageError> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        create(&self.url("postgres"), &name).await?;
        Ok(self.url(&name))
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.folder.display())
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = self.command(&self.bin.join(program));
        // Not a pipe: the server would inherit it and keep whoever reads it waiting.
        let out = self.folder.join("out");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&out);
        let file = file.expect("the folder of the server can be written");
        let copy = file.try_clone().expect("a file can be opened twice");
        let status = command.args(arguments).stdin(Stdio::null()).stdout(file).stderr(copy).status();
        if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
            let said = std::fs::read_to_string(&out).unwrap_or_default();
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            panic!("`{program}` failed: {status:?}\n{said}\n{log}");
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env("HOME", &self.folder).env("LC_ALL", "C");
        if let Some((uid, gid)) = self.user {
            command.gid(gid).uid(uid);
        }
        command
    }

    /// A process that outlives this one by a moment, in a group of its own, so that an interrupt
    /// from the keyboard does not end it as well.
    fn watch(&self) -> Child {
        let script = "cat >/dev/null; \"$1/pg_ctl\" -D \"$2/data\" -m immediate -w stop; rm -rf \"$2\"";
        Command::new("/bin/sh")
            .args(["-c", script, "sh"])
            .arg(&self.bin)
            .arg(&self.folder)
            .current_dir("/")
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .uid_and_gid(self.user)
            .spawn()
            .expect("a shell can be started")
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        let watcher = self.watcher.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut watcher) = watcher {
            drop(watcher.stdin.take());
            let _ = watcher.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

trait RunAs {
    fn uid_and_gid(&mut self, user: Option<(u32, u32)>) -> &mut Self;
}

impl RunAs for Command {
    fn uid_and_gid(&mut self, user: Option<(u32, u32)>) -> &mut Self {
        match user {
            Some((uid, gid)) => self.gid(gid).uid(uid),
            None => self,
        }
    }
}

/// Makes a database of that name on the server at `url`.
pub(super) async fn create(url: &str, name: &str) -> Result<(), StorageError> {
    let mut connection = connect_once(url, Duration::from_secs(30)).await?;
    let text = crate::db::safe(format!("create database \"{name}\""));
    connection.execute(sqlx::raw_sql(text)).await?;
    connection.close().await?;
    Ok(())
}
