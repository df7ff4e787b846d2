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
        (&["run", "--source", "gentl:p.cti"], "no gentl backend yet"),
        (&["run", "--source", "aravis:"], "no aravis backend yet"),
        (&["run", "--source", "replay:f"], "no replay backend yet"),
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
