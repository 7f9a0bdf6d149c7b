//! Files of journals: their names, and which of them are kept.

use std::fs::File;
use std::path::{Path, PathBuf};

use shallot_proto::wire::{RegionEpoch, Tick};

/// After a file's numbers.
const EXTENSION: &str = ".journal";
/// Of an epoch or a tick in a name, so that names sort by age.
const DIGITS: usize = 10;

/// The folder of one region's journals.
#[derive(Clone, Debug)]
pub(crate) struct JournalFolder {
    folder: PathBuf,
    region: String,
    keep: usize,
}

impl JournalFolder {
    /// Keeps the newest `keep` files of a region in `folder`, which is made when it is not there, for its owner only.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn new(folder: &Path, region: &str, keep: usize) -> std::io::Result<Self> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
        Ok(Self { folder: folder.to_owned(), region: region.to_owned(), keep })
    }

    /// Key of the region.
    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// A new file for the journal that begins after `tick`. The oldest ones go, so that with it as many are there as are kept.
    ///
    /// # Errors
    /// It cannot be made, or is there already: another server writes here.
    pub(super) fn create(&self, epoch: RegionEpoch, tick: Tick) -> std::io::Result<(File, PathBuf)> {
        let name = format!("{}-{:0DIGITS$}-{:0DIGITS$}{EXTENSION}", self.region, epoch.0, tick.0);
        let path = self.folder.join(&name);
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        self.forget_the_oldest(&name)?;
        Ok((file, path))
    }

    /// All but the newest others. Epochs begin anew with a new data folder: by its name the new file may be the oldest.
    fn forget_the_oldest(&self, new: &str) -> std::io::Result<()> {
        let mut names: Vec<String> = std::fs::read_dir(&self.folder)?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| self.is_ours(name) && name != new)
            .collect();
        names.sort_unstable();
        names.truncate((names.len() + 1).saturating_sub(self.keep));
        for name in names {
            match std::fs::remove_file(self.folder.join(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a name is one that [`JournalFolder::create`] makes.
    fn is_ours(&self, name: &str) -> bool {
        let numbers = name.strip_prefix(&self.region).and_then(|rest| rest.strip_suffix(EXTENSION));
        let Some((epoch, tick)) = numbers.and_then(|rest| rest.strip_prefix('-')?.split_once('-')) else {
            return false;
        };
        [epoch, tick].iter().all(|n| n.len() == DIGITS && n.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_oldest_go_and_nothing_else_does() {
        let root = tempfile::tempdir().unwrap();
        let others = ["moor-0000000001-0000000000.journal", "field-1-2.journal", "field-0000000001-0000000000.txt"];
        for name in others {
            std::fs::write(root.path().join(name), b"mine").unwrap();
        }
        let folder = JournalFolder::new(root.path(), "field", 2).unwrap();
        for (epoch, tick) in [(1, 900), (2, 20), (2, 1_000)] {
            folder.create(RegionEpoch(epoch), Tick(tick)).unwrap();
        }
        let mut expected = others.map(str::to_owned).to_vec();
        expected
            .extend(["field-0000000002-0000000020.journal", "field-0000000002-0000001000.journal"].map(str::to_owned));
        expected.sort();
        assert_eq!(names(root.path()), expected);
    }

    #[test]
    fn the_new_file_stays_when_epochs_begin_anew() {
        let root = tempfile::tempdir().unwrap();
        let folder = JournalFolder::new(root.path(), "field", 2).unwrap();
        for epoch in [7, 8, 1, 2] {
            folder.create(RegionEpoch(epoch), Tick(0)).unwrap();
        }
        assert_eq!(names(root.path()), ["field-0000000002-0000000000.journal", "field-0000000008-0000000000.journal"]);
    }

    #[test]
    fn a_file_is_never_written_over() {
        let root = tempfile::tempdir().unwrap();
        let folder = JournalFolder::new(&root.path().join("new/folder"), "field", 2).unwrap();
        folder.create(RegionEpoch(1), Tick(0)).unwrap();
        let again = folder.create(RegionEpoch(1), Tick(0)).unwrap_err();
        assert_eq!(again.kind(), std::io::ErrorKind::AlreadyExists);
    }
}
