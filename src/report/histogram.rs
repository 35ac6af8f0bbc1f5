//! How many values fall where.

use std::fmt::Write as _;

use maud::html;
use serde::Serialize;

use super::svg::{Axis, Drawing, Frame, Reference, Scale, fit, missing_note, nothing, px, tick_room, width};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 280.0;

/// Counts of values per bin of equal width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// Axis below; its fixed range, if any, is where the bins lie.
    pub x: Axis,
    /// What is counted: label of the axis at the left.
    pub of: String,
    /// Where the bins begin and end.
    pub range: (f64, f64),
    /// Count of each bin.
    pub counts: Vec<u64>,
    /// Values that are no numbers.
    pub missing: usize,
    /// Values outside the range.
    pub outside: usize,
    /// Vertical lines.
    pub references: Vec<Reference>,
    /// Whether bars are as high as log10(1 + count); the axis shows counts all the same.
    pub log: bool,
}

impl Histogram {
    /// Counts `values` into `bins` bins over the axis's fixed range, or over the range of the values.
    ///
    /// The upper end belongs to the last bin.
    pub fn of(x: Axis, of: impl Into<String>, values: &[f64], bins: usize) -> Self {
        let bins = bins.clamp(1, 200);
        let inside = x.range.filter(|(a, b)| a < b && (b - a).is_finite());
        let range = inside.unwrap_or_else(|| x.span(values.iter().copied()));
        let mut counts = vec![0; bins];
        let (mut missing, mut outside) = (0, 0);
        for &value in values {
            let share = (value - range.0) / (range.1 - range.0);
            if !value.is_finite() {
                missing += 1;
            } else if (0.0..=1.0).contains(&share) {
                counts[((share * bins as f64) as usize).min(bins - 1)] += 1;
            } else {
                outside += 1;
            }
        }
        Self { x, of: of.into(), range, counts, missing, outside, references: Vec::new(), log: false }
    }

    /// Draws bars as high as log10(1 + count): rare values show beside frequent ones.
    #[must_use]
    pub fn log(mut self) -> Self {
        self.log = true;
        self
    }

    /// Adds a vertical line.
    #[must_use]
    pub fn reference(mut self, name: impl Into<String>, value: f64) -> Self {
        self.references.push(Reference { name: name.into(), value });
        self
    }

    /// Room that the counts beside a logarithmic axis need.
    fn room(&self, most: u64) -> f64 {
        if self.log { width(&most.to_string()) + 12.0 } else { 0.0 }
    }

    pub(super) fn draw(&self) -> Drawing {
        let most = self.counts.iter().copied().max().unwrap_or(0);
        let references: Vec<&Reference> =
            self.references.iter().filter(|r| (self.range.0..=self.range.1).contains(&r.value)).collect();
        let top = 30.0 + 17.0 * references.len() as f64;
        let count = Axis::new(&*self.of);
        // Counts are whole: no ticks between them.
        let ticks = most.clamp(1, 4) as usize;
        let high = |n: u64| if self.log { (1.0 + n as f64).log10() } else { n as f64 };
        let y = Scale { from: (0.0, high(most.max(1))), to: (HEIGHT - 46.0, top) };
        let frame = Frame {
            width: WIDTH,
            left: tick_room(&count, &y, ticks).max(self.room(most)),
            top,
            right: WIDTH - 18.0,
            bottom: HEIGHT - 46.0,
        };
        let x = Scale { from: self.range, to: (frame.left, frame.right) };
        let bin = (frame.right - frame.left) / self.counts.len().max(1) as f64;
        let mut bars = String::new();
        for (i, &n) in self.counts.iter().enumerate().filter(|(_, n)| **n > 0) {
            let (left, height) = (frame.left + bin * i as f64, frame.bottom - y.at(high(n)));
            let _ = write!(
                bars,
                "M{} {}v-{h}h{}v{h}z",
                px(left + 0.5),
                px(frame.bottom),
                px((bin - 1.0).max(0.5)),
                h = px(height.max(0.6))
            );
        }
        let marks = html! {
            @if self.log {
                (frame.beside_at(&count, &y, &log_ticks(most.max(1)).into_iter().map(|n| (high(n), n.to_string())).collect::<Vec<_>>()))
            } @else {
                (frame.beside(&count, &y, ticks))
            }
            path class="bar s0" d=(bars) {}
            (frame.below(&self.x, &x, 5))
            @if most == 0 { (nothing(WIDTH, HEIGHT)) }
            @for (i, reference) in references.iter().enumerate() {
                @let text = format!("{}: {}", fit(&reference.name, 200.0), self.x.format.exact(reference.value));
                @let at = x.at(reference.value);
                @let flip = at + width(&text) > WIDTH - 4.0;
                @let up = 33.0 + 17.0 * i as f64;
                path class="reference" d=(format!("M{} {}V{}", px(at), px(up - 10.0), px(frame.bottom))) {}
                text class="tick halo" x=(px(if flip { at - 5.0 } else { at + 5.0 })) y=(px(up))
                    text-anchor=(if flip { "end" } else { "start" }) { (text) }
            }
        };
        let outside = (self.outside > 0).then(|| format!("{} values lie outside the range that is drawn.", self.outside));
        Drawing {
            marks,
            size: (WIDTH, HEIGHT),
            legend: Vec::new(),
            notes: missing_note(self.missing).into_iter().chain(outside).collect(),
            table: None,
        }
    }
}

/// Counts to be marked on a logarithmic axis: 0, 1, 2, 5, 10, ...; with powers of ten alone where these would be too many.
fn log_ticks(most: u64) -> Vec<u64> {
    let factors: &[u64] = if most < 1_000 { &[1, 2, 5] } else { &[1] };
    let powers = (0..=19).map(|power| 10u64.pow(power));
    let counts = powers.flat_map(|power| factors.iter().map(move |factor| power.saturating_mul(*factor)));
    std::iter::once(0).chain(counts.take_while(|&count| count <= most)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithmic_axis_is_marked_with_counts() {
        assert_eq!(log_ticks(60), [0, 1, 2, 5, 10, 20, 50]);
        assert_eq!(log_ticks(20_000), [0, 1, 10, 100, 1_000, 10_000]);
        assert_eq!(log_ticks(u64::MAX).len(), 21);
    }

    #[test]
    fn every_value_is_counted_once_or_named_as_left_out() {
        let values = [0.0, 0.1, 0.5, 1.0, 1.0, 2.0, -0.1, f64::NAN, f64::INFINITY];
        let h = Histogram::of(Axis::new("x").range(0.0, 1.0), "values", &values, 4);
        assert_eq!(h.counts, [2, 0, 1, 2]);
        assert_eq!((h.outside, h.missing), (2, 2));
    }
}
