//! Steps: begun, skipped, done, failed, lost, begun again.

use super::*;

impl<'w> Model<'w> {
    pub(super) fn begin(&mut self, at: At) {
        let step = self.of(at).step;
        let path = self.path(at);
        if self.of(at).status == StepStatus::Pending {
            if let Some(reason) = self.why_not(at) {
                return self.skip(at, &reason);
            }
            if let Some(guard) = &step.when
                && !truthy(&self.template(at.0, guard).unwrap())
            {
                return self.skip(at, "guard");
            }
        }
        let attempt = self.of(at).attempt + 1;
        let template = Trouble { kind: "template", retryable: false };
        let (work, what) = match &step.kind {
            StepKind::Agent(agent) if agent.agent.is_some() => (Work::Nothing, String::new()),
            StepKind::Agent(agent) => {
                let output = self.template(at.0, agent.inputs.as_ref().unwrap_or(&json!({}))).unwrap();
                return self.complete(at, output);
            }
            StepKind::Condition(condition) => {
                let result = truthy(&self.template(at.0, &condition.condition).unwrap());
                let branch = if result { "then" } else { "else" };
                self.of_mut(at).decided = Some(result);
                let output = json!({ "branch": branch, "conditionResult": result, "evaluated": true });
                return self.complete(at, output);
            }
            StepKind::Loop(each) => match self.template(at.0, &each.items).unwrap() {
                Value::Array(items) if items.len() > each.max_iterations as usize => {
                    return self.fail(at, Trouble { kind: "limit", retryable: false });
                }
                Value::Array(items) => {
                    let what = format!(" loop {}", Value::Array(items.clone()));
                    let slots = vec![Slot::Closed; items.len()];
                    (Work::Loop(items, slots), what)
                }
                _ => return self.fail(at, template),
            },
            StepKind::Parallel(fork) => {
                let required = match fork.join {
                    Join::All => fork.branches.len(),
                    Join::Any => fork.branches.len().min(1),
                    Join::Count(count) => count as usize,
                };
                let slots = vec![Slot::Closed; fork.branches.len()];
                (Work::Parallel(required, slots), format!(" parallel {required}"))
            }
            StepKind::Wait(Wait::For(time)) => {
                let until = self.now + millis(time);
                (Work::Timer(until), format!(" timer {until}"))
            }
            StepKind::Wait(Wait::Until(moment)) => {
                let until = moment.as_i64().unwrap();
                (Work::Timer(until), format!(" timer {until}"))
            }
            StepKind::Wait(Wait::Signal { name, .. }) => {
                let name = name.as_str().unwrap();
                (Work::Signal(name.to_owned()), format!(" signal {name}"))
            }
            StepKind::Wait(Wait::Approval { .. }) => (Work::Approval, " approval".to_owned()),
            StepKind::Workflow(child) => {
                let inputs = self.template(at.0, child.inputs.as_ref().unwrap_or(&json!({}))).unwrap();
                (Work::Child, format!(" child {inputs}"))
            }
            other => panic!("the model does not know {}", other.word()),
        };
        self.notes.push(format!("start {path} {attempt}{what}"));
        let now = self.now;
        let waits = matches!(work, Work::Timer(_) | Work::Signal(_) | Work::Approval);
        let one = self.of_mut(at);
        one.status = if waits { StepStatus::Waiting } else { StepStatus::Running };
        one.attempt = attempt;
        one.work = work;
        one.trouble = None;
        let later = |time: std::time::Duration| now + time.as_millis() as i64;
        if attempt == 1 {
            one.started = now;
            one.deadline = step.deadline.map(later);
        }
        one.timeout = step.timeout.filter(|_| !asks_agent(step)).map(later);
        match self.of(at).work.clone() {
            Work::Signal(name) => self.deliver(&name),
            Work::Child if matches!(&step.kind, StepKind::Workflow(child) if !child.wait_for_completion) => {
                // Whoever compares knows the name of the child.
                self.complete(at, json!({ "executionId": "?", "status": "running" }));
            }
            _ => {}
        }
    }

    pub(super) fn why_not(&self, at: At) -> Option<String> {
        let step = self.of(at).step;
        let befores = before(self.bodies[&at.0].steps, step);
        let of = |key: &str| self.sibling(at.0, key);
        let name = |key: &str| {
            let index = self.bodies[&at.0].done.iter().position(|one| one.step.key == key).unwrap();
            self.path((at.0, index))
        };
        let is_failed = |key: &str| matches!(of(key).status, StepStatus::Failed | StepStatus::Timeout);
        let is_skipped = |key: &str| matches!(of(key).status, StepStatus::Skipped | StepStatus::Cancelled);
        let gates: Vec<_> = befores.iter().filter(|b| !b.leads.is_empty()).collect();
        let leads = |key: &str, branches: &[bool]| {
            of(key).status == StepStatus::Completed && branches.contains(&of(key).decided.unwrap())
        };
        if !gates.is_empty() && !gates.iter().any(|gate| leads(&gate.key, &gate.leads)) {
            let gate = gates[0];
            return Some(match () {
                () if is_failed(&gate.key) => format!("failed {}", name(&gate.key)),
                () if is_skipped(&gate.key) => format!("skipped {}", name(&gate.key)),
                () => format!("branch {} {}", name(&gate.key), if gate.leads[0] { "then" } else { "else" }),
            });
        }
        let failed = befores.iter().find(|b| is_failed(&b.key));
        let skipped = befores.iter().find(|b| is_skipped(&b.key));
        let completed = befores.iter().any(|b| of(&b.key).status == StepStatus::Completed);
        // Whose failure matters is the question of `needs`, and without it of `onError`.
        let (failure, skip) = match step.needs {
            Some(Needs::Finished) => (false, false),
            Some(Needs::Any) => (!completed, !completed),
            Some(Needs::Succeeded) => (true, true),
            None => (step.on_error == OnError::Fail, true),
        };
        match (failed.filter(|_| failure), skipped.filter(|_| skip)) {
            (Some(b), _) => Some(format!("failed {}", name(&b.key))),
            (None, Some(b)) => Some(format!("skipped {}", name(&b.key))),
            (None, None) => None,
        }
    }

    pub(super) fn skip(&mut self, at: At, reason: &str) {
        let path = self.path(at);
        self.notes.push(format!("skip {path} {reason}"));
        self.of_mut(at).status = StepStatus::Skipped;
    }

    pub(super) fn complete(&mut self, at: At, output: Value) {
        let path = self.path(at);
        let mut output = output;
        if !self.of(at).step.outputs.is_empty() {
            // Every projection that is generated is `seen: "{{ result }}"`.
            let whole = output.clone();
            if !output.is_object() {
                output = json!({ "output": output });
            }
            output.as_object_mut().unwrap().insert("seen".to_owned(), whole);
        }
        self.notes.push(format!("done {path} {output}"));
        let one = self.of_mut(at);
        one.status = StepStatus::Completed;
        one.output = output;
        one.work = Work::Nothing;
    }

    pub(super) fn fail(&mut self, at: At, trouble: Trouble) {
        let (path, now) = (self.path(at), self.now);
        let one = self.of_mut(at);
        let retry = &one.step.retry;
        let wanted = if retry.on.is_empty() {
            trouble.retryable
        } else {
            retry.on.iter().any(|kind| kind == trouble.kind)
        };
        let counted = one.attempt - one.lost;
        if one.step.on_error != OnError::Retry || one.attempt == 0 || !wanted || counted > retry.max {
            return self.fail_for_good(at, trouble);
        }
        let pause = (retry.delay.as_millis() as f64 * retry.factor.powi(counted as i32 - 1))
            .min(retry.max_delay.as_millis() as f64);
        one.retry_at = now + pause as i64;
        one.status = StepStatus::Retrying;
        one.work = Work::Nothing;
        one.timeout = None;
        let note = format!("retry {path} {} at {}", one.attempt, one.retry_at);
        self.notes.push(note);
    }

    /// Nobody knows whether the attempt acted.
    pub(super) fn lose(&mut self, at: At) {
        let step = self.of(at).step;
        let StepKind::Agent(work) = &step.kind else { panic!("no agent, no attempt") };
        match work.on_lost {
            OnLost::Retry if self.of(at).lost == 99 => self.fail_for_good(at, LOST),
            OnLost::Retry => self.begin_again(at),
            OnLost::Ask => {
                let note = format!("ask about {} {}", self.path(at), self.of(at).attempt);
                self.notes.push(note);
                let one = self.of_mut(at);
                one.status = StepStatus::Waiting;
                one.work = Work::Approval;
            }
            OnLost::Fail => self.fail(at, LOST),
        }
    }

    /// There is another attempt at once, for which the lost one does not count.
    pub(super) fn begin_again(&mut self, at: At) {
        let (path, now) = (self.path(at), self.now);
        let one = self.of_mut(at);
        one.lost += 1;
        one.retry_at = now;
        one.status = StepStatus::Retrying;
        one.work = Work::Nothing;
        let note = format!("retry {path} {} at {now} uncounted", one.attempt);
        self.notes.push(note);
    }

    pub(super) fn fail_for_good(&mut self, at: At, trouble: Trouble) {
        let path = self.path(at);
        let one = self.of_mut(at);
        let fatal = match one.step.on_error {
            OnError::Fail => true,
            OnError::Continue => false,
            OnError::Retry => one.step.retry.then == Fallback::Fail,
        };
        one.status = if trouble.kind == "timeout" { StepStatus::Timeout } else { StepStatus::Failed };
        one.work = Work::Nothing;
        one.tainted = !fatal;
        let note = format!("fail {path} {} {}", trouble.kind, if fatal { "fail" } else { "continue" });
        one.trouble = Some(trouble);
        self.notes.push(note);
        if fatal {
            self.bodies.get_mut(&at.0).unwrap().blamed.get_or_insert(at.1);
        }
    }

    pub(super) fn end(&mut self, status: ExecutionStatus) {
        self.status = status;
        self.notes.push(format!("end {}", status.word()));
    }
}
