//! A soma from its outline, as NEURON imports it (specification of biophysical neurons, section 4.1).

use kenyon_base::{Result, UserError};

use super::Point;

/// Points along the resampled outline.
const SAMPLES: usize = 101;
/// Points of the section that comes out.
const SECTION_POINTS: usize = 21;

type Vector = [f64; 3];

/// The 21 points of a soma section from a single outline, in µm.
///
/// The outline is resampled at 101 points of equal chord length (the closing edge is left out); the section runs along its longest
/// principal axis, its diameters are the widths of the outline across that axis.
///
/// # Errors
/// `soma-contour` if the outline has no width or length in the xy plane.
pub fn soma_from_contour(outline: &[Vector]) -> Result<Vec<Point>> {
    let flat = || {
        UserError::bad_data("soma-contour", "the outline of the soma has no width across its longest axis")
            .mend("trace it in the xy plane with more points, the last one near the first")
    };
    let points = resample(outline).ok_or_else(flat)?;
    let mean = [0, 1, 2].map(|i| points.iter().map(|p| p[i]).sum::<f64>() / SAMPLES as f64);
    let (major, minor) = axes(&points, mean).ok_or_else(flat)?;
    let along = |axis: Vector| move |p: &Vector| (0..3).map(|i| (p[i] - mean[i]) * axis[i]).sum::<f64>();
    let mut ring: Vec<(f64, f64)> = points.iter().map(|p| (along(major)(p), along(minor)(p))).collect();
    let first_of = |ring: &[(f64, f64)], better: fn(f64, f64) -> bool| {
        (1..ring.len()).fold(0, |best, i| if better(ring[i].0, ring[best].0) { i } else { best })
    };
    let start = first_of(&ring, |a, b| a > b);
    ring.rotate_left(start);
    let split = first_of(&ring, |a, b| a < b);
    let mut side_b = ring.split_off(split);
    let mut side_a = ring;
    side_a.reverse();
    if side_a.is_empty() || side_b.is_empty() {
        return Err(flat());
    }
    ascend(&mut side_a);
    ascend(&mut side_b);
    let mut places: Vec<f64> = side_a.iter().chain(&side_b).map(|(d, _)| *d).collect();
    places.sort_by(f64::total_cmp);
    let (first, last) = (places[1], places[places.len() - 2]);
    if first >= last {
        return Err(flat());
    }
    let step = |k: usize| first + k as f64 * (last - first) / (SECTION_POINTS - 1) as f64;
    let mut diam: Vec<f64> =
        (0..SECTION_POINTS).map(|k| (interpolate(&side_a, step(k)) - interpolate(&side_b, step(k))).abs()).collect();
    diam[0] = f64::midpoint(diam[0], diam[1]);
    diam[SECTION_POINTS - 1] = f64::midpoint(diam[SECTION_POINTS - 2], diam[SECTION_POINTS - 1]);
    let section: Vec<Point> = (0..SECTION_POINTS)
        .map(|k| {
            let [x, y, z] = [0, 1, 2].map(|i| mean[i] + step(k) * major[i]);
            Point::new(shortened(x), shortened(y), shortened(z), shortened(diam[k]))
        })
        .collect();
    let sound = section.iter().all(Point::is_sound) && !section[0].coincides(&section[SECTION_POINTS - 1]);
    if sound { Ok(section) } else { Err(flat()) }
}

/// A number with eight significant digits: NEURON's importer hands points on as text (`%.8g`).
///
/// What that changes, 1e-8 of the soma, a spike amplifies to 1e-4 mV.
fn shortened(x: f64) -> f64 {
    format!("{x:.7e}").parse().unwrap_or(x)
}

/// Points at equal steps of the chord length.
fn resample(outline: &[Vector]) -> Option<Vec<Vector>> {
    let mut chord = Vec::with_capacity(outline.len());
    let mut total = 0.0;
    for (i, p) in outline.iter().enumerate() {
        if i > 0 {
            total += (0..3).map(|k| (p[k] - outline[i - 1][k]).powi(2)).sum::<f64>().sqrt();
        }
        chord.push(total);
    }
    if outline.len() < 3 || !total.is_finite() || total <= 0.0 {
        return None;
    }
    let mut edge = 0;
    Some(
        (0..SAMPLES)
            .map(|k| {
                let place = total * k as f64 / (SAMPLES - 1) as f64;
                while edge + 2 < outline.len() && chord[edge + 1] < place {
                    edge += 1;
                }
                let length = chord[edge + 1] - chord[edge];
                let share = if length > 0.0 { ((place - chord[edge]) / length).clamp(0.0, 1.0) } else { 0.0 };
                [0, 1, 2].map(|i| outline[edge][i] + share * (outline[edge + 1][i] - outline[edge][i]))
            })
            .collect(),
    )
}

/// The principal axes with the largest and the middle scatter, the latter laid into the xy plane.
fn axes(points: &[Vector], mean: Vector) -> Option<(Vector, Vector)> {
    let mut scatter = [[0.0; 3]; 3];
    for p in points {
        for (i, row) in scatter.iter_mut().enumerate() {
            for (j, entry) in row.iter_mut().enumerate() {
                *entry += (p[i] - mean[i]) * (p[j] - mean[j]);
            }
        }
    }
    let (values, vectors) = eigen(scatter);
    let mut order = [0, 1, 2];
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    let mut major = vectors[order[0]];
    // The sign of an eigenvector is arbitrary: its largest component is made positive.
    let largest = major.iter().fold(0.0_f64, |best, c| if c.abs() > best.abs() { *c } else { best });
    if largest < 0.0 {
        major = major.map(|c| -c);
    }
    let [x, y, _] = vectors[order[1]];
    let length = (x * x + y * y).sqrt();
    let enclosed = values[order[1]] > 1e-12 * values[order[0]] && length > 1e-6;
    enclosed.then(|| (major, [x / length, y / length, 0.0]))
}

/// Eigenvalues of a symmetric matrix, and the eigenvector of each: Jacobi's rotations.
fn eigen(mut a: [[f64; 3]; 3]) -> (Vector, [Vector; 3]) {
    let mut v = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    // The off-diagonal vanishes quadratically: five or six sweeps suffice.
    for _ in 0..30 {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if a[p][q] == 0.0 {
                continue;
            }
            let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
            let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
            let c = 1.0 / t.hypot(1.0);
            let s = t * c;
            for row in &mut a {
                (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
            }
            for k in 0..3 {
                (a[p][k], a[q][k]) = (c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]);
                (v[p][k], v[q][k]) = (c * v[p][k] - s * v[q][k], s * v[p][k] + c * v[q][k]);
            }
        }
    }
    ([a[0][0], a[1][1], a[2][2]], v)
}

/// Deletes, from the end, each point that does not lie beyond the one before it.
fn ascend(side: &mut Vec<(f64, f64)>) {
    for i in (1..side.len()).rev() {
        if side[i].0 <= side[i - 1].0 {
            side.remove(i);
        }
    }
}

/// Value at a place, linear between the points of an ascending side, even beyond them.
fn interpolate(side: &[(f64, f64)], place: f64) -> f64 {
    let after = side.partition_point(|(d, _)| *d < place);
    if after == 0 {
        return side[0].1;
    }
    let Some(&(d1, r1)) = side.get(after) else { return side[side.len() - 1].1 };
    let (d0, r0) = side[after - 1];
    r0 + (r1 - r0) * (place - d0) / (d1 - d0)
}
