//! Where densities that depend on the distance end up: recomputed from the traced points, and on trees that are no textbook cell.

mod reference;

use std::path::Path;

use kenyon_base::UserError;
use kenyon_neurons::biophysical::cable::Segments;
use kenyon_neurons::biophysical::model::{Model, ModelSpec, Morphology, Traced};
use kenyon_neurons::biophysical::morphology::{Point, Region, Shape, Tree, Unit, edit, grown};
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::placing::{SynapseOrder, per_segment};
use kenyon_neurons::biophysical::recipe::{Placed, Recipe, SHIPPED};

/// Length of a section along its points.
fn length(shape: &Shape) -> f64 {
    match shape {
        Shape::Points(points) => {
            points.windows(2).map(|pair| (0..3).map(|i| (pair[1].xyz[i] - pair[0].xyz[i]).powi(2)).sum::<f64>().sqrt()).sum()
        }
        Shape::Cylinder { length_um, .. } => *length_um,
    }
}

/// `Ih` and `Ca_LVAst` of every apical segment by the published rule (specification, 4.5), from the tree alone.
fn plain(tree: &Tree, max_um: f64) -> Vec<[f64; 2]> {
    let sections = tree.sections();
    let lengths: Vec<f64> = sections.iter().map(|s| length(&s.shape)).collect();
    let mut starts = vec![0.0; sections.len()];
    for (index, section) in sections.iter().enumerate() {
        let carried = section.parent.filter(|at| sections[at.section as usize].region == Region::Apical);
        starts[index] = carried.map_or(0.0, |at| starts[at.section as usize] + at.x * lengths[at.section as usize]);
    }
    let apical: Vec<usize> = (0..sections.len()).filter(|k| sections[*k].region == Region::Apical).collect();
    let longest = apical.iter().map(|&k| starts[k] + lengths[k]).fold(0.0, f64::max);
    let mut out = Vec::new();
    for k in apical {
        let count = 1 + 2 * (lengths[k] / max_um) as u32;
        for segment in 0..count {
            let x = if segment + 1 == count { 1.0 } else { (f64::from(segment) + 0.5) / f64::from(count) };
            let d = starts[k] + x * lengths[k];
            let ih = 1e-4 * (-0.8696 + 2.0870 * (3.6161 * (d / longest).min(0.65)).exp());
            let hot = if d > 685.0 && d < 885.0 { 1.0 } else { 0.01 };
            out.push([ih, 0.022_712_64 * 10.0 * hot].map(|g| (g * 1e10).round() / 1e10));
        }
    }
    out
}

fn ours(neuron: &Neuron, name: &str) -> Vec<f64> {
    let channel = neuron.channels.iter().find(|c| c.info.name == name).expect("a channel of the cell");
    let apical = |node: u32| neuron.cable.sections[neuron.cable.nodes[node as usize].section as usize].region == Region::Apical;
    channel.instances.iter().filter(|i| apical(i.node)).map(|i| i.gbar_s_cm2).collect()
}

fn is_the_published_rule(tree: &Tree) {
    for max_length_um in [40.0, 24.3, 15.0, 7.0] {
        let neuron = Neuron::new(tree, Segments { max_length_um }, Recipe::shipped("l5pc").expect("shipped")).expect("sound");
        let expected = plain(tree, max_length_um);
        for (column, name) in ["Ih", "Ca_LVAst"].into_iter().enumerate() {
            let ours = ours(&neuron, name);
            assert_eq!(ours.len(), expected.len(), "{max_length_um}");
            for (k, (ours, theirs)) in ours.iter().zip(&expected).enumerate() {
                assert!((ours - theirs[column]).abs() <= 1.01e-10, "{name} of segment {k} at {max_length_um} µm: {ours}");
            }
        }
    }
}

/// The published cell, if it is there.
fn cell1() -> Option<Tree> {
    let path = reference::part("morphologies")?.join("cell1.asc");
    let spec = ModelSpec { morphology: Some(Morphology::file(path)), ..ModelSpec::cell("l5pc") };
    Some(spec.build(Path::new("."), None).expect("sound").tree)
}

#[test]
fn densities_are_those_of_the_rule_at_every_segment_length() {
    is_the_published_rule(&grown::pyramidal(1).expect("grown"));
    cell1().iter().for_each(is_the_published_rule);
}

#[test]
fn area_and_axial_resistance_of_a_section_do_not_depend_on_its_segments() {
    let tree = cell1().unwrap_or_else(|| grown::pyramidal(1).expect("grown"));
    let sums = |max_length_um: f64| -> Vec<[f64; 2]> {
        let neuron = Neuron::new(&tree, Segments { max_length_um }, Recipe::shipped("l5pc").expect("shipped")).expect("sound");
        let cable = neuron.cable;
        let of = |s: &kenyon_neurons::biophysical::cable::CableSection| {
            let nodes = &cable.nodes[s.first_node as usize..=s.end_node as usize];
            [nodes.iter().map(|n| n.area_um2).sum(), nodes.iter().map(|n| n.ri_mohm).sum()]
        };
        cable.sections.iter().map(of).collect()
    };
    let coarse = sums(1e6);
    for max_length_um in [40.0, 24.3, 15.0, 7.0] {
        for (a, b) in sums(max_length_um).iter().zip(&coarse) {
            assert!((a[0] / b[0] - 1.0).abs() < 1e-9 && (a[1] / b[1] - 1.0).abs() < 1e-9, "{max_length_um}: {a:?} {b:?}");
        }
    }
}

#[test]
fn at_15_um_the_soma_has_three_segments_and_its_children_hang_on_the_middle_one() {
    let Some(tree) = cell1() else { return };
    let mut model = ModelSpec::cell("ball-and-stick").build(Path::new("."), None).expect("sound");
    let fine = Segments { max_length_um: 15.0 };
    model.neuron = Neuron::new(&tree, fine, Recipe::shipped("l5pc").expect("shipped")).expect("sound");
    let cable = &model.neuron.cable;
    let soma = &cable.sections[0];
    assert_eq!((soma.region, soma.nseg), (Region::Soma, 3));
    let children: Vec<_> = cable.sections.iter().filter(|s| s.parent == Some((0, 0.5))).collect();
    assert!(children.len() > 2);
    assert!(children.iter().all(|child| child.near_node == Some(soma.first_node + 1)));
    let dendritic: u32 = cable.sections.iter().filter(|s| s.region.is_dendrite()).map(|s| s.nseg).sum();
    assert_eq!((dendritic, cable.segment_count()), (1685, 1690));
    model.tree = tree;
    assert_eq!(per_segment(&model, SynapseOrder::File).len(), 3370);
    assert_eq!(per_segment(&model, SynapseOrder::TwinpropY).len(), 3370);
}

/// A model on an SWC file with these samples.
fn on_swc(spec: &ModelSpec, swc: &str, unit: Option<Unit>) -> Result<Model, UserError> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("cell.swc");
    std::fs::write(&path, swc).expect("written");
    let traced = Traced { path, unit, strict: false };
    ModelSpec { morphology: Some(Morphology::File(traced)), ..spec.clone() }.build(dir.path(), None)
}

fn at(model: &Model, section: &str, x: f64, channel: &str) -> f64 {
    model.neuron.density(channel, model.neuron.cable.node_at(section, x).expect("a place"))
}

const TWO_TRUNKS: &str =
    "1 1 0 0 0 8 -1\n2 4 0 8 0 1 1\n3 4 0 200 0 1 2\n4 4 5 8 0 1 1\n5 4 5 400 0 1 4\n6 3 0 -8 0 1 1\n7 3 0 -900 0 1 6\n";

#[test]
fn a_second_apical_trunk_has_distances_from_where_the_first_begins() {
    let model = on_swc(&ModelSpec::cell("l5pc"), TWO_TRUNKS, None).expect("sound");
    let cable = &model.neuron.cable;
    let paths = cable.paths_from(cable.find("apic[0]").expect("there"));
    let (near, far) = paths.ends(cable.find("apic[1]").expect("there"));
    assert!(near.abs() < 1e-9 && far > 390.0, "{near} {far}");
    // Both trunks by one rule, relative to the longer one.
    let ih = |section: &str| at(&model, section, 0.99, "Ih");
    assert!(ih("apic[1]") > 1.5 * ih("apic[0]") && ih("apic[0]") > 1.2 * at(&model, "apic[0]", 0.01, "Ih"));
}

#[test]
fn distances_grow_both_ways_from_where_the_path_to_the_root_enters() {
    let model = on_swc(&ModelSpec::cell("l5pc"), TWO_TRUNKS, None).expect("sound");
    let cable = &model.neuron.cable;
    let paths = cable.paths_from(cable.find("apic[0]").expect("there"));
    let soma = cable.sections[0].length_um;
    for (x, expected) in [(0.0, 0.5), (0.25, 0.25), (0.5, 0.0), (0.75, 0.25), (1.0, 0.5)] {
        assert!((paths.at(0, x) - expected * soma).abs() < 1e-9, "{x}: {}", paths.at(0, x));
    }
}

#[test]
fn a_cell_without_apical_dendrite_takes_the_recipe_of_one_that_has_them() {
    let swc = "1 1 0 0 0 8 -1\n2 3 0 -8 0 1 1\n3 3 0 -108 0 1 2\n";
    let model = on_swc(&ModelSpec::cell("l5pc"), swc, None).expect("sound");
    assert!((at(&model, "dend[0]", 0.5, "Ih") - 5e-5).abs() < 1e-18);
}

#[test]
fn the_longest_path_is_that_of_the_region() {
    let ih = |basal_um: f64| {
        let swc = format!("1 1 0 0 0 8 -1\n2 4 0 8 0 1 1\n3 4 0 308 0 1 2\n4 3 0 -8 0 1 1\n5 3 0 -{basal_um} 0 1 4\n");
        at(&on_swc(&ModelSpec::cell("l5pc"), &swc, None).expect("sound"), "apic[0]", 0.5, "Ih").to_bits()
    };
    assert_eq!(ih(108.0), ih(1308.0));
}

#[test]
fn the_stubs_of_the_cell_without_dendrites_keep_the_densities_of_the_whole_cell() {
    let whole = ModelSpec::cell("l5pc").build(Path::new("."), None).expect("grown");
    let stubs = ModelSpec { max_segment_um: Some(5.0), ..ModelSpec::cell("l5pc-only-soma") };
    let stubs = stubs.build(Path::new("."), None).expect("grown");
    assert!(stubs.notes.iter().any(|note| note.contains("the whole cell")), "{:?}", stubs.notes);
    // At the far end the two agree, whatever the segments.
    let far = |model: &Model| at(model, "apic[0]", 0.9999, "Ih");
    assert!((far(&whole) - far(&stubs)).abs() < 1e-12, "{} {}", far(&whole), far(&stubs));
}

#[test]
fn dendrites_on_the_traced_axon_go_with_it_and_a_note_says_so() {
    let swc = "1 1 0 0 0 8 -1\n2 2 0 8 0 1 1\n3 2 0 30 0 1 2\n4 3 0 40 0 1 3\n5 3 0 300 0 1 4\n6 3 0 -8 0 1 1\n7 3 0 -100 0 1 6\n8 4 8 0 0 1 1\n9 4 100 0 0 1 8\n";
    let model = on_swc(&ModelSpec::cell("l5pc"), swc, None).expect("sound");
    let note = model.notes.iter().find(|note| note.contains("traced axon")).expect("a note");
    assert!(note.starts_with("1 dendritic section (270.0 µm)") && note.contains("`replace_axon = false`"), "{note}");
    let kept = ModelSpec { replace_axon: Some(false), ..ModelSpec::cell("l5pc") };
    assert!(on_swc(&kept, swc, None).expect("sound").notes.is_empty());
}

#[test]
fn a_soma_that_hangs_on_the_axon_is_not_taken_away_with_it() {
    let tree = {
        use kenyon_neurons::biophysical::morphology::{Attachment, Section};
        let section = |name: &str, region, parent: Option<u32>| Section {
            name: name.into(),
            region,
            parent: parent.map(|section| Attachment { section, x: 1.0 }),
            shape: Shape::Points(vec![Point::new(0.0, 0.0, 0.0, 1.0), Point::new(0.0, 9.0, 0.0, 1.0)]),
            nseg: None,
        };
        Tree::new("t", vec![section("axon[0]", Region::Axon, None), section("soma[0]", Region::Soma, Some(0))]).expect("sound")
    };
    let error = edit::replace_axon(tree).expect_err("no soma would be left");
    assert!(error.code() == "soma-on-axon" && error.to_string().contains("replace_axon = false"), "{error}");
}

#[test]
fn a_morphology_in_nanometres_says_so_in_the_protocol() {
    let mut nm = String::new();
    for line in TWO_TRUNKS.lines() {
        // Columns 2 to 5: coordinates and radius.
        let fields = line.split(' ').enumerate();
        let scaled = fields.map(|(k, field)| if (2..6).contains(&k) { format!("{field}000") } else { field.to_string() });
        nm += &(scaled.collect::<Vec<_>>().join(" ") + "\n");
    }
    let error = on_swc(&ModelSpec::cell("l5pc"), &nm, None).expect_err("too large").to_string();
    assert!(error.contains("unit = \"nm\""), "{error}");
    let cells = [on_swc(&ModelSpec::cell("l5pc"), &nm, Some(Unit::Nm)), on_swc(&ModelSpec::cell("l5pc"), TWO_TRUNKS, None)];
    let [a, b] = cells.map(|model| model.expect("sound").neuron.cable.area_um2());
    assert!((a / b - 1.0).abs() < 1e-9, "{a} {b}");
}

#[test]
fn centre_placement_is_named_wherever_it_comes_from() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let text = SHIPPED[0].1.replacen("celsius", "placement = \"centre\"\ncelsius", 1);
    std::fs::write(dir.path().join("own.toml"), text).expect("written");
    let spec = ModelSpec { recipe: Some("own.toml".into()), ..ModelSpec::cell("l5pc") };
    let notes = spec.build(dir.path(), None).expect("sound").notes;
    assert!(notes.iter().any(|note| note.contains("at the centre of every segment")), "{notes:?}");
}

#[test]
fn densities_out_of_this_world_are_refused() {
    for g in [1e300, -1.0, f64::NAN, 1e4] {
        let mut recipe = Recipe::shipped("ball-and-stick").expect("shipped");
        let membrane = recipe.region.values_mut().next().expect("a region");
        membrane.channels.insert("leak".into(), Placed::Even(g));
        assert_eq!(recipe.check().expect_err("no density").code(), "bad-number");
    }
}
