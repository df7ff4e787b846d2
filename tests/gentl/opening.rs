//! Finding a producer, a camera behind it, and setting it up.

use super::fakegentl::Fake;
use super::{SMALL, camera};
use frameline::ErrorKind;
use frameline::format::PixelFormat;
use frameline::sdk::gentl::{Gentl, PARAMETERS, Producer, about, cameras};
use frameline::source::{Fill, Source};

const THREE: &str = "camera A size=160x100; camera B size=64x32; camera C size=64x32";

fn refused(uri: &str) -> frameline::Error {
    let e = Gentl::from_uri(uri).expect_err(uri);
    assert!(!e.to_string().contains('\n'), "{e}");
    e
}

#[test]
fn each_name_opens_its_camera() {
    let fake = Fake::new(THREE);
    let producer = Producer::open(Some(&fake.path)).unwrap();
    assert_eq!(about(&producer), "FakeGenTL of frameline 0.1.0, GenTL 1.6");
    let all = cameras(&producer).unwrap();
    let seen: Vec<_> = all.iter().map(|c| (c.id.as_str(), c.interface.as_str())).collect();
    // Catches a second interface that is never looked at.
    let (one, two) = ("fake-interface-0", "fake-interface-1");
    assert_eq!(seen, [("fake-A", one), ("fake-B", one), ("fake-C", two)]);
    for query in ["device=fake-C", "serial=C", "index=2", "interface=fake-interface-1"] {
        let camera = camera(&fake, query);
        assert_eq!(camera.camera().serial, "C", "{query}");
        // What it calls itself opens it again.
        let uri = camera.info().uri;
        drop(camera);
        assert_eq!(Gentl::from_uri(&uri).unwrap().camera().serial, "C", "{uri}");
    }
    assert_eq!(fake.calls("GCInitLib"), 1, "however many cameras are opened");
}

/// Catches: "no such file", a crash, or the first best camera instead of a sentence that helps. // aravis#953
#[test]
fn what_cannot_be_opened_is_a_sentence() {
    let fake = Fake::new(THREE);
    for (query, says) in [
        ("", "sees 3 cameras"),
        ("serial=Z", "sees no camera with serial=Z; it sees FakeGenTL device=fake-A"),
        (
            "interface=no&index=0",
            "sees no camera with index=0 on interface=no, nor any other; check",
        ),
        ("serial=A&buffers=1", "wants at least 3 to be announced"),
        ("serial=A&Width=33", "Width cannot be 33; it can be 16 to 160 in steps of 4"),
        ("serial=A&Colour=red", "no feature \"Colour\""),
        ("serial=A&PixelFormat=Mono99", "it can be Mono8"),
    ] {
        let e = refused(&fake.uri(query));
        assert!(e.to_string().contains(says), "{query}: {e}");
    }
    let first = camera(&fake, "serial=A");
    let e = refused(&fake.uri("serial=A"));
    assert!(e.kind() == ErrorKind::Source && e.to_string().contains("another program"), "{e}");
    drop(first);
    drop(camera(&fake, "serial=A"));
    for (uri, says) in [
        ("gentl:/nowhere/x.cti", "cannot be opened"),
        ("gentl:/etc/passwd", "is not a shared library"),
        ("gentl:x.cti", "never taken from the working directory"),
    ] {
        assert!(refused(uri).to_string().contains(says), "{uri}");
    }
    for (name, help) in PARAMETERS {
        assert!(!help.is_empty() && !name.starts_with(char::is_uppercase));
    }
}

/// Catches: a library that is no producer, called all the same.
#[test]
fn a_library_that_is_none_is_named() {
    let exe = std::env::current_exe().unwrap();
    let name = format!("{}fakemvs{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let e = refused(&format!("gentl:{}", exe.with_file_name(name).display())).to_string();
    assert!(e.contains("lacks GCInitLib, GCCloseLib") && e.contains("no GenTL producer"), "{e}");
}

#[test]
fn features_are_set_when_it_is_opened() {
    // Catches slots that are too small for what was asked for, and offsets that are set before there is room.
    for (config, says) in [(SMALL, "local zip"), ("producer zip=0; camera A size=160x100", "plain")]
    {
        let fake = Fake::new(config);
        let mut camera = camera(
            &fake,
            "Width=64&Height=32&OffsetX=16&PixelFormat=Mono12&ExposureTime=2500.5&trigger=software&DeviceUserID=north",
        );
        let g = camera.geometry();
        assert_eq!((g.width, g.height, g.offset_x), (64, 32, 16), "{says}");
        assert_eq!(g.pixel_format, PixelFormat::MONO12);
        assert_eq!(camera.payload_bytes(), 64 * 32 * 2);
        assert_eq!(camera.max_payload_bytes(), 160 * 100 * 2, "the whole sensor");
        assert_eq!(camera.queue_depth(Fill::Announce), 8);
        camera.set_feature("ChunkModeActive", "true").unwrap();
        assert_eq!(camera.payload_bytes(), 64 * 32 * 2 + 16, "a stopped camera is asked again");
        let e = camera.set_feature("ExposureTime", "1").unwrap_err().to_string();
        assert!(e.contains("10 to 1000000"), "{e}");
        // The camera was let go, and comes as the factory set it only when the power goes.
        drop(camera);
        let user = cameras(&Producer::open(Some(&fake.path)).unwrap()).unwrap();
        assert_eq!(user[0].user_name, "north");
    }
}

/// Catches: an optional question or function without which nothing is opened. // harvesters#204, #409
#[test]
fn what_is_optional_is_not_needed() {
    let fake = Fake::new("producer talkative=0 stacked=0 min=1 align=1; camera A size=160x100");
    fake.script(
        "fail DevGetInfo -1003 times=0; fail TLGetInfo -1001 times=0; fail GCGetPortURLInfo -1003 times=0; \
         fail DSGetInfo -1003 times=0; fail IFGetDeviceInfo -1014 times=0; fail IFUpdateDeviceList -1001 times=0; \
         fail TLUpdateInterfaceList -1001 times=0",
    );
    let camera = camera(&fake, "");
    assert_eq!((camera.payload_bytes(), camera.queue_depth(Fill::Announce)), (16_000, 8));
    assert_eq!(camera.camera().id, "fake-A");
}

/// Catches: a wait that is not kept, or one that nothing ends.
#[test]
fn a_camera_that_is_in_use_is_waited_for() {
    let fake = Fake::new("camera A size=160x100");
    fake.script("fail IFOpenDevice -1005 times=3");
    drop(camera(&fake, "wait=20000"));
    assert_eq!(fake.calls("IFOpenDevice"), 4);
    fake.script("fail IFOpenDevice -1005 times=0");
    assert!(refused(&fake.uri("wait=30")).to_string().contains("-1005 GC_ERR_ACCESS_DENIED"));
}

/// Catches: a camera whose description lies on the network or nowhere, which nothing can open; a file that is given and not
/// read.
#[test]
fn a_description_can_be_given() {
    let camera = "camera A size=160x100";
    let fake = Fake::new(camera);
    let nothing = "fail GCGetNumPortURLs -1003 times=0; fail GCGetPortURL -1003 times=0; fail GCGetPortURLInfo -1003 times=0";
    fake.script(nothing);
    let e = refused(&fake.uri(""));
    assert!(e.to_string().contains("give that with xml=FILE"), "{e}");
    let config = ::fakegentl::config::Config::parse(camera).unwrap().cameras.remove(0);
    for zipped in [false, true] {
        let file = std::env::temp_dir().join(format!("camera-{}-{zipped}.xml", std::process::id()));
        std::fs::write(&file, ::fakegentl::description::file(&config, zipped)).unwrap();
        let camera = super::camera(&fake, &format!("xml={}&Width=64", file.display()));
        assert_eq!(camera.payload_bytes(), 64 * 100);
        drop(camera);
        std::fs::remove_file(&file).unwrap();
    }
    assert!(
        refused(&fake.uri("xml=/nowhere/camera.xml")).to_string().contains("/nowhere/camera.xml")
    );
}

/// Catches: a producer that is initialised twice and closed under the other's cameras, because a link leads to it; a URI
/// that does not open what it stands for.
#[cfg(unix)]
#[test]
fn one_file_is_one_producer_however_it_is_named() {
    let fake = Fake::new("camera A size=64x32; camera B size=64x32");
    let folder = std::env::temp_dir().join(format!("gentl {} 100% ?", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let link = folder.join("link.cti");
    std::os::unix::fs::symlink(&fake.path, &link).unwrap();
    let encoded = |path: &std::path::Path| {
        let path = path.display().to_string();
        path.replace('%', "%25").replace(' ', "%20").replace('?', "%3F")
    };
    let first = camera(&fake, "serial=A");
    let second = Gentl::from_uri(&format!("gentl:{}?serial=B", encoded(&link))).unwrap();
    assert_eq!(fake.calls("GCInitLib"), 1);
    drop(first);
    assert_eq!(fake.calls("GCCloseLib"), 0, "the other one is open");
    drop(second);
    // A file of its own there, by what its camera calls itself.
    let copy = folder.join("copy.cti");
    std::fs::copy(&fake.path, &copy).unwrap();
    let uri = Gentl::from_uri(&format!("gentl:{}?serial=A", encoded(&copy))).unwrap().info().uri;
    assert_eq!(Gentl::from_uri(&uri).unwrap().camera().serial, "A", "{uri}");
    let _ = std::fs::remove_dir_all(&folder);
}
