//! The contracts of this repository against every release that is served.

use std::fs;
use std::path::{Path, PathBuf};

use prost_reflect::DescriptorPool;
use shallot_hubs_codegen::contract::compile;
use shallot_hubs_codegen::evolution::breaking_changes;
use shallot_hubs_codegen::release::{HASHES, Outcome, proto_files, read_all, release};

use crate::planted::{OPTIONS, Planted, RULE, hub_text};

fn proto() -> PathBuf {
    PathBuf::from(OPTIONS)
}

fn present() -> DescriptorPool {
    compile(&[proto()], &proto_files(&proto().join("shallot")).unwrap()).unwrap()
}

#[test]
fn no_client_of_a_served_release_is_broken() {
    let releases = read_all(&proto().join("released")).unwrap();
    assert!(!releases.is_empty(), "no release was read");
    let present = present();
    let mut lines = Vec::new();
    for release in &releases {
        let changes = breaking_changes(&release.pool, &present).unwrap();
        lines.extend(changes.iter().map(|change| format!("against {}: {change}", release.name())));
    }
    assert!(lines.is_empty(), "{} breaking changes of released contracts:\n{}", lines.len(), lines.join("\n"));
}

/// A client carries the hash that was made when it was built.
#[test]
fn the_hash_of_a_release_never_changes() {
    let folder = proto().join("released");
    let lines: String = read_all(&folder).unwrap().iter().map(|release| release.hash_line().unwrap()).collect();
    assert_eq!(fs::read_to_string(folder.join(HASHES)).unwrap(), lines);
}

/// Every field of every message of ours, gone: none may be overlooked.
#[test]
fn each_field_of_a_release_is_watched() {
    let released = present();
    let ours: Vec<_> =
        released.all_messages().filter(|message| message.package_name().starts_with("shallot.")).collect();
    let mut watched = 0;
    for message in &ours {
        for field in message.fields() {
            let mut files: Vec<_> = released.file_descriptor_protos().cloned().collect();
            let file = files.iter_mut().find(|file| file.name() == message.parent_file().name()).unwrap();
            let Some(planted) = file.message_type.iter_mut().find(|m| m.name() == message.name()) else { continue };
            if message.parent_message().is_some() {
                continue;
            }
            planted.field.retain(|f| f.number() != field.number().cast_signed());
            let mut pool = DescriptorPool::new();
            pool.add_file_descriptor_protos(files).unwrap();
            let found = breaking_changes(&released, &pool).unwrap();
            assert!(found.iter().any(|change| change.place == field.full_name()), "{}", field.full_name());
            watched += 1;
        }
    }
    assert!(watched > 100, "{watched} fields were planted");
}

#[test]
fn a_release_is_written_once_and_only_when_it_breaks_none_before() {
    let folder = tempfile::tempdir().unwrap();
    let write = |method: &str, version: &str| {
        let planted = Planted::new(&hub_text(&format!("rpc {method}(Ask) returns (Ask) {{ {RULE} }}"), ""));
        fs::copy(planted.file(), folder.path().join("planted.proto")).unwrap();
        let options = folder.path().join("shallot/hub/v1");
        fs::create_dir_all(&options).unwrap();
        fs::copy(Path::new(OPTIONS).join("shallot/hub/v1/options.proto"), options.join("options.proto")).unwrap();
        release(folder.path(), &proto_files(folder.path()).unwrap(), folder.path(), version)
    };
    assert!(matches!(write("Do", "1.2.0").unwrap(), Outcome::Written(path) if path.ends_with("1.2.0.binpb")));
    for version in ["1.2.0", "1.1.9"] {
        let again = write("Do", version).unwrap_err().to_string();
        assert!(again.contains("this version or a newer one"), "{again}");
    }
    for name in ["", "1.2", "1.2.x", "01.3.0", "1.2.3.4", "../1.3.0"] {
        assert!(write("Do", name).unwrap_err().to_string().contains("no version"), "{name}");
    }
    let Outcome::Breaks(changes) = write("Perform", "1.3.0").unwrap() else { panic!("it breaks 1.2.0") };
    assert_eq!(changes.len(), 1);
    assert_eq!(read_all(folder.path()).unwrap().len(), 1);

    assert!(matches!(write("Do", "1.10.0").unwrap(), Outcome::Written(_)));
    let releases = read_all(folder.path()).unwrap();
    assert_eq!(releases.iter().map(|r| r.name()).collect::<Vec<_>>(), ["1.2.0", "1.10.0"]);
    let lines: String = releases.iter().map(|release| release.hash_line().unwrap()).collect();
    assert_eq!(fs::read_to_string(folder.path().join(HASHES)).unwrap(), lines);
}

#[test]
fn what_is_no_release_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("1.0.0.binpb"), [0xff; 9]).unwrap();
    let error = read_all(folder.path()).unwrap_err().to_string();
    assert!(error.contains("1.0.0.binpb"), "{error}");
    assert!(read_all(&folder.path().join("nowhere")).unwrap_err().to_string().contains("nowhere"));
}
