//! What is wrong is refused before anything runs: one sentence, exit code 2.

use super::{Folder, frameline, text};

/// Exit code 2 and one sentence on stderr that contains `want`; nothing on stdout.
fn assert_wrong(args: &[&str], want: &str) {
    let output = frameline(args);
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {err}");
    assert!(output.stdout.is_empty(), "{args:?}: {}", text(&output.stdout));
    assert_eq!(err.lines().count(), 1, "{args:?}: {err}");
    assert!(err.starts_with("frameline: ") && err.contains(want), "{args:?}: {err}");
}

#[test]
fn wrong_commands_are_one_sentence_and_exit_code_2() {
    // Catches a wrong input that runs anyway, panics, or leaves the user without the word to change.
    let table: &[(&[&str], &str)] = &[
        (&["walk"], "unrecognized subcommand"),
        (&["run", "--bogus"], "--bogus"),
        (&["run", "--frames", "0"], "--frames"),
        (&["run", "--frames", "many"], "--frames"),
        (&["run", "--seconds", "-1"], "--seconds"),
        (&["run", "nosuch.toml"], "nosuch.toml"),
        (&["run", "--source", "camera"], "no scheme"),
        (&["run", "--source", "smi:"], "did you mean \"sim\"?"),
        (
            &["run", "--source", "mvs:libMvCameraControl.so"],
            "never taken from the working directory",
        ),
        (&["run", "--source", "gentl:p.cti"], "never taken from the working directory"),
        (
            &["run", "--source", "aravis:?library=libaravis-0.8.so.0"],
            "never taken from the working directory",
        ),
        (&["run", "--source", "aravis:?bufers=4"], "\"bufers\""),
        (&["run", "--source", "replay:f"], "there is no such file"),
        (&["run", "--source", "sim:?colour=red"], "\"colour\"; it knows width"),
        (&["run", "--source", "sim:?width=many"], "width is \"many\""),
        (&["run", "--source", "sim:?width=0"], "width is 0"),
        (&["run", "--source", "sim:?format=Mono9"], "Mono9"),
        (&["run", "--source", "sim:?format=BayerRG8&width=641"], "even"),
        (&["run", "--source", "sim:?height=3000&sensor_height=2048"], "1 to 2048"),
        (&["run", "--source", "sim:?offset_x=9&width=64&sensor_width=64"], "offset_x is 9"),
        (&["run", "--source", "sim:?fill=teleport"], "copy, announce, lend or auto"),
        (&["run", "--source", "sim:?rate=0"], "rate is 0"),
        (&["run", "--source", "sim:?frames=0"], "frames is 0"),
        (&["run", "--source", "sim:?queue=0"], "queue is 0"),
        (&["run", "--source", "sim:?faults=at 1 lose 0"], "a count from 1"),
        (&["run", "--source", "sim:?faults=boom"], "line 1 has \"boom\""),
        (&["run", "--source", "sim:?script=/nonexistent"], "/nonexistent"),
        (&["run", "--set", "pool.budget=1MiB"], "pool.budget"),
        (&["run", "--set", "pool.slots=1"], "pool.slots"),
        (&["run", "--set", "pool.slots=0"], "--set pool.slots=0"),
        (&["run", "--set", "pool.slost=3"], "did you mean \"slots\"?"),
        (&["run", "--set", "pol.slots=3"], "did you mean \"pool\"?"),
        (&["run", "--set", "pool.slots"], "KEY=VALUE"),
        (&["run", "--set", "pool=1"], "pool is a table; name one of its keys"),
        (&["run", "--set", "pool.huge_pages=on"], "one of \"off\", \"advise\" and \"explicit\""),
        (&["run", "--set", "pool.guard=1"], "pool.guard must be true or false, not 1"),
        (&["run", "--set", "pool.budget=0"], "pool.budget must be a size"),
        (&["run", "--set", "capture.priority=fifo:100"], "N from 1 to 99"),
        (&["run", "--set", "faults.remap.zz=lost"], "not { \"zz\" = \"lost\" }"),
        (
            &["run", "--set", "stage.verify.policy=latest", "--set", "stage.verify.ring=8"],
            "stage.verify.ring has no meaning with policy = \"latest\"",
        ),
        (&["run", "--set", "stage.virefy.workers=2"], "did you mean \"verify\"?"),
        (&["run", "--set", "stage.verify.ring=0"], "ring"),
        (&["run", "--set", "stage.verify.workers=0"], "workers"),
        (&["run", "--set", "stage.verify.ring=60000"], "can be 4096 at most"),
        (&["run", "--set", "stage.verify.policy=1-in-0"], "with N from 1"),
        (&["run", "--set", "capture.core=9999"], "core 9999"),
        (&["run", "--set", "stage.verify.core=9999"], "cores here"),
        (&["run", "--set", "stage.verify.policy=every"], "policy every"),
        (&["run", "--set", "capture.timeout=fast"], "a time such as"),
        (&["run", "--set", "source.fill=copy", "--set", "capture.fill=lend"], "lend"),
        (&["run", "--report", "/proc/nowhere"], "/proc/nowhere"),
    ];
    for (args, want) in table {
        assert_wrong(args, want);
    }
}

#[test]
fn wrong_files_are_named_with_line_and_key() {
    // Catches an error in a file that does not say where.
    let folder = Folder::new("wrong");
    let stage = "[[stage]]\nname = \"a\"\nkind = \"delay\"\n";
    let table = [
        ("[pool\n", "c.toml:1:"),
        ("[pool]\nslots = 3\n\nslost = 4\n", "c.toml:4:1: [pool] unknown key \"slost\""),
        ("[pool]\nlock = \"yes\"\n", "c.toml:2:1: pool.lock must be true or false, not \"yes\""),
        ("[pools]\n", "c.toml:1:2: unknown table \"pools\""),
        ("[source]\nuri = \"sim:\"\ncolour = 3\n", "colour"),
        (&format!("{stage}{stage}"), "c.toml:5:1: stage.a.name is taken"),
        (&format!("{stage}after = \"b\"\n"), "c.toml:4:1: stage.a.after names stage \"b\""),
        (&format!("{stage}ring = 0\n"), "c.toml:4:1: stage.a.ring must be"),
        (&format!("{stage}workers = 2\npolicy = \"latest\"\n"), "c.toml:5:1: stage.a.policy"),
        (
            "[[stage]]\nname = \"a\"\nkind = \"inspekt\"\n",
            "c.toml:3:1: stage.a.kind must be one of",
        ),
        (
            "[[stage]]\nname = \"a\"\nkind = \"results\"\njson = \"/nonexistent/r.jsonl\"\n",
            "/nonexistent/r.jsonl",
        ),
        (
            "[[stage]]\nname = \"a\"\nkind = \"results\"\ncsv = \"/\"\n",
            "c.toml:1:1: stage a: the results file / cannot be written",
        ),
        ("[[stage]]\nname = \"a\"\nkind = \"results\"\n", "json or csv must name a file"),
        (&format!("{stage}core = 0\nworkers = 9999\n"), "c.toml:5:1: stage.a.workers must be"),
        (&format!("{stage}core = 1023\nworkers = 2\n"), "c.toml:4:1: stage.a.core asks"),
        ("[[stage]]\nname = \"source\"\nkind = \"delay\"\n", "but not source, caller"),
    ];
    for (config, want) in table {
        let file = folder.write("c.toml", config);
        assert_wrong(&["run", &file], want);
    }
}

/// A configuration of one stage behind a camera of 64 x 48 pixels.
fn one_stage(format: &str, kind: &str, keys: &str) -> String {
    format!(
        "[source]\nuri = \"sim:?scene=pattern&width=64&height=48&format={format}\"\n\n\
         [[stage]]\nname = \"it\"\nkind = \"{kind}\"\n{keys}\n"
    )
}

#[test]
fn image_stages_that_cannot_work_on_the_cameras_images_are_refused_at_start() {
    // Catches a line that runs and gives every frame up, which an operator sees an hour later.
    let folder = Folder::new("unfit");
    let dark = folder.path("dark.raw");
    std::fs::write(&dark, vec![1; 32 * 24]).unwrap();
    let raw = |key: &str| format!("{key} = {dark:?}\nraw_width = 32\nraw_height = 24");
    let (flat, background) = (raw("flat"), format!("mode = \"background\"\n{}", raw("background")));
    let unpack_first = "share bytes; put a stage with kind = \"unpack\" before it";
    let table = [
        (
            "Mono8",
            "demosaic",
            "",
            "Mono8 is not a Bayer mosaic; leave the stage out, or set the camera to",
        ),
        ("BayerRG12p", "demosaic", "", unpack_first),
        ("Mono8", "unpack", "", "to = \"same\" would not change it; leave the stage out, or set"),
        ("Mono8", "unpack", "to = \"mono8\"", "Mono8 is not packed, and to = \"mono8\" would not"),
        (
            "Mono12",
            "unpack",
            "",
            "leave the stage out, set to = \"mono8\" or to = \"mono16\", or set the camera",
        ),
        ("RGB8", "unpack", "", "RGB8 is not packed"),
        ("Mono10p", "crop", "width = 8", unpack_first),
        (
            "Mono8",
            "crop",
            "x = 64",
            "x = 64 lies behind the last of 64 columns; set x to 63 at most",
        ),
        (
            "Mono8",
            "crop",
            "y = 40\nheight = 9",
            "height = 9 from y = 40 on is more than the 48 rows there are; set height to 8 at most",
        ),
        ("Mono8", "crop", "width = 65", "set width to 64 at most, or leave it out"),
        ("BayerGB8", "crop", "x = 1", "are even; set them so, or crop behind demosaic"),
        ("Mono12Packed", "bin", "", unpack_first),
        ("Mono8", "bin", "factor = 0", "stage.it.factor must be a whole number from 2 to 4"),
        ("Mono10p", "flat_field", "learn = 3", unpack_first),
        (
            "Mono8",
            "flat_field",
            &flat,
            "the image of flat has 32 x 24 pixels with 1 value each, which does not cover 64 x 48",
        ),
        ("Mono8", "flat_field", &background, "or leave background out and set learn"),
    ];
    for (format, kind, keys, want) in table {
        let file = folder.write("c.toml", &one_stage(format, kind, keys));
        assert_wrong(&["run", &file], want);
        if !want.contains("stage.it") {
            let images = format!("stage \"it\" gets 64 x 48 {format} from the source");
            assert_wrong(&["run", &file], &images);
        }
    }
    // A stage may be unfit for what the one before it makes.
    let small = "[source]\nuri = \"sim:?scene=pattern&width=64&height=48\"\n\n\
                 [[stage]]\nname = \"part\"\nkind = \"crop\"\nwidth = 3\n\n\
                 [[stage]]\nname = \"it\"\nkind = \"bin\"\nfactor = 4\n";
    let file = folder.write("c.toml", small);
    assert_wrong(
        &["run", &file],
        "stage \"it\" gets 3 x 48 Mono8 from stage \"part\" and cannot work on these images: \
         factor = 4 needs images of 4 x 4 pixels at least; set a smaller factor",
    );
}
