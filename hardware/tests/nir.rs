//! NIR: what a file holds, and that its network is ours by the conventions it states.

mod networks;

use std::collections::BTreeMap;
use std::path::Path;

use kenyon_base::{PlainFile, PlainWriter};
use kenyon_hardware::nir::{self, Graph, Kind, Node, Profile, as_read, expected, export};
use kenyon_hardware::{CellKind, Cells, Deployment, Role};
use networks::{random, single_lif, single_lif_spikes};

fn exported(d: &Deployment, profile: Profile) -> (tempfile::TempDir, Graph, nir::Exported) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("network.nir");
    let done = export(d, profile, &path).expect("written");
    let graph = Graph::read(&path).expect("read");
    (dir, graph, done)
}

fn numbers(node: &Node, field: &str) -> Vec<f64> {
    node.arrays[field].numbers()
}

/// Potentials, currents and waits of a node of neurons.
struct State {
    i: Vec<f64>,
    v: Vec<f64>,
    wait: Vec<u64>,
}

/// How a profile's reader steps.
struct Stepping {
    profile: Profile,
    /// The step in seconds that the file means.
    dt: f64,
    refractory_steps: u64,
}

impl Stepping {
    fn decay(&self, tau: f64) -> f64 {
        if self.profile == Profile::Canonical { (-self.dt / tau).exp() } else { 1.0 - self.dt / tau }
    }

    fn start(&self, node: &Node, v_init: Vec<f64>) -> State {
        let (leak, zeros) = (numbers(node, "v_leak"), vec![0.0; v_init.len()]);
        let (i, v) = match self.profile {
            Profile::Canonical => (zeros, v_init),
            Profile::Norse => (leak.clone(), leak),
            Profile::SnnTorch => (vec![0.0; leak.len()], vec![0.0; leak.len()]),
        };
        State { wait: vec![0; v.len()], i, v }
    }

    /// Moves neurons by one step and says which spike.
    fn step(&self, node: &Node, State { i, v, wait }: &mut State, x: &[f64]) -> Vec<f64> {
        let (r, leak) = (numbers(node, "r"), numbers(node, "v_leak"));
        let (threshold, reset) = (numbers(node, "v_threshold"), numbers(node, "v_reset"));
        let tau = numbers(node, if node.kind == Kind::Lif { "tau" } else { "tau_mem" });
        let synapse = (node.kind == Kind::CubaLif).then(|| (numbers(node, "tau_syn"), numbers(node, "w_in")));
        let move_one = |k: usize| {
            i[k] = synapse.as_ref().map_or(x[k], |(tau_syn, w_in)| {
                let syn_leak = if self.profile == Profile::Norse { leak[k] } else { 0.0 };
                let a = self.decay(tau_syn[k]);
                syn_leak * (1.0 - a) + a * i[k] + self.dt / tau_syn[k] * w_in[k] * x[k]
            });
            if wait[k] > 0 {
                wait[k] -= 1;
                return 0.0;
            }
            let b = self.decay(tau[k]);
            v[k] = b * v[k] + (1.0 - b) * (leak[k] + r[k] * i[k]);
            if v[k] <= threshold[k] {
                return 0.0;
            }
            v[k] = reset[k];
            wait[k] = self.refractory_steps;
            1.0
        };
        (0..r.len()).map(move_one).collect()
    }
}

/// Spikes (step, node, neuron) of a graph that is stepped as `/metadata/kenyon` says: a plain twin of its reader.
fn run(graph: &Graph, profile: Profile, d: &Deployment, description: &serde_json::Value) -> Vec<(u32, String, usize)> {
    let dt = description["dt_s"].as_f64().expect("a number");
    let shift = description["conventions"]["input_shift_steps"].as_u64().expect("a number") as u32;
    let refractory_steps = description["conventions"]["refractory_steps"].as_u64().expect("a number");
    let stepping = Stepping { profile, dt: if profile == Profile::SnnTorch { 1e-4 } else { dt }, refractory_steps };
    let populations = description["populations"].as_array().expect("a list");
    let place = |p: u32| {
        let of = &populations[p as usize];
        (of["node"].as_str().expect("a name").to_string(), of["first"].as_u64().expect("a place") as usize)
    };
    let weights: BTreeMap<&String, (usize, Vec<f64>)> = graph
        .nodes
        .iter()
        .filter(|(_, n)| n.arrays.contains_key("weight"))
        .map(|(name, n)| (name, (n.arrays["weight"].shape[1], numbers(n, "weight"))))
        .collect();
    // What left each node, step by step.
    let mut out: BTreeMap<String, Vec<Vec<f64>>> = BTreeMap::new();
    let mut states: BTreeMap<&String, State> = BTreeMap::new();
    for (name, node) in graph.nodes.iter().filter(|(_, n)| matches!(n.kind, Kind::CubaLif | Kind::Lif)) {
        let p = (0..populations.len()).find(|&p| populations[p]["node"] == **name).expect("a population");
        let (cells, scale) = (d.populations[p].cells.neurons().expect("neurons"), d.populations[p].v_scale);
        states.insert(name, stepping.start(node, cells.v_init_mv.iter().map(|v| v / scale).collect()));
    }
    let mut spikes = Vec::new();
    for step in 0..d.steps {
        // Neurons after all else: where a path has no delay, what feeds it must be there first.
        let mut order: Vec<&String> = graph.nodes.keys().collect();
        order.sort_by_key(|name| match graph.nodes[*name].kind {
            Kind::Input => 0,
            Kind::Delay => 1,
            Kind::Flatten => 2,
            Kind::Linear | Kind::Affine => 3,
            _ => 4,
        });
        for name in order {
            let node = &graph.nodes[name];
            let arriving = |ago: u32| -> Vec<Vec<f64>> {
                let from = graph.edges.iter().filter(|(_, to)| to == name);
                from.filter_map(|(from, _)| out.get(from)?.get(step.checked_sub(ago)? as usize).cloned()).collect()
            };
            let sum = |parts: Vec<Vec<f64>>, n: usize| {
                parts.iter().fold(vec![0.0; n], |sum, part| sum.iter().zip(part).map(|(a, b)| a + b).collect())
            };
            let now: Vec<f64> = match node.kind {
                Kind::Input => {
                    let n = numbers(node, "shape")[0] as usize;
                    let mut now = vec![0.0; n];
                    for &(p, neuron, at) in &d.samples[0].spikes {
                        let (of, first) = place(p);
                        if at + shift == step && of == *name {
                            now[first + neuron as usize] += 1.0;
                        }
                    }
                    now
                }
                Kind::Delay => {
                    let delays = numbers(node, "delay");
                    sum(arriving((delays[0] / dt).round() as u32), delays.len())
                }
                // The cycle of a flat graph passes here: its one step.
                Kind::Flatten => sum(arriving(1), numbers(node, "input_type")[0] as usize),
                Kind::Linear | Kind::Affine => {
                    let (columns, matrix) = &weights[name];
                    let within = profile == Profile::Norse && name == "w_rec";
                    let x = sum(arriving(u32::from(within)), *columns);
                    let mut y: Vec<f64> =
                        matrix.chunks(*columns).map(|row| row.iter().zip(&x).map(|(w, x)| w * x).sum()).collect();
                    if node.kind == Kind::Affine {
                        y.iter_mut().zip(numbers(node, "bias")).for_each(|(y, b)| *y += b);
                    }
                    y
                }
                Kind::CubaLif | Kind::Lif => {
                    let x = sum(arriving(0), node.arrays["v_leak"].len());
                    let fired = stepping.step(node, states.get_mut(name).expect("a state"), &x);
                    let found = (0..fired.len()).filter(|k| fired[*k] > 0.0);
                    spikes.extend(found.map(|k| (step, name.clone(), k)));
                    fired
                }
                _ => continue,
            };
            out.entry(name.clone()).or_default().push(now);
        }
    }
    spikes
}

fn description(path: &Path) -> serde_json::Value {
    let file = PlainFile::open(path).expect("opened");
    let text = file.text("metadata/kenyon/description").expect("there");
    assert_eq!(text, file.text("node/metadata/kenyon").expect("there"), "where `nir.read` finds it");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn every_profile_describes_the_network_by_the_conventions_it_states() {
    for seed in 0..3 {
        let d = random(seed, 60);
        for profile in [Profile::Canonical, Profile::Norse, Profile::SnnTorch] {
            let (dir, graph, done) = exported(&d, profile);
            let description = description(&dir.path().join("network.nir"));
            let places = description["populations"].as_array().expect("a list");
            let mut found = run(&graph, profile, &d, &description);
            found.retain(|s| graph.nodes[&s.1].arrays["v_leak"].len() - done.relays > s.2);
            let mut wanted: Vec<_> = expected(&d, profile)[0]
                .iter()
                .map(|&(step, p, i)| {
                    let place = &places[p as usize];
                    let first = place["first"].as_u64().expect("a place") as usize;
                    (step, place["node"].as_str().expect("a name").to_string(), first + i as usize)
                })
                .collect();
            found.sort();
            wanted.sort();
            assert!(wanted.len() > 20, "too quiet to tell: {}", wanted.len());
            if profile == Profile::Canonical {
                assert_eq!(found, wanted);
                assert_eq!((done.spikes, done.same_spikes), (wanted.len(), wanted.len()));
            } else {
                // Numbers were written as f32: a spike may fall into the neighbouring step.
                let same = found.iter().filter(|s| wanted.contains(s)).count();
                assert!(same as f64 >= 0.97 * wanted.len().max(found.len()) as f64, "{profile:?}: {same} of {}", wanted.len());
                assert_eq!(done.reader_spikes, wanted.len());
            }
        }
    }
}

#[test]
fn what_a_reader_leaves_out_is_what_makes_it_differ() {
    let d = random(1, 60);
    let own = expected(&d, Profile::Canonical);
    assert_ne!(own, expected(&d, Profile::Norse), "Norse has no refractory step");
    let (read, later) = as_read(&d, Profile::SnnTorch);
    assert_eq!((later, read.populations.len()), (1, d.populations.len() + 1));
    assert!(read.populations.iter().filter_map(|p| p.cells.neurons()).all(|n| n.kind == CellKind::CurrExp));
}

#[test]
fn a_canonical_file_holds_the_trained_numbers() {
    let d = random(2, 40);
    let (_dir, graph, done) = exported(&d, Profile::Canonical);
    let (name, node) = graph.nodes.iter().find(|(_, n)| n.kind == Kind::CubaLif).expect("neurons");
    let p = d.populations.iter().position(|p| name.starts_with(&p.label)).expect("a population");
    let cells = d.populations[p].cells.neurons().expect("neurons");
    let g = d.populations[p].v_scale;
    let dt = d.dt_ms / 1e3;
    for i in 0..cells.cm_nf.len() {
        let same = |a: f64, b: f64| a.to_bits() == b.to_bits();
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b.abs();
        assert!(near(numbers(node, "tau_mem")[i], cells.tau_m_ms[i] / 1e3));
        assert!(near(numbers(node, "w_in")[i], numbers(node, "tau_syn")[i] / dt));
        assert!(same(numbers(node, "v_leak")[i], cells.i_offset_na[i] / g), "minus I_c");
        assert!(same(numbers(node, "r")[i], 1.0));
        let threshold = cells.v_thresh_mv[i].next_down();
        assert!(same(numbers(node, "v_threshold")[i] * g, threshold), "the threshold, not the number above it");
    }
    let delays: Vec<f64> =
        graph.nodes.values().filter(|n| n.kind == Kind::Delay).map(|n| (numbers(n, "delay")[0] / dt).round()).collect();
    assert!(delays.contains(&1.0) && delays.contains(&2.0) && delays.contains(&4.0), "one node per delay value: {delays:?}");
    let weights: usize = graph
        .nodes
        .values()
        .filter(|n| n.kind == Kind::Linear)
        .map(|n| numbers(n, "weight").iter().filter(|w| **w != 0.0).count())
        .sum();
    assert_eq!(weights, done.synapses);
    assert!(graph.nodes["readout"].kind == Kind::CubaLi && graph.nodes["output"].kind == Kind::Output);
}

#[test]
fn the_single_neuron_of_the_papers_spikes_where_exact_simulators_have_it() {
    let d = single_lif();
    for profile in [Profile::Canonical, Profile::Norse, Profile::SnnTorch] {
        let (dir, graph, _) = exported(&d, profile);
        let description = description(&dir.path().join("network.nir"));
        let steps: Vec<u32> = run(&graph, profile, &d, &description).iter().map(|s| s.0).collect();
        assert_eq!(steps, single_lif_spikes(), "{profile:?}");
    }
}

#[test]
fn every_primitive_is_read_and_an_unknown_one_named() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("all.nir");
    let write = |change: &dyn Fn(&PlainWriter, Kind) -> bool, more: &dyn Fn(&PlainWriter)| {
        let out = PlainWriter::create(&path).expect("created");
        out.write_texts("version", &[], &["1.0"]).expect("written");
        out.write_texts("node/type", &[], &["NIRGraph"]).expect("written");
        out.write_texts::<&str>("node/edges", &[0, 2], &[]).expect("written");
        for &kind in Kind::ALL.iter().filter(|k| **k != Kind::NirGraph) {
            let place = format!("node/nodes/{}", kind.name());
            out.write_texts(&format!("{place}/type"), &[], &[kind.name()]).expect("written");
            if change(&out, kind) {
                continue;
            }
            for (field, _) in kind.fields().iter().filter(|f| f.0 != "v_reset" && f.0 != "w_in") {
                let shape: &[usize] = if *field == "weight" { &[2, 2] } else { &[2] };
                let at = format!("{place}/{field}");
                match *field {
                    "kernel_size" | "stride" | "padding" | "dilation" | "groups" | "input_shape" | "shape" | "start_dim"
                    | "end_dim" | "input_type" => out.write(&at, &[2], &[1_i64, 1]).expect("written"),
                    _ => out.write(&at, shape, &vec![0.5_f32; shape.iter().product()]).expect("written"),
                }
            }
        }
        more(&out);
        out.finish().expect("finished");
        Graph::read(&path)
    };
    let graph = write(&|_, _| false, &|_| {}).expect("read");
    assert_eq!(graph.nodes.len(), 18);
    assert_eq!(numbers(&graph.nodes["CubaLIF"], "v_reset"), [0.0, 0.0], "a missing v_reset means zeros");

    let error = write(&|_, _| false, &|out| out.write_texts("node/nodes/x/type", &[], &["CubaLIFF"]).expect("written"));
    let error = error.expect_err("unknown");
    assert_eq!(error.code(), "nir-unknown-node");
    assert!(error.to_string().contains("CubaLIFF") && error.to_string().contains("perhaps `CubaLIF` is meant"), "{error}");

    let without_r = |out: &PlainWriter, kind: Kind| {
        if kind == Kind::Lif {
            for field in ["tau", "v_leak", "v_threshold"] {
                out.write(&format!("node/nodes/LIF/{field}"), &[2], &[0.5, 0.5]).expect("written");
            }
        }
        kind == Kind::Lif
    };
    let error = write(&without_r, &|_| {}).expect_err("r is not guessed");
    assert!(error.code() == "nir-missing" && error.to_string().contains("`r`"), "{error}");
}

#[test]
fn bad_files_are_refused_with_the_place() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("bad.nir");
    let code = |make: &dyn Fn(&PlainWriter)| {
        let out = PlainWriter::create(&path).expect("created");
        make(&out);
        out.finish().expect("finished");
        Graph::read(&path).expect_err("bad").code().to_string()
    };
    let lif = |out: &PlainWriter, tau: &[f64], r: &[f64]| {
        out.write_texts("node/type", &[], &["NIRGraph"]).expect("written");
        out.write_texts("node/nodes/n/type", &[], &["LI"]).expect("written");
        out.write("node/nodes/n/tau", &[tau.len()], tau).expect("written");
        out.write("node/nodes/n/r", &[r.len()], r).expect("written");
        out.write("node/nodes/n/v_leak", &[2], &[0.0, 0.0]).expect("written");
    };
    let edges = |out: &PlainWriter, ends: &[&str]| out.write_texts("node/edges", &[ends.len() / 2, 2], ends).expect("written");
    assert_eq!(code(&|out| out.write("data", &[1], &[0.0]).expect("written")), "nir-no-graph");
    assert_eq!(code(&|out| lif(out, &[0.1, 0.1], &[1.0])), "nir-shape");
    assert_eq!(code(&|out| lif(out, &[0.1, 0.0], &[1.0, 1.0])), "nir-parameter");
    assert_eq!(code(&|out| lif(out, &[0.1, f64::NAN], &[1.0, 1.0])), "nir-not-finite");
    assert_eq!(code(&|out| lif(out, &[0.1, 0.1], &[1.0, 1.0])), "missing-dataset", "a graph without edges");
    let good = |out: &PlainWriter| lif(out, &[0.1, 0.1], &[1.0, 1.0]);
    let with = |ends: &'static [&'static str]| {
        code(&|out| {
            good(out);
            edges(out, ends);
        })
    };
    assert_eq!(with(&["n", "m"]), "nir-edge");
    assert_eq!(with(&["n", "n", "n", "n"]), "nir-edge");
}

#[test]
fn networks_that_nir_cannot_hold_are_refused_with_the_mend() {
    let refused = |profile: Profile, change: &dyn Fn(&mut Deployment)| {
        let mut d = random(0, 20);
        change(&mut d);
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("network.nir");
        let error = export(&d, profile, &path).expect_err("refused");
        assert!(!path.exists() && error.to_string().len() > error.code().len(), "{error}");
        error.code().to_string()
    };
    let neurons = |d: &mut Deployment, change: &dyn Fn(&mut kenyon_hardware::Neurons)| {
        let p = d.populations.iter_mut().find(|p| p.role == Role::Hidden).expect("one");
        let Cells::Neurons(n) = &mut p.cells else { unreachable!() };
        change(n);
    };
    let canonical = Profile::Canonical;
    assert_eq!(refused(canonical, &|d| neurons(d, &|n| n.tau_syn_i_ms[0] *= 2.0)), "nir-synapses");
    assert_eq!(refused(canonical, &|d| neurons(d, &|n| n.tau_m_ms[1] = 0.0)), "lint");
    assert_eq!(refused(canonical, &|d| neurons(d, &|n| n.tau_refrac_ms[1] = 5.0)), "nir-refractory");
    assert_eq!(refused(canonical, &|d| d.projections[0].synapses[0].weight = f64::NAN), "lint");
    assert_eq!(refused(canonical, &|d| d.projections[0].synapses[0].delay_steps = 1.5), "lint");
    assert_eq!(refused(Profile::Norse, &|d| d.projections[0].synapses[0].delay_steps = 3.0), "nir-delay");
    assert_eq!(refused(Profile::SnnTorch, &|d| neurons(d, &|n| n.v_thresh_mv[0] = n.v_reset_mv[0])), "nir-threshold");
    let conducts = |d: &mut Deployment| {
        neurons(d, &|n| {
            n.kind = CellKind::CondExp;
            n.e_rev_e_mv = vec![0.0; n.cm_nf.len()];
            n.e_rev_i_mv = vec![-70.0; n.cm_nf.len()];
        });
    };
    assert_eq!(refused(canonical, &conducts), "nir-cells");
}
