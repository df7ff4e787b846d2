//! One record a frame, as a results file holds it: one JSON object or one CSV row a line.

use super::Measurement;
use crate::clock::{DeviceTime, HostTime};
use crate::format::PixelFormat;
use crate::meta::{FrameMeta, FrameStatus};
use crate::stage::LossBefore;
use crate::verdict::{Area, PartVerdict};
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
    /// Of a frame that is replayed, when the line got it on the night of the recording; else 0.
    pub recorded_host_time: HostTime,
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
    /// How many parts were judged, if any stage judged them. Their verdicts travel beside the record.
    pub parts: Option<u8>,
}

impl Record {
    /// The first line of a CSV file.
    pub const CSV_HEADER: &'static str = "sequence,frame_id,host_time_ns,device_time_ns,status,\
        lost_before,width,height,pixel_format,pixels,above,mean,min,max,\
        recorded_host_time_ns\n";

    /// The first line of a CSV file with a row for each part.
    pub const PARTS_CSV_HEADER: &'static str = "sequence,frame_id,host_time_ns,device_time_ns,\
        status,lost_before,width,height,pixel_format,part,part_x,part_y,part_width,part_height,defect,\
        mark_x,mark_y,mark_width,mark_height,mark_pixels,score,recorded_host_time_ns\n";

    /// The record of a frame.
    pub fn new(m: &FrameMeta, loss: LossBefore, measurement: Option<Measurement>) -> Self {
        Record {
            sequence: m.sequence,
            frame_id: m.frame_id,
            host_time: m.host_time,
            device_time: m.device_time,
            recorded_host_time: HostTime(0),
            status: m.status,
            lost_before: loss.total(),
            width: m.width,
            height: m.height,
            pixel_format: m.pixel_format,
            measurement,
            parts: None,
        }
    }

    fn status(&self) -> &'static str {
        match self.status {
            FrameStatus::Complete => "complete",
            FrameStatus::Incomplete => "incomplete",
        }
    }

    /// Appends the record as one line of JSON, with the verdicts on its parts.
    pub fn write_json(&self, parts: &[PartVerdict], out: &mut Vec<u8>) {
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
        if self.recorded_host_time != HostTime(0) {
            let _ = write!(out, ",\"recorded_host_time_ns\":{}", self.recorded_host_time.0);
        }
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
        if self.parts.is_some() {
            let failed = || parts.iter().filter_map(|p| Some((p.defect?, p)));
            let _ = write!(
                out,
                ",\"parts\":{},\"failed\":{},\"defects\":[",
                parts.len(),
                failed().count()
            );
            for (i, (defect, p)) in failed().enumerate() {
                let comma = if i > 0 { "," } else { "" };
                let _ = write!(out, "{comma}{{\"defect\":\"{defect}\",\"part\":");
                write_area(p.part, out);
                out.extend_from_slice(b",\"mark\":");
                write_area(p.mark, out);
                let _ = write!(out, ",\"pixels\":{},\"score\":{:.3}}}", p.pixels, finite(p.score));
            }
            out.push(b']');
        }
        out.extend_from_slice(b"}\n");
    }

    /// Appends one CSV row for each part; a frame that was not judged gets one with empty columns.
    pub fn write_parts_csv(&self, parts: &[PartVerdict], out: &mut Vec<u8>) {
        if parts.is_empty() {
            self.write_frame_columns(out);
            out.extend_from_slice(b",,,,,,,,,,,");
            self.write_last_column(out);
        }
        for (i, p) in parts.iter().enumerate() {
            self.write_frame_columns(out);
            let (a, m) = (p.part, p.mark);
            let defect = p.defect.map_or("", |d| d.name());
            let _ = write!(
                out,
                "{i},{},{},{},{},{defect},{},{},{},{},{},{:.3}",
                a.x,
                a.y,
                a.width,
                a.height,
                m.x,
                m.y,
                m.width,
                m.height,
                p.pixels,
                finite(p.score)
            );
            self.write_last_column(out);
        }
    }

    /// The columns that every row begins with, and a comma.
    fn write_frame_columns(&self, out: &mut Vec<u8>) {
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
    }

    /// Appends the record as one CSV row; columns that were not measured are empty.
    pub fn write_csv(&self, out: &mut Vec<u8>) {
        self.write_frame_columns(out);
        match &self.measurement {
            Some(m) => {
                let mean = m.mean();
                let _ = write!(out, "{},{},{mean:.3},{},{}", m.pixels, m.above, m.min, m.max);
            }
            None => out.extend_from_slice(b",,,,"),
        }
        self.write_last_column(out);
    }

    /// A comma and the column that every row ends with: empty where nothing is replayed.
    fn write_last_column(&self, out: &mut Vec<u8>) {
        let _ = match self.recorded_host_time {
            HostTime(0) => writeln!(out, ","),
            HostTime(ns) => writeln!(out, ",{ns}"),
        };
    }
}

/// `[x, y, width, height]`.
fn write_area(a: Area, out: &mut Vec<u8>) {
    let _ = write!(out, "[{},{},{},{}]", a.x, a.y, a.width, a.height);
}

/// JSON has no word for what is no number.
fn finite(score: f32) -> f32 {
    if score.is_finite() { score } else { f32::MAX }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Geometry;
    use crate::verdict::Defect;

    /// A good part and a failed one.
    fn two_parts() -> [PartVerdict; 2] {
        let part = Area { x: 1, y: 2, width: 3, height: 4 };
        let good = PartVerdict { part, ..PartVerdict::default() };
        let score = f32::INFINITY;
        [good, PartVerdict { defect: Some(Defect::Dent), mark: part, pixels: 7, score, ..good }]
    }

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
    fn each_part_has_a_row_and_every_frame_at_least_one() {
        // Catches rows whose columns do not match the header, and frames that leave no trace.
        let columns = Record::PARTS_CSV_HEADER.split(',').count();
        for (parts, rows) in [(&two_parts()[..], 2), (&[], 1)] {
            let mut text = Vec::new();
            Record { parts: Some(parts.len() as u8), ..record(false) }
                .write_parts_csv(parts, &mut text);
            let text = String::from_utf8(text).unwrap();
            assert_eq!(text.lines().count(), rows);
            assert!(text.lines().all(|l| l.split(',').count() == columns), "{text}");
            assert_eq!(text.contains(",dent,1,2,3,4,7,"), rows == 2, "{text}");
        }
    }

    #[test]
    fn a_verdict_is_in_the_json_line() {
        // Catches good parts among the defects, and a score that is no JSON number.
        let mut line = Vec::new();
        Record { parts: Some(2), ..record(false) }.write_json(&two_parts(), &mut line);
        let v: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!((v["parts"].as_u64(), v["failed"].as_u64()), (Some(2), Some(1)));
        assert_eq!(v["defects"].as_array().unwrap().len(), 1);
        assert_eq!(v["defects"][0]["mark"], serde_json::json!([1, 2, 3, 4]));
        assert!(v["defects"][0]["score"].as_f64().unwrap() > 1e30);
        assert_eq!(v["defects"][0]["defect"], "dent");
    }

    #[test]
    fn json_lines_parse() {
        // Catches broken JSON, above all for a format that has no name, and losses that overflow.
        for measured in [false, true] {
            let mut line = Vec::new();
            record(measured).write_json(&[], &mut line);
            let v: serde_json::Value = serde_json::from_slice(&line).unwrap();
            assert_eq!(v["lost_before"], u32::MAX);
            assert_eq!(v["pixel_format"], "PixelFormat(0x01087777)");
            assert_eq!(v.get("above").is_some(), measured);
            assert_eq!(v.get("recorded_host_time_ns"), None);
        }
    }

    #[test]
    fn a_replayed_frame_tells_when_it_was_recorded() {
        // Catches the time of that night lost from one of the forms.
        let night = Record { recorded_host_time: HostTime(123), ..record(true) };
        let (mut line, mut row, mut of_parts) = (Vec::new(), Vec::new(), Vec::new());
        night.write_json(&[], &mut line);
        night.write_csv(&mut row);
        night.write_parts_csv(&two_parts(), &mut of_parts);
        let v: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(v["recorded_host_time_ns"], 123);
        assert!(row.ends_with(b",123\n"));
        let rows = String::from_utf8(of_parts).unwrap();
        assert_eq!(rows.lines().filter(|l| l.ends_with(",123")).count(), 2, "{rows}");
    }
}
