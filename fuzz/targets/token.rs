//! An access token: what was not signed is refused. The bytes stand for a token, and for changes to a good one.
#![no_main]

use std::sync::LazyLock;

use shallot_proto::wire::{AccountId, SessionEpoch, SessionId};

#[expect(dead_code, reason = "a part of a whole")]
#[path = "../../services/src/limits.rs"]
mod limits;
#[expect(dead_code, reason = "a part of a whole")]
#[path = "../../services/src/auth/tokens.rs"]
mod tokens;

static TOKENS: LazyLock<(tokens::Tokens, String)> = LazyLock::new(|| {
    let keys = tokens::TokenKeys { signing: [1; 32], retired: vec![[2; 32]] };
    let tokens = tokens::Tokens::new(&keys, "shallot", "game").expect("good keys");
    let principal = tokens::Principal {
        account: AccountId([1; 16]),
        session: SessionId([2; 16]),
        epoch: SessionEpoch(3),
        expires_at_ms: 1_800_000_900_000,
    };
    let good = tokens.sign(&principal, [4; 16], 1_800_000_000_000).expect("a token");
    (tokens, good)
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (tokens, good) = &*TOKENS;
    let text = String::from_utf8_lossy(bytes);
    assert!(tokens.read(&text).is_err() || *text == **good, "a token that nobody signed");
    // A good token with bytes changed: each pair is a place and what is added there.
    let mut changed = good.clone().into_bytes();
    for pair in bytes.chunks_exact(2) {
        let at = usize::from(pair[0]) * 2 % changed.len();
        changed[at] = changed[at].wrapping_add(pair[1]);
    }
    let changed = String::from_utf8_lossy(&changed);
    assert!(tokens.read(&changed).is_err() || *changed == **good, "a changed token");
});
