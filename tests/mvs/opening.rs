//! Which camera is opened, and what is said when it is not.

use super::fake::Fake;
use frameline::ErrorKind;
use frameline::sdk::mvs::{Link, Mvs, cameras};
use frameline::source::{Fill, Source};

const TWO: &str = "camera gige serial=DA11 user=left ip=10.1.2.3 size=160x100;\
    camera usb serial=DB22 user=right size=320x200 like=hik";

fn refused(fake: &Fake, query: &str) -> (ErrorKind, String) {
    let e = Mvs::from_uri(&fake.uri(query)).expect_err(query);
    let text = e.to_string();
    assert!(!text.contains('\n'), "{text}");
    (e.kind(), text)
}

/// Catches: a camera that cannot be named by what is written on it, in it, or on the network.
#[test]
fn by_each_of_its_names() {
    let fake = Fake::new(TWO);
    for (key, serial) in [
        ("serial=DB22", "DB22"),
        ("user=left", "DA11"),
        ("ip=10.1.2.3", "DA11"),
        ("index=1", "DB22"),
    ] {
        let camera = Mvs::from_uri(&fake.uri(key)).unwrap();
        assert_eq!(camera.camera().serial, serial, "{key}");
        let link = if serial == "DA11" { Link::GigE } else { Link::Usb };
        assert_eq!(camera.camera().link, link);
        // What it says of itself opens it again.
        let uri = camera.info().uri;
        drop(camera);
        assert_eq!(Mvs::from_uri(&uri).unwrap().camera().serial, serial);
    }
}

#[test]
fn what_is_not_there_or_not_one() {
    let fake = Fake::new(TWO);
    let (kind, says) = refused(&fake, "");
    assert_eq!(kind, ErrorKind::Config, "two cameras and no key: {says}");
    assert!(says.contains("serial=DA11") && says.contains("user=\"right\""), "{says}");
    let (kind, says) = refused(&fake, "serial=XX");
    assert_eq!(kind, ErrorKind::Source);
    assert!(says.contains("no camera with serial=XX") && says.contains("serial=DB22"), "{says}");
    let none = Fake::new("camera none");
    let (_, says) = refused(&none, "");
    assert!(says.contains("sees no camera; check power"), "{says}"); // aravis#953
}

/// Catches: a line that dies because the camera is still held by the program before it.
/// // HIKROBOT-MVS-CAMERA-ROS#15
#[test]
fn a_camera_in_use_is_waited_for() {
    let fake = Fake::new(TWO);
    let first = Mvs::from_uri(&fake.uri("serial=DB22")).unwrap();
    let (kind, says) = refused(&fake, "serial=DB22");
    assert_eq!(kind, ErrorKind::Source);
    assert!(says.contains("MV_E_ACCESS_DENIED") && says.contains("another program"), "{says}");
    let listed = cameras(first.library()).unwrap();
    assert_eq!(listed.len(), 2);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| Mvs::from_uri(&fake.uri("serial=DB22&wait=60000")).unwrap());
        let opens = fake.calls("MV_CC_OpenDevice");
        super::util::until("it was tried again", || fake.calls("MV_CC_OpenDevice") > opens);
        drop(first);
        assert_eq!(waiting.join().unwrap().camera().serial, "DB22");
    });
}

/// Catches: fill=auto that takes a way the version does not have, or says nothing.
#[test]
fn the_best_way_of_filling_by_version() {
    let new = Fake::new("camera gige size=160x100");
    let camera = Mvs::from_uri(&new.uri("")).unwrap();
    assert_eq!(camera.fills(), [Fill::Announce, Fill::Lend, Fill::Copy]);
    drop(camera);
    new.script("fail RegisterBuffer 0x80000001 times all");
    let camera = Mvs::from_uri(&new.uri("")).unwrap();
    assert_eq!(
        camera.fills(),
        [Fill::Lend, Fill::Copy],
        "this kind of camera takes no memory of ours"
    );
    drop(camera);
    let old = Fake::old("camera gige size=160x100");
    let camera = Mvs::from_uri(&old.uri("")).unwrap();
    assert_eq!(camera.fills(), [Fill::Lend, Fill::Copy]);
    assert_eq!(camera.library().version().to_string(), "3.1.3.0");
    drop(camera);
    let (kind, says) = refused(&old, "fill=announce");
    assert_eq!(kind, ErrorKind::Config);
    assert!(says.contains("MV_CC_RegisterBuffer") && says.contains("3.1.3.0"), "{says}");
}

/// Catches: sizes taken from the present region only, so that it cannot grow. // harvesters#86
#[test]
fn the_largest_frame_is_that_of_the_sensor() {
    let fake = Fake::new("camera gige size=320x200");
    let whole = Mvs::from_uri(&fake.uri("")).unwrap();
    assert_eq!((whole.payload_bytes(), whole.max_payload_bytes()), (64_000, 64_000));
    drop(whole);
    let part = Mvs::from_uri(&fake.uri("Width=160&Height=100")).unwrap();
    assert_eq!((part.payload_bytes(), part.max_payload_bytes()), (16_000, 64_000));
    assert_eq!(part.geometry().width, 160);
    drop(part);
    let deep = Mvs::from_uri(&fake.uri("max_format=Mono12")).unwrap(); // harvesters#203
    assert_eq!(deep.max_payload_bytes(), 128_000);
}

/// Catches: a packet size that is left at what the last user set; an optional tuning that is not optional.
/// // aravis#874
#[test]
fn the_packet_size_is_tuned_unless_it_is_not_wanted() {
    let fake = Fake::new("camera gige size=160x100");
    drop(Mvs::from_uri(&fake.uri("packet_size=off")).unwrap());
    assert_eq!(fake.calls("MV_CC_GetOptimalPacketSize"), 0);
    drop(Mvs::from_uri(&fake.uri("")).unwrap());
    assert_eq!(fake.calls("MV_CC_GetOptimalPacketSize"), 1);
    drop(Mvs::from_uri(&fake.uri("packet_size=1500&heartbeat=5000")).unwrap());
    assert_eq!(fake.calls("MV_CC_GetOptimalPacketSize"), 1);
    let (kind, says) = refused(&fake, "packet_size=7");
    assert!(kind == ErrorKind::Config && says.contains("GevSCPSPacketSize"), "{says}");
    let (kind, says) = refused(&fake, "resend=on");
    assert!(kind == ErrorKind::Config && says.contains("resend"), "{says}");
}

/// Catches: the SDK's "GenICam generic error" where it cannot write its files, passed on as it is.
#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let fake = Fake::new("camera gige size=160x100");
    fake.script("fail OpenDevice 0x80000100");
    let (_, says) = refused(&fake, "");
    assert!(says.contains("0x80000100") && says.contains("working directory"), "{says}");
    assert_eq!(fake.calls("MV_CC_DestroyHandle"), 1, "the handle is not left behind");
}
