//! Documents as JSON texts; the table's constraints refuse what is no JSON or too long.

use async_trait::async_trait;
use shallot_services::ports::{DocumentStore, StoreError};

use super::SqliteStores;
use super::errors::{expect_one_row, failed};
use super::fields::Fields;

#[async_trait]
impl DocumentStore for SqliteStores {
    async fn put_document(&self, collection: &str, id: &str, json: &str) -> Result<(), StoreError> {
        const PUTTING: &str = "storing a document";
        let mut tx = self.write(PUTTING).await?;
        let put = sqlx::query(
            "INSERT INTO documents (collection, id, json) VALUES (?, ?, ?)
             ON CONFLICT (collection, id) DO UPDATE SET json = excluded.json",
        )
        .bind(collection)
        .bind(id)
        .bind(json)
        .execute(tx.on())
        .await
        .map_err(failed(PUTTING))?;
        expect_one_row(PUTTING, &put)?;
        tx.commit().await
    }

    async fn document(&self, collection: &str, id: &str) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("SELECT json FROM documents WHERE collection = ? AND id = ?")
            .bind(collection)
            .bind(id)
            .fetch_optional(&self.readers)
            .await
            .map_err(failed("reading a document"))?;
        row.map(|row| Fields::new(&row, "documents", &id).value("json")).transpose()
    }

    async fn count_documents(&self, collection: &str) -> Result<u64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS documents FROM documents WHERE collection = ?")
            .bind(collection)
            .fetch_one(&self.readers)
            .await
            .map_err(failed("counting documents"))?;
        Fields::new(&row, "documents", &collection).integer("documents")
    }
}
