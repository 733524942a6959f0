//! What is wrong with the steps of a workflow as a graph: found whenever they are saved.

use std::collections::HashMap;

use turbocat_storage::platform::NewStep;

use crate::error::{Detail, Error, Result};

/// A step that shall be, and where it was given: `steps.0`.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) at: String,
    pub(super) step: NewStep,
}

/// Everything that is wrong with how steps depend on each other.
pub(super) fn check(steps: &[Given]) -> Result<()> {
    let wrong = faults(steps);
    match wrong.first() {
        None => Ok(()),
        Some(first) => Err(Error::bad_request(first.message.clone()).with_details(wrong)),
    }
}

fn faults(steps: &[Given]) -> Vec<Detail> {
    let mut wrong = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (at, given) in steps.iter().enumerate() {
        let key = &given.step.step_key;
        if places.insert(key, at).is_some() {
            let message = format!("duplicate step key `{key}`: each step has a key of its own");
            wrong.push(Detail::new(format!("{}.stepKey", given.at), "G101", message));
        }
    }
    for given in steps {
        let key = &given.step.step_key;
        for (at, dependency) in given.step.depends_on.iter().enumerate() {
            let field = || format!("{}.dependsOn.{at}", given.at);
            if dependency == key {
                let message = format!("step `{key}` cannot depend on itself");
                wrong.push(Detail::new(field(), "G103", message));
            } else if !places.contains_key(dependency.as_str()) {
                let message = format!("step `{key}` depends on the non-existent step `{dependency}`");
                wrong.push(Detail::new(field(), "G102", message));
            }
        }
    }
    // A circle is looked for where everything else is right: else it may be one of the mistakes.
    if wrong.is_empty()
        && let Some(circle) = circle(steps, &places)
    {
        let keys: Vec<&str> = circle.iter().map(|at| steps[*at].step.step_key.as_str()).collect();
        let message = format!("Cycle detected: {}", keys.join(" -> "));
        // The step that the circle begins and ends at waits for the one before the end.
        let field = format!("{}.dependsOn", steps[circle[0]].at);
        wrong.push(Detail::new(field, "G104", message));
    }
    wrong
}

/// The first circle of steps that wait for each other, looked for from the first step on, along the
/// way from a step to those that depend on it.
fn circle(steps: &[Given], places: &HashMap<&str, usize>) -> Option<Vec<usize>> {
    let mut dependents = vec![Vec::new(); steps.len()];
    for (at, given) in steps.iter().enumerate() {
        for dependency in &given.step.depends_on {
            dependents[places[dependency.as_str()]].push(at);
        }
    }
    let mut done = vec![false; steps.len()];
    for start in 0..steps.len() {
        let mut path = Vec::new();
        // Which step, and which of its dependents is next.
        let mut open = vec![(start, 0)];
        while let Some((at, next)) = open.pop() {
            if done[at] {
                continue;
            }
            if next == 0 {
                path.push(at);
            }
            let Some(dependent) = dependents[at].get(next) else {
                done[at] = true;
                path.pop();
                continue;
            };
            open.push((at, next + 1));
            if let Some(begin) = path.iter().position(|on_path| on_path == dependent) {
                path.push(*dependent);
                return Some(path.split_off(begin));
            }
            open.push((*dependent, 0));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use turbocat_storage::platform::StepType;

    use super::*;

    /// `a:b,c` is a step that depends on `b` and `c`.
    fn check(steps: &str, expected: &[(&str, &str, &str)]) {
        let given: Vec<Given> = steps
            .split(' ')
            .enumerate()
            .map(|(at, text)| {
                let (key, before) = text.split_once(':').unwrap_or((text, ""));
                let mut step = NewStep::new(key, StepType::Agent, 0);
                step.depends_on =
                    before.split(',').filter(|key| !key.is_empty()).map(str::to_owned).collect();
                Given { at: format!("steps.{at}"), step }
            })
            .collect();
        let found = faults(&given);
        let found: Vec<_> = found
            .iter()
            .map(|detail| (detail.field.as_str(), detail.code.as_str(), detail.message.as_str()))
            .collect();
        assert_eq!(found, expected, "{steps}");
    }

    #[test]
    fn a_graph_without_circles_is_right() {
        check("a b:a c:a d:b,c", &[]);
        check("d:b,c c:a b:a a", &[]);
    }

    #[test]
    fn faults_are_told_all_at_once_with_their_places() {
        check(
            "a:x a b:b",
            &[
                ("steps.1.stepKey", "G101", "duplicate step key `a`: each step has a key of its own"),
                ("steps.0.dependsOn.0", "G102", "step `a` depends on the non-existent step `x`"),
                ("steps.2.dependsOn.0", "G103", "step `b` cannot depend on itself"),
            ],
        );
    }

    #[test]
    fn a_circle_is_told_as_a_path_that_begins_and_ends_at_one_step() {
        check("a:b b:a", &[("steps.0.dependsOn", "G104", "Cycle detected: a -> b -> a")]);
        check("x a:x,c b:a c:b", &[("steps.1.dependsOn", "G104", "Cycle detected: a -> b -> c -> a")]);
        check("a b:a c:b,d d:c", &[("steps.2.dependsOn", "G104", "Cycle detected: c -> d -> c")]);
    }
}
