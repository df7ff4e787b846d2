//! `frameline explain CODE`: what a code means, what the line does about it, and what to check.

use super::args::{ExplainArgs, Sdk};
use super::run::print;
use super::spelling::{Asked, parse};
use super::value::distance;
use crate::error::Error;
use crate::fault::{CodeEntry, FaultClass, aravis, code_text, gentl, mvs, same_code};
use crate::{replay, sim};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Prefixes that may be left out of a name.
const PREFIXES: [&str; 8] = [
    "MV_CC_STREAM_EXCEPTION_",
    "MV_EXCEPTION_",
    "MV_E_",
    "GC_ERR_",
    "ARV_BUFFER_STATUS_",
    "SIM_",
    "REPLAY_",
    "MV_",
];
/// Suggestions at most.
const SUGGESTIONS: usize = 4;
/// Codes that are this near by number are neighbours.
const NEAR: i64 = 4;
/// No name is longer.
const LONGEST: usize = 64;

/// The tables, in the order in which they are told.
pub const TABLES: [(Sdk, &[CodeEntry]); 5] = [
    (Sdk::Mvs, mvs::TABLE),
    (Sdk::Gentl, gentl::TABLE),
    (Sdk::Aravis, aravis::TABLE),
    (Sdk::Sim, sim::codes::TABLE),
    (Sdk::Replay, replay::TABLE),
];

impl Sdk {
    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Sdk::Mvs => "mvs",
            Sdk::Gentl => "gentl",
            Sdk::Aravis => "aravis",
            Sdk::Sim => "sim",
            Sdk::Replay => "replay",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Sdk::Mvs => "Hikrobot MVS",
            Sdk::Gentl => "GenTL",
            Sdk::Aravis => "Aravis",
            Sdk::Sim => "the simulated camera",
            Sdk::Replay => "the replay of a recording",
        }
    }

    fn success(self) -> &'static str {
        match self {
            Sdk::Mvs => "MV_OK",
            Sdk::Gentl => "GC_ERR_SUCCESS",
            Sdk::Aravis => "ARV_BUFFER_STATUS_SUCCESS",
            Sdk::Sim | Sdk::Replay => "success",
        }
    }
}

/// Explains; the sentence is why it could not (exit code 1).
pub fn run(args: &ExplainArgs) -> Result<Option<String>, Error> {
    let tables: Vec<_> =
        TABLES.into_iter().filter(|(sdk, _)| args.sdk.is_none_or(|s| s == *sdk)).collect();
    let has = |code: i64| tables.iter().any(|(_, t)| t.iter().any(|e| same_code(e.code, code)));
    let asked = match parse(&args.code)? {
        // Decimal, unless only the other reading is a code.
        Asked::Digits { decimal, hex } if !has(decimal) && has(hex) => Asked::Number(hex),
        Asked::Digits { decimal, .. } => Asked::Number(decimal),
        other => other,
    };
    let is = |e: &CodeEntry| is_asked(e, &asked);
    let found: Vec<(Sdk, &CodeEntry)> = tables
        .iter()
        .flat_map(|(sdk, table)| table.iter().filter(|e| is(e)).map(|e| (*sdk, e)))
        .collect();
    if !found.is_empty() {
        // A name in full is one code; the same name without its prefix may be several.
        let text = match args.json {
            true => format!("{}\n", object(&found)),
            false => found.iter().map(|(sdk, e)| text(*sdk, e)).collect::<Vec<_>>().join("\n"),
        };
        return print(&text).map(|()| None);
    }
    let elsewhere: Vec<_> = TABLES
        .iter()
        .flat_map(|(sdk, table)| table.iter().map(move |e| (sdk.name(), e)))
        .filter(|(_, e)| is(e))
        .map(|(sdk, e)| format!("{sdk} has it: {} {}", code_text(e.code), e.name))
        .collect();
    let code = match asked {
        Asked::Number(code) => code,
        Asked::Digits { decimal, .. } => decimal,
        Asked::Name(name) | Asked::Term(name) => {
            match tables.iter().find(|(sdk, _)| sdk.success() == name) {
                Some(_) => 0,
                None => return Err(unknown_name(&args.code, &name, &tables, &elsewhere)),
            }
        }
    };
    if code == 0 {
        return success(args, &tables).map(|()| None);
    }
    if args.json {
        print(&format!("{}\n", unknown_object(code, args.sdk)))?;
    }
    if !elsewhere.is_empty() {
        let names = table_names(&tables);
        return Ok(Some(format!("{} is no code of {names}; {}", args.code, elsewhere.join("; "))));
    }
    Ok(Some(unknown_code(&args.code, code, args.sdk, &tables)))
}

/// Whether a row is what was asked for.
fn is_asked(e: &CodeEntry, asked: &Asked) -> bool {
    match asked {
        Asked::Number(code) | Asked::Digits { decimal: code, .. } => same_code(e.code, *code),
        Asked::Name(name) => e.name == name || bare(e.name) == name,
        Asked::Term(term) => e.term.contains(term.as_str()),
    }
}

/// A name without its SDK's prefix.
fn bare(name: &str) -> &str {
    PREFIXES.iter().find_map(|p| name.strip_prefix(p)).unwrap_or(name)
}

fn advice(sdk: Sdk, e: &CodeEntry) -> &'static str {
    match (sdk, e.advice) {
        (Sdk::Sim, "") => {
            "the parameters of the source: the script (faults=...) can cause each of these"
        }
        (_, advice) => advice,
    }
}

/// For a person.
fn text(sdk: Sdk, e: &CodeEntry) -> String {
    let mut out = format!("{} {}\n", code_text(e.code), e.name);
    let signed = (e.code as u32).cast_signed();
    let printed = if signed < 0 { format!(", also printed as {signed}") } else { String::new() };
    let _ = writeln!(out, "  from      {}{printed}", sdk.title());
    let _ = writeln!(out, "  meaning   {}", e.meaning);
    let _ = writeln!(out, "  class     {}", e.class);
    let _ = writeln!(out, "  the line  {}", e.class.action());
    let _ = writeln!(out, "  check     {}", advice(sdk, e));
    if !e.term.is_empty() {
        let _ = writeln!(out, "  vendor    {}", e.term);
    }
    out
}

fn entry_object(sdk: Sdk, e: &CodeEntry) -> Value {
    json!({
        "code": code_text(e.code),
        "name": e.name,
        "sdk": sdk.name(),
        "meaning": e.meaning,
        "class": e.class.name(),
        "action": e.class.action(),
        "advice": advice(sdk, e),
        "signed": (e.code as u32).cast_signed(),
        "term": (!e.term.is_empty()).then_some(e.term),
    })
}

/// The first hit; the others are under `also`.
fn object(found: &[(Sdk, &CodeEntry)]) -> Value {
    let mut all = found.iter().map(|(sdk, e)| entry_object(*sdk, e));
    let mut first = all.next().unwrap_or_default();
    first["also"] = all.collect();
    first
}

fn unknown_object(code: i64, sdk: Option<Sdk>) -> Value {
    json!({
        "code": code_text(code),
        "name": "unknown",
        "sdk": sdk.map(Sdk::name),
        "meaning": "No table has this code.",
        "class": FaultClass::Unknown.name(),
        "action": FaultClass::Unknown.action(),
        "advice": "give it a class under [faults] remap if you know what it means",
        "signed": (code as u32).cast_signed(),
        "term": null,
        "also": [],
    })
}

/// Zero is no fault in any SDK.
fn success(args: &ExplainArgs, tables: &[(Sdk, &[CodeEntry])]) -> Result<(), Error> {
    let mut names: Vec<_> = tables.iter().map(|(sdk, _)| sdk.success()).collect();
    names.dedup();
    let text = match args.json {
        true => {
            let object = json!({
                "code": code_text(0),
                "name": names[0],
                "sdk": tables[0].0.name(),
                "meaning": "The call succeeded.",
                "class": null,
                "action": "nothing: it is no fault",
                "advice": "",
                "signed": 0,
                "term": null,
                "also": [],
            });
            format!("{object}\n")
        }
        false => {
            format!("{} {}: the call succeeded; it is no fault\n", code_text(0), names.join(", "))
        }
    };
    print(&text)
}

fn table_names(tables: &[(Sdk, &[CodeEntry])]) -> String {
    super::value::list(tables.iter().map(|(sdk, _)| sdk.name()))
}

/// The nearest, as a list.
fn suggestions(mut near: Vec<(usize, i64, String)>) -> Option<String> {
    near.sort();
    near.dedup();
    if near.first().is_some_and(|(edits, ..)| *edits == 0) {
        near.retain(|(edits, ..)| *edits == 0);
    }
    near.truncate(SUGGESTIONS);
    let near: Vec<_> = near.into_iter().map(|(.., text)| text).collect();
    (!near.is_empty()).then(|| super::value::list(near.iter().map(String::as_str)))
}

fn unknown_code(
    given: &str,
    code: i64,
    sdk: Option<Sdk>,
    tables: &[(Sdk, &[CodeEntry])],
) -> String {
    let vendors = code <= gentl::VENDOR_CODES && sdk.is_none_or(|s| s == Sdk::Gentl);
    if vendors && code > -1_000_000 {
        return format!(
            "{given} is a producer's own code, as all of GenTL from {} down: its documentation has it, and the log its error text",
            gentl::VENDOR_CODES
        );
    }
    let typed: String =
        given.trim().to_ascii_lowercase().trim_start_matches("0x").chars().take(LONGEST).collect();
    let near = tables.iter().flat_map(|(_, table)| table.iter()).filter_map(|e| {
        let hex = format!("{:08x}", e.code as u32);
        let edits = distance(&typed, &hex).min(distance(&typed, &e.code.to_string()));
        let by_number = (e.code as u32).abs_diff(code as u32) as i64;
        let shown = format!("{} {}", code_text(e.code), e.name);
        (edits <= 1 || by_number <= NEAR).then_some((edits, by_number, shown))
    });
    let near = suggestions(near.collect()).map_or(String::new(), |n| format!("; near it: {n}"));
    let hex = code_text(code);
    let shown =
        if given.trim().eq_ignore_ascii_case(&hex) { hex } else { format!("{given} ({hex})") };
    format!(
        "{shown} is in no table ({}); a line would do: {}, unless [faults] remap gives it a class{near}",
        table_names(tables),
        FaultClass::Unknown.action()
    )
}

fn unknown_name(
    given: &str,
    name: &str,
    tables: &[(Sdk, &[CodeEntry])],
    elsewhere: &[String],
) -> Error {
    if !elsewhere.is_empty() {
        let names = table_names(tables);
        return Error::config(format!("{given:?} is no code of {names}; {}", elsewhere.join("; ")));
    }
    let word: String = name.chars().take(LONGEST).collect();
    // Of a short word nothing would be left.
    let limit = match word.chars().count() {
        0..4 => 1,
        n => (n / 4).max(2),
    };
    let near = tables.iter().flat_map(|(_, table)| table.iter()).filter_map(|e| {
        let edits = distance(&word, e.name).min(distance(&word, bare(e.name)));
        let part = word.len() > 3 && e.name.contains(bare(&word));
        let shown = format!("{} ({})", e.name, code_text(e.code));
        (edits <= limit || part).then_some((edits, 0, shown))
    });
    let near = match suggestions(near.collect()) {
        None => "; give a code as 0x80000007 or -2147483641, or a name as MV_E_NODATA".into(),
        Some(near) => format!("; did you mean {near}?"),
    };
    Error::config(format!("{given:?} is no code of {}{near}", table_names(tables)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(code: &str, sdk: Option<Sdk>) -> ExplainArgs {
        ExplainArgs { code: code.into(), sdk, json: false }
    }

    #[test]
    fn every_code_of_every_table_is_found_in_every_spelling() {
        // Catches a code that is told only in the spelling of the header, or not at all.
        for (sdk, table) in TABLES {
            for e in table {
                let bits = e.code as u32;
                for spelling in [
                    format!("0x{bits:08X}"),
                    format!("0X{bits:x}"),
                    format!("{bits}"),
                    format!(" {} ", bits.cast_signed()),
                    e.name.to_string(),
                    e.name.to_lowercase(),
                    bare(e.name).to_string(),
                ] {
                    let asked = parse(&spelling).unwrap();
                    assert!(is_asked(e, &asked), "{} {spelling:?}: {asked:?}", sdk.name());
                }
                let told = text(sdk, e);
                for part in [e.name, e.meaning, e.class.name(), e.class.action(), e.term] {
                    assert!(told.contains(part), "{part:?} is missing: {told}");
                }
                let o = entry_object(sdk, e);
                let keys = ["code", "name", "sdk", "meaning", "class", "action", "advice"];
                assert!(keys.iter().all(|k| o[*k].as_str().is_some_and(|t| !t.is_empty())), "{o}");
                assert!(FaultClass::from_name(o["class"].as_str().unwrap()).is_some());
            }
        }
    }

    #[test]
    fn what_is_no_code_is_refused_with_the_nearest() {
        // Catches a slip of the finger that gets no help, and numbers that are cut to 32 bits unseen.
        for (code, sdk, want) in [
            ("MV_E_NODTA", None, "MV_E_NODATA (0x80000007)"),
            ("GC_ERR_TIMOUT", Some(Sdk::Gentl), "GC_ERR_TIMEOUT"),
            ("nodatta", None, "MV_E_NODATA"),
            ("OVERFLOW", None, "MV_E_IMAGE_BUFFER_OVERFLOW"),
            ("xyzzyxyzzy", None, "a name as MV_E_NODATA"),
            ("-", None, "a name as MV_E_NODATA"),
            // A term of no table.
            ("\u{9999}\u{8549}", None, "a name as MV_E_NODATA"),
            ("", None, "is empty"),
            ("0x180000007", None, "32 bits"),
            ("4294967296", None, "32 bits"),
            ("-2147483649", None, "32 bits"),
            ("0x", None, "32 bits"),
            ("1e3", None, "32 bits"),
            ("MV_E_NODATA", Some(Sdk::Gentl), "mvs has it: 0x80000007 MV_E_NODATA"),
        ] {
            let e = run(&args(code, sdk)).err().unwrap_or_else(|| panic!("{code} was taken"));
            let e = e.to_string();
            assert!(e.contains(want) && !e.contains('\n'), "{code}: {e}");
        }
        let long = "M".repeat(100_000);
        assert!(run(&args(&long, None)).is_err());
    }

    #[test]
    fn unknown_codes_say_so_and_name_their_neighbours() {
        // Catches an unknown code that passes for explained, and a typing error that gets no help.
        for (code, want) in [
            ("0x80000005", "0x80000004 MV_E_PARAMETER"),
            ("0x8000007", "0x80000007 MV_E_NODATA"),
            ("70000007", "one reconnect, then stop"),
            ("0x80000070", "0x80000007 MV_E_NODATA"),
            ("-1024", "GC_ERR_AMBIGUOUS"),
            ("-10005", "a producer's own code"),
            ("0x7FFF1234", "one reconnect, then stop"),
        ] {
            let why = run(&args(code, None)).unwrap().unwrap_or_else(|| panic!("{code}: known"));
            assert!(why.contains(want) && !why.contains('\n'), "{code}: {why}");
        }
    }
}
