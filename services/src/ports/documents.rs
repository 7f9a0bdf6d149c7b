use async_trait::async_trait;

use super::StoreError;

/// Documents of JSON that no rule reads: play sessions, logs, projections.
#[async_trait]
pub trait DocumentStore: Send + Sync {
    /// Stores or replaces a document. `json` must be JSON of at most [`crate::limits::DOCUMENT_MAX`] bytes.
    async fn put_document(&self, collection: &str, id: &str, json: &str) -> Result<(), StoreError>;

    /// The document.
    async fn document(&self, collection: &str, id: &str) -> Result<Option<String>, StoreError>;

    /// How many there are.
    async fn count_documents(&self, collection: &str) -> Result<u64, StoreError>;
}
