//! How a line looks: for the terminal, as text, as JSON.
//!
//! A line of text is `TIME LEVEL SENTENCE`, a tab, and the fields as `key=value` with JSON values, so that
//! `frameline stats` and tools of the shell read it without guessing. A sentence holds no control character.

use serde_json::{Map, Value};
use std::fmt::{self, Debug};
use std::time::SystemTime;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Keys of a line of JSON that are no fields.
const OWN_KEYS: [&str; 4] = ["timestamp", "level", "target", "message"];

/// An event's sentence and fields.
#[derive(Debug, Default)]
struct Told {
    sentence: String,
    fields: Map<String, Value>,
}

impl Told {
    fn of(event: &Event<'_>) -> Told {
        let mut told = Told::default();
        event.record(&mut told);
        told
    }

    fn add(&mut self, field: &Field, value: Value) {
        match field.name() {
            "message" => self.sentence = plain(value.as_str().unwrap_or_default()),
            name if OWN_KEYS.contains(&name) => drop(self.fields.insert(format!("{name}_"), value)),
            name => drop(self.fields.insert(name.into(), value)),
        }
    }
}

/// Without what would break the line or obey a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl Visit for Told {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, format!("{value:?}").into());
    }
}

fn now() -> humantime::Rfc3339Timestamp {
    humantime::format_rfc3339_micros(SystemTime::now())
}

fn key_values(w: &mut Writer<'_>, fields: &Map<String, Value>) -> fmt::Result {
    for (i, (key, value)) in fields.iter().enumerate() {
        write!(w, "{}{key}={value}", if i == 0 { "" } else { " " })?;
    }
    Ok(())
}

/// Lines of text.
pub(super) struct Text;

impl<S: Subscriber + for<'a> LookupSpan<'a>, N> FormatEvent<S, N> for Text
where
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut w: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let told = Told::of(event);
        write!(w, "{} {:<5} {}\t", now(), event.metadata().level().as_str(), told.sentence)?;
        key_values(&mut w, &told.fields)?;
        writeln!(w)
    }
}

/// One JSON object a line.
pub(super) struct Json;

impl<S: Subscriber + for<'a> LookupSpan<'a>, N> FormatEvent<S, N> for Json
where
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut w: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let told = Told::of(event);
        let m = event.metadata();
        let own = [
            now().to_string(),
            m.level().as_str().to_string(),
            m.target().to_string(),
            told.sentence,
        ];
        let mut line: Map<String, Value> =
            OWN_KEYS.iter().map(|k| (*k).to_string()).zip(own.map(Value::from)).collect();
        line.extend(told.fields);
        writeln!(w, "{}", Value::Object(line))
    }
}

/// Sentences for a terminal. The fields of a line's own events say the same once more, and are left out.
pub(super) struct Sentences;

impl<S: Subscriber + for<'a> LookupSpan<'a>, N> FormatEvent<S, N> for Sentences
where
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut w: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let told = Told::of(event);
        let level = event.metadata().level();
        match w.has_ansi_escapes() {
            true => write!(w, "\x1b[{}m{level:>5}\x1b[0m", colour(level))?,
            false => write!(w, "{level:>5}")?,
        }
        write!(w, " {}", told.sentence)?;
        if !told.fields.is_empty() && !told.fields.contains_key("event") {
            w.write_char(' ')?;
            key_values(&mut w, &told.fields)?;
        }
        writeln!(w)
    }
}

fn colour(level: &Level) -> u8 {
    match *level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    }
}
