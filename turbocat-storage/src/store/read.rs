//! What was written, read back.

use std::collections::BTreeMap;

use serde_json::Value;
use turbocat_core::{Definition, ExecutionId, ExecutionStatus, Letter, Message, Recorded};
use uuid::Uuid;

use super::open::Store;
use super::turn::status_of;
use super::value::{digests, hex, restore};
use crate::db::{Kind, Row};
use crate::error::StorageError;

impl Store {
    pub(super) async fn recorded(&self, execution: ExecutionId) -> Result<Option<Recorded>, StorageError> {
        let text = "select x.status, x.input_data, x.input_digest, x.error_message, x.parent_id, x.awaited,
                x.lineage, d.body
            from executions as x join definitions as d on d.digest = x.definition where x.id = $1";
        let Some(row) = self.0.database.fetch_optional(text, crate::args![execution]).await? else {
            return Ok(None);
        };
        let body: String = row.get("body")?;
        let inputs = self.value(&row, "input_data", "input_digest").await?.unwrap_or_default();
        let mut recorded = Recorded::new(Definition::from_text(body), inputs);
        recorded.status = status_of(&row.get::<String>("status")?)?;
        recorded.error = match row.get::<Option<Value>>("error_message")? {
            Some(Value::String(error)) => Some(error),
            _ => None,
        };
        recorded.parent = row.get("parent_id")?;
        recorded.awaited = row.get("awaited")?;
        recorded.lineage = match row.get::<Option<Value>>("lineage")? {
            Some(names) => serde_json::from_value(names)
                .map_err(|error| StorageError::corrupt("a lineage cannot be read").because(error))?,
            None => Vec::new(),
        };
        recorded.events = self.events(execution, 0).await?;
        Ok(Some(recorded))
    }

    /// The events of an execution after the one of that number, as they were recorded.
    ///
    /// # Errors
    /// What the database says.
    pub async fn events(&self, execution: ExecutionId, after: u64) -> Result<Vec<Value>, StorageError> {
        // The row that holds the next event may begin before it.
        let text = "select seq, events from execution_events where execution_id = $1 and seq >= coalesce((
                select max(seq) from execution_events where execution_id = $1 and seq <= $2), 0)
            order by seq";
        let rows = self.0.database.fetch_all(text, crate::args![execution, after + 1]).await?;
        let mut events: Vec<Value> = Vec::with_capacity(rows.len() * 2);
        for row in rows {
            let mut part: Vec<Value> = serde_json::from_str(&row.get::<String>("events")?)
                .map_err(|error| StorageError::corrupt("events cannot be read").because(error))?;
            let skip = (after + 1).saturating_sub(row.get::<u64>("seq")?);
            part.drain(..part.len().min(usize::try_from(skip).unwrap_or(usize::MAX)));
            events.append(&mut part);
        }
        let apart = digests(&events);
        if !apart.is_empty() {
            let mut texts = BTreeMap::new();
            for part in apart.chunks(100) {
                texts.extend(self.blobs(part).await?);
            }
            restore(&mut events, &texts)?;
        }
        Ok(events)
    }

    /// What an execution was given. `None` if there is no such execution.
    ///
    /// # Errors
    /// What the database says.
    pub async fn inputs(&self, execution: ExecutionId) -> Result<Option<Value>, StorageError> {
        let text = "select input_data, input_digest from executions where id = $1";
        let Some(row) = self.0.database.fetch_optional(text, crate::args![execution]).await? else {
            return Ok(None);
        };
        Ok(Some(self.value(&row, "input_data", "input_digest").await?.unwrap_or_default()))
    }

    /// What an execution gave: the value of `outputs`, or else the outputs of all finished steps by
    /// key. `None` if there is no such execution, or it has not ended.
    ///
    /// # Errors
    /// What the database says.
    pub async fn output(&self, execution: ExecutionId) -> Result<Option<Value>, StorageError> {
        let text = "select status, output_data, output_digest from executions where id = $1";
        let Some(row) = self.0.database.fetch_optional(text, crate::args![execution]).await? else {
            return Ok(None);
        };
        if !status_of(&row.get::<String>("status")?)?.is_ended() {
            return Ok(None);
        }
        if let Some(output) = self.value(&row, "output_data", "output_digest").await? {
            return Ok(Some(output));
        }
        // It is a large map of what the events have already.
        let mut outputs = serde_json::Map::new();
        for mut event in self.events(execution, 0).await? {
            let outermost = |step: &str| !step.contains(['.', '#', '[']);
            let Some(step) = event["step"].as_str().filter(|step| outermost(step)).map(str::to_owned) else {
                continue;
            };
            match event["type"].as_str() {
                Some("stepCompleted") => drop(outputs.insert(step, event["output"].take())),
                Some("stepFailed") => drop(outputs.insert(step, Value::Null)),
                _ => {}
            }
        }
        outputs.sort_keys();
        Ok(Some(Value::Object(outputs)))
    }

    /// A value that is in its place, or apart.
    pub(crate) async fn value(
        &self,
        row: &Row,
        here: &str,
        apart: &str,
    ) -> Result<Option<Value>, StorageError> {
        match row.get::<Option<Vec<u8>>>(apart)? {
            None => row.get(here),
            Some(digest) => {
                let digest = hex(&digest);
                let text = self.blobs(std::slice::from_ref(&digest)).await?.remove(&digest);
                let gone = || StorageError::corrupt(format!("the value {digest} of an execution is gone"));
                let value = serde_json::from_str(&text.ok_or_else(gone)?).map_err(|error| {
                    StorageError::corrupt(format!("the value {digest} cannot be read")).because(error)
                })?;
                Ok(Some(value))
            }
        }
    }

    async fn blobs(&self, digests: &[String]) -> Result<BTreeMap<String, String>, StorageError> {
        let text = match self.0.database.kind() {
            Kind::Sqlite => {
                "select digest, body from blobs where digest in (select unhex(value) from json_each($1))"
            }
            Kind::Postgres => {
                "select digest, body from blobs where digest in (
                    select decode(d, 'hex') from unnest($1::text[]) as t (d))"
            }
        };
        let rows = self.0.database.fetch_all(text, crate::args![digests]).await?;
        rows.iter().map(|row| Ok((hex(&row.get::<Vec<u8>>("digest")?), row.get("body")?))).collect()
    }

    pub(super) async fn open_executions(&self) -> Result<Vec<ExecutionId>, StorageError> {
        let text = "select x.id from executions as x where x.status in ('pending', 'running') and not (
                x.awaited and exists (
                    select 1 from executions as p
                    where p.id = x.parent_id and p.status in ('pending', 'running')))
            order by x.created_at, x.id";
        let rows = self.0.database.fetch_all(text, crate::args![]).await?;
        rows.iter().map(|row| row.get("id")).collect()
    }

    /// The letters of an execution.
    pub(super) async fn box_of(&self, execution: ExecutionId) -> Result<Vec<Letter>, StorageError> {
        let text = "select id, message from letters where execution_id = $1 order by arrival";
        let rows = self.0.database.fetch_all(text, crate::args![execution]).await?;
        let letter = |row: &Row| {
            let id = row.get::<Uuid>("id")?;
            let message = serde_json::from_str(&row.get::<String>("message")?).unwrap_or_else(|error| {
                // It must not keep those behind it from being read.
                tracing::error!(%error, letter = %id, %execution, "a letter cannot be read; it says nothing");
                nothing()
            });
            Ok(Letter { id, to: execution, message })
        };
        rows.iter().map(letter).collect()
    }
}

/// A letter that makes no difference: the end of a nested execution that is not there.
fn nothing() -> Message {
    Message::ChildEnded {
        execution: ExecutionId::from_uuid(Uuid::nil()),
        status: ExecutionStatus::Cancelled,
        output: std::sync::Arc::new(Value::Null),
        failure: None,
        usage: None,
    }
}
