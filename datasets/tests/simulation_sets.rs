//! Sets of simulations: written, killed, resumed, sharded, damaged, read.

#![expect(clippy::float_cmp, reason = "the very same numbers are expected")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kenyon_base::{PlainFile, Silent};
use kenyon_datasets::simulation::{
    BallSpec, Counts, GeneratorSpec, Item, Labels, Loader, LoaderSpec, Manifest, NormaliseSpec, Part, Record, SetConfig, SetPlan,
    SetWriter, Shard, SimStore, Statistics, WindowBatch, Windows, manifest_path, merge, normalise, shard_path, snapshot,
};
use support::{about, make, plan, simulate};

fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).expect("read")
}

fn set(dir: &Path) -> (SetPlan, PathBuf) {
    let plan = plan("ref_nmda_cable", [6, 2, 2, 1], 400, 50);
    let path = dir.join("set.h5");
    make(&plan, &path, Shard::WHOLE);
    (plan, path)
}

#[test]
fn a_set_reads_back_record_by_record_and_its_bytes_are_those_of_its_recipe() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (plan, path) = set(dir.path());
    let store = SimStore::open(&path).expect("opened");
    assert_eq!(store.items(), plan.items(Shard::WHOLE));
    assert_eq!(store.parts(), Part::ALL);
    for part in store.parts() {
        for (at, entry) in store.entries(part).iter().enumerate() {
            let made = simulate(&plan, store.about(), Item { part, index: entry.sim });
            assert_eq!(store.record(part, at).expect("read"), made);
            assert_eq!(entry.failed, made.failed);
            assert_eq!(entry.n_spikes, made.summary(store.about()).n_spikes);
        }
    }
    assert!(store.entries(Part::Train).iter().any(|e| e.n_spikes > 0));
    let again = dir.path().join("again.h5");
    make(&plan, &again, Shard::WHOLE);
    assert!(bytes(&again) == bytes(&path));
    assert!(!dir.path().join("set.h5.journal").exists());
    assert!(store.is_of(&about(&plan), Shard::WHOLE, &plan.items(Shard::WHOLE)));
    assert!(!store.is_of(&about(&plan), Shard::new(1, 2).expect("in order"), &plan.items(Shard::WHOLE)));
    assert_eq!(store.report().parts.iter().map(|p| p.simulations).sum::<usize>(), plan.items(Shard::WHOLE).len());
}

#[test]
fn a_set_that_was_killed_at_any_point_ends_with_the_same_bytes() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (plan, whole) = set(dir.path());
    let expected = bytes(&whole);
    let items = plan.items(Shard::WHOLE);
    for kill in [0, 1, 5, 10, 11] {
        let path = dir.path().join(format!("killed_{kill}.h5"));
        let mut begun = about(&plan);
        let writer = SetWriter::start(&path, begun.clone(), Shard::WHOLE, items.clone()).expect("started");
        // In another order than planned, as threads finish.
        for &item in items.iter().rev().take(kill) {
            writer.append(&simulate(&plan, writer.about(), item)).expect("appended");
        }
        drop(writer);
        // What a kill in the middle of a write leaves: a temporary.
        let folder = dir.path().join(format!("killed_{kill}.h5.journal/train/0000"));
        fs::create_dir_all(&folder).expect("made");
        fs::write(folder.join(".0000003.sim.tmp-999999999-7"), b"half a rec").expect("written");
        begun.created = "later".into();
        let mut writer = SetWriter::start(&path, begun, Shard::WHOLE, items.clone()).expect("resumed");
        assert_eq!(writer.missing().len(), items.len() - kill);
        if kill == 5 {
            let part = dir.path().join("part.h5");
            // The run goes on: its lock keeps nobody from looking.
            let report = snapshot(&path, &part, &Silent).expect("written");
            assert_eq!(
                (report.parts.iter().map(|p| p.simulations).sum::<usize>(), SimStore::open(&part).expect("opened").items().len()),
                (5, 5)
            );
        }
        if let Some(&first) = writer.missing().first() {
            assert_eq!(writer.finish(&Silent).expect_err("not all are there").code(), "incomplete");
            writer = SetWriter::start(&path, about(&plan), Shard::WHOLE, items.clone()).expect("resumed");
            assert!(!writer.has(first));
        }
        for item in writer.missing() {
            writer.append(&simulate(&plan, writer.about(), item)).expect("appended");
        }
        writer.finish(&Silent).expect("finished");
        assert!(bytes(&path) == expected, "killed after {kill}");
    }
}

#[test]
fn merged_shards_are_the_set_made_in_one_piece() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (plan, whole) = set(dir.path());
    let target = dir.path().join("merged.h5");
    let files: Vec<PathBuf> = (1..=3)
        .map(|i| {
            let shard = Shard::new(i, 3).expect("in order");
            let path = shard_path(&target, shard);
            make(&plan, &path, shard);
            path
        })
        .collect();
    assert!(files[1].ends_with("merged.shard-002-of-003.h5"));
    let list = dir.path().join("merged.json");
    let manifest = Manifest::of(&files).expect("listed");
    assert_eq!(manifest.files[0].ranges[0].simulations, 3);
    manifest.write(&list).expect("written");
    assert_eq!(Manifest::read(&list).expect("read"), manifest);
    merge(&list, &target, &Silent).expect("merged");
    assert!(bytes(&target) == bytes(&whole));

    let two = Manifest { files: manifest.files[..2].to_vec(), ..manifest.clone() };
    two.write(&list).expect("written");
    let error = merge(&list, &target, &Silent).expect_err("one is missing");
    assert_eq!(error.code(), "missing-shard");
    assert!(error.to_string().contains("1 of 3 shards is missing: 3/3"), "{error}");
    let mut outside = manifest.clone();
    outside.files[0].file = "../merged.shard-001-of-003.h5".into();
    outside.write(&list).expect("written");
    assert_eq!(merge(&list, &target, &Silent).expect_err("outside").code(), "bad-manifest");
    manifest.write(&list).expect("written");
    // What the maker of a shard wrote down is what a later list is held against.
    Manifest::made(&files[2]).expect("listed").write(&manifest_path(&files[2])).expect("written");
    assert_eq!(Manifest::of(&files).expect("listed"), manifest);
    let mut changed = bytes(&files[2]);
    let last = changed.len() - 1;
    changed[last] ^= 1;
    fs::write(&files[2], changed).expect("written");
    assert_eq!(merge(&list, &target, &Silent).expect_err("changed").code(), "checksum");
    let error = Manifest::of(&files).expect_err("changed");
    assert_eq!((error.code(), error.path()), ("checksum", Some(files[2].as_path())));
}

#[test]
fn damaged_records_are_put_aside_all_at_once_and_made_anew() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let plan = plan("ref_nmda_cable", [3, 0, 0, 0], 300, 0);
    let path = dir.path().join("set.h5");
    let items = plan.items(Shard::WHOLE);
    let start = || SetWriter::start(&path, about(&plan), Shard::WHOLE, items.clone());
    let writer = start().expect("started");
    for &item in &items {
        writer.append(&simulate(&plan, writer.about(), item)).expect("appended");
    }
    assert_eq!(writer.append(&simulate(&plan, writer.about(), items[0])).expect_err("again").code(), "twice");
    drop(writer);
    let record = dir.path().join("set.h5.journal/train/0000/0000001.sim");
    let aside = record.with_file_name("0000001.sim.damaged");
    let good = bytes(&record);
    let cuts = [0, 10, 60, 100, good.len() / 2, good.len() - 1].map(|cut| good[..cut].to_vec());
    let flips = [0, 22, 25, 40, 93, 200, good.len() / 2, good.len() - 1].map(|at| {
        let mut bad = good.clone();
        bad[at] ^= 4;
        bad
    });
    let another = [bytes(&record.with_file_name("0000002.sim"))];
    for bad in cuts.iter().chain(&flips).chain(&another) {
        fs::write(&record, bad).expect("written");
        let writer = start().expect("resumed");
        assert_eq!((writer.missing(), writer.damaged()), (vec![items[1]], &[aside.clone()][..]));
        assert!(!record.exists() && bytes(&aside) == *bad);
    }
    // Two at once, and one that changes while the set is written.
    let third = record.with_file_name("0000002.sim");
    fs::write(&record, &flips[0]).expect("written");
    fs::write(&third, b"").expect("written");
    let writer = start().expect("resumed");
    assert_eq!((writer.missing().len(), writer.damaged().len()), (2, 2));
    for item in writer.missing() {
        writer.append(&simulate(&plan, writer.about(), item)).expect("appended");
    }
    fs::write(&third, &flips[7]).expect("written");
    let error = writer.finish(&Silent).expect_err("changed");
    assert_eq!((error.code(), error.path()), ("damaged-record", Some(third.as_path())));
    assert!(!path.exists());
    let mut other = about(&plan);
    other.seed += 1;
    assert_eq!(SetWriter::start(&path, other, Shard::WHOLE, items.clone()).expect_err("another set").code(), "other-journal");
    let writer = start().expect("resumed");
    writer.append(&simulate(&plan, writer.about(), items[2])).expect("appended");
    writer.finish(&Silent).expect("finished");
    let whole = dir.path().join("whole.h5");
    make(&plan, &whole, Shard::WHOLE);
    assert!(bytes(&path) == bytes(&whole));
}

#[test]
fn one_writer_at_a_time() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let plan = plan("ref_nmda_cable", [2, 0, 0, 0], 300, 0);
    let path = dir.path().join("set.h5");
    let items = plan.items(Shard::WHOLE);
    let start = || SetWriter::start(&path, about(&plan), Shard::WHOLE, items.clone());
    let writer = start().expect("started");
    let error = start().expect_err("in use");
    assert_eq!((error.code(), error.exit_code()), ("set-in-use", 1));
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    for &item in &items {
        writer.append(&simulate(&plan, writer.about(), item)).expect("appended");
    }
    writer.finish(&Silent).expect("finished");
    assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1, "nothing but the set is left");
    // A journal that was removed under way is not begun anew without its head.
    let writer = start().expect("again");
    fs::remove_dir_all(dir.path().join("set.h5.journal")).expect("removed");
    let error = writer.append(&simulate(&plan, writer.about(), items[0])).expect_err("no journal");
    assert_eq!(error.code(), "cannot-write");
}

#[test]
fn what_belongs_to_a_set_is_made_again_if_it_was_cut_short() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let plan = plan("ref_nmda_cable", [2, 0, 0, 0], 300, 0);
    let (path, journal) = (dir.path().join("set.h5"), dir.path().join("set.h5.journal"));
    let items = plan.items(Shard::WHOLE);
    let about = about(&plan);
    let writer = SetWriter::start(&path, about.clone(), Shard::WHOLE, items.clone()).expect("started");
    for &item in &items {
        writer.append(&simulate(&plan, writer.about(), item)).expect("appended");
    }
    let fails = |_: &_| Err(kenyon_base::UserError::failed("cut", "cut short"));
    assert_eq!(writer.finish_with(&Silent, fails).expect_err("cut short").code(), "cut");
    assert!(path.exists() && journal.exists());
    // The journal of another set is not touched.
    let other = kenyon_datasets::simulation::SetAbout { seed: 9, ..about.clone() };
    assert!(!SetWriter::end(&path, &other, Shard::WHOLE, || Ok(())).expect("left alone"));
    assert!(journal.exists());
    let mut done = 0;
    let mut last = || {
        done += 1;
        Ok(())
    };
    assert!(SetWriter::end(&path, &about, Shard::WHOLE, &mut last).expect("ended"));
    assert!(!SetWriter::end(&path, &about, Shard::WHOLE, &mut last).expect("nothing to do"));
    assert!(done == 1 && !journal.exists());
}

#[test]
fn simulations_without_an_answer_are_stored_counted_and_left_out() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for broken in [vec![1], vec![0, 1, 2]] {
        let plan = plan("ref_nmda_cable", [3, 0, 0, 0], 300, 50);
        let path = dir.path().join(format!("set_{}.h5", broken.len()));
        let writer = SetWriter::start(&path, about(&plan), Shard::WHOLE, plan.items(Shard::WHOLE)).expect("started");
        for item in writer.missing() {
            let record = if broken.contains(&item.index) {
                let seed = plan.seed(item.part, item.index, 0);
                Record::without_answer(writer.about(), item, seed, 1, plan.input(item.part, item.index), -12.475)
            } else {
                simulate(&plan, writer.about(), item)
            };
            // The further recordings of the support neuron have no place beside records without.
            writer.append(&Record { extra: Vec::new(), ..record }).expect("appended");
        }
        let report = writer.finish(&Silent).expect("finished");
        assert_eq!(report.parts[0].left_bounds, broken.len());
        let store = SimStore::open(&path).expect("opened");
        assert_eq!(store.report().parts, report.parts);
        assert_eq!(store.flags(Part::Train)["left-bounds"], broken.len());
        for flagged in [false, true] {
            assert!(store.chosen(Part::Train, flagged).iter().all(|at| !broken.contains(at)));
        }
        let entry = &store.entries(Part::Train)[1];
        assert_eq!((entry.left_bounds_ms, entry.seed), (Some(-12.475), plan.seed(Part::Train, 1, 0)));
        let record = store.record(Part::Train, 1).expect("read");
        assert_eq!((record.events, record.left_bounds_ms), (plan.input(Part::Train, 1).events, Some(-12.475)));
    }
}

#[test]
fn a_record_that_does_not_fit_its_set_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let plan = plan("ref_nmda_cable", [1, 0, 0, 0], 300, 0);
    let items = plan.items(Shard::WHOLE);
    let writer = SetWriter::start(&dir.path().join("set.h5"), about(&plan), Shard::WHOLE, items.clone()).expect("started");
    let good = simulate(&plan, writer.about(), items[0]);
    let refused = |change: &dyn Fn(&mut Record)| {
        let mut bad = good.clone();
        change(&mut bad);
        writer.append(&bad).expect_err("malformed").code().to_string()
    };
    assert_eq!(refused(&|r| r.soma_v[3] = f32::NAN), "bad-record");
    assert_eq!(refused(&|r| r.events[0].weight = 1.000_01), "bad-record");
    assert_eq!(refused(&|r| r.events[0].row = 16), "bad-record");
    assert_eq!(refused(&|r| r.events.swap(0, 1)), "bad-record");
    assert_eq!(refused(&|r| r.near_spike.truncate(5)), "bad-record");
    assert_eq!(refused(&|r| r.extra[0].name = "a/b".into()), "bad-record");
    assert_eq!(refused(&|r| r.item.index = 7), "not-in-set");
    writer.append(&good).expect("sound");
}

#[test]
fn damaged_files_are_errors_and_a_chunk_that_changed_is_found() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (_, path) = set(dir.path());
    let good = bytes(&path);
    let read_all = |path: &Path| -> kenyon_base::Result<Vec<Record>> {
        let store = SimStore::open(path)?;
        let mut all = Vec::new();
        for part in store.parts() {
            for at in 0..store.entries(part).len() {
                all.push(store.record(part, at)?);
            }
        }
        Ok(all)
    };
    let expected = read_all(&path).expect("sound");
    let bad = dir.path().join("bad.h5");
    for length in [0, 100, good.len() / 2] {
        fs::write(&bad, &good[..length]).expect("written");
        assert_eq!(read_all(&bad).expect_err("cut off").exit_code(), 3);
    }
    let mut found = 0;
    for at in (0..good.len()).step_by(good.len() / 200) {
        let mut changed = good.clone();
        changed[at] ^= 0x40;
        fs::write(&bad, changed).expect("written");
        match read_all(&bad) {
            // The byte is unused, or belongs to a statistic.
            Ok(records) => assert!(records == expected, "byte {at}: {} records", records.len()),
            Err(error) => {
                assert_eq!(error.exit_code(), 3);
                found += 1;
            }
        }
    }
    assert!(found > 10, "{found} of 200");
    let writer = kenyon_base::PlainWriter::create(&bad).expect("created");
    writer.write("x", &[1], &[1.0_f64]).expect("written");
    writer.finish().expect("finished");
    assert_eq!(SimStore::open(&bad).expect_err("another file").code(), "not-a-simulation-set");
    let source = PlainFile::open(&path).expect("opened");
    let text = |name: &str| source.attribute_texts("/", name).expect("read").remove(0);
    let writer = kenyon_base::PlainWriter::create(&bad).expect("created");
    writer.attribute("/", "kenyon_simset", &[], &[1_u32]).expect("written");
    for name in ["about", "about_sha256", "shard"] {
        writer.attribute_text("/", name, &text(name)).expect("written");
    }
    writer.attribute("/", "simulations", &[4], &[1_u32, 0, 0, 0]).expect("written");
    writer.write("train/index/sim", &[1], &[0_u32]).expect("written");
    writer.finish().expect("finished");
    assert_eq!(SimStore::open(&bad).expect_err("no events").code(), "missing-dataset");
}

#[test]
fn sparse_inputs_are_eight_times_smaller_and_have_the_published_statistics() {
    let mut config = SetConfig::preset("ref_nmda_cable").expect("known");
    config.counts = Counts { train: 240, ..Counts::default() };
    let plan = SetPlan::new(config).expect("valid");
    let (mut sum, mut square, mut n, mut events) = (0.0, 0.0, 0.0, 0_usize);
    let mut weights: Vec<f64> = Vec::new();
    // The ranges are shared by a chunk: few simulations of many chunks tell more than many of a few.
    for index in (0..4800).step_by(20) {
        let input = plan.input(Part::Train, index);
        let after = input.events.iter().filter(|e| e.t >= input.warmup).map(|e| e.weight);
        events += after.clone().count();
        sum += after.clone().sum::<f64>();
        square += after.clone().map(|w| w * w).sum::<f64>();
        weights.extend(after);
        n += 16.0 * 8192.0;
    }
    let mean = sum / n;
    let std = (square / n - mean * mean).sqrt();
    weights.sort_by(f64::total_cmp);
    let percentile = weights[weights.len() - (0.01 * n) as usize];
    assert!((mean / 0.0954 - 1.0).abs() < 0.15, "mean {mean}");
    assert!((std / 0.570 - 1.0).abs() < 0.15, "standard deviation {std}");
    assert!((percentile / 3.37 - 1.0).abs() < 0.15, "99th percentile {percentile}");
    // Row, time and weight of two bytes each, before compression.
    let ratio = 2.0 * n / (6.0 * events as f64);
    assert!(ratio > 8.0, "{ratio}");
}

#[test]
fn the_input_in_the_file_is_eight_times_smaller_than_a_dense_one() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("set.h5");
    let mut config = SetConfig::preset("ref_nmda_cable").expect("known");
    config.counts = Counts { train: 12, ..Counts::default() };
    config.warmup_ms = 0;
    // A chunk each, so that a few simulations have the statistics of many.
    let spec = BallSpec { chunk: [1; 4], ..BallSpec::default() };
    config.generator = GeneratorSpec::BallAndStick(Box::new(spec));
    let plan = SetPlan::new(config).expect("valid");
    let mut about = about(&plan);
    about.neuron.branches = false;
    let writer = SetWriter::start(&path, about, Shard::WHOLE, plan.items(Shard::WHOLE)).expect("started");
    let bins = writer.about().duration_ms as usize;
    for item in plan.items(Shard::WHOLE) {
        let labels = Labels {
            soma_v: vec![-80.0; bins],
            spike: vec![false; bins],
            near_spike: vec![false; bins],
            inst_rate: vec![0.0; bins],
            spikes_ms: Vec::new(),
        };
        let input = plan.input(item.part, item.index);
        let record = Record::new(writer.about(), item, 0, 1, input, labels, &[]);
        writer.append(&record).expect("appended");
    }
    writer.finish(&Silent).expect("finished");
    let size = fs::metadata(&path).expect("there").len();
    let dense = 12 * 16 * 8192 * 2;
    assert!(dense > 8 * size, "{dense} and {size} bytes");
}

fn spec(windows: Windows, window_ms: u32, burn_in_ms: u32, batch: usize) -> LoaderSpec {
    LoaderSpec {
        window_ms,
        batch,
        burn_in_ms,
        windows,
        margin_ms: 16,
        seed: 3,
        flagged: true,
        branches: true,
        cache_bytes: 40_000,
    }
}

#[test]
fn batches_are_windows_of_the_records_whatever_the_threads_and_the_cache() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (_, path) = set(dir.path());
    let store = Arc::new(SimStore::open(&path).expect("opened"));
    for (windows, burn_in) in [(Windows::Random, 20), (Windows::Tiles, 70), (Windows::ShuffledTiles, 0)] {
        let make = |cache: usize| {
            let spec = LoaderSpec { cache_bytes: cache, ..spec(windows, 120, burn_in, 4) };
            Arc::new(Loader::new(Arc::clone(&store), Part::Train, spec).expect("fits"))
        };
        let (loader, uncached) = (make(1 << 20), make(0));
        let epoch: Vec<WindowBatch> = (0..loader.batches()).map(|b| loader.batch(2, b).expect("read")).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("started");
        for (b, batch) in epoch.iter().enumerate().rev() {
            assert_eq!(pool.install(|| uncached.batch(2, b)).expect("read"), *batch);
        }
        let resumed: Vec<WindowBatch> = loader.epoch(2, 1, 2).expect("started").map(|b| b.expect("read")).collect();
        assert_eq!(resumed, epoch[1..]);
        let mut covered = vec![vec![0; 400]; 6];
        for batch in &epoch {
            let (dense, mask) = (batch.dense(), batch.mask());
            for (b, w) in batch.windows.iter().enumerate() {
                let record = store.record(Part::Train, w.at as usize).expect("read");
                let spikes = record.spike_bins();
                for k in 0..120_usize {
                    let t = w.start + k as i64;
                    let scored = mask[b * 120 + k];
                    if scored {
                        covered[w.at as usize][t as usize] += 1;
                        assert!(t >= 0 && (windows != Windows::Random || k >= burn_in as usize));
                    }
                    if t >= 0 {
                        let t = t as usize;
                        assert_eq!(batch.spike[b * 120 + k], spikes[t]);
                        assert_eq!(batch.soma_v[b * 120 + k], record.soma_v[t].min(-62.0));
                        assert_eq!(batch.near_spike[b * 120 + k], record.near_spike[t]);
                        assert_eq!(batch.inst_rate[b * 120 + k], record.inst_rate[t]);
                        assert_eq!(batch.branch_v[(b * 8 + 5) * 120 + k], record.branch_v[5 * 400 + t]);
                    }
                    for row in [0, 9] {
                        let at = record.events.iter().find(|e| i64::from(e.t) == t + 50 && e.row == row);
                        let expected = at.map_or(0.0, |e| e.weight as f32);
                        assert_eq!(dense[(b * 16 + row as usize) * 120 + k], expected);
                    }
                }
            }
        }
        if windows == Windows::Random {
            assert_eq!(epoch.iter().map(WindowBatch::len).sum::<usize>(), 6);
            assert_ne!(loader.batch(3, 0).expect("read").windows, epoch[0].windows);
        } else {
            assert!(covered.iter().flatten().all(|&n| n == 1));
        }
        assert_eq!(loader.batch(0, 99).expect_err("too far").code(), "no-such-batch");
    }
    let refuse = |s: LoaderSpec| Loader::new(Arc::clone(&store), Part::Train, s).expect_err("unfit").code().to_string();
    assert_eq!(refuse(spec(Windows::Random, 380, 0, 1)), "bad-window");
    assert_eq!(refuse(spec(Windows::Tiles, 500, 0, 1)), "bad-window");
    assert_eq!(refuse(spec(Windows::Tiles, 50, 50, 1)), "bad-window");
    assert_eq!(refuse(spec(Windows::Tiles, 50, 10, 0)), "bad-window");
}

#[test]
fn statistics_leave_the_initialisation_out_and_answer_questions() {
    let plan = plan("twinprop", [8, 0, 0, 0], 2000, 0);
    let about = about(&plan);
    assert_eq!(about.initialisation_ms, 500);
    let mut stats = Statistics::default();
    for item in plan.items(Shard::WHOLE) {
        let mut record = simulate(&plan, &about, item);
        stats.add(&record, &about);
        let before = record.summary(&about);
        // Whatever happens in the initialisation changes nothing.
        record.spikes_ms.retain(|&t| t >= 500.0);
        record.soma_v[..500].fill(17.0);
        record.inst_rate[..500].fill(1.0);
        record.near_spike[..500].fill(true);
        assert_eq!(format!("{:?}", record.summary(&about)), format!("{before:?}"));
    }
    let stats = stats.all();
    let rates = stats.quantity("rate_hz").expect("known");
    assert_eq!(rates.len(), 8);
    let all = stats.within("rate_hz", 0.0, 1e9).expect("known");
    assert_eq!(all, (0..8).collect::<Vec<u32>>());
    assert!(stats.quantity("rate").expect_err("unknown").to_string().contains("rate_hz"));
    let pairs: Vec<(u32, f64)> = all.iter().copied().zip(rates).collect();
    assert_eq!(normalise(&pairs, &NormaliseSpec::default()).expect("chosen").indices.len(), 3);
}
