//! `level_curve.csv`.

use super::findings::Findings;
use super::row::Row;
use super::sheet::Sheet;
use crate::limits::{MAX_HP, MAX_LEVEL, MAX_XP_TOTAL};
use crate::tables::Level;

/// Reads the curve, in order of level.
pub(super) fn read(sheet: &Sheet, findings: &mut Findings) -> Vec<Level> {
    let mut numbered: Vec<(u8, usize, Level)> = Vec::new();
    let mut all_sound = true;
    for at in 0..sheet.len() {
        let mut row = Row::new(sheet, at, findings);
        let number = row.integer("level", 1, i64::from(MAX_LEVEL));
        let level = Level {
            xp_total: row.integer("xp_total", 0, MAX_XP_TOTAL),
            xp_to_next: row.integer("xp_to_next", 0, MAX_XP_TOTAL),
            base_hp: row.integer("base_hp", 1, i64::from(MAX_HP)),
            base_attack: row.integer("base_attack", 0, 10_000),
            base_defense: row.integer("base_defense", 0, 10_000),
            stat_points: row.integer("stat_points", 0, 1_000),
        };
        all_sound &= row.is_sound();
        numbered.push((number, at, level));
    }
    numbered.sort_by_key(|(number, at, _)| (*number, *at));
    if all_sound {
        check_numbers(sheet, &numbered, findings);
        check_experience(sheet, &numbered, findings);
    }
    if numbered.is_empty() {
        findings.file_error(&sheet.shown_name(), "the curve has at least level 1");
    }
    numbered.into_iter().map(|(_, _, level)| level).collect()
}

/// Levels are 1, 2, 3, ... without a gap.
fn check_numbers(sheet: &Sheet, numbered: &[(u8, usize, Level)], findings: &mut Findings) {
    for (place, (number, at, _)) in numbered.iter().enumerate() {
        let expected = place + 1;
        if usize::from(*number) != expected {
            findings.error(
                sheet,
                *at,
                "level",
                format!("levels count from 1 without a gap, each once; level {expected} is next"),
            );
            return;
        }
    }
}

fn check_experience(sheet: &Sheet, numbered: &[(u8, usize, Level)], findings: &mut Findings) {
    if let Some((_, at, first)) = numbered.first()
        && first.xp_total != 0
    {
        findings.error(sheet, *at, "xp_total", "the first level needs 0");
    }
    for pair in numbered.windows(2) {
        let [(_, _, level), (_, next_at, next)] = pair else { continue };
        if next.xp_total <= level.xp_total {
            let rule = format!("strictly increasing; the level before needs {}", level.xp_total);
            findings.error(sheet, *next_at, "xp_total", rule);
        }
    }
    for (place, (_, at, level)) in numbered.iter().enumerate() {
        let next = numbered.get(place + 1).map(|(_, _, next)| next);
        let expected = next.map_or(0, |next| next.xp_total.saturating_sub(level.xp_total));
        if level.xp_to_next != expected {
            let rule = match next {
                Some(_) => format!("{expected}, the difference of xp_total to the next level"),
                None => "0 on the last level".to_owned(),
            };
            findings.error_with((sheet, *at, "xp_to_next"), rule, Some(expected.to_string()));
        }
        let before = place.checked_sub(1).and_then(|before| numbered.get(before));
        if let Some((_, _, before)) =
            before.filter(|(_, _, before)| next.is_some() && level.xp_to_next < before.xp_to_next)
        {
            let rule = format!("falls; the level before needs {} to the next", before.xp_to_next);
            findings.warning(sheet, *at, "xp_to_next", rule);
        }
    }
}
