//! One camera, three consumers, each with its own policy of loss: inspection gets every frame, a live view
//! the newest, a statistic every tenth. The live view is slow, and nobody else notices.
//!
//! `cargo run --release --example fan_out`

use frameline::pipeline::After;
use frameline::ring::Policy;
use frameline::sim::{Sim, Verify, VerifyConfig};
use frameline::stage::{Flow, FnStage, StageContext};
use frameline::{Error, Frame, Line, StageSpec};
use std::num::NonZeroU32;
use std::time::Duration;

fn main() -> Result<(), Error> {
    let camera = Sim::from_uri("sim:?width=1280&height=1024&rate=200&frames=600")?;
    let every_tenth = Policy::OneIn(NonZeroU32::new(10).expect("10 is not 0"));
    let mut line = Line::builder(camera)
        .stage(
            StageSpec::new("inspect").ring(16).policy(Policy::Refuse),
            Verify::new(VerifyConfig::default()),
        )
        .stage(
            StageSpec::new("live").after(After::Source).policy(Policy::Latest),
            FnStage(|frame: &mut Frame, cx: &mut StageContext<'_>| {
                std::thread::sleep(Duration::from_millis(50)); // A screen.
                if cx.loss_before().hop > 0 && frame.id() % 100 < 10 {
                    println!("live: frame {}, {} skipped", frame.id(), cx.loss_before().hop);
                }
                Ok(Flow::Done)
            }),
        )
        .stage(
            StageSpec::new("statistic").after(After::Source).policy(every_tenth),
            FnStage(|_: &mut Frame, _: &mut StageContext<'_>| Ok(Flow::Done)),
        )
        .start()?;
    line.wait(Duration::from_secs(60));
    let end = line.stop(Duration::from_secs(2));
    for hop in &end.hops {
        println!(
            "{:18} {:8} offered {:4} = accepted {:4} + refused {:3} + skipped {:3}; replaced {:3}; p99 {}",
            hop.name,
            hop.policy.to_string(),
            hop.offered,
            hop.accepted,
            hop.refused,
            hop.skipped,
            hop.replaced,
            hop.latency.quantile(0.99)
        );
    }
    println!("{:?}, balanced: {}", end.frames, end.is_balanced());
    Ok(())
}
