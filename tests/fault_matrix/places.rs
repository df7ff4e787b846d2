//! Where a fault can strike: each call of the SDK, at each moment at which the source makes it.

use crate::rules::{self, Outcomes, Rule};
use frameline::fault::CodeEntry;

/// When the call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// While the camera is found, opened and asked what it sends.
    Open,
    /// While the line starts it for the first time.
    Start,
    /// For each frame.
    Grab,
    /// For each frame that is done with.
    Free,
    /// After time-outs, when the source is asked what it knows.
    Silence,
    /// When somebody sets a feature.
    SetFeature,
    /// When somebody fires the software trigger.
    Trigger,
    /// While a callback posts, from another thread.
    Posted,
    /// In a quiescent reset.
    Reset,
    /// After a loss.
    Reopen,
    /// When the line is stopped.
    End,
}

impl Phase {
    pub const ALL: [Phase; 11] = [
        Phase::Open,
        Phase::Start,
        Phase::Grab,
        Phase::Free,
        Phase::Silence,
        Phase::SetFeature,
        Phase::Trigger,
        Phase::Posted,
        Phase::Reset,
        Phase::Reopen,
        Phase::End,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Phase::Open => "Opening the camera",
            Phase::Start => "The first start",
            Phase::Grab => "Grabbing",
            Phase::Free => "Giving a frame back",
            Phase::Silence => "Asking why no frame comes",
            Phase::SetFeature => "Setting a feature while the line runs",
            Phase::Trigger => "The software trigger",
            Phase::Posted => "Posted by a callback while the line runs",
            Phase::Reset => "A quiescent reset",
            Phase::Reopen => "Opening a lost camera anew",
            Phase::End => "Stopping",
        }
    }
}

/// A column of the matrix.
#[derive(Debug)]
pub struct Place {
    pub phase: Phase,
    /// The function, as the fault script names it.
    pub call: &'static str,
    /// What is called for, where that is not plain.
    pub what: &'static str,
    /// Way of filling.
    pub fill: &'static str,
    /// Further parameters of the camera.
    pub query: &'static str,
    rule: Rule,
}

impl Place {
    pub fn outcomes(&self, entry: &CodeEntry) -> Outcomes {
        (self.rule)(entry)
    }

    /// Whether a fault is acted on by its class here.
    pub fn is_by_class(&self) -> bool {
        let acts = crate::returned().map(|e| self.outcomes(e).0);
        acts.filter(|act| act.has_consequence()).collect::<std::collections::HashSet<_>>().len() > 1
    }

    /// The function's whole name.
    pub fn function(&self) -> String {
        let has_prefix = self.call.starts_with("MV_");
        if has_prefix { self.call.into() } else { format!("MV_CC_{}", self.call) }
    }
}

const fn at(
    phase: Phase,
    call: &'static str,
    what: &'static str,
    fill: &'static str,
    query: &'static str,
    rule: Rule,
) -> Place {
    Place { phase, call, what, fill, query, rule }
}

const ANNOUNCE: &str = "announce";
const LEND: &str = "lend";
const COPY: &str = "copy";
/// The best that there is.
const AUTO: &str = "";

use Phase::*;

pub const PLACES: &[Place] = &[
    at(Open, "Initialize", "", COPY, "", rules::load),
    at(Open, "EnumDevices", "", COPY, "", rules::enumerate),
    at(Open, "CreateHandle", "", COPY, "", rules::open),
    at(Open, "OpenDevice", "", COPY, "", rules::open),
    at(Open, "RegisterExceptionCallBack", "", COPY, "", rules::open),
    at(Open, "RegisterStreamExceptionCallBack", "", COPY, "", rules::optional),
    at(Open, "GetOptimalPacketSize", "", COPY, "", rules::optional),
    at(Open, "SetIntValueEx", "packet size, tuned", COPY, "", rules::tuning),
    at(
        Open,
        "SetIntValueEx",
        "packet size, asked for",
        COPY,
        "packet_size=1500",
        rules::wish_number,
    ),
    at(Open, "MV_GIGE_SetResend", "asked for", COPY, "resend=off", rules::wish_resend),
    at(Open, "GetFloatValue", "what Gain is", COPY, "Gain=2", rules::wish),
    at(Open, "SetFloatValue", "Gain, asked for", COPY, "Gain=2", rules::wish),
    at(Open, "GetIntValueEx", "Width", COPY, "", rules::open),
    at(Open, "GetEnumValue", "PixelFormat", COPY, "", rules::open),
    at(Open, "GetPayloadSize", "", COPY, "", rules::optional),
    at(Open, "GetBoolValue", "ChunkModeActive", COPY, "", rules::optional),
    at(Open, "RegisterBuffer", "tried", AUTO, "", rules::optional),
    at(Open, "UnRegisterBuffer", "tried", AUTO, "", rules::load),
    at(Start, "SetImageNodeNum", "", COPY, "", rules::nodes),
    at(Start, "SetImageNodeNum", "asked for", LEND, "nodes=12", rules::start),
    at(Start, "RegisterBuffer", "", ANNOUNCE, "", rules::start),
    at(Start, "StartGrabbing", "", COPY, "", rules::start),
    at(Start, "StartGrabbing", "", LEND, "", rules::start),
    at(Start, "StartGrabbing", "", ANNOUNCE, "", rules::start),
    at(Grab, "GetOneFrameTimeout", "", COPY, "", rules::grab),
    at(Grab, "GetImageBuffer", "", LEND, "", rules::grab),
    at(Grab, "GetImageBuffer", "", ANNOUNCE, "", rules::grab),
    at(Free, "FreeImageBuffer", "", LEND, "", rules::free),
    at(Free, "FreeImageBuffer", "", ANNOUNCE, "", rules::free),
    at(Silence, "IsDeviceConnected", "", COPY, "", rules::connected),
    at(Silence, "GetPayloadSize", "", LEND, "", rules::optional),
    at(Silence, "GetIntValueEx", "packet size", COPY, "", rules::optional),
    at(Silence, "GetEnumValue", "TriggerMode", COPY, "", rules::optional),
    at(Silence, "GetAllMatchInfo", "", ANNOUNCE, "", rules::optional),
    at(SetFeature, "SetFloatValue", "Gain", COPY, "Gain=2", rules::feature),
    at(Trigger, "SetCommandValue", "TriggerSoftware", COPY, "", rules::order),
    at(Posted, "GetOneFrameTimeout", "", COPY, "", rules::post),
    at(Posted, "GetImageBuffer", "", LEND, "", rules::post),
    at(Posted, "GetImageBuffer", "", ANNOUNCE, "", rules::post),
    at(Reset, "SetCommandValue", "AcquisitionStop", COPY, "", rules::optional),
    at(Reset, "StopGrabbing", "", COPY, "", rules::stop),
    at(Reset, "StopGrabbing", "", LEND, "", rules::stop),
    at(Reset, "StopGrabbing", "", ANNOUNCE, "", rules::stop),
    at(Reset, "UnRegisterBuffer", "", ANNOUNCE, "", rules::stop),
    at(Reset, "GetIntValueEx", "Width", ANNOUNCE, "", rules::optional),
    at(Reset, "GetEnumValue", "PixelFormat", LEND, "", rules::optional),
    at(Reset, "SetImageNodeNum", "asked for", LEND, "nodes=12", rules::start),
    at(Reset, "RegisterBuffer", "", ANNOUNCE, "", rules::start),
    at(Reset, "StartGrabbing", "", COPY, "", rules::start),
    at(Reset, "StartGrabbing", "", LEND, "", rules::start),
    at(Reset, "StartGrabbing", "", ANNOUNCE, "", rules::start),
    at(Reopen, "CloseDevice", "", COPY, "", rules::close),
    at(Reopen, "DestroyHandle", "", ANNOUNCE, "", rules::close),
    at(Reopen, "EnumDevices", "", COPY, "", rules::attempt_enumerate),
    at(Reopen, "CreateHandle", "", ANNOUNCE, "", rules::attempt),
    at(Reopen, "OpenDevice", "", ANNOUNCE, "", rules::attempt),
    at(Reopen, "RegisterExceptionCallBack", "", COPY, "", rules::attempt),
    at(Reopen, "GetOptimalPacketSize", "", COPY, "", rules::optional),
    at(Reopen, "SetIntValueEx", "packet size, tuned", COPY, "", rules::attempt_tuning),
    at(Reopen, "SetFloatValue", "Gain, restored", COPY, "Gain=2", rules::attempt),
    at(Reopen, "GetEnumValue", "PixelFormat", COPY, "", rules::optional),
    at(Reopen, "RegisterBuffer", "", ANNOUNCE, "", rules::start),
    at(Reopen, "StartGrabbing", "", COPY, "", rules::start),
    at(End, "SetCommandValue", "AcquisitionStop", COPY, "", rules::optional),
    at(End, "StopGrabbing", "", COPY, "", rules::close),
    at(End, "StopGrabbing", "", LEND, "", rules::close),
    at(End, "StopGrabbing", "", ANNOUNCE, "", rules::close),
    at(End, "UnRegisterBuffer", "", ANNOUNCE, "", rules::close),
    // The line is over and its books are closed: what these answer stands in the log.
    at(End, "CloseDevice", "", ANNOUNCE, "", rules::optional),
    at(End, "DestroyHandle", "", LEND, "", rules::optional),
];
