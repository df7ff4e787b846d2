//! One suite, every source: what `source/mod.rs` demands, checked on each way of filling.

#[cfg(feature = "mvs")]
#[path = "../fake/mod.rs"]
mod fake;
#[cfg(feature = "mvs")]
mod mvs;
#[cfg(feature = "recording")]
mod replay;
mod rig;
mod suite;

use frameline::sim::Sim;
use frameline::source::Fill;

fn sim(query: &str, fill: Fill) -> Sim {
    Sim::from_uri(&format!("sim:?width=160&height=100&fill={}&{query}", fill.name())).unwrap()
}

const FILLS: [Fill; 3] = [Fill::Copy, Fill::Announce, Fill::Lend];

#[test]
fn a_simulated_camera_that_waits_conforms() {
    FILLS.iter().for_each(|fill| suite::run(&|| sim("rate=max&frames=50", *fill), *fill));
}

#[test]
fn a_simulated_camera_in_real_time_conforms() {
    FILLS.iter().for_each(|fill| suite::run(&|| sim("rate=5000&frames=50&queue=16", *fill), *fill));
}

#[test]
fn a_simulated_camera_at_the_end_of_its_ids_conforms() {
    FILLS.iter().for_each(|fill| {
        suite::run(&|| sim("rate=max&frames=50&id_modulus=65536&first_id=65530", *fill), *fill);
    });
}
