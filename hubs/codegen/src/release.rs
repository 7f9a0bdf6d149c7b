//! Released contracts: what clients that are out there were built with, a `FileDescriptorSet` for each version.
//!
//! They lie in one folder as `MAJOR.MINOR.PATCH.binpb`, beside a file with the contract hash of each. While a file lies there its clients are served: the server welcomes their
//! contract hash, and [`evolution`](crate::evolution) finds whatever would break them. A release that is served no more is deleted.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use prost_reflect::DescriptorPool;

use crate::contract::{compile, of_pool};
use crate::error::CodegenError;
use crate::evolution::{BreakingChange, breaking_changes};

/// Ending of a release's file.
const ENDING: &str = "binpb";

/// The file that says which hash clients of each version carry: "VERSION HEX" a line. It is checked, not served: a change to how
/// hashes are made would leave those clients outside, and must be noticed.
pub const HASHES: &str = "hashes.txt";

/// A released contract.
#[derive(Clone, Debug)]
pub struct Release {
    /// Major, minor, patch.
    pub version: [u32; 3],
    /// All its files with what they import, our options included.
    pub pool: DescriptorPool,
}

impl Release {
    /// What its clients say in their Hello.
    ///
    /// # Errors
    ///
    /// A contract that is no longer understood.
    pub fn contract_hash(&self) -> Result<[u8; 32], CodegenError> {
        Ok(of_pool(&self.pool)?.hash)
    }

    /// Its line in [`HASHES`].
    ///
    /// # Errors
    ///
    /// A contract that is no longer understood.
    pub fn hash_line(&self) -> Result<String, CodegenError> {
        let hash: String = self.contract_hash()?.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("{} {hash}\n", self.name()))
    }

    /// `1.2.3`
    #[must_use]
    pub fn name(&self) -> String {
        let [major, minor, patch] = self.version;
        format!("{major}.{minor}.{patch}")
    }
}

/// The releases in a folder, oldest version first.
///
/// # Errors
///
/// A folder or file that cannot be read, a file whose name is no version.
pub fn read_all(folder: &Path) -> Result<Vec<Release>, CodegenError> {
    let unreadable = |path: &Path, error: &dyn std::fmt::Display| CodegenError::Release(path.into(), error.to_string());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| unreadable(folder, &e))? {
        let path = entry.map_err(|e| unreadable(folder, &e))?.path();
        if path.extension().is_none_or(|ending| ending != ENDING) {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let version = parse_version(&name).ok_or_else(|| unreadable(&path, &"its name is no version such as 1.2.3"))?;
        let bytes = fs::read(&path).map_err(|e| unreadable(&path, &e))?;
        let pool = DescriptorPool::decode(&bytes[..]).map_err(|e| unreadable(&path, &e))?;
        found.push(Release { version, pool });
    }
    found.sort_by_key(|release| release.version);
    Ok(found)
}

/// What became of a wish to release.
#[derive(Debug)]
pub enum Outcome {
    /// The file was written.
    Written(PathBuf),
    /// Nothing was written: clients of earlier releases would break.
    Breaks(Vec<BreakingChange>),
}

/// Writes the present contracts below `contracts` into `folder` as this version, unless they break an earlier one.
///
/// # Errors
///
/// Contracts that do not compile or break the rules, a name that is no version, one that is there already, and what [`read_all`]
/// meets.
pub fn release(contracts: &Path, files: &[PathBuf], folder: &Path, version: &str) -> Result<Outcome, CodegenError> {
    let path = folder.join(format!("{version}.{ENDING}"));
    let refused = |why: &str| Err(CodegenError::Release(path.clone(), why.to_owned()));
    let Some(number) = parse_version(version) else { return refused("its name is no version such as 1.2.3") };
    let earlier = read_all(folder)?;
    if earlier.iter().any(|release| release.version >= number) {
        return refused("there is this version or a newer one already");
    }
    let present = compile(&[contracts], files)?;
    of_pool(&present)?;
    let mut broken = Vec::new();
    for release in &earlier {
        broken.extend(breaking_changes(&release.pool, &present)?);
    }
    if !broken.is_empty() {
        return Ok(Outcome::Breaks(broken));
    }
    let mut compiler = protox::Compiler::new([contracts])?;
    compiler.include_source_info(false).include_imports(true).open_files(files)?;
    let line = Release { version: number, pool: present }.hash_line()?;
    let written = fs::write(&path, compiler.encode_file_descriptor_set()).and_then(|()| {
        fs::OpenOptions::new().create(true).append(true).open(folder.join(HASHES))?.write_all(line.as_bytes())
    });
    match written {
        Ok(()) => Ok(Outcome::Written(path)),
        Err(error) => refused(&error.to_string()),
    }
}

/// The contracts below `folder`, in a fixed order.
///
/// # Errors
///
/// A folder that cannot be read.
pub fn proto_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(proto_files(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "proto") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn parse_version(name: &str) -> Option<[u32; 3]> {
    let numbers: Option<Vec<u32>> = name.split('.').map(|part| part.parse().ok()).collect();
    let version = <[u32; 3]>::try_from(numbers?).ok()?;
    // "01.0.0" and "1.0.0" would be two files of one version.
    (name == version.map(|n| n.to_string()).join(".")).then_some(version)
}
