//! A group of turns as one transaction on SQLite, in one call to its thread.
//!
//! Rows come as JSON, because one text then serves groups of every size: it is parsed once and kept.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

use super::turn::{New, Turn};
use super::value::hex;
use crate::db::{Args, Database, Transaction};
use crate::error::{StorageError, StorageErrorKind};

/// `$1` turns: id, number of the last event before, number of the last one now, status, counts,
/// times, output, error, who must hold it. `$2` events: id, number of the first, text. `$3` the
/// time.
///
/// The first statement fails if a turn does not fit its execution any more: the table has a check
/// that no such row passes.
macro_rules! events {
    () => {
        "insert into queue_controls (id)
select 2 from json_each($1) as j where not exists (
    select 1 from executions as x
    where x.id = unhex(j.value ->> 0) and x.seq = j.value ->> 1 and x.status in ('pending', 'running')
        and (j.value ->> 12 is null or exists (
            select 1 from jobs as h
            where h.execution_id = x.id and h.state = 1 and h.worker = unhex(j.value ->> 12))));
insert into execution_events (execution_id, seq, events)
select unhex(j.value ->> 0), j.value ->> 1, j.value ->> 2 from json_each($2) as j;
update executions as e set
    seq = j.value ->> 2, status = j.value ->> 3, steps_completed = j.value ->> 4,
    steps_failed = j.value ->> 5, steps_skipped = j.value ->> 6, started_at = j.value ->> 7,
    completed_at = j.value ->> 8, duration_ms = (j.value ->> 8) - (j.value ->> 7),
    output_data = coalesce(j.value ->> 9, e.output_data), output_digest = unhex(j.value ->> 10),
    error_message = j.value ->> 11, updated_at = $3
from json_each($1) as j where e.id = unhex(j.value ->> 0)"
    };
}

/// `$3` the time. `$4` definitions: digest, text. `$5` new executions.
macro_rules! take_in {
    () => {
        "insert into definitions (digest, body, created_at)
select unhex(j.value ->> 0), j.value ->> 1, $3 from json_each($4) as j where true on conflict do nothing;
insert into executions (
    id, workflow_id, user_id, workflow_name, definition, trigger_type, trigger_data, priority, parent_id,
    awaited, input_data, input_digest, lineage, steps_total, created_at, updated_at)
select unhex(j.value ->> 0), unhex(j.value ->> 1), unhex(j.value ->> 2), j.value ->> 3, unhex(j.value ->> 4),
    j.value ->> 5, j.value ->> 6, j.value ->> 7, unhex(j.value ->> 8), j.value ->> 9,
    coalesce(j.value ->> 10, 'null'), unhex(j.value ->> 11), j.value ->> 12, j.value ->> 13, j.value ->> 14,
    j.value ->> 14
from json_each($5) as j;
insert into jobs (execution_id, workflow_name, priority, state, due_ms, worker, created_ms)
select unhex(j.value ->> 0), j.value ->> 3, j.value ->> 7, case when j.value ->> 15 is not null then 1 when j.value ->> 16 > $3 then 4 else 0 end,
    j.value ->> 16, unhex(j.value ->> 15), j.value ->> 14
from json_each($5) as j"
    };
}

/// `$6` letters: id, to, text, whether they cancel. `$7` letters that were read. `$8` executions that
/// have ended.
const ALL: &str = concat!(
    take_in!(),
    ";\n",
    events!(),
    ";
insert into letters (id, execution_id, message)
select unhex(j.value ->> 0), unhex(j.value ->> 1), j.value ->> 2 from json_each($6) as j
where exists (select 1 from jobs where execution_id = unhex(j.value ->> 1)) on conflict do nothing;
update jobs set state = 0, due_ms = $3
where state = 2 and execution_id in (select unhex(j.value ->> 1) from json_each($6) as j)
    or state = 4 and execution_id in (select unhex(j.value ->> 1) from json_each($6) as j where j.value ->> 3);
delete from letters where id in (select unhex(j.value) from json_each($7) as j);
delete from letters where execution_id in (
    select unhex(j.value) from json_each($8) as j);
delete from agent_places where execution_id in (
    select unhex(j.value) from json_each($8) as j);
delete from jobs where execution_id in (
    select unhex(j.value) from json_each($8) as j)"
);

const EVENTS: &str = events!();

pub(super) const BLOB: &str = "insert into blobs (digest, body) values ($1, $2) on conflict do nothing";
pub(super) const BLOB_USE: &str =
    "insert into execution_blobs (execution_id, digest) values ($1, $2) on conflict do nothing";

/// Writes a group, or nothing of it.
pub(super) async fn write(database: &Database, turns: &[&Turn], now: i64) -> Result<(), StorageError> {
    let mut args = args_of_events(turns, now);
    let has_blobs = turns.iter().any(|turn| !turn.blobs.is_empty());
    if !has_blobs && !turns.iter().any(|turn| turn.is_more_than_events()) {
        return database.raw(EVENTS, args).await;
    }
    args_of_all(&mut args, turns.iter().flat_map(|turn| &turn.new), turns);
    if !has_blobs {
        return database.raw(ALL, args).await;
    }
    let mut transaction = database.begin().await?;
    for (execution, blob) in turns.iter().flat_map(|turn| &turn.blobs) {
        transaction.execute(BLOB, crate::args![&blob.digest[..], &*blob.text]).await?;
        transaction.execute(BLOB_USE, crate::args![execution, &blob.digest[..]]).await?;
    }
    transaction.execute(ALL, args).await?;
    transaction.commit().await
}

fn id(uuid: Uuid) -> String {
    hex(uuid.as_bytes())
}

/// Rows as JSON. They are texts and numbers, which cannot fail to be written.
fn rows<T: Serialize>(rows: impl Iterator<Item = T>) -> String {
    serde_json::to_string(&rows.collect::<Vec<T>>()).unwrap_or_default()
}

fn args_of_events(turns: &[&Turn], now: i64) -> Args {
    let of_turns = rows(turns.iter().filter(|turn| turn.moves() || turn.read.is_some()).map(|turn| {
        (
            id(turn.execution),
            turn.expected,
            turn.seq,
            turn.status,
            turn.completed,
            turn.failed,
            turn.skipped,
            turn.started_at,
            turn.ended_at,
            turn.output.as_deref(),
            turn.output_digest.as_deref(),
            turn.error.as_deref(),
            turn.worker.map(id),
        )
    }));
    let events = turns.iter().flat_map(|turn| turn.rows.iter().map(|row| (turn.execution, row)));
    let of_events = rows(events.map(|(execution, (first, text))| (id(execution), first, text)));
    crate::args![of_turns, of_events, now]
}

fn args_of_all<'a>(args: &mut Args, new: impl Iterator<Item = &'a New>, turns: &[&Turn]) {
    let new: Vec<&New> = new.collect();
    let definitions: BTreeMap<&str, &str> = new.iter().map(|new| (&*new.digest, &*new.definition)).collect();
    args.push(rows(definitions.into_iter()));
    args.push(rows(new.iter().map(|new| {
        let more = (new.created, new.worker.map(id), new.due);
        let ids = [Some(new.execution), new.workflow_id, new.user_id].map(|uuid| uuid.map(id));
        let mut row = vec![];
        row.extend(ids.map(serde_json::Value::from));
        row.extend([
            new.name.clone().into(),
            new.digest.clone().into(),
            new.trigger.into(),
            new.trigger_data.clone().into(),
            new.priority.into(),
            new.parent.map(id).into(),
            u8::from(new.awaited).into(),
            new.inputs.clone().into(),
            new.input_digest.clone().into(),
            new.lineage.clone().into(),
            new.steps.into(),
            more.0.into(),
            more.1.into(),
            more.2.into(),
        ]);
        serde_json::Value::Array(row)
    })));
    let letters = turns.iter().flat_map(|turn| &turn.letters);
    args.push(rows(letters.map(|letter| (id(letter.id), id(letter.to), &*letter.message, letter.cancels))));
    args.push(rows(turns.iter().filter_map(|turn| turn.read).map(id)));
    args.push(rows(turns.iter().filter(|turn| turn.ended).map(|turn| id(turn.execution))));
}

/// Takes executions in; a conflict if one of them is there.
pub(super) async fn take_in(
    transaction: &mut Transaction,
    new: &[&New],
    now: i64,
) -> Result<(), StorageError> {
    let mut args = crate::args!["[]", "[]", now];
    args_of_all(&mut args, new.iter().copied(), &[]);
    transaction.execute(take_in!(), args).await?;
    Ok(())
}

/// A check or a unique key refused the group: one of its turns is not the next of its execution.
pub(super) fn is_conflict(error: &StorageError) -> bool {
    matches!(error.kind(), StorageErrorKind::Constraint | StorageErrorKind::Conflict)
}
