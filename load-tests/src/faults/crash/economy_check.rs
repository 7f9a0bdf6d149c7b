//! `shallot economy check` on the data folder of a server that does not run: the store's own invariants, and all its grants.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tokio::process::Command;

use super::ledger::{Ledger, LedgerError};
use crate::limits::CHECK_TIME_LIMIT;

/// Why a store did not pass.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckError {
    /// It could not be run.
    #[error("`shallot economy check` could not be started: {0}")]
    NotStarted(std::io::Error),
    /// It took too long and was killed.
    #[error("`shallot economy check` took longer than {CHECK_TIME_LIMIT:?}")]
    TooSlow,
    /// An invariant is broken, or the store cannot be read.
    #[error("`shallot economy check` ended with {status}:\n{output}")]
    Failed {
        /// How.
        status: ExitStatus,
        /// All that it said.
        output: String,
    },
    /// It wrote no grants.
    #[error("the grants in {0} cannot be opened: {1}")]
    NoGrants(PathBuf, std::io::Error),
    /// It wrote something else.
    #[error(transparent)]
    BadGrants(#[from] LedgerError),
}

/// Runs it; the grants are written to `grants` and read back.
///
/// # Errors
/// See [`CheckError`].
pub(super) async fn check(binary: &Path, data: &Path, grants: &Path) -> Result<Ledger, CheckError> {
    let mut command = Command::new(binary);
    command.args(["economy", "check", "--data"]).arg(data).arg("--grants").arg(grants);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(CHECK_TIME_LIMIT, command.output()).await.map_err(|_| CheckError::TooSlow)?;
    let output = output.map_err(CheckError::NotStarted)?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        let output_text = String::from_utf8_lossy(&said).trim_end().to_owned();
        return Err(CheckError::Failed { status: output.status, output: output_text });
    }
    let file = File::open(grants).map_err(|error| CheckError::NoGrants(grants.to_owned(), error))?;
    Ok(Ledger::read(BufReader::new(file))?)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    async fn checked(script: &str) -> Result<Ledger, CheckError> {
        let folder = tempfile::tempdir().expect("folder");
        let binary = folder.path().join("shallot.sh");
        std::fs::write(&binary, format!("#!/bin/sh\n{script}\n")).expect("script");
        std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).expect("mode");
        check(&binary, &folder.path().join("data"), &folder.path().join("grants")).await
    }

    #[tokio::test]
    async fn the_grants_it_writes_are_read() {
        let line = r#"{"grant_id":"a","character":"robin","xp":10,"coins":3,"items":[]}"#;
        let script = format!("[ \"$1 $2 $3 $5\" = 'economy check --data --grants' ] && echo '{line}' > \"$6\"");
        assert_eq!(checked(&script).await.expect("passed").len(), 1);
    }

    #[tokio::test]
    async fn a_broken_invariant_is_told_in_its_words() {
        let error = checked("echo 'I2: robin has 7, ledger says 8'; exit 1").await.expect_err("failed");
        assert!(error.to_string().contains("I2: robin has 7"), "{error}");
    }

    #[tokio::test]
    async fn no_grants_and_nonsense_are_no_pass() {
        assert!(matches!(checked("exit 0").await, Err(CheckError::NoGrants(..))));
        assert!(matches!(checked("echo nonsense > \"$6\"").await, Err(CheckError::BadGrants(_))));
    }
}
