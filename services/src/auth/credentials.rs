//! The forms of what people and devices show.

use crate::limits::{LOGIN_NAME_MAX, LOGIN_NAME_MIN, REFRESH_TOKEN_LEN};

/// A login name in lower case: 3 to 32 of a-z, 0-9, `_`, `-`, `.`; `None` for anything else.
pub(crate) fn login_name(text: &str) -> Option<String> {
    let is_allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.');
    ((LOGIN_NAME_MIN..=LOGIN_NAME_MAX).contains(&text.len()) && text.bytes().all(is_allowed))
        .then(|| text.to_ascii_lowercase())
}

/// The bytes of a refresh token; `None` when it has not their form.
pub(crate) fn refresh_token(text: &str) -> Option<[u8; REFRESH_TOKEN_LEN]> {
    let mut token = [0_u8; REFRESH_TOKEN_LEN];
    if text.len() != 2 * REFRESH_TOKEN_LEN {
        return None;
    }
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (byte, pair) in token.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(token)
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_names_are_folded_and_judged() {
        assert_eq!(login_name("Ann.B-1_x"), Some("ann.b-1_x".to_owned()));
        for bad in ["", "ab", "a b", "ann\u{0}", "änn", &"x".repeat(33)] {
            assert_eq!(login_name(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn refresh_tokens_read_back() {
        let token = [0xA5; REFRESH_TOKEN_LEN];
        assert_eq!(refresh_token(&hex(&token)), Some(token));
        for bad in ["", "zz", &"é".repeat(32), &"g".repeat(64)] {
            assert_eq!(refresh_token(bad), None, "{bad:?}");
        }
    }
}
