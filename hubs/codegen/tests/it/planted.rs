//! Contracts written for one test.

use std::fs;
use std::path::Path;

use prost_reflect::DescriptorPool;
use shallot_hubs_codegen::contract::compile;
use shallot_hubs_codegen::{CodegenError, Contracts, RustPaths, generate, read};
use tempfile::TempDir;

/// Where `shallot/hub/v1/options.proto` is.
pub(crate) const OPTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto");

/// A rule that any method may have.
pub(crate) const RULE: &str = "option (shallot.hub.v1.rule) = { access: ACCESS_PLAYER limit: LIMIT_CLASS_PLAY };";

/// A file of the package `shallot.planted.v1` with this in it, beside a few messages.
pub(crate) struct Planted {
    folder: TempDir,
}

impl Planted {
    pub(crate) fn new(services: &str) -> Self {
        Self::with_messages(
            services,
            "message Ask { string text = 1; } message Told { uint32 entity = 1; repeated int32 many = 2; float real = 3; }",
        )
    }

    pub(crate) fn with_messages(services: &str, messages: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "syntax = \"proto3\"; package shallot.planted.v1;\n\
             import \"google/protobuf/empty.proto\"; import \"shallot/hub/v1/options.proto\";\n\
             {messages}\n{services}"
        );
        fs::write(folder.path().join("planted.proto"), text).unwrap();
        Self { folder }
    }

    pub(crate) fn read(&self) -> Result<Contracts, CodegenError> {
        read(&self.includes(), &[self.file()])
    }

    pub(crate) fn pool(&self) -> DescriptorPool {
        compile(&self.includes(), &[self.file()]).unwrap()
    }

    pub(crate) fn code(&self) -> String {
        generate(&self.includes(), &[self.file()], &RustPaths::default()).unwrap()
    }

    /// The lines of the refusal.
    pub(crate) fn refusals(&self) -> Vec<String> {
        match self.read() {
            Err(CodegenError::Refused(problems)) => problems,
            other => panic!("a refusal was expected, not {other:?}"),
        }
    }

    fn includes(&self) -> [&Path; 2] {
        [self.folder.path(), Path::new(OPTIONS)]
    }

    pub(crate) fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("planted.proto")
    }
}

/// A hub with this in it, and a receiver with that.
pub(crate) fn hub(methods: &str, receiver: &str) -> Planted {
    Planted::new(&hub_text(methods, receiver))
}

pub(crate) fn hub_text(methods: &str, receiver: &str) -> String {
    format!(
        "service PlantedHub {{ option (shallot.hub.v1.receiver) = \"PlantedReceiver\"; {methods} }}\n\
         service PlantedReceiver {{ {receiver} }}"
    )
}
