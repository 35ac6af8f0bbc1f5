//! What all plots share: axes, ticks, numbers as text, the frame. Coordinates are SVG user units, y downwards.

use maud::{Markup, html};
use serde::Serialize;

use super::Table;

/// Height of a letter in plots, user units; `page.css` says the same.
pub(super) const LETTER: f64 = 13.0;

/// A plot that was drawn, with what belongs around it.
pub(super) struct Drawing {
    /// The marks: children of the `svg` element.
    pub(super) marks: Markup,
    /// Width and height in user units.
    pub(super) size: (f64, f64),
    /// Sample and name of each series.
    pub(super) legend: Vec<(Markup, String)>,
    /// What a reader must know of the drawing: what was left out, joined, drawn in part.
    pub(super) notes: Vec<String>,
    /// Numbers that stand beside the plot.
    pub(super) table: Option<Table>,
}

/// How numbers along an axis are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// As they are.
    #[default]
    Number,
    /// Shares of one, as percentages.
    Percent,
}

impl Format {
    /// Text of `value`, with the decimals that steps of `step` need.
    pub(super) fn text(self, value: f64, step: f64) -> String {
        match self {
            Self::Number if value != 0.0 && (value.abs() >= 1e7 || step < 1e-5) => {
                let digits = (value.abs().log10().floor() - step.log10().floor()).clamp(0.0, 6.0) as usize;
                format!("{value:.digits$e}").replace('-', "−")
            }
            Self::Number => number(value, decimals(step)),
            Self::Percent => format!("{} %", number(value * 100.0, decimals(step * 100.0))),
        }
    }

    /// Text of `value` with three significant digits.
    pub(super) fn exact(self, value: f64) -> String {
        if !value.is_finite() {
            return "not a number".into();
        }
        let shown = if self == Self::Percent { value * 100.0 } else { value };
        let size = if shown == 0.0 { 2 } else { shown.abs().log10().floor() as i32 };
        let text = if (-4..9).contains(&size) {
            number(shown, (2 - size).clamp(0, 6) as usize)
        } else {
            format!("{shown:.1e}").replace('-', "−")
        };
        if self == Self::Percent { text + " %" } else { text }
    }
}

/// An axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axis {
    /// What it measures, with the unit.
    pub label: String,
    /// How its numbers are written.
    pub format: Format,
    /// Fixed range, or `None` for the range of the data.
    pub range: Option<(f64, f64)>,
}

impl Axis {
    /// An axis over the range of the data.
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), format: Format::Number, range: None }
    }

    /// An axis of shares, from 0 to 100 %.
    pub fn percent(label: impl Into<String>) -> Self {
        Self { label: label.into(), format: Format::Percent, range: Some((0.0, 1.0)) }
    }

    /// The same axis with a fixed range.
    #[must_use]
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// The same axis with the range of the data.
    #[must_use]
    pub fn free(mut self) -> Self {
        self.range = None;
        self
    }

    /// Range that holds `values` and, if one is fixed, the fixed range; never empty.
    pub(super) fn span(&self, values: impl Iterator<Item = f64>) -> (f64, f64) {
        let start = self.range.filter(|(a, b)| a.is_finite() && b.is_finite());
        let (mut low, mut high) = start.unwrap_or((f64::INFINITY, f64::NEG_INFINITY));
        // Beyond this, the width of the range itself would not be a number.
        for value in values.filter(|v| v.is_finite()).map(|v| v.clamp(-1e300, 1e300)) {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            return (0.0, 1.0);
        }
        // Below a millionth of the values themselves, ticks could not be told apart.
        let least = (low.abs().max(high.abs()) * 1e-6).max(1e-300);
        if high - low < least {
            let pad = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
            return (low - pad, high + pad);
        }
        (low, high)
    }
}

/// A line at one value, such as chance or the ceiling.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reference {
    /// Name.
    pub name: String,
    /// Where it lies, in the axis's own unit.
    pub value: f64,
}

/// A map from values to coordinates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) from: (f64, f64),
    pub(super) to: (f64, f64),
}

impl Scale {
    /// Coordinate of `value`.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = (value - self.from.0) / (self.from.1 - self.from.0);
        self.to.0 + share * (self.to.1 - self.to.0)
    }

    /// About `count` round values inside the range, and their step.
    pub(super) fn ticks(&self, count: usize) -> (Vec<f64>, f64) {
        let (low, high) = self.from;
        let rough = (high - low) / count.max(1) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|&s| s >= rough * 0.999).unwrap_or(10.0 * power);
        let first = (low / step - 1e-6).ceil();
        let last = (high / step + 1e-6).floor();
        let many = ((last - first).max(0.0) as usize).min(1000);
        // A product, not a sum of steps: no rounding error piles up, and zero is zero.
        ((0..=many).map(|i| (first + i as f64) * step).collect(), step)
    }
}

/// A coordinate as text, one decimal.
pub(super) fn px(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    if rounded == 0.0 { "0".into() } else { format!("{rounded}") }
}

/// Decimals that tell multiples of `step` apart.
fn decimals(step: f64) -> usize {
    if step > 0.0 { (-(step.log10() + 1e-9).floor()).clamp(0.0, 9.0) as usize } else { 0 }
}

/// A number with thousands separated.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    // Minus zero is zero.
    let negative = value < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    let mut out = String::from(if negative { "−" } else { "" });
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

/// Width of `text` in user units, as far as it can be told without the font: on the safe side.
pub(super) fn width(text: &str) -> f64 {
    text.chars().map(|c| if c.is_ascii() { if c.is_ascii_uppercase() { 9.4 } else { 7.6 } } else { LETTER }).sum()
}

/// `text`, cut with an ellipsis so that it needs at most `room` user units.
pub(super) fn fit(text: &str, room: f64) -> String {
    let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if width(&flat) <= room {
        return flat;
    }
    let mut out = String::new();
    let mut used = LETTER;
    if room < 2.0 * LETTER {
        return out;
    }
    for c in flat.chars() {
        used += width(c.encode_utf8(&mut [0; 4]));
        if used > room {
            break;
        }
        out.push(c);
    }
    out + "…"
}

/// Rectangle of the data inside a plot: left, top, right, bottom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// Width of the whole plot.
    pub(super) width: f64,
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Frame {
    /// Axis line, ticks and label below the frame.
    pub(super) fn below(&self, axis: &Axis, scale: &Scale, count: usize) -> Markup {
        let (ticks, step) = scale.ticks(count);
        let middle = f64::midpoint(self.left, self.right);
        html! {
            path class="axis" d=(format!("M{} {}H{}", px(self.left), px(self.bottom), px(self.right))) {}
            @for &tick in &ticks {
                path class="axis" d=(format!("M{} {}v5", px(scale.at(tick)), px(self.bottom))) {}
            }
            @for (at, text) in self.labels(ticks.iter().map(|&t| (scale.at(t), axis.format.text(t, step)))) {
                text class="tick" x=(px(at)) y=(px(self.bottom + 19.0)) text-anchor="middle" { (text) }
            }
            text class="label" x=(px(middle)) y=(px(self.bottom + 38.0)) text-anchor="middle" {
                (fit(&axis.label, 2.0 * middle.min(self.width - middle) - 8.0))
            }
        }
    }

    /// Tick texts that have room side by side: pushed inside the plot, those left out that would touch the one before.
    fn labels(&self, ticks: impl Iterator<Item = (f64, String)>) -> Vec<(f64, String)> {
        let mut free = 0.0;
        ticks
            .filter_map(|(at, text)| {
                let half = width(&text) / 2.0;
                let at = at.min(self.width - half).max(half);
                (at - half >= free).then(|| {
                    free = at + half + 4.0;
                    (at, text)
                })
            })
            .collect()
    }

    /// Grid lines and ticks left of the frame, the label above it.
    pub(super) fn beside(&self, axis: &Axis, scale: &Scale, count: usize) -> Markup {
        let (ticks, step) = scale.ticks(count);
        let ticks: Vec<_> = ticks.into_iter().map(|tick| (tick, axis.format.text(tick, step))).collect();
        self.beside_at(axis, scale, &ticks)
    }

    /// The same with ticks of one's own: value and text.
    pub(super) fn beside_at(&self, axis: &Axis, scale: &Scale, ticks: &[(f64, String)]) -> Markup {
        html! {
            @for (tick, text) in ticks {
                path class="grid" d=(format!("M{} {}H{}", px(self.left), px(scale.at(*tick)), px(self.right))) {}
                text class="tick" x=(px(self.left - 7.0)) y=(px(scale.at(*tick) + 4.5)) text-anchor="end" { (text) }
            }
            text class="label" x="4" y="14" { (fit(&axis.label, self.right - 4.0)) }
        }
    }

    /// Grid lines across the frame, for an axis below.
    pub(super) fn uprights(&self, scale: &Scale, count: usize) -> Markup {
        html! {
            @for tick in scale.ticks(count).0 {
                path class="grid" d=(format!("M{} {}V{}", px(scale.at(tick)), px(self.top), px(self.bottom))) {}
            }
        }
    }
}

/// Room that the tick texts of `axis` need on its left.
pub(super) fn tick_room(axis: &Axis, scale: &Scale, count: usize) -> f64 {
    let (ticks, step) = scale.ticks(count);
    ticks.iter().map(|&t| width(&axis.format.text(t, step))).fold(20.0, f64::max) + 12.0
}

/// Path of marker `style` around the origin: no two of the six look alike without colour.
pub(super) fn marker(style: usize) -> &'static str {
    match style % 6 {
        0 => "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
        1 => "M-3.6 -3.6h7.2v7.2h-7.2z",
        2 => "M0 -4.8L4.6 3.4H-4.6z",
        3 => "M0 -5.2L5.2 0L0 5.2L-5.2 0z",
        4 => "M0 4.8L4.6 -3.4H-4.6z",
        _ => "M-1.5 -4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",
    }
}

/// A marker at a place.
pub(super) fn marker_at(style: usize, class: &str, x: f64, y: f64) -> Markup {
    html! { path class=(format!("{class} s{}", style % 6)) d=(marker(style)) transform=(format!("translate({} {})", px(x), px(y))) {} }
}

/// Sample of a series for the legend.
pub(super) fn sample(style: usize) -> Markup {
    html! {
        svg class="sample" viewBox="-18 -8 36 16" aria-hidden="true" {
            path class=(format!("curve s{}", style % 6)) d="M-17 0H17" {}
            (marker_at(style, "mark", 0.0, 0.0))
        }
    }
}

/// The text of an empty plot.
pub(super) fn nothing(width: f64, height: f64) -> Markup {
    html! { text class="label" x=(px(width / 2.0)) y=(px(height / 2.0)) text-anchor="middle" { "no data" } }
}

/// Note on values that are no numbers.
pub(super) fn missing_note(count: usize) -> Option<String> {
    match count {
        0 => None,
        1 => Some("One value is not a number and is not drawn.".into()),
        n => Some(format!("{n} values are not numbers and are not drawn.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside_the_range() {
        let scale = Scale { from: (0.0, 0.97), to: (0.0, 100.0) };
        assert_eq!(scale.ticks(5), (vec![0.0, 0.2, 0.4, 3.0 * 0.2, 0.8], 0.2));
        let (ticks, _) = Scale { from: (-3.0, 11.0), to: (0.0, 1.0) }.ticks(4);
        assert_eq!(ticks, [0.0, 5.0, 10.0]);
    }

    #[test]
    fn numbers_read_as_a_person_writes_them() {
        assert_eq!(number(1_234_567.0, 0), "1,234,567");
        assert_eq!(number(-0.0004, 2), "0.00");
        assert_eq!(Format::Percent.text(3.0 * 0.2, 0.2), "60 %");
        assert_eq!(Format::Percent.exact(0.00352), "0.352 %");
        assert_eq!(Format::Number.exact(12345.6), "12,346");
        assert_eq!(Format::Number.exact(0.0), "0");
        assert_eq!(Format::Number.exact(f64::NAN), "not a number");
    }

    #[test]
    fn the_range_of_one_value_or_none_is_not_empty() {
        let axis = Axis::new("x");
        assert_eq!(axis.span([].into_iter()), (0.0, 1.0));
        assert_eq!(axis.span([f64::NAN].into_iter()), (0.0, 1.0));
        let (low, high) = axis.span([5.0].into_iter());
        assert!(low < 5.0 && high > 5.0);
    }

    #[test]
    fn long_names_are_cut_to_the_room() {
        let cut = fit("a very long name of an odour that nobody can say", 100.0);
        assert!(cut.ends_with('…') && width(&cut) <= 100.0, "{cut}");
        assert_eq!(fit("short\nname", 100.0), "short name");
    }
}
