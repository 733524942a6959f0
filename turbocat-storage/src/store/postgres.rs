//! A group of turns as one transaction on PostgreSQL. Rows come as arrays.

use std::collections::{BTreeMap, HashSet};

use uuid::Uuid;

use super::sqlite::{BLOB, BLOB_USE};
use super::turn::{New, Turn};
use crate::db::{Arg, Args, Database, Transaction};
use crate::error::StorageError;

/// Stands for an absent number in an array.
const NONE: i64 = -1;

const MOVE: &str = "with t as (
    select * from unnest($1::uuid[], $2::int8[], $3::int8[], $4::text[], $5::int8[], $6::int8[], $7::int8[],
        $8::int8[], $9::int8[], $10::text[], $11::text[], $12::text[], $16::uuid[])
        as t (id, expected, seq, status, completed, failed, skipped, started, ended, output, digest, error,
            worker)
), moved as (
    update executions as e set
        seq = t.seq, status = t.status, steps_completed = t.completed, steps_failed = t.failed,
        steps_skipped = t.skipped, started_at = to_timestamp(nullif(t.started, -1) / 1000.0),
        completed_at = to_timestamp(nullif(t.ended, -1) / 1000.0),
        duration_ms = nullif(t.ended, -1) - nullif(t.started, -1),
        output_data = coalesce(t.output::json, e.output_data), output_digest = decode(t.digest, 'hex'),
        error_message = t.error::json, updated_at = now()
    from t where e.id = t.id and e.seq = t.expected and e.status in ('pending', 'running')
        and (t.worker = $17 or exists (
            select 1 from jobs as h where h.execution_id = t.id and h.state = 1 and h.worker = t.worker))
    returning e.id
), wrote as (
    insert into execution_events (execution_id, seq, events)
    select r.id, r.first, r.events from unnest($13::uuid[], $14::int8[], $15::text[]) as r (id, first, events)
    join moved on moved.id = r.id
)
select id from moved";

const DEFINE: &str = "insert into definitions (digest, body)
select decode(d, 'hex'), b from unnest($1::text[], $2::text[]) as t (d, b) order by d on conflict do nothing";

const TAKE_IN: &str = "insert into executions (
    id, workflow_id, user_id, workflow_name, definition, trigger_type, trigger_data, priority, parent_id,
    awaited, input_data, input_digest, lineage, steps_total, created_at, updated_at)
select t.id, nullif(t.workflow_id, $17), nullif(t.user_id, $17), t.name, decode(t.digest, 'hex'), t.trigger,
    t.data::json, t.priority, nullif(t.parent, $17), t.awaited = 1, coalesce(t.inputs, 'null')::json,
    decode(t.input_digest, 'hex'), t.lineage::json, t.steps, to_timestamp(t.created / 1000.0),
    to_timestamp(t.created / 1000.0)
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int8[],
    $9::uuid[], $10::int8[], $11::text[], $12::text[], $13::text[], $14::int8[], $15::int8[], $16::int8[])
    as t (id, workflow_id, user_id, name, digest, trigger, data, priority, parent, awaited, inputs,
        input_digest, lineage, steps, created, due)
on conflict do nothing returning id";

const ENQUEUE: &str = "insert into jobs (execution_id, workflow_name, priority, state, due_ms, worker, created_ms)
select t.id, t.name, t.priority, case when t.worker <> $7 then 1 when t.due > $8 then 4 else 0 end, nullif(t.due, -1),
    nullif(t.worker, $7), t.created
from unnest($1::uuid[], $2::text[], $3::int8[], $4::uuid[], $5::int8[], $6::int8[])
    as t (id, name, priority, worker, due, created)";

/// Whoever puts a letter into a box, parks its owner or ends it waits for the others who do, and
/// sees in its next statement what they did: no letter is left that nobody reads.
const LOCK: &str = "select 1 from jobs where execution_id = any($1) order by execution_id for update";

const LETTERS: &str = "insert into letters (id, execution_id, message)
select t.id, t.recipient, t.message
from unnest($1::uuid[], $2::uuid[], $3::text[]) with ordinality as t (id, recipient, message, place)
where exists (select 1 from jobs where execution_id = t.recipient) order by t.place on conflict do nothing";

const WAKE: &str = "update jobs set state = 0, due_ms = $3
where state = 2 and execution_id = any($1) or state = 4 and execution_id = any($2)";

/// Writes a group. Gives the executions whose turns do not fit them any more; nothing is written of
/// those.
pub(super) async fn write(
    database: &Database,
    turns: &[&Turn],
    now: i64,
) -> Result<HashSet<Uuid>, StorageError> {
    let more = turns.iter().any(|turn| turn.is_more_than_events() || !turn.blobs.is_empty());
    if !more {
        let moved = database.returning(MOVE, args_of_move(turns)).await?;
        return conflicts(turns, &moved);
    }
    let mut transaction = database.begin().await?;
    let mut refused = HashSet::new();
    let begun: Vec<&New> =
        turns.iter().filter(|turn| turn.begins).filter_map(|turn| turn.new.first()).collect();
    if !begun.is_empty() {
        let known = take_in(&mut transaction, &begun, now).await?;
        refused.extend(begun.iter().map(|new| new.execution).filter(|id| !known.contains(id)));
    }
    let fitting: Vec<&Turn> =
        turns.iter().copied().filter(|turn| !refused.contains(&turn.execution)).collect();
    for (execution, blob) in fitting.iter().flat_map(|turn| &turn.blobs) {
        transaction.execute(BLOB, crate::args![&blob.digest[..], &*blob.text]).await?;
        transaction.execute(BLOB_USE, crate::args![execution, &blob.digest[..]]).await?;
    }
    let moved = transaction.fetch_all(MOVE, args_of_move(&fitting)).await?;
    refused.extend(conflicts(&fitting, &moved)?);
    let fitting: Vec<&Turn> =
        turns.iter().copied().filter(|turn| !refused.contains(&turn.execution)).collect();
    let started: Vec<&New> =
        fitting.iter().flat_map(|turn| turn.new.iter().skip(usize::from(turn.begins))).collect();
    if !started.is_empty() {
        let known = take_in(&mut transaction, &started, now).await?;
        if known.len() < started.len() {
            // Somebody took in a child of an execution that is not theirs.
            return Err(StorageError::new(
                crate::error::StorageErrorKind::Conflict,
                "an execution that is to be started is there already",
            ));
        }
    }
    finish(&mut transaction, &fitting, now).await?;
    transaction.commit().await?;
    Ok(refused)
}

fn conflicts(turns: &[&Turn], moved: &[crate::db::Row]) -> Result<HashSet<Uuid>, StorageError> {
    let mut refused: HashSet<Uuid> = turns.iter().map(|turn| turn.execution).collect();
    for row in moved {
        refused.remove(&row.get::<Uuid>("id")?);
    }
    Ok(refused)
}

/// Letters, and what is gone.
async fn finish(transaction: &mut Transaction, turns: &[&Turn], now: i64) -> Result<(), StorageError> {
    let letters: Vec<_> = turns.iter().flat_map(|turn| &turn.letters).collect();
    let mut ended: Vec<Uuid> = turns.iter().filter(|turn| turn.ended).map(|turn| turn.execution).collect();
    let mut touched: Vec<Uuid> = letters.iter().map(|letter| letter.to).collect();
    touched.extend(&ended);
    if !touched.is_empty() {
        transaction.execute(LOCK, crate::args![touched]).await?;
    }
    if !letters.is_empty() {
        let mut to: Vec<Uuid> = letters.iter().map(|letter| letter.to).collect();
        let (ids, texts): (Vec<Uuid>, Vec<Option<String>>) =
            letters.iter().map(|letter| (letter.id, Some(letter.message.clone()))).unzip();
        transaction.execute(LETTERS, crate::args![ids, to.clone(), texts]).await?;
        to.sort_unstable();
        let cancelled: Vec<Uuid> =
            letters.iter().filter(|letter| letter.cancels).map(|letter| letter.to).collect();
        transaction.execute(WAKE, crate::args![to, cancelled, now]).await?;
    }
    let read: Vec<Uuid> = turns.iter().filter_map(|turn| turn.read).collect();
    if !read.is_empty() {
        transaction.execute("delete from letters where id = any($1)", crate::args![read]).await?;
    }
    if !ended.is_empty() {
        ended.sort_unstable();
        let text = "with gone as (delete from letters where execution_id = any($1)),
            free as (delete from agent_places where execution_id = any($1))
            delete from jobs where execution_id = any($1)";
        transaction.execute(text, crate::args![ended]).await?;
    }
    Ok(())
}

fn args_of_move(turns: &[&Turn]) -> Args {
    let numbers =
        |number: &dyn Fn(&Turn) -> i64| -> Vec<i64> { turns.iter().map(|turn| number(turn)).collect() };
    let texts = |text: &dyn Fn(&Turn) -> Option<String>| -> Vec<Option<String>> {
        turns.iter().map(|turn| text(turn)).collect()
    };
    let rows = || turns.iter().flat_map(|turn| turn.rows.iter().map(|row| (turn.execution, row)));
    crate::args![
        turns.iter().map(|turn| turn.execution).collect::<Vec<Uuid>>(),
        numbers(&|turn| turn.expected),
        numbers(&|turn| turn.seq),
        texts(&|turn| Some(turn.status.to_owned())),
        numbers(&|turn| turn.completed.into()),
        numbers(&|turn| turn.failed.into()),
        numbers(&|turn| turn.skipped.into()),
        numbers(&|turn| turn.started_at.unwrap_or(NONE)),
        numbers(&|turn| turn.ended_at.unwrap_or(NONE)),
        texts(&|turn| turn.output.clone()),
        texts(&|turn| turn.output_digest.clone()),
        texts(&|turn| turn.error.clone()),
        rows().map(|(id, _)| id).collect::<Vec<Uuid>>(),
        rows().map(|(_, (first, _))| *first).collect::<Vec<i64>>(),
        rows().map(|(_, (_, text))| Some(text.clone())).collect::<Vec<Option<String>>>(),
        turns.iter().map(|turn| turn.worker.unwrap_or(Uuid::nil())).collect::<Vec<Uuid>>(),
        Arg::Uuid(Some(Uuid::nil())),
    ]
}

/// Takes executions in. Gives those that were not there.
pub(super) async fn take_in(
    transaction: &mut Transaction,
    new: &[&New],
    now: i64,
) -> Result<HashSet<Uuid>, StorageError> {
    let definitions: BTreeMap<&str, &str> = new.iter().map(|new| (&*new.digest, &*new.definition)).collect();
    let (digests, bodies): (Vec<Option<String>>, Vec<Option<String>>) = definitions
        .into_iter()
        .map(|(digest, body)| (Some(digest.to_owned()), Some(body.to_owned())))
        .unzip();
    transaction.execute(DEFINE, crate::args![digests, bodies]).await?;
    let uuids = |uuid: &dyn Fn(&New) -> Option<Uuid>| -> Vec<Uuid> {
        new.iter().map(|new| uuid(new).unwrap_or(Uuid::nil())).collect()
    };
    let numbers = |number: &dyn Fn(&New) -> i64| -> Vec<i64> { new.iter().map(|new| number(new)).collect() };
    let texts = |text: &dyn Fn(&New) -> Option<String>| -> Vec<Option<String>> {
        new.iter().map(|new| text(new)).collect()
    };
    let args = crate::args![
        uuids(&|new| Some(new.execution)),
        uuids(&|new| new.workflow_id),
        uuids(&|new| new.user_id),
        texts(&|new| new.name.clone()),
        texts(&|new| Some(new.digest.clone())),
        texts(&|new| Some(new.trigger.to_owned())),
        texts(&|new| Some(new.trigger_data.clone())),
        numbers(&|new| new.priority.into()),
        uuids(&|new| new.parent),
        numbers(&|new| new.awaited.into()),
        texts(&|new| new.inputs.clone()),
        texts(&|new| new.input_digest.clone()),
        texts(&|new| new.lineage.clone()),
        numbers(&|new| new.steps.into()),
        numbers(&|new| new.created),
        numbers(&|new| new.due.unwrap_or(NONE)),
        Arg::Uuid(Some(Uuid::nil())),
    ];
    let mut known = HashSet::new();
    for row in transaction.fetch_all(TAKE_IN, args).await? {
        known.insert(row.get::<Uuid>("id")?);
    }
    let new: Vec<&&New> = new.iter().filter(|new| known.contains(&new.execution)).collect();
    let args = crate::args![
        new.iter().map(|new| new.execution).collect::<Vec<Uuid>>(),
        new.iter().map(|new| new.name.clone()).collect::<Vec<Option<String>>>(),
        new.iter().map(|new| new.priority.into()).collect::<Vec<i64>>(),
        new.iter().map(|new| new.worker.unwrap_or(Uuid::nil())).collect::<Vec<Uuid>>(),
        new.iter().map(|new| new.due.unwrap_or(NONE)).collect::<Vec<i64>>(),
        new.iter().map(|new| new.created).collect::<Vec<i64>>(),
        Arg::Uuid(Some(Uuid::nil())),
        now,
    ];
    transaction.execute(ENQUEUE, args).await?;
    Ok(known)
}
