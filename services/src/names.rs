//! Character names.

use crate::limits::{NAME_CHARS_MAX, NAME_CHARS_MIN};

/// Whether a name has 2 to 24 characters, letters and digits of any script, with single spaces, hyphens and apostrophes inside.
/// No control character passes, since none is a letter.
#[must_use]
pub fn is_valid(name: &str) -> bool {
    // A character has at most four bytes: what is longer is not counted.
    if name.len() > NAME_CHARS_MAX * 4 || !(NAME_CHARS_MIN..=NAME_CHARS_MAX).contains(&name.chars().count()) {
        return false;
    }
    let mut after_letter = false;
    for c in name.chars() {
        let is_letter = c.is_alphanumeric();
        let separates = matches!(c, ' ' | '-' | '\'' | '\u{2019}');
        if !(is_letter || separates && after_letter) {
            return false;
        }
        after_letter = is_letter;
    }
    after_letter
}

/// The form in which names are compared: case does not count, nor which apostrophe was typed.
///
/// Upper case and back to lower case brings together what one of them alone leaves apart (`ß` and `SS`, the two small sigmas).
#[must_use]
pub fn fold(name: &str) -> String {
    name.replace('\u{2019}', "'").to_uppercase().chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_any_script_and_single_inner_separators() {
        for good in ["Ann", "D'Arcy", "Jean-Luc", "李雷", "Ольга 2", "a1", "Old Tom"] {
            assert!(is_valid(good), "{good}");
        }
        let long = "x".repeat(25);
        let huge = "x".repeat(1_000_000);
        for bad in
            ["", "a", "-ann", "ann ", "a  b", "a-'b", "a\u{0}b", "a\nb", "a\u{202E}b", "a_b", "<b>", &long, &huge]
        {
            assert!(!is_valid(bad), "{bad:?}");
        }
    }

    #[test]
    fn case_does_not_count() {
        assert_eq!(fold("ÅNN o’Neil"), fold("ånn O'NEIL"));
        assert_eq!(fold("Straße"), fold("STRASSE"));
        assert_ne!(fold("Ann"), fold("Anne"));
    }
}
