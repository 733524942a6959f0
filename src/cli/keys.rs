//! Secrets for development: made up once and kept beside the database, so that what was sealed and
//! signed is good after a restart. Production is given its own.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Which secrets are made up, and how many bytes each has.
const MADE_UP: [(&str, usize); 3] =
    [("JWT_ACCESS_SECRET", 32), ("JWT_REFRESH_SECRET", 32), ("ENCRYPTION_KEY", 32)];

/// Where the secrets of a database are kept: beside its file, if it is one.
pub(crate) fn place(database: &str) -> Option<PathBuf> {
    let path = database.strip_prefix("sqlite:")?.split('?').next()?;
    (path != ":memory:" && !path.is_empty()).then(|| PathBuf::from(format!("{path}.keys")))
}

/// Fills in the secrets that are missing: from the file, or made up and written there. Gives the names
/// of those that were missing.
///
/// # Errors
/// If the file cannot be read or written.
pub(crate) fn fill(
    names: &mut BTreeMap<String, String>,
    file: Option<&Path>,
) -> std::io::Result<Vec<&'static str>> {
    let mut kept: BTreeMap<String, String> = match file.filter(|file| file.exists()) {
        Some(file) => std::fs::read_to_string(file)?
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, text)| (name.trim().to_owned(), text.trim().to_owned()))
            .collect(),
        None => BTreeMap::new(),
    };
    let mut missing = Vec::new();
    for (name, bytes) in MADE_UP {
        if names.get(name).is_some_and(|text| !text.trim().is_empty()) {
            continue;
        }
        missing.push(name);
        let text = kept.entry(name.to_owned()).or_insert_with(|| turbocat_http::random_hex(bytes));
        names.insert(name.to_owned(), text.clone());
    }
    if let Some(file) = file.filter(|file| !missing.is_empty() && !file.exists()) {
        write(file, &kept)?;
    }
    Ok(missing)
}

/// For nobody else to read.
fn write(file: &Path, kept: &BTreeMap<String, String>) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(file)?;
    for (name, text) in kept {
        writeln!(file, "{name}={text}")?;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_made_up_once_and_given_ones_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("app.db.keys");
        let mut first = BTreeMap::from([("JWT_ACCESS_SECRET".to_owned(), "mine".to_owned())]);
        assert_eq!(fill(&mut first, Some(&file)).unwrap(), ["JWT_REFRESH_SECRET", "ENCRYPTION_KEY"]);
        assert_eq!(first["JWT_ACCESS_SECRET"], "mine");
        assert_eq!(first["ENCRYPTION_KEY"].len(), 64);
        let mut second = BTreeMap::from([("JWT_ACCESS_SECRET".to_owned(), "mine".to_owned())]);
        fill(&mut second, Some(&file)).unwrap();
        assert_eq!(first, second);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn they_stand_beside_the_file_of_the_database() {
        assert_eq!(place("sqlite:data/app.db?x=1"), Some(PathBuf::from("data/app.db.keys")));
        assert_eq!(place("sqlite::memory:"), None);
        assert_eq!(place("postgres://localhost/x"), None);
    }
}
