//! One record a frame, as a results file holds it: one JSON object or one CSV row a line.

use super::Measurement;
use crate::clock::{DeviceTime, HostTime};
use crate::format::PixelFormat;
use crate::meta::{FrameMeta, FrameStatus};
use crate::stage::LossBefore;
use std::io::Write;

/// What is kept of a frame: plain, of fixed size, so that a hot thread can push it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The line's number of the frame.
    pub sequence: u64,
    /// The device's number of the frame.
    pub frame_id: u64,
    /// When the capture thread got it.
    pub host_time: HostTime,
    /// The device's time stamp; 0 where it gives none.
    pub device_time: DeviceTime,
    /// Whether all of it arrived.
    pub status: FrameStatus,
    /// Frames that this consumer did not get just before, for whatever cause.
    pub lost_before: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Pixel format.
    pub pixel_format: PixelFormat,
    /// What was measured, if anything was.
    pub measurement: Option<Measurement>,
}

impl Record {
    /// The first line of a CSV file.
    pub const CSV_HEADER: &'static str = "sequence,frame_id,host_time_ns,device_time_ns,status,\
        lost_before,width,height,pixel_format,pixels,above,mean,min,max\n";

    /// The record of a frame.
    pub fn new(m: &FrameMeta, loss: LossBefore, measurement: Option<Measurement>) -> Self {
        Record {
            sequence: m.sequence,
            frame_id: m.frame_id,
            host_time: m.host_time,
            device_time: m.device_time,
            status: m.status,
            lost_before: loss.total(),
            width: m.width,
            height: m.height,
            pixel_format: m.pixel_format,
            measurement,
        }
    }

    fn status(&self) -> &'static str {
        match self.status {
            FrameStatus::Complete => "complete",
            FrameStatus::Incomplete => "incomplete",
        }
    }

    /// Appends the record as one line of JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        // Nothing in a record needs escaping: numbers, fixed words and PFNC names.
        let _ = write!(
            out,
            "{{\"sequence\":{},\"frame_id\":{},\"host_time_ns\":{},\"device_time_ns\":{},\
             \"status\":\"{}\",\"lost_before\":{},\"width\":{},\"height\":{},\"pixel_format\":\"{}\"",
            self.sequence,
            self.frame_id,
            self.host_time.0,
            self.device_time.0,
            self.status(),
            self.lost_before,
            self.width,
            self.height,
            self.pixel_format
        );
        if let Some(m) = &self.measurement {
            let _ = write!(
                out,
                ",\"pixels\":{},\"above\":{},\"mean\":{:.3},\"min\":{},\"max\":{}",
                m.pixels,
                m.above,
                m.mean(),
                m.min,
                m.max
            );
        }
        out.extend_from_slice(b"}\n");
    }

    /// Appends the record as one CSV row; columns that were not measured are empty.
    pub fn write_csv(&self, out: &mut Vec<u8>) {
        let _ = write!(
            out,
            "{},{},{},{},{},{},{},{},{},",
            self.sequence,
            self.frame_id,
            self.host_time.0,
            self.device_time.0,
            self.status(),
            self.lost_before,
            self.width,
            self.height,
            self.pixel_format
        );
        match &self.measurement {
            Some(m) => {
                let mean = m.mean();
                let _ = writeln!(out, "{},{},{mean:.3},{},{}", m.pixels, m.above, m.min, m.max);
            }
            None => out.extend_from_slice(b",,,,\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Geometry;

    fn record(measured: bool) -> Record {
        let meta = FrameMeta::of(&Geometry::new(4, 2, PixelFormat(0x0108_7777)));
        let m = Measurement { pixels: 8, above: 3, sum: 10, min: 1, max: 2 };
        let loss = LossBefore { device: 1, underrun: 2, rejected: 0, hop: u32::MAX };
        Record::new(&meta, loss, measured.then_some(m))
    }

    #[test]
    fn rows_have_as_many_columns_as_the_header() {
        // Catches a column added to one of header, measured rows and unmeasured rows only.
        let columns = Record::CSV_HEADER.split(',').count();
        for measured in [false, true] {
            let mut row = Vec::new();
            record(measured).write_csv(&mut row);
            assert_eq!(String::from_utf8(row).unwrap().split(',').count(), columns);
        }
    }

    #[test]
    fn json_lines_parse() {
        // Catches broken JSON, above all for a format that has no name, and losses that overflow.
        for measured in [false, true] {
            let mut line = Vec::new();
            record(measured).write_json(&mut line);
            let v: serde_json::Value = serde_json::from_slice(&line).unwrap();
            assert_eq!(v["lost_before"], u32::MAX);
            assert_eq!(v["pixel_format"], "PixelFormat(0x01087777)");
            assert_eq!(v.get("above").is_some(), measured);
        }
    }
}
