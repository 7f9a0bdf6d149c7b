//! A designer's files: a set that can be used, or a report. The first byte says which file of the starter set these bytes replace.
#![no_main]

use std::collections::BTreeMap;

use shallot_masterdata::author::{STARTER_FILES, load_files};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, file)) = bytes.split_first() else { return };
    let mut files: BTreeMap<String, Vec<u8>> =
        STARTER_FILES.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
    let (name, _) = STARTER_FILES[usize::from(*first) % STARTER_FILES.len()];
    files.insert(name.to_owned(), file.to_vec());
    match load_files(files) {
        Ok((set, _)) => assert_eq!(set.level_for_xp(0), 1),
        Err(report) => assert!(report.errors().count() > 0, "a report without an error: {report}"),
    }
});
