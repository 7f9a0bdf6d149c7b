//! What a server that counts knows of each account: its sessions one after another, and in each what ran, what was pushed, what was
//! asked.

use std::fmt;

/// Of one account, its sessions in the order they came.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) lives: Vec<Life>,
}

impl Account {
    /// A call of this number runs in this session; how often that number has run by now.
    pub(crate) fn run(&mut self, life: usize, number: u64) -> u64 {
        if let Some(life) = self.lives.get_mut(life) {
            life.ran.push(number);
        }
        self.lives.iter().map(|life| life.ran.times(number)).sum()
    }
}

/// One session.
#[derive(Default)]
pub(crate) struct Life {
    /// Number of the first push to all that it got.
    pub(crate) room_first: u64,
    /// Number of the last push to it alone; the first was 1.
    pub(crate) own_last: u64,
    /// Questions put to it, numbered from 1.
    pub(crate) asked: u64,
    /// Those that were answered as they should be.
    pub(crate) answered: u64,
    /// Those that were not, with the end of the session too.
    pub(crate) failed: u64,
    /// Numbers of the calls that ran, in the order they did.
    pub(crate) ran: Runs,
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { room_first, own_last, asked, answered, failed, ran } = self;
        write!(f, "{room_first} {own_last} {asked} {answered} {failed} {ran}")
    }
}

/// Numbers in the order they came, each row of successors as its first and its last.
#[derive(Default)]
pub(crate) struct Runs(Vec<(u64, u64)>);

impl Runs {
    fn push(&mut self, number: u64) {
        match self.0.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => self.0.push((number, number)),
        }
    }

    fn times(&self, number: u64) -> u64 {
        self.0.iter().filter(|(first, last)| (*first..=*last).contains(&number)).count() as u64
    }
}

/// `1-7,9-9`, or `-` for none.
impl fmt::Display for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<String> = self.0.iter().map(|(first, last)| format!("{first}-{last}")).collect();
        f.write_str(if rows.is_empty() { "-".to_owned() } else { rows.join(",") }.as_str())
    }
}
