use super::*;

fn compiled(text: &str, names: &Names<'_>, is_whole: bool) -> Result<Formula, String> {
    let mut left = MAX_ALL_STEPS;
    compile(text, names, is_whole, &mut left)
}

fn values(text: &str) -> (Option<i64>, Option<f64>) {
    let variables = ["A".to_string(), "B.Max".to_string()];
    let names = Names {
        variables: &variables,
        constants: &[("C".into(), 2, 2.5)],
        expressions: &[("X".into(), "A + 1".into()), ("Y".into(), "X * X".into())],
    };
    let whole = compiled(text, &names, true).and_then(|f| f.whole(&[7, 2]));
    let exact = compiled(text, &names, false).and_then(|f| f.exact(&[7.0, 2.0]));
    (whole.ok(), exact.ok())
}

#[test]
fn operators_bind_as_in_the_reference() {
    // Catches a strength or a grouping that differs from GenApi's; the figures are the reference implementation's.
    for (text, whole, exact) in [
        ("-2**2", 4, 4.0),
        ("2**3**2", 64, 64.0),
        ("2**-1", 0, 0.5),
        ("7/2", 3, 3.5),
        ("-7/2", -3, -3.5),
        ("-7%3", -1, -1.0),
        ("7%-3", 1, 1.0),
        ("1<<2+1", 5, 5.0),
        ("5^255 + 1", 251, 251.0),
        ("5 ^ 255 + 1024", 1274, 1274.0),
        ("2*6&3", 4, 4.0),
        ("6&3*2", 4, 4.0),
        ("1?5:2=2", 0, 0.0),
        ("1?2:3||1", 1, 1.0),
        ("1 && 2 < 1", 0, 0.0),
        ("2 ** 3 & 1 << 2", 0, 0.0),
        ("-2&3", 2, 2.0),
        ("1?5=5:7", 1, 1.0),
        ("1+2*3", 7, 7.0),
        ("(A>B.Max)&&(B.Max>1)", 1, 1.0),
        ("A=7?1:2", 1, 1.0),
        ("A<>7", 0, 0.0),
        ("1?2:0?3:4", 3, 3.0),
        ("0?1:0?2:0?3:4", 4, 4.0),
        ("(A=7)?10:(A=8)?20:30", 20, 20.0),
        ("(A=7)?10:((A=8)?20:30)", 10, 10.0),
        ("-A**2", 49, 49.0),
        ("16/4/2", 2, 2.0),
        ("6&3|8", 10, 10.0),
        ("0||0", 0, 0.0),
        ("5&3", 1, 1.0),
        ("5|3", 7, 7.0),
        ("5^3", 6, 6.0),
        ("~5", -6, -6.0),
        ("-~1", 2, 2.0),
        ("SGN(-3)", -1, -1.0),
        ("NEG(3)", -3, -3.0),
        ("0x1F & 0x10 | 1", 17, 17.0),
        ("1>0=1", 1, 1.0),
        ("1&&2||0", 1, 1.0),
        ("1|2&&0", 0, 0.0),
        ("3&1=1", 1, 1.0),
        ("3=1&1", 0, 0.0),
        ("2<1<3", 1, 1.0),
        ("-1>>1", -1, -1.0),
        ("1<<64", 1, 1.0),
        ("1 = 1 ? 2 : 3", 2, 2.0),
        ("2 * -3", -6, -6.0),
        ("A>=7", 1, 1.0),
        ("Y", 64, 64.0),
        ("7 - -2", 9, 9.0),
    ] {
        assert_eq!(values(text), (Some(whole), Some(exact)), "{text}");
    }
}

#[test]
fn functions_are_those_of_the_standard() {
    // Catches a function that is missing, or natural and common logarithms the wrong way round.
    for (text, want) in [
        ("ABS(-3)", 3.0),
        ("ROUND(2.5)", 3.0),
        ("ROUND(2.567,2)", 2.57),
        ("ROUND(-2.5)", -3.0),
        ("TRUNC(-2.5)", -2.0),
        ("FLOOR(-2.5)", -3.0),
        ("CEIL(-2.5)", -2.0),
        ("LN(E())", 1.0),
        ("LN(E)", 1.0),
        ("LG(100)", 2.0),
        ("EXP(1)", std::f64::consts::E),
        ("SQRT(16)", 4.0),
        ("SIN(1)", 1f64.sin()),
        ("COS(1)", 1f64.cos()),
        ("TAN(1)", 1f64.tan()),
        ("ATAN(1)", 1f64.atan()),
        ("ASIN(1)", 1f64.asin()),
        ("ACOS(1)", 0.0),
        ("PI", std::f64::consts::PI),
        ("1.5e-3", 0.0015),
        ("1e3", 1000.0),
        ("5.5%2", 1.5),
        ("A**0.5", 7f64.sqrt()),
        ("C*2", 5.0),
    ] {
        assert_eq!(values(text).1, Some(want), "{text}");
    }
}

#[test]
fn only_the_chosen_branch_is_computed() {
    assert_eq!(values("(A=7)?5:(1/0)"), (Some(5), Some(5.0)));
    assert_eq!(values("(A=7)||(1/0)"), (Some(1), Some(1.0)));
    assert_eq!(values("(A=8)&&(1/0)"), (Some(0), Some(0.0)));
    assert_eq!(values("1/0").0, None);
    assert_eq!(values("1%0").1, None);
}

#[test]
fn whole_numbers_overflow_without_a_panic() {
    let least = "(0-9223372036854775807-1)";
    for (text, want) in [
        ("9223372036854775807+1".to_string(), i64::MIN),
        (format!("{least}/-1"), i64::MIN),
        (format!("{least}%-1"), 0),
        (format!("-{least}"), i64::MIN),
        (format!("ABS({least})"), i64::MIN),
        ("3**4294967297".to_string(), 3i64.wrapping_pow(u32::MAX)),
        ("0xFFFFFFFFFFFFFFFF".to_string(), -1),
        ("1<<-1".to_string(), i64::MIN),
    ] {
        assert_eq!(values(&text).0, Some(want), "{text}");
    }
}

#[test]
fn what_is_no_formula_is_an_error() {
    // Catches a panic or an overflowed stack, which no handler survives.
    let deep = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
    let signs = format!("{}1", "-".repeat(60_000));
    let branches = format!("{}1{}", "1?".repeat(20_000), ":1".repeat(20_000));
    for text in [
        "",
        "1 +",
        "(1",
        "1)",
        "A B",
        "1?2",
        "!A",
        "1.2.3",
        "0x",
        "1,2",
        "foo",
        "MIN(1,2)",
        "SIN 1",
        "PI(",
        "A.B",
        "\u{e4}",
        "0x1FFFFFFFFFFFFFFFFF",
        &deep,
        &signs,
        &branches,
    ] {
        assert_eq!(values(text), (None, None), "{}", &text[..text.len().min(40)]);
    }
    assert_eq!(values("1.5*2"), (None, Some(3.0)));
    let long = format!("1{}", "+1".repeat(9_000));
    assert_eq!(values(&long).0, Some(9_001));
    assert_eq!(values(&format!("1{}", "+1".repeat(30_000))).0, None);
}

#[test]
fn expressions_that_hold_each_other_are_an_error() {
    // Catches steps that double with every expression until memory is gone.
    let double: Vec<(String, String)> = (0..60)
        .map(|i| (format!("X{i}"), format!("X{0} + X{0}", i + 1)))
        .chain([("X60".to_string(), "1".to_string())])
        .collect();
    let names = Names { expressions: &double, ..Names::default() };
    assert!(compiled("X0", &names, true).is_err());
    let circle = [("X".to_string(), "Y".to_string()), ("Y".to_string(), "X".to_string())];
    let names = Names { expressions: &circle, ..Names::default() };
    assert!(compiled("X", &names, true).is_err_and(|e| e.contains("nested")));
}
