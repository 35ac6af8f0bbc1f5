//! Odours end to end: through the binary, read back by an outsider, and against the anchors of the reference data.

mod support;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use kenyon::odors::{input_layer, labels_from_types};
use kenyon_base::Silent;
use kenyon_connectome::circuit::file;
use kenyon_datasets::odors::{Geometry, InputLayer, Missing, OdorSpec, ResponseTable, SpikeStore, build, ceiling, glomeruli};
use kenyon_datasets::{Batch, Events, Remap, SpikeSource};
use support::{kenyon_in, kenyon_json, reference_fly, synthetic_fly};

/// Input spikes as any HDF5 reader sees them: per sample and step, the root ids that fire.
fn outsider(path: &Path) -> (Vec<u64>, Vec<u32>, Vec<u32>) {
    let file = hdf5::File::open(path).expect("HDF5");
    let read = |name: &str| file.dataset(name).expect(name).read_raw::<u32>().expect(name);
    let ids: Vec<u64> = file.dataset("inputs/root_id").expect("there").read_raw().expect("ids");
    let columns: Vec<u16> = file.dataset("events/column").expect("there").read_raw().expect("two bytes");
    (columns.iter().map(|&c| ids[c as usize]).collect(), read("events/per_step"), read("samples/label"))
}

#[test]
fn odours_for_the_synthetic_fly_need_no_download() {
    let fly = synthetic_fly();
    let made = fly.json(&["odors", "make", "--circuit", "circuit.h5", "--max-odors", "30", "--repeats", "20", "-o", "demo.h5"]);
    assert_eq!((&made["samples"], &made["classes"], &made["steps"]), (&600.into(), &30.into(), &500.into()));
    assert_eq!((&made["synthetic"], &made["split"]["test"]), (&true.into(), &60.into()));
    let ceiling = &made["ceiling"];
    assert!(ceiling["accuracy"].as_f64().expect("measured") > 0.8, "{ceiling}");
    assert_eq!(made, fly.json(&["odors", "info", "demo.h5"]));
    assert!(!made.to_string().contains(fly.path().to_str().expect("UTF-8")), "no folder of this machine is stored");

    let circuit = file::read(&fly.path().join("circuit.h5")).expect("a circuit");
    let layer = input_layer(&circuit).expect("inputs");
    let store = SpikeStore::open(&fly.path().join("demo.h5")).expect("opened");
    assert_eq!(store.inputs(), layer.root_ids, "one receptor map serves network and spikes");
    assert!(Remap::new(store.inputs(), &layer.root_ids).expect("the same neurons").is_identity());
    let (ids, per_step, labels) = outsider(&fly.path().join("demo.h5"));
    assert_eq!((per_step.len(), labels.len()), (600 * 500, 600));
    let mut events = Events::default();
    store.events(0, &mut events).expect("read");
    let first: Vec<u64> = events.idx.iter().map(|&c| store.inputs()[c as usize]).collect();
    assert_eq!(first, ids[..first.len()]);
}

#[test]
fn without_a_receptor_map_the_receptors_follow_from_the_cell_types() {
    let mut circuit = file::read(&synthetic_fly().path().join("circuit.h5")).expect("a circuit");
    let mapped = input_layer(&circuit).expect("inputs");
    assert!(!labels_from_types(&circuit));
    circuit.receptors = None;
    assert!(labels_from_types(&circuit));
    let typed = input_layer(&circuit).expect("inputs");
    assert_eq!(mapped.root_ids, typed.root_ids);
    let labelled = |layer: &InputLayer| layer.labels.iter().filter(|l| !l.is_empty()).count();
    assert!(labelled(&typed) >= 1_900, "{} by type, {} by map", labelled(&typed), labelled(&mapped));
    let spec = OdorSpec { max_odors: Some(5), repeats: 1, ..OdorSpec::default() };
    build(&spec, Path::new(""), 1, typed).expect("odours can be made");
}

#[test]
fn the_receptors_of_the_glomeruli_are_those_of_door() {
    let Some(fly) = reference_fly() else { return };
    let text = fs::read_to_string(Path::new(&fly).join("door/door_mappings.csv")).expect("read").replace('"', "");
    let known: Vec<(&str, &str)> =
        text.lines().map(|l| l.split(';').collect::<Vec<_>>()).filter(|f| f.len() > 4).map(|f| (f[4], f[1])).collect();
    for (glomerulus, receptors) in glomeruli() {
        let column = if glomerulus.starts_with("DL2") { "DL2d/v" } else { glomerulus };
        for receptor in receptors {
            assert!(known.contains(&(column, receptor)), "{glomerulus} {receptor}: {known:?}");
        }
    }
}

#[test]
fn two_processes_make_the_same_file_at_any_number_of_threads() {
    let fly = synthetic_fly();
    let make = |name: &str, more: &[&str]| {
        let args = ["odors", "make", "--circuit", "circuit.h5", "--max-odors", "8", "--repeats", "10", "-o", name];
        let args: Vec<&str> = args.iter().chain(more).copied().collect();
        let report = fly.json(&args);
        (report["split_sha256"].clone(), fs::read(fly.path().join(name)).expect("written"))
    };
    let (split, bytes) = make("same1.h5", &["--threads", "1"]);
    let (again, same) = make("same2.h5", &["--threads", "2"]);
    assert!(split == again && bytes == same);
    let (other, _) = make("other.h5", &["--seed", "2"]);
    assert_ne!(split, other);
}

#[test]
fn a_recipe_may_be_a_section_of_another_config_and_flags_outdo_it() {
    let fly = synthetic_fly();
    let dir = fly.path().join("recipes");
    fs::create_dir_all(&dir).expect("made");
    fs::write(dir.join("table.csv"), "odor,Or42b,Or59b\na,0.9,0.1\nb,0.1,0.9\nc,0.5,0.5\n").expect("written");
    let recipe = "[training]\nepochs = 3\n\n[odors]\ntable = \"table.csv\"\nrepeats = 10\nconcentration = [0.25, 1.0]\n\n\
                  [[odors.mixtures]]\nodors = [\"a\", \"b\"]\n";
    fs::write(dir.join("train.toml"), recipe).expect("written");
    let made = fly.json(&["odors", "make", "recipes/train.toml", "--circuit", "circuit.h5", "--repeats", "20", "-o", "r.h5"]);
    assert_eq!((&made["classes"], &made["samples"], &made["synthetic"]), (&4.into(), &80.into(), &false.into()));
    assert_eq!(made["recipe"]["table"], "table.csv");
    assert!(made["mapping"]["without_column"].as_array().is_some_and(|l| l.len() > 40));
    fs::write(dir.join("slip.toml"), recipe.replace("repeats", "repeat")).expect("written");
    let ran = kenyon_in(fly.path(), &["odors", "make", "recipes/slip.toml", "--circuit", "circuit.h5", "-o", "x.h5"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("line 6") && ran.stderr.contains("did you mean `repeats`?"), "{}", ran.stderr);
}

#[test]
fn bad_input_is_told_with_its_place_and_nothing_is_written() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).expect("written");
    write("map.csv", "receptor_label,root_id\nOr1a,720575940000000001\nOr2a,720575940000000002\n");
    write("table.csv", "o,Or1a,Or2a\na,0.5,0\nb,0,x\n");
    write("other.csv", "o,Or7a\na,0.5\n");
    write("float.csv", "receptor_label,root_id\nOr1a,7.2057594E+17\n");
    write("good.csv", "o,Or1a,Or2a\na,0.5,0\nb,0,0.5\n");
    let make = |more: &[&str]| {
        let args: Vec<&str> = ["odors", "make", "-o", "x.h5", "--json"].iter().chain(more).copied().collect();
        let ran = kenyon_in(dir.path(), &args);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        (ran.code, ran.json()["error"].clone())
    };
    let (code, error) = make(&["--receptor-map", "map.csv", "--table", "table.csv"]);
    assert_eq!((code, &error["line"], &error["row"], &error["column"]), (3, &3.into(), &2.into(), &"Or2a".into()));
    let (code, error) = make(&["--receptor-map", "map.csv", "--table", "other.csv"]);
    assert_eq!((code, &error["code"]), (3, &"no-drive".into()));
    let (code, error) = make(&["--receptor-map", "float.csv"]);
    assert_eq!((code, &error["code"], &error["line"]), (3, &"id-not-integer".into(), &2.into()));
    assert_eq!(make(&[]).0, 2);
    assert_eq!(make(&["--circuit", "nowhere.h5"]).0, 3);
    let (code, error) = make(&["--receptor-map", "map.csv", "--table", "good.csv", "--duration-ms", "500..70"]);
    assert_eq!((code, &error["key"]), (3, &"odors.duration_ms".into()));
    assert_eq!(make(&["--receptor-map", "map.csv", "--concentration", "much"]).0, 2);
    assert_eq!(make(&["--import", "samples", "--repeats", "3"]).0, 2);
    assert!(!dir.path().join("x.h5").exists());

    make(&["--receptor-map", "map.csv", "--table", "good.csv", "--repeats", "4"]);
    let mut bytes = fs::read(dir.path().join("x.h5")).expect("written");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(dir.path().join("x.h5"), bytes).expect("written");
    let ran = kenyon_in(dir.path(), &["odors", "info", "x.h5"]);
    assert!(ran.code == 3 && ran.stderr.contains("checksum"), "{}", ran.stderr);
}

#[test]
fn a_folder_of_samples_is_written_and_packed_again() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fs::write(dir.path().join("map.csv"), "receptor_label,root_id\nOr1a,5\nOr2a,3\nOr1a,9\n").expect("written");
    let json = |args: &[&str]| kenyon_json(dir.path(), args);
    json(&["odors", "make", "--receptor-map", "map.csv", "--max-odors", "3", "--repeats", "5", "-o", "a.h5", "--samples", "out"]);
    assert!(dir.path().join("out/samples/14_synthetic odour 003.hdf5").is_file());
    let packed = json(&["odors", "make", "--import", "out", "-o", "b.h5"]);
    assert_eq!(packed["samples"], 15);
    assert_eq!(outsider(&dir.path().join("a.h5")), outsider(&dir.path().join("b.h5")));
    fs::remove_file(dir.path().join("out/manifest.json")).expect("removed");
    let ran = kenyon_in(dir.path(), &["odors", "make", "--import", "out", "-o", "c.h5"]);
    assert!(ran.code == 3 && ran.stderr.contains("--assume-order"), "{}", ran.stderr);
    let assumed = json(&["odors", "make", "--import", "out", "--assume-order", "map.csv", "-o", "c.h5"]);
    assert!(assumed["notes"].to_string().contains("assumed"), "{assumed}");
    assert_eq!(outsider(&dir.path().join("a.h5")), outsider(&dir.path().join("c.h5")));
}

#[test]
fn every_help_page_of_odours_has_an_example() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for page in [&["odors", "--help"][..], &["odors", "make", "--help"], &["odors", "info", "--help"]] {
        assert!(kenyon_in(dir.path(), page).ok().stdout.contains("Example"), "{page:?}");
    }
}

/// The generator of the full recipe on the reference data.
fn full_recipe(fly: &str) -> kenyon_datasets::odors::OdorGenerator {
    let layer = InputLayer::read(&Path::new(fly).join("derived/receptor_to_root_ids.csv")).expect("a receptor map");
    let spec = OdorSpec { table: Some("door/DoOR_selected.csv.gz".into()), ..OdorSpec::default() };
    build(&spec, Path::new(fly), 1, layer).expect("the reference data")
}

#[test]
fn the_reference_table_has_the_anchors_of_the_scorecard() {
    let Some(fly) = reference_fly() else { return };
    let door = Path::new(&fly).join("door");
    let table = ResponseTable::read(&door.join("DoOR_selected.csv.gz"), Missing::Error).expect("a table");
    assert_eq!((table.odors.len(), table.receptors.len()), (284, 52));
    assert!(table.odors[..2] == ["sfr", "water"]);
    assert_eq!(table.merge_duplicates().odors.len(), 281);
    let responding: Vec<usize> = (0..284).map(|o| table.row(o).iter().filter(|v| **v > 0.0).count()).collect();
    assert_eq!((responding.iter().min(), responding.iter().max()), (Some(&1), Some(&50)));
    let g = Geometry::of(&table);
    for (found, anchor, tolerance) in [
        (g.lifetime_sparseness, 0.809, 0.005),
        (g.population_sparseness, 0.822, 0.005),
        (g.pair_correlation_mean, 0.174, 0.005),
        (g.pair_correlation_median, 0.114, 0.005),
        (g.participation_ratio, 9.02, 0.05),
        (g.share_above_0_3, 0.046, 0.005),
    ] {
        assert!((found - anchor).abs() < tolerance, "{found} is not {anchor}: {g:?}");
    }
    let whole = door.join("door_response_matrix.csv.gz");
    assert_eq!(ResponseTable::read(&whole, Missing::Error).expect_err("mostly not measured").code(), "missing-value");
    let whole = ResponseTable::read(&whole, Missing::Zero).expect("a table");
    assert_eq!((whole.odors.len(), whole.receptors.len(), whole.odors[0].as_str()), (691, 78, "SFR"));
    assert!(whole.notes[0].starts_with(&format!("{} values", 691 * 78 - 7_379)), "{:?}", whole.notes);
}

#[test]
fn the_reference_inputs_are_2113_neurons_each_once() {
    let Some(fly) = reference_fly() else { return };
    let generator = full_recipe(&fly);
    assert_eq!((generator.inputs().len(), generator.len()), (2_113, 28_400));
    let several = generator.layer().labels.iter().filter(|l| l.len() > 1).count();
    assert_eq!(several, 148);
    assert_eq!(generator.mapping().without_column, ["Ir75"]);
    assert_eq!(generator.mapping().without_neuron, ["Or22b"]);
    let few: Vec<(&str, usize)> = generator.mapping().few_neurons.iter().map(|(l, &n)| (l.as_str(), n)).collect();
    assert_eq!(few, [("Or33b", 3), ("Or35a", 1)]);
    let split = generator.split();
    assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (19_880, 5_680, 2_840));
    // An independent reading of the recipe: rate of a neuron of two receptors.
    let both = generator.layer().labels.iter().position(|l| *l == ["Or49a", "Or85f"]).expect("there are 52");
    let sum = |odor: usize| {
        ["Or49a", "Or85f"].map(|r| generator.table().value(odor, generator.table().receptor(r).expect(r))).iter().sum::<f64>()
    };
    for odor in [0, 1, 100, 283] {
        assert!((generator.rates(odor)[both] - (8.0 + sum(odor) * 192.0 * 0.5)).abs() < 1e-9);
    }
}

#[test]
fn the_full_recipe_has_a_ceiling_of_about_96_percent() {
    let Some(fly) = reference_fly() else { return };
    let generator = full_recipe(&fly);
    let ceiling = ceiling(&generator, &generator.split().test, &Silent).expect("generated").expect("test samples");
    assert_eq!(ceiling.samples, 2_840);
    assert!((0.95..0.97).contains(&ceiling.accuracy), "{ceiling:?}");
}

#[test]
fn a_batch_of_the_full_recipe_is_ready_in_a_twentieth_of_a_training_step() {
    let Some(fly) = reference_fly() else { return };
    let generator = full_recipe(&fly);
    let mut times: Vec<f64> = generator
        .split()
        .train
        .chunks(16)
        .take(9)
        .map(|samples| {
            let begin = Instant::now();
            let batch = Batch::load(&generator, samples, None).expect("generated");
            assert!(batch.idx.len() > 16 * 8_000);
            begin.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_unstable_by(f64::total_cmp);
    // A step takes about 2 s; the median stands for a machine that others use too.
    assert!(times[4] < 0.1, "{times:?} s");
    eprintln!("batch of 16 on the fly: {:.1} ms", times[4] * 1e3);
}

#[test]
fn a_data_set_for_other_neurons_is_refused_with_both_counts() {
    let fly = synthetic_fly();
    let circuit = file::read(&fly.path().join("circuit.h5")).expect("a circuit");
    let inputs = input_layer(&circuit).expect("inputs").root_ids;
    let mut shifted = inputs.clone();
    shifted.rotate_left(7);
    let remap = Remap::new(&shifted, &inputs).expect("the same neurons in another order");
    let position: HashMap<u64, u32> = inputs.iter().copied().zip(0..).collect();
    assert!(shifted.iter().zip(0..).all(|(id, column)| remap.input(column) == position[id]));
    shifted[3] = 1;
    let error = Remap::new(&shifted, &inputs).expect_err("1 is no input").to_string();
    assert!(error.matches(&inputs.len().to_string()).count() >= 2, "{error}");
}
