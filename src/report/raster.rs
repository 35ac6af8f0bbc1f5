//! Spikes of populations over time.

use std::fmt::Write as _;

use maud::html;
use serde::Serialize;

use super::svg::{Axis, Drawing, Frame, Scale, fit, missing_note, nothing, number, px};

const WIDTH: f64 = 900.0;
const LEFT: f64 = 170.0;
const TOP: f64 = 24.0;
/// Rows of neurons in a drawing, about; a screen has no more lines to give.
const ROWS: f64 = 420.0;
/// Least rows of a population, so that a small one is not lost between large ones.
const LEAST: u32 = 18;
/// Height of a band at the least: its name must fit beside it.
const BAND: f64 = 18.0;

/// Spikes over time, neurons grouped by population.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Raster {
    /// What is shown, ms from 0 to this.
    pub duration_ms: f64,
    /// When the stimulus was on, ms, and what it was.
    pub window: Option<(f64, f64, String)>,
    /// The populations from top to bottom.
    pub groups: Vec<RasterGroup>,
}

/// Spikes of one population.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RasterGroup {
    /// Name of the population.
    pub name: String,
    /// Number of its neurons.
    pub neurons: u32,
    /// Spikes: neuron from 0 within the population, time in ms.
    pub spikes: Vec<(u32, f32)>,
}

impl Raster {
    /// A raster without populations.
    pub fn new(duration_ms: f64) -> Self {
        Self { duration_ms, window: None, groups: Vec::new() }
    }

    /// Shades the time from `on_ms` to `off_ms`.
    #[must_use]
    pub fn window(mut self, on_ms: f64, off_ms: f64, name: impl Into<String>) -> Self {
        self.window = Some((on_ms, off_ms, name.into()));
        self
    }

    /// Adds a population: its size and its spikes (neuron, ms).
    #[must_use]
    pub fn group(mut self, name: impl Into<String>, neurons: u32, spikes: impl IntoIterator<Item = (u32, f32)>) -> Self {
        self.groups.push(RasterGroup { name: name.into(), neurons, spikes: spikes.into_iter().collect() });
        self
    }

    pub(super) fn draw(&self) -> Drawing {
        let rows = shares(&self.groups.iter().map(|g| g.neurons).collect::<Vec<_>>());
        let all: u32 = rows.iter().sum();
        let row = (ROWS / f64::from(all.max(1))).clamp(1.0, 5.0);
        let bands: Vec<f64> = rows.iter().map(|&n| (f64::from(n) * row).max(BAND)).collect();
        let tops: Vec<f64> = bands
            .iter()
            .scan(TOP, |at, band| {
                let top = *at;
                *at += band + 3.0;
                Some(top)
            })
            .collect();
        let bottom = tops.last().zip(bands.last()).map_or(TOP + 60.0, |(a, b)| a + b);
        let frame = Frame { width: WIDTH, left: LEFT, top: TOP, right: WIDTH - 12.0, bottom };
        let end = if self.duration_ms > 0.0 && self.duration_ms.is_finite() { self.duration_ms } else { 1.0 };
        let x = Scale { from: (0.0, end), to: (frame.left, frame.right) };
        let (mut outside, mut thinned) = (0, Vec::new());
        let marks = html! {
            @if let Some((on, off, name)) = self.window.as_ref().filter(|(a, b, _)| a.is_finite() && b.is_finite()) {
                @let (left, right) = (x.at(on.clamp(0.0, end)), x.at(off.clamp(0.0, end)));
                path class="window" d=(format!("M{} {}H{}V{}H{}z", px(left), px(TOP - 3.0), px(right), px(bottom), px(left))) {}
                text class="tick" x=(px(left)) y="14" { (fit(name, frame.right - left)) }
            }
            @for (i, group) in self.groups.iter().enumerate() {
                @let (path, lost) = ticks(group, rows[i], tops[i], bands[i], &x);
                @let () = outside += lost;
                @let () = if rows[i] < group.neurons { thinned.push(format!("{} {} of {}", group.name, rows[i], number(f64::from(group.neurons), 0))); };
                @if i % 2 == 1 {
                    path class="band" d=(format!("M{} {}H{}v{}H{}z", px(LEFT), px(tops[i] - 1.5), px(frame.right), px(bands[i] + 3.0), px(LEFT))) {}
                }
                path class=(format!("spikes s{}", i % 2)) d=(path) {}
                text class="label" x=(px(LEFT - 8.0)) y=(px(tops[i] + bands[i] / 2.0 + 4.5)) text-anchor="end" {
                    title { (group.name) " (" (number(f64::from(group.neurons), 0)) " neurons)" }
                    (fit(&group.name, LEFT - 12.0))
                }
            }
            @if self.groups.is_empty() { (nothing(WIDTH, bottom)) }
            (frame.below(&Axis::new("time (ms)"), &x, 8))
        };
        let thinned = (!thinned.is_empty())
            .then(|| format!("Of large populations evenly spaced neurons are drawn: {}.", thinned.join(", ")));
        let outside =
            (outside > 0).then(|| format!("{outside} spikes lie outside the time or the population and are not drawn."));
        let window = self.window.as_ref().is_some_and(|(a, b, _)| !a.is_finite() || !b.is_finite());
        Drawing {
            marks,
            size: (WIDTH, bottom + 46.0),
            legend: Vec::new(),
            notes: thinned.into_iter().chain(outside).chain(missing_note(usize::from(window))).collect(),
            table: None,
        }
    }
}

/// Rows for each population: all of a small one, and of large ones in proportion to the square root of their size.
fn shares(sizes: &[u32]) -> Vec<u32> {
    let roots: f64 = sizes.iter().map(|&n| f64::from(n).sqrt()).sum();
    let share = |n: u32| (ROWS * f64::from(n).sqrt() / roots.max(1.0)) as u32;
    if sizes.iter().map(|&n| f64::from(n)).sum::<f64>() <= ROWS {
        return sizes.to_vec();
    }
    sizes.iter().map(|&n| n.min(share(n).max(LEAST))).collect()
}

/// Path of a population's spikes, and how many of them lie outside.
fn ticks(group: &RasterGroup, rows: u32, top: f64, band: f64, x: &Scale) -> (String, usize) {
    let pitch = band / f64::from(rows.max(1));
    let height = px((pitch * 0.9).clamp(2.4, 8.0));
    let mut lost = 0;
    let mut places: Vec<(u32, i64)> = Vec::new();
    for &(neuron, time) in &group.spikes {
        let time = f64::from(time);
        if neuron >= group.neurons || !(0.0..=x.from.1).contains(&time) {
            lost += 1;
            continue;
        }
        // Row r shows neuron floor(r n / rows): evenly spaced, each row another neuron.
        let row = (u64::from(neuron) * u64::from(rows)).div_ceil(u64::from(group.neurons)) as u32;
        if u64::from(row) * u64::from(group.neurons) / u64::from(rows.max(1)) == u64::from(neuron) {
            places.push((row, (x.at(time) * 2.0).round() as i64));
        }
    }
    places.sort_unstable();
    places.dedup();
    let mut path = String::new();
    for (row, at) in places {
        let y = top + pitch * f64::from(row) + ((pitch - 8.0) / 2.0).max(0.0);
        let _ = write!(path, "M{} {}v{height}", px(at as f64 / 2.0), px(y));
    }
    (path, lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_shows_exactly_one_neuron() {
        for (neurons, rows) in [(10, 10), (5177, 120), (7, 3), (1, 1)] {
            let spikes = (0..neurons).map(|n| (n, 1.0)).collect();
            let group = RasterGroup { name: "KC".into(), neurons, spikes };
            let x = Scale { from: (0.0, 2.0), to: (0.0, 100.0) };
            let (path, lost) = ticks(&group, rows, 0.0, 400.0, &x);
            assert_eq!((path.matches('M').count(), lost), (rows as usize, 0), "{neurons} neurons in {rows} rows");
        }
    }

    #[test]
    fn small_populations_keep_all_their_neurons() {
        assert_eq!(shares(&[3, 100]), [3, 100]);
        let large = shares(&[2113, 5177, 1, 20]);
        assert_eq!(large[2], 1);
        assert!(large[3] >= LEAST && large.iter().sum::<u32>() < 480, "{large:?}");
    }

    #[test]
    fn spikes_outside_are_counted_not_drawn() {
        let raster = Raster::new(10.0).group("a", 2, [(0, 5.0), (2, 5.0), (1, 11.0), (1, f32::NAN)]);
        assert!(raster.draw().notes.iter().any(|n| n.starts_with("3 spikes")));
    }
}
