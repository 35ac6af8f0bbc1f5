//! A tree as a picture: SVG, projected on the xy plane, lines as thick as the neurites.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Point, Region, Tree, layout};

/// Largest width and height of the drawing within its frame, in pixels.
const PLOT: [f64; 2] = [620.0, 760.0];
/// Smallest width or height of the frame, as a share of the larger one.
const SLIMMEST: f64 = 0.45;
/// Margins around the frame: left, top, right, bottom.
const MARGIN: [f64; 4] = [72.0, 52.0, 250.0, 58.0];
/// Thinnest line, in pixels.
const THINNEST: f64 = 0.8;
/// Pieces shorter than this are drawn with the next one.
const SHORTEST: f64 = 0.4;

/// The picture of a tree as an SVG document.
///
/// Lines are coloured by region and as thick as the neurite where that can be seen; each names its section when pointed at.
/// Axes and scale bar are in µm, the legend counts the sections of every region and their length.
pub fn svg(tree: &Tree) -> String {
    let placed = layout::placed(tree);
    let frame = Frame::around(&placed);
    let [left, top, ..] = MARGIN;
    let (width, height) = (left + frame.size[0] + MARGIN[2], top + frame.size[1] + MARGIN[3]);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" \
         font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\" fill=\"#333\" role=\"img\">\n\
         <title>{name}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{left:.0}\" y=\"{y:.0}\" font-size=\"{font:.0}\" font-weight=\"bold\">{shown}</text>\n",
        name = escaped(tree.name()),
        shown = escaped(&kenyon_base::shown(tree.name())),
        y = top - 20.0,
        font = title_size(tree.name(), width - left),
    );
    axes(&mut out, &frame);
    for rank in 0..=2 {
        for (index, section) in tree.sections().iter().enumerate() {
            if depth(section.region) == rank {
                draw(&mut out, tree, &placed, index, &frame);
            }
        }
    }
    scale_bar(&mut out, &frame);
    legend(&mut out, tree, &frame);
    out.push_str("</svg>\n");
    out
}

/// Size of letters at which a name of any length fits into a width, in pixels.
fn title_size(name: &str, width: f64) -> f64 {
    let letters = kenyon_base::shown(name).chars().count().max(1);
    // A bold letter is about 0.65 of its size wide.
    (width / (0.65 * letters as f64)).floor().clamp(6.0, 17.0)
}

/// Order of drawing: what is drawn last lies on top.
fn depth(region: Region) -> u32 {
    match region {
        Region::Axon => 0,
        Region::Soma => 2,
        _ => 1,
    }
}

/// From µm to pixels.
struct Frame {
    /// µm at the lower left corner.
    origin: [f64; 2],
    /// Width and height, µm.
    extent: [f64; 2],
    /// Width and height, pixels.
    size: [f64; 2],
    /// Pixels per µm.
    scale: f64,
}

impl Frame {
    fn around(placed: &[Vec<Point>]) -> Self {
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for point in placed.iter().flatten() {
            for i in 0..2 {
                low[i] = low[i].min(point.xyz[i] - point.diam / 2.0);
                high[i] = high[i].max(point.xyz[i] + point.diam / 2.0);
            }
        }
        let spread = [0, 1].map(|i| high[i] - low[i]);
        let larger = spread[0].max(spread[1]);
        let extent = spread.map(|spread| spread.max(SLIMMEST * larger) * 1.06);
        let scale = (PLOT[0] / extent[0]).min(PLOT[1] / extent[1]);
        let origin = [0, 1].map(|i| f64::midpoint(low[i], high[i]) - extent[i] / 2.0);
        Self { origin, extent, size: extent.map(|extent| extent * scale), scale }
    }

    fn x(&self, um: f64) -> f64 {
        MARGIN[0] + (um - self.origin[0]) * self.scale
    }

    fn y(&self, um: f64) -> f64 {
        MARGIN[1] + self.size[1] - (um - self.origin[1]) * self.scale
    }

    fn place(&self, xyz: [f64; 3]) -> [f64; 2] {
        [self.x(xyz[0]), self.y(xyz[1])]
    }
}

/// One section: a thin line to its parent, then lines as thick as it is.
fn draw(out: &mut String, tree: &Tree, placed: &[Vec<Point>], index: usize, frame: &Frame) {
    let section = &tree.sections()[index];
    let points = &placed[index];
    let colour = colour(section.region);
    let cap = if section.region == Region::Soma { "butt" } else { "round" };
    let (name, region) = (escaped(&section.name), section.region);
    let length = section.length_um();
    write(
        out,
        format_args!(
            "<g stroke=\"{colour}\" fill=\"none\" stroke-linecap=\"{cap}\" stroke-linejoin=\"round\"><title>{name}, {region}, {length:.1} µm</title>",
        ),
    );
    if let Some(at) = section.parent {
        let from = frame.place(layout::along(&placed[at.section as usize], at.x));
        let to = frame.place(points[0].xyz);
        if (from[0] - to[0]).hypot(from[1] - to[1]) > SHORTEST {
            write(
                out,
                format_args!(
                    "<path stroke-width=\"{THINNEST}\" d=\"M{:.1} {:.1}L{:.1} {:.1}\"/>",
                    from[0], from[1], to[0], to[1]
                ),
            );
        }
    }
    let mut at = frame.place(points[0].xyz);
    let mut before = points[0].diam;
    let mut open: Option<f64> = None;
    for (i, point) in points.iter().enumerate().skip(1) {
        let to = frame.place(point.xyz);
        if (to[0] - at[0]).hypot(to[1] - at[1]) < SHORTEST && i + 1 < points.len() {
            continue;
        }
        let width = ((f64::midpoint(before, point.diam) * frame.scale).max(THINNEST) * 10.0).round() / 10.0;
        if open != Some(width) {
            if open.is_some() {
                out.push_str("\"/>");
            }
            write(out, format_args!("<path stroke-width=\"{width}\" d=\"M{:.1} {:.1}", at[0], at[1]));
            open = Some(width);
        }
        write(out, format_args!("L{:.1} {:.1}", to[0], to[1]));
        (at, before) = (to, point.diam);
    }
    out.push_str("\"/></g>\n");
}

/// Frame, ticks and labels.
fn axes(out: &mut String, frame: &Frame) {
    let (left, top) = (MARGIN[0], MARGIN[1]);
    let [width, height] = frame.size;
    let bottom = top + height;
    write(
        out,
        format_args!(
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"none\" stroke=\"#999\"/>\n",
        ),
    );
    let step = nice(frame.extent[0].max(frame.extent[1]) / 7.0);
    for um in ticks(frame.origin[0], frame.extent[0], step) {
        let x = frame.x(um);
        let below = bottom + 20.0;
        let shown = label(um);
        write(
            out,
            format_args!(
                "<path stroke=\"#999\" d=\"M{x:.1} {bottom:.1}v5\"/><text x=\"{x:.1}\" y=\"{below:.1}\" text-anchor=\"middle\">{shown}</text>\n"
            ),
        );
    }
    for um in ticks(frame.origin[1], frame.extent[1], step) {
        let y = frame.y(um);
        let (beside, middle) = (left - 9.0, y + 4.5);
        let shown = label(um);
        write(
            out,
            format_args!(
                "<path stroke=\"#999\" d=\"M{left:.1} {y:.1}h-5\"/><text x=\"{beside:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{shown}</text>\n"
            ),
        );
    }
    let (middle, below) = (left + width / 2.0, bottom + 44.0);
    write(out, format_args!("<text x=\"{middle:.1}\" y=\"{below:.1}\" text-anchor=\"middle\">x (µm)</text>\n"));
    let (beside, middle) = (left - 52.0, top + height / 2.0);
    write(
        out,
        format_args!("<text transform=\"translate({beside:.1} {middle:.1}) rotate(-90)\" text-anchor=\"middle\">y (µm)</text>\n"),
    );
}

/// A bar of a round length under the legend.
fn scale_bar(out: &mut String, frame: &Frame) {
    let um = nice(120.0 / frame.scale);
    let (x, y) = (MARGIN[0] + frame.size[0] + 24.0, MARGIN[1] + frame.size[1] - 8.0);
    let (length, above) = (um * frame.scale, y - 9.0);
    write(
        out,
        format_args!(
            "<path stroke=\"#333\" stroke-width=\"3\" d=\"M{x:.1} {y:.1}h{length:.1}\"/><text x=\"{x:.1}\" y=\"{above:.1}\">{um} µm</text>\n"
        ),
    );
}

/// Regions with their colours, sections and lengths.
fn legend(out: &mut String, tree: &Tree, frame: &Frame) {
    let mut regions: BTreeMap<Region, (u64, f64)> = BTreeMap::new();
    for section in tree.sections() {
        let (count, length) = regions.entry(section.region).or_default();
        *count += 1;
        *length += section.length_um();
    }
    let x = MARGIN[0] + frame.size[0] + 24.0;
    // More regions than this exist only in odd files; the rest would run out of the picture.
    for (row, (region, (count, length))) in regions.into_iter().take(12).enumerate() {
        let y = MARGIN[1] + 14.0 + 40.0 * row as f64;
        let name = match region {
            Region::Soma => "soma".to_string(),
            Region::Axon => "axon".to_string(),
            Region::Basal => "basal dendrite".to_string(),
            Region::Apical => "apical dendrite".to_string(),
            Region::Custom(kind) => format!("SWC type {kind}"),
        };
        let plural = if count == 1 { "" } else { "s" };
        let (right, below, middle) = (x + 32.0, y + 17.0, y - 4.5);
        write(
            out,
            format_args!(
                "<path stroke=\"{}\" stroke-width=\"5\" d=\"M{x:.1} {middle:.1}h22\"/><text x=\"{right:.1}\" y=\"{y:.1}\">{name}</text>\
             <text x=\"{right:.1}\" y=\"{below:.1}\" fill=\"#777\">{count} section{plural}, {length:.0} µm</text>\n",
                colour(region),
            ),
        );
    }
}

/// Colours that remain distinct to colour-blind eyes (Okabe & Ito 2008).
fn colour(region: Region) -> &'static str {
    match region {
        Region::Soma => "#333333",
        Region::Axon => "#0072b2",
        Region::Basal => "#009e73",
        Region::Apical => "#d55e00",
        Region::Custom(_) => "#cc79a7",
    }
}

/// The largest of 1, 2, 5, 10, 20 … that is not above `value`.
fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [5.0, 2.0].into_iter().find(|factor| factor * power <= value).unwrap_or(1.0) * power
}

/// Multiples of `step` in a stretch.
fn ticks(origin: f64, extent: f64, step: f64) -> impl Iterator<Item = f64> {
    let first = (origin / step).ceil() as i64;
    let last = ((origin + extent) / step).floor() as i64;
    (first..=last).take(50).map(move |k| {
        let um = k as f64 * step;
        // 0.30000000000000004 is 0.3.
        (um * 1e6).round() / 1e6
    })
}

/// A number with the sign that the pictures of traces have.
fn label(um: f64) -> String {
    (um + 0.0).to_string().replace('-', "−")
}

fn write(out: &mut String, text: std::fmt::Arguments) {
    out.write_fmt(text).expect("a string takes it");
}

/// Text as it may stand in XML; control characters, which XML cannot hold, become spaces.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => out.push(' '),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
