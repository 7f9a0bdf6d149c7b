use async_trait::async_trait;

use super::{MemoryStores, broken};
use crate::limits::DOCUMENT_MAX;
use crate::ports::{DocumentStore, StoreError};

#[async_trait]
impl DocumentStore for MemoryStores {
    async fn put_document(&self, collection: &str, id: &str, json: &str) -> Result<(), StoreError> {
        if json.len() > DOCUMENT_MAX || serde_json::from_str::<serde::de::IgnoredAny>(json).is_err() {
            return Err(broken("storing a document", "not JSON, or too long"));
        }
        self.transact(|tables| {
            tables.documents.insert((collection.to_owned(), id.to_owned()), json.to_owned());
            Ok(())
        })
    }

    async fn document(&self, collection: &str, id: &str) -> Result<Option<String>, StoreError> {
        self.transact(|tables| Ok(tables.documents.get(&(collection.to_owned(), id.to_owned())).cloned()))
    }

    async fn count_documents(&self, collection: &str) -> Result<u64, StoreError> {
        self.transact(|tables| Ok(tables.documents.keys().filter(|(of, _)| of == collection).count() as u64))
    }
}
