//! Plots as inline SVG, drawn by plotters. The drawing library paints with colours of a fixed set that stand
//! for roles (text, grid, first line, ...); these become classes, so that the page's style decides how they
//! look on a light and a dark ground and on paper.

use super::axis::Axis;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Pixels are whole numbers in plotters: drawn larger and shown smaller, lines are as fine as they should be.
const FINE: u32 = 4;
/// Distinct looks of lines.
pub const LOOKS: usize = 16;

/// A size in the page's pixels.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
    /// Room for the names of the values.
    pub left: u32,
}

/// Across the page.
pub const WIDE: Size = Size { width: 1000, height: 360, left: 64 };
/// Across a phone.
pub const NARROW: Size = Size { width: 380, height: 280, left: 50 };
/// Half the page, or a phone.
pub const HALF: Size = Size { width: 460, height: 205, left: 56 };

/// One line: its look, 0 to [`LOOKS`], and its values. A gap is a place without a value.
#[derive(Debug, Clone)]
pub struct Curve {
    /// Number of its look.
    pub look: usize,
    /// Values, x ascending.
    pub points: Vec<(f64, f64)>,
    /// Whether what is below it is shaded.
    pub shaded: bool,
}

/// A span of the run that something took, marked behind the lines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// Begin and end in seconds.
    pub from: f64,
    /// See `from`.
    pub to: f64,
}

/// Roles, as colours that nobody would choose.
const TEXT: RGBColor = RGBColor(2, 0, 0);
const GRID: RGBColor = RGBColor(2, 0, 1);
const FAINT: RGBColor = RGBColor(2, 0, 2);
const MARK: RGBColor = RGBColor(2, 0, 3);
const fn look(n: usize) -> RGBColor {
    RGBColor(1, 0, (n % LOOKS) as u8)
}

/// The SVG element of a plot, `title` for those who cannot see it.
pub fn plot(
    size: Size,
    x: &Axis,
    y: &Axis,
    curves: &[Curve],
    marks: &[Mark],
    title: &str,
) -> String {
    let mut svg = String::new();
    // Drawing into a text cannot fail; if it does, the page has no plot and everything else.
    if draw(&mut svg, size, x, y, curves, marks).is_err() {
        return String::new();
    }
    with_classes(&svg, size, title)
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(
    svg: &mut String,
    size: Size,
    x: &Axis,
    y: &Axis,
    curves: &[Curve],
    marks: &[Mark],
) -> Drawn {
    let root =
        SVGBackend::with_string(svg, (size.width * FINE, size.height * FINE)).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin_top(8 * FINE)
        .margin_right(22 * FINE)
        .margin_bottom(2 * FINE)
        .x_label_area_size(22 * FINE)
        .y_label_area_size(size.left * FINE)
        .build_cartesian_2d(x.clone(), y.clone())?;
    let font = ("sans-serif", f64::from(12 * FINE) * 1.24).into_font().color(&TEXT);
    chart
        .configure_mesh()
        .bold_line_style(GRID.stroke_width(FINE))
        .light_line_style(FAINT.stroke_width(FINE))
        .axis_style(GRID.stroke_width(FINE))
        .x_label_style(font.clone().pos(Pos::new(HPos::Center, VPos::Top)))
        .y_label_style(font.pos(Pos::new(HPos::Right, VPos::Center)))
        .set_all_tick_mark_size(4 * FINE)
        .draw()?;
    // A mark is seen even where it took no time to speak of.
    let least = (x.to - x.from) / 300.0;
    chart.draw_series(marks.iter().map(|m| {
        let (from, to) = (x.place(m.from), x.place(m.to.max(m.from + least)));
        Rectangle::new([(from, y.from), (to, y.to)], MARK.filled())
    }))?;
    for curve in curves {
        let at: Vec<_> = curve.points.iter().map(|(a, b)| (x.place(*a), y.place(*b))).collect();
        let colour = look(curve.look);
        if let (true, Some(first), Some(last)) = (curve.shaded, at.first(), at.last()) {
            let ground = [(last.0, y.from), (first.0, y.from)];
            let area: Vec<_> = at.iter().copied().chain(ground).collect();
            chart.draw_series([Polygon::new(area, colour.mix(0.16))])?;
        }
        if let [only] = at[..] {
            chart.draw_series([Circle::new(only, 2 * FINE, colour.filled())])?;
        }
        chart.draw_series([PathElement::new(at, colour.stroke_width(2 * FINE))])?;
    }
    root.present()?;
    Ok(())
}

/// Colours become classes, and the size that of the place where it stands.
fn with_classes(svg: &str, size: Size, title: &str) -> String {
    let mut svg = svg.to_string();
    for (c, name) in [(TEXT, "text"), (GRID, "grid"), (FAINT, "faint"), (MARK, "mark")] {
        svg = classed(&svg, c, name);
    }
    for n in 0..LOOKS {
        svg = classed(&svg, look(n), &format!("look{n}"));
    }
    let svg = svg.replace(" font-family=\"sans-serif\"", "");
    let body = svg.split_once('>').map_or("", |(_, body)| body);
    let (w, h) = (size.width * FINE, size.height * FINE);
    let title = maud::html! { title { (title) } }.into_string();
    format!("<svg class=\"plot\" viewBox=\"0 0 {w} {h}\" role=\"img\">{title}{body}")
}

fn classed(svg: &str, RGBColor(r, g, b): RGBColor, name: &str) -> String {
    let hex = format!("#{r:02X}{g:02X}{b:02X}");
    svg.replace(&format!("stroke=\"{hex}\""), &format!("class=\"line {name}\""))
        .replace(&format!("fill=\"{hex}\""), &format!("class=\"area {name}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_names_no_colour_and_no_address() {
        // Catches a colour that is invisible on a dark ground, and a reference to something outside the page.
        let x = Axis::run(10.0, 5);
        let y = Axis::latency(1e3, 1e7);
        let curves: Vec<_> = (0..LOOKS)
            .map(|n| Curve { look: n, shaded: n == 3, points: vec![(1.0, 2e3), (9.0, 5e6)] })
            .chain([
                Curve { look: 0, shaded: true, points: vec![] },
                Curve { look: 1, shaded: true, points: vec![(5.0, 0.0)] },
            ])
            .collect();
        let svg = plot(HALF, &x, &y, &curves, &[Mark { from: 2.0, to: 2.0 }], "a <b> & c");
        assert!(svg.starts_with("<svg class=\"plot\"") && svg.trim_end().ends_with("</svg>"));
        assert!(!svg.contains("=\"#") && !svg.contains("http"), "{svg}");
        assert!(svg.contains("a &lt;b&gt; &amp; c") && svg.contains("class=\"area mark\""));
        assert!((0..LOOKS).all(|n| svg.contains(&format!("class=\"line look{n}\""))));
        for name in ["10 ms", "1 µs", "4 s"] {
            assert!(svg.contains(name), "{name}");
        }
        // An element with two classes would be malformed.
        assert!(svg.split('<').all(|e| e.matches("class=").count() < 2));
    }
}
