//! An operator's file: settings, or all that is wrong with them.
#![no_main]

use std::sync::LazyLock;

use server::{cli, config};

/// Of the server only what reads its configuration.
#[path = "../../server/src"]
mod server {
    pub(crate) mod cli;
    pub(crate) mod config;
}

/// The reader takes a file. One for each process, gone when the machine's temporary files are.
static FILE: LazyLock<std::path::PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("shallot-fuzz-{}.toml", std::process::id())));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    std::fs::write(&*FILE, bytes).expect("a file can be written");
    let args = cli::ServeArgs { config: Some(FILE.clone()), ..cli::ServeArgs::default() };
    match config::load(&args) {
        Ok(settings) => assert!(settings.net.worker_count() > 0),
        Err(problems) => assert!(!problems.0.is_empty() && !problems.to_string().is_empty()),
    }
});
