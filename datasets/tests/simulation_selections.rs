//! Statistics of what is kept, simulations selected from a set, inputs that are given, and the memory of a loader.

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kenyon_base::{PlainFile, Silent};
use kenyon_datasets::simulation::{
    BallSpec, Criterion, Csr, FilterSpec, GeneratorSpec, Item, Loader, LoaderSpec, NormaliseSpec, Part, QUANTITIES, SelectSpec,
    SetConfig, SetPlan, Shard, SimStore, Statistics, WeightedSpikes, Windows, select,
};
use support::{about, make, plan, simulate};

/// A set a few of whose simulations are flagged, those of the lowest rates; the least rate of the others.
fn flagged(dir: &Path) -> (f64, PathBuf) {
    let plan = plan("ref_nmda_cable", [16, 4, 0, 0], 400, 0);
    let mut config = plan.config().clone();
    // A chunk each, so that the rates differ.
    config.generator = GeneratorSpec::BallAndStick(Box::new(BallSpec { chunk: [1; 4], ..BallSpec::default() }));
    let plan = SetPlan::new(config.clone()).expect("valid");
    let about = about(&plan);
    let rate = |index| simulate(&plan, &about, Item { part: Part::Train, index }).summary(&about).rate_hz;
    let mut rates: Vec<f64> = (0..16).map(rate).collect();
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    assert!(rates.len() >= 6, "{rates:?}");
    let least = rates[2];
    let everything = Criterion { from: -1e6, to: 1e6, p_drop: 1.0 };
    config.filter = Some(FilterSpec {
        rate: Criterion { from: least, to: 1e6, p_drop: 1.0 },
        near_spike: everything,
        soma_mean: everything,
        soma_std: everything,
        inst_rate_mean: everything,
        inst_rate_std: everything,
        branch_mean: everything,
        branch_std: everything,
    });
    let plan = SetPlan::new(config).expect("valid");
    let path = dir.join("set.h5");
    make(&plan, &path, Shard::WHOLE);
    (least, path)
}

#[test]
fn statistics_are_of_kept_simulations_and_those_of_all_stand_beside_them() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (least, path) = flagged(dir.path());
    let store = SimStore::open(&path).expect("opened");
    let (kept, all) = (store.kept(Part::Train).len(), store.entries(Part::Train).len());
    assert!(0 < kept && kept < all, "{kept} of {all}");
    let mut counted = Statistics::default();
    for at in 0..all {
        counted.add(&store.record(Part::Train, at).expect("read"), store.about());
    }
    for (of, expected, all) in [(counted.kept(), kept, false), (counted.all(), all, true)] {
        let stored = store.figures(Part::Train, all).expect("read");
        assert_eq!((stored.len(), of.len()), (expected, expected));
        // What is read is what was counted, number by number.
        assert_eq!(format!("{stored:?}"), format!("{of:?}"));
        let file = PlainFile::open(&path).expect("opened");
        let group = if all { "stats/train/all" } else { "stats/train" };
        for name in QUANTITIES {
            let (_, counts) = file.read::<u64>(&format!("{group}/histogram/{name}/count")).expect("read");
            assert_eq!(counts, of.histogram(name).expect("known").counts);
        }
    }
    assert!(store.figures(Part::Train, false).expect("read").quantity("rate_hz").expect("known").iter().all(|r| *r >= least));
}

#[test]
fn a_set_of_which_nothing_is_kept_has_statistics_of_nothing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut config = plan("ref_nmda_cable", [3, 0, 0, 0], 300, 0).config().clone();
    config.filter = Some(FilterSpec { rate: Criterion { from: 900.0, to: 999.0, p_drop: 1.0 }, ..FilterSpec::default() });
    let path = dir.path().join("set.h5");
    make(&SetPlan::new(config).expect("valid"), &path, Shard::WHOLE);
    let store = SimStore::open(&path).expect("opened");
    let (kept, all) = (store.figures(Part::Train, false).expect("read"), store.figures(Part::Train, true).expect("read"));
    assert!(kept.is_empty() && kept.pooled()[0].mean.is_nan() && kept.intervals().counts.iter().all(|n| *n == 0));
    assert_eq!(all.indices(), [0, 1, 2]);
}

#[test]
fn selected_simulations_are_a_set_that_says_where_it_is_from() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (least, path) = flagged(dir.path());
    let store = SimStore::open(&path).expect("opened");
    let target = dir.path().join("part.h5");
    let mut all = store.figures(Part::Train, false).expect("read").quantity("rate_hz").expect("known");
    all.sort_by(f64::total_cmp);
    assert!(all.len() >= 4 && all[0] < all[all.len() - 1], "{all:?}");
    let middle = f64::midpoint(all[0], all[all.len() - 1]);
    let mut spec = SelectSpec {
        parts: vec![Part::Train],
        ranges: vec![format!("rate_hz=..{middle}").parse().expect("sound"), "soma_mean=-200..".parse().expect("sound")],
        normalise: None,
    };
    let chosen = select(&store, &target, &spec, &Silent).expect("selected");
    let made = SimStore::open(&target).expect("opened");
    let rates = |store: &SimStore| store.entries(Part::Train).iter().map(|e| (e.sim, e.rate_hz)).collect::<Vec<_>>();
    let expected: Vec<(u32, f64)> = rates(&store).into_iter().filter(|r| (least..=middle).contains(&r.1)).collect();
    assert!(!expected.is_empty() && expected.len() < store.kept(Part::Train).len());
    assert_eq!((rates(&made), made.parts()), (expected.clone(), vec![Part::Train]));
    assert_eq!(chosen.parts[0].simulations, expected.iter().map(|r| r.0).collect::<Vec<_>>());
    assert_eq!(made.about().selection["where"][0], serde_json::json!(["rate_hz", null, middle]));
    assert_eq!(made.about().identity, store.about().identity);

    // A subset of a given mean rate, the same again.
    // One rate stands far apart: the subset of such a mean leaves it out.
    let wanted = all[..all.len() - 1].iter().sum::<f64>() / (all.len() - 1) as f64;
    spec.ranges.clear();
    spec.normalise = Some(NormaliseSpec { target: wanted, tolerance: 4.0, share: 0.5, ..NormaliseSpec::default() });
    let subset = select(&store, &target, &spec, &Silent).expect("selected");
    assert_eq!(subset.parts[0].reached, Some(true), "{:?} of {all:?}", subset.parts[0]);
    assert!((subset.parts[0].mean_rate_hz - wanted).abs() <= 4.0);
    assert_eq!(select(&store, &target, &spec, &Silent).expect("selected"), subset);

    spec.ranges = vec!["rate_hz=900..".parse().expect("sound")];
    assert_eq!(select(&store, &target, &spec, &Silent).expect_err("nothing is left").code(), "empty-part");
    spec.ranges = vec!["rate=1..2".parse().expect("sound")];
    assert_eq!(select(&store, &target, &spec, &Silent).expect_err("no quantity").code(), "unknown-quantity");
    spec = SelectSpec { parts: vec![Part::Shift], ranges: Vec::new(), normalise: None };
    assert_eq!(select(&store, &target, &spec, &Silent).expect_err("no part").code(), "empty-part");
}

#[test]
fn given_inputs_are_the_inputs_of_the_plan_to_the_bit() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let drawn = plan("twinprop_default_weighted", [2, 0, 0, 0], 400, 0);
    for index in 0..2 {
        let mut events = drawn.input(Part::Train, index).events;
        events.sort_by_key(|e| (e.row, e.t));
        let ptr = (0..=10).map(|row| events.partition_point(|e| e.row < row) as u32).collect();
        let entries = events.iter().map(|e| (e.t, e.weight)).collect();
        Csr { shape: [10, 400], ptr, entries }.write(&dir.path().join(format!("{index}.npz"))).expect("written");
    }
    let files = WeightedSpikes { train: vec!["0.npz".into(), "1.npz".into()], ..WeightedSpikes::default() };
    let read = || files.read(dir.path()).expect("sound");
    let config = SetConfig { generator: GeneratorSpec::WeightedSpikes(files.clone()), ..drawn.config().clone() };
    assert_eq!(SetPlan::new(config.clone()).expect_err("not read").code(), "no-inputs");
    let plan = SetPlan::with_inputs(config.clone(), read()).expect("valid");
    for index in 0..2 {
        assert_eq!(plan.input(Part::Train, index).events, drawn.input(Part::Train, index).events);
    }
    assert_eq!(plan.sources().iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["0.npz", "1.npz"]);
    let shorter = SetConfig { duration_ms: 399, ..config };
    assert_eq!(SetPlan::with_inputs(shorter, read()).expect_err("another length").code(), "bad-shape");
}

#[test]
fn a_loader_holds_its_cache_and_one_simulation_per_thread() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("set.h5");
    make(&plan("ref_nmda_cable", [24, 0, 0, 0], 600, 0), &path, Shard::WHOLE);
    let store = Arc::new(SimStore::open(&path).expect("opened"));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("started");
    for branches in [true, false] {
        let one = 600 * (10 + if branches { 8 * 2 } else { 0 });
        for cache_bytes in [0, 3 * one + 1] {
            let spec = LoaderSpec {
                window_ms: 100,
                // Most windows of an epoch at once: all simulations are needed for every batch.
                batch: 100,
                burn_in_ms: 0,
                windows: Windows::ShuffledTiles,
                margin_ms: 16,
                seed: 3,
                flagged: true,
                branches,
                cache_bytes,
            };
            let loader = Loader::new(Arc::clone(&store), Part::Train, spec).expect("fits");
            for batch in 0..loader.batches() {
                let batch = pool.install(|| loader.batch(0, batch)).expect("read");
                assert_eq!(batch.branch_v.len(), if branches { batch.len() * 8 * 100 } else { 0 });
                assert_eq!(batch.soma_v.len(), batch.len() * 100);
            }
            let most = loader.most_label_bytes();
            assert!(most >= one && most <= cache_bytes + 2 * one, "{most} of {cache_bytes} and 2 times {one}");
        }
    }
}
