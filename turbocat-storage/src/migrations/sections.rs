//! The parts of a migration that are for one database only.

use crate::db::Kind;

/// The text without the sections of the other database.
pub(super) fn of(text: &str, kind: Kind) -> String {
    let mut ours = true;
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        match line.trim() {
            "-- sqlite:" => ours = kind == Kind::Sqlite,
            "-- postgres:" => ours = kind == Kind::Postgres,
            "-- both:" => ours = true,
            _ if ours => {
                out.push_str(line);
                out.push('\n');
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_for_one_database() {
        let text = "a\n-- sqlite:\nb\n  -- postgres:\nc\n-- both:\nd";
        assert_eq!(of(text, Kind::Sqlite), "a\nb\nd\n");
        assert_eq!(of(text, Kind::Postgres), "a\nc\nd\n");
    }
}
