//! A turn as it is written: texts and numbers, made in the task of whoever commits.

use turbocat_core::{Commit, ExecutionStatus, Letter, Message, NewExecution};
use uuid::Uuid;

use super::value::{Blob, Written, hex, write, write_event};
use crate::error::StorageError;

/// Events of one row at most, so that who reads a part of a large turn does not read it all.
const ROW: usize = 500;

/// A turn as it is written.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) execution: Uuid,
    pub(super) expected: i64,
    pub(super) seq: i64,
    /// Each with the number of its first event.
    pub(super) rows: Vec<(i64, String)>,
    pub(super) status: &'static str,
    pub(super) ended: bool,
    pub(super) completed: u32,
    pub(super) failed: u32,
    pub(super) skipped: u32,
    pub(super) started_at: Option<i64>,
    pub(super) ended_at: Option<i64>,
    pub(super) output: Option<String>,
    pub(super) output_digest: Option<String>,
    pub(super) error: Option<String>,
    /// Whether it begins with this turn; then it is the first of `new`.
    pub(super) begins: bool,
    pub(super) new: Vec<New>,
    pub(super) letters: Vec<Post>,
    pub(super) read: Option<Uuid>,
    /// Who must hold the execution.
    pub(super) worker: Option<Uuid>,
    pub(super) blobs: Vec<(Uuid, Blob)>,
}

/// An execution as it is taken in.
#[derive(Debug)]
pub(super) struct New {
    pub(super) execution: Uuid,
    pub(super) name: Option<String>,
    pub(super) digest: String,
    pub(super) definition: String,
    pub(super) inputs: Option<String>,
    pub(super) input_digest: Option<String>,
    pub(super) trigger: &'static str,
    pub(super) trigger_data: String,
    pub(super) parent: Option<Uuid>,
    pub(super) awaited: bool,
    pub(super) lineage: Option<String>,
    pub(super) steps: u32,
    pub(super) priority: i32,
    pub(super) worker: Option<Uuid>,
    /// Ready: since when; held: until when, if there are leases.
    pub(super) due: Option<i64>,
    pub(super) workflow_id: Option<Uuid>,
    pub(super) user_id: Option<Uuid>,
    pub(super) created: i64,
}

/// A letter as it is written.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) id: Uuid,
    pub(super) to: Uuid,
    pub(super) message: String,
    /// Whether it cancels the execution: that does not wait for the execution's time to come.
    pub(super) cancels: bool,
}

impl Post {
    pub(super) fn new(letter: &Letter) -> Result<Self, StorageError> {
        let message = serde_json::to_string(&letter.message)
            .map_err(|error| StorageError::invalid("a letter cannot be written").because(error))?;
        let cancels = matches!(letter.message, Message::Cancel { .. });
        Ok(Self { id: letter.id, to: *letter.to.as_uuid(), message, cancels })
    }
}

impl New {
    /// `until`: when its lease ends, if there are leases.
    pub(super) fn of(
        new: &NewExecution,
        now: i64,
        until: Option<i64>,
        blobs: &mut Vec<(Uuid, Blob)>,
    ) -> Self {
        let execution = *new.execution.as_uuid();
        let (inputs, input_digest) = place(execution, &new.inputs, blobs);
        let lineage: Vec<&str> = new.lineage.iter().map(|name| &**name).collect();
        Self {
            execution,
            name: new.name.as_deref().map(str::to_owned),
            digest: hex(new.definition.digest()),
            definition: new.definition.text().to_owned(),
            inputs,
            input_digest,
            trigger: new.trigger.word(),
            trigger_data: match &new.trigger_data {
                serde_json::Value::Null => "{}".to_owned(),
                data => data.to_string(),
            },
            parent: new.parent.map(|parent| *parent.as_uuid()),
            awaited: new.awaited,
            lineage: (!lineage.is_empty()).then(|| serde_json::json!(lineage).to_string()),
            steps: new.steps,
            priority: new.priority,
            worker: new.held_by.map(|worker| *worker.as_uuid()),
            due: match new.held_by {
                Some(_) => until,
                None => Some(new.not_before.map_or(now, |at| at.as_millis().max(now))),
            },
            workflow_id: new.workflow_id,
            user_id: new.user_id,
            created: now,
        }
    }
}

/// A value in its place, or apart under a digest.
fn place(
    execution: Uuid,
    value: &serde_json::Value,
    blobs: &mut Vec<(Uuid, Blob)>,
) -> (Option<String>, Option<String>) {
    match write(value) {
        Written::Here(text) => (Some(text), None),
        Written::Apart(blob) => {
            let digest = hex(&blob.digest);
            blobs.push((execution, blob));
            (None, Some(digest))
        }
    }
}

impl Turn {
    pub(super) fn new(commit: &Commit<'_>, now: i64, until: Option<i64>) -> Result<Self, StorageError> {
        let execution = *commit.execution.as_uuid();
        let number = |number: u64| {
            i64::try_from(number).map_err(|_| StorageError::invalid("an execution has too many events"))
        };
        let expected = number(commit.expected_seq)?;
        let mut large = Vec::new();
        let mut blobs = Vec::new();
        let mut rows = Vec::with_capacity(1);
        let mut first = expected + 1;
        for part in commit.events.chunks(ROW) {
            let mut text = String::with_capacity(part.len() * 128);
            text.push('[');
            for (at, event) in part.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write_event(event, &mut text, &mut large);
            }
            text.push(']');
            rows.push((first, text));
            first += number(part.len() as u64)?;
        }
        blobs.extend(large.into_iter().map(|blob| (execution, blob)));
        let standing = &commit.standing;
        let (output, output_digest) = match standing.output {
            Some(output) => place(execution, output, &mut blobs),
            None => (None, None),
        };
        let new = commit.begins.iter().copied().chain(commit.starts);
        let new = new.map(|new| New::of(new, now, until, &mut blobs)).collect();
        Ok(Self {
            execution,
            expected,
            seq: first - 1,
            rows,
            status: standing.status.word(),
            ended: standing.status.is_ended(),
            completed: standing.completed,
            failed: standing.failed,
            skipped: standing.skipped,
            started_at: standing.started_at.map(|at| at.as_millis()),
            ended_at: standing.ended_at.map(|at| at.as_millis()),
            output,
            output_digest,
            error: standing.error.map(|error| serde_json::Value::from(error).to_string()),
            begins: commit.begins.is_some(),
            new,
            letters: commit.sends.iter().map(Post::new).collect::<Result<_, _>>()?,
            read: commit.read,
            worker: commit.by.filter(|_| commit.begins.is_none()).map(|worker| *worker.as_uuid()),
            blobs,
        })
    }

    /// Executions that are taken in by somebody who drives none of them.
    pub(super) fn taking_in(new: Vec<New>, blobs: Vec<(Uuid, Blob)>) -> Self {
        Self {
            execution: new.first().map_or(Uuid::nil(), |new| new.execution),
            expected: 0,
            worker: None,
            seq: 0,
            rows: Vec::new(),
            status: "",
            ended: false,
            completed: 0,
            failed: 0,
            skipped: 0,
            started_at: None,
            ended_at: None,
            output: None,
            output_digest: None,
            error: None,
            begins: false,
            new,
            letters: Vec::new(),
            read: None,
            blobs,
        }
    }

    /// Whether it only takes executions in.
    pub(super) fn only_takes_in(&self) -> bool {
        self.status.is_empty()
    }

    /// Whether it says something new about the execution, and is not only the answer to a letter.
    pub(super) fn moves(&self) -> bool {
        !self.rows.is_empty() || self.ended
    }

    /// Whether it is more than events.
    pub(super) fn is_more_than_events(&self) -> bool {
        self.ended
            || self.rows.is_empty()
            || self.read.is_some()
            || !self.new.is_empty()
            || !self.letters.is_empty()
    }
}

/// The status of a word.
pub(super) fn status_of(word: &str) -> Result<ExecutionStatus, StorageError> {
    Ok(match word {
        "pending" => ExecutionStatus::Pending,
        "running" => ExecutionStatus::Running,
        "completed" => ExecutionStatus::Completed,
        "failed" => ExecutionStatus::Failed,
        "cancelled" => ExecutionStatus::Cancelled,
        "timeout" => ExecutionStatus::Timeout,
        _ => return Err(StorageError::corrupt("an execution has a status that does not exist")),
    })
}
