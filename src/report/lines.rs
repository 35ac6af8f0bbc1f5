//! Curves with reference lines.

use std::fmt::Write as _;

use maud::{Markup, html};
use serde::Serialize;

use super::svg::{Axis, Drawing, Frame, Reference, Scale, fit, marker_at, missing_note, nothing, px, sample, tick_room, width};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 300.0;
/// Upper edge of the frame: the name of a line along it stands clear of the axis label above.
const TOP: f64 = 44.0;
/// Markers on a curve, at most; more would hide it.
const MARKERS: usize = 24;

/// Curves over a common axis, such as loss and accuracy over epochs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LineChart {
    /// Axis below.
    pub x: Axis,
    /// Axis at the left.
    pub y: Axis,
    /// The curves.
    pub series: Vec<Series>,
    /// Horizontal lines such as chance and the ceiling.
    pub references: Vec<Reference>,
}

/// One curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// Name for the legend.
    pub name: String,
    /// Points (x, y) in drawing order; a value that is not a number interrupts the curve.
    pub points: Vec<(f64, f64)>,
}

impl Series {
    /// A curve.
    pub fn new(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { name: name.into(), points: points.into_iter().collect() }
    }
}

impl LineChart {
    /// A chart without curves.
    pub fn new(x: Axis, y: Axis) -> Self {
        Self { x, y, series: Vec::new(), references: Vec::new() }
    }

    /// Adds a curve.
    #[must_use]
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Adds a horizontal line.
    #[must_use]
    pub fn reference(mut self, name: impl Into<String>, value: f64) -> Self {
        self.references.push(Reference { name: name.into(), value });
        self
    }

    pub(super) fn draw(&self) -> Drawing {
        let points = || self.series.iter().flat_map(|s| &s.points);
        let drawn = points().filter(|p| p.0.is_finite() && p.1.is_finite());
        let references = || self.references.iter().map(|r| r.value).filter(|v| v.is_finite());
        let y = Scale { from: self.y.span(drawn.clone().map(|p| p.1).chain(references())), to: (HEIGHT - 46.0, TOP) };
        let frame = Frame { width: WIDTH, left: tick_room(&self.y, &y, 5), top: TOP, right: WIDTH - 18.0, bottom: HEIGHT - 46.0 };
        let x = Scale { from: self.x.span(drawn.clone().map(|p| p.0)), to: (frame.left + 6.0, frame.right - 6.0) };
        let missing = points().count() - drawn.count() + self.references.len() - references().count();
        let marks = html! {
            (frame.beside(&self.y, &y, 5))
            (frame.below(&self.x, &x, 6))
            @if points().next().is_none() { (nothing(WIDTH, HEIGHT)) }
            (self.reference_lines(&frame, &x, &y))
            @for (style, series) in self.series.iter().enumerate() {
                (curve(series, style, &x, &y))
            }
        };
        Drawing {
            marks,
            size: (WIDTH, HEIGHT),
            legend: self.series.iter().enumerate().map(|(i, s)| (sample(i), s.name.clone())).collect(),
            notes: missing_note(missing).into_iter().collect(),
            table: None,
        }
    }

    /// The horizontal lines; their names stand where the fewest points lie, pushed apart where they would touch.
    fn reference_lines(&self, frame: &Frame, x: &Scale, y: &Scale) -> Markup {
        let mut lines: Vec<(f64, f64, String)> = self
            .references
            .iter()
            .filter(|r| r.value.is_finite())
            .map(|r| (y.at(r.value), y.at(r.value) - 5.0, format!("{}: {}", fit(&r.name, 200.0), self.y.format.exact(r.value))))
            .collect();
        lines.sort_by(|a, b| b.0.total_cmp(&a.0));
        for i in 1..lines.len() {
            lines[i].1 = lines[i].1.min(lines[i - 1].1 - 17.0);
        }
        let crowd = |left: f64, right: f64, base: f64| {
            let points = self.series.iter().flat_map(|s| &s.points).map(|p| (x.at(p.0), y.at(p.1)));
            points.filter(|p| (left - 6.0..right + 6.0).contains(&p.0) && (base - 18.0..base + 8.0).contains(&p.1)).count()
        };
        html! {
            @for (at, place, text) in lines {
                @let wide = width(&text);
                @let right = crowd(frame.right - wide, frame.right, place) <= crowd(frame.left, frame.left + wide, place);
                path class="reference" d=(format!("M{} {}H{}", px(frame.left), px(at), px(frame.right))) {}
                text class="tick halo" x=(px(if right { frame.right } else { frame.left + 4.0 })) y=(px(place))
                    text-anchor=(if right { "end" } else { "start" }) { (text) }
            }
        }
    }
}

fn curve(series: &Series, style: usize, x: &Scale, y: &Scale) -> Markup {
    let mut path = String::new();
    let mut open = false;
    for &(a, b) in &series.points {
        if a.is_finite() && b.is_finite() {
            let _ = write!(path, "{}{} {}", if open { 'L' } else { 'M' }, px(x.at(a)), px(y.at(b)));
            open = true;
        } else {
            open = false;
        }
    }
    let every = series.points.len().div_ceil(MARKERS).max(1);
    html! {
        path class=(format!("curve s{}", style % 6)) d=(path) {}
        @for &(a, b) in series.points.iter().step_by(every).filter(|p| p.0.is_finite() && p.1.is_finite()) {
            (marker_at(style, "mark", x.at(a), y.at(b)))
        }
    }
}
