//! The way between an engine and the store: slow, unreliable, and watched.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::broadcast;
use turbocat_core::{
    AgentPlace, Claim, Claimed, Commit, ExecutionId, Hint, Journal, JournalError, JournalErrorKind, Letter,
    NewExecution, Recorded, Release, Renewed, Sent, WorkerId,
};

use crate::seen::{Fate, Life, Seen};

/// The journal as one engine sees it.
pub(crate) struct Wire {
    pub(crate) life: Life,
    pub(crate) seen: Arc<Seen>,
    pub(crate) hints: broadcast::Sender<Hint>,
}

impl Wire {
    /// A call, which may fail before or after it is done.
    async fn call<T>(
        &self,
        what: &str,
        done: impl Future<Output = Result<T, JournalError>> + Send,
    ) -> Result<T, JournalError> {
        self.seen.pause().await;
        let error = || JournalError::new(JournalErrorKind::Unavailable, "the line is broken");
        let answer = match self.seen.fate() {
            Fate::Fails => {
                self.seen.note(&format!("{} {what} fails", self.life));
                return Err(error());
            }
            Fate::FailsAfterwards => {
                let answer = done.await;
                self.seen.note(&format!("{} {what} is done but fails", self.life));
                answer.and(Err(error()))
            }
            Fate::Done => done.await,
        };
        self.seen.pause().await;
        answer
    }
}

#[async_trait]
impl Journal for Wire {
    async fn commit(&self, commit: Commit<'_>) -> Result<(), JournalError> {
        let name = self.seen.name(commit.execution);
        let seen = &self.seen;
        let done = async {
            let copy = Commit::new(commit.execution, commit.expected_seq, commit.events)
                .standing(commit.standing.clone())
                .starts(commit.starts)
                .sends(commit.sends);
            let copy = match commit.begins {
                Some(new) => copy.begins(new),
                None => copy,
            };
            let copy = match commit.read {
                Some(read) => copy.read(read),
                None => copy,
            };
            let copy = match commit.by {
                Some(worker) => copy.by(worker),
                None => copy,
            };
            match seen.journal.commit(copy).await {
                Ok(()) => seen.commits(self.life, &commit),
                Err(error) => {
                    seen.note(&format!("{} cannot write {name}: {error}", self.life));
                    return Err(error);
                }
            }
            Ok(())
        };
        // Who writes again has read back what was written before.
        seen.answers(self.life, commit.execution);
        self.call(&format!("commit of {name}"), done).await?;
        seen.answers(self.life, commit.execution);
        Ok(())
    }

    async fn create(&self, new: &[NewExecution]) -> Result<(), JournalError> {
        let done = async {
            self.seen.journal.create(new).await?;
            new.iter().for_each(|new| self.seen.takes_in(self.life, new));
            Ok(())
        };
        self.call("create", done).await
    }

    async fn load(&self, execution: ExecutionId) -> Result<Option<Recorded>, JournalError> {
        self.call("load", self.seen.journal.load(execution)).await
    }

    async fn unfinished(&self) -> Result<Vec<ExecutionId>, JournalError> {
        self.call("unfinished", self.seen.journal.unfinished()).await
    }

    fn lease(&self) -> Option<Duration> {
        self.seen.journal.lease()
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, JournalError> {
        let done = async {
            let claimed = self.seen.journal.claim(claim).await?;
            for job in &claimed.jobs {
                let name = self.seen.name(job.execution);
                self.seen.note(&format!("{} claims {name}", self.life));
                self.seen.claims(self.life, job.execution);
            }
            Ok(claimed)
        };
        self.call("claim", done).await
    }

    async fn renew(&self, worker: WorkerId, held: &[ExecutionId]) -> Result<Renewed, JournalError> {
        let done = async {
            let renewed = self.seen.journal.renew(worker, held).await?;
            for execution in held.iter().filter(|execution| !renewed.lost.contains(execution)) {
                self.seen.renews(self.life, *execution);
            }
            for lost in &renewed.lost {
                self.seen.note(&format!("{} learns that it lost {}", self.life, self.seen.name(*lost)));
            }
            Ok(renewed)
        };
        self.call("renew", done).await
    }

    async fn release(
        &self,
        worker: WorkerId,
        execution: ExecutionId,
        release: Release,
    ) -> Result<bool, JournalError> {
        let name = self.seen.name(execution);
        let how = match &release {
            Release::Ready => "at once",
            Release::Park { .. } => "to wait",
            _ => "as failed",
        };
        let done = async {
            let released = self.seen.journal.release(worker, execution, release).await?;
            if released {
                self.seen.note(&format!("{} gives {name} back {how}", self.life));
                self.seen.releases(self.life, execution);
            }
            Ok(released)
        };
        self.call(&format!("release of {name}"), done).await
    }

    async fn send(&self, letter: &Letter) -> Result<Sent, JournalError> {
        let name = self.seen.name(letter.to);
        let done = async {
            let sent = self.seen.journal.send(letter).await?;
            if sent == Sent::Accepted {
                self.seen.note(&format!("{} sends a letter to {name}", self.life));
                self.seen.posts(letter);
            }
            Ok(sent)
        };
        self.call(&format!("letter to {name}"), done).await
    }

    async fn letters(&self, execution: ExecutionId) -> Result<Vec<Letter>, JournalError> {
        self.call("letters", self.seen.journal.letters(execution)).await
    }

    fn limits(&self, agent: &str) -> bool {
        self.seen.journal.limits(agent)
    }

    async fn take_place(&self, agent: &str, place: &AgentPlace) -> Result<bool, JournalError> {
        let done = async {
            let given = self.seen.journal.take_place(agent, place).await?;
            if given {
                self.seen.places(self.life, place);
            }
            Ok(given)
        };
        self.call("place", done).await
    }

    async fn give_place(&self, agent: &str, place: &AgentPlace) -> Result<(), JournalError> {
        self.call("place given back", self.seen.journal.give_place(agent, place)).await
    }

    fn hints(&self) -> broadcast::Receiver<Hint> {
        self.hints.subscribe()
    }
}
