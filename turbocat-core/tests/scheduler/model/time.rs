//! What the clock and signals bring.

use super::*;

impl<'w> Model<'w> {
    /// The next alarm: when, and what it is about.
    pub(super) fn alarm(&self) -> Option<(i64, u8, At)> {
        let mut alarms = Vec::new();
        if let (Some(limit), true) = (self.workflow.timeout, self.is_working()) {
            let left = (limit.as_millis() as i64 - self.worked).max(0);
            alarms.push((self.last + left, 0, (0, 0)));
        }
        for at in self.all() {
            let one = self.of(at);
            if one.attempt > 0 && !one.status.is_ended() {
                alarms.extend(one.deadline.map(|moment| (moment, 1, at)));
                alarms.extend(one.timeout.map(|moment| (moment, 2, at)));
                if let Work::Timer(until) = one.work {
                    alarms.push((until, 3, at));
                }
            }
        }
        alarms.into_iter().min()
    }

    pub(super) fn alarms(&mut self) {
        while let Some((moment, what, at)) = self.alarm() {
            if moment > self.now || self.status != ExecutionStatus::Running {
                break;
            }
            let path = self.path(at);
            match what {
                0 => {
                    self.stop(0, "execution timeout");
                    self.end(ExecutionStatus::Timeout);
                }
                1 => {
                    self.stop_inside(at, &format!("timeout of {path}"));
                    self.fail_for_good(at, Trouble { kind: "timeout", retryable: true });
                }
                2 => self.timed_out(at),
                _ => {
                    let (until, started) = (moment, self.of(at).started);
                    let output = match &self.of(at).step.kind {
                        StepKind::Wait(Wait::Until(_)) => {
                            json!({ "until": moment_text(until), "waited": true })
                        }
                        _ => json!({ "waitMs": until - started, "waited": true }),
                    };
                    self.complete(at, output);
                }
            }
        }
    }

    pub(super) fn timed_out(&mut self, at: At) {
        let path = self.path(at);
        let limit = self.of(at).step.timeout.map(turbocat_core::format_duration).unwrap_or_default();
        let nobody = format!("nobody answered within {limit}");
        match &self.of(at).step.kind {
            StepKind::Wait(Wait::Signal { name, on_timeout: OnTimeout::Continue }) => {
                self.complete(
                    at,
                    json!({ "payload": null, "signal": name, "timedOut": true, "waited": true }),
                );
            }
            StepKind::Wait(Wait::Approval { on_timeout: OnTimeout::Continue, .. }) => {
                self.complete(at, answer(false, None, Some(&nobody)));
            }
            StepKind::Wait(Wait::Approval { on_timeout: OnTimeout::Approve, .. }) => {
                self.complete(at, answer(true, None, Some(&nobody)));
            }
            StepKind::Wait(Wait::Approval { on_timeout: OnTimeout::Reject, .. }) => {
                self.fail_for_good(at, Trouble { kind: "rejected", retryable: false });
            }
            _ => {
                self.stop_inside(at, &format!("timeout of {path}"));
                self.fail(at, Trouble { kind: "timeout", retryable: true });
            }
        }
    }

    pub(super) fn deliver(&mut self, name: &str) {
        loop {
            let listens = |at: &At| matches!(&self.of(*at).work, Work::Signal(other) if other == name);
            let (Some(at), Some(kept)) = (self.all().into_iter().find(listens), self.signals.get_mut(name))
            else {
                return;
            };
            let Some(payload) = kept.pop_front() else { return };
            let path = self.path(at);
            self.notes.push(format!("take {path} {name}"));
            self.complete(
                at,
                json!({ "payload": payload, "signal": name, "timedOut": false, "waited": true }),
            );
        }
    }
}
