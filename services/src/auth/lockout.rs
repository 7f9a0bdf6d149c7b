//! How long an account is locked after failed log-ins: 1, 2, 4 ... 300 seconds. The count is kept in the relational store.

use crate::limits::{LOCKOUT_MAX_MS, SECOND_MS};

/// Milliseconds until the next attempt, after so many failed ones in a row.
#[must_use]
pub fn delay_ms(failures: u32) -> u64 {
    match failures.checked_sub(1) {
        None => 0,
        Some(doublings) => {
            SECOND_MS.saturating_mul(1_u64.checked_shl(doublings).unwrap_or(u64::MAX)).min(LOCKOUT_MAX_MS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_five_minutes() {
        let seconds: Vec<u64> =
            [0, 1, 2, 3, 9, 10, 64, 65, u32::MAX].map(|failures| delay_ms(failures) / 1_000).to_vec();
        assert_eq!(seconds, [0, 1, 2, 4, 256, 300, 300, 300, 300]);
    }
}
