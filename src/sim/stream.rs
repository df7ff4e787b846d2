//! The simulated device: makes frames when they are due, lets the script spoil them, and keeps them
//! until they are grabbed. It has no thread: it catches up with the clock whenever it is called, and
//! since it is called before buffers are queued or given back, it sees them as they were when due.

use super::codes;
use super::config::{Rate, SimConfig, Trigger};
use super::made::{Damage, Made, Trouble};
use super::pacing::{Pacer, Schedule};
use super::room::Room;
use super::rules::Rules;
use super::script::Action;
use super::sheets::Sheets;
use crate::clock::HostTime;
use crate::fault::Fault;
use crate::source::{Fill, Grab};
use std::collections::VecDeque;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Idle,
    Running,
    /// The device is stopped; what it made can still be grabbed.
    Draining,
}

/// What the device lost, for the curious: the line counts by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Lost {
    pub underrun: u64,
    pub overflow: u64,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub state: State,
    /// The sheet of frames to come.
    pub sheet: usize,
    pub fifo: VecDeque<Made>,
    pub lost: Lost,
    rules: Rules,
    next: u64,
    /// Serials below it have been judged by the script.
    judged: u64,
    limit: u64,
    /// Frames are made when they are fetched.
    on_demand: bool,
    schedule: Option<Schedule>,
    /// Waits for the next frame to overtake it.
    held: Option<Made>,
    lose_left: u32,
    /// The device is gone, and can be found again from then on.
    gone: Option<HostTime>,
    /// The sheet that the region drifted to.
    drift: Option<usize>,
}

impl Stream {
    pub fn new(config: &SimConfig, rules: Rules) -> Stream {
        Stream {
            state: State::Idle,
            sheet: 0,
            fifo: VecDeque::new(),
            lost: Lost::default(),
            rules,
            next: 0,
            judged: 0,
            limit: config.frames.unwrap_or(u64::MAX),
            on_demand: false,
            schedule: None,
            held: None,
            lose_left: 0,
            gone: None,
            drift: None,
        }
    }

    /// The sheet of the next frame that is grabbed.
    pub fn front_sheet(&self) -> usize {
        self.fifo.front().map(|m| m.sheet).or(self.drift).unwrap_or(self.sheet)
    }

    pub fn is_gone(&self) -> bool {
        self.gone.is_some()
    }

    pub fn drift(&self) -> Option<usize> {
        self.drift
    }

    /// The region is set anew: frames to come have it, whatever the script or a drift made of it.
    pub fn set_region(&mut self, room: &mut Room) {
        while let Some(made) = self.fifo.pop_front() {
            room.vacate(made.place);
        }
        (self.sheet, self.drift) = (0, None);
    }

    pub fn start(&mut self, rate: Rate, trigger: Trigger, now: HostTime, room: &Room) {
        self.sheet = self.drift.take().unwrap_or(self.sheet);
        self.pace(rate, trigger, now);
        self.make_room(room);
        self.state = State::Running;
    }

    /// Allocates for as many finished frames as can lie in the room.
    pub fn make_room(&mut self, room: &Room) {
        // One for a duplicate, one for a frame held back, one for the frame itself.
        let most = room.most() + 3;
        self.fifo.reserve(most.saturating_sub(self.fifo.len()));
    }

    pub fn pace(&mut self, rate: Rate, trigger: Trigger, now: HostTime) {
        self.on_demand = rate == Rate::Max && trigger == Trigger::Off;
        self.schedule = Schedule::new(rate, trigger, now);
    }

    pub fn stop_device(&mut self, now: HostTime, room: &mut Room, sheets: &Sheets) {
        if self.state == State::Running {
            self.catch_up(now, room, sheets);
            self.release_held(room, sheets);
            self.state = State::Draining;
        }
    }

    /// Finds a lost device again, if it is back.
    pub fn reopen(&mut self, now: HostTime, room: &mut Room, sheets: &Sheets) -> Result<(), Fault> {
        self.stop_device(now, room, sheets);
        if let Some(back) = self.gone {
            self.catch_up(now, room, sheets);
            if now < back {
                return Err(Fault::code(codes::SIM_LOST));
            }
        }
        self.gone = None;
        self.sheet = self.drift.take().unwrap_or(self.sheet);
        self.state = State::Idle;
        Ok(())
    }

    /// A trigger by software: one frame, now.
    pub fn trigger(&mut self, now: HostTime, room: &mut Room, sheets: &Sheets) {
        if self.gone.is_some() || self.drift.is_some() {
            self.next += 1;
        } else if self.next < self.limit {
            self.expose(now, room, sheets);
        }
        self.release_last(room, sheets);
    }

    /// Makes the frames that have become due.
    #[inline]
    pub fn catch_up(&mut self, now: HostTime, room: &mut Room, sheets: &Sheets) {
        if self.state != State::Running && self.gone.is_none() {
            return;
        }
        while let Some(schedule) = &mut self.schedule
            && self.next < self.limit
        {
            let due = schedule.due();
            if due > now {
                break;
            }
            schedule.advance();
            if self.gone.is_some() || self.drift.is_some() {
                self.next += 1;
            } else {
                self.expose(due, room, sheets);
            }
        }
        self.release_last(room, sheets);
    }

    /// Waits until a frame can be grabbed: then it is the first of the fifo. Else says what the grab
    /// answers instead.
    #[inline]
    pub fn wait(
        &mut self,
        timeout: Duration,
        pacer: &Pacer,
        room: &mut Room,
        sheets: &Sheets,
    ) -> Result<(), Grab> {
        const TIMEOUT: Grab = Grab::Fault(Fault::code(codes::SIM_TIMEOUT));
        let mut now = pacer.now();
        let deadline = now + timeout;
        loop {
            self.catch_up(now, room, sheets);
            if self.fifo.is_empty() && self.next >= self.limit {
                return Err(Grab::End);
            }
            if self.state == State::Idle {
                return Err(Grab::Fault(Fault::code(codes::SIM_CALL_ORDER)));
            }
            if let Some(front) = self.fifo.front_mut() {
                return match front.trouble() {
                    Trouble::None => Ok(()),
                    Trouble::Fail(code) => Err(Grab::Fault(Fault::code(code))),
                    Trouble::Stall(beyond) => {
                        pacer.wait_until(deadline + beyond);
                        Err(TIMEOUT)
                    }
                    Trouble::Timeout => {
                        pacer.wait_until(deadline);
                        // Silent, not slow: what is due comes later, so nothing is lost by it.
                        if let Some(schedule) = &mut self.schedule {
                            schedule.shift((pacer.now() - now).as_duration());
                        }
                        Err(TIMEOUT)
                    }
                };
            }
            if self.gone.is_some() {
                return Err(Grab::Fault(Fault::code(codes::SIM_LOST)));
            }
            if self.state == State::Draining {
                return Err(TIMEOUT);
            }
            if self.on_demand && self.drift.is_none() {
                self.expose(now, room, sheets);
                continue;
            }
            if now >= deadline {
                return Err(TIMEOUT);
            }
            let due = match &self.schedule {
                Some(schedule) if self.drift.is_none() => schedule.due(),
                _ => deadline,
            };
            pacer.wait_until(due.min(deadline));
            now = pacer.now();
        }
    }

    /// Makes the next frame, as the script wants it.
    fn expose(&mut self, at: HostTime, room: &mut Room, sheets: &Sheets) {
        let serial = self.next;
        let mut made = Made::new(serial, at, self.sheet);
        let mut duplicate = false;
        let mut reorder = false;
        if serial >= self.judged {
            self.judged = serial + 1;
            let (mut gone, mut drift, mut resize) = (None, None, None);
            let (mut lose, mut burst) = (0, 0);
            self.rules.judge(serial, |action, sheet| match action {
                Action::Timeout { count } => made.timeouts = made.timeouts.saturating_add(count),
                Action::Burst { count } => burst = count - 1,
                Action::Incomplete { fraction } => made.damage = Damage::Incomplete(fraction),
                Action::Lose { count } => lose = count,
                Action::Duplicate => duplicate = true,
                Action::Double => made.double = true,
                Action::Reorder => reorder = true,
                Action::Short { bytes } => made.damage = Damage::Short(bytes),
                Action::Long { bytes } => made.damage = Damage::Long(bytes),
                Action::Lie { bytes } => made.damage = Damage::Lie(bytes),
                Action::Overrun { bytes } => made.damage = Damage::Overrun(bytes),
                Action::Resize { .. } => resize = Some(sheet),
                Action::Drift { .. } => drift = Some(sheet),
                Action::Stall { millis } => made.stall = millis,
                Action::Disconnect { millis } => {
                    gone = Some(at + Duration::from_millis(u64::from(millis)));
                }
                Action::Fail { code } => made.fail = Some(code),
            });
            self.lose_left = self.lose_left.max(lose);
            self.sheet = resize.unwrap_or(self.sheet);
            made.sheet = self.sheet;
            if burst > 0
                && let Some(schedule) = &mut self.schedule
            {
                schedule.burst(at, burst);
            }
            if gone.is_some() || drift.is_some() {
                self.release_held(room, sheets);
                (self.gone, self.drift) = (gone, drift);
                // A camera loses what it cannot send; a source that waits keeps it.
                self.next += u64::from(!self.on_demand);
                return;
            }
        }
        self.next += 1;
        if self.lose_left > 0 {
            self.lose_left -= 1;
            return;
        }
        if reorder && self.held.is_none() {
            self.held = Some(made);
            return;
        }
        self.push(made, room, sheets);
        if duplicate {
            self.push(made.untroubled(), room, sheets);
        }
        self.release_held(room, sheets);
    }

    /// At the end nothing comes any more that could overtake.
    fn release_last(&mut self, room: &mut Room, sheets: &Sheets) {
        if self.next >= self.limit {
            self.release_held(room, sheets);
        }
    }

    fn release_held(&mut self, room: &mut Room, sheets: &Sheets) {
        if let Some(held) = self.held.take() {
            self.push(held, room, sheets);
        }
    }

    fn push(&mut self, mut made: Made, room: &mut Room, sheets: &Sheets) {
        if !self.on_demand {
            let id = sheets.get(made.sheet).id;
            let Some(place) = room.admit(self.fifo.len(), made.serial, id) else {
                match room.fill() {
                    Fill::Copy => self.lost.overflow += 1,
                    _ => self.lost.underrun += 1,
                }
                return;
            };
            made.place = place;
        }
        self.fifo.push_back(made);
    }
}
