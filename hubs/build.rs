//! Generates the hub contracts out of `proto/shallot`, those of this crate's own tests and benchmark, and the list of the released
//! contracts that are served.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use shallot_hubs_codegen::release::{proto_files, read_all};
use shallot_hubs_codegen::{CodegenError, RustPaths, generate};

/// Folder of the contracts, and where their imports are found.
const PROTO: &str = "../proto";

/// Contracts that clients out there were built with.
const RELEASED: &str = "../proto/released";

/// The same for contracts that only tests have.
const TEST_PROTO: &str = "tests/proto";

/// The same for those that only the benchmark has.
const BENCH_PROTO: &str = "examples/proto";

fn main() -> Result<(), Box<dyn Error>> {
    for watched in ["build.rs", "../proto/shallot", RELEASED, TEST_PROTO, BENCH_PROTO] {
        println!("cargo:rerun-if-changed={watched}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let hubs = generate(&[PROTO], &proto_files(Path::new(PROTO).join("shallot").as_path())?, &RustPaths::default())?;
    fs::write(out.join("hubs.rs"), hubs)?;
    fs::write(out.join("released.rs"), released()?)?;

    // Their messages are written by hand beside the tests: prost's generator is not needed for two of them.
    let paths = RustPaths { messages: "crate::messages".to_owned(), ..RustPaths::default() };
    let tests = generate(&[TEST_PROTO, PROTO], &proto_files(Path::new(TEST_PROTO))?, &paths)?;
    fs::write(out.join("test_hubs.rs"), tests)?;

    let paths = RustPaths { messages: "crate::serve::messages".to_owned(), ..RustPaths::default() };
    let bench = generate(&[BENCH_PROTO, PROTO], &proto_files(Path::new(BENCH_PROTO))?, &paths)?;
    fs::write(out.join("bench_hubs.rs"), bench)?;
    Ok(())
}

/// The hashes of all releases as a constant.
fn released() -> Result<String, CodegenError> {
    let releases = read_all(Path::new(RELEASED))?;
    let hashes: Result<Vec<_>, _> = releases.iter().map(|release| release.contract_hash()).collect();
    let doc = "/// Contract hashes of the releases in `proto/released`, oldest first: their clients are served.";
    Ok(format!("{doc}\npub const RELEASED_HASHES: &[[u8; 32]] = &{:?};\n", hashes?))
}
