//! Acceptance of the generator (connectome specification 8.6), measured on one fly in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;

use kenyon_base::Streams;
use proptest::prelude::*;

use super::*;

/// The fly that all acceptance tests measure.
fn fly() -> &'static SyntheticFly {
    static FLY: OnceLock<SyntheticFly> = OnceLock::new();
    FLY.get_or_init(|| generate(&SynthSpec::default()).expect("the default spec is valid"))
}

fn cell(i: u32) -> &'static Cell {
    &fly().neurons[i as usize].cell
}

fn close(found: f64, wanted: f64, share: f64) -> bool {
    (found / wanted - 1.0).abs() <= share
}

/// Mean degree of the cells with at least one edge.
fn mean_degree(pairs: &[FlyPair], end: impl Fn(&FlyPair) -> u32) -> f64 {
    pairs.len() as f64 / pairs.iter().map(end).collect::<BTreeSet<u32>>().len() as f64
}

fn ipsi(pairs: &[FlyPair]) -> f64 {
    let sided = |i: u32| matches!(cell(i).side, Side::Left | Side::Right);
    let both: Vec<&FlyPair> = pairs.iter().filter(|p| sided(p.pre) && sided(p.post)).collect();
    both.iter().filter(|p| cell(p.pre).side == cell(p.post).side).count() as f64 / both.len() as f64
}

#[test]
fn cells_are_exact() {
    use CellClass as C;
    let count = |takes: &dyn Fn(&Neuron) -> bool| {
        [Side::Left, Side::Right, Side::Unknown]
            .map(|s| fly().neurons.iter().filter(|n| n.is_classified() && n.cell.side == s && takes(n)).count())
    };
    let class = |c: C| count(&|n| n.cell.class == c);
    assert_eq!(class(C::Orn), [1117, 1132, 30]);
    assert_eq!([C::Hrn, C::Trn, C::UPn, C::MPn, C::OtherPn].map(|c| class(c).iter().sum::<usize>()), [74, 29, 277, 399, 8]);
    assert_eq!([C::Mbon, C::Dan, C::Apl, C::Dpm].map(|c| class(c).iter().sum::<usize>()), [96, 331, 2, 2]);
    assert_eq!(class(C::Kc), [2580, 2597, 0]);
    assert_eq!([C::Lhln, C::Lhcent, C::Wedpn].map(|c| class(c).iter().sum::<usize>()), [514, 45, 105]);
    assert_eq!(count(&|n| n.cell.cell_type == "ORN_DA1"), [60, 66, 1]);
    assert_eq!(count(&|n| n.cell.cell_type == "KCg-m"), [1069, 1121, 0]);
    assert_eq!(count(&|n| n.cell.class == C::UPn && n.cell.glomerulus == "VA1v"), [6, 7, 0]);
    let local = |nt: Nt| count(&|n| n.cell.class == C::Alln && n.cell.nt == nt);
    assert_eq!(
        [Nt::Ach, Nt::Gaba, Nt::Glut, Nt::Ser, Nt::Blank].map(|nt| local(nt)[..2].to_vec()),
        [[22, 21], [62, 51], [48, 48], [10, 14], [72, 78]]
    );
    assert_eq!(count(&|n| n.cell.class == C::UPn && n.cell.nt == Nt::Gaba).iter().sum::<usize>(), 31);
    let output_types: BTreeSet<&str> =
        fly().neurons.iter().filter(|n| n.cell.class == C::Mbon).map(|n| n.cell.cell_type.as_str()).collect();
    assert_eq!(output_types.len(), 35);
}

#[test]
fn every_relation_has_its_edges_counts_degrees_and_sides() {
    for r in RELATIONS {
        let pairs = fly().pairs_of(r.name);
        let n = pairs.len() as f64;
        assert!(close(n, r.edges as f64, 0.01), "{}: {n} edges", r.name);
        let mean = pairs.iter().map(|p| f64::from(p.syn_count)).sum::<f64>() / n;
        assert!(close(mean, r.counts.mean, 0.05), "{}: mean count {mean}", r.name);
        let logs: Vec<f64> = pairs.iter().map(|p| f64::from(p.syn_count).ln()).collect();
        let mu = logs.iter().sum::<f64>() / n;
        let sigma = (logs.iter().map(|l| (l - mu).powi(2)).sum::<f64>() / n).sqrt();
        assert!((sigma - r.counts.ln_sigma).abs() <= 0.08, "{}: ln sigma {sigma}", r.name);
        assert!(pairs.iter().all(|p| p.syn_count >= r.counts.min), "{}", r.name);
        let (out, into) = (mean_degree(&pairs, |p| p.pre), mean_degree(&pairs, |p| p.post));
        assert!(close(out, r.out_degree.mean, 0.05), "{}: out-degree {out}", r.name);
        assert!(close(into, r.in_degree.mean, 0.05), "{}: in-degree {into}", r.name);
        let side = ipsi(&pairs);
        assert!(r.edges < 20 || (side - r.ipsi.expect("all have one")).abs() <= 0.02, "{}: ipsi {side}", r.name);
    }
}

#[test]
fn no_pair_occurs_twice_and_none_is_a_loop() {
    let mut triples: Vec<(u32, u32, u8)> = fly().rows.iter().map(|r| (r.pre, r.post, r.neuropil)).collect();
    let n = triples.len();
    triples.sort_unstable();
    triples.dedup();
    assert_eq!(triples.len(), n);
    let mut pairs: Vec<(u32, u32)> = fly().relations.iter().flat_map(|r| r.pairs.iter().map(|p| (p.pre, p.post))).collect();
    let n = pairs.len();
    pairs.sort_unstable();
    pairs.dedup();
    assert_eq!(pairs.len(), n);
    assert!(pairs.iter().all(|p| p.0 != p.1));
}

#[test]
fn kenyon_cells_have_the_measured_number_of_inputs() {
    let mut inputs: BTreeMap<u32, usize> = BTreeMap::new();
    for p in fly().pairs_of("ALPN->KC") {
        *inputs.entry(p.post).or_default() += 1;
    }
    let distance = |takes: &dyn Fn(&str) -> bool, wanted: &[f64]| {
        let mut found = vec![0.0; wanted.len()];
        inputs.iter().filter(|(i, _)| takes(&cell(**i).cell_type)).for_each(|(_, &n)| found[n] += 1.0);
        let (a, b): (f64, f64) = (found.iter().sum(), wanted.iter().sum());
        found.iter().zip(wanted).map(|(f, w)| (f / a - w / b).abs()).sum::<f64>() / 2.0
    };
    let all = [0.0, 198.0, 357.0, 479.0, 938.0, 1282.0, 977.0, 399.0, 94.0, 19.0, 3.0];
    let alpha_beta = [0.0, 0.0, 8.0, 81.0, 365.0, 593.0, 401.0, 150.0, 36.0, 8.0, 1.0];
    let middle = [0.0, 64.0, 90.0, 98.0, 63.0, 10.0, 1.0, 0.0, 0.0, 0.0, 0.0];
    assert!(distance(&|_| true, &all) <= 0.02);
    assert!(distance(&|t| t == "KCab", &alpha_beta) <= 0.02);
    assert!(distance(&|t| t == "KCapbp-m", &middle) <= 0.02);
}

#[test]
fn output_neurons_get_the_measured_synapses_by_type_and_lobe() {
    let mut synapses: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for p in fly().pairs_of("KC->MBON") {
        let system = if cell(p.pre).cell_type.starts_with("KCg") { "g" } else { &cell(p.pre).cell_type[..4] };
        *synapses.entry((&cell(p.post).cell_type, system)).or_default() += f64::from(p.syn_count);
    }
    // Specification 8.2.
    let wanted = [
        ("MBON09", "KCap", 9014.0),
        ("MBON09", "g", 18272.0),
        ("MBON07", "KCab", 18918.0),
        ("MBON03", "KCap", 16658.0),
        ("MBON11", "KCab", 3277.0),
        ("MBON11", "g", 11965.0),
        ("MBON05", "g", 14544.0),
        ("MBON14", "KCab", 12830.0),
        ("MBON06", "KCab", 12786.0),
        ("MBON01", "KCap", 1327.0),
        ("MBON01", "g", 6344.0),
        ("MBON22", "KCab", 5147.0),
        ("MBON22", "g", 2193.0),
        ("MBON12", "KCap", 6141.0),
        ("MBON12", "g", 1086.0),
        ("MBON18", "KCab", 6626.0),
        ("MBON13", "KCap", 5024.0),
        ("MBON02", "KCab", 4494.0),
        ("MBON04", "KCap", 3439.0),
        ("MBON30", "g", 3229.0),
        ("MBON31", "KCap", 2653.0),
        ("MBON32", "g", 2073.0),
        ("MBON26", "KCap", 1844.0),
        ("MBON16", "KCap", 1623.0),
        ("MBON28", "KCap", 1386.0),
        ("MBON24", "KCab", 1252.0),
        ("MBON23", "KCab", 771.0),
        ("MBON35", "g", 541.0),
        ("MBON21", "g", 507.0),
    ];
    for (output, system, count) in wanted {
        let found = synapses.get(&(output, system)).copied().unwrap_or(0.0);
        assert!(close(found, count, 0.05), "{output} {system}: {found} instead of {count}");
    }
}

#[test]
fn receptor_neurons_keep_to_their_glomerulus() {
    let pairs = fly().pairs_of("ORN->uPN");
    let same = pairs.iter().filter(|p| cells::served_by(&cell(p.pre).glomerulus) == cell(p.post).glomerulus).count();
    assert!((same as f64 / pairs.len() as f64 - 0.977).abs() <= 0.005);
    let mean = |ipsi: bool| {
        let counts: Vec<f64> = fly()
            .pairs_of("ORN->uPN/same")
            .iter()
            .filter(|p| (cell(p.pre).side == cell(p.post).side) == ipsi)
            .map(|p| f64::from(p.syn_count))
            .collect();
        counts.iter().sum::<f64>() / counts.len() as f64
    };
    assert!(close(mean(true), 22.63, 0.05) && close(mean(false), 17.70, 0.05));
    let mut reached: BTreeMap<u32, [bool; 2]> = BTreeMap::new();
    for p in fly().pairs_of("ORN->uPN/same").iter().filter(|p| cell(p.pre).side != Side::Unknown) {
        reached.entry(p.pre).or_default()[usize::from(cell(p.pre).side != cell(p.post).side)] = true;
    }
    for (sides, wanted) in [([true, true], 1612.0), ([true, false], 124.0), ([false, true], 202.0)] {
        let found = reached.values().filter(|&&r| r == sides).count() as f64;
        assert!(close(found, wanted, 0.05), "{sides:?}: {found}");
    }
}

#[test]
fn the_dump_has_the_size_of_the_real_network() {
    assert!(close(fly().rows.len() as f64, 214_011.0, 0.02), "{}", fly().rows.len());
    assert!(close(fly().connected().len() as f64, 9_628.0, 0.03), "{}", fly().connected().len());
    let receptor: Vec<&Row> =
        fly().rows.iter().filter(|r| cell(r.pre).class == CellClass::Orn && cell(r.post).class != CellClass::Orn).collect();
    assert_eq!(receptor.len(), 16_218);
    for (nt, share) in [(Nt::Ach, 0.820), (Nt::Ser, 0.158), (Nt::Da, 0.017), (Nt::Gaba, 0.005)] {
        let found = receptor.iter().filter(|r| r.nt == nt).count() as f64 / receptor.len() as f64;
        assert!((found - share).abs() <= 0.01, "{nt:?} {found}");
    }
    let synapses: u64 = fly().relations.iter().flat_map(|r| &r.pairs).map(|p| u64::from(p.syn_count)).sum();
    assert_eq!(fly().rows.iter().map(|r| u64::from(r.syn_count)).sum::<u64>(), synapses);
}

#[test]
fn the_planted_defects_are_there() {
    let map = fly().receptor_map();
    let unique: BTreeSet<u64> = map.iter().map(|m| m.1).collect();
    let several = fly().neurons.iter().filter(|n| n.receptors.len() > 1).count();
    assert_eq!((map.len(), unique.len(), several), (2_264, 2_113, 148));
    let union: BTreeSet<u64> = fly().keyword_lists().into_iter().flat_map(|l| l.1).collect();
    let connected: BTreeSet<u64> = fly().connected().into_iter().collect();
    assert_eq!(union.difference(&connected).count(), 162);
    assert!(connected.is_subset(&union));
    let inside = unique.intersection(&connected).count();
    assert_eq!(inside, 2_012);
    assert!(fly().rows.iter().any(|r| r.nt == Nt::Blank));
    let unpredicted = |truth: Nt| {
        fly().neurons.iter().filter(|n| n.cell.class == CellClass::Alln && n.cell.nt == Nt::Blank && n.truth == truth).count()
    };
    assert_eq!((unpredicted(Nt::Gaba), unpredicted(Nt::Blank)), (90, 60));
}

#[test]
fn smaller_presets_have_every_relation_of_their_cells() {
    let tiny = generate(&SynthSpec { preset: Preset::Tiny, ..SynthSpec::default() }).expect("valid");
    let drawn = RELATIONS.iter().filter(|r| r.is_drawn()).count();
    assert_eq!(tiny.relations.iter().filter(|r| !r.pairs.is_empty()).count(), drawn);
    let classes: BTreeSet<CellClass> = tiny.neurons.iter().map(|n| n.cell.class).collect();
    assert_eq!(classes.len(), CellClass::ALL.len());
    let core = generate(&SynthSpec { preset: Preset::Core, scale: 0.1, ..SynthSpec::default() }).expect("valid");
    assert!(core.relations.iter().all(|r| !r.pairs.is_empty() && !r.relation.name.contains("LH")));
    assert!(core.neurons.iter().all(|n| n.cell.class != CellClass::Lhln));
    let least = generate(&SynthSpec { scale: 0.001, ..SynthSpec::default() }).expect("valid");
    assert!(least.relations.iter().all(|r| !r.pairs.is_empty()));
}

fn text(path: &Path) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).expect("there")).read_to_string(&mut text).expect("gzip");
    text
}

#[test]
fn searching_the_labels_finds_the_receptor_map() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let target = dir.path().join("fly");
    fly().write(&target).expect("written");
    let labels = text(&target.join("processed_labels.csv.gz"));
    let search = |found: &dyn Fn(&str) -> bool| -> Vec<u64> {
        labels
            .lines()
            .skip(1)
            .filter(|l| found(l))
            .map(|l| l.split(',').next().expect("a field").parse().expect("an id"))
            .collect()
    };
    let map = std::fs::read_to_string(target.join("derived/receptor_to_root_ids.csv")).expect("there");
    let mut wanted: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for (label, id) in map.lines().skip(1).map(|l| l.split_once(',').expect("two fields")) {
        wanted.entry(label).or_default().insert(id.parse().expect("an id"));
    }
    assert_eq!(wanted.len(), 52);
    for (label, ids) in wanted {
        let found = match label {
            "Ir75" => search(&|l| ["Ir75a", "Ir75b", "Ir75c"].iter().any(|name| l.contains(name))),
            "Ir64a.DC4" => search(&|l| l.contains("Ir64a") && l.contains("DC4")),
            "Ir64a.DP1m" => search(&|l| l.contains("Ir64a") && l.contains("DP1m")),
            _ => search(&|l| l.contains(label)),
        };
        assert_eq!(found.into_iter().collect::<BTreeSet<u64>>(), ids, "{label}");
    }
    let manifest = std::fs::read_to_string(target.join("manifest.json")).expect("there");
    assert!(manifest.contains("\"synthetic\": true"));
    assert!(text(&target.join("names.csv.gz")).lines().skip(1).all(|l| l.contains(",SYN_")));
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let spec = SynthSpec { preset: Preset::Tiny, background_neurons: Some(3_000), rows: Some(60_000), ..SynthSpec::default() };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let written = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| generate(&spec).expect("valid").write(&dir.path().join(threads.to_string())).expect("written"))
    };
    let one = written(1);
    assert_eq!(one, written(4));
    assert_eq!((one.neurons, one.rows), (3_000, 60_000));
    assert_eq!(one.files.len(), 23);
}

#[test]
fn a_background_fills_up_to_the_numbers_asked_for() {
    let spec = SynthSpec { preset: Preset::Tiny, background_neurons: Some(2_000), rows: Some(40_000), ..SynthSpec::default() };
    let big = generate(&spec).expect("valid");
    assert_eq!((big.neuron_count(), big.rows.len()), (2_000, 40_000));
    let mut triples: Vec<(u32, u32, u8)> = big.rows.iter().map(|r| (r.pre, r.post, r.neuropil)).collect();
    triples.sort_unstable();
    triples.dedup();
    assert_eq!(triples.len(), 40_000);
    let pairs: BTreeSet<(u32, u32)> = big.rows.iter().map(|r| (r.pre, r.post)).collect();
    let own = big.relations.iter().map(|r| r.pairs.len()).sum::<usize>();
    let per_pair = (40_000 - big.pathway_rows) as f64 / (pairs.len() - own) as f64;
    assert!((per_pair - 1.35).abs() < 0.05, "{per_pair}");
    let code = |n: Option<usize>, rows: Option<usize>, scale: f64| {
        generate(&SynthSpec { preset: Preset::Tiny, background_neurons: n, rows, scale, ..SynthSpec::default() })
            .expect_err("out of range")
            .code()
            .to_owned()
    };
    assert_eq!(code(Some(10), None, 1.0), "too-few-neurons");
    assert_eq!(code(None, Some(10), 1.0), "too-few-rows");
    assert_eq!(code(None, Some(10_000_000), 1.0), "too-many-rows");
    assert_eq!(code(None, None, 0.0), "bad-scale");
    assert_eq!(code(None, None, f64::NAN), "bad-scale");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn draw_holds_its_promises_on_any_cells(which in 0..RELATIONS.len(), n in 0..40_usize, m in 0..40_usize, scale in 0.0..30.0_f64, seed: u64) {
        let r = &RELATIONS[which];
        let some = |classes: &[CellClass], n: usize, from: u64| -> Vec<Cell> {
            let stems = ["ORN_DA1", "DA1_lPN", "KCab", "MBON09", "KCg-m", "odd"];
            (0..n).map(|i| {
                let side = [Side::Left, Side::Right, Side::Unknown, Side::Right][i % 4];
                let nt = r.post_nt.unwrap_or([Nt::Ach, Nt::Gaba, Nt::Glut][i % 3]);
                Cell::new(from + i as u64, classes[i % classes.len()], stems[i % stems.len()], side, nt)
            }).collect()
        };
        // Overlapping ids: the same cell may stand on both sides.
        let (pre, post) = (some(r.pre, n, 1), some(r.post, m, 1));
        let pairs = draw(r, &pre, &post, scale, Streams::new(seed));
        prop_assert!(pairs.windows(2).all(|w| (w[0].pre, w[0].post) < (w[1].pre, w[1].post)));
        prop_assert!(pairs.iter().all(|p| pre[p.pre as usize].id != post[p.post as usize].id));
        prop_assert!(pairs.iter().all(|p| p.syn_count >= r.counts.min));
        prop_assert_eq!(&pairs, &draw(r, &pre, &post, scale, Streams::new(seed)));
    }
}

#[test]
fn a_relation_asked_for_more_pairs_than_there_are_gives_them_all_and_ends() {
    let of = |c: CellClass| -> Vec<Cell> { fly().neurons.iter().map(|n| n.cell.clone()).filter(|n| n.class == c).collect() };
    let (output, apl) = (of(CellClass::Mbon), of(CellClass::Apl));
    let n = output.len();
    for scale in [30.0, 1e6, 1e300] {
        let pairs = draw(relation("MBON->MBON").expect("known"), &output, &output, scale, Streams::new(1)).len();
        assert!(pairs <= n * (n - 1) && pairs >= 45 * 80, "{scale}: {pairs}");
    }
    let kenyon = of(CellClass::Kc);
    assert_eq!(draw(relation("KC->APL").expect("known"), &kenyon, &apl, 1e9, Streams::new(1)).len(), kenyon.len() * 2);
    for name in ["KC->MBON", "uPN->KC", "ORN->uPN", "ORN->ALLN", "ALLN->ALPN", "KC->KC"] {
        let r = relation(name).expect("known");
        let cells = |classes: &[CellClass]| -> Vec<Cell> { classes.iter().flat_map(|&c| of(c)).take(600).collect() };
        let (pre, post) = (cells(r.pre), cells(r.post));
        assert!(draw(r, &pre, &post, 1e9, Streams::new(1)).len() <= pre.len() * post.len(), "{name}");
    }
}

#[test]
fn draw_on_the_whole_pathway_gives_the_whole_relation() {
    let of = |c: CellClass| -> Vec<Cell> { fly().neurons.iter().map(|n| n.cell.clone()).filter(|n| n.class == c).collect() };
    let (kenyon, apl) = (of(CellClass::Kc), of(CellClass::Apl));
    let drawn =
        |name: &str, pre: &[Cell], post: &[Cell]| draw(relation(name).expect("known"), pre, post, 1.0, Streams::new(5)).len();
    assert_eq!(drawn("KC->APL", &kenyon, &apl), 5_215);
    assert_eq!(drawn("KC->KC", &kenyon, &kenyon), 12_000);
    let left: Vec<Cell> = kenyon.iter().filter(|c| c.side == Side::Left).cloned().collect();
    assert!(close(drawn("KC->KC", &left, &left) as f64, 6_000.0, 0.01));
    assert_eq!(drawn("KC->APL", &kenyon, &[]), 0);
    assert_eq!(drawn("KC->APL", &kenyon[..1], &apl[..1]), 1);
}
