//! Looking: who runs, where a path leads, what a template means.

use super::*;

impl<'w> Model<'w> {
    /// Its clock stands while it is paused, and while nothing is done but waiting.
    pub(super) fn is_working(&self) -> bool {
        let all = self.all();
        let any = |test: &dyn Fn(&Instance<'_>) -> bool| all.iter().any(|at| test(self.of(*at)));
        let waiting = any(&|one| one.status == StepStatus::Waiting);
        let busy = self.running_attempts() > 0
            || any(&|one| one.status == StepStatus::Retrying)
            || any(&|one| matches!(one.work, Work::Child));
        self.status == ExecutionStatus::Running && !self.paused && (busy || !waiting)
    }

    pub(super) fn running_attempts(&self) -> usize {
        let busy = |at: &At| self.of(*at).status == StepStatus::Running && asks_agent(self.of(*at).step);
        self.all().into_iter().filter(busy).count()
    }

    pub(super) fn running(&self, path: &str, attempt: u32) -> Option<At> {
        let busy = |at: &At| {
            let one = self.of(*at);
            one.status == StepStatus::Running
                && one.attempt == attempt
                && asks_agent(one.step)
                && self.path(*at) == path
        };
        self.all().into_iter().find(busy)
    }

    /// All steps of all open bodies, the oldest body first, by key.
    pub(super) fn all(&self) -> Vec<At> {
        let bodies = self.bodies.iter();
        bodies.flat_map(|(number, body)| (0..body.done.len()).map(|index| (*number, index))).collect()
    }

    pub(super) fn of(&self, at: At) -> &Instance<'w> {
        &self.bodies[&at.0].done[at.1]
    }

    pub(super) fn of_mut(&mut self, at: At) -> &mut Instance<'w> {
        &mut self.bodies.get_mut(&at.0).unwrap().done[at.1]
    }

    pub(super) fn sibling(&self, number: u32, key: &str) -> &Instance<'w> {
        self.bodies[&number].done.iter().find(|one| one.step.key == key).unwrap()
    }

    pub(super) fn slot(&mut self, at: At, index: usize) -> &mut Slot {
        match &mut self.of_mut(at).work {
            Work::Loop(_, slots) | Work::Parallel(_, slots) => &mut slots[index],
            _ => panic!("no slots"),
        }
    }

    pub(super) fn path(&self, at: At) -> String {
        let body = &self.bodies[&at.0];
        let key = &body.done[at.1].step.key;
        match () {
            () if body.single => body.prefix.clone(),
            () if body.prefix.is_empty() => key.clone(),
            () => format!("{}.{key}", body.prefix),
        }
    }

    /// The value of a template: a literal, `{{ name }}`, `{{ name == 3 }}`, `{{ inputs.name }}`.
    pub(super) fn template(&self, number: u32, value: &Value) -> Option<Value> {
        Some(match value {
            Value::Object(map) => {
                let pairs = map.iter().map(|(key, value)| Some((key.clone(), self.template(number, value)?)));
                Value::Object(pairs.collect::<Option<_>>()?)
            }
            Value::String(text) => match text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) {
                None => value.clone(),
                Some(token) => match token.split_once("==") {
                    None => self.named(number, token.trim()),
                    Some((name, wanted)) => {
                        let wanted: Value = wanted.trim().parse().ok()?;
                        Value::Bool(self.named(number, name.trim()) == wanted)
                    }
                },
            },
            other => other.clone(),
        })
    }

    pub(super) fn named(&self, number: u32, name: &str) -> Value {
        if let Some(input) = name.strip_prefix("inputs.") {
            return self.inputs[input].clone();
        }
        let body = &self.bodies[&number];
        if let Some(one) = body.done.iter().find(|one| one.step.key == name) {
            return one.output.clone();
        }
        let owner = body.owner.unwrap_or_else(|| panic!("`{name}` is not known to the model"));
        match (&self.of(owner).work, name) {
            (Work::Loop(items, _), "item") => items[body.index].clone(),
            (Work::Loop(..), "index") => body.index.into(),
            _ => self.named(owner.0, name),
        }
    }
}
