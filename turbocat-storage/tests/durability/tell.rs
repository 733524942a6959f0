//! What somebody outside tells an execution: whoever that is crashes too and comes back, looks at
//! what has been told, and tells the rest.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use turbocat_core::{Approval, Engine, ExecutionId, Journal, Message};

/// Something to tell, when its time has come.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tell {
    Signal(&'static str, &'static str),
    Approve(&'static str, bool),
    Pause,
    Unpause,
    Cancel,
}

impl Tell {
    /// Whether it was told and heard.
    fn is_heard(self, events: &[Value]) -> bool {
        events.iter().any(|event| {
            let kind = event["type"].as_str().unwrap_or_default();
            match self {
                Self::Signal(name, _) => kind == "signalReceived" && event["name"] == name,
                Self::Approve(step, _) => {
                    matches!(kind, "stepCompleted" | "stepFailed" | "stepCancelled") && event["step"] == step
                }
                Self::Pause => kind == "executionPaused",
                Self::Unpause => kind == "executionResumed",
                Self::Cancel => kind == "cancelRequested",
            }
        })
    }

    fn is(self, message: &Message) -> bool {
        match (self, message) {
            (Self::Signal(own, _), Message::Signal { name, .. }) => **name == *own,
            (Self::Approve(own, _), Message::Approval { step, .. }) => step == own,
            (Self::Pause, Message::Pause { .. })
            | (Self::Unpause, Message::Resume)
            | (Self::Cancel, Message::Cancel { .. }) => true,
            _ => false,
        }
    }

    /// Whether its time has come.
    fn is_due(self, events: &[Value]) -> bool {
        let began = |step: &str| {
            let started = |event: &Value| event["type"] == "stepStarted" && event["step"] == step;
            events.iter().any(started)
        };
        match self {
            Self::Approve(step, _) => began(step),
            Self::Cancel => began("child") && began("each"),
            _ => !events.is_empty(),
        }
    }

    /// Errors do not count: whoever tells looks again.
    async fn tell(self, engine: &Engine, id: ExecutionId) {
        let _ = match self {
            Self::Signal(name, payload) => engine.signal(id, name, payload).await,
            Self::Approve(step, yes) => {
                let answer = if yes { Approval::yes() } else { Approval::no() };
                engine.approve(id, step, answer.by("ada")).await
            }
            Self::Pause => engine.pause(id, "to look").await,
            Self::Unpause => engine.unpause(id).await,
            Self::Cancel => engine.cancel(id, "enough").await,
        };
    }
}

/// Tells an execution all of it in this order, each once. Returns when all was heard.
pub(super) async fn tell_all(tells: &[Tell], engine: &Engine, id: ExecutionId, journal: &Arc<dyn Journal>) {
    for tell in tells {
        loop {
            // Letters first: what is in neither was told by nobody.
            let (letters, recorded) = (journal.letters(id).await, journal.load(id).await);
            if let (Ok(letters), Ok(Some(recorded))) = (letters, recorded) {
                if tell.is_heard(&recorded.events) {
                    break;
                }
                if recorded.status.is_ended() {
                    return;
                }
                let on_its_way = letters.iter().any(|letter| tell.is(&letter.message));
                if !on_its_way && tell.is_due(&recorded.events) {
                    tell.tell(engine, id).await;
                }
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
