//! Configuration: defaults, then the file, then the environment (`SHALLOT__NET__GRPC=...`), then the command line. All problems
//! are told together.

pub(crate) mod auth;
pub(crate) mod faults;
pub(crate) mod hubs;
pub(crate) mod journal;
pub(crate) mod limits;
pub(crate) mod net;
pub(crate) mod stores;
pub(crate) mod telemetry;
pub(crate) mod world;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::ServeArgs;

/// Everything `serve` needs to know, checked.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// What the server is for: `production` refuses to start on what is only good for a developer's machine.
    pub(crate) profile: Profile,
    pub(crate) net: net::Net,
    pub(crate) auth: auth::Auth,
    pub(crate) world: world::World,
    pub(crate) stores: stores::Stores,
    pub(crate) hubs: hubs::Hubs,
    pub(crate) journal: journal::Journal,
    pub(crate) limits: limits::Limits,
    pub(crate) telemetry: telemetry::Telemetry,
    pub(crate) faults: faults::Faults,
}

/// What the server is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Profile {
    #[default]
    Development,
    Production,
}

/// One thing that is wrong, under the key it is wrong at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) key: String,
    pub(crate) what: String,
}

impl Problem {
    pub(crate) fn new(key: &str, what: impl Into<String>) -> Self {
        Self { key: key.to_owned(), what: what.into() }
    }
}

/// Why there is no configuration: every problem, not only the first.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0.len();
        write!(f, "the configuration has {n} problem{}", if n == 1 { "" } else { "s" })?;
        for problem in &self.0 {
            write!(f, "\n  {}: {}", problem.key, problem.what)?;
        }
        Ok(())
    }
}

/// Reads all layers and checks them.
pub(crate) fn load(args: &ServeArgs) -> Result<Settings, Problems> {
    let environment =
        config::Environment::with_prefix("SHALLOT").prefix_separator("__").separator("__").try_parsing(true);
    let tree = layers(args, environment).map_err(|error| Problems(vec![Problem::new("file", error.to_string())]))?;
    let (settings, mut problems) = read(tree);
    problems.extend(settings.check());
    if problems.is_empty() { Ok(settings) } else { Err(Problems(problems)) }
}

fn layers(args: &ServeArgs, environment: config::Environment) -> Result<Value, config::ConfigError> {
    let mut builder = config::Config::builder();
    if let Some(file) = &args.config {
        builder = builder.add_source(config::File::from(file.as_path()).format(config::FileFormat::Toml));
    }
    let path = |p: &std::path::Path| p.to_string_lossy().into_owned();
    builder
        .add_source(environment)
        .set_override_option("stores.data", args.data.as_deref().map(path))?
        .set_override_option("world.masterdata", args.masterdata.as_deref().map(path))?
        .set_override_option("net.grpc", args.grpc.map(|a| a.to_string()))?
        .set_override_option("net.http", args.http.map(|a| a.to_string()))?
        .set_override_option("net.quic", args.quic.map(|a| a.to_string()))?
        .set_override_option("net.tls", args.tls.then_some(true))?
        .set_override_option("limits.profile", args.limits.map(|p| p.to_string()))?
        .set_override_option("telemetry.log", args.log.clone())?
        .set_override_option("world.seed", args.seed)?
        .build()?
        .try_deserialize()
}

/// Reads the tree field by field: a field that cannot be read is named and left at its default, so that the next one is looked at
/// too.
fn read(mut tree: Value) -> (Settings, Vec<Problem>) {
    let mut problems = Vec::new();
    if let Ok(known) = serde_json::to_value(Settings::default()) {
        drop_unknown(&mut tree, &known, "", &mut problems);
    }
    loop {
        match serde_path_to_error::deserialize::<_, Settings>(tree.clone()) {
            Ok(settings) => return (settings, problems),
            Err(error) => {
                let path = error.path().to_string();
                problems.push(Problem::new(&path, error.inner().to_string()));
                if !remove(&mut tree, &path) {
                    return (Settings::default(), problems);
                }
            }
        }
    }
}

fn drop_unknown(tree: &mut Value, known: &Value, prefix: &str, problems: &mut Vec<Problem>) {
    let (Value::Object(fields), Value::Object(known)) = (tree, known) else { return };
    fields.retain(|name, value| {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        if let Some(inner) = known.get(name) {
            drop_unknown(value, inner, &key, problems);
            return true;
        }
        let near = known.keys().max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
        let hint = near.filter(|near| strsim::jaro_winkler(near, name) > 0.8);
        let what = hint.map_or_else(|| "no such key".to_owned(), |near| format!("no such key; did you mean `{near}`?"));
        problems.push(Problem::new(&key, what));
        false
    });
}

fn remove(tree: &mut Value, path: &str) -> bool {
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    let mut node = tree;
    for part in parent.split('.').filter(|part| !part.is_empty()) {
        let Some(next) = node.get_mut(part) else { return false };
        node = next;
    }
    node.as_object_mut().and_then(|fields| fields.remove(name)).is_some()
}

impl Settings {
    fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.net.check(self.profile, &mut problems);
        self.auth.check(&mut problems);
        self.stores.check(&mut problems);
        self.hubs.check(&mut problems);
        self.journal.check(&mut problems);
        self.limits.check(self.profile, &mut problems);
        self.telemetry.check(&mut problems);
        self.faults.check(self.profile, &mut problems);
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_toml(text: &str) -> (Settings, Vec<Problem>) {
        let file = config::File::from_str(text, config::FileFormat::Toml);
        read(config::Config::builder().add_source(file).build().unwrap().try_deserialize().unwrap())
    }

    #[test]
    fn every_problem_is_told_and_the_rest_is_kept() {
        let (settings, problems) = read_toml(
            "profil = 'production'\n[net]\ngrpc = 'nowhere'\nworkers = -3\nhttp = '127.0.0.1:9'\n[stores]\ndata = 7\n[telemetry]\nformat = 'xml'",
        );
        let keys: Vec<&str> = problems.iter().map(|p| p.key.as_str()).collect();
        for key in ["profil", "net.grpc", "net.workers", "telemetry.format"] {
            assert!(keys.contains(&key), "{key} is missing in {keys:?}");
        }
        assert!(problems.iter().any(|p| p.what.contains("did you mean `profile`?")), "{problems:?}");
        assert_eq!(settings.net.http.to_string(), "127.0.0.1:9");
    }

    #[test]
    fn a_flag_beats_the_environment_which_beats_the_default() {
        let environment = |pairs: &[(&str, &str)]| {
            config::Environment::with_prefix("SHALLOT")
                .prefix_separator("__")
                .separator("__")
                .try_parsing(true)
                .source(Some(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()))
        };
        let vars = [("SHALLOT__NET__GRPC", "127.0.0.1:5"), ("SHALLOT__NET__HTTP", "127.0.0.1:6")];
        let args = ServeArgs { grpc: Some("127.0.0.1:8".parse().unwrap()), ..ServeArgs::default() };
        let (settings, problems) = read(layers(&args, environment(&vars)).unwrap());
        assert_eq!(problems, []);
        assert_eq!(settings.net.grpc.to_string(), "127.0.0.1:8");
        assert_eq!(settings.net.http.to_string(), "127.0.0.1:6");
    }

    #[test]
    fn production_refuses_what_is_for_development() {
        for profile in [limits::LimitProfile::Load, limits::LimitProfile::Tight] {
            let settings = Settings {
                profile: Profile::Production,
                limits: limits::Limits { profile, ..limits::Limits::default() },
                ..Settings::default()
            };
            let keys: Vec<String> = settings.check().into_iter().map(|p| p.key).collect();
            assert!(keys.contains(&"net.tls".to_owned()) && keys.contains(&"limits.profile".to_owned()), "{keys:?}");
        }
    }
}
