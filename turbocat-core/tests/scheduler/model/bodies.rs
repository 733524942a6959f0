//! Bodies: opened, closed, shut, stopped; and which step moves next.

use super::*;

impl<'w> Model<'w> {
    pub(super) fn fail_body(&mut self, number: u32) {
        let blamed = self.bodies[&number].blamed.unwrap();
        let path = self.path((number, blamed));
        self.stop(number, &format!("failure of {path}"));
        if number == 0 {
            return self.end(ExecutionStatus::Failed);
        }
        let retryable = self.of((number, blamed)).trouble.as_ref().is_none_or(|trouble| trouble.retryable);
        self.shut(number, Slot::Failed(Trouble { kind: "nested", retryable }), "failed");
    }

    pub(super) fn can_move(&self, at: At) -> bool {
        let one = self.of(at);
        if one.status != StepStatus::Running {
            return false;
        }
        let open = |slots: &[Slot]| slots.iter().filter(|slot| matches!(slot, Slot::Open(_))).count();
        let more = |slots: &[Slot]| slots.iter().any(|slot| matches!(slot, Slot::Closed));
        let failed = |slots: &[Slot]| slots.iter().filter(|slot| matches!(slot, Slot::Failed(_))).count();
        match (&one.work, &one.step.kind) {
            (Work::Loop(_, slots), StepKind::Loop(each)) => {
                failed(slots) > 0
                    || (more(slots) && open(slots) < each.max_parallel as usize)
                    || (!more(slots) && open(slots) == 0)
            }
            (Work::Parallel(required, slots), _) => {
                failed(slots) > slots.len() - required || more(slots) || completed(slots) >= *required
            }
            _ => false,
        }
    }

    pub(super) fn advance(&mut self, at: At) {
        let path = self.path(at);
        let (slots, bound, all) = match &self.of(at).work {
            Work::Loop(_, slots) => (slots.clone(), 0, true),
            Work::Parallel(required, slots) => (slots.clone(), slots.len() - required, false),
            _ => return,
        };
        let mut failed = slots.iter().filter_map(|slot| match slot {
            Slot::Failed(trouble) => Some(trouble.clone()),
            _ => None,
        });
        if slots.iter().filter(|slot| matches!(slot, Slot::Failed(_))).count() > bound {
            let trouble = self.of(at).trouble.clone().or_else(|| failed.next()).unwrap();
            self.stop_inside(at, &format!("failure of {path}"));
            return self.fail(at, trouble);
        }
        if let Some(index) = slots.iter().position(|slot| matches!(slot, Slot::Closed)) {
            return self.open(at, index);
        }
        let results: Vec<Value> = slots
            .iter()
            .map(|slot| if let Slot::Completed(value, _) = slot { value.clone() } else { Value::Null })
            .collect();
        let tainted = slots.iter().any(|slot| matches!(slot, Slot::Completed(_, true)));
        let output = if all {
            json!({ "itemCount": results.len(), "loopCompleted": true, "results": results })
        } else {
            let StepKind::Parallel(fork) = &self.of(at).step.kind else { panic!("no branches") };
            let keys = fork.branches.iter().map(|branch| branch.key.clone());
            let mut output: Map<String, Value> = keys.zip(results).collect();
            output.insert("parallelCompleted".to_owned(), true.into());
            self.stop_inside(at, &format!("join of {path}"));
            Value::Object(output)
        };
        self.of_mut(at).tainted = tainted;
        self.complete(at, output);
    }

    pub(super) fn open(&mut self, at: At, index: usize) {
        self.opened += 1;
        let number = self.opened;
        let path = self.path(at);
        let body = match &self.of(at).step.kind {
            StepKind::Loop(each) => body(&each.steps, format!("{path}[{index}]"), false, Some(at), index),
            StepKind::Parallel(fork) => {
                let branch = &fork.branches[index];
                body(&branch.steps, format!("{path}.{}", branch.key), branch.single, Some(at), index)
            }
            _ => panic!("nothing to open"),
        };
        self.notes.push(format!("open {number} {}", body.prefix));
        *self.slot(at, index) = Slot::Open(number);
        self.bodies.insert(number, body);
    }

    pub(super) fn close(&mut self, number: u32) {
        let body = &self.bodies[&number];
        let tainted = body.done.iter().any(|one| one.tainted);
        if number == 0 {
            let status = if tainted { ExecutionStatus::Failed } else { ExecutionStatus::Completed };
            return self.end(status);
        }
        let owner = self.of(body.owner.unwrap());
        let output = match &owner.step.kind {
            _ if body.single => body.done[0].output.clone(),
            StepKind::Loop(each) if each.output.is_some() => {
                self.template(number, each.output.as_ref().unwrap()).unwrap()
            }
            _ => outputs_of(body),
        };
        let text = format!("completed {output}");
        self.shut(number, Slot::Completed(output, tainted), &text);
    }

    /// Closes a body and tells its owner's slot.
    pub(super) fn shut(&mut self, number: u32, outcome: Slot, text: &str) {
        let body = self.bodies.remove(&number).unwrap();
        let owner = body.owner.unwrap();
        if let Slot::Failed(trouble) = &outcome {
            // The first failure is the one that is told.
            self.of_mut(owner).trouble.get_or_insert_with(|| trouble.clone());
        }
        *self.slot(owner, body.index) = outcome;
        self.notes.push(format!("close {number} {text}"));
    }

    pub(super) fn stop(&mut self, number: u32, reason: &str) {
        for index in 0..self.bodies[&number].done.len() {
            let at = (number, index);
            let path = self.path(at);
            match self.of(at).status {
                StepStatus::Pending => {
                    self.of_mut(at).status = StepStatus::Skipped;
                    self.notes.push(format!("skip {path} stopped by {reason}"));
                }
                StepStatus::Running | StepStatus::Retrying | StepStatus::Waiting => {
                    self.stop_inside(at, reason);
                    self.of_mut(at).status = StepStatus::Cancelled;
                    self.of_mut(at).work = Work::Nothing;
                    self.notes.push(format!("cancel {path} {reason}"));
                }
                _ => {}
            }
        }
    }

    pub(super) fn stop_inside(&mut self, at: At, reason: &str) {
        let (Work::Loop(_, slots) | Work::Parallel(_, slots)) = self.of(at).work.clone() else { return };
        let mut open: Vec<u32> = slots
            .iter()
            .filter_map(|slot| if let Slot::Open(number) = slot { Some(*number) } else { None })
            .collect();
        open.sort_unstable();
        for number in open {
            self.stop(number, reason);
            self.shut(number, Slot::Stopped, "cancelled");
        }
    }

    pub(super) fn next(&self) -> Option<At> {
        if self.paused {
            return None;
        }
        let free =
            self.running_attempts() < self.workflow.max_parallel.map_or(usize::MAX, |max| max as usize);
        let fits = |at: &At| free || !asks_agent(self.of(*at).step);
        let mut due: Vec<At> = self.all();
        due.retain(|at| self.of(*at).status == StepStatus::Retrying && self.of(*at).retry_at <= self.now);
        due.sort_by_key(|at| (self.of(*at).retry_at, *at));
        let ready = |at: &At| self.of(*at).status == StepStatus::Pending && self.is_ready(*at);
        due.into_iter().find(fits).or_else(|| self.all().into_iter().filter(ready).find(fits))
    }

    pub(super) fn is_ready(&self, at: At) -> bool {
        let body = &self.bodies[&at.0];
        before(body.steps, self.of(at).step).iter().all(|b| self.sibling(at.0, &b.key).status.is_ended())
    }
}
