//! One camera: its clock, its features, its link, and the handles that were made for it.

use crate::clock::{Clock, ClockKind, Nanos, millis};
use crate::codes::Code;
use crate::config::{CameraConfig, Kind, Like};
use crate::faults::Faults;
use crate::features::Features;
use crate::session::{Loss, Post, Session};
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// An interruption of the link that is shorter heals by itself, where the camera kept its power.
pub const HEALING: Nanos = millis(2000);
/// How long after the camera's return the library notices that its session is void.
const NOTICED_AFTER_RETURN: Nanos = millis(800);

/// The camera is away.
#[derive(Debug, Clone, Copy)]
pub struct Outage {
    /// From when.
    pub since: Nanos,
    /// Until when, where that is known.
    pub back: Option<Nanos>,
    /// The cable is out, and the camera kept its power and its settings.
    pub cable: bool,
    /// Handles from before are void when it is back.
    pub new_handle: bool,
}

/// A camera and whoever waits for it.
pub struct Camera {
    /// What it was made from.
    pub config: CameraConfig,
    state: Mutex<State>,
    wake: Condvar,
}

/// What changes in a camera's life.
pub struct State {
    /// What it was made from.
    pub config: CameraConfig,
    /// The camera's own time.
    pub clock: Clock,
    /// Whether calls take as long as measured.
    pub delays: bool,
    /// The nodes.
    pub features: Features,
    /// Set while the camera is away.
    pub outage: Option<Outage>,
    /// Counts the returns that made old handles void.
    pub life: u32,
    /// Frames that the camera took since it was made.
    pub serial: u64,
    /// The last frame's number on the wire.
    pub block: u32,
    /// What goes wrong with frames.
    pub faults: Faults,
    /// All handles.
    pub sessions: HashMap<usize, Session>,
    /// The handle that controls the camera.
    pub owner: Option<usize>,
    /// Something happened that somebody may wait for, and nobody was told yet.
    pub changed: bool,
}

impl Camera {
    /// A camera that has just been switched on.
    pub fn new(config: CameraConfig, clock: ClockKind, delays: bool) -> Camera {
        let state = State {
            clock: Clock::new(clock),
            delays,
            features: Features::new(&config),
            outage: None,
            life: 0,
            serial: 0,
            block: 0,
            faults: Faults::default(),
            sessions: HashMap::new(),
            owner: None,
            changed: false,
            config: config.clone(),
        };
        Camera { config, state: Mutex::new(state), wake: Condvar::new() }
    }

    /// The camera's state, brought up to its present time.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        // A panic is answered with a code at the boundary; the state stays usable.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.catch_up(&mut state);
        state
    }

    /// Brings the camera up to its present time, and tells the waiters if that brought something.
    pub fn catch_up(&self, state: &mut State) {
        let now = state.clock.now();
        state.pump(now);
        if std::mem::take(&mut state.changed) {
            self.notify();
        }
    }

    /// Tells all waiters that something changed.
    pub fn notify(&self) {
        self.wake.notify_all();
    }

    /// Waits until something changes, or really until `until`, and brings the camera up to date.
    pub fn wait<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        until: Option<Nanos>,
    ) -> MutexGuard<'a, State> {
        let mut state = match until {
            None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let time = state.clock.until(until);
                self.wake.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        self.catch_up(&mut state);
        state
    }

    /// Time passes, for whatever reason: virtual time moves, real time is waited for.
    pub fn pass(&self, ms: u64) {
        let mut state = self.lock();
        if state.clock.is_virtual() {
            state.clock.advance(millis(ms));
            self.catch_up(&mut state);
        } else {
            drop(state);
            std::thread::sleep(std::time::Duration::from_millis(ms));
        }
    }

    /// A call takes as long as it was measured to take, where that is asked for.
    pub fn takes(&self, ms: u64) {
        if self.lock().delays {
            self.pass(ms);
        }
    }
}

impl State {
    /// Whether the camera answers at this moment.
    pub fn present(&self) -> bool {
        self.outage.is_none()
    }

    /// The code of a call that does not reach the camera.
    pub fn gone(&self) -> Code {
        match self.config.kind {
            Kind::Gige => Code::NETWORK,
            Kind::Usb => Code::USB_DEVICE,
        }
    }

    /// Whether a lock on features is in force.
    pub fn locked(&self) -> bool {
        self.config.like == Like::Hik && self.streaming()
    }

    /// Whether some handle grabs.
    pub fn streaming(&self) -> bool {
        self.owner.and_then(|id| self.sessions.get(&id)).is_some_and(Session::grabbing)
    }

    /// The handle's part, while it exists.
    pub fn session(&mut self, id: usize) -> Result<&mut Session, Code> {
        self.sessions.get_mut(&id).ok_or(Code::HANDLE)
    }

    /// The handle's part, while it is open.
    pub fn open_session(&mut self, id: usize) -> Result<&mut Session, Code> {
        self.session(id).and_then(|s| if s.open.is_some() { Ok(s) } else { Err(Code::CALL_ORDER) })
    }

    /// The camera goes away now.
    pub fn leave(&mut self, outage: Outage) {
        if self.outage.is_none() {
            self.outage = Some(outage);
        }
        self.settle(outage.since);
    }

    /// The camera is back now.
    pub fn return_now(&mut self, now: Nanos) {
        if let Some(outage) = &mut self.outage {
            outage.back = Some(now);
        }
        self.settle(now);
    }

    fn heartbeat(&self) -> Nanos {
        match self.config.kind {
            Kind::Gige => millis(self.features.int("GevHeartbeatTimeout") as u64),
            Kind::Usb => millis(self.config.heartbeat_ms.into()),
        }
    }

    /// What the link's state means for the handles at this time.
    pub fn settle(&mut self, now: Nanos) {
        let (heartbeat, kind) = (self.heartbeat(), self.config.kind);
        let period = self.features.period_nanos();
        let triggered = self.features.triggered();
        if let Some(outage) = self.outage {
            let heals = outage.cable
                && outage.back.is_some_and(|back| back.saturating_sub(outage.since) < HEALING);
            for session in self.sessions.values_mut().filter(|s| s.open.is_some() && !s.dead) {
                if heals {
                    if session.loss.take().is_some_and(|l| l.since == outage.since)
                        && let Some(stream) = &mut session.stream
                    {
                        stream.next_due = (!triggered).then_some(now + period);
                    }
                    continue;
                }
                let after_return = outage.back.map(|back| back + NOTICED_AFTER_RETURN);
                let noticed = (outage.since + heartbeat).min(after_return.unwrap_or(Nanos::MAX));
                match &mut session.loss {
                    Some(loss) if loss.since == outage.since => loss.noticed = noticed,
                    Some(_) => {}
                    None => session.loss = Some(Loss { since: outage.since, noticed }),
                }
                if let Some(stream) = &mut session.stream {
                    stream.next_due = None;
                }
            }
            if outage.back.is_some_and(|back| back <= now) {
                self.outage = None;
                self.life += u32::from(outage.new_handle);
                if !outage.cable {
                    self.features.power_cycle();
                    self.block = 0;
                }
            }
        }
        for session in self.sessions.values_mut().filter(|s| !s.dead) {
            if session.loss.is_some_and(|l| l.noticed <= now) {
                session.dead = true;
                self.changed = true;
                session.posts.push_back(Post::Exception(crate::codes::EXCEPTION_DISCONNECT));
                if kind == Kind::Usb {
                    session.posts.push_back(Post::Stream(crate::codes::STREAM_DISCONNECTED));
                }
            }
        }
    }

    /// When something happens next by itself.
    pub fn next_event(&self) -> Option<Nanos> {
        let noticed = |s: &Session| s.loss.filter(|_| !s.dead).map(|l| l.noticed);
        let due = |s: &Session| s.stream.as_ref().and_then(|s| s.next_due);
        let back = self.outage.and_then(|o| o.back);
        self.sessions.values().flat_map(|s| [noticed(s), due(s)]).chain([back]).flatten().min()
    }

    /// After a feature changed: frames of a free run are due again, those of a triggered one wait.
    pub fn rearm(&mut self, now: Nanos) {
        let (triggered, period) = (self.features.triggered(), self.features.period_nanos());
        let Some(session) = self.owner.and_then(|id| self.sessions.get_mut(&id)) else { return };
        let lost = session.loss.is_some();
        if let Some(stream) = &mut session.stream {
            if stream.triggered != triggered {
                stream.triggered = triggered;
                stream.triggers.clear();
                stream.next_due = None;
            }
            if lost || !stream.acquiring {
                stream.next_due = None;
            } else if !triggered && stream.next_due.is_none() && stream.silent == 0 {
                stream.next_due = Some(now + period);
            }
        }
    }

    /// A trigger reaches the camera; while it does not wait for any it is ignored. Those that come faster than the sensor
    /// can follow are answered one after the other.
    pub fn trigger(&mut self, now: Nanos) {
        if !self.features.triggered() || !self.present() {
            return;
        }
        let exposed = now + (self.features.float("ExposureTime") * 1e3) as Nanos;
        let period = self.features.period_nanos();
        let Some(session) = self.owner.and_then(|id| self.sessions.get_mut(&id)) else { return };
        if let Some(stream) = session.stream.as_mut().filter(|s| s.acquiring) {
            stream.trigger_count += 1;
            let last = stream.triggers.back().copied().or(stream.next_due);
            let due = exposed.max(last.map_or(0, |last| last + period));
            match stream.next_due {
                None if stream.silent == 0 => stream.next_due = Some(due),
                _ => stream.triggers.push_back(due),
            }
        }
    }
}
