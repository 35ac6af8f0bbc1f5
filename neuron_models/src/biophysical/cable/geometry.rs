//! Area and axial resistance of segments (specification of biophysical neurons, sections 1.2 and 1.3).
//!
//! Between two traced points the diameter is linear, so a piece of length l from diameter d1 to d2 is a frustum with
//!
//! `area = π (d1 + d2)/2 · sqrt(l² + (d1 − d2)²/4)`, `R = Ra · 4 l / (π d1 d2)`.

use std::f64::consts::PI;

use crate::biophysical::morphology::{Point, Shape};

/// From Ω·cm · µm / µm² to MΩ.
const MOHM: f64 = 1e-2;

/// One segment of a section.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// Membrane area, µm².
    pub area_um2: f64,
    /// Axial resistance from its start to its centre, MΩ.
    pub ri_left_mohm: f64,
    /// Axial resistance from its centre to its end, MΩ.
    pub ri_right_mohm: f64,
    /// Mean diameter, µm.
    pub diam_um: f64,
}

/// Cuts a shape of the given length into `nseg` equal segments.
pub fn cut(shape: &Shape, length_um: f64, nseg: u32, ra_ohm_cm: f64) -> Vec<Segment> {
    match shape {
        Shape::Points(points) => cut_points(points, nseg, ra_ohm_cm),
        Shape::Cylinder { diam_um, .. } => {
            let length = length_um / f64::from(nseg);
            let half = ra_ohm_cm * MOHM * 4.0 * (length / 2.0) / (PI * diam_um * diam_um);
            let segment = Segment { area_um2: PI * diam_um * length, ri_left_mohm: half, ri_right_mohm: half, diam_um: *diam_um };
            vec![segment; nseg as usize]
        }
    }
}

/// Diameter at the near end, µm.
pub fn diameter_at_start(shape: &Shape) -> f64 {
    match shape {
        Shape::Points(points) => points[0].diam,
        Shape::Cylinder { diam_um, .. } => *diam_um,
    }
}

/// Diameter at the far end, µm.
pub fn diameter_at_end(shape: &Shape) -> f64 {
    match shape {
        Shape::Points(points) => points[points.len() - 1].diam,
        Shape::Cylinder { diam_um, .. } => *diam_um,
    }
}

/// Arc length from the first point to each point, µm.
pub fn arc(points: &[Point]) -> Vec<f64> {
    let mut total = 0.0;
    let mut arc = Vec::with_capacity(points.len());
    for (i, point) in points.iter().enumerate() {
        if i > 0 {
            total += points[i - 1].distance(point);
        }
        arc.push(total);
    }
    arc
}

/// Sums over a stretch of frusta.
#[derive(Default, Clone, Copy)]
struct Stretch {
    area: f64,
    /// `Σ 4 l / (π d1 d2)`, 1/µm.
    resistance: f64,
    /// `Σ l (d1 + d2)/2`, µm².
    section: f64,
}

impl Stretch {
    fn add(&mut self, l: f64, d1: f64, d2: f64) {
        let taper = (d1 - d2) / 2.0;
        self.area += PI * f64::midpoint(d1, d2) * (l * l + taper * taper).sqrt();
        self.resistance += 4.0 * l / (PI * d1 * d2);
        self.section += l * f64::midpoint(d1, d2);
    }
}

fn cut_points(points: &[Point], nseg: u32, ra_ohm_cm: f64) -> Vec<Segment> {
    let arc = arc(points);
    let total = arc[arc.len() - 1];
    let halves = 2 * nseg;
    let mut next = 1;
    let (mut at, mut diam) = (0.0, points[0].diam);
    let mut half = |k: u32| {
        let bound = if k + 1 == halves { total } else { total * f64::from(k + 1) / f64::from(halves) };
        let mut stretch = Stretch::default();
        while next < points.len() && arc[next] <= bound {
            stretch.add(arc[next] - at, diam, points[next].diam);
            (at, diam) = (arc[next], points[next].diam);
            next += 1;
        }
        if at < bound {
            let share = (bound - arc[next - 1]) / (arc[next] - arc[next - 1]);
            let there = points[next - 1].diam + share * (points[next].diam - points[next - 1].diam);
            stretch.add(bound - at, diam, there);
            (at, diam) = (bound, there);
        }
        stretch
    };
    let length = total / f64::from(nseg);
    (0..nseg)
        .map(|k| {
            let (left, right) = (half(2 * k), half(2 * k + 1));
            Segment {
                area_um2: left.area + right.area,
                ri_left_mohm: ra_ohm_cm * MOHM * left.resistance,
                ri_right_mohm: ra_ohm_cm * MOHM * right.resistance,
                diam_um: (left.section + right.section) / length,
            }
        })
        .collect()
}
