//! Driver errors and row counts as the ports' [`StoreError`].

use shallot_services::ports::StoreError;
use sqlx::sqlite::SqliteQueryResult;

/// Wraps a driver's error with what was being done.
pub(super) fn failed(operation: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |source| StoreError::Driver { operation, source: Box::new(source) }
}

/// Demands that a statement touched exactly one row.
pub(super) fn expect_one_row(operation: &'static str, result: &SqliteQueryResult) -> Result<(), StoreError> {
    match result.rows_affected() {
        1 => Ok(()),
        rows => Err(StoreError::RowCount { operation, rows, expected: 1 }),
    }
}
