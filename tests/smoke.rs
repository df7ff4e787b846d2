use frameline::pipeline::*;
use frameline::sim::{Sim, Verify, VerifyConfig};
use std::time::Duration;
fn main_run(uri: &str) -> Snapshot {
    let sim = Sim::from_uri(uri).unwrap();
    let mut line =
        Line::builder(sim).stage("verify", Verify::new(VerifyConfig::default())).start().unwrap();
    line.wait(Duration::from_secs(20));
    line.stop(Duration::from_secs(5))
}
#[test]
fn smoke() {
    for f in ["copy", "lend", "announce"] {
        let s = main_run(&format!("sim:?width=640&height=480&rate=max&frames=2000&fill={f}"));
        println!(
            "{f} {:?} bal {} hops {:?}",
            s.frames,
            s.is_balanced(),
            s.hops.iter().map(|h| (h.offered, h.accepted, h.taken, h.refused)).collect::<Vec<_>>()
        );
        println!(
            "{:?} fail {:?} e2e p50 {} fps {} steady {:?} ref {:?}",
            s.stages[0].results,
            s.failure,
            s.end_to_end.quantile(0.5),
            s.frames_per_second(),
            s.steady,
            s.refusals
        );
    }
}
