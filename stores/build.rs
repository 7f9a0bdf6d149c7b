//! Tells cargo that the migrations are part of this crate: they are embedded at build time.
fn main() {
    println!("cargo::rerun-if-changed=../migrations/sqlite");
}
