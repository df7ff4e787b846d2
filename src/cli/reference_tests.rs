use super::*;
use crate::error::Error;

const SIDE: usize = 2 * (20 + 4) + 1;
const FINE: usize = 2 * SIDE;

fn taught() -> Taught {
    let image =
        |side: usize, from: usize| (0..side * side).map(|i| (i * from % 256) as u8).collect();
    Taught {
        width: 200,
        height: 100,
        scale: 1,
        grain: 2,
        radius: 20.0,
        bright: true,
        printed: false,
        surface: 170,
        nests: vec![
            Nest { x: 50.25, y: 50.0, light: 1.0, light_x: -0.0125, light_y: 0.0 },
            Nest { x: 150.0, y: 50.0, light: 0.9, light_x: 0.0, light_y: 0.5 },
        ],
        limits: Limits {
            search: 6.0,
            edge: 20.0,
            presence: 0.5,
            radius: 1.2,
            outline: 2.0,
            print: 0.0,
            mark: 40.0,
            slack: 2.0,
        },
        side: SIDE,
        mean: image(FINE, 7),
        tolerance: image(FINE, 5),
        shade: image(SIDE, 3),
    }
}

fn names() -> Vec<String> {
    ["a.png", "b.png", "c.png"].map(String::from).to_vec()
}

fn parse_text(text: &str) -> Result<Reference, Error> {
    let t = taught();
    parse(text, "r.toml", |name, side| match (name, side as usize) {
        ("a.png", FINE) => Ok(t.mean.clone()),
        ("b.png", FINE) => Ok(t.tolerance.clone()),
        ("c.png", SIDE) => Ok(t.shade.clone()),
        (name, side) => Err(format!("there is no {name} of {side}")),
    })
}

#[test]
fn a_reference_survives_its_file() {
    // Catches a value that is written under one key and read under another, or loses its digits.
    let dir = std::env::temp_dir().join(format!("frameline-reference-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("caps.toml");
    let images = write(&Reference::new(taught()).unwrap(), &path, "a test").unwrap();
    assert_eq!(images.len(), 3);
    assert_eq!(read(&path).unwrap().taught(), &taught());
    let text = std::fs::read_to_string(&path).unwrap();
    // Every key with a comment of its own.
    for (_, keys) in TABLES {
        assert!(keys.iter().all(|k| text.contains(&format!("# {}\n{} = ", k.about, k.name))));
    }
    std::fs::remove_file(&images[1]).unwrap();
    let e = read(&path).unwrap_err().to_string();
    assert!(e.contains("images.tolerance names caps.tolerance.png, which cannot be used"), "{e}");
    let _ = std::fs::remove_dir_all(dir);
}

#[test]
fn changed_limits_are_obeyed() {
    // Catches limits that are written for show.
    let good = text(&taught(), &names(), "a test");
    let changed = good.replace("mark = 40.0", "mark = 77").replace("slack = 2.0", "slack = 9.5");
    let limits = parse_text(&changed).unwrap().taught().limits;
    assert_eq!((limits.mark, limits.slack), (77.0, 9.5));
}

#[test]
fn what_is_wrong_is_named_with_file_and_key() {
    // Catches a wrong reference that is used, memory taken for what a file merely says, and errors without a place.
    let good = text(&taught(), &names(), "a test");
    assert!(parse_text(&good).is_ok());
    for (from, to, want) in [
        ("width = 200", "width = 0", "frame.width must be a whole number from 1"),
        ("width = 200", "", "frame.width is not given"),
        ("width = 200", "widht = 200", "unknown key \"widht\", did you mean \"width\"?"),
        ("format = 1", "format = 2", "frame.format must be"),
        ("radius = 20.0", "radius = nan", "part.radius must be"),
        ("radius = 20.0", "radius = 9999.0", "part.radius is 9999; it must be 6 to 500"),
        ("radius = 20.0", "radius = 30.0", "there is no a.png of 138"),
        ("scale = 1", "scale = 3", "part.scale must be a whole number from 1 to 2"),
        ("grain = 2", "grain = 0", "part.grain must be a whole number from 1 to 2"),
        ("grain = 2", "grain = 1", "there is no a.png of 49"),
        ("bright = true", "bright = 1", "part.bright must be true or false"),
        ("x = 50.25", "x = 2000.0", "nest 1: x is 2000; it must be 0 to 200"),
        ("light_y = 0.5", "light_y = 7", "nest 2.light_y must be a number from -1 to 1"),
        ("edge = 20.0", "edge = \"much\"", "limits.edge must be a number"),
        ("presence = 0.5", "presence = -0.5", "limits.presence must be a number from 0 to 1"),
        ("mark = 40.0", "mark = 0", "limits.mark is 0; it must be 1"),
        ("a.png", "../a.png", "images.mean must be the name of a file beside this one"),
        ("a.png", "/etc/passwd", "images.mean must be the name of a file beside this one"),
        ("a.png", "z.png", "images.mean names z.png, which cannot be used: there is no z.png"),
        ("[images]", "[imagse]", "unknown table \"imagse\""),
        ("[frame]", "[frame", "this is not TOML"),
        ("[[nest]]", "[nest]", "r.toml:"),
    ] {
        let e = parse_text(&good.replacen(from, to, 1)).map(|_| ()).unwrap_err();
        let sentence = e.to_string();
        assert_eq!(e.kind(), ErrorKind::Config, "{sentence}");
        assert!(sentence.starts_with("r.toml:") && !sentence.contains('\n'), "{from}: {sentence}");
        assert!(sentence.contains(want), "{from}: {sentence}");
    }
    let none = &good[..good.find("[[nest]]").unwrap()];
    assert!(parse_text(none).unwrap_err().to_string().contains("there are 0 nests"));
    let many =
        format!("{none}{}", "[[nest]]\nx=1\ny=1\nlight=1\nlight_x=0\nlight_y=0\n".repeat(65));
    assert!(parse_text(&many).unwrap_err().to_string().contains("there are 65 nests"));
}

#[test]
fn no_text_makes_the_parser_panic() {
    // Catches an index or a cast that believes the file.
    let good = text(&taught(), &names(), "a test");
    for i in (0..good.len()).filter(|i| good.is_char_boundary(*i)) {
        let _ = parse_text(&good[..i]);
        let mut bytes = good.clone().into_bytes();
        bytes[i] = b'9';
        if let Ok(text) = String::from_utf8(bytes) {
            let _ = parse_text(&text);
        }
    }
}
