//! Registers: where they are, and their bytes.

use super::limits::MAX_REGISTER_BYTES;
use super::node::{Body, Id, Operand, Register, Term};
use super::session::Session;
use super::{Cause, PortError, Refused};

impl Session<'_> {
    pub fn operand_whole(&mut self, operand: Operand<i64>) -> Result<i64, Refused> {
        match operand {
            Operand::Fixed(n) => Ok(n),
            Operand::Node(id) => self.whole(id),
        }
    }

    /// How many bytes it has.
    pub fn length(&mut self, id: Id, register: &Register) -> Result<usize, Refused> {
        let length = self.operand_whole(register.length)?;
        match u64::try_from(length) {
            Ok(n) if (1..=MAX_REGISTER_BYTES).contains(&n) => Ok(n as usize),
            _ => Err(self.wrong(
                id,
                format_args!("is {length} bytes long, where 1 to {MAX_REGISTER_BYTES} can be"),
            )),
        }
    }

    fn address(&mut self, id: Id, register: &Register) -> Result<(u64, usize), Refused> {
        let length = self.length(id, register)?;
        let mut sum = 0u64;
        for term in &register.address {
            let term = match *term {
                Term::Fixed(n) => n,
                Term::Node(node) => self.whole(node)?,
                Term::Index(index, stride) => {
                    let stride = match stride {
                        Some(stride) => self.operand_whole(stride)?,
                        None => length as i64,
                    };
                    self.whole(index)?.wrapping_mul(stride)
                }
            };
            // Addresses of 64 bits, and offsets that are negative.
            sum = sum.wrapping_add(term as u64);
        }
        Ok((sum, length))
    }

    /// Whether the register belongs to frames or events rather than to the device.
    pub fn is_elsewhere(&self, register: &Register) -> bool {
        let port = register.port.and_then(|port| self.map.body(port));
        matches!(port, Some(Body::Port { is_device: false }))
    }

    /// Its bytes.
    pub fn read(&mut self, id: Id, register: &Register) -> Result<Vec<u8>, Refused> {
        if self.is_elsewhere(register) {
            let sentence = format!(
                "{} comes with frames or events and cannot be read from the camera",
                self.map.name(id)
            );
            return Err(Refused::new(Cause::Access, sentence));
        }
        let (address, length) = self.address(id, register)?;
        if register.is_kept
            && let Some(bytes) = self.state.kept(address, length)
        {
            return Ok(bytes.clone());
        }
        let mut bytes = vec![0; length];
        self.port.read(address, &mut bytes).map_err(|e| failed("read", address, e))?;
        if register.is_kept {
            self.state.keep(address, &bytes);
        }
        Ok(bytes)
    }

    /// Writes what `change` makes of its bytes; they are read first where only a part of them is written.
    pub fn rewrite(
        &mut self,
        id: Id,
        register: &Register,
        is_part: bool,
        change: impl FnOnce(&mut Vec<u8>) -> Result<(), String>,
    ) -> Result<(), Refused> {
        let (address, length) = self.address(id, register)?;
        let mut bytes = if is_part && register.access.is_readable() {
            self.read(id, register)?
        } else if is_part && let Some(written) = self.state.written.get(&address) {
            written.clone()
        } else {
            Vec::new()
        };
        bytes.resize(length, 0);
        change(&mut bytes).map_err(|what| self.wrong(id, what))?;
        if bytes.len() != length || self.is_elsewhere(register) {
            return Err(self.wrong(id, "cannot be written"));
        }
        // Also when it fails: nobody knows what the camera made of it.
        self.state.forget();
        self.port.write(address, &bytes).map_err(|e| failed("written", address, e))?;
        if is_part && !register.access.is_readable() && self.state.written.len() < 1000 {
            self.state.written.insert(address, bytes);
        }
        Ok(())
    }
}

fn failed(what: &str, address: u64, e: PortError) -> Refused {
    Refused {
        cause: Cause::Port,
        sentence: format!(
            "the camera's registers at {address:#x} could not be {what}: {}",
            e.message
        ),
        code: Some(e.code),
    }
}
