//! A pyramidal cell that grows from a seed, for work without a traced one.
//!
//! It has the regions and proportions of a thick-tufted layer 5 cell (soma, basal dendrites, an apical trunk with obliques and a
//! tuft 700 to 1,300 µm away, two axon stubs), so that the same densities apply. It is drawn by rule, not fitted to data.
//! Only additions, products and square roots are used: a seed gives the same bits everywhere.

use kenyon_base::random::Stream;
use kenyon_base::{Result, Streams};
use rand::RngCore;

use super::assemble::{Branch, assemble};
use super::edit::replace_axon;
use super::reading::Notes;
use super::{Point, Region, Tree};

/// Distance between points, µm.
const STEP_UM: f64 = 6.0;
/// Outline of the soma: height over its middle and diameter, µm.
const SOMA: [(f64, f64); 7] = [(-10.0, 5.0), (-7.0, 11.5), (-3.0, 15.5), (0.0, 16.5), (4.0, 14.5), (8.0, 10.0), (13.0, 5.5)];
/// Pieces of the trunk between soma and tuft; an oblique leaves at the end of each but the last.
const TRUNK_PIECES: u32 = 9;

/// Grows the pyramidal cell of a seed.
///
/// # Errors
/// None in fact.
///
/// # Example
/// ```
/// use kenyon_neurons::biophysical::morphology::grown;
///
/// let tree = grown::pyramidal(7)?;
/// assert_eq!(tree, grown::pyramidal(7)?);
/// assert!(tree.find("apic[0]").is_ok() && tree.find("axon[1]").is_ok());
/// # Ok::<(), kenyon_base::UserError>(())
/// ```
pub fn pyramidal(seed: u64) -> Result<Tree> {
    let mut grower = Grower { random: Streams::new(seed).stream("morphology/grown"), branches: Vec::new() };
    let soma = SOMA.map(|(y, diam)| Point::new(0.0, y, 0.0, diam)).to_vec();
    grower.branches.push(Branch { region: Region::Soma, parent: None, points: soma, line: 0 });
    let count = 6 + (grower.random.next_u64() % 3) as u32;
    for index in 0..count {
        grower.basal(index, count);
    }
    grower.apical();
    let tree = assemble(&format!("grown-pyramidal-{seed}"), grower.branches, &mut Notes::default())?;
    replace_axon(tree)
}

type Vector = [f64; 3];

/// A section to grow.
struct Plan {
    region: Region,
    parent: usize,
    x: f64,
    start: Vector,
    direction: Vector,
    length_um: f64,
    /// Diameters of its two ends, µm.
    diam: [f64; 2],
    /// Where it is drawn to, and how strongly.
    pull: (Vector, f64),
    /// How much it wanders.
    noise: f64,
}

struct Grower {
    random: Stream,
    branches: Vec<Branch>,
}

impl Grower {
    /// A number between two others, evenly distributed.
    fn between(&mut self, low: f64, high: f64) -> f64 {
        let share = (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        low + share * (high - low)
    }

    /// A direction, evenly distributed; flattened in z as in a slice.
    fn direction(&mut self) -> Vector {
        loop {
            let v = [0; 3].map(|_| self.between(-1.0, 1.0));
            let square: f64 = v.iter().map(|c| c * c).sum();
            if (0.01..=1.0).contains(&square) {
                return unit([v[0], v[1], 0.6 * v[2]]);
            }
        }
    }

    /// Grows a section; gives its index, its end and its direction there.
    fn grow(&mut self, plan: &Plan) -> (usize, Vector, Vector) {
        let steps = (plan.length_um / STEP_UM).max(1.0).round();
        let (mut at, mut direction) = (plan.start, plan.direction);
        let mut points = vec![Point::new(at[0], at[1], at[2], plan.diam[0])];
        for step in 1..=steps as u32 {
            let noise = self.direction();
            let (pull, strength) = plan.pull;
            direction = unit([0, 1, 2].map(|i| direction[i] + strength * pull[i] + plan.noise * noise[i]));
            at = [0, 1, 2].map(|i| at[i] + direction[i] * plan.length_um / steps);
            let wobble = self.between(0.94, 1.06);
            let diam = plan.diam[0] + (plan.diam[1] - plan.diam[0]) * f64::from(step) / steps;
            points.push(Point::new(at[0], at[1], at[2], diam * wobble));
        }
        self.branches.push(Branch { region: plan.region, parent: Some((plan.parent, plan.x)), points, line: 0 });
        (self.branches.len() - 1, at, direction)
    }

    /// A section, and below it further ones in pairs up to `order`, each thinner.
    fn arbor(&mut self, first: Plan, order: u32, stem_um: [f64; 2], tip_um: [f64; 2]) {
        let mut pending = vec![(first, order)];
        while let Some((plan, order)) = pending.pop() {
            let (parent, start, direction) = self.grow(&plan);
            if order == 0 {
                continue;
            }
            for _ in 0..2 {
                // Some branches end early.
                let below = if order > 1 && self.between(0.0, 1.0) < 0.2 { 0 } else { order - 1 };
                let [low, high] = if below == 0 { tip_um } else { stem_um };
                let aside = self.direction();
                let diam = (plan.diam[1] * self.between(0.72, 0.88)).max(0.45);
                let plan = Plan {
                    parent,
                    x: 1.0,
                    start,
                    direction: unit([0, 1, 2].map(|i| direction[i] + 0.75 * aside[i])),
                    length_um: self.between(low, high),
                    diam: [diam, (diam * 0.85).max(0.4)],
                    ..plan
                };
                pending.push((plan, below));
            }
        }
    }

    /// One of the basal dendrites, spread over the lower and lateral sides of the soma.
    fn basal(&mut self, index: u32, count: u32) {
        let around = self.direction();
        // From the left over the bottom to the right.
        let side = 2.0 * (f64::from(index) + 0.5) / f64::from(count) - 1.0;
        let direction = unit([side * 1.3 + 0.2 * around[0], -0.85 * (1.0 - side * side) + 0.12, 0.7 * around[2]]);
        let diam = self.between(1.6, 2.4);
        let length_um = self.between(10.0, 35.0);
        let plan = Plan {
            region: Region::Basal,
            parent: 0,
            x: 0.5,
            start: direction.map(|c| 6.5 * c),
            direction,
            length_um,
            diam: [diam, diam * 0.8],
            pull: (direction, 0.05),
            noise: 0.22,
        };
        self.arbor(plan, 3, [25.0, 60.0], [70.0, 150.0]);
    }

    /// Trunk, obliques and tuft.
    fn apical(&mut self) {
        const UP: Vector = [0.0, 1.0, 0.0];
        let mut parent = (0, 0.5);
        let (mut start, mut direction) = ([0.0, 12.0, 0.0], UP);
        for piece in 0..TRUNK_PIECES {
            let taper = |piece: u32| 5.0 - 2.6 * f64::from(piece) / f64::from(TRUNK_PIECES);
            let length_um = if piece == 0 { 46.0 } else { self.between(55.0, 85.0) };
            let plan = Plan {
                region: Region::Apical,
                parent: parent.0,
                x: parent.1,
                start,
                direction,
                length_um,
                diam: [taper(piece), taper(piece + 1)],
                pull: (UP, 0.12),
                noise: 0.1,
            };
            let (index, end, onward) = self.grow(&plan);
            (parent, start, direction) = ((index, 1.0), end, onward);
            if piece + 1 < TRUNK_PIECES {
                self.oblique(index, end, piece);
            }
        }
        for side in [-1.0, 1.0] {
            let aside = self.direction();
            let plan = Plan {
                region: Region::Apical,
                parent: parent.0,
                x: 1.0,
                start,
                direction: unit([direction[0] + 0.6 * side, direction[1], direction[2] + 0.3 * aside[2]]),
                length_um: self.between(80.0, 140.0),
                diam: [2.0, 1.6],
                pull: (UP, 0.07),
                noise: 0.18,
            };
            self.arbor(plan, 4, [45.0, 90.0], [120.0, 260.0]);
        }
    }

    /// A side branch of the trunk, left and right in turn.
    fn oblique(&mut self, parent: usize, start: Vector, piece: u32) {
        let side = if piece.is_multiple_of(2) { 1.0 } else { -1.0 };
        let aside = self.direction();
        let direction = unit([side, 0.25 + 0.3 * aside[1], 0.5 * aside[2]]);
        let length_um = self.between(15.0, 40.0);
        let plan = Plan {
            region: Region::Apical,
            parent,
            x: 1.0,
            start,
            direction,
            length_um,
            diam: [1.1, 0.95],
            pull: ([side, 0.3, 0.0], 0.05),
            noise: 0.22,
        };
        self.arbor(plan, 1 + piece % 2, [25.0, 50.0], [70.0, 160.0]);
    }
}

fn unit(v: Vector) -> Vector {
    let length = v.iter().map(|c| c * c).sum::<f64>().sqrt();
    v.map(|c| c / length)
}
