//! Typed cells of one row. A cell that breaks its rule is reported and counts as something harmless; the row is then no longer sound,
//! and rules that compare several cells pass over it.

use super::findings::Findings;
use super::keys::Keys;
use super::sheet::Sheet;
use super::words::{FLAGS, Words};
use crate::dice::Dice;
use crate::limits::{MAX_KEY_BYTES, MAX_LIST_ITEMS, MAX_NAME_CHARS};
use crate::tables::Effect;

/// One row being read.
pub(super) struct Row<'a> {
    pub(super) sheet: &'a Sheet,
    /// Counted from 0 below the header.
    pub(super) at: usize,
    pub(super) findings: &'a mut Findings,
    sound: bool,
}

impl<'a> Row<'a> {
    pub(super) fn new(sheet: &'a Sheet, at: usize, findings: &'a mut Findings) -> Row<'a> {
        Row { sheet, at, findings, sound: true }
    }

    /// True while no cell of the row broke a rule.
    pub(super) fn is_sound(&self) -> bool {
        self.sound
    }

    pub(super) fn cell(&self, column: &str) -> &'a str {
        self.sheet.cell(self.at, column)
    }

    pub(super) fn is_empty(&self, column: &str) -> bool {
        self.cell(column).is_empty()
    }

    pub(super) fn error(&mut self, column: &str, rule: impl Into<String>) {
        self.sound = false;
        self.findings.error(self.sheet, self.at, column, rule);
    }

    pub(super) fn warning(&mut self, column: &str, rule: impl Into<String>) {
        self.findings.warning(self.sheet, self.at, column, rule);
    }

    /// Reports `rule` unless it `holds`.
    pub(super) fn require(&mut self, holds: bool, column: &str, rule: &str) {
        if !holds {
            self.error(column, rule);
        }
    }

    fn error_with(&mut self, column: &str, rule: String, suggestion: Option<String>) {
        self.sound = false;
        self.findings.error_with((self.sheet, self.at, column), rule, suggestion);
    }

    fn error_near<'c>(
        &mut self,
        column: &str,
        rule: impl Into<String>,
        word: &str,
        choices: impl Iterator<Item = &'c str>,
    ) {
        self.sound = false;
        self.findings.error_near((self.sheet, self.at, column), rule, word, choices);
    }

    /// A key or another word of `[a-z0-9_]+`.
    pub(super) fn token(&mut self, column: &str) -> String {
        let cell = self.cell(column);
        if !is_token(cell) {
            let likely = Some(tokenized(cell)).filter(|likely| is_token(likely));
            self.error_with(column, format!("1 to {MAX_KEY_BYTES} of a-z, 0-9 and _"), likely);
        }
        cell.to_owned()
    }

    /// A token, or nothing.
    pub(super) fn optional_token(&mut self, column: &str) {
        if !self.is_empty(column) {
            self.token(column);
        }
    }

    /// A name people read.
    pub(super) fn name(&mut self, column: &str) -> String {
        let cell = self.cell(column);
        let good = !cell.is_empty()
            && cell.trim() == cell
            && cell.chars().count() <= MAX_NAME_CHARS
            && !cell.chars().any(char::is_control);
        self.require(good, column, &format!("1 to {MAX_NAME_CHARS} characters on one line, without spaces around"));
        cell.to_owned()
    }

    /// An integer of `min` to `max`.
    pub(super) fn integer<T: TryFrom<i64> + Default>(&mut self, column: &str, min: i64, max: i64) -> T {
        let cell = self.cell(column);
        let value = parsed_integer(cell).filter(|value| (min..=max).contains(value));
        let value = value.and_then(|value| T::try_from(value).ok());
        value.unwrap_or_else(|| {
            let likely = integer_without_ornaments(cell).filter(|value| (min..=max).contains(value));
            let likely = likely.map(|value| value.to_string());
            self.error_with(column, format!("an integer from {min} to {max}"), likely);
            T::default()
        })
    }

    /// An integer of `min` to `max`, or nothing.
    pub(super) fn optional_integer<T: TryFrom<i64> + Default>(
        &mut self,
        column: &str,
        min: i64,
        max: i64,
    ) -> Option<T> {
        (!self.is_empty(column)).then(|| self.integer(column, min, max))
    }

    /// 0 or 1.
    pub(super) fn flag(&mut self, column: &str) -> bool {
        self.word(column, FLAGS)
    }

    /// One of `words`; of an unknown word the first is taken.
    pub(super) fn word<T: Copy>(&mut self, column: &str, words: Words<T>) -> T {
        self.word_of(column, self.cell(column), words)
    }

    fn word_of<T: Copy>(&mut self, column: &str, word: &str, words: Words<T>) -> T {
        if let Some((_, meaning)) = words.iter().find(|(known, _)| *known == word) {
            return *meaning;
        }
        let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
        self.error_near(column, format!("one of {}", known.join(", ")), word, known.into_iter());
        words[0].1
    }

    /// A key of another table, as its dense id.
    pub(super) fn reference(&mut self, column: &str, keys: &Keys) -> u16 {
        self.reference_to(column, self.cell(column), keys)
    }

    /// A key of another table, or nothing.
    pub(super) fn optional_reference(&mut self, column: &str, keys: &Keys) -> Option<u16> {
        (!self.is_empty(column)).then(|| self.reference(column, keys))
    }

    /// `key`, a part of the cell, as the dense id it has among `keys`.
    pub(super) fn reference_to(&mut self, column: &str, key: &str, keys: &Keys) -> u16 {
        if let Some(id) = keys.id(key) {
            return id;
        }
        if keys.is_readable() {
            self.error_near(column, format!("no {} has the key \"{key}\"", keys.what), key, keys.iter());
        }
        self.sound = false;
        0
    }

    /// Dice, or nothing.
    pub(super) fn dice(&mut self, column: &str) -> Option<Dice> {
        if self.is_empty(column) {
            return None;
        }
        match self.cell(column).parse() {
            Ok(dice) => Some(dice),
            Err(error) => {
                let cell = self.cell(column);
                let likely: String = cell.to_ascii_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
                let likely = likely.parse::<Dice>().ok().map(|dice| dice.to_string());
                self.error_with(column, error.to_string(), likely);
                None
            }
        }
    }

    /// Dice, or nothing, whose lowest and highest result stand in two columns beside. Where there are no dice these are 0 or empty.
    pub(super) fn dice_with_bounds(&mut self, [dice, min, max]: [&str; 3]) -> Option<Dice> {
        let rolled = self.dice(dice);
        if rolled.is_none() && !self.is_empty(dice) {
            return None;
        }
        let bounds = rolled.map_or((0, 0), |rolled| (rolled.min(), rolled.max()));
        for (column, bound) in [(min, bounds.0), (max, bounds.1)] {
            let agrees = match parsed_integer(self.cell(column)) {
                Some(value) => value == i64::from(bound),
                None => rolled.is_none() && self.is_empty(column),
            };
            if !agrees {
                let rule = match rolled {
                    Some(rolled) => format!("{rolled} gives {} to {}", bounds.0, bounds.1),
                    None => format!("0 or empty, since {dice} is empty"),
                };
                let likely = rolled.map(|_| bound.to_string());
                self.error_with(column, rule, likely);
            }
        }
        rolled
    }

    /// The parts of a list, separated by `|`; an empty cell has none.
    pub(super) fn list(&mut self, column: &str) -> Vec<&'a str> {
        let cell = self.cell(column);
        if cell.is_empty() {
            return Vec::new();
        }
        let parts: Vec<&str> = cell.split('|').take(MAX_LIST_ITEMS + 1).collect();
        self.require(parts.len() <= MAX_LIST_ITEMS, column, &format!("at most {MAX_LIST_ITEMS} parts"));
        self.require(!parts.contains(&""), column, "a list has no empty parts; it is written a|b|c");
        let doubled = parts.iter().enumerate().find(|(at, part)| parts[..*at].contains(part));
        if let Some((_, part)) = doubled.filter(|(_, part)| !part.is_empty()) {
            self.error(column, format!("\"{part}\" stands in the list twice"));
        }
        parts
    }

    /// A list of tokens.
    pub(super) fn tokens(&mut self, column: &str, is_allowed: fn(&str) -> bool) -> Vec<String> {
        let parts = self.list(column);
        if let Some(part) = parts.iter().find(|part| !part.is_empty() && !is_allowed(part)) {
            self.error(column, format!("\"{part}\" is not written with a-z, 0-9 and _ (in properties also -)"));
        }
        parts.into_iter().map(str::to_owned).collect()
    }

    /// A list of `words`.
    pub(super) fn words<T: Copy>(&mut self, column: &str, words: Words<T>) -> Vec<T> {
        self.list(column).into_iter().map(|word| self.word_of(column, word, words)).collect()
    }

    /// A list of keys of another table, as dense ids.
    pub(super) fn references(&mut self, column: &str, keys: &Keys) -> Vec<u16> {
        self.list(column).into_iter().map(|key| self.reference_to(column, key, keys)).collect()
    }

    /// A list of `name:number`, each name once.
    pub(super) fn pairs(&mut self, column: &str, (min, max): (i64, i64)) -> Vec<(&'a str, i64)> {
        let mut pairs: Vec<(&str, i64)> = Vec::new();
        for part in self.list(column) {
            let pair = part.split_once(':').and_then(|(name, value)| Some((name, parsed_integer(value)?)));
            match pair.filter(|(name, value)| is_token(name) && (min..=max).contains(value)) {
                Some((name, _)) if pairs.iter().any(|(earlier, _)| *earlier == name) => {
                    self.error(column, format!("\"{name}\" stands in the list twice"));
                }
                Some(pair) => pairs.push(pair),
                None if part.is_empty() => {}
                None => self
                    .error(column, format!("\"{part}\" is not written name:number, with a number from {min} to {max}")),
            }
        }
        pairs
    }

    /// A list of effects, `stat:value`.
    pub(super) fn effects(&mut self, column: &str) -> Vec<Effect> {
        let pairs = self.pairs(column, MAX_EFFECT);
        pairs.into_iter().map(|(stat, value)| Effect { stat: stat.to_owned(), value: value as i32 }).collect()
    }

    /// Reports at `columns.1` unless the first column's number is at most the second's. For rows that are sound.
    pub(super) fn require_range<T: PartialOrd>(&mut self, (min, max): (T, T), (min_column, max_column): (&str, &str)) {
        if min > max {
            self.error(max_column, format!("at least {min_column}, which is {}", self.cell(min_column)));
        }
    }
}

/// The values an effect may have.
pub(super) const MAX_EFFECT: (i64, i64) = (-1_000_000, 1_000_000);

/// Whether `text` can be a key.
pub(super) fn is_token(text: &str) -> bool {
    (1..=MAX_KEY_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Whether `text` can name a property: a token in which `-` may stand.
pub(super) fn is_property(text: &str) -> bool {
    is_token(&text.replace('-', "_"))
}

/// Digits, perhaps with a minus in front.
pub(super) fn parsed_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// What a spreadsheet may have made of an integer: `1,000`, `5.0`, ` 7`.
fn integer_without_ornaments(text: &str) -> Option<i64> {
    let whole =
        text.split_once('.').map_or(text, |(whole, rest)| if rest.bytes().all(|b| b == b'0') { whole } else { text });
    let bare: String = whole.chars().filter(|c| !matches!(c, ' ' | ',' | '_' | '\'')).collect();
    parsed_integer(&bare)
}

/// What a key was perhaps meant to be: `Long Sword` is `long_sword`.
fn tokenized(text: &str) -> String {
    let spaced = text.trim().to_lowercase().replace([' ', '-'], "_");
    spaced.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}
