//! Generates the hub contracts out of `proto/shallot`, and those of this crate's own tests.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use shallot_hubs_codegen::{RustPaths, generate};

/// Folder of the contracts, and where their imports are found.
const PROTO: &str = "../proto";

/// The same for contracts that only tests have.
const TEST_PROTO: &str = "tests/proto";

fn main() -> Result<(), Box<dyn Error>> {
    for watched in ["build.rs", "../proto/shallot", TEST_PROTO] {
        println!("cargo:rerun-if-changed={watched}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let hubs = generate(&[PROTO], &proto_files(Path::new(PROTO).join("shallot").as_path())?, &RustPaths::default())?;
    fs::write(out.join("hubs.rs"), hubs)?;

    // Their messages are written by hand beside the tests: prost's generator is not needed for two of them.
    let paths = RustPaths { messages: "crate::messages".to_owned(), ..RustPaths::default() };
    let tests = generate(&[TEST_PROTO, PROTO], &proto_files(Path::new(TEST_PROTO))?, &paths)?;
    fs::write(out.join("test_hubs.rs"), tests)?;
    Ok(())
}

/// All contracts below `folder`, in a fixed order.
fn proto_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(proto_files(&path)?);
        } else if path.extension().is_some_and(|e| e == "proto") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
