//! "Did you mean": the nearest of the right words, when one is near.

use crate::limits::MAX_KEY_BYTES;

/// The choice that takes the fewest edits (insert, delete, replace, swap of neighbours), when that is at most a quarter of the word's
/// letters. Of equally near ones the first.
pub(super) fn nearest<'a>(word: &str, choices: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let letters = word.chars().count();
    let most = (letters / 4).max(1);
    if letters > MAX_KEY_BYTES {
        return None;
    }
    choices
        .filter(|choice| choice.chars().count().abs_diff(letters) <= most)
        .map(|choice| (strsim::osa_distance(word, choice), choice))
        .filter(|(edits, choice)| *edits <= most && *edits < choice.chars().count())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, choice)| choice)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_are_seen_and_strangers_are_not() {
        let words = ["dagger", "club", "leather_armor"];
        assert_eq!(nearest("dager", words.into_iter()), Some("dagger"));
        assert_eq!(nearest("lcub", words.into_iter()), Some("club"));
        assert_eq!(nearest("lether_armour", words.into_iter()), Some("leather_armor"));
        assert_eq!(nearest("sword", words.into_iter()), None);
        assert_eq!(nearest("", words.into_iter()), None);
        assert_eq!(nearest("x", ["y"].into_iter()), None);
    }
}
