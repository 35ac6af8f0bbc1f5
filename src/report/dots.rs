//! Values with intervals, one row each.

use maud::html;
use serde::Serialize;

use super::svg::{Axis, Drawing, Frame, Reference, Scale, fit, marker_at, missing_note, nothing, px, width};

const WIDTH: f64 = 480.0;
/// Height of a row, and of a row whose interval is written out.
const ROW: (f64, f64) = (26.0, 38.0);
/// Room for names, at most.
const NAMES: f64 = 215.0;

/// Values with intervals: accuracy of a network and its controls, mean rate of each population.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DotChart {
    /// Axis below.
    pub x: Axis,
    /// The rows from top to bottom.
    pub dots: Vec<Dot>,
    /// Vertical lines such as chance or a target.
    pub references: Vec<Reference>,
}

/// What a row stands for; fixes its marker and colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Emphasis {
    /// What the page is about: a filled circle.
    #[default]
    Main,
    /// What it is compared with: a square.
    Control,
    /// A bound such as a ceiling or chance: a diamond.
    Bound,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dot {
    /// Name at the left.
    pub name: String,
    /// The value.
    pub value: f64,
    /// Lower and upper end of the interval, if one is known.
    pub interval: Option<(f64, f64)>,
    /// What the row stands for.
    pub emphasis: Emphasis,
}

impl Dot {
    /// A row without an interval.
    pub fn new(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), value, interval: None, emphasis: Emphasis::Main }
    }

    /// The same row with an interval.
    #[must_use]
    pub fn interval(mut self, low: f64, high: f64) -> Self {
        self.interval = Some((low, high));
        self
    }

    /// The same row as something compared with.
    #[must_use]
    pub fn control(mut self) -> Self {
        self.emphasis = Emphasis::Control;
        self
    }

    /// The same row as a bound.
    #[must_use]
    pub fn bound(mut self) -> Self {
        self.emphasis = Emphasis::Bound;
        self
    }
}

impl DotChart {
    /// A chart without rows.
    pub fn new(x: Axis) -> Self {
        Self { x, dots: Vec::new(), references: Vec::new() }
    }

    /// Adds a row.
    #[must_use]
    pub fn dot(mut self, dot: Dot) -> Self {
        self.dots.push(dot);
        self
    }

    /// Adds rows.
    #[must_use]
    pub fn dots(mut self, dots: impl IntoIterator<Item = Dot>) -> Self {
        self.dots.extend(dots);
        self
    }

    /// Adds a vertical line.
    #[must_use]
    pub fn reference(mut self, name: impl Into<String>, value: f64) -> Self {
        self.references.push(Reference { name: name.into(), value });
        self
    }

    pub(super) fn draw(&self) -> Drawing {
        let texts: Vec<String> = self.dots.iter().map(|d| self.x.format.exact(d.value)).collect();
        let intervals: Vec<Option<String>> = self.dots.iter().map(|d| self.interval_text(d)).collect();
        let row = if intervals.iter().any(Option::is_some) { ROW.1 } else { ROW.0 };
        let names = self.dots.iter().map(|d| width(&d.name)).fold(40.0, f64::max).min(NAMES);
        let values = texts.iter().chain(intervals.iter().flatten()).map(|t| width(t)).fold(30.0, f64::max);
        let references: Vec<&Reference> = self.references.iter().filter(|r| r.value.is_finite()).collect();
        let top = 8.0 + 18.0 * references.len() as f64;
        let bottom = top + row * self.dots.len().max(1) as f64 + 4.0;
        let frame = Frame { width: WIDTH, left: names + 14.0, top, right: WIDTH - values - 14.0, bottom };
        let ends = self.dots.iter().flat_map(|d| d.interval.into_iter().flat_map(|(a, b)| [a, b]).chain([d.value]));
        let zero = self.x.range.is_none().then_some(0.0);
        let from = self.x.span(ends.clone().chain(references.iter().map(|r| r.value)).chain(zero));
        let x = Scale { from, to: (frame.left + 6.0, frame.right - 6.0) };
        let marks = html! {
            (frame.uprights(&x, 4))
            (frame.below(&self.x, &x, 4))
            @if self.dots.is_empty() { (nothing(WIDTH, bottom)) }
            @for (i, reference) in references.iter().enumerate() {
                @let text = format!("{}: {}", fit(&reference.name, 180.0), self.x.format.exact(reference.value));
                @let at = x.at(reference.value);
                @let flip = at + width(&text) > WIDTH - 4.0;
                path class="reference" d=(format!("M{} {}V{}", px(at), px(8.0 + 18.0 * i as f64), px(bottom))) {}
                text class="tick halo" x=(px(if flip { at - 5.0 } else { at + 5.0 })) y=(px(18.0 + 18.0 * i as f64))
                    text-anchor=(if flip { "end" } else { "start" }) { (text) }
            }
            @for (i, ((dot, text), interval)) in self.dots.iter().zip(&texts).zip(&intervals).enumerate() {
                @let y = top + row * (i as f64 + 0.5);
                @let up = if interval.is_some() { 8.0 } else { 0.0 };
                text class="label" x=(px(frame.left - 8.0)) y=(px(y + 4.5)) text-anchor="end" { title { (dot.name) } (fit(&dot.name, NAMES)) }
                text class="label" x=(px(WIDTH - 4.0)) y=(px(y + 4.5 - up)) text-anchor="end" { (text) }
                @if let Some(interval) = interval {
                    text class="tick" x=(px(WIDTH - 4.0)) y=(px(y + 4.5 + up)) text-anchor="end" { (interval) }
                }
                @if let Some((low, high)) = dot.interval.filter(|(a, b)| a.is_finite() && b.is_finite()) {
                    path class=(format!("whisker {}", class(dot.emphasis)))
                        d=(format!("M{a} {}v8M{a} {}H{b}M{b} {}v8", px(y - 4.0), px(y), px(y - 4.0), a = px(x.at(low)), b = px(x.at(high)))) {}
                }
                @if dot.value.is_finite() { (marker_at(style(dot.emphasis), "mark", x.at(dot.value), y)) }
            }
        };
        let missing = ends.filter(|v| !v.is_finite()).count();
        Drawing {
            marks,
            size: (WIDTH, bottom + 46.0),
            legend: Vec::new(),
            notes: missing_note(missing).into_iter().collect(),
            table: None,
        }
    }

    /// The interval of a row in words, such as `90.2–92.3`.
    fn interval_text(&self, dot: &Dot) -> Option<String> {
        let (low, high) = dot.interval?;
        let bare = |v| self.x.format.exact(v).trim_end_matches(" %").to_string();
        Some(format!("{}–{}", bare(low), bare(high)))
    }
}

fn style(emphasis: Emphasis) -> usize {
    match emphasis {
        Emphasis::Main => 0,
        Emphasis::Control => 1,
        Emphasis::Bound => 3,
    }
}

fn class(emphasis: Emphasis) -> String {
    format!("s{}", style(emphasis))
}
