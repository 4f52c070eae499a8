//! The log of changes, by which other processes learn of them.

use super::row::Columns;
use super::{AnyConnection, PAGE, Result};

/// A line of the log.
pub(in crate::registry) struct Line {
    pub(in crate::registry) number: i64,
    pub(in crate::registry) noun: String,
    pub(in crate::registry) name: String,
}

/// Counts the head up and holds it until the transaction ends: nobody else writes to the log meanwhile, in any process.
pub(in crate::registry) async fn advance(db: &mut AnyConnection, by: i64) -> Result<i64> {
    let head = sqlx::query_scalar("UPDATE head SET number = number + $1 WHERE one = 1 RETURNING number");
    head.bind(by).fetch_one(db).await
}

pub(in crate::registry) async fn head(db: &mut AnyConnection) -> Result<i64> {
    let head = sqlx::query_scalar("SELECT number FROM head WHERE one = 1");
    head.fetch_one(db).await
}

pub(in crate::registry) async fn append(db: &mut AnyConnection, line: &Line) -> Result<()> {
    sqlx::query("INSERT INTO changes (number, noun, name) VALUES ($1, $2, $3)")
        .bind(line.number)
        .bind(line.noun.as_str())
        .bind(line.name.as_str())
        .execute(db)
        .await
        .map(drop)
}

/// Forgets the lines up to a number.
pub(in crate::registry) async fn forget(db: &mut AnyConnection, number: i64) -> Result<()> {
    let forget = sqlx::query("DELETE FROM changes WHERE number <= $1");
    forget.bind(number).execute(db).await.map(drop)
}

/// Reads the lines after a number, in their order.
pub(in crate::registry) async fn after(db: &mut AnyConnection, number: i64) -> Result<Vec<Line>> {
    let rows = sqlx::query("SELECT number, noun, name FROM changes WHERE number > $1 ORDER BY number LIMIT $2")
        .bind(number)
        .bind(PAGE)
        .fetch_all(db)
        .await?;
    let lines = rows.iter().map(|columns| {
        Ok(Line {
            number: columns.number("number")?,
            noun: columns.text("noun")?,
            name: columns.text("name")?,
        })
    });
    lines.collect()
}
