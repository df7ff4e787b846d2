//! Orders that reach the capture thread, and control calls that may block.

use super::capture::{Capture, Turned};
use super::command::Command;
use super::quiesce::ASKED_FOR;
use super::shared::activity;
use crate::error::{Error, ErrorKind};

impl Capture {
    /// Carries out an order, unless whoever gave it has given up waiting: they took it for not done.
    pub(super) fn obey(&mut self, command: Command) -> Turned {
        if !command.is_wanted() {
            return Turned::On;
        }
        match command {
            Command::Start(reply) => {
                let turned = if self.running { Turned::On } else { self.start() };
                reply.put(outcome(&turned));
                turned
            }
            Command::Reset(bytes, reply) => {
                let needed = bytes.map(|b| b.max(self.source.payload_bytes()));
                let turned = self.reset(ASKED_FOR, needed, false);
                reply.put(outcome(&turned).and_then(|()| match self.refused_reset.take() {
                    Some(why) => Err(Error::new(ErrorKind::Memory, why)),
                    None => Ok(self.last_reset.clone().expect("a reset was made")),
                }));
                turned
            }
            Command::SetFeature(name, value, reply) => {
                let (turned, answer) = self.set_feature(&name, &value);
                reply.put(answer);
                turned
            }
            Command::Trigger(reply) => {
                reply.put(self.call(activity::FEATURE, |c| c.source.software_trigger()));
                Turned::On
            }
        }
    }

    /// Sets a feature; one that is locked while grabbing is set within a quiescent reset.
    /// What it answers is one thing, whether the line goes on another: a camera that refuses may not start
    /// again either.
    fn set_feature(&mut self, name: &str, value: &str) -> (Turned, Result<(), Error>) {
        if !self.running || !self.source.is_locked_while_grabbing(name) {
            let answer = self.call(activity::FEATURE, |c| c.source.set_feature(name, value));
            if answer.is_ok() && !self.running {
                // What the first frame will have is no change on the line.
                self.geometry = self.source.geometry();
            }
            // Some cameras lock more than others, and say so only then.
            let is_locked = answer.as_ref().is_err_and(|e| e.kind() == ErrorKind::State);
            if !self.running || !is_locked {
                return (Turned::On, answer);
            }
        }
        let mut refused = None;
        let turned = self.reset_with("feature change", None, false, |c| {
            refused = c.call(activity::FEATURE, |c| c.source.set_feature(name, value)).err();
        });
        let answer = refused.map_or_else(|| outcome(&turned), Err);
        (turned, answer)
    }

    /// A call that may block, under a name that the monitor can tell.
    pub(super) fn call<R>(&mut self, activity: u64, f: impl FnOnce(&mut Self) -> R) -> R {
        let now = self.shared.clock.now();
        self.cells().enter(activity, now);
        let r = f(self);
        self.cells().leave();
        r
    }
}

fn outcome(turned: &Turned) -> Result<(), Error> {
    match turned {
        Turned::Fail(reason) => Err(Error::new(ErrorKind::Source, reason.clone())),
        _ => Ok(()),
    }
}
