//! One quantity against another, a point each.

use maud::html;
use serde::Serialize;

use super::svg::{Axis, Drawing, Frame, Scale, missing_note, nothing, px, tick_room};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 300.0;
/// Points that are drawn at most; of more, every n-th.
const POINTS: usize = 4_000;

/// Points of two quantities.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scatter {
    /// Axis below.
    pub x: Axis,
    /// Axis at the left.
    pub y: Axis,
    /// The points (x, y).
    pub points: Vec<(f64, f64)>,
}

impl Scatter {
    /// A plot of these points.
    pub fn new(x: Axis, y: Axis, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { x, y, points: points.into_iter().collect() }
    }

    pub(super) fn draw(&self) -> Drawing {
        let whole: Vec<(f64, f64)> = self.points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        let every = whole.len().div_ceil(POINTS).max(1);
        let y = Scale { from: self.y.span(whole.iter().map(|p| p.1)), to: (HEIGHT - 46.0, 30.0) };
        let left = tick_room(&self.y, &y, 5);
        let frame = Frame { width: WIDTH, left, top: 30.0, right: WIDTH - 18.0, bottom: HEIGHT - 46.0 };
        let x = Scale { from: self.x.span(whole.iter().map(|p| p.0)), to: (frame.left, frame.right) };
        let marks = html! {
            (frame.beside(&self.y, &y, 5))
            (frame.below(&self.x, &x, 5))
            @if whole.is_empty() { (nothing(WIDTH, HEIGHT)) }
            @for point in whole.iter().step_by(every) {
                circle class="dot s0" cx=(px(x.at(point.0))) cy=(px(y.at(point.1))) r="2.2" fill-opacity="0.45" {}
            }
        };
        let thinned = (every > 1).then(|| format!("Of {} points every {every}th is drawn.", whole.len()));
        Drawing {
            marks,
            size: (WIDTH, HEIGHT),
            legend: Vec::new(),
            notes: missing_note(self.points.len() - whole.len()).into_iter().chain(thinned).collect(),
            table: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_that_are_no_numbers_are_counted_and_many_are_thinned() {
        let points = (0..9_000).map(|i| (f64::from(i), f64::from(i % 7))).chain([(f64::NAN, 1.0)]);
        let drawing = Scatter::new(Axis::new("x"), Axis::new("y"), points).draw();
        assert_eq!(drawing.notes.len(), 2);
        assert_eq!(drawing.marks.into_string().matches("<circle").count(), 3_000);
    }
}
