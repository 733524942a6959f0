//! What is the same for every table: reading one, reading a page, inserting, changing, deleting.

use turbocat_core::Timestamp;
use uuid::Uuid;

use super::filter::Filter;
use super::page::{Page, PageRequest, Sort};
use super::record::{Columns, Record, assignments};
use crate::args;
use crate::db::{Arg, Args, Database, Row, Sql, Transaction};
use crate::error::{StorageError, StorageErrorKind};

/// `select … from …`.
pub(super) fn select<R: Record>() -> Sql {
    let mut sql = Sql::new("select ");
    sql.push(R::COLUMNS).push(" from ").push(R::TABLE);
    sql
}

/// The first row that the filter lets through.
pub(super) async fn find<R: Record>(database: &Database, filter: Filter) -> Result<Option<R>, StorageError> {
    let mut sql = select::<R>();
    filter.append(&mut sql);
    let row = database.fetch_optional(sql.render(database.kind())?, filter.args).await?;
    row.as_ref().map(R::read).transpose()
}

/// All rows that the filter lets through, with an order.
pub(super) async fn all<R: Record>(
    database: &Database,
    filter: Filter,
    rest: &'static str,
) -> Result<Vec<R>, StorageError> {
    let mut sql = select::<R>();
    filter.append(&mut sql);
    sql.push(rest);
    let rows = database.fetch_all(sql.render(database.kind())?, filter.args).await?;
    rows.iter().map(R::read).collect()
}

/// A page of the rows that the filter lets through.
pub(super) async fn page<R: Record, S: Sort>(
    database: &Database,
    filter: Filter,
    request: PageRequest<S>,
) -> Result<Page<R>, StorageError> {
    let (limit, offset) = request.limits()?;
    let mut count = Sql::new("select count(*) as total from ");
    count.push(R::TABLE);
    filter.append(&mut count);
    let total: u64 =
        database.fetch_one(count.render(database.kind())?, filter.args.clone()).await?.get("total")?;

    let mut sql = select::<R>();
    filter.append(&mut sql);
    sql.push(" order by ");
    let columns = request.sort.columns();
    for (at, column) in columns.iter().enumerate() {
        let last = at + 1 == columns.len();
        // Rows without a value come last, whichever way.
        sql.push(column).push(if last { request.direction.sql() } else { "" }).push(", ");
    }
    sql.push("id").push(request.direction.sql());
    let mut args = filter.args;
    let place = args.push(limit);
    sql.push(" limit ").push_place(place);
    let place = args.push(offset);
    sql.push(" offset ").push_place(place);
    let rows = database.fetch_all(sql.render(database.kind())?, args).await?;
    let items = rows.iter().map(R::read).collect::<Result<_, _>>()?;
    Ok(Page { items, total, page: request.page, page_size: request.page_size })
}

/// `insert into … returning …`, and its arguments.
pub(super) fn insertion<R: Record>(draft: impl Columns, more: Vec<(&'static str, Arg)>) -> (Sql, Args) {
    let (mut sql, args) = inserting::<R>(draft, more);
    sql.push(" returning ").push(R::COLUMNS);
    (sql, args)
}

/// `insert into …`, if there is no row of that id.
pub(super) fn planting<R: Record>(draft: impl Columns, more: Vec<(&'static str, Arg)>) -> (Sql, Args) {
    let (mut sql, args) = inserting::<R>(draft, more);
    sql.push(" on conflict (id) do nothing");
    (sql, args)
}

fn inserting<R: Record>(draft: impl Columns, mut more: Vec<(&'static str, Arg)>) -> (Sql, Args) {
    let mut columns = draft.columns();
    columns.append(&mut more);
    let (mut sql, mut places, mut args) = (Sql::new("insert into "), Sql::new(") values ("), Args::new());
    sql.push(R::TABLE).push(" (");
    for (at, (column, value)) in columns.into_iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        sql.push(comma).push(column);
        let place = args.push(value);
        places.push(comma).push_place(place);
    }
    sql.push_sql(&places).push(")");
    (sql, args)
}

/// The columns that every new row has.
pub(super) fn born(id: Uuid, now: Timestamp) -> Vec<(&'static str, Arg)> {
    vec![
        ("id", Arg::Uuid(Some(id))),
        ("created_at", Arg::Time(Some(now))),
        ("updated_at", Arg::Time(Some(now))),
    ]
}

/// A new row.
pub(super) async fn insert<R: Record>(
    database: &Database,
    draft: impl Columns,
    more: Vec<(&'static str, Arg)>,
) -> Result<R, StorageError> {
    let (sql, args) = insertion::<R>(draft, more);
    first(&database.returning(sql, args).await?)
}

pub(super) fn first<R: Record>(rows: &[Row]) -> Result<R, StorageError> {
    rows.first().map_or_else(|| Err(StorageError::not_found(R::NOUN)), R::read)
}

/// `update … returning …` of a row that is not deleted. With `expected` only if it was last changed
/// then; `updated_at` never stays the same, so that it tells one state of a row from the next.
pub(super) fn change<R: Record>(
    id: Uuid,
    patch: impl Columns,
    expected: Option<Timestamp>,
    now: Timestamp,
) -> (Sql, Args) {
    let (mut sql, mut args) = (Sql::new("update "), Args::new());
    sql.push(R::TABLE).push(" set ");
    let columns = patch.columns();
    let empty = columns.is_empty();
    assignments(columns, &mut sql, &mut args);
    let place = args.push(now);
    sql.push(if empty { "" } else { ", " })
        .push("updated_at = {later:updated_at,")
        .push_place(place)
        .push("}");
    let place = args.push(id);
    sql.push(" where id = ").push_place(place).push(" and deleted_at is null");
    if let Some(expected) = expected {
        let place = args.push(expected);
        sql.push(" and updated_at = ").push_place(place);
    }
    sql.push(" returning ").push(R::COLUMNS);
    (sql, args)
}

/// Changes a row that is not deleted.
pub(super) async fn update<R: Record>(
    database: &Database,
    id: Uuid,
    patch: impl Columns,
    expected: Option<Timestamp>,
    now: Timestamp,
) -> Result<R, StorageError> {
    let (sql, args) = change::<R>(id, patch, expected, now);
    let rows = database.returning(sql.render(database.kind())?, args).await?;
    match rows.first() {
        Some(row) => R::read(row),
        None => Err(why_unchanged::<R>(find::<R>(database, by_id(id)).await?.is_some())),
    }
}

/// The same in a transaction.
pub(super) async fn update_in<R: Record>(
    transaction: &mut Transaction,
    id: Uuid,
    patch: impl Columns,
    expected: Option<Timestamp>,
    now: Timestamp,
) -> Result<R, StorageError> {
    let (sql, args) = change::<R>(id, patch, expected, now);
    let rows = transaction.fetch_all(sql.render(transaction.kind())?, args).await?;
    if let Some(row) = rows.first() {
        return R::read(row);
    }
    let mut sql = Sql::new("select 1 as one from ");
    sql.push(R::TABLE).push(" where id = $1 and deleted_at is null");
    Err(why_unchanged::<R>(transaction.fetch_optional(sql, args![id]).await?.is_some()))
}

fn why_unchanged<R: Record>(there: bool) -> StorageError {
    if there {
        let message = format!("the {} was changed by somebody else", R::NOUN);
        StorageError::new(StorageErrorKind::Conflict, message)
    } else {
        StorageError::not_found(R::NOUN)
    }
}

/// The row of that id that is not deleted.
pub(super) fn by_id(id: Uuid) -> Filter {
    Filter::alive().by("id = ", id, "")
}

/// Marks a row as deleted. It is deleted for good when it has been so for long.
pub(super) async fn delete<R: Record>(
    database: &Database,
    id: Uuid,
    now: Timestamp,
) -> Result<(), StorageError> {
    done::<R>(database.execute(deletion::<R>().render(database.kind())?, args![id, now]).await?)
}

/// `update … set deleted_at = …` of the row `$1`, at `$2`.
pub(super) fn deletion<R: Record>() -> Sql {
    let mut sql = Sql::new("update ");
    sql.push(R::TABLE).push(
        " set deleted_at = $2, updated_at = {later:updated_at,$2} where id = $1 and deleted_at is null",
    );
    sql
}

/// Takes the mark away.
pub(super) async fn restore<R: Record>(
    database: &Database,
    id: Uuid,
    now: Timestamp,
) -> Result<R, StorageError> {
    first(&database.returning(restoring::<R>().render(database.kind())?, args![id, now]).await?)
}

/// `update … set deleted_at = null … returning …` of the row `$1`, at `$2`.
pub(super) fn restoring<R: Record>() -> Sql {
    let mut sql = Sql::new("update ");
    sql.push(R::TABLE)
        .push(" set deleted_at = null, updated_at = {later:updated_at,$2} where id = $1 and deleted_at is not null returning ")
        .push(R::COLUMNS);
    sql
}

/// Not found if nothing was done.
pub(super) fn done<R: Record>(changed: u64) -> Result<(), StorageError> {
    if changed == 0 { Err(StorageError::not_found(R::NOUN)) } else { Ok(()) }
}
