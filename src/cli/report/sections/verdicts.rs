//! What an inspection found: counts by kind, comparison with a known truth, pictures of failed parts.

use super::section;
use crate::cli::inspection::{Inspection, Truth};
use crate::cli::report::page::{Facts, count};
use crate::cli::report::picture::Picture;
use crate::cli::units::percent;
use crate::verdict::{Area, Defect};
use maud::{Markup, html};

/// Pictures that a narrow page shows; the style hides the others.
const NARROW_PICTURES: usize = 12;

/// Nothing where nothing was inspected.
pub fn verdicts(f: &Facts<'_>, inspections: &[Inspection], truth: Option<&Truth>) -> Markup {
    if inspections.is_empty() && truth.is_none() && f.pictures.is_empty() {
        return html! {};
    }
    let body = html! {
        div.verdicts {
            @for i in inspections { div { (kinds(i)) } }
            @if let Some(t) = truth { div { (compared(t)) } }
        }
        (gallery(f.pictures))
    };
    section("verdicts", "Inspection", "", &body)
}

fn kinds(i: &Inspection) -> Markup {
    let most = i.kinds.iter().map(|(_, n)| *n).max().unwrap_or(1).max(1);
    html! {
        p.lead {
            strong { (i.stage) } " judged " (count(&format!("parts-{}", i.stage), i.parts)) " parts; "
            (count(&format!("failed-{}", i.stage), i.failed)) " failed (" (percent(i.failed_share())) ")."
        }
        @if !i.kinds.is_empty() {
            div.scroll {
                table.kinds {
                    thead { tr { th scope="col" { "failed parts" } th.n scope="col" { "parts" } th scope="col" {} } }
                    tbody {
                        @for (kind, n) in &i.kinds {
                            tr {
                                th scope="row" { (kind) }
                                td.n { (count(&format!("kind-{}-{kind}", i.stage), *n)) }
                                td.bar { span style=(format!("width:{:.1}%", *n as f64 / most as f64 * 100.0)) {} }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn compared(t: &Truth) -> Markup {
    let share = |id: &str, v: f64, text: &str| html! { data id=(id) value=(v) { (text) } };
    let [precision, recall] = t.shares();
    html! {
        p.lead {
            "Against the known truth: precision " strong { (share("precision", t.precision, &precision)) }
            " (of the parts that were failed, the share that are bad), recall " strong { (share("recall", t.recall, &recall)) }
            " (of the bad parts, the share that were failed). Of "
            (count("defective", t.defective)) " bad parts " (count("missed", t.missed)) " passed; of the good ones "
            (count("false-alarms", t.false_alarms)) " failed."
            @if t.wrong_kind > 0 {
                " " (count("wrong-kind", t.wrong_kind)) " were found and called another kind."
            }
        }
        @if !t.kinds.is_empty() {
            div.scroll {
                table.kinds {
                    thead { tr { th scope="col" { "planted defects" } th.n scope="col" { "planted" } th.n scope="col" { "found" } th scope="col" {} } }
                    tbody {
                        @for (kind, planted, found) in &t.kinds {
                            tr {
                                th scope="row" { (kind) }
                                td.n { (count(&format!("planted-{kind}"), *planted)) }
                                td.n { (count(&format!("found-{kind}"), *found)) }
                                td.bar.found { span style=(format!("width:{:.1}%", *found as f64 / *planted as f64 * 100.0)) {} }
                            }
                        }
                    }
                }
            }
        }
        (confused(t))
    }
}

/// Which kinds were taken for which.
fn confused(t: &Truth) -> Markup {
    html! {
        @if !t.confused.is_empty() {
            div.scroll {
                table.kinds {
                    thead { tr { th scope="col" { "planted" } th scope="col" { "called" } th.n scope="col" { "parts" } } }
                    tbody {
                        @for (is, said, n) in &t.confused {
                            tr {
                                th scope="row" { (is) }
                                td { (said) }
                                td.n { (count(&format!("{is}-called-{said}"), *n)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn gallery(pictures: &[Picture]) -> Markup {
    html! {
        @if !pictures.is_empty() {
            div.gallery { @for p in pictures { (picture(p)) } }
            @if pictures.len() > NARROW_PICTURES {
                p.note.narrow { (pictures.len() - NARROW_PICTURES) " more on a wide screen, and all in the folder." }
            }
        }
    }
}

fn picture(p: &Picture) -> Markup {
    let (w, h) = (p.crop.width, p.crop.height);
    let kind = p.verdict.defect.map_or("good", |d| d.name());
    // The mark lies around the defect, not on it.
    let m = around(p.mark(), p.crop);
    let missing = p.verdict.defect == Some(Defect::Missing);
    html! {
        figure.part {
            svg viewBox=(format!("0 0 {w} {h}")) role="img" {
                title { (kind) " on frame " (p.frame_id) }
                image href=(p.uri) width=(w) height=(h) {}
                @if m.width > 0 && m.height > 0 {
                    rect.halo x=(m.x) y=(m.y) width=(m.width) height=(m.height) {}
                    rect.mark x=(m.x) y=(m.y) width=(m.width) height=(m.height) {}
                }
                // An empty nest is dark: the place where a part should lie is drawn.
                @if missing { (empty_place(m)) }
            }
            figcaption {
                strong { (kind) } " " span.score title="how far beyond the threshold" { (score(p.verdict.score)) }
                br;
                "frame " (p.frame_id)
            }
        }
    }
}

/// An outline with a cross in it.
fn empty_place(m: Area) -> Markup {
    let (x, y) =
        (f32::from(m.x) + f32::from(m.width) / 2.0, f32::from(m.y) + f32::from(m.height) / 2.0);
    let radius = f32::from(m.width.min(m.height)) * 0.4;
    let arm = radius * 0.2;
    html! {
        circle.empty cx=(x) cy=(y) r=(radius) {}
        path.empty d=(format!("M{} {}l{a} {a}m0 -{a}l-{a} {a}", x - arm, y - arm, a = 2.0 * arm)) {}
    }
}

/// How far beyond the threshold, with the digits that say something.
fn score(score: f32) -> String {
    match score {
        s if s < 10.0 => format!("{s:.1}×"),
        s if s < 999.0 => format!("{s:.0}×"),
        _ => "≥999×".into(),
    }
}

/// A little larger, within the picture; nothing around nothing.
fn around(m: Area, crop: Area) -> Area {
    if m.width == 0 || m.height == 0 {
        return m;
    }
    let margin = (crop.width.max(crop.height) / 40).max(1);
    let (x, y) = (m.x.saturating_sub(margin), m.y.saturating_sub(margin));
    let right = (u32::from(m.x) + u32::from(m.width) + u32::from(margin)).min(crop.width.into());
    let low = (u32::from(m.y) + u32::from(m.height) + u32::from(margin)).min(crop.height.into());
    Area { x, y, width: right as u16 - x, height: low as u16 - y }
}
