use super::*;
use proptest::prelude::*;

#[test]
fn every_action_parses_and_prints_itself_again() {
    let text = "# a bad day
        at 3 timeout
        at 4 timeout 2          # twice
        every 10 from 5 to 95 lose 3
        every 7 duplicate
        random 0.01 incomplete 0.25
        at 1 burst 8\nat 1 double\nat 1 reorder\nat 1 short\nat 1 long 128\nat 1 lie 1\nat 1 overrun 9
        at 100 resize 640x480 Mono16\nat 101 resize 320x240\nat 102 drift 64x64
        at 103 stall 1000\nat 104 disconnect\nat 105 disconnect 0\nat 106 fail 0x80000007\nat 107 fail -5";
    let script = Script::parse(text).unwrap();
    assert_eq!(script.rules.len(), 20);
    assert_eq!(script.rules[0].action, Action::Timeout { count: 1 });
    assert_eq!(script.rules[18].action, Action::Fail { code: 0x8000_0007 });
    assert_eq!(Script::parse(&script.to_string()), Ok(script));
}

#[test]
fn errors_name_the_line_and_what_was_expected() {
    for (text, line, says) in [
        ("at", 1, "line 1 ends where a frame serial from 0 was expected"),
        ("\n\nat x lose", 3, "\"x\" where a frame serial"),
        ("at 1", 1, "an action (timeout"),
        ("at 1 explode", 1, "\"explode\" where an action"),
        ("every 0 lose", 1, "a number of frames from 1"),
        ("random 1.5 lose", 1, "a probability from 0 to 1"),
        ("random NaN lose", 1, "a probability"),
        ("at 1 lose 0", 1, "a count from 1"),
        ("at 1 lose 1 2", 1, "the end of the line"),
        ("at 1 resize 10", 1, "a size like 640x480"),
        ("at 1 resize 10x10 Grey", 1, "a PFNC format name"),
        ("at 1 stall 60001", 1, "milliseconds from 0 to 60000"),
        ("at 1 fail 0x1FFFFFFFF", 1, "a code of at most 32 bits"),
        ("sometimes lose", 1, "`at N`, `every N` or `random P`"),
    ] {
        let error = Script::parse(text).unwrap_err();
        assert_eq!(error.line, line, "{text:?}");
        assert!(error.to_string().contains(says), "{text:?}: {error}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "(at|every|random|from|resize|lose|fail| |\\n|[0-9x.-]|\\PC){0,60}") {
        let _ = Script::parse(&text);
    }
}
