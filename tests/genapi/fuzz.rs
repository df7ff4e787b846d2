//! Descriptions that are broken: whatever stands in them, there is no panic, no hang and no overflowed stack, and
//! what is wrong is a sentence. (`tools/fuzz` style by proptest: it needs no other compiler.)

use crate::memory::{EVERYTHING, Memory};
use crate::real::description;
use frameline::genapi::Features;
use proptest::prelude::*;
use std::sync::OnceLock;

/// Our own description, and those that were fetched.
fn descriptions() -> &'static [Vec<u8>] {
    static ALL: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    ALL.get_or_init(|| {
        let fetched = ["tlsimu.xml", "arv-fake-camera.xml"].into_iter().filter_map(description);
        [EVERYTHING.to_vec()].into_iter().chain(fetched).collect()
    })
}

/// Uses whatever can be used of it.
fn use_all(bytes: &[u8], filling: u8) {
    let mut features = match Features::parse(bytes) {
        Ok(features) => features,
        Err(e) => {
            assert!(!e.to_string().contains('\n') && e.to_string().len() < 1000, "{e}");
            return;
        }
    };
    let mut camera = Memory::default();
    camera.set(0, &vec![filling; 0x400]);
    let Ok(all) = features.list(&mut camera) else { return };
    for f in &all {
        for text in
            ["0", "-1", "9223372036854775807", "0.5", "1e300", "execute", "true", "Mono8", "\u{e4}"]
        {
            if let Err(e) = features.set(&mut camera, &f.name, text) {
                assert!(!e.to_string().contains('\n'), "{e}");
            }
        }
        if let Some(value) = &f.value {
            let _ = features.set(&mut camera, &f.name, value);
        }
    }
}

/// One change of a text.
#[derive(Debug, Clone)]
enum Change {
    Byte(usize, u8),
    Cut(usize, usize),
    Copy(usize, usize, usize),
    Word(usize, &'static str),
}

const WORDS: &[&str] = &[
    "<",
    ">",
    "/>",
    "</Integer>",
    "<Group>",
    "&#0;",
    "&amp;",
    "0x",
    "-",
    "1e999",
    "Width",
    "WidthReg",
    "SensorWidth",
    "9223372036854775808",
    "<pValue>Width</pValue>",
    "<Length>0</Length>",
    "((((((((",
    "?",
    "<pIndex>Gain</pIndex>",
    "<pMax>Width</pMax>",
    "<MSB>65535</MSB>",
    "<!--",
    "<![CDATA[",
    "Integer",
    "Category",
];

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, b)| Change::Byte(at, b)),
        (any::<usize>(), 1..200usize).prop_map(|(at, n)| Change::Cut(at, n)),
        (any::<usize>(), any::<usize>(), 1..400usize).prop_map(|(a, b, n)| Change::Copy(a, b, n)),
        (any::<usize>(), 0..WORDS.len()).prop_map(|(at, w)| Change::Word(at, WORDS[w])),
    ]
}

fn changed(bytes: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for change in changes {
        let len = out.len().max(1);
        match *change {
            Change::Byte(at, b) => {
                if let Some(place) = out.get_mut(at % len) {
                    *place = b;
                }
            }
            Change::Cut(at, n) => {
                let at = at % len;
                out.drain(at.min(out.len())..(at + n).min(out.len()));
            }
            Change::Copy(from, to, n) => {
                let from = from % len;
                let part = out[from.min(out.len())..(from + n).min(out.len())].to_vec();
                let to = (to % len).min(out.len());
                out.splice(to..to, part);
            }
            Change::Word(at, word) => {
                let at = (at % len).min(out.len());
                out.splice(at..at, word.bytes());
            }
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    // Catches a panic, a hang or an overflow in whatever a camera may send.
    #[test]
    fn broken_descriptions_are_sentences(
        which in any::<usize>(),
        changes in proptest::collection::vec(change(), 1..6),
        filling in any::<u8>(),
    ) {
        let all = descriptions();
        use_all(&changed(&all[which % all.len()], &changes), filling);
    }

    // The same inside one text of one node, where the XML stays whole.
    #[test]
    fn broken_texts_of_nodes_are_sentences(
        which in any::<usize>(),
        text in "[-0-9A-Za-z_.+*/%()?:=|^~ ,]{0,40}",
        place in any::<usize>(),
    ) {
        let all = descriptions();
        let xml = String::from_utf8_lossy(&all[which % all.len()]).into_owned();
        let ends: Vec<_> = xml.match_indices("</").map(|(at, _)| at).collect();
        let end = ends[place % ends.len()];
        let start = xml[..end].rfind('>').map_or(0, |at| at + 1);
        use_all(format!("{}{text}{}", &xml[..start], &xml[end..]).as_bytes(), 0);
    }

    // A formula of random words.
    #[test]
    fn random_formulas_are_numbers_or_sentences(
        words in proptest::collection::vec(
            prop_oneof![
                Just("("), Just(")"), Just("X"), Just("1"), Just("0"), Just("-"), Just("~"), Just("**"), Just("/"),
                Just("%"), Just("&lt;&lt;"), Just("&gt;="), Just("="), Just("?"), Just(":"), Just("&amp;&amp;"), Just("||"),
                Just("SIN("), Just("ROUND("), Just(","), Just("0x8000000000000000"), Just("1e308"), Just("X.Max"),
            ],
            0..30,
        ),
        x in any::<i64>(),
        whole in any::<bool>(),
    ) {
        let kind = if whole { "IntSwissKnife" } else { "SwissKnife" };
        let xml = format!(
            "<RegisterDescription><{kind} Name=\"F\"><pVariable Name=\"X\">N</pVariable><pVariable Name=\"X.Max\">N</pVariable><Formula>{}</Formula></{kind}><Integer Name=\"N\"><Value>{x}</Value></Integer></RegisterDescription>",
            words.join(" ")
        );
        let mut features = Features::parse(xml.as_bytes()).unwrap();
        let _ = features.get(&mut Memory::default(), "F");
    }
}
