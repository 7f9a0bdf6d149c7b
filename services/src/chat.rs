//! What may be said, and how a channel may be called.

use crate::limits::{CHAT_TEXT_BYTES_MAX, CHAT_TEXT_CHARS_MAX};
use crate::names;
use crate::reason::Reason;

/// Why a text or a name of a channel is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// Nothing to read in it.
    #[error("the text is empty")]
    TextEmpty,
    /// Longer than the limit.
    #[error("a text has at most {CHAT_TEXT_CHARS_MAX} characters")]
    TextTooLong,
    /// It would control how text is shown.
    #[error("the text has a control character")]
    TextInvalid,
    /// No character can be called so.
    #[error("no character has such a name")]
    NameInvalid,
    /// No channel can be called so.
    #[error("a channel is called by 2 to 24 letters or digits, with single spaces, hyphens and apostrophes inside")]
    ChannelNameInvalid,
}

impl Reason for ChatError {
    fn reason(&self) -> &'static str {
        match self {
            Self::TextEmpty => "TEXT_EMPTY",
            Self::TextTooLong => "TEXT_TOO_LONG",
            Self::TextInvalid => "TEXT_INVALID",
            Self::NameInvalid => "NAME_INVALID",
            Self::ChannelNameInvalid => "CHANNEL_NAME_INVALID",
        }
    }
}

/// Checks a text as a player typed it.
///
/// # Errors
/// Empty or nothing but white space, too long, or with a character that controls how text is shown: line breaks, escape sequences,
/// changes of direction, invisible fillers.
pub fn check_text(text: &str) -> Result<(), ChatError> {
    // Bytes first: what is far too long is not walked through.
    if text.len() > CHAT_TEXT_BYTES_MAX || text.chars().count() > CHAT_TEXT_CHARS_MAX {
        return Err(ChatError::TextTooLong);
    }
    if text.chars().any(controls_display) {
        return Err(ChatError::TextInvalid);
    }
    if text.trim().is_empty() { Err(ChatError::TextEmpty) } else { Ok(()) }
}

/// The form in which a character's name is compared.
///
/// # Errors
/// No character can have it.
pub fn folded_name(name: &str) -> Result<String, ChatError> {
    if names::is_valid(name) { Ok(names::fold(name)) } else { Err(ChatError::NameInvalid) }
}

/// The form in which a channel's name is compared, and shown. The rule is that of character names.
///
/// # Errors
/// No channel can have it.
pub fn folded_channel(name: &str) -> Result<String, ChatError> {
    if names::is_valid(name) { Ok(names::fold(name)) } else { Err(ChatError::ChannelNameInvalid) }
}

/// Joiners (U+200C, U+200D) stay: scripts and emoji need them.
fn controls_display(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}'
            | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_passes() {
        for good in ["hi", " hi ", "Grüße, 李雷!", "👩‍👩‍👧 ok", "می\u{200C}خواهم", &"x".repeat(256), &"李".repeat(256)]
        {
            assert_eq!(check_text(good), Ok(()), "{good:?}");
        }
    }

    #[test]
    fn nothing_to_read_is_empty() {
        for empty in ["", "   ", "\u{3000}\u{A0}"] {
            assert_eq!(check_text(empty), Err(ChatError::TextEmpty), "{empty:?}");
        }
    }

    #[test]
    fn too_long_is_refused_by_characters_and_by_bytes() {
        assert_eq!(check_text(&"x".repeat(257)), Err(ChatError::TextTooLong));
        assert_eq!(check_text(&"👩".repeat(257)), Err(ChatError::TextTooLong));
        assert_eq!(check_text(&"x".repeat(1_000_000)), Err(ChatError::TextTooLong));
    }

    #[test]
    fn what_controls_the_display_is_refused() {
        for bad in [
            "a\nb",
            "a\rb",
            "\u{1B}[31m",
            "a\0b",
            "\u{7F}",
            "\u{85}",
            "a\u{202E}b",
            "\u{2066}x",
            "\u{FEFF}x",
            "\u{200B}",
        ] {
            assert_eq!(check_text(bad), Err(ChatError::TextInvalid), "{bad:?}");
        }
    }

    #[test]
    fn a_channel_is_called_as_a_character_may_be() {
        assert_eq!(folded_channel("Old Traders").as_deref(), Ok("old traders"));
        for bad in ["", "x", "#x", "a/b", "a\nb", &"x".repeat(25)] {
            assert_eq!(folded_channel(bad), Err(ChatError::ChannelNameInvalid), "{bad:?}");
        }
        assert_eq!(folded_name("a*"), Err(ChatError::NameInvalid));
    }
}
