//! Where PostgreSQL's programs are, and as whom they may run.

use std::path::{Path, PathBuf};

/// The folder with `initdb` and `postgres`: `$TURBOCAT_PG_BIN`, else one in `PATH`, else the newest
/// of the places where Debian has them.
pub(super) fn find() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("TURBOCAT_PG_BIN").map(PathBuf::from) {
        return has_both(&folder);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).find_map(|folder| has_both(&folder)).or_else(of_debian)
}

/// The folder where the programs really are: a folder of links lacks what they need beside them.
fn has_both(folder: &Path) -> Option<PathBuf> {
    let real = folder.join("initdb").canonicalize().ok()?;
    let real = real.parent()?;
    ["initdb", "postgres", "pg_ctl"].iter().all(|name| real.join(name).is_file()).then(|| real.to_owned())
}

fn of_debian() -> Option<PathBuf> {
    let version = |path: &PathBuf| {
        let name = path.file_name()?.to_str()?;
        name.parse::<u32>().ok()
    };
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| version(path).is_some())
        .collect();
    found.sort_by_key(version);
    found.iter().rev().find_map(|path| has_both(&path.join("bin")))
}

/// A user and a group to run as. `None` if we are not root: PostgreSQL refuses to run as root only.
pub(super) fn user() -> Option<(u32, u32)> {
    if !is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    ["postgres", "nobody"].iter().find_map(|wanted| {
        let line = users.lines().find(|line| line.split(':').next() == Some(*wanted))?;
        let mut parts = line.split(':').skip(2);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    })
}

/// Whom this process runs as, without a call that only unsafe code can make.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0)
}
