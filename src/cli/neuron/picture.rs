//! Traces as SVG: a panel for each unit over one axis of time, spikes as ticks above.

use std::fmt::Write as _;

use super::result::{Column, Recorded};

/// Width of the picture and of its margins at the left and the right, pixels.
const WIDTH: f64 = 980.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = 250.0;
/// Height of a panel and of the room between two, pixels.
const PANEL: f64 = 230.0;
const GAP: f64 = 26.0;
const TOP: f64 = 66.0;
const BOTTOM: f64 = 54.0;
/// Names in a legend; more are counted.
const NAMES: usize = 11;
/// Colours that can be told apart without seeing red and green (Okabe & Ito).
const COLOURS: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d1f"];

/// The picture.
pub(super) fn svg(recorded: &Recorded<'_>) -> String {
    let mut units: Vec<&str> = Vec::new();
    for trace in &recorded.traces {
        if !units.contains(&trace.unit.as_str()) {
            units.push(&trace.unit);
        }
    }
    let end_ms = recorded.traces.iter().map(|t| (t.values.len().max(2) - 1) as f64 * t.every as f64 * recorded.dt_ms);
    let x = Scale { from: (0.0, end_ms.fold(f64::MIN_POSITIVE, f64::max)), to: (LEFT, WIDTH - RIGHT) };
    let height = TOP + units.len() as f64 * (PANEL + GAP) - GAP + BOTTOM;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\" fill=\"#333\" role=\"img\">\n\
         <title>{name}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"28\" font-size=\"17\" font-weight=\"bold\">{name}</text>\n",
        name = escaped(&title(recorded)),
    );
    spikes(&mut out, recorded, &x);
    for (k, unit) in units.iter().enumerate() {
        let top = TOP + k as f64 * (PANEL + GAP);
        let traces: Vec<&Column<'_>> = recorded.traces.iter().filter(|t| t.unit == **unit).collect();
        panel(&mut out, unit, &traces, &x, top, recorded.dt_ms);
    }
    let bottom = height - BOTTOM;
    for t in ticks(x.from, 8) {
        let place = x.at(t);
        let _ = writeln!(out, "<text x=\"{place:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>", bottom + 18.0, number(t));
    }
    let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
    if recorded.left_out > 0 {
        let (drawn, all) = (recorded.traces.len(), recorded.traces.len() + recorded.left_out);
        let (left, at) = (WIDTH - RIGHT + 16.0, bottom + 40.0);
        let _ = writeln!(out, "<text x=\"{left}\" y=\"{at:.1}\">the first {drawn} of {all} traces</text>");
    }
    let _ = writeln!(out, "<text x=\"{middle}\" y=\"{:.1}\" text-anchor=\"middle\">time (ms)</text>\n</svg>", bottom + 40.0);
    out
}

/// The model, and that the simulation was interrupted if it was.
fn title(recorded: &Recorded<'_>) -> String {
    match recorded.stopped_ms {
        Some(stopped_ms) => format!("{} (incomplete: stopped at {stopped_ms:.1} ms)", recorded.model),
        None => recorded.model.clone(),
    }
}

/// The dashes of a trace: none for those whose colour is their own.
fn dashes(k: usize) -> &'static str {
    match k / COLOURS.len() {
        0 => "",
        1 => " stroke-dasharray=\"6 3\"",
        _ => " stroke-dasharray=\"2 2.5\"",
    }
}

/// A name with its places to four digits: `v_dend[0](0.1667)` for `v_dend[0](0.16666666)`.
fn rounded(name: &str) -> String {
    let Some((before, rest)) = name.split_once('(') else { return name.into() };
    let Some((inner, after)) = rest.split_once(')') else { return name.into() };
    let digits = inner.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    match inner.parse::<f64>() {
        Ok(x) if digits > 4 => format!("{before}({}){}", number((x * 1e4).round() / 1e4), rounded(after)),
        _ => format!("{before}({inner}){}", rounded(after)),
    }
}

/// Ticks above the first panel.
fn spikes(out: &mut String, recorded: &Recorded<'_>, x: &Scale) {
    let count = recorded.spikes_ms.len();
    let word = if count == 1 { "spike" } else { "spikes" };
    let _ = writeln!(out, "<text x=\"{}\" y=\"{}\">{count} {word}</text>", WIDTH - RIGHT + 16.0, TOP - 10.0);
    for t in &recorded.spikes_ms {
        let place = x.at(*t);
        let (top, bottom) = (TOP - 22.0, TOP - 8.0);
        let _ = writeln!(out, "<path d=\"M{place:.2} {top}V{bottom}\" stroke=\"#333\" stroke-width=\"1.2\"/>");
    }
}

fn panel(out: &mut String, unit: &str, traces: &[&Column<'_>], x: &Scale, top: f64, dt_ms: f64) {
    let values = || traces.iter().flat_map(|t| t.values.iter()).copied().filter(|v| v.is_finite());
    let (low, high) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
    // A flat line lies in the middle.
    let room = if high > low { 0.05 * (high - low) } else { low.abs().max(1e-9) * 0.1 };
    let y = Scale { from: (low - room, high + room), to: (top + PANEL, top) };
    for value in ticks(y.from, 5) {
        let place = y.at(value);
        let _ = writeln!(
            out,
            "<path d=\"M{LEFT} {place:.1}H{:.1}\" stroke=\"#e4e4e4\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            place + 4.5,
            number(value),
        );
    }
    for t in ticks(x.from, 8) {
        let _ = writeln!(out, "<path d=\"M{:.1} {top}v{PANEL}\" stroke=\"#f1f1f1\"/>", x.at(t));
    }
    let _ = writeln!(
        out,
        "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{}\" height=\"{PANEL}\" fill=\"none\" stroke=\"#999\"/>",
        WIDTH - RIGHT - LEFT
    );
    let middle = top + PANEL / 2.0;
    let _ =
        writeln!(out, "<text transform=\"translate(16 {middle}) rotate(-90)\" text-anchor=\"middle\">{}</text>", escaped(unit));
    for (k, trace) in traces.iter().enumerate() {
        let colour = COLOURS[k % COLOURS.len()];
        let _ = writeln!(
            out,
            "<path d=\"{}\" fill=\"none\" stroke=\"{colour}\"{} stroke-width=\"1.2\" stroke-linejoin=\"round\"><title>{}</title></path>",
            line(trace, x, &y, dt_ms),
            dashes(k),
            escaped(&rounded(&trace.name)),
        );
        if k < NAMES {
            let (left, at) = (WIDTH - RIGHT + 16.0, top + 14.0 + 19.0 * k as f64);
            let _ = writeln!(
                out,
                "<path d=\"M{left} {:.1}h18\" stroke=\"{colour}\"{} stroke-width=\"2.5\"/><text x=\"{:.1}\" y=\"{at:.1}\">{}</text>",
                at - 4.5,
                dashes(k),
                left + 25.0,
                escaped(&cut(&rounded(&trace.name))),
            );
        }
    }
    if traces.len() > NAMES {
        let at = top + 14.0 + 19.0 * NAMES as f64;
        let _ = writeln!(out, "<text x=\"{}\" y=\"{at:.1}\">… and {} more</text>", WIDTH - RIGHT + 16.0, traces.len() - NAMES);
    }
}

/// The line of a trace: where samples are denser than pixels, the least and the largest of each pixel.
fn line(trace: &Column<'_>, x: &Scale, y: &Scale, dt_ms: f64) -> String {
    let step_ms = trace.every as f64 * dt_ms;
    let mut out = String::new();
    let mut put = |k: usize| {
        let v = trace.values[k];
        if v.is_finite() {
            let verb = if out.is_empty() { 'M' } else { 'L' };
            let _ = write!(out, "{verb}{:.2} {:.2}", x.at(k as f64 * step_ms), y.at(v));
        }
    };
    let pixels = (x.to.1 - x.to.0) as usize;
    let per_pixel = trace.values.len().div_ceil(pixels);
    if per_pixel <= 3 {
        (0..trace.values.len()).for_each(put);
        return out;
    }
    for first in (0..trace.values.len()).step_by(per_pixel) {
        let last = (first + per_pixel).min(trace.values.len());
        let by_value = |a: &usize, b: &usize| trace.values[*a].total_cmp(&trace.values[*b]);
        let least = (first..last).min_by(by_value).unwrap_or(first);
        let most = (first..last).max_by(by_value).unwrap_or(first);
        let mut drawn = [first, least, most, last - 1];
        drawn.sort_unstable();
        for (i, k) in drawn.iter().enumerate() {
            if i == 0 || drawn[i - 1] != *k {
                put(*k);
            }
        }
    }
    out
}

/// From numbers to pixels.
struct Scale {
    from: (f64, f64),
    to: (f64, f64),
}

impl Scale {
    fn at(&self, value: f64) -> f64 {
        self.to.0 + (value - self.from.0) / (self.from.1 - self.from.0) * (self.to.1 - self.to.0)
    }
}

/// Round numbers within a range, about `count` of them.
fn ticks((low, high): (f64, f64), count: u32) -> Vec<f64> {
    let rough = (high - low) / f64::from(count);
    let size = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * size).into_iter().find(|s| *s >= rough).unwrap_or(rough);
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).map(|k| k as f64 * step).collect()
}

/// A round number without the digits that binary fractions add.
fn number(value: f64) -> String {
    if value.abs() > 1e-300 && !(1e-3..1e6).contains(&value.abs()) {
        return format!("{value:.1e}").replace(".0e", "e").replace('-', "−");
    }
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.replace('-', "−") }
}

fn cut(name: &str) -> String {
    const LETTERS: usize = 26;
    if name.chars().count() <= LETTERS { name.into() } else { name.chars().take(LETTERS - 1).chain(['…']).collect() }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
