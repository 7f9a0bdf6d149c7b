//! Resume tokens: what a client shows to take up a session whose link was lost.
//!
//! A token is opaque to clients. Its first half names the session, its second half is a secret that each Welcome draws anew. The
//! ones before count too until the client is known to have the newest: a Welcome may be lost with its link. A token alone
//! opens nothing; it counts beside an access token of the same account, session and epoch.

use bytes::Bytes;
use subtle::ConstantTimeEq as _;

use crate::limits::{RESUME_SECRETS, RESUME_TOKEN_BYTES};
use crate::ports::Randomness;

const HALF: usize = RESUME_TOKEN_BYTES / 2;

/// What a client says in its Hello to take its session up.
#[derive(Clone, Debug)]
pub(crate) struct Resume {
    pub(crate) token: Bytes,
    /// The newest sequenced frame that has arrived.
    pub(crate) last_seq: u64,
}

/// What a token is to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    /// It was the session's once: its link is one that a newer has replaced.
    Stale,
    /// Another session's, or forged.
    Foreign,
}

/// The tokens of one session.
#[derive(Default)]
pub(crate) struct ResumeTokens {
    /// `None`: the session cannot be resumed.
    session: Option<[u8; HALF]>,
    /// The secrets that count, the newest last, at most [`RESUME_SECRETS`].
    secrets: Vec<[u8; HALF]>,
}

impl ResumeTokens {
    /// For a Welcome; empty when there is no randomness. `shown` is what the client resumed by; those before it count until
    /// [`ResumeTokens::settle`], since of several links that were tried any may be the one whose Welcome arrives.
    pub(crate) fn rotate(&mut self, shown: Option<&[u8]>, randomness: &dyn Randomness) -> Bytes {
        if self.session.is_none() {
            self.session = draw(randomness);
        }
        let (Some(session), Some(secret)) = (self.session, draw(randomness)) else {
            *self = Self::default();
            return Bytes::new();
        };
        // The one shown is surely the client's: it is forgotten last.
        let shown = shown.and_then(|token| token.get(HALF..));
        self.secrets.sort_by_key(|secret| Some(&secret[..]) == shown);
        if self.secrets.len() == RESUME_SECRETS {
            self.secrets.remove(0);
        }
        self.secrets.push(secret);
        [session, secret].concat().into()
    }

    /// The client has the newest: no other counts.
    pub(crate) fn settle(&mut self) {
        self.secrets.drain(..self.secrets.len().saturating_sub(1));
    }

    pub(crate) fn can_resume(&self) -> bool {
        !self.secrets.is_empty()
    }

    pub(crate) fn judge(&self, token: &[u8]) -> Verdict {
        let (Some(own), Some((session, secret))) = (&self.session, token.split_at_checked(HALF)) else {
            return Verdict::Foreign;
        };
        if !bool::from(own[..].ct_eq(session)) {
            return Verdict::Foreign;
        }
        // All are compared, so that the time does not tell which.
        let is_good = self.secrets.iter().fold(false, |good, own| good | bool::from(own[..].ct_eq(secret)));
        if is_good { Verdict::Good } else { Verdict::Stale }
    }
}

fn draw(randomness: &dyn Randomness) -> Option<[u8; HALF]> {
    let mut bytes = [0; HALF];
    randomness.fill(&mut bytes).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;
    use crate::ports::NoRandomness;

    /// Never the same byte twice in a row.
    #[derive(Default)]
    struct Counting(AtomicU8);

    impl Randomness for Counting {
        fn fill(&self, bytes: &mut [u8]) -> bool {
            bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
            true
        }
    }

    #[test]
    fn each_token_counts_until_the_next_has_arrived() {
        let (mut tokens, random) = (ResumeTokens::default(), Counting::default());
        let first = tokens.rotate(None, &random);
        assert_eq!((first.len(), tokens.judge(&first)), (RESUME_TOKEN_BYTES, Verdict::Good));
        tokens.settle();
        let second = tokens.rotate(None, &random);
        assert_ne!(first, second);
        assert_eq!((tokens.judge(&first), tokens.judge(&second)), (Verdict::Good, Verdict::Good));
        tokens.settle();
        assert_eq!((tokens.judge(&first), tokens.judge(&second)), (Verdict::Stale, Verdict::Good));
    }

    #[test]
    fn a_row_of_lost_welcomes_does_not_shut_the_client_out() {
        let (mut tokens, random) = (ResumeTokens::default(), Counting::default());
        let known = tokens.rotate(None, &random);
        tokens.settle();
        for _ in 0..3 * RESUME_SECRETS {
            let newest = tokens.rotate(Some(&known), &random);
            assert_eq!((tokens.judge(&known), tokens.judge(&newest)), (Verdict::Good, Verdict::Good));
            assert!(tokens.secrets.len() <= RESUME_SECRETS);
        }
    }

    #[test]
    fn a_link_that_was_given_up_does_not_take_the_token_of_its_successor_away() {
        let (mut tokens, random) = (ResumeTokens::default(), Counting::default());
        let first = tokens.rotate(None, &random);
        tokens.settle();
        let arrived = tokens.rotate(Some(&first), &random);
        // The Hello of an earlier attempt comes late; its Welcome reaches nobody.
        tokens.rotate(Some(&first), &random);
        assert_eq!(tokens.judge(&arrived), Verdict::Good);
    }

    #[test]
    fn what_another_session_drew_is_foreign() {
        let (mut tokens, random) = (ResumeTokens::default(), Counting::default());
        tokens.rotate(None, &random);
        let other = ResumeTokens::default().rotate(None, &random);
        for shown in [&other[..], &other[..HALF], b""] {
            assert_eq!(tokens.judge(shown), Verdict::Foreign);
        }
    }

    #[test]
    fn without_randomness_nothing_is_resumed() {
        let mut tokens = ResumeTokens::default();
        assert!(tokens.rotate(None, &NoRandomness).is_empty());
        assert!(!tokens.can_resume());
        assert_eq!(tokens.judge(b""), Verdict::Foreign);
        assert_eq!(tokens.judge(&[0; RESUME_TOKEN_BYTES]), Verdict::Foreign);
    }
}
