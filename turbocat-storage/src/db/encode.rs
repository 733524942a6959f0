//! Arguments as each driver takes them.

use serde_json::Value;
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo};
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Postgres, Type};
use turbocat_core::Timestamp;

use super::args::{Arg, Args};
use crate::error::StorageError;

/// 2000-01-01T00:00:00Z, where PostgreSQL counts from, in milliseconds since 1970.
pub(super) const POSTGRES_EPOCH: i64 = 946_684_800_000;

/// A moment as PostgreSQL's `timestamptz`: microseconds since 2000.
struct PgMoment(i64);

impl Type<Postgres> for PgMoment {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1184))
    }
}

impl Encode<'_, Postgres> for PgMoment {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }
}

/// Text as PostgreSQL's `json`, which gives back what it was given.
struct PgJson(String);

impl Type<Postgres> for PgJson {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(114))
    }
}

impl Encode<'_, Postgres> for PgJson {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
}

fn moment(time: Timestamp) -> Result<PgMoment, StorageError> {
    time.as_millis()
        .checked_sub(POSTGRES_EPOCH)
        .and_then(|millis| millis.checked_mul(1000))
        .map(PgMoment)
        .ok_or_else(|| StorageError::invalid(format!("the time {time} is too far away for the database")))
}

pub(super) fn for_postgres(args: Args) -> Result<PgArguments, StorageError> {
    let mut out = PgArguments::default();
    out.reserve(args.len(), args.len() * 16);
    for arg in args {
        match arg {
            Arg::Bool(value) => out.add(value),
            Arg::Int(value) => out.add(value),
            Arg::Float(value) => out.add(value),
            Arg::Text(value) => out.add(value),
            Arg::Bytes(value) => out.add(value),
            Arg::Uuid(value) => out.add(value),
            Arg::Time(value) => out.add(value.map(moment).transpose()?),
            Arg::Json(value) => out.add(value.map(PgJson)),
            Arg::Texts(value) => out.add(value),
            Arg::Uuids(value) => out.add(value),
            Arg::Ints(value) => out.add(value),
            Arg::SomeTexts(value) => out.add(value),
            Arg::Impossible(why) => return Err(StorageError::invalid(why)),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(out)
}

pub(super) fn for_sqlite(args: Args) -> Result<SqliteArguments, StorageError> {
    let mut out = SqliteArguments::default();
    out.reserve(args.len(), 0);
    for arg in args {
        match arg {
            Arg::Bool(value) => out.add(value),
            Arg::Int(value) => out.add(value),
            Arg::Float(value) => out.add(value),
            Arg::Text(value) | Arg::Json(value) => out.add(value),
            Arg::Bytes(value) => out.add(value),
            Arg::Uuid(value) => out.add(value.map(|uuid| uuid.as_bytes().to_vec())),
            Arg::Time(value) => out.add(value.map(Timestamp::as_millis)),
            Arg::Texts(value) => out.add(value.map(|texts| Value::from(texts).to_string())),
            Arg::Uuids(value) => {
                let texts: Vec<String> = value.iter().map(|uuid| uuid.simple().to_string()).collect();
                out.add(Value::from(texts).to_string())
            }
            Arg::Ints(value) => out.add(Value::from(value).to_string()),
            Arg::SomeTexts(value) => out.add(Value::from(value).to_string()),
            Arg::Impossible(why) => return Err(StorageError::invalid(why)),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(out)
}
