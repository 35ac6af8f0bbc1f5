//! The exported program, run with a stand-in for PyNN: what it asks of a back end, what it returns, what it refuses.

mod support;

use std::fs;
use std::path::Path;

use kenyon_hardware::interpreter::Interpreter;
use kenyon_hardware::pynn::{self, NOT_EVIDENCE, Options};
use kenyon_hardware::readout;
use kenyon_hardware::{CellKind, Decision, Deployment, Role, Variable};
use serde_json::Value;
use support::Model;
use support::program::{complaint, network, table, with_fake};

/// An export in a folder of its own, and a home without a configuration of sPyNNaker.
struct Exported {
    dir: tempfile::TempDir,
}

impl Exported {
    fn of(d: &Deployment, options: &Options) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        pynn::export(d, &dir.path().join("export"), options).expect("exported");
        fs::create_dir(dir.path().join("home")).expect("made");
        Self { dir }
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("export")
    }

    fn home(&self) -> std::path::PathBuf {
        self.dir.path().join("home")
    }

    /// Runs the program; returns what it asked of the back end, or `None` without Python.
    fn run(&self, args: &[&str], variables: &[(&str, &Path)]) -> Option<Result<Value, String>> {
        let (log, home) = (self.dir.path().join("log.json"), self.home());
        let args: Vec<&str> = ["run_pynn.py"].into_iter().chain(args.iter().copied()).collect();
        let fixed = [("FAKE_PYNN_LOG", log.as_path()), ("HOME", home.as_path())];
        let variables: Vec<(&str, &Path)> = fixed.into_iter().chain(variables.iter().copied()).collect();
        let ran = with_fake(&self.path(), &args, &variables)?;
        if ran.status.success() {
            return Some(Ok(serde_json::from_slice(&fs::read(log).expect("written")).expect("JSON")));
        }
        assert_eq!(ran.status.code(), Some(1));
        let text = complaint(&ran);
        assert!(!text.contains("Traceback"), "{text}");
        Some(Err(text))
    }

    fn configure_board(&self) {
        fs::copy(self.path().join("spynnaker.cfg"), self.home().join(".spynnaker.cfg")).expect("copied");
    }
}

/// A deployment whose second population is of a kind.
fn of_kind(kind: CellKind) -> Deployment {
    let mut d = Model::random(1, 120).lower(64.0, 2);
    for population in &mut d.populations {
        let Some(cells) = population.cells.neurons_mut() else { continue };
        let n = cells.tau_m_ms.len();
        cells.kind = kind;
        match kind {
            CellKind::CurrExp => {}
            CellKind::CurrDelta => (cells.tau_syn_e_ms, cells.tau_syn_i_ms) = (Vec::new(), Vec::new()),
            CellKind::CondExp => (cells.e_rev_e_mv, cells.e_rev_i_mv) = (vec![60.0; n], vec![-20.0; n]),
        }
    }
    let scale = match kind {
        CellKind::CurrExp => 1.0,
        CellKind::CurrDelta => 20.0,
        CellKind::CondExp => 1.0 / 24.0,
    };
    d.projections.iter_mut().flat_map(|p| &mut p.synapses).for_each(|s| s.weight *= scale);
    d
}

/// Spikes of a result as (step, population, neuron), sorted.
fn spikes(dir: &Path, back_end: &str) -> Vec<(u32, u32, u32)> {
    let (_, rows) = table(&dir.join(format!("result_{back_end}.csv")));
    let number = |text: &String| text.parse::<u32>().expect("a number");
    rows.iter().filter(|r| r[1] == "spike").map(|r| (number(&r[2]), number(&r[3]), number(&r[4]))).collect()
}

#[test]
fn the_program_runs_what_was_exported_on_all_cell_kinds() {
    for kind in [CellKind::CurrExp, CellKind::CurrDelta, CellKind::CondExp] {
        let exported = Exported::of(&of_kind(kind), &Options::default());
        exported.configure_board();
        for back_end in ["nest", "spiNNaker"] {
            let Some(asked) = exported.run(&[back_end], &[]) else { return };
            if kind == CellKind::CurrDelta && back_end == "nest" {
                let text = asked.expect_err("NEST cannot connect them");
                assert!(text.contains("\"Kenyon_Cell\": IF_curr_delta does not run on nest"), "{text}");
                continue;
            }
            asked.expect("it runs");
            let d = pynn::read(&exported.path()).expect("its own export");
            let expected: Vec<_> = Interpreter::new(&d).run(&d.samples[0]).spikes.into_iter().filter(|s| s.1 == 1).collect();
            assert!(expected.len() > 15, "{kind:?} is too quiet to tell: {}", expected.len());
            // The stand-in for a board multiplies by the ideal factor, the program divides by the rounded one: nearly the same.
            let found = spikes(&exported.path(), back_end);
            if back_end == "nest" {
                assert_eq!(found, expected, "{kind:?}");
            } else {
                let off = found.len().abs_diff(expected.len());
                assert!(off * 50 <= expected.len(), "{kind:?}: {} spikes, expected {}", found.len(), expected.len());
            }
        }
        let compared = pynn::compare(&exported.path()).expect("results");
        assert!(compared.iter().all(|c| c.note == NOT_EVIDENCE && c.matched_share.expect("spikes") > 0.9), "{compared:#?}");
    }
}

#[test]
fn every_back_end_is_asked_for_the_network_in_its_own_words() {
    let d = Model::random(1, 30).lower(256.0, 2);
    let exported = Exported::of(&d, &Options::default());
    exported.configure_board();
    let Some(nest) = exported.run(&["nest"], &[]) else { return };
    let (nest, board) = (nest.expect("it runs"), exported.run(&["spiNNaker"], &[]).expect("there").expect("it runs"));
    assert_eq!(nest["setup"]["spike_precision"], "on_grid");
    assert_eq!((&nest["setup"]["timestep"], &nest["setup"]["max_delay"]), (&Value::from(2.0), &Value::from(4.0)));
    assert!(board["setup"].get("max_delay").is_none(), "sPyNNaker warns of it");
    assert!(nest["populations"][1].get("additional_parameters").is_none());
    let sums = &network(&exported.path())["populations"][1]["max_expected_summed_weight"];
    assert_eq!(&board["populations"][1]["additional_parameters"]["max_expected_summed_weight"], sums);
    for (k, projection) in d.projections.iter().enumerate() {
        let sign = if projection.receptor.name() == "inhibitory" { -1.0 } else { 1.0 };
        for (i, s) in projection.synapses.iter().enumerate() {
            let row = &nest["projections"][k]["rows"][i];
            assert_eq!(row[2], sign * s.weight);
            assert_eq!(row[3], s.delay_steps * 2.0);
        }
    }
    for log in [&nest, &board] {
        for population in log["populations"].as_array().expect("a list").iter().skip(1) {
            assert_eq!(population["v"].as_array().expect("given").len(), population["n"]);
        }
    }
}

#[test]
fn below_one_millisecond_neurons_and_synapses_share_a_core_unless_split() {
    for (split, expected) in [(false, Value::from("fixed")), (true, Value::Null)] {
        let mut d = Model::random(1, 20).lower(256.0, 2);
        d.dt_ms = 0.1;
        let exported = Exported::of(&d, &Options { split, ..Options::default() });
        exported.configure_board();
        let Some(asked) = exported.run(&["spiNNaker"], &[]) else { return };
        assert_eq!(asked.expect("it runs")["populations"][1]["additional_parameters"]["splitter"], expected);
        let Some(asked) = exported.run(&["nest"], &[]) else { return };
        // 0.1 added twice, not 0.2000000001: delays lie on the grid.
        let rows = asked.expect("it runs")["projections"][2]["rows"].to_string();
        assert!(rows.contains(",0.2]") && !rows.contains("00000"), "{rows}");
    }
}

#[test]
fn a_virtual_board_leaves_no_result_and_says_so() {
    let exported = Exported::of(&Model::random(1, 20).lower(256.0, 2), &Options::default());
    exported.configure_board();
    let Some(asked) = exported.run(&["spiNNaker"], &[("FAKE_PYNN_VIRTUAL", Path::new("1"))]) else { return };
    asked.expect("it maps");
    assert!(!exported.path().join("result_spiNNaker.json").exists());
    assert_eq!(pynn::compare(&exported.path()).expect_err("nothing ran").code(), "no-result");
}

#[test]
fn all_samples_run_and_a_result_of_another_export_is_refused() {
    let mut d = Model::random(1, 30).lower(256.0, 2);
    let mut second = d.samples[0].clone();
    second.spikes.truncate(5);
    d.samples.push(second);
    let exported = Exported::of(&d, &Options::default());
    let Some(asked) = exported.run(&["nest", "--all"], &[]) else { return };
    asked.expect("it runs");
    let compared = pynn::compare(&exported.path()).expect("results");
    assert_eq!(compared.iter().map(|c| c.sample).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(compared[0].answer, compared[0].expected_answer);
    let text = exported.run(&["nest", "--sample", "-1"], &[]).expect("there").expect_err("no such sample");
    assert!(text.contains("there is no sample -1"), "{text}");
    let other = Exported::of(&Model::random(2, 30).lower(256.0, 2), &Options::default());
    for name in ["result_nest.json", "result_nest.csv"] {
        fs::copy(exported.path().join(name), other.path().join(name)).expect("copied");
    }
    assert_eq!(pynn::compare(&other.path()).expect_err("not its own").code(), "bad-result");
}

#[test]
fn what_is_missing_is_named_without_a_traceback() {
    let exported = Exported::of(&Model::random(1, 20).lower(256.0, 0), &Options::default());
    let home = exported.home();
    // Without the stand-in there is no PyNN.
    let Some(plain) = support::program::python(&exported.path(), &["-S", "run_pynn.py", "nest"]) else { return };
    assert!(complaint(&plain).contains("PyNN is not installed") && plain.status.code() == Some(1), "{}", complaint(&plain));
    let mut cases = vec![("neuron", "the back end neuron is not installed"), ("spiNNaker", "copy spynnaker.cfg to ")];
    let early = pynn::read(&exported.path()).expect("its own export").samples[0].spikes.iter().any(|s| s.2 < 2);
    if early {
        cases.push(("nest", "NEST takes no spike in its first two steps"));
    }
    for (back_end, words) in cases {
        let text = exported.run(&[back_end], &[("HOME", home.as_path())]).expect("there").expect_err(words);
        assert!(text.contains(words), "{back_end}: {text}");
    }
}

#[test]
fn a_readout_on_the_host_is_the_same_in_python_and_here() {
    let model = Model::random(5, 80);
    let mut d = model.lower(256.0, 2);
    d.populations.truncate(2);
    d.projections.retain(|p| p.post == 1);
    d.host_readout = Some(model.host_readout());
    assert!(d.populations.iter().all(|p| p.role != Role::Readout && p.record.iter().all(|v| *v == Variable::Spikes)));
    for decision in [Decision::Max, Decision::Mean, Decision::Window { from: 3, to: 9 }, Decision::Last, Decision::Count] {
        d.decision = decision;
        let exported = Exported::of(&d, &Options::default());
        let Some(asked) = exported.run(&["nest"], &[]) else { return };
        asked.expect("it runs");
        let result: Value =
            serde_json::from_slice(&fs::read(exported.path().join("result_nest.json")).expect("there")).expect("JSON");
        // The same formula on the same spikes, in Rust.
        let back = pynn::read(&exported.path()).expect("its own export");
        let rows = readout::on_host(&back, back.host_readout.as_ref().expect("exported"), &spikes(&exported.path(), "nest"));
        let (_, found) = table(&exported.path().join("result_nest.csv"));
        let found = found.iter().filter(|r| r[1] == "readout").map(|r| r[5].parse::<f64>().expect("a number"));
        assert_eq!(found.collect::<Vec<_>>(), rows.values, "to the last bit");
        let answer = readout::decide(decision, &rows);
        let values = result["samples"][0]["values"].as_array().expect("a list").iter();
        let apart = values.zip(&answer.values).map(|(a, b)| (a.as_f64().expect("a number") - b).abs()).fold(0.0, f64::max);
        assert!(apart < 1e-12, "{decision:?}: {apart}");
        assert_eq!(result["samples"][0]["answer"], answer.class);
    }
}
