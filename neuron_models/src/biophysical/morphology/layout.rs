//! Places for sections that have none: for pictures and for SWC.

use super::{Point, Region, Shape, Tree};

/// The points of every section; one without traced points gets two, where there is room.
///
/// Such a section begins where it hangs on its parent and runs in the xy plane: axons down, others up. Siblings share the angle
/// of their parent.
pub fn placed(tree: &Tree) -> Vec<Vec<Point>> {
    let sections = tree.sections();
    // How many cylinders share each place of attachment, and which of them a section is.
    let mut shared: std::collections::HashMap<(u32, u64, bool), u32> = std::collections::HashMap::new();
    let mut turn = Vec::with_capacity(sections.len());
    let key = |index: usize| {
        let at = sections[index].parent?;
        matches!(sections[index].shape, Shape::Cylinder { .. })
            .then(|| (at.section, at.x.to_bits(), sections[index].region == Region::Axon))
    };
    for index in 0..sections.len() {
        turn.push(key(index).map_or(0, |key| {
            let count = shared.entry(key).or_default();
            *count += 1;
            *count - 1
        }));
    }
    let mut placed: Vec<Vec<Point>> = Vec::with_capacity(sections.len());
    // Direction and angle at disposal of each section, in degrees.
    let mut wedges: Vec<(f64, f64)> = Vec::with_capacity(sections.len());
    for (index, section) in sections.iter().enumerate() {
        let outward = if section.region == Region::Axon { -90.0 } else { 90.0 };
        let wedge = match section.parent {
            Some(at) if matches!(sections[at.section as usize].shape, Shape::Cylinder { .. }) => {
                let siblings = key(index).map_or(1, |key| shared[&key]);
                let (middle, width) = wedges[at.section as usize];
                let middle = if siblings == 1 && sections[at.section as usize].region == Region::Soma { outward } else { middle };
                let share = (f64::from(turn[index]) + 0.5) / f64::from(siblings) - 0.5;
                (middle - share * width, width / f64::from(siblings))
            }
            _ => (outward, 150.0),
        };
        wedges.push(wedge);
        let points = match &section.shape {
            Shape::Points(points) => points.clone(),
            Shape::Cylinder { length_um, diam_um } => {
                let start = section.parent.map_or([0.0; 3], |at| along(&placed[at.section as usize], at.x));
                let (sin, cos) = wedge.0.to_radians().sin_cos();
                let [x, y, z] = start;
                vec![Point::new(x, y, z, *diam_um), Point::new(x + length_um * cos, y + length_um * sin, z, *diam_um)]
            }
        };
        placed.push(points);
    }
    placed
}

/// The place at the share `x` of the length of a run of points.
pub fn along(points: &[Point], x: f64) -> [f64; 3] {
    if x <= 0.0 {
        return points[0].xyz;
    } else if x >= 1.0 {
        return points[points.len() - 1].xyz;
    }
    let total: f64 = points.windows(2).map(|pair| pair[0].distance(&pair[1])).sum();
    let mut left = x * total;
    for pair in points.windows(2) {
        let length = pair[0].distance(&pair[1]);
        if left <= length && length > 0.0 {
            let share = left / length;
            return [0, 1, 2].map(|i| pair[0].xyz[i] + share * (pair[1].xyz[i] - pair[0].xyz[i]));
        }
        left -= length;
    }
    points[points.len() - 1].xyz
}
