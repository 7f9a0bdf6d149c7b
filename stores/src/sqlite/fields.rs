//! Columns to domain values and back. What a column must not hold is reported with table, column and key of the row.

use std::fmt::Display;

use shallot_services::ports::StoreError;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};

/// One row of one table, as far as it is read.
pub(super) struct Fields<'r> {
    row: &'r SqliteRow,
    table: &'static str,
    key: &'r (dyn Display + Sync),
}

impl<'r> Fields<'r> {
    /// The columns of `row` that come from `table`, whose key is `key`.
    pub(super) fn new(row: &'r SqliteRow, table: &'static str, key: &'r (dyn Display + Sync)) -> Self {
        Self { row, table, key }
    }

    /// A text, a blob or a number. The driver would read NULL as zero or empty; here it is corrupt.
    pub(super) fn value<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self, column: &'static str) -> Result<T, StoreError> {
        self.optional(column)?.ok_or_else(|| self.corrupt(column, "is NULL".to_owned()))
    }

    /// A whole number within `T`.
    pub(super) fn integer<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, StoreError> {
        let number: i64 = self.value(column)?;
        T::try_from(number).map_err(|_| self.out_of_range(column, number))
    }

    /// A whole number within `T`, or nothing.
    pub(super) fn optional_integer<T: TryFrom<i64>>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        let number: Option<i64> = self.optional(column)?;
        number.map(|number| T::try_from(number).map_err(|_| self.out_of_range(column, number))).transpose()
    }

    /// 0 or 1.
    pub(super) fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        match self.value::<i64>(column)? {
            0 => Ok(false),
            1 => Ok(true),
            number => Err(self.out_of_range(column, number)),
        }
    }

    /// Exactly `N` bytes.
    pub(super) fn bytes<const N: usize>(&self, column: &'static str) -> Result<[u8; N], StoreError> {
        let blob: &[u8] = self.value(column)?;
        blob.try_into().map_err(|_| self.corrupt(column, format!("{} bytes, {N} expected", blob.len())))
    }

    /// Says what is wrong with a column.
    pub(super) fn corrupt(&self, column: &'static str, why: String) -> StoreError {
        StoreError::Corrupt { table: self.table, column, id: self.key.to_string(), why }
    }

    fn optional<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        self.row.try_get(column).map_err(|error| self.corrupt(column, error.to_string()))
    }

    fn out_of_range(&self, column: &'static str, number: i64) -> StoreError {
        self.corrupt(column, format!("{number} is out of range"))
    }
}

/// A number as SQLite's signed one.
///
/// Errors: beyond `i64::MAX`, which no caller within its own limits reaches.
pub(super) fn signed(operation: &'static str, number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|error| StoreError::Driver { operation, source: Box::new(error) })
}
