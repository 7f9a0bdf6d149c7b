//! The tool's own output: lines on standard output, complaints on standard error. A reader that went away ends nothing.

use std::io::Write as _;

/// A line for whoever watches.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// A line about what went wrong.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
