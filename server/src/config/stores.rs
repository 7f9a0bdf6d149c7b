//! `[stores]`: where durable state is kept.

use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};

use super::Problem;

/// Where durable state is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Stores {
    /// Folder of the embedded database, keys and the development certificate. `SHALLOT__STORES__DATA`, default ./data.
    pub(crate) data: PathBuf,
    /// URL of the Redis that carries groups between servers, such as `redis://127.0.0.1:6379`. `SHALLOT__STORES__REDIS`, default none: this
    /// server is alone, and its data folder is its own.
    #[serde(serialize_with = "without_password")]
    pub(crate) redis: Option<String>,
}

/// A configuration that is printed tells no secret.
fn without_password<S: Serializer>(url: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let masked = url.as_ref().map(|url| match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 < at => format!("{}***{}", &url[..scheme + 3], &url[at..]),
        _ => url.clone(),
    });
    masked.serialize(serializer)
}

impl Default for Stores {
    fn default() -> Self {
        Self { data: PathBuf::from("data"), redis: None }
    }
}

impl Stores {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if self.data.as_os_str().is_empty() {
            problems.push(Problem::new("stores.data", "a folder's name is needed"));
        }
        if self.redis.as_ref().is_some_and(|url| !url.starts_with("redis://")) {
            problems.push(Problem::new("stores.redis", "a URL that begins with redis:// is needed"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_configuration_tells_no_password() {
        let printed = |url: &str| {
            let stores = Stores { redis: Some(url.to_owned()), ..Stores::default() };
            serde_json::to_value(stores).unwrap()["redis"].as_str().unwrap().to_owned()
        };
        assert_eq!(printed("redis://me:s3cret@host:1/0"), "redis://***@host:1/0");
        assert_eq!(printed("redis://host:1/0"), "redis://host:1/0");
    }

    #[test]
    fn what_is_no_redis_is_told() {
        let mut problems = Vec::new();
        Stores { redis: Some("localhost:6379".to_owned()), ..Stores::default() }.check(&mut problems);
        assert_eq!(problems.iter().map(|problem| problem.key.as_str()).collect::<Vec<_>>(), ["stores.redis"]);
    }
}
