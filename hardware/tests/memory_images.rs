//! Memory images equal those of the released mapper, word for word, and packets reach whom they should.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use kenyon_hardware::spinnaker::case::Case;
use kenyon_hardware::spinnaker::image::case::Followed;
use kenyon_hardware::spinnaker::image::core_data::{self, REGIONS};
use kenyon_hardware::spinnaker::image::recording::{self, Channel, Row};
use kenyon_hardware::spinnaker::image::routing::{Entry, Lost, Place, Sender, Tables};
use kenyon_hardware::spinnaker::image::{CaseImages, Key, RegionKind, keys, regions};
use kenyon_hardware::spinnaker::{Options, Quantised, quantise};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A case of the reference data.
struct Reference {
    name: String,
    network: Quantised,
    images: CaseImages,
}

fn cases() -> Vec<Reference> {
    let data = std::env::var_os("KENYON_REFERENCE_DATA").map(PathBuf::from);
    let data = data.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data")).join("spinnaker");
    let Ok(folders) = std::fs::read_dir(&data) else {
        eprintln!("skipped: no reference data");
        return Vec::new();
    };
    let folders = folders.map(|f| f.unwrap().path()).filter(|f| f.join("network.json").is_file());
    let read = |folder: PathBuf| {
        let case = Case::read(&folder).unwrap();
        Reference {
            name: folder.file_name().unwrap().to_string_lossy().into_owned(),
            network: quantise(&case.deployment, &Options::AS_WRITTEN).unwrap(),
            images: CaseImages::of(&case.document).unwrap(),
        }
    };
    let mut cases: Vec<Reference> = folders.map(read).collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(cases.len(), 6);
    cases
}

#[test]
fn every_region_of_every_case_is_equal_word_for_word() {
    let mut compared = 0;
    for case in cases() {
        let found = case.images.compare(&case.network).unwrap();
        for region in &found {
            assert_eq!(region.different, 0, "{}: {region:?}", case.name);
        }
        compared += found.len();
    }
    assert!(compared == 0 || compared == 5 * 10, "{compared} regions");
}

#[test]
fn one_changed_weight_is_one_different_word() {
    for mut case in cases() {
        let projection = &mut case.network.projections[0];
        projection.synapses[0].weight ^= 1;
        let post = case.network.populations[projection.post as usize].label.clone();
        let found = case.images.compare(&case.network).unwrap();
        let different = found.iter().filter(|r| r.different > 0).map(|r| (r.population.as_str(), r.region, r.different));
        assert_eq!(different.collect::<Vec<_>>(), [(post.as_str(), "SynBlocks", 1)], "{}", case.name);
    }
}

#[test]
fn own_keys_change_nothing_but_keys() {
    for case in cases() {
        let (own, reference) = (keys(&case.network), &case.images.keys);
        let masks = |keys: &[Option<Key>]| keys.iter().map(|k| k.map(|k| k.mask)).collect::<Vec<_>>();
        assert_eq!(masks(&own), masks(reference), "{}", case.name);
        let (ours, theirs) = (regions(&case.network, &own).unwrap(), regions(&case.network, reference).unwrap());
        for (ours, theirs) in ours.iter().flatten().zip(theirs.iter().flatten()) {
            for kind in [RegionKind::NeuronParameters, RegionKind::SynapseParameters, RegionKind::SynapticBlocks] {
                assert_eq!(ours.regions.words(kind), theirs.regions.words(kind));
            }
        }
    }
}

#[test]
fn spikes_reach_the_cores_of_their_receivers_and_no_other() {
    for mut case in cases() {
        let (network, images) = (&case.network, &case.images);
        let sources = images.keys.iter().zip(&network.populations).filter(|(k, _)| k.is_some());
        let packets = sources.map(|(_, p)| 16 * u64::from(p.n)).sum::<u64>();
        let all = Followed { packets, ..Followed::default() };
        assert_eq!(images.follow(network), all, "{}", case.name);
        let senders = (0..).zip(&images.keys).filter_map(|(k, key)| {
            let targets = images.listeners(network, k)?.into_iter().collect();
            Some(Sender { key: (*key)?, at: images.places[k as usize]?.chip, targets })
        });
        let ours = Tables::build(&senders.collect::<Vec<_>>());
        case.images.tables = Some(ours);
        assert_eq!(case.images.follow(&case.network), all, "{}", case.name);
        let table = case.images.tables.as_mut().unwrap();
        table.0.get_mut(&(0, 0)).unwrap()[0].route |= 1 << 23;
        assert_eq!(case.images.follow(&case.network).misrouted.len(), 1, "one core too many is found");
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
    let regions: Vec<Vec<u32>> = (0..7).map(|k| (0..=k * 5).map(|_| rng.random()).collect()).collect();
    let mut places: [Option<&[u32]>; REGIONS] = [None; REGIONS];
    for (k, region) in regions.iter().enumerate() {
        places[k * 4] = Some(region);
    }
    let words = core_data::encode(0x6000_0100, &places).unwrap();
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
