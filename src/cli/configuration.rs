//! Settings by name, from four places: flags win over the environment, which wins over a file, which
//! wins over the defaults.

use std::collections::BTreeMap;
use std::path::Path;

/// The names that the program knows besides those of the platform.
const OWN: &[&str] = &[
    "DATABASE_URL",
    "HOST",
    "PORT",
    "LOG_LEVEL",
    "LOG_FORMAT",
    "ENCRYPTION_KEY",
    "ENCRYPTION_KEY_ID",
    "ENCRYPTION_KEYS_OLDER",
    "ADMIN_PASSWORD",
    "WORKERS",
    "PLUGIN_CACHE",
];

/// Settings by their names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Configuration {
    pub(crate) names: BTreeMap<String, String>,
}

impl Configuration {
    /// Puts the places together. A file is read if there is one of that name, or must be there if it
    /// was asked for.
    ///
    /// # Errors
    /// Everything that is wrong, a line each: a file that cannot be read, names that nobody knows.
    pub(crate) fn gather(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
        flags: &[(String, String)],
    ) -> Result<Self, Vec<String>> {
        let (mut names, mut wrong) = (BTreeMap::new(), Vec::new());
        let default = Path::new("turbocat.toml");
        if let Some(path) = file.or_else(|| default.exists().then_some(default)) {
            match std::fs::read_to_string(path) {
                Ok(text) => read(&text, path, &mut names, &mut wrong),
                Err(error) => wrong.push(format!("{} cannot be read: {error}", path.display())),
            }
        }
        // Others have their own names in the environment: only known ones are looked at.
        names.extend(environment.filter(|(name, _)| is_known(name)));
        for (name, text) in flags {
            let name = name.to_ascii_uppercase();
            if is_known(&name) {
                names.insert(name, text.clone());
            } else {
                wrong.push(unknown(&name, "--set"));
            }
        }
        if wrong.is_empty() { Ok(Self { names }) } else { Err(wrong) }
    }

    /// A setting, unless it is empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.names.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }
}

fn read(text: &str, path: &Path, names: &mut BTreeMap<String, String>, wrong: &mut Vec<String>) {
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return wrong.push(format!("{} is not TOML: {error}", path.display())),
    };
    for (key, value) in table {
        let name = key.to_ascii_uppercase();
        if !is_known(&name) {
            wrong.push(unknown(&key, &path.display().to_string()));
            continue;
        }
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            toml::Value::Array(items) if items.iter().all(toml::Value::is_str) => {
                let texts: Vec<&str> = items.iter().filter_map(toml::Value::as_str).collect();
                texts.join(",")
            }
            _ => {
                wrong.push(format!(
                    "{key} in {} must be a text, a number, a boolean or a list of texts",
                    path.display()
                ));
                continue;
            }
        };
        names.insert(name, text);
    }
}

fn known() -> impl Iterator<Item = &'static str> {
    OWN.iter().chain(turbocat_http::Settings::NAMES).copied()
}

fn is_known(name: &str) -> bool {
    known().any(|known| known == name)
}

fn unknown(name: &str, place: &str) -> String {
    let upper = name.to_ascii_uppercase();
    let near =
        known().min_by_key(|known| distance(known, &upper)).filter(|known| distance(known, &upper) <= 3);
    let hint = near.map(|near| format!("; did you mean {}?", near.to_ascii_lowercase())).unwrap_or_default();
    format!("{place} has a setting that does not exist: {name}{hint}")
}

/// How many letters have to be changed.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let next = (corner + usize::from(a != *b)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    fn file(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("turbocat.toml");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let (_folder, path) =
            file("port = 1\nhost = \"a\"\nlog_level = \"warn\"\nadditional_cors_origins = [\"x\", \"y\"]\n");
        let environment = pairs(&[("PORT", "2"), ("HOST", "b"), ("PATH", "/bin")]).into_iter();
        let found = Configuration::gather(Some(&path), environment, &pairs(&[("port", "3")])).unwrap();
        assert_eq!(found.get("PORT"), Some("3"));
        assert_eq!(found.get("HOST"), Some("b"));
        assert_eq!(found.get("LOG_LEVEL"), Some("warn"));
        assert_eq!(found.get("ADDITIONAL_CORS_ORIGINS"), Some("x,y"));
        assert_eq!(found.get("PATH"), None);
    }

    #[test]
    fn settings_that_nobody_knows_are_named_all_at_once() {
        let (_folder, path) = file("databse_url = \"x\"\n[table]\n");
        let wrong = Configuration::gather(Some(&path), std::iter::empty(), &pairs(&[("elephants", "1")]))
            .unwrap_err();
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert!(wrong[0].ends_with("databse_url; did you mean database_url?"), "{}", wrong[0]);
        assert!(wrong[2].starts_with("--set has a setting that does not exist: ELEPHANTS"));
        let missing = Path::new("/nowhere/turbocat.toml");
        let wrong = Configuration::gather(Some(missing), std::iter::empty(), &[]).unwrap_err();
        assert!(wrong[0].contains("cannot be read"));
    }
}
