//! Memory images equal those of the released mapper, word for word, and packets reach whom they should.

use std::collections::BTreeSet;
use std::path::PathBuf;

use kenyon_hardware::spinnaker::image::compare::ReferenceRegion;
use kenyon_hardware::spinnaker::image::core_data::{self, REGIONS};
use kenyon_hardware::spinnaker::image::recording::{self, Channel, Row};
use kenyon_hardware::spinnaker::image::routing::{Entry, Lost, Place, Sender, Tables};
use kenyon_hardware::spinnaker::image::{Key, RegionKind, compare_regions, keys, regions};
use kenyon_hardware::spinnaker::{Options, Quantised, quantise};
use kenyon_hardware::{CellKind, Cells, Deployment, Neurons, Population, Projection, Receptor, Role, Synapse, Variable};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

/// A case of the reference data.
struct Case {
    name: String,
    json: Value,
    network: Quantised,
    keys: Vec<Option<Key>>,
}

fn cases() -> Vec<Case> {
    let data = std::env::var_os("KENYON_REFERENCE_DATA").map(PathBuf::from);
    let data = data.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data")).join("spinnaker");
    let Ok(folders) = std::fs::read_dir(&data) else {
        eprintln!("skipped: no reference data");
        return Vec::new();
    };
    let files = folders.map(|f| f.unwrap().path().join("network.json")).filter(|f| f.is_file());
    let mut cases: Vec<Case> = files.map(|file| Case::read(&file)).collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(cases.len(), 6);
    cases
}

fn hex(value: &Value) -> u32 {
    u32::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

impl Case {
    fn read(file: &std::path::Path) -> Self {
        let json: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let populations = list(&json["populations"]);
        let label = |p: &Value| p["label"].as_str().unwrap().to_string();
        let index = |name: &Value| populations.iter().position(|p| p["label"] == *name).unwrap() as u32;
        let mut deployment =
            Deployment::new("case", json["timestep_ms"].as_f64().unwrap(), json["steps"].as_u64().unwrap() as u32);
        for population in populations {
            let n = population["n"].as_u64().unwrap();
            let kind = match population["type"].as_str().unwrap() {
                "SpikeSourceArray" => None,
                "IF_curr_exp" => Some(CellKind::CurrExp),
                "IF_curr_delta" => Some(CellKind::CurrDelta),
                _ => Some(CellKind::CondExp),
            };
            let cells = kind.map_or(Cells::SpikeSource, |kind| {
                let mut neurons = Neurons { kind, ..Neurons::default() };
                for (name, column) in neurons.columns_mut() {
                    let values = list(&population["parameters"][name]);
                    *column = values.iter().map(|v| v.as_f64().unwrap()).collect();
                    if name == "v" {
                        *column = vec![-65.0; n as usize];
                    }
                }
                Cells::Neurons(Box::new(neurons))
            });
            deployment.add(Population {
                label: label(population),
                role: if kind.is_some() { Role::Hidden } else { Role::Input },
                ids: (0..n).collect(),
                names: Vec::new(),
                cells,
                record: vec![Variable::Spikes],
                v_scale: 1.0,
            });
        }
        for projection in list(&json["projections"]) {
            let synapse = |c: &Value| Synapse {
                pre: c[0].as_u64().unwrap() as u32,
                post: c[1].as_u64().unwrap() as u32,
                weight: c[2].as_f64().unwrap(),
                delay_steps: c[3].as_f64().unwrap(),
            };
            deployment.projections.push(Projection {
                pre: index(&projection["pre"]),
                post: index(&projection["post"]),
                receptor: if projection["receptor"] == "excitatory" { Receptor::Excitatory } else { Receptor::Inhibitory },
                synapses: list(&projection["connections"]).iter().map(synapse).collect(),
            });
        }
        let key = |p: &Value| Some(Key { base: hex(p["key"].get(0)?), mask: hex(p["key"].get(1)?) });
        let keys = populations.iter().map(key).collect();
        let name = file.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let network = quantise(&deployment, &Options::AS_WRITTEN).unwrap();
        Self { name, network, keys, json }
    }

    fn reference(&self) -> Vec<ReferenceRegion> {
        let mut found = Vec::new();
        for (population, json) in (0..).zip(list(&self.json["populations"])) {
            for kind in RegionKind::ALL {
                let words: Vec<u32> = list(&json["regions_hex"][kind.name()]).iter().map(hex).collect();
                if !words.is_empty() {
                    found.push(ReferenceRegion { population, kind, words });
                }
            }
        }
        found
    }

    fn place(&self, population: usize) -> Place {
        let place = &self.json["populations"][population]["placement"];
        let number = |k: usize| place[k].as_u64().unwrap() as u8;
        Place { chip: (number(0), number(1)), core: number(2) }
    }

    fn targets(&self, population: usize) -> BTreeSet<Place> {
        let projections = self.network.projections.iter().filter(|p| p.pre as usize == population);
        projections.map(|p| self.place(p.post as usize)).collect()
    }
}

#[test]
fn every_region_of_every_case_is_equal_word_for_word() {
    let mut compared = 0;
    for case in cases() {
        let reference = case.reference();
        let found = compare_regions(&case.network, &case.keys, &reference).unwrap();
        for region in &found {
            assert_eq!(region.different, 0, "{}: {region:?}", case.name);
        }
        compared += found.len();
    }
    assert!(compared == 0 || compared == 5 * 10, "{compared} regions");
}

#[test]
fn one_changed_weight_or_key_is_a_different_word() {
    for mut case in cases() {
        let reference = case.reference();
        let projection = &mut case.network.projections[0];
        projection.synapses[0].weight ^= 1;
        let (name, post) = (case.name.clone(), case.network.populations[projection.post as usize].label.clone());
        let found = compare_regions(&case.network, &case.keys, &reference).unwrap();
        let different: Vec<_> =
            found.iter().filter(|r| r.different > 0).map(|r| (r.population.as_str(), r.region, r.different)).collect();
        assert_eq!(different, [(post.as_str(), "SynBlocks", 1)], "{name}");
    }
}

/// With keys of our own, regions differ in keys alone.
#[test]
fn own_keys_change_nothing_but_keys() {
    for case in cases() {
        let own = keys(&case.network);
        assert_eq!(
            own.iter().map(Option::is_some).collect::<Vec<_>>(),
            case.keys.iter().map(Option::is_some).collect::<Vec<_>>()
        );
        for (own, reference) in own.iter().zip(&case.keys) {
            assert_eq!(own.map(|k| k.mask), reference.map(|k| k.mask), "{}", case.name);
        }
        let (ours, theirs) = (regions(&case.network, &own).unwrap(), regions(&case.network, &case.keys).unwrap());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let (Some(ours), Some(theirs)) = (ours, theirs) else { continue };
            for kind in [RegionKind::NeuronParameters, RegionKind::SynapseParameters, RegionKind::SynapticBlocks] {
                assert_eq!(ours.words(kind), theirs.words(kind));
            }
        }
    }
}

#[test]
fn spikes_reach_the_cores_of_their_receivers_and_no_other() {
    for case in cases() {
        let entry = |e: &Value| Entry { key: hex(&e["key"]), mask: hex(&e["mask"]), route: hex(&e["route"]) };
        let mut reference = Tables::default();
        reference.0.insert((0, 0), list(&case.json["routing_table_chip_0_0"]).iter().map(entry).collect());
        let keyed = || case.keys.iter().enumerate().filter_map(|(k, key)| key.map(|key| (k, key)));
        let senders =
            keyed().map(|(k, key)| Sender { key, at: case.place(k).chip, targets: case.targets(k).into_iter().collect() });
        let ours = Tables::build(&senders.collect::<Vec<_>>());
        for (k, key) in keyed() {
            for neuron in 0..case.network.populations[k].n {
                for step in 0..16 {
                    let (from, packet) = (case.place(k).chip, key.of(neuron, step));
                    assert_eq!(reference.follow(from, packet), Ok(case.targets(k)), "{}", case.name);
                    assert_eq!(ours.follow(from, packet), Ok(case.targets(k)), "{}", case.name);
                }
            }
        }
    }
}

#[test]
fn trees_over_a_board_reach_exactly_their_targets() {
    let mut rng = StdRng::seed_from_u64(5);
    let board: Vec<(u8, u8)> =
        (0..8u8).flat_map(|y| (0..8u8).map(move |x| (x, y))).filter(|(x, y)| x + 3 >= *y && *x <= y + 4).collect();
    assert_eq!(board.len(), 48);
    let chip = |rng: &mut StdRng| board[rng.random_range(0..board.len())];
    let senders: Vec<Sender> = (0..200)
        .map(|k| {
            let count = rng.random_range(1..40);
            let targets = (0..count).map(|_| Place { chip: chip(&mut rng), core: rng.random_range(2..18) }).collect();
            Sender { key: Key::block(k << 12, 256), at: chip(&mut rng), targets }
        })
        .collect();
    let tables = Tables::build(&senders);
    assert!(tables.0.keys().all(|chip| board.contains(chip)), "no path leaves the board");
    for sender in &senders {
        let expected: BTreeSet<Place> = sender.targets.iter().copied().collect();
        assert_eq!(tables.follow(sender.at, sender.key.of(255, 9)), Ok(expected));
    }
    assert!(tables.largest() <= 200);
    assert_eq!(tables.follow((0, 0), 0xffff_0000), Err(Lost::Unrouted((0, 0))));
    let mut circle = Tables::default();
    for (chip, link) in [((0, 0), 0), ((1, 0), 3)] {
        circle.0.insert(chip, vec![Entry { key: 0, mask: 0, route: 1 << link }]);
    }
    assert_eq!(circle.follow((0, 0), 5), Err(Lost::Loops((0, 0))));
}

#[test]
fn regions_lie_where_their_table_points() {
    let mut rng = StdRng::seed_from_u64(6);
    let regions: Vec<Vec<u32>> = (0..7).map(|k| (0..k * 5 + 1).map(|_| rng.random()).collect()).collect();
    let mut places: [Option<&[u32]>; REGIONS] = [None; REGIONS];
    for (k, region) in regions.iter().enumerate() {
        places[k * 4] = Some(region);
    }
    let words = core_data::encode(0x6000_0100, &places);
    let found = core_data::decode(0x6000_0100, &words).unwrap();
    assert_eq!(found.iter().map(Option::as_deref).collect::<Vec<_>>(), places);
    for at in [0, 2, 3, 4, core_data::TABLE_WORDS + 2] {
        let mut changed = words.clone();
        changed[at] ^= 0x0400_0000;
        assert!(core_data::decode(0x6000_0100, &changed).is_err(), "word {at}");
    }
    assert!(core_data::decode(0x6000_0100, &words[..words.len() - 1]).is_err());
    assert!(core_data::decode(0x6000_0200, &words).is_err());
}

#[test]
fn recordings_decode_to_what_was_recorded() {
    let mut rng = StdRng::seed_from_u64(7);
    for n in [1, 31, 32, 33, 256] {
        let rows: Vec<Row> = (0..5).map(|step| Row { step, values: (0..n).map(|_| rng.random()).collect() }).collect();
        let words = recording::encode_rows(&rows);
        assert_eq!(recording::decode_rows(&words, n as usize), Ok(rows));
        assert!(recording::decode_rows(&words[1..], n as usize).is_err());
        let spikes: BTreeSet<(u32, u32)> = (0..40).map(|_| (rng.random_range(0..9), rng.random_range(0..n))).collect();
        let spikes: Vec<(u32, u32)> = spikes.into_iter().collect();
        let words = recording::encode_spikes(&spikes, n).unwrap();
        assert_eq!(words.len() % (1 + n.div_ceil(32)) as usize, 0);
        assert_eq!(recording::decode_spikes(&words, n), Ok(spikes));
        assert!(recording::encode_spikes(&[(0, n)], n).is_err());
    }
    assert!(recording::decode_spikes(&[4, 1 << 9], 9).is_err());
    let channels = [Channel { space: 400, used: 40, address: 0x6000_0000 }, Channel::default()];
    let header = recording::encode_header(&channels);
    assert_eq!(recording::decode_header(&header).as_deref(), Ok(&channels[..]));
    assert!(recording::decode_header(&header[..6]).is_err());
    assert!(recording::decode_header(&recording::encode_header(&[Channel { space: 4, used: 8, address: 0 }])).is_err());
    assert!(recording::decode_header(&[u32::MAX]).is_err());
}
