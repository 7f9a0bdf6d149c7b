//! Compiles `shallot/**/*.proto` without protoc: messages, unary and streaming services, the descriptor set with our options
//! intact, and the table of method rules. Fails for a method that a client may call and that has no complete rule.

#[path = "build/emit.rs"]
mod emit;
#[path = "build/rules.rs"]
mod rules;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Folder of the contracts, beside this file.
const CONTRACTS: &str = "shallot";

/// Large messages that are rare in a frame: in a box they do not make all others as large as themselves.
const RARE_IN_FRAMES: [&str; 5] = [
    ".shallot.hub.v1.ClientFrame.frame.hello",
    ".shallot.hub.v1.ServerFrame.frame.welcome",
    ".shallot.hub.v1.ServerFrame.frame.go_away",
    ".shallot.hub.v1.Answer.result.error",
    ".shallot.hub.v1.Reply.result.error",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={CONTRACTS}");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);

    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_source_info(true).open_files(proto_files(Path::new(CONTRACTS))?)?;
    let pool = compiler.descriptor_pool();
    let hubs = rules::hub_services(&pool).map_err(|problems| refusal(&problems))?;
    let rows = rules::method_rules(&pool, &hubs).map_err(|problems| refusal(&problems))?;
    fs::write(out.join("rules.rs"), emit::rules_table(&rows))?;

    let mut own_files = compiler.file_descriptor_set();
    emit::drop_hub_services(&mut own_files, &hubs);
    // Without the transport's short-cut: its `connect(address)` would collide with `HubLink.Connect`.
    let generator = tonic_prost_build::configure().build_transport(false).bytes(".");
    RARE_IN_FRAMES.iter().fold(generator, |generator, field| generator.boxed(field)).compile_fds(own_files)?;

    // Through prost's types our options would be lost; protox keeps the bytes.
    let descriptors = compiler.include_source_info(false).include_imports(true).encode_file_descriptor_set();
    fs::write(out.join("descriptors.binpb"), descriptors)?;
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

fn refusal(problems: &[String]) -> Box<dyn Error> {
    format!("the contracts are refused:\n  {}", problems.join("\n  ")).into()
}
