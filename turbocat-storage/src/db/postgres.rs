//! Opening PostgreSQL.

use std::time::Duration;

use log::LevelFilter;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};

use super::settings::Settings;
use crate::error::{StorageError, StorageErrorKind};

pub(super) async fn open(settings: &Settings) -> Result<PgPool, StorageError> {
    let limit = settings.postgres.statement_timeout.as_millis().to_string();
    let options = read(&settings.url)?
        .application_name("turbocat")
        .options([("statement_timeout", limit)])
        .log_statements(LevelFilter::Off)
        .log_slow_statements(LevelFilter::Warn, settings.slow_statement);
    // A pool would try for as long as it waits for a connection, and then not say why it got none.
    connect_with(&options, settings.postgres.connect_timeout).await?.close().await?;
    Ok(PgPoolOptions::new()
        .max_connections(settings.postgres.connections.max(2))
        .acquire_timeout(settings.postgres.acquire_timeout)
        .connect_lazy_with(options))
}

/// One connection, apart from any pool.
#[cfg(feature = "testing")]
pub(crate) async fn connect_once(url: &str, limit: Duration) -> Result<PgConnection, StorageError> {
    connect_with(&read(url)?.log_statements(LevelFilter::Off), limit).await
}

fn read(url: &str) -> Result<PgConnectOptions, StorageError> {
    url.parse().map_err(|error: sqlx::Error| {
        StorageError::invalid("the address of the PostgreSQL database cannot be read").because(error)
    })
}

async fn connect_with(options: &PgConnectOptions, limit: Duration) -> Result<PgConnection, StorageError> {
    let place = format!(
        "the database `{}` at `{}`",
        options.get_database().unwrap_or_else(|| options.get_username()),
        options.get_host()
    );
    match tokio::time::timeout(limit, options.connect()).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => {
            let error = StorageError::from(error);
            let message = format!("{place} cannot be reached: {error}");
            Err(StorageError::new(error.kind(), message).because(error))
        }
        Err(_) => {
            let message = format!("{place} did not answer within {} s", limit.as_secs());
            Err(StorageError::new(StorageErrorKind::Unavailable, message))
        }
    }
}
