use super::*;
use crate::error::Error;
use proptest::prelude::*;

fn checked(uri: &str) -> Result<SimConfig, Error> {
    let config = SimConfig::from_uri(uri)?;
    config.check().map(|()| config)
}

#[test]
fn a_uri_survives_the_way_there_and_back() {
    for uri in [
        "sim:",
        "sim:?width=640&height=480&format=Mono12p&rate=max&frames=10&seed=3&fill=lend&queue=8",
        "sim:?offset_x=4&offset_y=6&sensor_width=4096&max_format=RGB8&rate=29.97&trigger=external",
        "sim:?id_modulus=65536&first_id=65530&stamp=off&refresh=on&drift_ppm=-3.5&id_skips_zero=off",
        "sim:?faults=at%203%20lose%202;every 10 from 5 resize 64x64 Mono16",
    ] {
        let config = checked(uri).unwrap();
        assert_eq!(SimConfig::from_uri(&config.to_uri()).unwrap(), config, "{uri}");
    }
}

#[test]
fn wrong_values_are_refused_in_one_sentence_that_names_them() {
    for (query, says) in [
        ("wdth=3", "no parameter \"wdth\"; it knows width, height"),
        ("width=0", "width is 0; it must be 1 to 2448"),
        ("width=x", "width is \"x\"; it must be pixels from 1"),
        ("width=3&format=BayerRG8", "even offsets"),
        ("format=Grey", "format is \"Grey\"; it must be one of Mono8"),
        ("format=Mono10", "it must be one of"),
        ("width=100&sensor_width=64", "width is 100; it must be 1 to 64"),
        ("width=60&offset_x=5&sensor_width=64", "offset_x is 5"),
        ("offset_x=4294967295", "sensor_width is 4294967295"),
        ("format=Mono16&max_format=Mono8", "max_format is Mono8"),
        ("rate=0", "rate is 0; it must be"),
        ("rate=-1", "rate is -1"),
        ("rate=NaN", "rate is NaN"),
        ("rate=fast", "frames a second, or max"),
        ("rate=max&trigger=external", "need a rate"),
        ("frames=0", "frames is 0"),
        ("fill=pour", "copy, announce, lend or auto"),
        ("queue=0", "queue is 0; it must be 1 to 4096"),
        ("queue=5000", "queue is 5000"),
        ("trigger=foot", "off, software or external"),
        ("id_modulus=1", "id_modulus is 1"),
        ("id_modulus=10&first_id=0", "first_id is 0; it must be 1 to 9"),
        ("stamp=yes", "on or off"),
        ("drift_ppm=1e9", "drift_ppm is"),
        ("faults=at x lose", "parameter faults: line 1"),
        ("faults=at 1 resize 0x4", "script width is 0"),
        ("faults=at 1 lose;at 2 resize 9000x10&sensor_width=4000", "script width is 9000"),
        ("script=/no/such/file", "could not be read"),
        ("width", "has no value"),
        ("width=1&width=2", "given twice"),
        ("seed=%4", "code like %20"),
    ] {
        let error = checked(&format!("sim:?{query}")).unwrap_err().to_string();
        assert!(error.contains(says), "{query}: {error}");
    }
    assert!(checked("mvs:x").is_err() && checked("sim:cam?width=3").is_err());
}

#[test]
fn the_sensor_grows_with_what_the_script_needs() {
    // Catches a pool sized for the region at start, which a scripted resize then overflows.
    let config = checked("sim:?faults=at 9 resize 4000x3000 Mono16").unwrap();
    assert_eq!(config.max_payload_bytes(), 4000 * 3000 * 2);
}

#[test]
fn ids_start_again_as_gige_vision_has_it() {
    let config = checked("sim:?id_modulus=65536&first_id=65534").unwrap();
    let ids: Vec<_> = (0..4).map(|s| config.id_of(s)).collect();
    assert_eq!(ids, [65534, 65535, 1, 2]);
    let zero = checked("sim:?id_modulus=3&id_skips_zero=off").unwrap();
    assert_eq!((0..4).map(|s| zero.id_of(s)).collect::<Vec<_>>(), [0, 1, 2, 0]);
}

proptest! {
    #[test]
    fn no_uri_makes_the_parser_panic(text in "\\PC{0,80}") {
        let _ = checked(&format!("sim:?{text}"));
    }
}

#[test]
fn a_script_file_is_read_and_its_errors_name_file_and_line() {
    let path = std::env::temp_dir().join(format!("frameline-sim-{}.faults", std::process::id()));
    let uri = format!("sim:?script={}&faults=at 1 lose", path.display());
    std::fs::write(&path, "# good\nat 3 timeout 2\n").unwrap();
    assert_eq!(checked(&uri).unwrap().script.rules.len(), 2);
    std::fs::write(&path, "at 3 timeout\nat 4 tiemout\n").unwrap();
    let error = checked(&uri).unwrap_err().to_string();
    std::fs::write(&path, vec![b'#'; 2 << 20]).unwrap();
    let long = checked(&uri).unwrap_err().to_string();
    std::fs::remove_file(&path).unwrap();
    assert!(error.contains(".faults") && error.contains("line 2 has \"tiemout\""), "{error}");
    assert!(long.contains("longer than"), "{long}");
}
