//! What fixed point makes of weights and parameters: E7, E8, W1, W4.

use serde::{Deserialize, Serialize};

use super::tally;
use super::{Finding, Severity};
use crate::deployment::{Cells, Deployment, Projection, Receptor, Synapse};

/// Largest raw weight.
const LARGEST: f64 = 65_535.0;
/// Shifts from here on move a slot out of 32 bits.
const TOO_FAR: u32 = 16;
/// Share of the weight of a projection that may round to 0.
const LOST: f64 = 0.01;
/// Relative error of a parameter that may pass.
const COARSE: f64 = 0.002;

/// What fixed point made of a network.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rounding {
    /// One for each population, in the order of the deployment.
    pub populations: Vec<PopulationRounding>,
    /// One for each projection, in the order of the deployment.
    pub projections: Vec<ProjectionRounding>,
}

/// What became of the parameters of a population.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PopulationRounding {
    /// Shift of the ring buffers, excitatory and inhibitory.
    pub shift: [u32; 2],
    /// Parameters, and what follows from them.
    pub parameters: Vec<ParameterRounding>,
}

/// What became of one parameter of all neurons.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterRounding {
    /// Its name.
    pub name: String,
    /// Largest relative error.
    pub max: f64,
    /// Median of the relative error.
    pub p50: f64,
    /// Neurons whose error is above 0.2 %.
    pub coarse: u64,
    /// The neuron with the largest error, its value in the deployment, and the value it got.
    pub worst: Option<(u32, f64, f64)>,
}

impl ParameterRounding {
    /// Compares values of all neurons, wanted and got.
    pub fn new(name: &str, pairs: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let error = |wanted: f64, got: f64| match (got - wanted).abs() {
            0.0 => 0.0,
            off => off / wanted.abs(),
        };
        Self::with_errors(name, pairs.into_iter().map(|(wanted, got)| (wanted, got, error(wanted, got))))
    }

    /// The same with relative errors of the caller's: wanted, got, error.
    pub fn with_errors(name: &str, triples: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        let mut out = Self { name: name.into(), ..Self::default() };
        let mut errors = Vec::new();
        for (i, (wanted, got, error)) in triples.into_iter().enumerate() {
            out.coarse += u64::from(error > COARSE);
            if out.worst.is_none() || error > out.max {
                (out.max, out.worst) = (error, Some((i as u32, wanted, got)));
            }
            errors.push(error);
        }
        if !errors.is_empty() {
            let middle = (errors.len() - 1) / 2;
            out.p50 = *errors.select_nth_unstable_by(middle, f64::total_cmp).1;
        }
        out
    }
}

/// What became of the weights of a projection.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectionRounding {
    /// Weights that round to 0.
    pub zeroed: u64,
    /// Their share of the sum of all weights.
    pub lost: f64,
    /// The largest of them, as position in the list.
    pub largest_zeroed: Option<u32>,
    /// Senders none of whose weights is left.
    pub mute: Vec<u32>,
    /// Receivers none of whose weights is left.
    pub deaf: Vec<u32>,
    /// Weights beyond 16 bits.
    pub overflowing: u64,
    /// The largest weight as position in the list, and its raw value, whether or not 16 bits hold it.
    pub largest: Option<(u32, f64)>,
}

impl ProjectionRounding {
    /// Looks at all weights; `raw` gives the raw value of a synapse, rounded, whether or not 16 bits hold it.
    pub fn new(synapses: &[Synapse], raw: impl Fn(&Synapse) -> f64) -> Self {
        let mut out = Self::default();
        let size = |index: fn(&Synapse) -> u32| synapses.iter().map(|s| index(s) as usize + 1).max().unwrap_or(0);
        // Whether a neuron occurs, and whether a weight of it is left.
        let mut senders = vec![(false, false); size(|s| s.pre)];
        let mut receivers = vec![(false, false); size(|s| s.post)];
        let (mut sum, mut gone) = (0.0, 0.0);
        for (i, s) in synapses.iter().enumerate() {
            let raw = raw(s);
            let left = raw != 0.0;
            for neuron in [&mut senders[s.pre as usize], &mut receivers[s.post as usize]] {
                *neuron = (true, neuron.1 | left);
            }
            sum += s.weight;
            if !left {
                out.zeroed += 1;
                gone += s.weight;
                if out.largest_zeroed.is_none_or(|k| s.weight > synapses[k as usize].weight) {
                    out.largest_zeroed = Some(i as u32);
                }
            }
            out.overflowing += u64::from(raw > LARGEST);
            if out.largest.is_none_or(|(_, largest)| raw > largest) {
                out.largest = Some((i as u32, raw));
            }
        }
        out.lost = if sum > 0.0 { gone / sum } else { 0.0 };
        let lost = |list: Vec<(bool, bool)>| (0..).zip(list).filter(|(_, n)| *n == (true, false)).map(|(i, _)| i).collect();
        (out.mute, out.deaf) = (lost(senders), lost(receivers));
        out
    }
}

/// Findings E7, E8, W1 and W4.
pub(super) fn rounding(deployment: &Deployment, rounding: &Rounding) -> Vec<Finding> {
    let mut found = Vec::new();
    for (k, (population, rounded)) in deployment.populations.iter().zip(&rounding.populations).enumerate() {
        if matches!(population.cells, Cells::SpikeSource) {
            continue;
        }
        for receptor in [Receptor::Excitatory, Receptor::Inhibitory] {
            found.extend(too_far(deployment, k as u32, receptor, rounded.shift[index(receptor)]));
        }
        for parameter in rounded.parameters.iter().filter(|p| p.coarse > 0) {
            let Some((i, wanted, got)) = parameter.worst else { continue };
            let text = format!(
                "`{}` of neuron {} becomes {got} instead of {wanted}, {} off; median of all {}, {} above {}",
                parameter.name,
                tally::neuron(population, i as usize),
                tally::percent(parameter.max),
                tally::percent(parameter.p50),
                parameter.coarse,
                tally::percent(COARSE)
            );
            let mend = match parameter.name.as_str() {
                "i_offset" | "v_thresh" => "export with a higher `--weight-scale`, which scales potentials and currents too",
                _ => "take a time constant whose decay per step fixed point can hold, or another time step",
            };
            found.push(Finding::new("W4", format!("{}, {}", population.label, parameter.name), parameter.coarse, text, mend));
        }
    }
    for (projection, rounded) in deployment.projections.iter().zip(&rounding.projections) {
        let shift = rounding.populations.get(projection.post as usize).map_or(0, |p| p.shift[index(projection.receptor)]);
        found.extend(overflow(deployment, projection, rounded, shift));
        found.extend(zeroed(deployment, projection, rounded, shift));
    }
    found
}

fn index(receptor: Receptor) -> usize {
    usize::from(receptor == Receptor::Inhibitory)
}

/// E8: the summed input needs more than 32 bits.
fn too_far(deployment: &Deployment, post: u32, receptor: Receptor, shift: u32) -> Option<Finding> {
    if shift < TOO_FAR {
        return None;
    }
    let text =
        format!("shift {shift}, for a summed input of 2^{} or more; {RING}{}", shift - 1, heaviest(deployment, post, receptor));
    let place = format!("{} ({})", deployment.populations[post as usize].label, receptor.name());
    Some(Finding::new("E8", place, 1, text, LIGHTER))
}

const RING: &str = "from a shift of 16 on, ring buffers leave 32 bits";
const LIGHTER: &str = "export with a lower `--weight-scale`, or correct the largest weight; where the released mapper's formula chose \
                       (`mapper`), let the samples choose";

/// The largest weight into a population, in words.
fn heaviest(deployment: &Deployment, post: u32, receptor: Receptor) -> String {
    let into = deployment.projections.iter().filter(|p| p.post == post && p.receptor == receptor);
    let largest = into.flat_map(|p| p.synapses.iter().map(move |s| (p, s))).max_by(|a, b| a.1.weight.total_cmp(&b.1.weight));
    largest.map_or_else(String::new, |(p, s)| {
        format!("; the largest weight is {} of synapse {}", s.weight, tally::synapse(deployment, p, s))
    })
}

/// Findings E8 of shifts that keep the network from being quantised.
pub(super) fn too_large(deployment: &Deployment, shifts: &[[u8; 2]]) -> Vec<Finding> {
    let receptors = [Receptor::Excitatory, Receptor::Inhibitory];
    let all = (0..).zip(shifts).flat_map(|(k, pair)| receptors.map(|r| (k, r, u32::from(pair[index(r)]))));
    all.filter_map(|(k, receptor, shift)| too_far(deployment, k, receptor, shift)).collect()
}

/// E7: weights that need more than 16 bits, of which the mapper keeps the lower ones.
fn overflow(deployment: &Deployment, projection: &Projection, rounded: &ProjectionRounding, shift: u32) -> Option<Finding> {
    let (i, raw) = rounded.largest.filter(|_| rounded.overflowing > 0)?;
    let s = &projection.synapses[i as usize];
    let text = format!(
        "weight {} of synapse {} is {raw} at shift {shift}; 16 bits end at {LARGEST}, and the mapper would load {}",
        s.weight,
        tally::synapse(deployment, projection, s),
        raw.rem_euclid(LARGEST + 1.0)
    );
    let mend = "choose a larger shift for the receiver: a `--max-expected-summed-weight` above its largest weight, a larger `--shift`, or \
                neither of both";
    Some(Finding::new("E7", deployment.place(projection), rounded.overflowing, text, mend))
}

/// W1: weights that become 0. A few small ones are no more than good to know.
fn zeroed(deployment: &Deployment, projection: &Projection, rounded: &ProjectionRounding, shift: u32) -> Option<Finding> {
    let largest = &projection.synapses[rounded.largest_zeroed? as usize];
    let ends = |list: &[u32], population: u32, what: &str| match (list, deployment.populations.get(population as usize)) {
        ([first, ..], Some(p)) => {
            format!("; {} {what} lose all, such as neuron {}", list.len(), tally::neuron(p, *first as usize))
        }
        _ => String::new(),
    };
    let text = format!(
        "{} of {} weights become 0 at shift {shift}, {} of the sum; the largest is {} of synapse {}{}{}",
        rounded.zeroed,
        projection.synapses.len(),
        tally::percent(rounded.lost),
        largest.weight,
        tally::synapse(deployment, projection, largest),
        ends(&rounded.mute, projection.pre, "senders"),
        ends(&rounded.deaf, projection.post, "receivers"),
    );
    let mend = if shift == 0 {
        "export with a higher `--weight-scale`"
    } else {
        "harmless if little is lost; a smaller shift of the receiver keeps them but clips larger sums (W2): try a lower \
         `--max-expected-summed-weight` of it in `lint` and `emulate`"
    };
    let harmless = rounded.lost <= LOST && rounded.mute.is_empty() && rounded.deaf.is_empty();
    let severity = if harmless { Severity::Info } else { Severity::Warning };
    Some(Finding::new("W1", deployment.place(projection), rounded.zeroed, text, mend).severity(severity))
}
