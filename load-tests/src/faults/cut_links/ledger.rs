//! What the server says of an account, and whether it agrees with what the client did and saw. Pure.

use std::time::Duration;

use anyhow::{Context, bail};

use super::book::{LifeSeen, Loss, Seen, Told};

/// What a timer may be late by: a loss that is told so much before the grace time is over is no fault of the server.
const GRACE_SLACK: Duration = Duration::from_secs(1);

/// One session, as the server's ledger has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Life {
    room_first: u64,
    own_last: u64,
    asked: u64,
    answered: u64,
    failed: u64,
    /// Calls that ran, in that order: rows of successors, each its first and its last.
    ran: Vec<(u64, u64)>,
}

impl Life {
    fn parse(words: &str) -> anyhow::Result<Self> {
        let words: Vec<&str> = words.split_whitespace().collect();
        let &[room_first, own_last, asked, answered, failed, rows] = &*words else { bail!("no session: {words:?}") };
        let row = |row: &str| {
            let (first, last) = row.split_once('-').with_context(|| format!("no row of calls: {row:?}"))?;
            anyhow::Ok((first.parse()?, last.parse()?))
        };
        Ok(Self {
            room_first: room_first.parse()?,
            own_last: own_last.parse()?,
            asked: asked.parse()?,
            answered: answered.parse()?,
            failed: failed.parse()?,
            ran: if rows == "-" { Vec::new() } else { rows.split(',').map(row).collect::<Result<_, _>>()? },
        })
    }

    /// As the server writes all of an account.
    pub(super) fn parse_all(words: &str) -> anyhow::Result<Vec<Self>> {
        words.split_terminator(';').map(Self::parse).collect()
    }
}

/// What all are judged by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Law {
    /// Number of the last push to all.
    pub(super) room_last: u64,
    /// For how long the server keeps a session without a link.
    pub(super) grace: Duration,
}

/// What is wrong with a client that is at rest; empty: nothing.
pub(super) fn judge(seen: &Seen, lives: &[Life], law: Law) -> Vec<String> {
    let mut wrong = seen.problems.clone();
    wrong.extend(seen.losses.iter().filter(|loss| loss.after + GRACE_SLACK < law.grace).map(|loss| {
        format!("its session was lost {:?} after its link, before the grace time of {:?}", loss.after, law.grace)
    }));
    judge_lives(seen, lives, law, &mut wrong);
    judge_calls(seen, lives, &mut wrong);
    wrong
}

/// What was pushed and asked.
fn judge_lives(seen: &Seen, lives: &[Life], law: Law, wrong: &mut Vec<String>) {
    if seen.lives.last().map(|last| last.number) != Some(lives.len() as u64) {
        let last = seen.lives.last().map_or(0, |last| last.number);
        wrong.push(format!("it is in session {last}, of {} that the server had for it", lives.len()));
    }
    for own in &seen.lives {
        let at = usize::try_from(own.number).unwrap_or_default();
        let Some(life) = at.checked_sub(1).and_then(|at| lives.get(at)) else {
            wrong.push(format!("session {} is none of the server's", own.number));
            continue;
        };
        let LifeSeen { number, room_first, room_last, own_last, asked, .. } = *own;
        if room_first != life.room_first {
            wrong.push(format!("session {number} began with push {room_first} to all, not {}", life.room_first));
        }
        let is_live = number == lives.len() as u64;
        for (what, got, sent) in [
            ("push to all", room_last, law.room_last),
            ("own push", own_last, life.own_last),
            ("question", asked, life.asked),
        ] {
            if got > sent || (is_live && got < sent) {
                wrong.push(format!("{what} {got} is the last that arrived in session {number}, {sent} was sent"));
            }
        }
        if life.answered > asked || (is_live && (life.answered < life.asked || life.failed > 0)) {
            let Life { asked: put, answered, failed, .. } = life;
            wrong.push(format!("of {put} questions in session {number} {answered} were answered, {failed} failed"));
        }
    }
}

/// What ran.
fn judge_calls(seen: &Seen, lives: &[Life], wrong: &mut Vec<String>) {
    for (number, life) in (1..).zip(lives).filter(|(_, life)| life.ran.len() > 1) {
        wrong.push(format!("session {number} ran its calls as {:?}: lost, doubled or out of order", life.ran));
    }
    // What did not run between two sessions, or after the last.
    let rows = lives.iter().flat_map(|life| &life.ran).copied();
    let mut last = 0;
    for (from, to) in rows.chain([(seen.made + 1, seen.made)]) {
        if from <= last {
            wrong.push(format!("call {from} ran after call {last}"));
        }
        if from > last + 1 && !seen.losses.iter().any(|loss| from <= loss.made + 1) {
            wrong.push(format!("calls {} to {} of {} did not run", last + 1, from - 1, seen.made));
        }
        last = last.max(to);
    }
    let times = |number: u64| {
        lives.iter().flat_map(|life| &life.ran).filter(|(from, to)| (*from..=*to).contains(&number)).count()
    };
    for (&number, told) in &seen.calls {
        let was_lost = seen.losses.iter().any(|Loss { made, .. }| number <= *made);
        let is_right = match told {
            Told::Open => false,
            Told::Ran(counted) => (*counted, times(number)) == (1, 1),
            Told::Unknown => was_lost && times(number) <= 1,
            Told::NotRun => was_lost && times(number) == 0,
        };
        if !is_right {
            wrong.push(format!("call {number} is told {told:?} and ran {} times", times(number)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAW: Law = Law { room_last: 30, grace: Duration::from_secs(10) };

    /// Of two sessions, the first of which was lost with calls 8 to 10: call 9 may have run, the others are one-way.
    fn seen() -> Seen {
        let life = |number, room_first, room_last, own_last| LifeSeen {
            number,
            losses: number - 1,
            room_first,
            room_last,
            own_last,
            asked: 2,
        };
        Seen {
            made: 12,
            calls: [1, 3, 5, 7, 9, 11].map(|n| (n, if n == 9 { Told::Unknown } else { Told::Ran(1) })).into(),
            lives: vec![life(1, 1, 10, 9), life(2, 21, 30, 10)],
            losses: vec![Loss { made: 10, after: Duration::from_secs(12) }],
            ..Seen::default()
        }
    }

    fn lives() -> Vec<Life> {
        Life::parse_all(" 1 12 3 2 1 1-7; 21 10 2 2 0 11-12;").expect("what the server writes")
    }

    #[test]
    fn books_that_agree_are_right() {
        assert_eq!(judge(&seen(), &lives(), LAW), Vec::<String>::new());
        let unseen = Life::parse_all(" 1 12 3 2 1 1-7; 11 4 0 0 0 -; 21 10 2 2 0 11-12;").expect("three");
        let mut seen = seen();
        seen.lives[1].number = 3;
        assert_eq!(judge(&seen, &unseen, LAW), Vec::<String>::new(), "one whose Welcome was lost");
    }

    #[test]
    fn each_thing_that_may_be_wrong_is_found() {
        let by_client: [fn(&mut Seen); 9] = [
            |seen| seen.problems.push("anything".to_owned()),
            |seen| seen.losses[0].after = Duration::from_secs(5),
            |seen| seen.losses.clear(),
            |seen| seen.lives[1].room_last = 29,
            |seen| seen.lives[1].own_last = 9,
            |seen| seen.lives[0].own_last = 13,
            |seen| seen.made = 13,
            |seen| seen.calls.extend([(9, Told::Ran(1))]),
            |seen| seen.calls.extend([(11, Told::NotRun)]),
        ];
        for spoil in by_client {
            let mut seen = seen();
            spoil(&mut seen);
            assert!(!judge(&seen, &lives(), LAW).is_empty(), "{seen:?}");
        }
        let by_server = [
            " 1 12 3 2 1 1-7;",
            " 1 12 3 2 1 1-6; 21 10 2 2 0 11-12;",
            " 1 12 3 2 1 1-3,5-7; 21 10 2 2 0 11-12;",
            " 1 12 3 2 1 1-7,7-7; 21 10 2 2 0 11-12;",
            " 1 12 3 2 1 1-7; 21 10 2 2 0 7-12;",
            " 1 12 3 2 1 1-7; 21 10 2 2 0 12-12;",
            " 1 12 3 2 1 1-7; 22 10 2 2 0 11-12;",
            " 1 12 3 2 1 1-7; 21 11 2 2 0 11-12;",
            " 1 12 3 2 1 1-7; 21 10 2 1 1 11-12;",
            " 1 12 3 3 0 1-7; 21 10 2 2 0 11-12;",
        ];
        for written in by_server {
            let lives = Life::parse_all(written).expect("sessions");
            assert!(!judge(&seen(), &lives, LAW).is_empty(), "{written}");
        }
    }
}
