//! Of which events one can be told: names, and patterns of them.

use crate::error::Detail;

const CHANGES: &[&str] = &["created", "updated", "deleted"];

/// Resources, and what happens to them; those with nothing named have words of their own.
const EVENTS: [(&str, &[&str]); 8] = [
    ("execution", &["started", "completed", "failed", "cancelled"]),
    ("agent", CHANGES),
    ("workflow", CHANGES),
    ("deployment", &["created", "updated", "deleted", "started", "stopped", "running", "halted", "failed"]),
    ("webhook", CHANGES),
    ("template", &[]),
    ("team", &[]),
    ("trigger", &[]),
];

/// What is wrong with a list of names and patterns.
pub(super) fn wrong(events: &[String]) -> Vec<Detail> {
    let wrong = events.iter().enumerate().filter(|(_, event)| !is_one(event));
    let detail = |(at, event): (usize, &String)| {
        let known = event.split_once('.').and_then(|(resource, _)| actions(resource));
        let message = match known {
            Some(actions) if !actions.is_empty() => {
                format!("must be * or one of {}", actions.join(", "))
            }
            _ => {
                let all: Vec<&str> = EVENTS.iter().map(|(resource, _)| *resource).collect();
                format!(
                    "must be *, or a resource and what happens, such as execution.failed or execution.*; resources are {}",
                    all.join(", ")
                )
            }
        };
        Detail::new(format!("events.{at}"), "invalid_value", message)
    };
    wrong.map(detail).collect()
}

fn actions(resource: &str) -> Option<&'static [&'static str]> {
    EVENTS.iter().find(|(known, _)| *known == resource).map(|(_, actions)| *actions)
}

fn is_one(event: &str) -> bool {
    if event == "*" {
        return true;
    }
    let Some((resource, action)) = event.split_once('.') else { return false };
    let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    match actions(resource) {
        None => false,
        Some(_) if action == "*" => true,
        Some([]) => word(action),
        Some(known) => known.contains(&action),
    }
}

#[cfg(test)]
mod tests {
    use super::is_one;

    #[test]
    fn names_and_patterns_are_told_from_mistakes() {
        for good in ["*", "execution.*", "execution.failed", "agent.created", "team.member_added"] {
            assert!(is_one(good), "{good}");
        }
        for bad in
            ["", "execution", "execution.complete", "exec.*", "*.failed", "execution.**", "team.", "team.A"]
        {
            assert!(!is_one(bad), "{bad}");
        }
    }
}
