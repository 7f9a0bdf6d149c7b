//! Questions to a client (client results) that await their answer. Without IO and without a clock.

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::call::RunId;
use crate::error::{Code, HubError, reason};

/// What the asker awaits.
pub(crate) type Answer = oneshot::Receiver<Result<Bytes, HubError>>;

#[derive(Debug)]
struct OpenAsk {
    id: u64,
    /// The run that asked, when it was one of the session's own.
    asker: Option<RunId>,
    deadline_ms: u64,
    answer: oneshot::Sender<Result<Bytes, HubError>>,
}

/// Open questions, at most as many as the limit.
#[derive(Debug)]
pub(crate) struct AskTable {
    max: usize,
    last_id: u64,
    open: Vec<OpenAsk>,
}

impl AskTable {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, last_id: 0, open: Vec::new() }
    }

    /// Opens a question; its id and what to await.
    pub(crate) fn open(&mut self, asker: Option<RunId>, deadline_ms: u64) -> Result<(u64, Answer), HubError> {
        if self.open.len() >= self.max {
            let message = "too many questions to this client are open already";
            return Err(HubError::new(Code::ResourceExhausted, reason::ASK_QUEUE_FULL, message));
        }
        self.last_id += 1;
        let (answer, awaited) = oneshot::channel();
        self.open.push(OpenAsk { id: self.last_id, asker, deadline_ms, answer });
        Ok((self.last_id, awaited))
    }

    /// The client has answered. Nothing, when nobody waits any more.
    pub(crate) fn answer(&mut self, id: u64, result: Result<Bytes, HubError>) {
        if let Some(at) = self.open.iter().position(|ask| ask.id == id) {
            // The asker may have gone: then nobody wants it.
            let _ = self.open.swap_remove(at).answer.send(result);
        }
    }

    /// The run that asked a question which is still open.
    pub(crate) fn asker(&self, id: u64) -> Option<RunId> {
        self.open.iter().find(|ask| ask.id == id)?.asker
    }

    /// Nobody waits for it any more.
    pub(crate) fn forget(&mut self, id: u64) {
        self.open.retain(|ask| ask.id != id);
    }

    /// Ends what is past its deadline.
    pub(crate) fn expire(&mut self, mono_ms: u64) {
        let expired = self.open.extract_if(.., |ask| ask.deadline_ms <= mono_ms);
        expired.for_each(|ask| drop(ask.answer.send(Err(HubError::deadline_exceeded()))));
    }

    pub(crate) fn next_deadline_ms(&self) -> Option<u64> {
        self.open.iter().map(|ask| ask.deadline_ms).min()
    }

    /// The session is over.
    pub(crate) fn fail_all(&mut self, error: &HubError) {
        self.max = 0;
        self.open.drain(..).for_each(|ask| drop(ask.answer.send(Err(error.clone()))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_reaches_its_asker_once() {
        let mut asks = AskTable::new(2);
        let (first, mut first_answer) = asks.open(None, 10).unwrap();
        let (second, mut second_answer) = asks.open(None, 10).unwrap();
        assert_eq!(asks.open(None, 10).unwrap_err().reason, reason::ASK_QUEUE_FULL);
        asks.answer(second, Ok(Bytes::from_static(b"2")));
        asks.answer(second, Ok(Bytes::from_static(b"again")));
        asks.answer(99, Ok(Bytes::new()));
        assert_eq!(second_answer.try_recv().unwrap(), Ok(Bytes::from_static(b"2")));
        assert!(first_answer.try_recv().is_err());
        asks.forget(first);
        assert!(asks.open(None, 10).is_ok());
    }

    #[test]
    fn a_question_past_its_deadline_ends() {
        let mut asks = AskTable::new(4);
        let (_, mut early) = asks.open(None, 10).unwrap();
        let (_, mut late) = asks.open(None, 20).unwrap();
        assert_eq!(asks.next_deadline_ms(), Some(10));
        asks.expire(10);
        assert_eq!(early.try_recv().unwrap(), Err(HubError::deadline_exceeded()));
        assert!(late.try_recv().is_err());
        assert_eq!(asks.next_deadline_ms(), Some(20));
    }

    #[test]
    fn the_end_of_the_session_ends_them_all() {
        let mut asks = AskTable::new(4);
        let (_, mut answer) = asks.open(None, 10).unwrap();
        let error = HubError::new(Code::Unavailable, reason::SESSION_ENDED, "over");
        asks.fail_all(&error);
        assert_eq!(answer.try_recv().unwrap(), Err(error));
        assert!(asks.open(None, 10).is_err());
    }
}
