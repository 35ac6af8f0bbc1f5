//! Circuits of random connectomes agree with a plain reference, whatever the config.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kenyon_base::Silent;
use kenyon_connectome::circuit::{self, CircuitSpec, file};
use kenyon_connectome::{Categorical, Connectome, Pack, Pairs, Rows, pack};
use proptest::prelude::*;

const CLASSES: [&str; 4] = ["olfactory", "ALPN", "Kenyon_Cell", ""];
const NEUROPILS: [&str; 3] = ["", "AL_L", "MB_CA_R"];

/// A row: pre, post, neuropil, count.
type Row = (u32, u32, u16, u32);

#[derive(Debug, Clone)]
struct Random {
    classes: Vec<usize>,
    rows: Vec<Row>,
}

fn random() -> impl Strategy<Value = Random> {
    (2_usize..20).prop_flat_map(|n| {
        let row = (0..n as u32, 0..n as u32, 0_u16..3, 1_u32..12);
        (prop::collection::vec(0_usize..4, n), prop::collection::vec(row, 0..120)).prop_map(|(classes, mut rows)| {
            rows.sort_unstable();
            rows.dedup_by_key(|r| (r.0, r.1, r.2));
            Random { classes, rows }
        })
    })
}

fn id(neuron: u32) -> u64 {
    720_575_940_600_000_000 + u64::from(neuron)
}

fn connectome(random: &Random) -> Connectome {
    let mut pairs = Pairs::default();
    let mut rows = Rows::default();
    for pair in random.rows.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        pairs.pre.push(pair[0].0);
        pairs.post.push(pair[0].1);
        pairs.syn_count.push(pair.iter().map(|r| r.3).sum());
        pairs.row_count.push(pair.len() as u16);
        for row in pair {
            rows.syn_count.push(row.3);
            rows.neuropil.push(row.2);
            rows.nt.push(1);
        }
    }
    let class: Categorical = random.classes.iter().map(|&c| CLASSES[c]).collect();
    Connectome {
        root_ids: (0..random.classes.len() as u32).map(id).collect(),
        attributes: BTreeMap::from([("class".to_string(), class)]),
        pairs,
        rows,
        neuropils: NEUROPILS.map(String::from).to_vec(),
        tables: vec!["connections".into()],
        ..Connectome::default()
    }
}

// Each is one switch of the config.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Clone, Copy)]
struct Choice {
    on_row: bool,
    min: u32,
    only_al: bool,
    onto_inputs: bool,
    among_inputs: bool,
    self_loops: bool,
    keep: bool,
}

fn choice() -> impl Strategy<Value = Choice> {
    (any::<[bool; 6]>(), 0_u32..10).prop_map(|([on_row, only_al, onto_inputs, among_inputs, self_loops, keep], min)| Choice {
        on_row,
        min,
        only_al,
        onto_inputs,
        among_inputs,
        self_loops,
        keep,
    })
}

fn spec(c: Choice, random: &Random) -> CircuitSpec {
    let populations = CLASSES[..3]
        .iter()
        .filter(|class| random.classes.iter().any(|&c| CLASSES[c] == **class))
        .fold(String::new(), |text, class| text + &format!("[[population]]\nname = \"{class}\"\nquery = 'class = {class}'\n"));
    let text = format!(
        "[threshold]\non = \"{}\"\nmin = {}\n[selection]\nneuropils = [{}]\npresynaptic_inhibition = {}\ninput_to_input = {}\nself_loops = {}\n\
         unconnected = \"{}\"\n{populations}",
        if c.on_row { "row" } else { "pair" },
        c.min,
        if c.only_al { "\"AL_L\"" } else { "" },
        c.onto_inputs,
        c.among_inputs,
        c.self_loops,
        if c.keep { "keep" } else { "drop" },
    );
    kenyon_base::config::parse(&text, Path::new("test.toml")).expect("a valid config")
}

/// The same in a few plain lines: connections of the circuit by root id.
fn reference(random: &Random, c: Choice) -> BTreeMap<(u64, u64), u32> {
    let mut sums: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for &(pre, post, neuropil, n) in &random.rows {
        if (!c.only_al || neuropil == 1) && (!c.on_row || n >= c.min) {
            *sums.entry((pre, post)).or_default() += n;
        }
    }
    let class = |neuron: u32| CLASSES[random.classes[neuron as usize]];
    sums.into_iter()
        .filter(|&((pre, post), n)| {
            let (from, to) = (class(pre), class(post));
            let inside = !from.is_empty() && !to.is_empty();
            let among = from == "olfactory" && to == "olfactory";
            let onto = from != "olfactory" && to == "olfactory";
            inside
                && (c.on_row || n >= c.min)
                && (pre != post || c.self_loops)
                && (!among || c.among_inputs || pre == post && !c.self_loops)
                && (!onto || c.onto_inputs)
        })
        .map(|((pre, post), n)| ((id(pre), id(post)), n))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_circuit_holds_exactly_the_connections_that_its_config_asks_for(random in random(), c in choice()) {
        prop_assume!(random.classes.iter().any(|&class| class < 3));
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("fly.h5");
        pack::write(&connectome(&random), &path).expect("written");
        let opened = Pack::open(&path).expect("opened");
        let expected = reference(&random, c);
        let built = circuit::build(&opened, &spec(c, &random), Path::new("test.toml"), &Silent);
        if expected.is_empty() && !c.keep {
            let error = built.expect_err("no neuron is left");
            prop_assert_eq!(error.code(), "empty-circuit");
            return Ok(());
        }
        let built = built.expect("built");
        let found: BTreeMap<(u64, u64), u32> = built
            .edges
            .triples()
            .map(|(pre, post, n)| ((built.root_ids[pre as usize], built.root_ids[post as usize]), n))
            .collect();
        prop_assert_eq!(&found, &expected);

        let neurons: BTreeSet<u64> = built.root_ids.iter().copied().collect();
        let connected: BTreeSet<u64> = expected.keys().flat_map(|&(pre, post)| [pre, post]).collect();
        let chosen = random.classes.iter().filter(|&&class| class < 3).count();
        if c.keep {
            prop_assert_eq!(neurons.len(), chosen);
        } else {
            prop_assert_eq!(neurons, connected);
        }
        prop_assert!(built.population.is_sorted());
        built.edges.validate().expect("sorted, in range, each once");

        let saved = dir.path().join("circuit.h5");
        file::write(&built, &saved).expect("written");
        let read = file::read(&saved).expect("read back");
        prop_assert_eq!(&read.edges, &built.edges);
        prop_assert_eq!(&read.root_ids, &built.root_ids);
        prop_assert_eq!(&read.sign, &built.sign);
        prop_assert_eq!(&read.report, &built.report);
    }

    #[test]
    fn shares_cut_away_are_those_of_the_synapses_that_leave_the_selection(random in random()) {
        let c = Choice { on_row: false, min: 1, only_al: false, onto_inputs: true, among_inputs: true, self_loops: true, keep: true };
        prop_assume!(random.classes.iter().any(|&class| class < 3));
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("fly.h5");
        pack::write(&connectome(&random), &path).expect("written");
        let opened = Pack::open(&path).expect("opened");
        let built = circuit::build(&opened, &spec(c, &random), Path::new("test.toml"), &Silent).expect("built");
        let class = |neuron: u32| CLASSES[random.classes[neuron as usize]];
        for (name, cut) in &built.report.cut {
            let of = |own: fn(&Row) -> u32| random.rows.iter().filter(move |r| class(own(r)) == name).map(|r| u64::from(r.3)).sum::<u64>();
            let lost = |own: fn(&Row) -> u32, other: fn(&Row) -> u32| {
                random.rows.iter().filter(move |r| class(own(r)) == name && class(other(r)).is_empty()).map(|r| u64::from(r.3)).sum::<u64>()
            };
            prop_assert_eq!(cut.out_synapses, of(|r| r.0));
            prop_assert_eq!(cut.in_synapses, of(|r| r.1));
            prop_assert_eq!(cut.out_lost, lost(|r| r.0, |r| r.1));
            prop_assert_eq!(cut.in_lost, lost(|r| r.1, |r| r.0));
        }
    }
}
