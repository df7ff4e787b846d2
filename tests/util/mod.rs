//! Shared by the tests: a watchdog, gates that hold stages, and sources that understate themselves.
#![allow(dead_code)]

use frameline::buffer::{Frame, FrameMut, Keep};
use frameline::clock::{Clock, ManualClock};
use frameline::fault::{CodeTable, Fault};
use frameline::format::Geometry;
use frameline::pipeline::Snapshot;
use frameline::sim::{Sim, SimConfig, Verify, VerifyConfig};
use frameline::source::{
    Diagnosis, Evidence, Fill, FrameIdRule, Grab, Source, SourceCounts, SourceInfo,
};
use frameline::stage::{Figure, Flow, FnStage, LossBefore, Stage, StageContext, StageError};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;

/// Long enough for any test on a loaded machine; what takes longer hangs.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a test body and fails if it does not end in time: a hang is a failure, not a stuck CI.
pub fn watched(body: impl FnOnce() + Send + 'static) {
    let (done, waiting) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        body();
        let _ = done.send(());
    });
    match waiting.recv_timeout(PATIENCE) {
        Ok(()) => thread.join().expect("the body has ended"),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            std::panic::resume_unwind(thread.join().expect_err("the body panicked"));
        }
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("the test hangs: not done in {PATIENCE:?}"),
    }
}

/// Waits until `ready` holds; fails when it does not within the watchdog's patience.
pub fn until(what: &str, mut ready: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !ready() {
        assert!(begun.elapsed() < PATIENCE, "never came true: {what}");
        std::thread::yield_now();
    }
}

pub fn sim(query: &str) -> Sim {
    Sim::from_uri(&format!("sim:?{query}")).expect("the test's URI is valid")
}

/// A camera with a clock of its own, which moves while somebody waits for a frame, or by hand: its queue does not
/// overflow because a busy machine stops the capture thread for some milliseconds, and no outage is over before it
/// is looked at.
pub fn sim_in_its_own_time(query: &str) -> (Sim, ManualClock) {
    let config = SimConfig::from_uri(&format!("sim:?{query}")).expect("the test's URI is valid");
    let (clock, hand) = Clock::manual();
    (Sim::in_manual_time(config, clock, hand.clone()).expect("the test's camera"), hand)
}

/// Checks every byte; the default seed of `sim`.
pub fn verify() -> Verify {
    Verify::new(VerifyConfig::default())
}

/// A count of a stage's results.
pub fn count(s: &Snapshot, stage: &str, figure: &str) -> u64 {
    let stage = s.stages.iter().find(|x| x.name == stage).expect("the stage exists");
    match stage.results.iter().find(|(n, _)| *n == figure) {
        Some((_, Figure::Count(n))) => *n,
        other => panic!("{figure} of {}: {other:?}", stage.name),
    }
}

/// Asserts rule 4 and that verification found nothing wrong.
pub fn assert_whole(s: &Snapshot, verify: &str) {
    assert_balanced(s);
    for figure in ["torn", "truncated", "misordered", "duplicated", "unexplained_gaps", "unstamped"]
    {
        assert_eq!(count(s, verify, figure), 0, "{figure}: {:?}", s.stages[0].results);
    }
}

pub fn assert_balanced(s: &Snapshot) {
    assert!(
        s.is_balanced(),
        "rule 4 is broken: {:?}, hops {:?}",
        s.frames,
        s.unbalanced_hops().iter().map(|h| &h.name).collect::<Vec<_>>()
    );
}

/// A door that stages wait at.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<GateState>, Condvar)>);

#[derive(Default)]
struct GateState {
    open: bool,
    waiting: usize,
}

impl Gate {
    pub fn open(&self) {
        self.0.0.lock().unwrap().open = true;
        self.0.1.notify_all();
    }

    pub fn shut(&self) {
        self.0.0.lock().unwrap().open = false;
    }

    pub fn waiting(&self) -> usize {
        self.0.0.lock().unwrap().waiting
    }

    pub fn pass(&self) {
        let mut state = self.0.0.lock().unwrap();
        state.waiting += 1;
        while !state.open {
            let (s, t) = self.0.1.wait_timeout(state, PATIENCE).unwrap();
            state = s;
            assert!(!t.timed_out(), "nobody opened the gate");
        }
        state.waiting -= 1;
    }
}

/// A stage that waits at a gate with each frame.
pub struct Gated(pub Gate);

impl Stage for Gated {
    fn process(&mut self, _: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        self.0.pass();
        Ok(Flow::Pass)
    }
}

/// A source that says its frames are smaller than they are (aravis#893).
pub struct Understated {
    pub inner: Sim,
    pub says: usize,
}

impl Source for Understated {
    fn info(&self) -> SourceInfo {
        self.inner.info()
    }
    fn fills(&self) -> &[Fill] {
        self.inner.fills()
    }
    fn can_wait(&self) -> bool {
        self.inner.can_wait()
    }
    fn codes(&self) -> CodeTable {
        self.inner.codes()
    }
    fn geometry(&self) -> Geometry {
        self.inner.geometry()
    }
    fn payload_bytes(&self) -> usize {
        self.says
    }
    fn max_payload_bytes(&self) -> usize {
        self.says
    }
    fn frame_id_rule(&self) -> FrameIdRule {
        self.inner.frame_id_rule()
    }
    fn queue_depth(&self, fill: Fill) -> usize {
        self.inner.queue_depth(fill)
    }
    fn keep(&self) -> Option<Keep> {
        self.inner.keep()
    }
    fn start(&mut self, fill: Fill) -> Result<(), Fault> {
        self.inner.start(fill)
    }
    fn stop_device(&mut self) -> Result<(), Fault> {
        self.inner.stop_device()
    }
    fn stop_host(&mut self) -> Result<(), Fault> {
        self.inner.stop_host()
    }
    fn grab_into(&mut self, frame: &mut FrameMut, timeout: Duration) -> Grab {
        self.inner.grab_into(frame, timeout)
    }
    fn queue(&mut self, frame: FrameMut) {
        self.inner.queue(frame);
    }
    fn grab_queued(&mut self, timeout: Duration) -> (Option<FrameMut>, Grab) {
        self.inner.grab_queued(timeout)
    }
    fn revoke(&mut self, back: &mut dyn FnMut(FrameMut)) {
        self.inner.revoke(back);
    }
    fn grab_lent(&mut self, frame: &mut FrameMut, timeout: Duration) -> Grab {
        self.inner.grab_lent(frame, timeout)
    }
    fn give_back(&mut self, frame: &mut FrameMut) {
        self.inner.give_back(frame);
    }
    fn diagnose(&mut self) -> Diagnosis {
        self.inner.diagnose()
    }
    fn evidence(&self) -> Evidence {
        self.inner.evidence()
    }
    fn is_asked_for(&self, fault: Fault) -> bool {
        self.inner.is_asked_for(fault)
    }
    fn reopen(&mut self) -> Result<(), Fault> {
        self.inner.reopen()
    }
    fn counts(&self) -> SourceCounts {
        self.inner.counts()
    }
}

/// A closure as a stage.
pub fn act<F>(f: F) -> FnStage<F>
where
    F: FnMut(&mut Frame, &mut StageContext<'_>) -> Result<Flow, StageError> + Send,
{
    FnStage(f)
}

/// A stage that passes everything on.
pub fn pass() -> impl Stage {
    act(|_: &mut Frame, _: &mut StageContext<'_>| Ok(Flow::Pass))
}

/// What a consumer saw of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub id: u64,
    pub sequence: u64,
    pub loss: LossBefore,
    pub out_of_order: bool,
}

/// Writes down what passes.
#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<Vec<Seen>>>);

impl Notes {
    pub fn stage(&self) -> impl Stage + use<> {
        let notes = self.0.clone();
        act(move |f: &mut Frame, cx: &mut StageContext<'_>| {
            notes.lock().unwrap().push(Seen {
                id: f.id(),
                sequence: f.meta().sequence,
                loss: cx.loss_before(),
                out_of_order: f.meta().out_of_order,
            });
            Ok(Flow::Pass)
        })
    }

    pub fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }

    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub fn ids(&self) -> Vec<u64> {
        self.all().iter().map(|s| s.id).collect()
    }

    /// Fails unless ids only ever increase.
    pub fn assert_order(&self, who: &str) {
        let ids = self.ids();
        for pair in ids.windows(2) {
            assert!(pair[0] < pair[1], "{who}: {} came before {}: {ids:?}", pair[0], pair[1]);
        }
    }
}

/// Panics without a message on stderr.
pub fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("scripted"))
}

type Before = Box<dyn FnMut(u64) -> Option<Grab> + Send>;
type Spoil = Box<dyn FnMut(&mut FrameMut) + Send>;
type Diagnose = Box<dyn FnMut(&mut Sim) -> Diagnosis + Send>;
type Stop = Box<dyn FnMut(&mut Sim) + Send>;
type Reopen = Box<dyn FnMut(u32, &mut Sim) -> Result<(), Fault> + Send>;

/// A simulated camera whose answers can be replaced, and whose calls are written down.
pub struct Tampered {
    pub inner: Sim,
    /// The payload that it claims to have; 0: the true one.
    pub says: Arc<AtomicUsize>,
    /// Asked before each grab, with its number: the answer to give instead.
    pub before_grab: Before,
    /// Sees each frame that came and may change what the SDK says of it.
    pub spoil: Spoil,
    /// Does what `reopen` is to do; gets the number of the attempt, from 1.
    pub reopen: Reopen,
    /// Answers what the source knows about a silence.
    pub diagnose: Diagnose,
    /// Happens as the device is told to stop, before it does.
    pub before_stop: Stop,
    /// Happens as the device is told to expose, before it does.
    pub before_trigger: Box<dyn FnMut() + Send>,
    /// The faults that the first calls of `start` answer with.
    pub start_faults: Vec<Fault>,
    /// The faults that the first calls of `stop_device` answer with, once it has stopped.
    pub stop_faults: Vec<Fault>,
    pub calls: Arc<Mutex<Vec<&'static str>>>,
    grabs: u64,
    reopens: u32,
}

impl Tampered {
    pub fn new(inner: Sim) -> Tampered {
        Tampered {
            inner,
            says: Arc::default(),
            before_grab: Box::new(|_| None),
            spoil: Box::new(|_| {}),
            reopen: Box::new(|_, sim| sim.reopen()),
            diagnose: Box::new(|sim| sim.diagnose()),
            before_stop: Box::new(|_| {}),
            before_trigger: Box::new(|| {}),
            start_faults: Vec::new(),
            stop_faults: Vec::new(),
            calls: Arc::default(),
            grabs: 0,
            reopens: 0,
        }
    }

    pub fn grabs(mut self, f: impl FnMut(u64) -> Option<Grab> + Send + 'static) -> Self {
        self.before_grab = Box::new(f);
        self
    }

    pub fn reopens(
        mut self,
        f: impl FnMut(u32, &mut Sim) -> Result<(), Fault> + Send + 'static,
    ) -> Self {
        self.reopen = Box::new(f);
        self
    }

    pub fn diagnoses(mut self, f: impl FnMut(&mut Sim) -> Diagnosis + Send + 'static) -> Self {
        self.diagnose = Box::new(f);
        self
    }

    pub fn stops(mut self, f: impl FnMut(&mut Sim) + Send + 'static) -> Self {
        self.before_stop = Box::new(f);
        self
    }

    pub fn triggers(mut self, f: impl FnMut() + Send + 'static) -> Self {
        self.before_trigger = Box::new(f);
        self
    }

    pub fn spoils(mut self, f: impl FnMut(&mut FrameMut) + Send + 'static) -> Self {
        self.spoil = Box::new(f);
        self
    }

    fn spoilt(&mut self, grab: Grab, frame: &mut FrameMut) -> Grab {
        if matches!(grab, Grab::Filled { .. }) {
            (self.spoil)(frame);
        }
        grab
    }

    fn call(&self, what: &'static str) {
        self.calls.lock().unwrap().push(what);
    }

    fn before(&mut self) -> Option<Grab> {
        self.grabs += 1;
        (self.before_grab)(self.grabs - 1)
    }
}

impl Source for Tampered {
    fn info(&self) -> SourceInfo {
        self.inner.info()
    }
    fn fills(&self) -> &[Fill] {
        self.inner.fills()
    }
    fn can_wait(&self) -> bool {
        self.inner.can_wait()
    }
    fn codes(&self) -> CodeTable {
        self.inner.codes()
    }
    fn geometry(&self) -> Geometry {
        self.inner.geometry()
    }
    fn payload_bytes(&self) -> usize {
        match self.says.load(Ordering::Relaxed) {
            0 => self.inner.payload_bytes(),
            n => n,
        }
    }
    fn max_payload_bytes(&self) -> usize {
        match self.says.load(Ordering::Relaxed) {
            0 => self.inner.max_payload_bytes(),
            n => n,
        }
    }
    fn frame_id_rule(&self) -> FrameIdRule {
        self.inner.frame_id_rule()
    }
    fn queue_depth(&self, fill: Fill) -> usize {
        self.inner.queue_depth(fill)
    }
    fn keep(&self) -> Option<Keep> {
        self.inner.keep()
    }
    fn start(&mut self, fill: Fill) -> Result<(), Fault> {
        self.call("start");
        if !self.start_faults.is_empty() {
            return Err(self.start_faults.remove(0));
        }
        self.inner.start(fill)
    }
    fn stop_device(&mut self) -> Result<(), Fault> {
        self.call("stop_device");
        (self.before_stop)(&mut self.inner);
        let answer = self.inner.stop_device();
        if self.stop_faults.is_empty() { answer } else { Err(self.stop_faults.remove(0)) }
    }
    fn stop_host(&mut self) -> Result<(), Fault> {
        self.call("stop_host");
        self.inner.stop_host()
    }
    fn grab_into(&mut self, frame: &mut FrameMut, timeout: Duration) -> Grab {
        match self.before() {
            Some(grab) => grab,
            None => {
                let grab = self.inner.grab_into(frame, timeout);
                self.spoilt(grab, frame)
            }
        }
    }
    fn queue(&mut self, frame: FrameMut) {
        self.inner.queue(frame);
    }
    fn grab_queued(&mut self, timeout: Duration) -> (Option<FrameMut>, Grab) {
        match self.before() {
            Some(grab) => (None, grab),
            None => {
                let (mut frame, grab) = self.inner.grab_queued(timeout);
                if let Some(frame) = &mut frame {
                    self.spoilt(grab, frame);
                }
                (frame, grab)
            }
        }
    }
    fn revoke(&mut self, back: &mut dyn FnMut(FrameMut)) {
        self.call("revoke");
        self.inner.revoke(back);
    }
    fn grab_lent(&mut self, frame: &mut FrameMut, timeout: Duration) -> Grab {
        match self.before() {
            Some(grab) => grab,
            None => {
                let grab = self.inner.grab_lent(frame, timeout);
                self.spoilt(grab, frame)
            }
        }
    }
    fn give_back(&mut self, frame: &mut FrameMut) {
        self.inner.give_back(frame);
    }
    fn is_locked_while_grabbing(&self, feature: &str) -> bool {
        self.inner.is_locked_while_grabbing(feature)
    }
    fn set_feature(&mut self, feature: &str, value: &str) -> Result<(), frameline::Error> {
        self.inner.set_feature(feature, value)
    }
    fn software_trigger(&mut self) -> Result<(), frameline::Error> {
        (self.before_trigger)();
        self.inner.software_trigger()
    }
    fn diagnose(&mut self) -> Diagnosis {
        self.call("diagnose");
        (self.diagnose)(&mut self.inner)
    }
    fn evidence(&self) -> Evidence {
        self.inner.evidence()
    }
    fn is_asked_for(&self, fault: Fault) -> bool {
        self.inner.is_asked_for(fault)
    }
    fn reopen(&mut self) -> Result<(), Fault> {
        self.call("reopen");
        self.reopens += 1;
        (self.reopen)(self.reopens, &mut self.inner)
    }
    fn counts(&self) -> SourceCounts {
        self.inner.counts()
    }
}

/// The hop of that name.
pub fn hop<'a>(s: &'a Snapshot, name: &str) -> &'a frameline::pipeline::HopSnapshot {
    s.hops.iter().find(|h| h.name == name).unwrap_or_else(|| {
        panic!("no hop {name}; there are {:?}", s.hops.iter().map(|h| &h.name).collect::<Vec<_>>())
    })
}

/// How often the checks found that anomaly.
pub fn anomaly(s: &Snapshot, name: &str) -> u64 {
    s.anomalies.iter().find(|(n, _)| *n == name).map_or(0, |(_, n)| *n)
}
