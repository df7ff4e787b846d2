//! The nodes of a real area camera that programs use.

use super::{Features, Node, Value};
use crate::config::{CameraConfig, Kind};
use crate::pixel::{COLOUR, MONO};

/// `TriggerSource` of `TriggerSoftware`.
pub(super) const SOURCE_SOFTWARE: u32 = 7;

fn node(name: &'static str, value: Value) -> Node {
    Node { name, value, writable: true, locked: false }
}

fn int(name: &'static str, now: i64, min: i64, max: i64, inc: i64) -> Node {
    node(name, Value::Int { now, min, max, inc })
}

fn float(name: &'static str, now: f64, min: f64, max: f64) -> Node {
    node(name, Value::Float { now, min, max })
}

fn entries(name: &'static str, now: u32, entries: &[(u32, &'static str)]) -> Node {
    node(name, Value::Enum { now, entries: entries.to_vec() })
}

fn flag(name: &'static str, now: bool) -> Node {
    node(name, Value::Bool(now))
}

fn text(name: &'static str, now: &str, max: usize) -> Node {
    node(name, Value::Text { now: now.to_owned(), max })
}

impl Node {
    fn read_only(mut self) -> Node {
        self.writable = false;
        self
    }

    fn locked(mut self) -> Node {
        self.locked = true;
        self
    }
}

impl Features {
    /// The features of a camera that was just switched on for the first time.
    pub fn new(camera: &CameraConfig) -> Features {
        let mut nodes = device(camera);
        nodes.extend(image(camera));
        nodes.extend(acquisition(camera));
        nodes.extend(analog());
        nodes.extend(transport(camera));
        nodes.extend(user_sets());
        Features::made(nodes)
    }
}

fn device(camera: &CameraConfig) -> Vec<Node> {
    vec![
        text("DeviceVendorName", &camera.maker, 31).read_only(),
        text("DeviceModelName", &camera.model, 31).read_only(),
        text("DeviceVersion", &camera.version, 31).read_only(),
        text("DeviceSerialNumber", &camera.serial, 15).read_only(),
        text("DeviceID", &camera.serial, 15).read_only(),
        text("DeviceUserID", &camera.user, 15),
        entries("DeviceScanType", 0, &[(0, "Areascan")]).read_only(),
        float("DeviceTemperature", 41.5, -40.0, 125.0).read_only(),
        entries("DeviceTemperatureSelector", 0, &[(0, "Sensor"), (1, "Mainboard")]),
        int("DeviceUptime", 0, 0, i64::MAX, 1).read_only(),
        node("DeviceReset", Value::Command),
    ]
}

fn image(camera: &CameraConfig) -> Vec<Node> {
    let (width, height) = (i64::from(camera.width), i64::from(camera.height));
    let formats = if camera.colour { COLOUR } else { MONO };
    let formats: Vec<_> = formats.iter().map(|f| (f.code, f.name)).collect();
    vec![
        int("SensorWidth", width, 0, width, 1).read_only(),
        int("SensorHeight", height, 0, height, 1).read_only(),
        int("WidthMax", width, 0, width, 1).read_only(),
        int("HeightMax", height, 0, height, 1).read_only(),
        int("Width", width, 32, width, 16).locked(),
        int("Height", height, 8, height, 2).locked(),
        int("OffsetX", 0, 0, 0, 16),
        int("OffsetY", 0, 0, 0, 2),
        flag("ReverseX", false).locked(),
        flag("ReverseY", false).locked(),
        entries("PixelFormat", formats[0].0, &formats).locked(),
        entries("TestPattern", 0, &[(0, "Off")]),
    ]
}

fn acquisition(camera: &CameraConfig) -> Vec<Node> {
    let sources = [
        (0, "Line0"),
        (1, "Line1"),
        (2, "Line2"),
        (3, "Line3"),
        (4, "Counter0"),
        (SOURCE_SOFTWARE, "Software"),
        (9, "Action1"),
    ];
    let automatic = [(0, "Off"), (1, "Once"), (2, "Continuous")];
    vec![
        entries("AcquisitionMode", 2, &[(0, "SingleFrame"), (2, "Continuous")]).locked(),
        node("AcquisitionStart", Value::Command),
        node("AcquisitionStop", Value::Command),
        float("AcquisitionFrameRate", camera.rate, 0.1, camera.rate),
        flag("AcquisitionFrameRateEnable", true),
        float("ResultingFrameRate", camera.rate, 0.0, camera.rate).read_only(),
        entries("TriggerSelector", 6, &[(6, "FrameBurstStart")]),
        entries("TriggerMode", 0, &[(0, "Off"), (1, "On")]),
        node("TriggerSoftware", Value::Command),
        entries("TriggerSource", 0, &sources),
        entries("TriggerActivation", 0, &[(0, "RisingEdge"), (1, "FallingEdge")]),
        float("TriggerDelay", 0.0, 0.0, 16_000_000.0),
        entries("ExposureMode", 0, &[(0, "Timed")]),
        float("ExposureTime", 1_000.0, 15.0, 9_999_000.0),
        entries("ExposureAuto", 0, &automatic),
        entries("LineSelector", 0, &[(0, "Line0"), (1, "Line1"), (2, "Line2")]),
        entries("LineMode", 0, &[(0, "Input"), (8, "Strobe")]),
        flag("LineInverter", false),
    ]
}

fn analog() -> Vec<Node> {
    vec![
        float("Gain", 0.0, 0.0, 15.0),
        entries("GainAuto", 0, &[(0, "Off"), (1, "Once"), (2, "Continuous")]),
        int("BlackLevel", 100, 0, 4095, 1),
        flag("BlackLevelEnable", false),
        float("Gamma", 1.0, 0.0, 4.0),
        flag("GammaEnable", false),
        int("Brightness", 100, 0, 255, 1),
    ]
}

fn transport(camera: &CameraConfig) -> Vec<Node> {
    let mut nodes = vec![int("PayloadSize", 0, 0, u32::MAX.into(), 1).read_only()];
    nodes.extend(match camera.kind {
        Kind::Gige => vec![
            int("GevSCPSPacketSize", 1500, 220, 9156, 8).locked(),
            int("GevSCPD", 400, 0, i64::from(u32::MAX), 1),
            int("GevHeartbeatTimeout", i64::from(camera.heartbeat_ms), 1, 600_000, 1),
            int("GevCurrentIPAddress", i64::from(camera.ip), 0, u32::MAX.into(), 1).read_only(),
            int("GevTimestampTickFrequency", 1_000_000_000, 0, i64::MAX, 1).read_only(),
        ],
        Kind::Usb => vec![
            entries("DeviceLinkThroughputLimitMode", 0, &[(0, "Off"), (1, "On")]),
            int("DeviceLinkThroughputLimit", 360_000_000, 1_000_000, 400_000_000, 1),
        ],
    });
    nodes
}

fn user_sets() -> Vec<Node> {
    let sets = [(0, "Default"), (1, "UserSet1"), (2, "UserSet2"), (3, "UserSet3")];
    vec![
        entries("UserSetSelector", 0, &sets),
        entries("UserSetDefault", 0, &sets),
        node("UserSetLoad", Value::Command),
        node("UserSetSave", Value::Command),
    ]
}
