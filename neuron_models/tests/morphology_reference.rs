//! The layer 5 pyramidal cell against the tables of the reference simulator.
#![allow(clippy::unwrap_used, reason = "in a test a failure is the message")]

mod reference;

use std::collections::BTreeMap;

use kenyon_neurons::biophysical::cable::{Cable, Electrics, Segments};
use kenyon_neurons::biophysical::morphology::asc::{self, AscRead};
use kenyon_neurons::biophysical::morphology::{Loaded, NoteKind, ReadOptions, Region, Tree, edit, swc};

fn read() -> Option<AscRead> {
    let path = reference::part("morphologies")?.join("cell1.asc");
    Some(asc::read(&path, &ReadOptions { strict: true, ..ReadOptions::default() }).unwrap())
}

fn l5pc() -> Option<Tree> {
    Some(edit::replace_axon(read()?.loaded.tree).unwrap())
}

fn cut(tree: &Tree, segments: Segments) -> Cable {
    let cm = |region: Region| if region.is_dendrite() { 2.0 } else { 1.0 };
    Cable::with(tree, segments, |section| Electrics { ra_ohm_cm: 100.0, cm_uf_cm2: cm(section.region) }).unwrap()
}

/// Rows of a table by the names of their columns.
fn rows(name: &str) -> Option<Vec<BTreeMap<String, String>>> {
    Some(reference::named_rows(&reference::part("l5pc/geometry/max_seg_24.3")?.join(format!("{name}.csv"))))
}

#[track_caller]
fn close(ours: f64, row: &BTreeMap<String, String>, column: &str, tolerance: f64) {
    let theirs: f64 = row[column].parse().unwrap();
    assert!((ours - theirs).abs() <= tolerance * theirs.abs(), "{column} of {row:?}: {ours} against {theirs}");
}

/// All points are those of the reference to the last bit, those of the soma included.
const TOLERANCE: f64 = 1e-13;

#[test]
fn traced_points_are_those_of_the_reference() {
    let (Some(tree), Some(rows)) = (l5pc(), rows("pt3d")) else { return };
    let points = tree.sections().iter().flat_map(|s| s.shape.points().iter().enumerate().map(move |(i, p)| (s, i, p)));
    let points: Vec<_> = points.collect();
    assert_eq!(points.len(), rows.len());
    for ((section, index, point), row) in points.into_iter().zip(&rows) {
        assert_eq!((&section.name, index.to_string()), (&row["section"], row["i"].clone()));
        for (value, column) in point.xyz.iter().chain([&point.diam]).zip(["x_um", "y_um", "z_um", "diam_um"]) {
            close(*value, row, column, 0.0);
        }
    }
}

#[test]
fn sections_are_those_of_the_reference() {
    let (Some(tree), Some(rows)) = (l5pc(), rows("sections")) else { return };
    let cable = cut(&tree, Segments::TWINPROP);
    assert_eq!((cable.sections.len(), rows.len()), (196, 196));
    for (section, row) in cable.sections.iter().zip(&rows) {
        let parent = section.parent.map_or(String::new(), |(above, _)| cable.sections[above as usize].name.clone());
        assert_eq!((&section.name, &section.region.to_string(), &parent), (&row["name"], &row["region"], &row["parent"]));
        assert_eq!(section.parent.map_or(String::new(), |(_, x)| format!("{x:?}")), row["parent_x"]);
        assert_eq!((section.nseg.to_string(), section.point_count.to_string()), (row["nseg"].clone(), row["n_pt3d"].clone()));
        close(section.length_um, row, "L_um", TOLERANCE);
        close(section.area_um2, row, "area_um2", TOLERANCE);
        close(section.ri_end_mohm, row, "ri_end_Mohm", TOLERANCE);
        // Every path begins with half the soma.
        close(section.distance0_um, row, "dist0_um", TOLERANCE);
        close(section.distance1_um, row, "dist1_um", TOLERANCE);
    }
}

#[test]
fn segments_are_those_of_the_reference() {
    let (Some(tree), Some(rows)) = (l5pc(), rows("segments")) else { return };
    let cable = cut(&tree, Segments::TWINPROP);
    let segments: Vec<_> = cable.nodes.iter().filter(|node| node.segment.is_some()).collect();
    assert_eq!((segments.len(), cable.nodes.len(), rows.len()), (1044, 1044 + 196, 1044));
    for (node, row) in segments.into_iter().zip(&rows) {
        let name = &cable.sections[node.section as usize].name;
        assert_eq!((name, node.segment.unwrap().to_string()), (&row["section"], row["seg_in_sec"].clone()));
        close(node.x, row, "x", 1e-15);
        close(node.length_um, row, "L_um", TOLERANCE);
        close(node.diam_um, row, "diam_um", TOLERANCE);
        close(node.area_um2, row, "area_um2", TOLERANCE);
        close(node.ri_mohm, row, "ri_Mohm", TOLERANCE);
        close(node.distance_um, row, "dist_um", TOLERANCE);
        close(node.cm_uf_cm2, row, "cm_uF_cm2", 0.0);
    }
}

#[test]
fn the_presets_cut_the_cell_into_642_1044_and_1690_segments() {
    let Some(tree) = l5pc() else { return };
    let counts = [Segments::HAY, Segments::TWINPROP, Segments::FINE].map(|segments| cut(&tree, segments).segment_count());
    assert_eq!(counts, [642, 1044, 1690]);
}

#[test]
fn the_longest_apical_path_begins_at_the_apical_trunk() {
    let Some(tree) = l5pc() else { return };
    let cable = cut(&tree, Segments::TWINPROP);
    let paths = cable.paths_from(cable.find("apic[0]").unwrap());
    let start = cable.sections[cable.find("apic[0]").unwrap() as usize].distance0_um;
    let (mut count, mut longest) = (0, 0.0_f64);
    for (index, section) in cable.sections.iter().enumerate().filter(|(_, s)| s.region == Region::Apical) {
        // To the bit: densities are rounded, and a place may lie at the edge of a window.
        let (near, far) = paths.ends(index as u32);
        let expected = [section.distance0_um - start, section.distance1_um - start];
        assert_eq!([near, far].map(f64::to_bits), expected.map(f64::to_bits), "{}", section.name);
        assert_eq!(paths.at(index as u32, 1.0).to_bits(), (near + (far - near)).to_bits());
        (count, longest) = (count + 1, longest.max(far));
    }
    assert_eq!(count, 109);
    assert!((longest - 1300.5335).abs() < 5e-5, "{longest}");
}

#[test]
fn the_cell_without_dendrites_keeps_1042_dendritic_segments() {
    let Some(tree) = l5pc() else { return };
    let cable = cut(&edit::only_soma(tree, edit::ONLY_SOMA_SEGMENT_UM).unwrap(), Segments::TWINPROP);
    let names: Vec<&str> = cable.sections.iter().map(|section| section.name.as_str()).collect();
    assert_eq!(names, ["soma[0]", "dend[0]", "apic[0]", "axon[0]", "axon[1]"]);
    assert_eq!(cable.segment_count() - 3, 1042);
}

#[test]
fn the_census_counts_what_stands_in_the_file() {
    let Some(AscRead { loaded: Loaded { tree, notes }, census }) = read() else { return };
    let endings: Vec<(&str, u64)> = census.endings.iter().map(|(word, count)| (word.as_str(), *count)).collect();
    assert_eq!(endings, [("High", 18), ("Incomplete", 9), ("Low", 12), ("Normal", 63)]);
    // `S1` stands in 6,037 lines: those of the points, and one of the header.
    assert_eq!((census.points, census.bars, census.spines), (6036, 92, 0));
    assert_eq!(census.markers.into_iter().collect::<Vec<_>>(), [("Cross".to_string(), 33)]);
    assert_eq!(census.contours, [("Section_1Contour".to_string(), 418), ("CellBody".to_string(), 20)]);
    assert_eq!(census.trees.into_iter().collect::<Vec<_>>(), [(Region::Axon, 1), (Region::Basal, 8), (Region::Apical, 1)]);
    assert_eq!(notes.of(NoteKind::Skipped).count(), 33 + 1);
    assert_eq!(notes.entries()[0].to_string(), "line 7: skipped: the contour `Section_1Contour`");
    assert_eq!(tree.sections().len(), 1 + 1 + 84 + 109);
}

#[test]
fn the_cell_survives_a_journey_through_swc() {
    let Some(tree) = read().map(|read| read.loaded.tree) else { return };
    let text = swc::text(&tree);
    let strict = ReadOptions { strict: true, ..ReadOptions::default() };
    let again = swc::parse(text.as_bytes(), std::path::Path::new("cell1.swc"), &strict).unwrap().tree;
    assert_eq!(again, tree);
}

#[test]
fn a_cell_that_was_cut_off_or_damaged_is_refused_or_read_never_a_panic() {
    let Some(path) = reference::part("morphologies").map(|folder| folder.join("cell1.asc")) else { return };
    let bytes = std::fs::read(&path).unwrap();
    let parse = |bytes: &[u8]| asc::parse(bytes, &path, &ReadOptions::default());
    let end = bytes.iter().rposition(|&byte| byte == b')').unwrap();
    for part in 1..40 {
        let cut = &bytes[..end * part / 40];
        // Between two objects nothing is open, and a cell with fewer trees remains.
        let open = |line: &str| line.split(';').next().unwrap_or_default().trim_end() != ")";
        if let Err(error) = parse(cut) {
            assert!(["unterminated", "empty-morphology"].contains(&error.code()), "{error}");
        } else {
            assert!(!open(String::from_utf8_lossy(cut).trim_end().lines().last().unwrap()), "part {part}");
        }
    }
    for round in 0..60_usize {
        let mut damaged = bytes.clone();
        for k in 0..40_usize {
            let at = (round * 7919 + k * 104_729) % damaged.len();
            damaged[at] = b"()|<>\";, x9-.\n"[(round + k) % 14];
        }
        if let Ok(read) = parse(&damaged) {
            assert!(Cable::new(&read.loaded.tree, Segments::HAY, Electrics::default()).is_ok());
        }
    }
}
