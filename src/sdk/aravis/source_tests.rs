//! What only somebody with the camera's own handle can do: change it behind the source's back. Where Aravis is not
//! installed the tests say so and pass.

use super::*;
use crate::buffer::{Pool, PoolConfig};

fn camera(query: &str) -> Option<Aravis> {
    match Library::open(None) {
        Ok(_) => Some(Aravis::from_uri(&format!("aravis:Fake_1?{query}")).unwrap()),
        Err(e) => {
            println!("SKIPPED: {e}");
            None
        }
    }
}

fn started(source: &mut Aravis) -> Pool {
    let config = PoolConfig { lock: false, headroom: 1.0, ..PoolConfig::new(4, 64 * 64) };
    let mut pool = Pool::new(config, Default::default()).unwrap();
    while let Some(frame) = pool.take() {
        source.queue(frame);
    }
    source.start(Fill::Announce).unwrap();
    pool
}

/// Catches: a region that grew under way and is taken for a time-out, or for whole frames. // aravis#893
#[test]
fn a_frame_that_does_not_fit_says_what_it_needs() {
    let Some(mut source) = camera("Width=64&Height=64&AcquisitionFrameRate=200") else { return };
    let mut pool = started(&mut source);
    source.camera.as_mut().unwrap().set_integer("Width", 512).unwrap();
    let fault = loop {
        match source.grab_queued(Duration::from_secs(20)) {
            (Some(frame), _) => source.queue(frame),
            (None, Grab::Fault(fault)) => break fault,
            (None, other) => panic!("{other:?}"),
        }
    };
    assert_eq!(fault, Fault { code: SIZE_MISMATCH.into(), detail: 512 * 64 });
    assert_eq!(source.diagnose(), Diagnosis::FormatDrift { payload_bytes: 512 * 64 });
    assert_eq!(source.evidence().payload_at_start, Some(64 * 64));
    // The next start asks the camera, and refuses slots that are too small.
    source.stop_device().unwrap();
    source.stop_host().unwrap();
    assert_eq!(source.payload_bytes(), 512 * 64);
    assert_eq!(source.start(Fill::Announce), Err(fault));
    let mut back = 0;
    source.revoke(&mut |frame| {
        back += 1;
        pool.put_back(frame);
    });
    assert_eq!((back, pool.census().all_home()), (4, true));
}

/// Catches: a loss that was posted and is taken for a time-out. (That the signal is connected, the GigE tests show.)
#[test]
fn lost_control_ends_the_wait() {
    let Some(mut source) = camera("Width=64&Height=64&AcquisitionFrameRate=1") else { return };
    let _pool = started(&mut source);
    let posted = source.camera.as_ref().unwrap().posted();
    super::super::board::post_lost(posted.user());
    let fault = loop {
        match source.grab_queued(Duration::from_millis(10)) {
            (Some(frame), _) => source.queue(frame),
            (None, Grab::Fault(fault)) => break fault,
            (None, other) => panic!("{other:?}"),
        }
    };
    assert_eq!((fault.code, source.last_call()), (CONTROL_LOST.into(), "control-lost"));
    assert_eq!(source.diagnose(), Diagnosis::Lost);
    source.reopen().unwrap();
    assert!(!source.is_lost() && source.geometry().width == 64);
}

/// Catches: a thread of Aravis that outlives its stream, which writes into slots of somebody else.
#[test]
fn a_stream_that_is_closed_has_no_thread() {
    let Some(mut source) = camera("Width=64&Height=64&AcquisitionFrameRate=200") else { return };
    let _pool = started(&mut source);
    // Its thread says that it began before it fills the first buffer.
    let (frame, _) = source.grab_queued(Duration::from_secs(20));
    assert!(frame.is_some() && !source.camera.as_ref().unwrap().posted().is_quiet());
    source.stop_host().unwrap();
    assert!(source.camera.as_ref().unwrap().posted().is_quiet());
}

/// Catches: a priority that is set on no thread, or refused in silence.
#[test]
fn a_priority_is_set_or_its_refusal_told() {
    let query = "Width=64&Height=64&AcquisitionFrameRate=200&stream_priority=nice:-5";
    let Some(mut source) = camera(query) else { return };
    let _pool = started(&mut source);
    let (frame, _) = source.grab_queued(Duration::from_secs(20));
    assert!(frame.is_some());
    let mut told = Vec::new();
    source.take_faults(&mut |fault, _, times| told.push((fault.code, times)));
    // As root, or with CAP_SYS_NICE, it is granted: then a thread of this process has it.
    let nice = |task: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
        let behind_name = stat.rsplit_once(')')?.1;
        behind_name.split_whitespace().nth(16)?.parse::<i32>().ok()
    };
    let mut tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let is_set = tasks.any(|task| task.ok().and_then(nice) == Some(-5));
    let refused = told == [(PRIORITY_REFUSED.into(), 1)];
    assert!(is_set != refused && (refused || told.is_empty()), "set: {is_set}, told: {told:?}");
}
