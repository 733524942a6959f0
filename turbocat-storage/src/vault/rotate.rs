//! Sealing everything anew with the current key, a few rows at a time.

use serde_json::Value;
use uuid::Uuid;

use super::keyring::Keyring;
use super::seal::{Place, is_sealed};
use super::secrets::{Vault, place};
use crate::args;
use crate::db::{Row, Sql};
use crate::error::StorageError;

/// How far a rotation is. Kept by who rotates; to begin anew costs time and nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RotationCursor {
    target: usize,
    after: Uuid,
}

/// What a part of a rotation did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotated {
    /// How many rows were sealed anew.
    pub changed: u64,
    /// Where secrets stand that cannot be opened. They stay as they are.
    pub failed: Vec<String>,
    /// Where to go on; `None` if all is done.
    pub next: Option<RotationCursor>,
}

/// A column with secrets.
struct Target {
    table: &'static str,
    column: &'static str,
    /// Reads id, `sealed`, and for `secrets` what they are bound to.
    select: &'static str,
    update: &'static str,
    reseal: Reseal,
}

/// What is written instead of a sealed column, if anything.
type Reseal = fn(&Keyring, &Row, Uuid, &str) -> Result<Option<String>, StorageError>;

macro_rules! target {
    ($table:literal, $column:literal, $more:literal, $set:literal, $kind:literal, $reseal:expr) => {
        Target {
            table: $table,
            column: $column,
            select: concat!(
                "select id, cast(",
                $column,
                " as text) as sealed",
                $more,
                " from ",
                $table,
                " where id > $1 and ",
                $column,
                " is not null order by id limit $2"
            ),
            // Only if nobody changed it meanwhile.
            update: concat!(
                "update ",
                $table,
                " set ",
                $column,
                " = ",
                $kind,
                $set,
                " where id = $1 and cast(",
                $column,
                " as text) = $3"
            ),
            reseal: $reseal,
        }
    };
}

const TARGETS: [Target; 6] = [
    target!("secrets", "ciphertext", ", owner_id, name", ", key_id = $4", "$2", |keys, row, id, sealed| {
        keys.reseal(&place(id, row.get("owner_id")?, &row.get::<String>("name")?), sealed)
    }),
    target!("users", "oauth_access_token", "", "", "$2", |keys, _, id, sealed| {
        keys.reseal(&Place::new("users", "oauth_access_token", id), sealed)
    }),
    target!("users", "oauth_refresh_token", "", "", "$2", |keys, _, id, sealed| {
        keys.reseal(&Place::new("users", "oauth_refresh_token", id), sealed)
    }),
    target!("deployments", "environment_vars", "", "", "cast($2 as {json})", |keys, _, id, sealed| {
        let place = Place::new("deployments", "environment_vars", id);
        within(sealed, |value| keys.reseal_variables(&place, value))
    }),
    target!("agents", "config", "", "", "cast($2 as {json})", |keys, _, id, sealed| {
        let place = Place::new("agents", "config", id);
        within(sealed, |value| keys.reseal_marked(&place, value))
    }),
    target!("triggers", "secret_hash", "", "", "$2", |keys, _, id, sealed| {
        // Programs without a keyring keep what they like there.
        if !is_sealed(sealed) {
            return Ok(None);
        }
        keys.reseal(&Place::new("triggers", "secret_hash", id), sealed)
    }),
];

/// Changes JSON text; `None` if it stays as it is.
fn within(
    text: &str,
    change: impl FnOnce(&mut Value) -> Result<(), StorageError>,
) -> Result<Option<String>, StorageError> {
    let before: Value = serde_json::from_str(text)
        .map_err(|error| StorageError::corrupt("a column has no valid JSON").because(error))?;
    let mut after = before.clone();
    change(&mut after)?;
    Ok((after != before).then(|| after.to_string()))
}

impl Vault {
    /// Seals up to that many rows anew with the current key, from where the cursor stands.
    ///
    /// Call it with the [`next`](Rotated::next) of the last answer until there is none. It may be
    /// stopped and begun anew at any time, by any node, while everything else goes on.
    ///
    /// # Errors
    /// What the database says. A secret that cannot be opened is no error; see
    /// [`failed`](Rotated::failed).
    pub async fn rotate(&self, from: RotationCursor, rows: u32) -> Result<Rotated, StorageError> {
        let mut rotated = Rotated { changed: 0, failed: Vec::new(), next: None };
        let Some(target) = TARGETS.get(from.target) else { return Ok(rotated) };
        let limit = rows.max(1);
        let found = self.database.fetch_all(target.select, args![from.after, limit]).await?;
        let mut last = from.after;
        for row in &found {
            let (id, sealed): (Uuid, String) = (row.get("id")?, row.get("sealed")?);
            last = id;
            match (target.reseal)(&self.keyring, row, id, &sealed) {
                Ok(None) => {}
                Ok(Some(resealed)) => {
                    let sql = Sql::new(target.update).render(self.database.kind())?;
                    let args = args![id, resealed, sealed, self.keyring.current()];
                    rotated.changed += self.database.execute(sql, args).await?;
                }
                Err(_) => rotated.failed.push(Place::new(target.table, target.column, id).to_string()),
            }
        }
        rotated.next = if found.len() < limit as usize {
            (from.target + 1 < TARGETS.len())
                .then_some(RotationCursor { target: from.target + 1, after: Uuid::nil() })
        } else {
            Some(RotationCursor { target: from.target, after: last })
        };
        Ok(rotated)
    }
}
