//! The lists of words in code are the lists that the tables check.

use turbocat_storage::platform::{AgentType, LogLevel, lists_of_words};
use turbocat_storage::{Kind, Migrations};

/// The words between the brackets of `check (column in (…))`, in the table.
fn checked(text: &str, place: &str) -> Vec<String> {
    let (table, column) = place.split_once('.').unwrap();
    let start = text.find(&format!("create table {table} (")).unwrap();
    let table = &text[start..start + text[start..].find("\n) ").unwrap()];
    let check = format!("check ({column} in (");
    let at = table.find(&check).unwrap_or_else(|| panic!("{place} has no check")) + check.len();
    let list = &table[at..at + table[at..].find(')').unwrap()];
    list.split(", ").map(|word| word.trim_matches('\'').to_owned()).collect()
}

#[test]
fn the_words_of_code_and_tables_are_the_same() {
    let migrations = Migrations::embedded();
    // The journal's tables have words of their own, which no row of the platform shows.
    let platform = migrations.iter().filter(|migration| migration.name() != "journal");
    let text: String = platform.map(|migration| migration.render(Kind::Sqlite).unwrap()).collect();
    let lists = lists_of_words();
    for (place, words) in &lists {
        assert_eq!(checked(&text, place), *words, "{place}");
    }
    assert_eq!(
        lists.len(),
        text.matches(" in ('").count() - partial_indexes(&text),
        "every check has a list"
    );
}

/// Conditions of indexes have lists too, which are parts of the same.
fn partial_indexes(text: &str) -> usize {
    text.lines().filter(|line| line.starts_with("create index") && line.contains(" in ('")).count()
}

#[test]
fn words_are_read_whatever_their_case() {
    assert_eq!(AgentType::of_word("LLM"), Some(AgentType::Llm));
    assert_eq!(AgentType::of_word("lmm"), None);
    assert_eq!(LogLevel::default(), LogLevel::Info);
}
