//! A PostgreSQL server that belongs to one run of the benchmark: its own data, a socket, no port.
//!
//! It is found in `$TURBOCAT_PG_BIN`, in the `PATH`, or in `/usr/lib/postgresql`, and it syncs.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use crate::contestant::Result;

/// Everything that differs from what `initdb` chose.
const SETTINGS: [&str; 7] = [
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "max_connections=300",
    "shared_buffers=256MB",
    "max_wal_size=4GB",
    "listen_addresses=''",
];

/// A running server; dropping it stops it and removes its data.
#[derive(Debug)]
pub struct Cluster {
    binaries: PathBuf,
    folder: PathBuf,
    /// Whom the server runs as, since it refuses to be root.
    owner: Option<(u32, u32)>,
    databases: usize,
}

impl Cluster {
    /// Starts a server with its data in `folder`, which must not exist; nothing if there is no PostgreSQL.
    ///
    /// # Errors
    /// If it is there but does not start.
    pub fn start(folder: &Path) -> io::Result<Option<Self>> {
        let Some(binaries) = find_binaries() else { return Ok(None) };
        fs::create_dir_all(folder)?;
        let owner = if fs::metadata(folder)?.uid() == 0 { unprivileged() } else { None };
        if let Some((user, group)) = owner {
            chown(folder, Some(user), Some(group))?;
        }
        let cluster = Self { binaries, folder: folder.to_owned(), owner, databases: 0 };
        let data = cluster.data();
        let quiet = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D", &data];
        cluster.run("initdb", &quiet)?;
        let settings: String = SETTINGS.iter().map(|setting| format!(" -c {setting}")).collect();
        let options = format!("-c unix_socket_directories='{}'{settings}", folder.display());
        let log = folder.join("log").display().to_string();
        cluster.run("pg_ctl", &["-D", &data, "-w", "-t", "60", "-l", &log, "-o", &options, "start"])?;
        Ok(Some(cluster))
    }

    /// Makes an empty database and returns its URL.
    ///
    /// # Errors
    /// If the server does not.
    pub async fn new_database(&mut self) -> Result<String> {
        self.databases += 1;
        let name = format!("turn{}", self.databases);
        let mut connection = self.connect().await?;
        sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await?;
        connection.close().await?;
        Ok(self.url(&name))
    }

    /// Drops the database that was made last.
    ///
    /// # Errors
    /// If the server does not.
    pub async fn drop_database(&mut self) -> Result<()> {
        let mut connection = self.connect().await?;
        let drop = format!("drop database turn{} with (force)", self.databases);
        sqlx::query(AssertSqlSafe(drop)).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    /// How often the log was synced since the server began, as far as ended connections have reported.
    ///
    /// # Errors
    /// If the server does not tell.
    pub async fn syncs(&self) -> Result<i64> {
        let mut connection = self.connect().await?;
        let row = sqlx::query("select wal_sync from pg_stat_wal").fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(row.try_get(0)?)
    }

    /// Version and the settings that durability hangs on, asked of the server.
    ///
    /// # Errors
    /// If the server does not tell.
    pub async fn describe(&self) -> Result<String> {
        let mut connection = self.connect().await?;
        let mut parts = Vec::new();
        for name in ["server_version", "fsync", "synchronous_commit", "wal_sync_method"] {
            let row = sqlx::query("select current_setting($1)").bind(name).fetch_one(&mut connection).await?;
            parts.push(format!("{name}={}", row.try_get::<String, _>(0)?));
        }
        connection.close().await?;
        Ok(parts.join(", "))
    }

    async fn connect(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.url("postgres")).await?)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.folder.display())
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> io::Result<()> {
        let mut command = Command::new(self.binaries.join(program));
        command.args(arguments).current_dir(&self.folder).env("HOME", &self.folder).env("LC_ALL", "C");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some((user, group)) = self.owner {
            command.gid(group).uid(user);
        }
        match command.status()? {
            status if status.success() => Ok(()),
            status => Err(io::Error::other(format!("`{program}` ended with {status}"))),
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nobody is left to tell if this fails.
        let _ = self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn find_binaries() -> Option<PathBuf> {
    let complete = |folder: &PathBuf| folder.join("initdb").exists() && folder.join("postgres").exists();
    let given = std::env::var_os("TURBOCAT_PG_BIN").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut installed: Vec<_> = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().collect();
    let version = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().parse().unwrap_or(0_u32);
    installed.sort_by_key(|entry| std::cmp::Reverse(version(entry)));
    let installed = installed.iter().map(|entry| entry.path().join("bin"));
    given.into_iter().chain(std::env::split_paths(&path)).chain(installed).find(complete)
}

/// `postgres`, else `nobody`.
fn unprivileged() -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let find = |name: &str| {
        let mut fields = users.lines().find(|line| line.split(':').next() == Some(name))?.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody"))
}
