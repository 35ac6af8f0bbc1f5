//! Morphology files as people have them: odd, broken, huge.
#![allow(clippy::unwrap_used, reason = "in a test a failure is the message")]
#![allow(clippy::float_cmp, reason = "numbers that are exact by construction")]

use std::fmt::Write as _;
use std::path::Path;

use kenyon_base::UserError;
use kenyon_neurons::biophysical::cable::{Cable, Electrics, Segments};
use kenyon_neurons::biophysical::morphology::asc::{self, AscRead};
use kenyon_neurons::biophysical::morphology::reading::Limits;
use kenyon_neurons::biophysical::morphology::{Loaded, NoteKind, ReadOptions, Region, Tree, Unit, read, swc};

const STRICT: ReadOptions =
    ReadOptions { strict: true, unit: None, limits: Limits { bytes: 1 << 30, line: 1 << 20, field: 1 << 16, nesting: 1000 } };
const TOLERANT: ReadOptions = ReadOptions { strict: false, ..STRICT };

const SOMA: &str = "(\"CellBody\" (Closed) (CellBody) (0 0 0 1) (10 0 0 1) (12 5 0 1) (10 9 0 1) (0 10 0 1) (-3 4 0 1))\n";

fn read_swc(text: &str, options: &ReadOptions) -> Result<Loaded, UserError> {
    swc::parse(text.as_bytes(), Path::new("cell.swc"), options)
}

fn read_asc(text: &str, options: &ReadOptions) -> Result<AscRead, UserError> {
    asc::parse(text.as_bytes(), Path::new("cell.asc"), options)
}

/// One dendrite on a soma.
fn dendrite(points: &str) -> String {
    format!("{SOMA}( (Color Red) (Dendrite) (5 5 0 2) (5 20 0 2) {points} )\n")
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, UserError>, code: &str, line: Option<u64>) -> UserError {
    let error = result.unwrap_err();
    assert_eq!((error.code(), error.line_number()), (code, line), "{error}");
    assert!(error.path().is_some(), "{error}");
    error
}

fn names(tree: &Tree) -> Vec<&str> {
    tree.sections().iter().map(|section| section.name.as_str()).collect()
}

#[track_caller]
fn noted(loaded: &Loaded, kind: NoteKind, line: Option<u64>, text: &str) {
    let found = loaded.notes.entries().iter().any(|n| n.kind == kind && n.line == line && n.text.contains(text));
    assert!(found, "no note `{text}` in {:#?}", loaded.notes.entries());
}

#[test]
fn an_input_that_is_no_regular_file_is_refused_with_the_cause() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.swc", "a.asc"] {
        let path = folder.path().join(name);
        refused(read(&path, &TOLERANT), "not-found", None);
        std::fs::write(&path, " \r\n\n").unwrap();
        refused(read(&path, &TOLERANT), "empty-file", None);
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        refused(read(&path, &TOLERANT), "is-a-directory", None);
    }
    let other = folder.path().join("a.hoc");
    std::fs::write(&other, "create soma").unwrap();
    refused(read(&other, &TOLERANT), "unknown-format", None);
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_is_no_morphology() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("a.swc");
    std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
    refused(read(&link, &TOLERANT), "not-a-file", None);
}

#[test]
fn binary_content_is_refused_with_its_place() {
    for path in ["cell.swc", "cell.asc"] {
        let parse = |bytes: &[u8]| match path {
            "cell.swc" => swc::parse(bytes, Path::new(path), &TOLERANT).map(|loaded| loaded.tree),
            _ => asc::parse(bytes, Path::new(path), &TOLERANT).map(|read| read.loaded.tree),
        };
        let error = refused(parse(b"# a\n1 1 0\0 0"), "binary", Some(2));
        assert_eq!(error.column_name(), Some("6"));
        refused(parse(b"\x1f\x8b\x08\0\0\0"), "binary", Some(1));
    }
}

#[test]
fn sizes_beyond_the_limits_are_refused() {
    let limits = Limits { bytes: 1000, line: 100, field: 20, nesting: 5 };
    let small = ReadOptions { limits, ..TOLERANT };
    refused(read_swc(&"1 1 0 0 0 1 -1\n".repeat(100), &small), "limit", None);
    refused(read_swc(&format!("1 1 0 0 0 1 -1{}", " ".repeat(100)), &small), "limit", Some(1));
    refused(read_swc(&format!("1 1 0 0 0 {} -1", "1".repeat(30)), &small), "limit", Some(1));
    refused(read_asc(&format!("\n({})", "a".repeat(30)), &small), "limit", Some(2));
    refused(read_asc(&format!("(\"{}\")", "a".repeat(30)), &small), "limit", Some(1));
    refused(read_asc("((((((", &small), "limit", Some(1));
}

// SWC

#[test]
fn swc_with_mark_line_ends_spaces_comments_and_more_columns_is_read() {
    let text = "\u{feff}# head\r\n1 1 0 0 0 5 -1  \r\n\r\n 2 3 6 0 0 1 1 9 9 # here\r\n3\t3 16 0 0 1 2 9";
    let loaded = read_swc(text, &STRICT).unwrap();
    assert_eq!(names(&loaded.tree), ["soma[0]", "dend[0]"]);
    assert_eq!(loaded.notes.entries().len(), 1);
    noted(&loaded, NoteKind::Skipped, Some(4), "columns beyond the seventh");
}

#[test]
fn a_cycle_a_missing_parent_and_a_self_parent_are_refused_with_ids() {
    let error = refused(read_swc("1 1 0 0 0 5 -1\n2 3 9 0 0 1 4\n3 3 9 1 0 1 2\n4 3 9 2 0 1 3", &TOLERANT), "cycle", Some(2));
    assert!(error.to_string().contains("2 → 4 → 3"), "{error}");
    let error = refused(read_swc("1 1 0 0 0 5 -1\n2 3 9 0 0 1 7", &TOLERANT), "missing-parent", Some(2));
    assert!(error.to_string().contains("sample 2 hangs on 7"), "{error}");
    let error = refused(read_swc("1 1 0 0 0 5 -1\n2 3 9 0 0 1 2", &TOLERANT), "self-parent", Some(2));
    assert!(error.to_string().contains("sample 2"), "{error}");
}

#[test]
fn ids_in_any_order_with_gaps_and_from_zero_are_renumbered_and_listed() {
    let plain = read_swc("1 1 0 0 0 5 -1\n2 3 6 0 0 1 1\n3 3 16 0 0 1 2\n", &STRICT).unwrap();
    assert_eq!(plain.notes.entries(), []);
    for text in [
        "0 1 0 0 0 5 -1\n1 3 6 0 0 1 0\n2 3 16 0 0 1 1",
        "10 1 0 0 0 5 -1\n20 3 6 0 0 1 10\n30 3 16 0 0 1 20",
        "3 3 16 0 0 1 2\n2 3 6 0 0 1 1\n1 1 0 0 0 5 -1",
    ] {
        let loaded = read_swc(text, &STRICT).unwrap();
        assert_eq!(loaded.tree, plain.tree);
        noted(&loaded, NoteKind::Repaired, None, "renumbered");
    }
}

#[test]
fn duplicate_and_negative_ids_are_refused() {
    let error = refused(read_swc("1 1 0 0 0 5 -1\n1 3 9 0 0 1 1", &TOLERANT), "duplicate-id", Some(2));
    assert!(error.to_string().contains("line 1"), "{error}");
    refused(read_swc("1 1 0 0 0 5 -1\n-2 3 9 0 0 1 1", &TOLERANT), "negative-id", Some(2));
    refused(read_swc("1 1 0 0 0 5 -1\n2 3 9 0 0 1 -7", &TOLERANT), "missing-parent", Some(2));
}

#[test]
fn a_radius_of_zero_is_mended_and_a_negative_one_refused() {
    let text = "1 1 0 0 0 5 -1\n2 3 6 0 0 0 1\n3 3 16 0 0 1 2";
    let loaded = read_swc(text, &TOLERANT).unwrap();
    noted(&loaded, NoteKind::Repaired, Some(2), "0.05 µm");
    assert!((loaded.tree.sections()[1].shape.points()[0].diam - 0.1).abs() < 1e-8);
    refused(read_swc(text, &STRICT), "zero-radius", Some(2));
    for radius in ["-1", "NaN", "inf", "1e400"] {
        refused(read_swc(&format!("1 1 0 0 0 5 -1\n2 3 6 0 0 {radius} 1"), &TOLERANT), "bad-radius", Some(2));
    }
}

#[test]
fn a_broken_field_is_refused_with_its_column() {
    for (line, column) in
        [("x 3 6 0 0 1 1", "id"), ("2 3.5 6 0 0 1 1", "type"), ("2 3 6 0 nan 1 1", "z"), ("2 3 6 0 0 1 1.0", "parent")]
    {
        let error = refused(read_swc(&format!("1 1 0 0 0 5 -1\n{line}"), &TOLERANT), "bad-sample", Some(2));
        assert_eq!(error.column_name(), Some(column));
    }
    refused(read_swc("1 1 0 0 0 5 -1\n2 3 6 0", &TOLERANT), "bad-sample", Some(2));
    refused(read_swc("1 70000 0 0 0 5 -1", &TOLERANT), "bad-sample", Some(1));
}

#[test]
fn of_several_trees_the_largest_is_kept() {
    let text = "1 3 90 0 0 1 -1\n2 3 95 0 0 1 1\n3 1 0 0 0 5 -1\n4 3 6 0 0 1 3\n5 3 16 0 0 1 4";
    refused(read_swc(text, &STRICT), "several-trees", Some(3));
    let loaded = read_swc(text, &TOLERANT).unwrap();
    assert_eq!(names(&loaded.tree), ["soma[0]", "dend[0]"]);
    noted(&loaded, NoteKind::Skipped, Some(1), "the tree of sample 1, 2 samples");
}

#[test]
fn a_second_soma_is_read_as_a_neurite() {
    let text = "1 1 0 0 0 5 -1\n2 3 6 0 0 1 1\n3 3 16 0 0 1 2\n4 1 20 0 0 4 3\n5 1 25 0 0 4 4";
    refused(read_swc(text, &STRICT), "several-somas", Some(4));
    let loaded = read_swc(text, &TOLERANT).unwrap();
    assert_eq!(names(&loaded.tree), ["soma[0]", "dend[0]", "dend_0[0]"]);
    noted(&loaded, NoteKind::Repaired, Some(4), "type 0");
}

#[test]
fn a_tree_without_soma_is_rooted_in_its_first_section() {
    let text = "1 3 0 0 0 1 -1\n2 3 10 0 0 1 1\n3 3 0 10 0 1 1\n4 3 0 20 0 1 3";
    refused(read_swc(text, &STRICT), "no-soma", None);
    let loaded = read_swc(text, &TOLERANT).unwrap();
    noted(&loaded, NoteKind::Warning, None, "no soma");
    assert_eq!(names(&loaded.tree), ["dend[0]", "dend[1]"]);
    let [first, second] = [0, 1].map(|i| &loaded.tree.sections()[i]);
    assert_eq!((first.shape.points().len(), second.shape.points().len()), (2, 3));
    assert_eq!(second.parent.map(|at| at.x), Some(0.0));
    let cable = Cable::new(&loaded.tree, Segments::HAY, Electrics::default()).unwrap();
    assert_eq!(cable.nodes.iter().map(|node| node.parent).collect::<Vec<_>>(), [None, Some(0), Some(1), Some(0), Some(3)]);
    assert_eq!((cable.nodes[0].area_um2, cable.node_at("dend[1]", 0.0).unwrap()), (0.0, 0));
}

#[test]
fn a_tree_rooted_in_a_neurite_is_turned_to_its_soma() {
    let text = "1 3 30 0 0 1 -1\n2 3 10 0 0 1 1\n3 1 0 0 0 5 2\n4 4 0 10 0 1 3\n5 4 0 30 0 1 4";
    refused(read_swc(text, &STRICT), "soma-not-root", Some(1));
    let loaded = read_swc(text, &TOLERANT).unwrap();
    noted(&loaded, NoteKind::Repaired, Some(1), "turned");
    assert_eq!(names(&loaded.tree), ["soma[0]", "dend[0]", "apic[0]"]);
    assert_eq!(loaded.tree.sections()[1].shape.points()[0].xyz, [10.0, 0.0, 0.0]);
}

fn soma_area(text: &str) -> (f64, Loaded) {
    let loaded = read_swc(text, &STRICT).unwrap();
    let cable = Cable::new(&loaded.tree, Segments::HAY, Electrics::default()).unwrap();
    (cable.sections[0].area_um2, loaded)
}

#[test]
fn a_soma_of_one_or_three_samples_has_the_area_of_a_sphere() {
    let sphere = 4.0 * std::f64::consts::PI * 25.0;
    for text in
        ["1 1 0 0 0 5 -1\n", "1 1 0 0 0 5 -1\n2 1 0 -5 0 5 1\n3 1 0 5 0 5 1\n", "1 1 0 0 0 5 -1\n2 1 0 5 0 5 1\n3 1 0 -5 0 5 1\n"]
    {
        let (area, loaded) = soma_area(&format!("{text}10 3 6 0 0 1 1\n11 3 16 0 0 1 10"));
        assert!((area / sphere - 1.0).abs() < 1e-6, "{area}");
        assert_eq!(loaded.tree.sections()[1].parent.map(|at| (at.section, at.x)), Some((0, 0.5)));
        assert_eq!(loaded.notes.of(NoteKind::Warning).count(), 0);
    }
    let (area, loaded) = soma_area("1 1 0 0 0 5 -1\n2 1 0 -6 0 5 1\n3 1 0 5 0 5 1\n");
    assert!((area / sphere - 1.0).abs() < 1e-6, "{area}");
    noted(&loaded, NoteKind::Warning, Some(1), "4 π r²");
}

#[test]
fn a_soma_of_more_samples_is_a_stack_of_frusta() {
    let (area, loaded) = soma_area("1 1 0 0 0 5 -1\n2 1 0 4 0 5 1\n3 1 0 8 0 5 2\n4 1 0 -4 0 5 1\n");
    assert!((area - std::f64::consts::PI * 10.0 * 12.0).abs() < 1e-6, "{area}");
    let y: Vec<f64> = loaded.tree.sections()[0].shape.points().iter().map(|p| p.xyz[1]).collect();
    assert_eq!(y, [-4.0, 0.0, 4.0, 8.0]);
}

#[test]
fn types_from_five_are_regions_of_their_own() {
    let loaded = read_swc("1 1 0 0 0 5 -1\n2 7 6 0 0 1 1\n3 7 16 0 0 1 2\n4 2 0 6 0 1 1\n5 2 0 16 0 1 4", &STRICT).unwrap();
    assert_eq!(names(&loaded.tree), ["soma[0]", "axon[0]", "dend_7[0]"]);
    assert_eq!(loaded.tree.sections()[2].region, Region::Custom(7));
}

#[test]
fn nanometres_must_be_stated() {
    let text = "1 1 0 0 0 5000 -1\n2 3 6000 0 0 500 1\n3 3 60000 0 0 500 2";
    let error = refused(read_swc(text, &TOLERANT), "unit-missing", None);
    assert!(error.to_string().contains("--unit nm"), "{error}");
    let loaded = read_swc(text, &ReadOptions { unit: Some(Unit::Nm), ..STRICT }).unwrap();
    assert!((loaded.tree.sections()[1].length_um() - 54.0).abs() < 1e-5);
    assert!(read_swc(text, &ReadOptions { unit: Some(Unit::Um), ..STRICT }).is_ok());
}

#[test]
fn a_chain_of_a_million_samples_is_one_section() {
    let mut text = String::from("1 1 0 0 0 5 -1\n");
    for id in 2..=1_000_001_u32 {
        writeln!(text, "{id} 3 {} {} 0 1 {}", 6 + id / 1000, id % 1000 % 2, id - 1).unwrap();
    }
    let loaded = read_swc(&text, &STRICT).unwrap();
    assert_eq!(loaded.tree.point_count(), 1_000_003);
    assert_eq!(names(&loaded.tree), ["soma[0]", "dend[0]"]);
    let cable = Cable::new(&loaded.tree, Segments::TWINPROP, Electrics::default()).unwrap();
    assert!(cable.nodes.len() > 10_000);
    // The same again with parents behind their children: the tree is turned, renumbered, and no deeper on the stack.
    let reversed: Vec<&str> = text.lines().rev().collect();
    assert_eq!(read_swc(&reversed.join("\n"), &STRICT).unwrap().tree, loaded.tree);
}

#[test]
fn a_chain_of_types_in_turn_makes_a_section_of_each() {
    let mut text = String::from("1 1 0 0 0 5 -1\n");
    for id in 2..=100_001_u32 {
        writeln!(text, "{id} {} {} 0 0 1 {}", 3 + id % 2, f64::from(id) / 100.0, id - 1).unwrap();
    }
    let loaded = read_swc(&text, &STRICT).unwrap();
    assert_eq!(loaded.tree.sections().len(), 100_001);
    let cable = Cable::new(&loaded.tree, Segments::HAY, Electrics::default()).unwrap();
    assert_eq!(cable.nodes.len(), 200_002);
}

// ASC

#[test]
fn an_unterminated_file_is_refused_with_the_parenthesis_that_stays_open() {
    for options in [STRICT, TOLERANT] {
        let error = refused(read_asc("\n (\"CellBody\" (0 0 0 1)", &options), "unterminated", Some(2));
        assert_eq!(error.column_name(), Some("2"));
        refused(read_asc(&format!("{SOMA}( (Dendrite) (0 0 0 1)\n("), &options), "unterminated", Some(3));
        refused(read_asc(&format!("{SOMA}( (Dendrite) (0 0 0 1)\n< (0 0"), &options), "unterminated", Some(3));
        refused(read_asc(&format!("{SOMA}(Name \"a"), &options), "unterminated", Some(2));
        refused(read_asc(&format!("{SOMA}( (Dendrite) (0 0"), &options), "unterminated", Some(2));
    }
}

#[test]
fn a_hundred_thousand_parentheses_are_refused_or_read_without_a_deep_stack() {
    for text in
        ["(".repeat(100_000), format!("{SOMA}( (Dendrite) {}", "(".repeat(100_000)), format!("(Color {}", "(".repeat(100_000))]
    {
        let error = refused(read_asc(&text, &TOLERANT), "limit", Some(if text.starts_with("(\"") { 2 } else { 1 }));
        assert!(error.column_name().is_some());
    }
    let deep = ReadOptions { limits: Limits { nesting: 1_000_000, ..STRICT.limits }, ..STRICT };
    let mut text = format!("{SOMA}( (Dendrite) (5 5 0 1)\n");
    for level in 0..100_000 {
        writeln!(text, "( (5 {level} 1 1) | (6 {level} 2 1) (7 {level} 2 1)").unwrap();
    }
    text.push_str(&")".repeat(100_001));
    let tree = read_asc(&text, &deep).unwrap().loaded.tree;
    assert!(tree.sections().len() > 100_000);
    assert!(Cable::new(&tree, Segments::HAY, Electrics::default()).is_ok());
}

#[test]
fn an_only_child_is_one_with_its_parent() {
    let plain = read_asc(&dendrite("(5 30 0 1)"), &STRICT).unwrap().loaded.tree;
    for text in
        ["( (5 30 0 1) )", "( | (5 30 0 1) )", "( (5 20 0 3) (5 30 0 1) | )", "( ( (5 30 0 1) ) | )", "( () | (5 30 0 1) | )"]
    {
        let tree = read_asc(&dendrite(text), &STRICT).unwrap().loaded.tree;
        assert_eq!(tree, plain, "{text}");
    }
}

#[test]
fn a_child_begins_at_its_parents_end_with_its_own_diameter() {
    let tree =
        read_asc(&dendrite("( (5 30 0 1) | (9 20 0 0.5) (9 30 0 0.5) | (5 20 0 3) (1 20 0 3) )"), &STRICT).unwrap().loaded.tree;
    assert_eq!(names(&tree), ["soma[0]", "dend[0]", "dend[1]", "dend[2]", "dend[3]"]);
    let first = |index: usize| tree.sections()[index].shape.points()[0];
    assert_eq!(
        [2, 3, 4].map(|index| (first(index).xyz, first(index).diam)),
        [1.0, 0.5, 3.0].map(|diam| ([5.0, 20.0, 0.0], diam))
    );
    assert_eq!(tree.sections()[2].shape.points().len(), 2);
    assert_eq!(tree.sections()[4].shape.points().len(), 2);
}

#[test]
fn a_section_without_length_is_dropped_and_its_children_move_up() {
    let text = "( (5 20 0 1) ( (5 30 0 1) | (8 30 0 1) ) | (1 30 0 1) )";
    let loaded = read_asc(&dendrite(text), &TOLERANT).unwrap().loaded;
    assert_eq!(names(&loaded.tree), ["soma[0]", "dend[0]", "dend[1]", "dend[2]", "dend[3]"]);
    assert!(loaded.tree.sections()[2..].iter().all(|section| section.parent.map(|at| at.section) == Some(1)));
    noted(&loaded, NoteKind::Skipped, Some(2), "without length");
}

#[test]
fn spines_markers_endings_and_properties_leave_no_trace() {
    let plain = read_asc(&dendrite("(5 30 0 1)"), &STRICT).unwrap().loaded.tree;
    let text = dendrite(
        "<( (1 2 3 4) (5 6 7 8) )> (Cross (Color RGB (255, 128, 0)) (Name \"a ) ( b\") (1 2 3 4 S1) (5 6 7 8 S1))\n\
         ; ) a comment\n (+5 3.0e1 -0 +1.0 S12) (Resolution 0.1) Normal",
    );
    let AscRead { loaded, census } = read_asc(&text.replace('\n', "\r\n"), &STRICT).unwrap();
    assert_eq!(loaded.tree, plain);
    assert_eq!((census.spines, census.markers["Cross"], census.endings["Normal"], census.points), (1, 1, 1, 6 + 2 + 2 + 1));
    noted(&loaded, NoteKind::Skipped, Some(2), "marker `Cross`");
    noted(&loaded, NoteKind::Skipped, Some(2), "spine");
}

#[test]
fn notes_are_counted_by_kind_in_one_line() {
    let text = dendrite("(Cross (1 2 3 4 S1)) <( (1 2 3 4) )> (5 30 0 0)");
    assert_eq!(read_asc(&text, &TOLERANT).unwrap().loaded.notes.counts().as_deref(), Some("2 skipped, 1 repaired"));
    assert_eq!(read_asc(&dendrite(""), &TOLERANT).unwrap().loaded.notes.counts(), None);
}

#[test]
fn what_is_unknown_is_refused_in_strict_mode_and_listed_otherwise() {
    let plain = read_asc(&dendrite("(5 30 0 1)"), &STRICT).unwrap().loaded.tree;
    for odd in ["(Wobble 1 (2 3))", "Wobble", "17", ",", ">", "\"text\"", "(\"text\" 1)"] {
        let text = dendrite(&format!("(5 30 0 1)\n  {odd}"));
        let error = refused(read_asc(&text, &STRICT), "unknown-token", Some(3));
        assert_eq!(error.column_name(), Some("3"), "{error}");
        let loaded = read_asc(&text, &TOLERANT).unwrap().loaded;
        assert_eq!(loaded.tree, plain);
        assert_eq!(loaded.notes.entries().iter().map(|note| note.line).collect::<Vec<_>>(), [Some(3)], "{odd}");
    }
    let text = dendrite("( (5 30 0 1) | (9 9 0 1) )\n(1 2 3 4)");
    refused(read_asc(&text, &STRICT), "unknown-token", Some(3));
    noted(&read_asc(&text, &TOLERANT).unwrap().loaded, NoteKind::Skipped, Some(3), "behind the branches");
    let text = format!("{SOMA}\n( (5 5 0 2) (5 20 0 2) )");
    refused(read_asc(&text, &STRICT), "no-type", Some(3));
    assert_eq!(names(&read_asc(&text, &TOLERANT).unwrap().loaded.tree), ["soma[0]", "dend_0[0]"]);
    let text = format!("{SOMA}\n( (Dendrit) (5 5 0 2) (5 20 0 2) )");
    noted(
        &read_asc(&text, &TOLERANT).unwrap().loaded,
        NoteKind::Warning,
        Some(3),
        "kept as region `custom-0`; did you mean `(Dendrite)`?",
    );
}

#[test]
fn a_point_that_is_none_is_refused() {
    for (point, code) in [
        ("(1 2 3)", "bad-point"),
        ("(1 2 x 4)", "bad-point"),
        ("(1 2 (3) 4)", "bad-point"),
        ("(1 2 3 1e400)", "not-finite"),
        ("(1e39 2 3 4)", "not-finite"),
        ("(nan 2 3 4)", "not-finite"),
        ("(1 2 -nan 4)", "not-finite"),
        ("(1 2 3 inf)", "not-finite"),
        ("(1.#QNAN 2 3 4)", "not-finite"),
        ("(1O.5 2 3 4)", "bad-point"),
        ("(1 2 3 -4)", "negative-diameter"),
    ] {
        for options in [STRICT, TOLERANT] {
            if point == "(1 2 (3) 4)" && !options.strict {
                continue;
            }
            let result = read_asc(&dendrite(&format!("\n{point}")), &options);
            assert!(
                result.as_ref().is_err_and(|e| [code, "unknown-token"].contains(&e.code()) && e.line_number() == Some(3)),
                "{result:?}"
            );
        }
    }
    let contour = SOMA.replace("(12 5 0 1)", "\n(nan 5 0 1)");
    refused(read_asc(&contour, &TOLERANT), "not-finite", Some(2));
    let text = dendrite("\n(1 2 3 0)");
    let error = refused(read_asc(&text, &STRICT), "zero-diameter", Some(3));
    assert!(error.to_string().ends_with("leave `--strict` out to set 0.1 µm"), "{error}");
    noted(&read_asc(&text, &TOLERANT).unwrap().loaded, NoteKind::Repaired, Some(3), "0.1 µm");
}

#[test]
fn several_contours_of_the_soma_are_stacked_in_tolerant_mode() {
    let square = |z: f64, r: f64| format!("(\"Soma\" ({r} {r} {z} 1) (-{r} {r} {z} 1) (-{r} -{r} {z} 1) ({r} -{r} {z} 1))\n");
    let tree = "( (Dendrite) (2 2 0 1) (2 30 0 1) )";
    let text = format!("{}{}{}{tree}", square(4.0, 2.0), square(0.0, 5.0), square(-3.0, 3.0));
    refused(read_asc(&text, &STRICT), "several-somas", Some(2));
    let loaded = read_asc(&text, &TOLERANT).unwrap().loaded;
    noted(&loaded, NoteKind::Repaired, Some(2), "stacked");
    let soma = loaded.tree.sections()[0].shape.points();
    assert_eq!(soma.iter().map(|p| p.xyz).collect::<Vec<_>>(), [[0.0, 0.0, -3.0], [0.0, 0.0, 0.0], [0.0, 0.0, 4.0]]);
    assert!((soma[1].diam - (400.0 / std::f64::consts::PI).sqrt()).abs() < 1e-5);
    let one_plane = format!("{}{SOMA}{tree}", square(0.0, 2.0));
    noted(&read_asc(&one_plane, &TOLERANT).unwrap().loaded, NoteKind::Repaired, Some(2), "one plane");
}

#[test]
fn a_soma_without_area_a_file_without_soma_and_a_distant_tree() {
    let tree = "( (Dendrite) (2 2 0 1) (2 30 0 1) )";
    refused(read_asc(&format!("\n(\"CellBody\" (0 0 0 1) (1 1 0 1) (2 2 0 1)){tree}"), &TOLERANT), "soma-contour", Some(2));
    refused(read_asc(tree, &STRICT), "no-soma", None);
    let loaded = read_asc(&format!("{tree}( (Axon) (2 2 0 1) (2 30 0 1) (2 40 0 1) )"), &TOLERANT).unwrap().loaded;
    assert_eq!(names(&loaded.tree), ["axon[0]"]);
    noted(&loaded, NoteKind::Warning, None, "1 others are left out");
    let far = read_asc(&format!("{SOMA}( (Dendrite) (200 2 0 1) (200 30 0 1) )"), &STRICT).unwrap().loaded;
    noted(&far, NoteKind::Warning, Some(2), "outside the soma");
    refused(read_asc("(ImageCoords)", &TOLERANT), "empty-morphology", None);
}
