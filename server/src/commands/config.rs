//! `shallot config check`: what `serve` would start with, or every reason why it would not.

use crate::cli::ServeArgs;
use crate::config;

#[expect(clippy::print_stdout, reason = "the verb's result")]
pub(crate) fn check(args: &ServeArgs) -> anyhow::Result<()> {
    let settings = config::load(args)?;
    println!("{}", serde_json::to_string_pretty(&settings)?);
    Ok(())
}
