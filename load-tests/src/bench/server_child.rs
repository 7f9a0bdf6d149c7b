//! A server under measurement as a process of its own: it says on standard output when it is ready, takes commands on standard input, answers
//! each with one line, and ends when its standard input does.

use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::limits::{COMMAND_TIME_LIMIT, READY_TIME_LIMIT};

/// Runs until it is dropped.
pub(crate) struct ServerChild {
    child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    ready: String,
}

impl ServerChild {
    /// Starts it and waits for its line `ready ..`.
    ///
    /// # Errors
    /// It cannot be started, or is not ready in time.
    pub(crate) async fn start(command: &mut Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        // Ctrl-C in a terminal reaches the whole process group; this process ends its servers itself.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().context("starting the server")?;
        let commands = child.stdin.take().context("no standard input")?;
        let mut answers = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let ready = tokio::time::timeout(READY_TIME_LIMIT, answers.next_line()).await.context("it is not ready")??;
        let ready = ready.as_deref().and_then(|line| line.strip_prefix("ready ")).context("it ended at its start")?;
        Ok(Self { ready: ready.to_owned(), child, commands, answers })
    }

    /// What it said behind `ready`.
    #[must_use]
    pub(crate) fn ready(&self) -> &str {
        &self.ready
    }

    /// Its process; `None` when that has ended.
    #[must_use]
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Gives it a command that takes so long; the rest of its answer, which begins with `answer`.
    ///
    /// # Errors
    /// It does not answer in time, or something else.
    pub(crate) async fn command(&mut self, command: &str, answer: &str, takes: Duration) -> anyhow::Result<String> {
        self.commands.write_all(format!("{command}\n").as_bytes()).await?;
        let line = tokio::time::timeout(takes + COMMAND_TIME_LIMIT, self.answers.next_line());
        let line = line.await.with_context(|| format!("no answer to {command:?}"))??;
        let words = line.as_deref().and_then(|line| line.strip_prefix(answer));
        Ok(words.with_context(|| format!("{line:?} answers {command:?}"))?.to_owned())
    }
}
