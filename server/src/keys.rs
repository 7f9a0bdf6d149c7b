//! The secrets of a data folder: made at the first start, kept there, readable by their owner only.

use std::path::Path;

use anyhow::Context as _;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::listeners::tls::write_private;

const TOKEN_KEY_FILE: &str = "token-key";
/// Bytes of an Ed25519 seed.
const SEED: usize = 32;

/// The seed of the key that signs access tokens (Ed25519). The second value tells whether it was made now.
pub(crate) fn token_key(data: &Path) -> anyhow::Result<([u8; SEED], bool)> {
    let path = data.join(TOKEN_KEY_FILE);
    if path.exists() {
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let seed = bytes.try_into().map_err(|_| {
            anyhow::anyhow!("{} does not hold a key of {SEED} bytes; remove it to have a new one made", path.display())
        })?;
        return Ok((seed, false));
    }
    let seed = draw::<SEED>()?;
    write_private(&path, &seed)?;
    Ok((seed, true))
}

/// A seed for the simulation, when the operator names none.
pub(crate) fn draw_seed() -> anyhow::Result<u64> {
    Ok(u64::from_le_bytes(draw()?))
}

fn draw<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| anyhow::anyhow!("no randomness"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_key_is_made_once_and_a_broken_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (first, made) = token_key(folder.path()).unwrap();
        assert!(made);
        assert_eq!(token_key(folder.path()).unwrap(), (first, false));
        std::fs::write(folder.path().join(TOKEN_KEY_FILE), "x").unwrap();
        assert!(token_key(folder.path()).is_err());
    }
}
