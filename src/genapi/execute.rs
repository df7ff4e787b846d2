//! Commands.

use super::features::{about, not_now};
use super::node::{Body, Id, Operand, Place};
use super::session::Session;
use super::{Cause, Features, Port, Refused};

impl Features {
    /// Executes a command. It may go on in the camera: [`is_done`](Features::is_done) tells.
    pub fn execute(&mut self, port: &mut dyn Port, name: &str) -> Result<(), Refused> {
        let (id, command) = self.command(name)?;
        let mut session = self.session(port);
        let access = session.access(id).map_err(|e| about(name, "cannot be executed", e))?;
        if !access.is_writable() {
            let is_locked = session.is_locked(id).unwrap_or(false);
            return Err(not_now(name, "executed", access, is_locked));
        }
        session
            .operand_whole(command)
            .and_then(|n| session.write_whole(id, n))
            .map_err(|e| about(name, "cannot be executed", e))
    }

    /// Whether a command that was executed is done: its register holds something else again, or cannot be read.
    pub fn is_done(&mut self, port: &mut dyn Port, name: &str) -> Result<bool, Refused> {
        let (id, command) = self.command(name)?;
        // It changes by itself.
        self.forget();
        let mut session = self.session(port);
        session.is_done(id, command).map_err(|e| about(name, "cannot be looked at", e))
    }

    fn command(&self, name: &str) -> Result<(Id, Operand<i64>), Refused> {
        let id = self.find(name)?;
        match self.map.body(id) {
            Some(Body::Command { command, .. }) => Ok((id, *command)),
            Some(Body::Broken(what)) => Err(Refused::description(format!(
                "{name} cannot be executed: in the camera's description it {what}"
            ))),
            _ => Err(Refused::new(Cause::Value, format!("{name} is no command"))),
        }
    }
}

impl Session<'_> {
    fn is_done(&mut self, id: Id, command: Operand<i64>) -> Result<bool, Refused> {
        let Some(Body::Command { value: Place::Node(register), .. }) = self.map.body(id) else {
            return Ok(true);
        };
        if !self.access(*register)?.is_readable() {
            return Ok(true);
        }
        Ok(self.whole(*register)? != self.operand_whole(command)?)
    }
}
