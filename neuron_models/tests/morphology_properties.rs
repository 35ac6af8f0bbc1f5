//! What holds for every tree, every cut and every file.
#![allow(clippy::unwrap_used, reason = "in a test a failure is the message")]
#![allow(clippy::float_cmp, reason = "numbers that are exact by construction")]

use std::f64::consts::PI;
use std::path::Path;

use kenyon_neurons::biophysical::cable::{Cable, Electrics, Segments, table};
use kenyon_neurons::biophysical::morphology::{
    Attachment, Point, ReadOptions, Region, Section, Shape, Tree, Unit, asc, builtin, edit, grown, picture, swc,
};
use proptest::prelude::*;

fn point() -> impl Strategy<Value = Point> {
    (-500.0..500.0, -500.0..500.0, -50.0..50.0, 0.1..8.0).prop_map(|(x, y, z, diam)| Point::new(x, y, z, diam))
}

/// A tree as a reader would make it: a soma, branches that fork in two or end, regions that stay.
fn tree() -> impl Strategy<Value = Tree> {
    let pieces =
        prop::collection::vec((prop::collection::vec(point(), 1..6), any::<prop::sample::Index>(), any::<bool>()), 1..30);
    (prop::collection::vec(point(), 4..8), pieces).prop_map(|(soma, pieces)| {
        // Each piece becomes a dendrite at the soma, or a fork at the end of an earlier one that has none.
        let mut sections: Vec<(Region, usize, Vec<Point>)> = Vec::new();
        let mut forked: Vec<bool> = Vec::new();
        for (points, place, at_soma) in pieces {
            let above = place.index(sections.len() + 1);
            if at_soma || above == 0 || forked[above - 1] {
                let region = [Region::Basal, Region::Apical, Region::Custom(6)][place.index(3)];
                let start = Point { xyz: points[0].xyz.map(|c| c + 1.0), ..points[0] };
                let start = Point::new(start.xyz[0], start.xyz[1], start.xyz[2], start.diam);
                sections.push((region, 0, [vec![start], points].concat()));
                forked.push(false);
                continue;
            }
            forked[above - 1] = true;
            let (region, _, trunk) = &sections[above - 1];
            let (region, end) = (*region, trunk[trunk.len() - 1]);
            let other: Vec<Point> = points.iter().map(|p| Point::new(-p.xyz[0], p.xyz[1], p.xyz[2], p.diam)).collect();
            for points in [points, other] {
                sections.push((region, above, [vec![end], points].concat()));
                forked.push(false);
            }
        }
        build(soma, &sections)
    })
}

/// The sections in the order and with the names of a file: by region, then depth first.
fn build(soma: Vec<Point>, pieces: &[(Region, usize, Vec<Point>)]) -> Tree {
    let mut order = Vec::new();
    for region in [Region::Basal, Region::Apical, Region::Custom(6)] {
        let roots = (0..pieces.len()).filter(|&i| pieces[i].1 == 0 && pieces[i].0 == region);
        let mut pending: Vec<usize> = roots.collect();
        pending.reverse();
        while let Some(piece) = pending.pop() {
            order.push(piece);
            pending.extend((0..pieces.len()).rev().filter(|&child| pieces[child].1 == piece + 1));
        }
    }
    let mut sections =
        vec![Section { name: "soma[0]".into(), region: Region::Soma, parent: None, shape: Shape::Points(soma), nseg: None }];
    for &piece in &order {
        let (region, above, points) = &pieces[piece];
        let parent = match above {
            0 => Attachment { section: 0, x: 0.5 },
            above => Attachment { section: 1 + order.iter().position(|&other| other == above - 1).unwrap() as u32, x: 1.0 },
        };
        let count = sections.iter().filter(|section| section.region == *region).count();
        let name = format!("{}[{count}]", region.stem());
        sections.push(Section { name, region: *region, parent: Some(parent), shape: Shape::Points(points.clone()), nseg: None });
    }
    Tree::new("random", sections).unwrap()
}

/// Area and axial resistance of a whole section, frustum by frustum.
fn whole(shape: &Shape, ra: f64) -> (f64, f64) {
    match shape {
        Shape::Cylinder { length_um: l, diam_um: d } => (PI * d * l, ra * 1e-2 * 4.0 * l / (PI * d * d)),
        Shape::Points(points) => points.windows(2).fold((0.0, 0.0), |(area, r), pair| {
            let (l, d1, d2) = (pair[0].distance(&pair[1]), pair[0].diam, pair[1].diam);
            let slant = (l * l + (d1 - d2).powi(2) / 4.0).sqrt();
            (area + PI * (d1 + d2) / 2.0 * slant, r + ra * 1e-2 * 4.0 * l / (PI * d1 * d2))
        }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_tree_written_as_swc_is_read_back_as_it_was(tree in tree()) {
        let options = ReadOptions { strict: true, unit: Some(Unit::Um), ..ReadOptions::default() };
        let again = swc::parse(swc::text(&tree).as_bytes(), Path::new("random.swc"), &options).unwrap();
        prop_assert_eq!(again.tree, tree);
    }

    #[test]
    fn cutting_finer_keeps_area_and_resistance(tree in tree(), max_length_um in 1.0..200.0) {
        let cable = Cable::new(&tree, Segments { max_length_um }, Electrics { ra_ohm_cm: 130.0, cm_uf_cm2: 1.0 }).unwrap();
        for (section, cut) in tree.sections().iter().zip(&cable.sections) {
            let (area, resistance) = whole(&section.shape, 130.0);
            prop_assert!((cut.area_um2 / area - 1.0).abs() < 1e-10);
            let along: f64 = cable.nodes[cut.segment_nodes()].iter().map(|node| node.ri_mohm).sum::<f64>() + cut.ri_end_mohm;
            prop_assert!((along / resistance - 1.0).abs() < 1e-10, "{} against {}", along, resistance);
            prop_assert!(cut.nseg % 2 == 1 && cut.length_um / f64::from(cut.nseg) <= max_length_um);
        }
    }

    #[test]
    fn every_parent_comes_before_its_children_and_distance_grows(tree in tree(), max_length_um in 5.0..200.0) {
        let cable = Cable::new(&tree, Segments { max_length_um }, Electrics::default()).unwrap();
        prop_assert_eq!(cable.nodes.len(), cable.segment_count() + cable.sections.len());
        for (index, node) in cable.nodes.iter().enumerate() {
            prop_assert_eq!(node.parent.is_none(), index == 0);
            prop_assert_eq!(node.segment.is_none(), node.area_um2 == 0.0);
            let section = &cable.sections[node.section as usize];
            prop_assert_eq!(cable.node_at(&section.name, node.x).unwrap() as usize, index);
            prop_assert!(node.ri_mohm.is_finite() && node.ri_mohm > 0.0);
            if let Some(above) = node.parent {
                prop_assert!((above as usize) < index);
                prop_assert!(cable.nodes[above as usize].distance_um < node.distance_um);
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), strict in any::<bool>()) {
        let options = ReadOptions { strict, ..ReadOptions::default() };
        let _ = swc::parse(&bytes, Path::new("a.swc"), &options);
        let _ = asc::parse(&bytes, Path::new("a.asc"), &options);
    }

    #[test]
    fn any_words_of_the_formats_are_read_or_refused(
        words in prop::collection::vec(prop::sample::select(vec![
            "(", "(", "(", ")", ")", ")", "|", "<", ">", ",", "\"CellBody\"", "(CellBody)", "(Dendrite)", "(Axon)", "(Apical)", "Normal",
            "(0 0 0 1)", "(5 0 0 1)", "(5 9 0 1)", "(0 9 0 0)", "(2 2 1 2)", "(3e38 0 0 1)", "(-3e38 1e-45 0 1e-45)", "1", "-2.5", "S1", "Cross", ";\n", "\n",
        ]), 0..60),
        lines in prop::collection::vec((0_u8..12, 0_u8..7, -3_i8..3, -3_i8..3, 0_u8..3, -1_i8..12), 0..20),
        strict in any::<bool>(),
    ) {
        let options = ReadOptions { strict, ..ReadOptions::default() };
        let text = words.join(" ");
        let somatic = format!("(\"CellBody\" (0 0 0 1) (5 0 0 1) (6 4 0 1) (2 6 0 1)) ( (Dendrite) {text}");
        let samples: Vec<String> = lines.iter().map(|(id, kind, x, y, r, above)| format!("{id} {kind} {x} {y} 0 {r} {above}\n")).collect();
        let trees = [
            asc::parse(text.as_bytes(), Path::new("a.asc"), &options).map(|read| read.loaded.tree),
            asc::parse(somatic.as_bytes(), Path::new("a.asc"), &options).map(|read| read.loaded.tree),
            swc::parse(samples.concat().as_bytes(), Path::new("a.swc"), &options).map(|loaded| loaded.tree),
        ];
        for tree in trees {
            match tree {
                Ok(tree) => drop(Cable::new(&tree, Segments::HAY, Electrics::default())),
                Err(error) => prop_assert!(error.path().is_some(), "{}", error),
            }
        }
    }

    #[test]
    fn a_tree_from_any_swc_keeps_its_length_when_written_and_read(lines in prop::collection::vec((0_u8..7, -9_i8..9, -9_i8..9, 1_u8..3, any::<prop::sample::Index>()), 1..30)) {
        let samples: Vec<String> = lines.iter().enumerate().map(|(i, (kind, x, y, r, above))| {
            let above = if i == 0 { -1 } else { above.index(i) as i64 };
            format!("{i} {kind} {x} {y} 0 {r} {above}\n")
        }).collect();
        let options = ReadOptions::default();
        if let Ok(first) = swc::parse(samples.concat().as_bytes(), Path::new("a.swc"), &options) {
            let text = swc::text(&first.tree);
            let second = swc::parse(text.as_bytes(), Path::new("a.swc"), &options).unwrap().tree;
            // Sections may merge, and with them steps of the diameter; what is there stays as long as it was.
            let length = |tree: &Tree| tree.sections().iter().map(Section::length_um).sum::<f64>();
            prop_assert!((length(&first.tree) / length(&second) - 1.0).abs() < 1e-6, "{}\n{}", samples.concat(), text);
        }
    }
}

#[test]
fn a_cylinder_given_by_points_equals_one_given_by_numbers() {
    let shape = Shape::Points([0.0, 30.0, 64.0].map(|x| Point::new(x, 0.0, 0.0, 2.0)).to_vec());
    let section = |shape| Section { name: "dend[0]".into(), region: Region::Basal, parent: None, shape, nseg: Some(5) };
    let cut = |shape| Cable::new(&Tree::new("a", vec![section(shape)]).unwrap(), Segments::HAY, Electrics::default()).unwrap();
    let (traced, plain) = (cut(shape), cut(Shape::Cylinder { length_um: 64.0, diam_um: 2.0 }));
    for (a, b) in traced.nodes.iter().zip(&plain.nodes) {
        assert!(
            (a.area_um2 - b.area_um2).abs() < 1e-12
                && (a.ri_mohm - b.ri_mohm).abs() < 1e-12
                && (a.diam_um - b.diam_um).abs() < 1e-12
        );
    }
}

#[test]
fn ball_and_stick_has_the_numbers_of_its_specification() {
    let tree = builtin::ball_and_stick(2048.0, 1.0, 8).unwrap();
    assert_eq!(tree.name(), "BallAndStickNeuron_Soma_Hay2011_Dend_Lxd_2048um_x_1_0um_8segs");
    let cable = Cable::new(&tree, Segments::default(), Electrics { ra_ohm_cm: 150.0, cm_uf_cm2: 1.0 }).unwrap();
    assert_eq!((cable.segment_count(), cable.nodes.len()), (9, 11));
    assert!((cable.nodes[0].area_um2 - 1963.495).abs() < 1e-3);
    assert!((cable.sections[0].ri_end_mohm - 0.0382).abs() < 1e-4);
    let first = &cable.nodes[cable.node_at("dend[0]", 0.01).unwrap() as usize];
    assert_eq!((first.parent, first.distance_um), (Some(cable.sections[0].end_node), 25.0 + 128.0));
    assert_eq!(cable.node_at("dend[0]", 0.0).unwrap(), cable.sections[0].end_node);
    assert_eq!(cable.node_at("dend[0]", 1.0).unwrap(), 10);
    assert_eq!(cable.node_at("soma[0]", 0.0).unwrap(), 0);
    assert_eq!(cable.node_at("dend[1]", 0.5).unwrap_err().code(), "unknown-section");
    assert_eq!(cable.node_at("dend[0]", f64::NAN).unwrap_err().code(), "bad-place");
}

#[test]
fn the_binary_tree_of_rallpack_2_equals_its_cylinder() {
    let tree = builtin::rallpack2().unwrap();
    let cable = Cable::new(&tree, Segments::default(), Electrics::default()).unwrap();
    assert_eq!((cable.sections.len(), cable.segment_count()), (1023, 1023));
    // Levels have equal area and, in units of the space constant, equal length.
    assert!((cable.area_um2() / (PI * 16.0 * 320.0) - 1.0).abs() < 1e-12);
    let lambdas: f64 = (0..10)
        .map(|level| &cable.sections[(1 << level) - 1])
        .map(|s| s.length_um / cable.nodes[s.first_node as usize].diam_um.sqrt())
        .sum();
    assert!((lambdas - 320.0 / 4.0).abs() < 1e-9, "{lambdas}");
}

#[test]
fn a_cable_of_a_thousand_compartments_is_that_of_rallpack_1() {
    let cable =
        Cable::new(&builtin::uniform_cable(1000.0, 1.0, 1000).unwrap(), Segments::default(), Electrics::default()).unwrap();
    assert_eq!(cable.segment_count(), 1000);
    assert!((cable.nodes[500].ri_mohm - 4.0 / PI).abs() < 1e-12);
    assert_eq!(cable.nodes[0].distance_um, 0.5);
}

#[test]
fn a_grown_cell_has_the_regions_of_the_traced_one() {
    for seed in 0..20 {
        let tree = grown::pyramidal(seed).unwrap();
        let cable = Cable::new(&tree, Segments::TWINPROP, Electrics::default()).unwrap();
        let trunk = cable.find("apic[0]").unwrap();
        let paths = cable.paths_from(trunk);
        let longest = (0..cable.sections.len() as u32).map(|section| paths.ends(section).1).fold(0.0, f64::max);
        assert!((1000.0..1500.0).contains(&longest), "seed {seed}: {longest}");
        let apical = cable.sections.iter().filter(|section| section.region == Region::Apical).count();
        let of = |region: Region| tree.sections().iter().filter(|section| section.region == region).count();
        assert!(of(Region::Soma) == 1 && of(Region::Axon) == 2 && of(Region::Basal) >= 40 && apical >= 60, "seed {seed}");
        assert_eq!(cable.sections[trunk as usize].parent, Some((0, 0.5)));
        assert!((25_000.0..50_000.0).contains(&cable.area_um2()), "seed {seed}: {}", cable.area_um2());
    }
    assert_ne!(grown::pyramidal(1).unwrap().sections(), grown::pyramidal(2).unwrap().sections());
}

#[test]
fn an_axon_is_replaced_with_all_that_hangs_on_it() {
    let text = "1 1 0 0 0 5 -1\n2 2 6 0 0 1 1\n3 2 16 0 0 1 2\n4 3 26 0 0 1 3\n5 4 0 6 0 1 1\n6 4 0 66 0 1 5";
    let tree = swc::parse(text.as_bytes(), Path::new("a.swc"), &ReadOptions::default()).unwrap().tree;
    let tree = edit::replace_axon(tree).unwrap();
    let names: Vec<&str> = tree.sections().iter().map(|section| section.name.as_str()).collect();
    assert_eq!(names, ["soma[0]", "apic[0]", "axon[0]", "axon[1]"]);
    assert_eq!(edit::only_soma(tree, 1.0).unwrap_err().code(), "no-dendrite");
    assert_eq!(edit::replace_axon(builtin::rallpack2().unwrap()).unwrap_err().code(), "no-soma");
}

#[test]
fn a_cable_refuses_what_it_cannot_cut() {
    let tree = builtin::ball_and_stick(100.0, 1.0, 8).unwrap();
    let code = |segments, electrics| Cable::new(&tree, segments, electrics).unwrap_err().code().to_string();
    for max_length_um in [0.0, -1.0, f64::NAN] {
        assert_eq!(code(Segments { max_length_um }, Electrics::default()), "bad-segment-length");
    }
    assert_eq!(code(Segments::HAY, Electrics { ra_ohm_cm: 0.0, cm_uf_cm2: 1.0 }), "bad-electrics");
    let grown = grown::pyramidal(1).unwrap();
    let error = Cable::new(&grown, Segments { max_length_um: 1e-6 }, Electrics::default()).unwrap_err();
    assert_eq!(error.code(), "limit");
    assert_eq!(builtin::ball_and_stick(0.0, 1.0, 8).unwrap_err().code(), "bad-morphology");
    assert_eq!(Segments::preset("coarse").unwrap_err().code(), "unknown-preset");
    assert_eq!(Segments::preset("hay").unwrap(), Segments::HAY);
}

#[test]
fn tables_have_a_row_for_everything() {
    let tree = grown::pyramidal(3).unwrap();
    let cable = Cable::new(&tree, Segments::TWINPROP, Electrics::default()).unwrap();
    let tables = [table::sections_csv(&cable), table::segments_csv(&cable), table::points_csv(&tree)];
    let rows = tables.each_ref().map(|text| text.lines().count() - 1);
    assert_eq!(rows, [cable.sections.len(), cable.segment_count(), tree.point_count()]);
    for text in tables {
        let columns = text.lines().next().unwrap().split(',').count();
        assert!(text.lines().all(|line| line.split(',').count() == columns));
    }
}

#[test]
fn a_picture_draws_every_section_and_escapes_names() {
    let svg = picture::svg(&grown::pyramidal(3).unwrap().named("<script>&\"'\u{0}"));
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;&amp;&quot;&#39;"));
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
    assert_eq!(svg.matches("<g ").count(), grown::pyramidal(3).unwrap().sections().len());
    for tree in [builtin::rallpack2(), builtin::uniform_cable(1000.0, 1.0, 10), builtin::ball_and_stick(1.0, 1.0, 1)] {
        assert!(!picture::svg(&tree.unwrap()).contains("NaN"));
    }
}

#[test]
fn a_dendrite_that_begins_in_the_middle_of_the_soma_keeps_its_first_piece() {
    let section = |name: &str, region, parent: Option<Attachment>, points: &[[f64; 2]]| {
        let shape = Shape::Points(points.iter().map(|[x, y]| Point::new(*x, *y, 0.0, 2.0)).collect());
        Section { name: name.into(), region, parent, shape, nseg: None }
    };
    let soma = section("soma[0]", Region::Soma, None, &[[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]);
    let at = Attachment { section: 0, x: 0.5 };
    let dendrite = section("dend[0]", Region::Basal, Some(at), &[[0.0, 0.0], [0.0, 4.0], [0.0, 9.0]]);
    let tree = Tree::new("a", vec![soma, dendrite]).unwrap();
    let again = swc::parse(swc::text(&tree).as_bytes(), Path::new("a.swc"), &ReadOptions::default()).unwrap().tree;
    assert_eq!(again, tree);
}
