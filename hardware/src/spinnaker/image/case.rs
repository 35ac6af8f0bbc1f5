//! The memory images and the routing table of a reference case, beside our own.
//!
//! Of `network.json`: `key`, `placement` and `regions_hex` of each population, `routing_table_chip_0_0`.

use std::collections::BTreeSet;

use kenyon_base::{Result, UserError};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::compare::{ReferenceRegion, RegionDifference, compare_regions};
use super::keys::Key;
use super::regions::{RegionKind, regions};
use super::routing::{Entry, Lost, Place, Tables};
use crate::spinnaker::board::NEURONS_PER_CORE;
use crate::spinnaker::{Quantised, QuantisedPopulation};

/// What a case says of memory and routing; what it does not say is not compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseImages {
    /// Keys of the populations.
    pub keys: Vec<Option<Key>>,
    /// Where they are.
    pub places: Vec<Option<Place>>,
    /// Regions of the populations that have them.
    pub regions: Vec<ReferenceRegion>,
    /// Routing table of chip (0, 0), if there is one.
    pub tables: Option<Tables>,
}

#[derive(Deserialize)]
struct Document {
    populations: Vec<Population>,
    #[serde(default)]
    routing_table_chip_0_0: Option<Vec<Map<String, Value>>>,
}

#[derive(Deserialize)]
struct Population {
    label: String,
    #[serde(default)]
    key: Option<[Value; 2]>,
    #[serde(default)]
    placement: Option<(u8, u8, u8)>,
    #[serde(default)]
    regions_hex: Map<String, Value>,
}

impl CaseImages {
    /// Reads them from the content of `network.json`.
    ///
    /// # Errors
    /// Bad data for what is no key, no region, or no table.
    pub fn of(document: &Value) -> Result<Self> {
        let bad = |what: String| UserError::bad_data("case-images", what);
        let document = Document::deserialize(document).map_err(|e| bad(format!("memory or routing is malformed: {e}")))?;
        let mut found = Self { keys: Vec::new(), places: Vec::new(), regions: Vec::new(), tables: None };
        for (k, population) in (0..).zip(&document.populations) {
            let place = || format!("population `{}`", population.label);
            let key = population.key.as_ref().map(|[base, mask]| Some(Key { base: word(base)?, mask: word(mask)? }));
            found.keys.push(match key {
                Some(None) => return Err(bad(format!("`key` of {} is no pair of hexadecimal words", place()))),
                key => key.flatten(),
            });
            found.places.push(population.placement.map(|(x, y, core)| Place { chip: (x, y), core }));
            for kind in RegionKind::ALL {
                let Some(words) = population.regions_hex.get(kind.name()) else { continue };
                let words = words.as_array().and_then(|list| list.iter().map(word).collect::<Option<Vec<u32>>>());
                let words =
                    words.ok_or_else(|| bad(format!("`{}` of {} is no list of hexadecimal words", kind.name(), place())))?;
                found.regions.push(ReferenceRegion { population: k, first: 0, kind, words });
            }
        }
        if let Some(table) = document.routing_table_chip_0_0 {
            let field = |entry: &Map<String, Value>, name| entry.get(name).and_then(word);
            let entry = |e: &Map<String, Value>| {
                Some(Entry { key: field(e, "key")?, mask: field(e, "mask")?, route: field(e, "route")? })
            };
            let entries: Option<Vec<Entry>> = table.iter().map(entry).collect();
            let entries = entries.ok_or_else(|| bad("the routing table has an entry without key, mask or route".into()))?;
            found.tables = Some(Tables([((0, 0), entries)].into()));
        }
        Ok(found)
    }

    /// Our regions beside the case's.
    ///
    /// # Errors
    /// As [`compare_regions`].
    pub fn compare(&self, network: &Quantised) -> Result<Vec<RegionDifference>> {
        if self.regions.is_empty() { Ok(Vec::new()) } else { compare_regions(network, &self.keys, &self.regions) }
    }

    /// Puts our regions in the place of the case's into the content of its `network.json`; those that we cannot make are left out.
    pub fn put(&self, network: &Quantised, document: &mut Value) {
        let ours = if self.regions.is_empty() { Ok(Vec::new()) } else { regions(network, &self.keys) };
        let ours = ours.unwrap_or_default();
        for region in &self.regions {
            let Some(entry) = document["populations"].get_mut(region.population as usize) else { continue };
            let core = ours.get(region.population as usize).and_then(|cores| cores.first());
            let words = core.map(|core| core.regions.words(region.kind).iter().map(|w| format!("{w:08x}")).collect());
            entry["regions_hex"][region.kind.name()] = words.unwrap_or(Value::Null);
        }
    }

    /// Cores that listen to a population; none if the place of one is not known.
    pub fn listeners(&self, network: &Quantised, population: u32) -> Option<BTreeSet<Place>> {
        let projections = network.projections.iter().filter(|p| p.pre == population && !p.synapses.is_empty());
        projections.map(|p| self.places.get(p.post as usize).copied().flatten()).collect()
    }

    /// Follows a packet of every neuron and every colour from each population that has listeners.
    ///
    /// Only what is placed on chip (0, 0) altogether, each population on one core, can be followed: a case has no other chip's table.
    pub fn follow(&self, network: &Quantised) -> Followed {
        let mut out = Followed::default();
        let told = self.tables.is_some() || self.keys.iter().any(Option::is_some) || self.places.iter().any(Option::is_some);
        for (k, population) in (0..).zip(&network.populations) {
            if population.n == 0 || !network.projections.iter().any(|p| p.pre == k && !p.synapses.is_empty()) {
                continue;
            }
            match self.route_of(network, k) {
                Ok((tables, key, listeners)) => {
                    let arrives =
                        |packet: u32| -> std::result::Result<bool, Lost> { Ok(tables.follow((0, 0), packet)? == listeners) };
                    let wrong = (0..population.n).flat_map(|i| (0..16).map(move |step| key.of(i, step)));
                    let wrong = wrong.filter(|packet| arrives(*packet) != Ok(true)).count();
                    out.packets += 16 * u64::from(population.n);
                    if wrong > 0 {
                        out.misrouted.push(population.label.clone());
                    }
                }
                // A case that says nothing of routing asks for nothing.
                Err(why) if told => out.not_followed.push((population.label.clone(), why)),
                Err(_) => {}
            }
        }
        out
    }

    /// The tables, the key and the listeners of a population, or why its packets cannot be followed.
    fn route_of(&self, network: &Quantised, k: u32) -> std::result::Result<(&Tables, Key, BTreeSet<Place>), &'static str> {
        let tables = self.tables.as_ref().ok_or("there is no routing table")?;
        let key = self.keys.get(k as usize).copied().flatten().ok_or("it has no key")?;
        let from = self.places.get(k as usize).copied().flatten().ok_or("its place is not known")?;
        let listeners = self.listeners(network, k).ok_or("the place of a listener is not known")?;
        let large = |p: &QuantisedPopulation| p.cells.is_some() && p.n > NEURONS_PER_CORE;
        let posts = network.projections.iter().filter(|p| p.pre == k).map(|p| &network.populations[p.post as usize]);
        if large(&network.populations[k as usize]) || posts.into_iter().any(large) {
            return Err("more than one core takes part");
        }
        if from.chip != (0, 0) || listeners.iter().any(|place| place.chip != (0, 0)) {
            return Err("it leaves chip (0, 0), whose routing table is the only one");
        }
        Ok((tables, key, listeners))
    }
}

/// How the packets of a case went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Followed {
    /// Packets that were followed.
    pub packets: u64,
    /// Populations of which some packets reach other cores than their listeners'.
    pub misrouted: Vec<String>,
    /// Populations whose packets were not followed, and why.
    pub not_followed: Vec<(String, &'static str)>,
}

/// A word: eight hexadecimal digits, with `0x` in front or not, or a number.
fn word(value: &Value) -> Option<u32> {
    if let Some(number) = value.as_u64() {
        return u32::try_from(number).ok();
    }
    let text = value.as_str()?;
    u32::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}
