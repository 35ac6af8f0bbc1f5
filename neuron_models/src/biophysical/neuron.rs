//! A neuron: a cable with its mechanisms in place.

use std::collections::BTreeMap;

use kenyon_base::{Result, UserError};

use super::cable::{Cable, CableSection, Electrics, Node, Paths, Segments};
use super::mechanism::{Calcium, CalciumPool, ChannelInfo, Environment, Instance, Ion, Mechanism, PoolInstance, channel};
use super::morphology::{Region, Tree};
use super::recipe::{Density, Placed, Placement, Recipe};

/// Decimals to which [`Placement::Reference`] rounds.
const DECIMALS: f64 = 1e10;

/// A channel and all its places.
#[derive(Debug, Clone)]
pub struct PlacedChannel {
    /// The channel.
    pub info: &'static ChannelInfo,
    /// Where it is, by node.
    pub instances: Vec<Instance>,
}

/// A cable with its mechanisms in place: what the solver runs.
#[derive(Debug, Clone)]
pub struct Neuron {
    /// The cable.
    pub cable: Cable,
    /// The recipe it was made by.
    pub recipe: Recipe,
    /// Channels with at least one place, in the order of the table of channels.
    pub channels: Vec<PlacedChannel>,
    /// Calcium pools.
    pub pools: Vec<PoolInstance>,
}

impl Neuron {
    /// Cuts a tree into segments and gives it the membrane of a recipe.
    ///
    /// # Errors
    /// `no-membrane` for a region that the recipe does not name; `unknown-section` for its `distance_from`; as [`Cable::with`].
    pub fn new(tree: &Tree, segments: Segments, recipe: Recipe) -> Result<Self> {
        Self::part_of(None, tree, segments, recipe)
    }

    /// As [`Self::new`], for a tree that was cut out of a `whole`: it keeps the densities that it had there.
    ///
    /// Distances are relative to the longest path of the whole in each region.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn part_of(whole: Option<&Tree>, tree: &Tree, segments: Segments, recipe: Recipe) -> Result<Self> {
        recipe.check()?;
        for section in tree.sections() {
            recipe.membrane(section.region)?;
        }
        let electrics = |region: Region| {
            recipe
                .membrane(region)
                .map_or_else(|_| Electrics::default(), |m| Electrics { ra_ohm_cm: m.ra_ohm_cm, cm_uf_cm2: m.cm_uf_cm2 })
        };
        let cable = Cable::with(tree, segments, |section| electrics(section.region))?;
        let mut distances = Distances::new(&cable, &recipe)?;
        if let Some(whole) = whole {
            let whole = Cable::new(whole, Segments::default(), Electrics::default())?;
            distances.longest_um = Distances::new(&whole, &recipe)?.longest_um;
        }
        let mut neuron = Self { channels: Vec::new(), pools: Vec::new(), cable, recipe };
        neuron.place_channels(&distances)?;
        neuron.place_pools()?;
        Ok(neuron)
    }

    fn place_channels(&mut self, distances: &Distances) -> Result<()> {
        for info in &super::mechanism::CHANNELS {
            let mut instances = Vec::new();
            for section in &self.cable.sections {
                let Some(placed) = self.recipe.membrane(section.region)?.channels.get(info.name) else { continue };
                let density = placed.density();
                for node in section.segment_nodes() {
                    let gbar_s_cm2 = distances.density(&density, self.recipe.placement, section, node, &self.cable.nodes[node]);
                    instances.push(Instance {
                        node: node as u32,
                        area_um2: self.cable.nodes[node].area_um2,
                        gbar_s_cm2,
                        reversal_mv: self.reversal(info, placed),
                    });
                }
            }
            if !instances.is_empty() {
                self.channels.push(PlacedChannel { info, instances });
            }
        }
        Ok(())
    }

    fn reversal(&self, info: &ChannelInfo, placed: &Placed) -> f64 {
        let of_ion = match info.ion {
            Ion::Sodium => Some(self.recipe.ena_mv),
            Ion::Potassium => Some(self.recipe.ek_mv),
            Ion::Calcium => None,
            Ion::Unspecific => info.reversal_mv,
        };
        // Calcium channels take the node's.
        placed.reversal_mv().or(of_ion).unwrap_or(0.0)
    }

    fn place_pools(&mut self) -> Result<()> {
        for section in &self.cable.sections {
            if let Some(pool) = self.recipe.membrane(section.region)?.pool {
                let at = section.segment_nodes();
                self.pools.extend(at.map(|node| PoolInstance::new(node as u32, pool.gamma, pool.decay_ms)));
            }
        }
        Ok(())
    }

    /// Multiplies every density of a channel.
    ///
    /// # Errors
    /// `unknown-channel`; `bad-number` for a factor that is negative or none.
    pub fn scale_channel(&mut self, name: &str, factor: f64) -> Result<()> {
        channel(name)?;
        if !(factor.is_finite() && factor >= 0.0) {
            return Err(UserError::usage("bad-number", "a density is multiplied by 0 or more")
                .key(name)
                .found(factor.to_string()));
        }
        for placed in self.channels.iter_mut().filter(|c| c.info.name == name) {
            placed.instances.iter_mut().for_each(|instance| instance.gbar_s_cm2 *= factor);
        }
        Ok(())
    }

    /// Takes away every channel but the leak, and the calcium pools.
    pub fn make_passive(&mut self) {
        self.channels.retain(|c| c.info.gates.is_empty());
        self.pools.clear();
    }

    /// The mechanisms of `lanes` such cells.
    pub fn mechanisms(&self, lanes: usize) -> Vec<Box<dyn Mechanism>> {
        let environment = Environment { celsius: self.recipe.celsius };
        self.channels.iter().map(|placed| placed.info.build(&environment, &placed.instances, lanes)).collect()
    }

    /// The calcium of `lanes` such cells and what empties it.
    pub fn calcium(&self, lanes: usize) -> (Calcium, CalciumPool) {
        let pool = CalciumPool::new(&self.pools, lanes, self.recipe.celsius, self.recipe.cao_mm);
        (Calcium::new(self.cable.nodes.len(), lanes), pool)
    }

    /// The density of a channel at a node, S/cm²; 0 where it is absent.
    pub fn density(&self, name: &str, node: u32) -> f64 {
        let of = self.channels.iter().filter(|c| c.info.name == name).flat_map(|c| &c.instances);
        of.filter(|i| i.node == node).map(|i| i.gbar_s_cm2).sum()
    }
}

/// Path distances as a recipe measures them.
struct Distances {
    paths: Paths,
    /// Largest distance in each region.
    longest_um: BTreeMap<Region, f64>,
}

impl Distances {
    /// Of the regions that the cable has; the section where distances begin is looked for if one of them asks for it.
    fn new(cable: &Cable, recipe: &Recipe) -> Result<Self> {
        let of_cable = |region: &Region| cable.sections.iter().any(|section| section.region == *region);
        let present = recipe.region.iter().filter(|(region, _)| of_cable(region));
        let asked = present.flat_map(|(_, m)| m.channels.values()).any(|placed| placed.density().depends_on_distance());
        let origin = match &recipe.distance_from {
            Some(section) if asked => cable.find(section).map_err(|e| e.in_data().key("distance_from"))?,
            _ => 0,
        };
        let paths = cable.paths_from(origin);
        let mut longest_um: BTreeMap<Region, f64> = BTreeMap::new();
        for (index, section) in cable.sections.iter().enumerate() {
            let (near, far) = paths.ends(index as u32);
            let longest = longest_um.entry(section.region).or_insert(0.0);
            *longest = longest.max(near).max(far);
        }
        Ok(Self { paths, longest_um })
    }

    fn density(&self, density: &Density, placement: Placement, section: &CableSection, index: usize, node: &Node) -> f64 {
        if !density.depends_on_distance() {
            return density.at(0.0, 1.0);
        }
        let last = index as u32 + 1 == section.end_node;
        let x = if placement == Placement::Reference && last { 1.0 } else { node.x };
        let longest_um = self.longest_um.get(&section.region).copied().unwrap_or(0.0);
        let g = density.at(self.paths.at(node.section, x), longest_um);
        if placement == Placement::Reference { (g * DECIMALS).round() / DECIMALS } else { g }
    }
}
