//! Import of the real dump: the sanity anchors of `docs/verified.md`, exactly. Skipped where the reference data are absent.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::dump::{Pack, import};
use support::{Ran, reference_fly};
use tempfile::TempDir;

/// One import of the reference data; the pack goes when it is dropped.
struct Imported {
    folder: TempDir,
    run: Ran,
}

impl Imported {
    fn of(fly: &Path, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let run = import(fly, &folder.path().join("fly.h5"), args);
        Self { folder, run }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("fly.h5")
    }

    fn pack(&self) -> Pack {
        assert_eq!(self.run.code, 0, "{:?}", self.run);
        Pack::read(&self.path())
    }

    fn diagnostics(&self, names: &[&str]) -> Vec<u64> {
        names.iter().map(|name| self.run.diagnostic(name).as_u64().unwrap()).collect()
    }

    fn error(&self, code: i32) -> Value {
        assert_eq!(self.run.code, code, "{:?}", self.run);
        assert!(!self.path().exists());
        self.run.json()["error"].clone()
    }
}

const BUHMANN: [&str; 2] = ["--connections", "connections"];
const PRINCETON: [&str; 2] = ["--connections", "connections_princeton"];

#[test]
fn the_receptor_table_gives_its_rows_pairs_and_synapses() {
    let Some(fly) = reference_fly().map(PathBuf::from) else { return };
    let imported = Imported::of(&fly, &BUHMANN);
    let pack = imported.pack();
    assert_eq!(imported.run.totals()[1..], [16_218, 15_236, 211_633]);
    assert_eq!((pack.pre.len(), pack.post.len(), pack.synapses()), (15_236, 15_236, 211_633));
    assert_eq!((pack.syn_count.iter().min(), pack.syn_count.iter().max()), (Some(&5), Some(&234)));
    let distinct = |ends: &[u32]| ends.iter().collect::<std::collections::BTreeSet<_>>().len();
    assert_eq!((distinct(&pack.pre), distinct(&pack.post)), (1_991, 509));
    assert_eq!(distinct(&[pack.pre, pack.post].concat()), 2_500);
    let names = ["rows_read", "duplicate_rows", "self_loops", "zero_counts", "orphan_ids", "several_nt", "multi_row_pairs"];
    assert_eq!(imported.diagnostics(&names)[..6], [16_218, 0, 0, 0, 0, 948]);
    assert_eq!(imported.run.diagnostic("unknown_values"), json!([]));
}

#[test]
fn the_pack_holds_every_row_with_count_and_transmitter() {
    let Some(fly) = reference_fly().map(PathBuf::from) else { return };
    let imported = Imported::of(&fly, &BUHMANN);
    let pack = imported.pack();
    let file = hdf5::File::open(imported.path()).unwrap();
    let counts = file.dataset("rows/syn_count").unwrap().read_raw::<u32>().unwrap();
    assert_eq!((counts.len(), counts.iter().min(), counts.iter().max()), (16_218, Some(&1), Some(&232)));
    let per_pair = file.dataset("edges/row_count").unwrap().read_raw::<u16>().unwrap();
    let mut rows = counts.iter();
    for (&n, &total) in per_pair.iter().zip(&pack.syn_count) {
        assert_eq!(rows.by_ref().take(n.into()).sum::<u32>(), total);
    }
    assert_eq!(rows.next(), None);
    let by_nt = rows_by_nt(&imported.path());
    assert_eq!(by_nt, tallied(&[("ACH", 13_299), ("SER", 2_558), ("DA", 274), ("GABA", 78), ("GLUT", 6), ("OCT", 3)]));
}

#[test]
fn neurons_are_in_ascending_order_of_root_id_and_edges_of_pre_and_post() {
    let Some(fly) = reference_fly().map(PathBuf::from) else { return };
    let imported = Imported::of(&fly, &BUHMANN);
    let pack = imported.pack();
    assert!(pack.root_ids.is_sorted_by(|a, b| a < b));
    assert_eq!(pack.root_ids.len() as u64, imported.run.totals()[0]);
    assert_eq!(pack.root_ids.len(), 9_806);
    assert!(pack.pre.iter().zip(&pack.post).is_sorted_by(|a, b| a < b));
}

#[test]
fn thresholds_on_rows_and_on_pairs_leave_the_known_numbers() {
    let Some(fly) = reference_fly().map(PathBuf::from) else { return };
    for (on, min, rows, pairs, synapses) in [
        ("row", "5", Some(15_189), 15_090, Some(209_655)),
        ("pair", "5", Some(16_218), 15_236, Some(211_633)),
        ("pair", "10", None, 6_731, None),
    ] {
        let imported = Imported::of(&fly, &[&BUHMANN[..], &["--threshold-on", on, "--min-synapses", min]].concat());
        let [_, found_rows, found_pairs, found_synapses] = imported.run.totals();
        assert_eq!(found_pairs, pairs, "{on} {min}");
        assert_eq!(imported.pack().pre.len() as u64, pairs);
        assert_eq!(rows.unwrap_or(found_rows), found_rows, "{on} {min}");
        assert_eq!(synapses.unwrap_or(found_synapses), found_synapses, "{on} {min}");
        let removed = imported.run.diagnostic("threshold");
        assert_eq!(removed["removed_rows"].as_u64().unwrap() + found_rows, 16_218);
        assert_eq!(removed["removed_pairs"].as_u64().unwrap() + found_pairs, 15_236);
        assert_eq!(removed["removed_synapses"].as_u64().unwrap() + found_synapses, 211_633);
    }
}

#[test]
fn the_mushroom_body_table_gives_its_rows_pairs_and_synapses() {
    let Some(fly) = reference_fly().map(PathBuf::from) else { return };
    let imported = Imported::of(&fly, &PRINCETON);
    let pack = imported.pack();
    assert_eq!(imported.run.totals()[1..], [53_162, 53_162, 598_617]);
    assert_eq!((pack.syn_count.iter().min(), pack.syn_count.iter().max()), (Some(&1), Some(&608)));
    assert_eq!(imported.run.diagnostic("blank_nt"), 74);
    for (min, pairs, synapses) in [("5", 46_782, Some(579_896)), ("10", 22_311, None)] {
        let imported = Imported::of(&fly, &[&PRINCETON[..], &["--min-synapses", min]].concat());
        let [_, _, found_pairs, found_synapses] = imported.run.totals();
        assert_eq!(found_pairs, pairs);
        assert_eq!(synapses.unwrap_or(found_synapses), found_synapses);
    }
}

#[test]
fn the_receptor_map_gives_receptor_neurons_and_those_of_several_labels() {
    let Some(fly) = reference_fly().map(PathBuf::from) else { return };
    let imported = Imported::of(&fly, &BUHMANN);
    let names = ["receptor_rows", "receptor_neurons", "receptor_several_labels", "receptor_outside"];
    assert_eq!(imported.diagnostics(&names), [2_264, 2_113, 148, 0]);
}

#[test]
fn attribute_tables_give_their_rows_and_values() {
    let Some(fly) = reference_fly().map(PathBuf::from) else { return };
    let imported = Imported::of(&fly, &BUHMANN);
    for (name, kind, rows) in [
        ("neurons.csv.gz", "neurons", 9_806),
        ("classification.csv.gz", "classification", 9_806),
        ("consolidated_cell_types.csv.gz", "cell_types", 137_677),
        ("connections.csv.gz", "connections", 16_218),
    ] {
        let file = imported.run.file(name);
        assert_eq!((&file["kind"], &file["rows"], &file["used"]), (&json!(kind), &json!(rows), &json!(true)), "{name}");
    }
    assert_eq!(imported.run.file("connections_princeton.csv.gz")["used"], false);
    assert_eq!(imported.diagnostics(&["repeated_ids", "attribute_conflicts"]), [0, 0]);
    let pack = imported.pack();
    let count = |name: &str| tally(&imported.path(), name, pack.root_ids.len());
    let nt = count("neurons/nt");
    assert_eq!(nt, tallied(&[("ACH", 7_312), ("", 1_262), ("SER", 416), ("GABA", 385), ("DA", 287), ("GLUT", 144)]));
    let side = count("neurons/side");
    assert_eq!(side, tallied(&[("right", 4_892), ("left", 4_863), ("", 46), ("center", 5)]));
    let class = [
        ("Kenyon_Cell", 5_177),
        ("olfactory", 2_279),
        ("", 691),
        ("ALPN", 684),
        ("ALLN", 426),
        ("DAN", 331),
        ("MBON", 96),
        ("hygrosensory", 74),
        ("thermosensory", 29),
        ("ALON", 12),
        ("MBIN", 4),
        ("ALIN", 3),
    ];
    assert_eq!(count("neurons/class"), tallied(&class));
}

fn tallied(counts: &[(&str, usize)]) -> BTreeMap<String, usize> {
    counts.iter().map(|(text, n)| ((*text).to_string(), *n)).collect()
}

/// How often each text of a data set occurs.
fn tally(path: &Path, name: &str, rows: usize) -> BTreeMap<String, usize> {
    let texts = texts(path, name);
    assert_eq!(texts.len(), rows);
    let mut out = BTreeMap::new();
    for text in texts {
        *out.entry(text).or_insert(0) += 1;
    }
    out
}

/// Texts of a data set, whatever their length on disk.
fn texts(path: &Path, name: &str) -> Vec<String> {
    let dataset = hdf5::File::open(path).unwrap().dataset(name).unwrap();
    macro_rules! read {
        ($($n:literal),*) => {
            match dataset.dtype().unwrap().size() {
                $($n => dataset
                    .read_raw::<hdf5::types::FixedUnicode<$n>>()
                    .unwrap()
                    .iter()
                    .map(|text| text.as_str().to_string())
                    .collect(),)*
                other => panic!("texts of {other} bytes"),
            }
        };
    }
    read!(8, 16, 32, 64, 128, 256)
}

#[test]
fn receptor_neurons_reach_each_class_of_targets_as_known() {
    let Some(fly) = reference_fly().map(PathBuf::from) else { return };
    let imported = Imported::of(&fly, &BUHMANN);
    let pack = imported.pack();
    let [class, sub_class] = ["neurons/class", "neurons/sub_class"].map(|name| texts(&imported.path(), name));
    let onto = |wanted: &dyn Fn(&str, &str) -> bool| {
        let hit = pack.post.iter().map(|&post| wanted(&class[post as usize], &sub_class[post as usize]));
        hit.zip(&pack.syn_count).filter(|(hit, _)| *hit).fold((0, 0), |(pairs, synapses), (_, &n)| (pairs + 1, synapses + n))
    };
    assert_eq!(onto(&|class, _| class == "ALLN"), (8_257, 76_370));
    assert_eq!(onto(&|class, sub| class == "ALPN" && sub == "multiglomerular"), (758, 11_114));
    assert_eq!(onto(&|class, sub| class == "ALPN" && sub == "uniglomerular"), (6_221, 124_149));
}

#[test]
fn projection_neurons_reach_kenyon_cells_as_known() {
    let Some(fly) = reference_fly().map(PathBuf::from) else { return };
    for (min, pairs, kenyon_cells) in [("1", 22_177, 4_748), ("5", 22_119, 4_746)] {
        let imported = Imported::of(&fly, &[&PRINCETON[..], &["--min-synapses", min]].concat());
        let pack = imported.pack();
        let class = texts(&imported.path(), "neurons/class");
        let found = pack.pre.iter().zip(&pack.post);
        let found: Vec<_> = found.filter(|&(&a, &b)| class[a as usize] == "ALPN" && class[b as usize] == "Kenyon_Cell").collect();
        assert_eq!(found.len(), pairs);
        let cells: std::collections::BTreeSet<_> = found.iter().map(|(_, post)| post).collect();
        assert_eq!(cells.len(), kenyon_cells);
    }
}

#[test]
fn types_and_sides_are_joined_by_root_id() {
    let Some(fly) = reference_fly().map(PathBuf::from) else { return };
    let imported = Imported::of(&fly, &BUHMANN);
    assert_eq!(imported.run.code, 0);
    let [types, sides] = ["neurons/type", "neurons/side"].map(|name| texts(&imported.path(), name));
    let of = |side: &str| types.iter().zip(&sides).filter(|(t, s)| *t == "ORN_DA1" && *s == side).count();
    assert_eq!(["left", "right", "center", ""].map(of), [60, 66, 0, 1]);
}

#[test]
fn rows_of_the_mushroom_body_table_have_the_known_transmitters() {
    let Some(fly) = reference_fly().map(PathBuf::from) else { return };
    let imported = Imported::of(&fly, &PRINCETON);
    assert_eq!(imported.run.code, 0);
    assert_eq!(rows_by_nt(&imported.path()), tallied(&[("ACH", 48_352), ("DA", 4_398), ("GABA", 236), ("GLUT", 102), ("", 74)]));
}

/// How many rows have each transmitter.
fn rows_by_nt(path: &Path) -> BTreeMap<String, usize> {
    let words = texts(path, "names/nts");
    let codes = hdf5::File::open(path).unwrap().dataset("rows/nt").unwrap().read_raw::<u8>().unwrap();
    let mut out = BTreeMap::new();
    for code in codes {
        *out.entry(words[usize::from(code)].clone()).or_insert(0) += 1;
    }
    out
}

#[test]
fn both_connection_tables_are_refused_without_a_choice() {
    let Some(fly) = reference_fly().map(PathBuf::from) else { return };
    let error = Imported::of(&fly, &[]).error(2);
    assert_eq!(error["code"], "several-connection-tables");
    assert_eq!(error["found"], "connections, connections_princeton");
    assert!(error["mend"].as_str().unwrap().contains("--connections"));
}

#[test]
fn both_connection_tables_together_share_no_pair_of_classes() {
    let Some(fly) = reference_fly().map(PathBuf::from) else { return };
    let both = ["--connections", "connections,connections_princeton"];
    let plain = Imported::of(&fly, &both);
    assert_eq!(plain.run.totals()[1..], [16_218 + 53_162, 15_236 + 53_162, 211_633 + 598_617]);
    assert_eq!(plain.run.diagnostic("overlapping_pairs"), 0);
    for policy in ["first", "max"] {
        let decided = Imported::of(&fly, &[&both[..], &["--on-overlap", policy]].concat());
        assert_eq!(decided.run.totals(), plain.run.totals());
        assert_eq!(decided.pack(), plain.pack());
    }
    let turned = Imported::of(&fly, &["--connections", "connections_princeton,connections"]);
    assert_eq!(turned.pack(), plain.pack());
}

#[test]
fn keyword_lists_give_their_ids_and_those_without_a_connection() {
    let Some(fly) = reference_fly().map(PathBuf::from) else { return };
    let imported = Imported::of(&fly, &BUHMANN);
    for (name, ids) in [("ALRN", 2_328), ("class_Kenyon_cell", 5_177), ("APL", 2)] {
        assert_eq!(imported.run.file(&format!("codex_keywords/root_ids_{name}.txt"))["rows"], ids, "{name}");
    }
    assert_eq!(imported.diagnostics(&["side_conflicts"]), [0]);
}

#[test]
fn the_pack_does_not_depend_on_the_number_of_threads() {
    let Some(fly) = reference_fly().map(PathBuf::from) else { return };
    let bytes = ["1", "2", "4"].map(|n| {
        let imported = Imported::of(&fly, &[&BUHMANN[..], &["--threads", n]].concat());
        assert_eq!(imported.run.code, 0);
        std::fs::read(imported.path()).unwrap()
    });
    assert!(bytes[0] == bytes[1] && bytes[0] == bytes[2]);
}
