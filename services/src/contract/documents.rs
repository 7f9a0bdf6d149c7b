use super::Adapters;
use crate::limits::DOCUMENT_MAX;

pub(super) async fn all(adapters: &Adapters) {
    let documents = &adapters.documents;
    assert_eq!(documents.document("notes", "a").await.expect("asked"), None);
    documents.put_document("notes", "a", r#"{"n":1}"#).await.expect("stored");
    documents.put_document("notes", "b", "[]").await.expect("stored");
    documents.put_document("notes", "a", r#"{"n":2}"#).await.expect("replaced");
    assert_eq!(documents.document("notes", "a").await.expect("asked").as_deref(), Some(r#"{"n":2}"#));
    assert_eq!(documents.document("letters", "a").await.expect("asked"), None, "collections are apart");
    assert_eq!(documents.count_documents("notes").await.expect("asked"), 2);
    let long = format!("\"{}\"", "x".repeat(DOCUMENT_MAX));
    for bad in ["", "no json", long.as_str()] {
        assert!(documents.put_document("notes", "a", bad).await.is_err());
    }
    assert_eq!(documents.document("notes", "a").await.expect("asked").as_deref(), Some(r#"{"n":2}"#), "untouched");
}
