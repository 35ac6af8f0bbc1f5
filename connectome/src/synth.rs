//! A synthetic fly: a connectome dump that behaves like the olfactory pathway and may be shipped freely.
//!
//! Cells, degrees, synapse counts, sides, receptor labels and planted defects follow the connectome specification 8; no id of a
//! real neuron occurs. The relations are data ([`RELATIONS`]), and [`draw`] wires any set of cells with them, real ones
//! included. Every population and every relation has its own random stream, so that a result depends on the seed and the
//! spec alone, never on threads or on order.
//!
//! | part | owns |
//! |---|---|
//! | `cells`, `tables`, `population` | classes, counts per type and side, the neurons with their planted defects |
//! | `relations`, `measured`, `assumed` | the table of relations |
//! | `draw`, `configuration`, `dense`, `claws`, `lobes`, `glomeruli`, `arbor` | from a relation to pairs and counts |
//! | `sequences`, `sums`, `climb`, `sampling` | degrees and counts with the quantiles of the table |
//! | `hemispheres`, `wiring` | from degrees to pairs |
//! | `rows`, `neuropils`, `background` | from pairs to the rows of the dump |
//! | `receptors`, `write`, `gzip` | the files |

mod arbor;
mod assumed;
mod background;
mod cells;
mod claws;
mod climb;
mod configuration;
mod dense;
mod draw;
mod glomeruli;
mod gzip;
mod hemispheres;
mod lobes;
mod measured;
mod neuropils;
mod population;
mod receptors;
mod relations;
mod rows;
mod sampling;
mod sequences;
mod sums;
mod tables;
#[cfg(test)]
mod tests;
mod wiring;
mod write;

use rand::seq::SliceRandom;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use kenyon_base::{Result, Streams, UserError};

pub use background::{BackgroundNeuron, SUPER_CLASSES};
pub use cells::{Cell, CellClass, Nt, Side};
pub use draw::{DrawnPair, draw, planned_pairs};
pub use population::{ID_BASE, Neuron, Role};
pub use relations::{Counts, Degrees, RELATIONS, Relation, Rule, Source, relation};
pub use rows::Row;
pub use write::{Written, WrittenFile};

/// Which part of the pathway is made (connectome specification 8.4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// The whole pathway.
    #[default]
    Full,
    /// Receptor neurons, antennal lobe and mushroom body: `ORN`, `ALLN`, `ALPN`, `KC`, `MBON`, `DAN`, `APL`, `DPM`.
    Core,
    /// The whole pathway at one twentieth.
    Tiny,
}

impl Preset {
    fn includes(self, class: CellClass) -> bool {
        let outside = [CellClass::Hrn, CellClass::Trn, CellClass::Lhln, CellClass::Lhcent, CellClass::Wedpn];
        self != Self::Core || !outside.contains(&class)
    }

    fn scale(self) -> f64 {
        if self == Self::Tiny { 0.05 } else { 1.0 }
    }
}

/// What is generated.
///
/// `scale` multiplies the number of cells of every type and side (at least 1 each) and the total of every relation, so that
/// mean degrees stay; a degree never exceeds the number of possible partners, and at small scales totals fall short for it.
/// Relations that every cell takes part in (`cover`) keep one edge for each, and may exceed their total at very small scales.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SynthSpec {
    /// Seed of all random streams.
    pub seed: u64,
    /// Part of the pathway.
    pub preset: Preset,
    /// Factor on cells and edges, above 0 and at most 10.
    pub scale: f64,
    /// Total number of neurons in the dump, the pathway included; `None` is the pathway alone.
    pub background_neurons: Option<usize>,
    /// Total number of connection rows, the pathway's included; `None` is 38 per background neuron.
    pub rows: Option<usize>,
}

impl Default for SynthSpec {
    fn default() -> Self {
        Self { seed: 1, preset: Preset::Full, scale: 1.0, background_neurons: None, rows: None }
    }
}

/// One pair of the pathway; neurons are numbered in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlyPair {
    /// Presynaptic neuron.
    pub pre: u32,
    /// Postsynaptic neuron.
    pub post: u32,
    /// Synapses.
    pub syn_count: u32,
}

/// The pairs of one relation.
#[derive(Debug, Clone)]
pub struct RelationPairs {
    /// The relation.
    pub relation: &'static Relation,
    /// Pairs that were asked for.
    pub planned: usize,
    /// Pairs that were drawn.
    pub pairs: Vec<FlyPair>,
}

/// A synthetic fly in memory.
#[derive(Debug, Clone)]
pub struct SyntheticFly {
    /// What it was made from.
    pub spec: SynthSpec,
    /// Neurons of the pathway, sorted by id.
    pub neurons: Vec<Neuron>,
    /// Neurons outside the pathway; their numbers follow those of the pathway.
    pub background: Vec<BackgroundNeuron>,
    /// Pairs of every relation that both ends exist of, in the order of [`RELATIONS`].
    pub relations: Vec<RelationPairs>,
    /// Rows of the connection table, shuffled.
    pub rows: Vec<Row>,
    /// How many of the rows belong to the pathway.
    pub pathway_rows: usize,
}

/// Generates a synthetic fly.
///
/// # Errors
/// A usage error if the scale is not above 0 and at most 10, if `background_neurons` or `rows` is below what the pathway
/// itself has, or if the background neurons cannot hold the rows.
///
/// # Example
/// ```
/// use kenyon_connectome::synth::{Preset, SynthSpec, generate};
///
/// let fly = generate(&SynthSpec { preset: Preset::Tiny, ..SynthSpec::default() })?;
/// # let dir = tempfile::tempdir().expect("a temporary folder");
/// # let target = dir.path().join("fly");
/// let written = fly.write(&target)?;
/// assert_eq!(written.neurons, written.connected_neurons + written.unconnected_neurons);
/// assert!(target.join("connections.csv.gz").exists());
/// # Ok::<(), kenyon_base::UserError>(())
/// ```
pub fn generate(spec: &SynthSpec) -> Result<SyntheticFly> {
    if !(spec.scale > 0.0 && spec.scale <= 10.0) {
        return Err(UserError::usage("bad-scale", "the scale is out of range")
            .found(spec.scale.to_string())
            .expected("a number above 0 and at most 10")
            .mend("give `--scale` such a number; 1 is the real size"));
    }
    let streams = Streams::new(spec.seed);
    let scale = spec.scale * spec.preset.scale();
    let neurons = population::build(scale, &|class| spec.preset.includes(class), streams);
    let background = background_neurons(spec, neurons.len(), streams)?;
    let relations: Vec<RelationPairs> =
        RELATIONS.par_iter().filter(|r| r.is_drawn()).filter_map(|r| draw_relation(r, &neurons, scale, streams)).collect();
    let mut rows = rows::of_relations(&neurons, &relations, streams);
    let pathway_rows = rows.len();
    let wanted = background::rows_wanted(spec.rows, pathway_rows, neurons.len(), background.len())?;
    if wanted > 0 {
        let truth: Vec<Nt> = neurons.iter().map(|n| n.truth).collect();
        rows.extend(background::rows(&truth, &background, wanted, streams));
    }
    rows.shuffle(&mut streams.stream("synth/rows/order"));
    Ok(SyntheticFly { spec: spec.clone(), neurons, background, relations, rows, pathway_rows })
}

fn background_neurons(spec: &SynthSpec, pathway: usize, streams: Streams) -> Result<Vec<BackgroundNeuron>> {
    let total = spec.background_neurons.unwrap_or(pathway);
    let Some(n) = total.checked_sub(pathway) else {
        return Err(UserError::usage("too-few-neurons", "fewer neurons than the pathway itself has")
            .found(total.to_string())
            .expected(format!("at least {pathway}"))
            .mend("raise `--background-neurons` or lower `--scale`"));
    };
    if total > 100_000_000 {
        return Err(UserError::usage("too-many-neurons", "more neurons than synthetic ids are laid out for")
            .found(total.to_string())
            .expected("at most 100000000")
            .mend("lower `--background-neurons`"));
    }
    Ok(background::neurons(n, streams))
}

/// Draws one relation on the neurons of the fly; `None` if one end has no cell.
fn draw_relation(r: &'static Relation, neurons: &[Neuron], scale: f64, streams: Streams) -> Option<RelationPairs> {
    let side = |takes: &dyn Fn(&Neuron) -> bool| -> (Vec<u32>, Vec<Cell>) {
        neurons.iter().enumerate().filter(|(_, n)| takes(n)).map(|(i, n)| (i as u32, n.cell.clone())).unzip()
    };
    let receptor = r.is_receptor_output();
    let (pre_at, pre) = side(&|n| !n.is_unconnected() && r.takes_pre(&n.cell) && !(receptor && n.role == Role::Silent));
    let (post_at, post) = side(&|n| !n.is_unconnected() && r.takes_post(&n.cell));
    if pre.is_empty() || post.is_empty() {
        return None;
    }
    // Cells that take part follow the number of cells there are, which at small scales is above the scale.
    let cells = |n: usize, takes: &dyn Fn(&Cell) -> bool, whole: usize| {
        let now = neurons.iter().filter(|n| n.is_classified() && takes(&n.cell)).count();
        ((n as f64 * now as f64 / whole.max(1) as f64).round() as usize).max(1)
    };
    let whole = |classes: &[CellClass]| classes.iter().map(|c| c.population()).sum::<usize>();
    let of_nt = |nt: Nt| {
        tables::GROUPS.iter().filter(|g| r.post.contains(&g.class) && g.nt == nt).flat_map(|g| g.cells).sum::<u32>() as usize
    };
    let plan = draw::Plan {
        edges: ((r.edges as f64 * scale).round() as usize).max(1),
        out_cells: cells(r.out_degree.cells, &|c| r.takes_pre(c), whole(r.pre)),
        in_cells: cells(r.in_degree.cells, &|c| r.takes_post(c), r.post_nt.map_or_else(|| whole(r.post), of_nt)),
    };
    let pairs = draw::draw_part(r, &pre, &post, plan, streams)
        .into_iter()
        .map(|p| FlyPair { pre: pre_at[p.pre as usize], post: post_at[p.post as usize], syn_count: p.syn_count })
        .collect();
    Some(RelationPairs { relation: r, planned: plan.edges, pairs })
}

impl SyntheticFly {
    /// Number of neurons in the dump.
    pub fn neuron_count(&self) -> usize {
        self.neurons.len() + self.background.len()
    }

    /// Root id of a neuron.
    pub fn id(&self, neuron: u32) -> u64 {
        // The pathway has the ids 1 to n in order; the background follows.
        ID_BASE + u64::from(neuron) + 1
    }

    /// Names of the neuropils that rows point to.
    pub fn neuropils(&self) -> Vec<String> {
        neuropils::names()
    }

    /// Pairs of a relation, or of all parts of a sum.
    pub fn pairs_of(&self, name: &str) -> Vec<FlyPair> {
        let is_it = |r: &Relation| r.name == name || r.part_of == Some(name);
        self.relations.iter().filter(|r| is_it(r.relation)).flat_map(|r| r.pairs.iter().copied()).collect()
    }

    /// Ids of the pathway's neurons with at least one edge inside it, in rising order.
    pub fn connected(&self) -> Vec<u64> {
        let mut has_edge = vec![false; self.neurons.len()];
        for pair in self.relations.iter().flat_map(|r| &r.pairs) {
            has_edge[pair.pre as usize] = true;
            has_edge[pair.post as usize] = true;
        }
        self.neurons.iter().zip(has_edge).filter(|(_, edge)| *edge).map(|(n, _)| n.cell.id).collect()
    }

    /// The 13 keyword lists in the order of the connectome specification 3.1, and `DPM`.
    ///
    /// Their union is the pathway. As in the real lists, some receptor neurons are missing from `ALRN`, four `LHLN` are also
    /// `LHCENT`, and `ORN` and `class_olfactory` name ids without class. No real list names the two DPM cells, so they have
    /// one of their own.
    pub fn keyword_lists(&self) -> Vec<(&'static str, Vec<u64>)> {
        use CellClass as C;
        let list = |takes: &dyn Fn(&Neuron, C) -> bool| -> Vec<u64> {
            self.neurons.iter().filter(|n| takes(n, n.cell.class)).map(|n| n.cell.id).collect()
        };
        // 54 of 2,279 olfactory neurons are missing from the real ALRN list, 5 of 29 thermosensory ones from HRN.
        let alrn =
            |n: &Neuron, c| n.is_classified() && ((c == C::Orn && !n.cell.id.is_multiple_of(42)) || matches!(c, C::Hrn | C::Trn));
        let hrn = |n: &Neuron, c| c == C::Hrn || (c == C::Trn && !n.cell.id.is_multiple_of(6));
        vec![
            ("ALRN", list(&alrn)),
            ("ORN", list(&|n, c| c == C::Orn && n.role != Role::OlfactoryOnly)),
            ("HRN", list(&hrn)),
            ("ALLN", list(&|_, c| c == C::Alln)),
            ("ALPN", list(&|_, c| matches!(c, C::UPn | C::MPn | C::OtherPn))),
            ("LHLN", list(&|_, c| c == C::Lhln)),
            ("LHCENT", list(&|n, c| c == C::Lhcent || (c == C::Lhln && n.cell.cell_type.starts_with("LHCENT")))),
            ("class_Kenyon_cell", list(&|_, c| c == C::Kc)),
            ("class_MBON", list(&|_, c| c == C::Mbon)),
            ("class_DAN", list(&|_, c| c == C::Dan)),
            ("WEDPN", list(&|_, c| c == C::Wedpn)),
            ("APL", list(&|_, c| c == C::Apl)),
            ("class_olfactory", list(&|n, c| c == C::Orn && n.role != Role::KeywordOnly)),
            ("DPM", list(&|_, c| c == C::Dpm)),
        ]
    }

    /// The receptor map, `(label, root id)`, sorted; a neuron may stand under several labels, and twice under one.
    pub fn receptor_map(&self) -> Vec<(&'static str, u64)> {
        let mut map: Vec<_> = self.neurons.iter().flat_map(|n| n.receptors.iter().map(|r| (*r, n.cell.id))).collect();
        map.sort_unstable();
        map
    }
}
