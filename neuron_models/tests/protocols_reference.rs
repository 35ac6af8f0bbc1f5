//! Protocols and tables against NEURON's Ball & Stick.

mod reference;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use kenyon_base::Silent;
use kenyon_neurons::biophysical::curves::{
    Baseline, EpspSpec, FiSpec, ResistanceSpec, Site, epsp_table, fi_curve, input_resistance,
};
use kenyon_neurons::biophysical::model::{BallAndStick, Model, ModelSpec, Morphology};
use kenyon_neurons::biophysical::placing::SynapseKind;
use kenyon_neurons::biophysical::protocol::{Outcome, Protocol};
use kenyon_neurons::biophysical::spikes::{Definition, Rule};
use reference::number;

fn table(path: &Path) -> Vec<Vec<String>> {
    reference::rows(path).1
}

fn run(text: &str) -> Outcome {
    let path = Path::new("p.toml");
    let mut prepared = Protocol::parse(text, path).expect("parses").prepare(path).expect("sound");
    prepared.run(&Silent, &AtomicBool::new(false)).expect("runs")
}

/// Largest difference of the soma and the eight dendritic segments to the trace of a case.
fn worst(folder: &Path, outcome: &Outcome) -> f64 {
    let rows = table(&folder.join("trace.csv"));
    assert_eq!(rows.len(), outcome.traces[0].values.len());
    let columns = 1 + (0..8).len();
    let differences = rows
        .iter()
        .enumerate()
        .flat_map(|(k, row)| (0..columns).map(move |c| (outcome.traces[c].values[k] - number(&row[c + 1])).abs()));
    differences.fold(0.0, f64::max)
}

fn records(every_ms: f64) -> String {
    let mut out = format!("[[record]]\nevery_ms = {every_ms}\n");
    for k in 0..8 {
        let x = (f64::from(k) + 0.5) / 8.0;
        writeln!(out, "[[record]]\nsection = \"dend[0]\"\nx = {x}\nevery_ms = {every_ms}").expect("text");
    }
    out
}

fn case(name: &str) -> Option<PathBuf> {
    Some(reference::part("ball_and_stick")?.join(name))
}

#[test]
fn a_step_into_the_dendrite_is_neurons() {
    let Some(folder) = case("iclamp_dend") else { return };
    let outcome = run(&format!(
        "duration_ms = 400\n[model]\ncell = \"ball-and-stick\"\n\
         [[clamp]]\nsection = \"dend[0]\"\nx = 0.9375\nstep = {{ delay_ms = 50, dur_ms = 250, amp_na = 0.3 }}\n\
         [[clamp]]\nsection = \"soma[0]\"\nstep = {{ delay_ms = 120, dur_ms = 100, amp_na = 0.35 }}\n\
         [spikes]\ndefinition = \"peak0\"\n{}",
        records(0.1)
    ));
    let worst = worst(&folder, &outcome);
    assert!(worst < 1e-5, "{worst}");
    let peaks: Vec<f64> = table(&folder.join("spikes.csv")).iter().map(|row| number(&row[1])).collect();
    assert_eq!(outcome.spikes.times_ms.len(), peaks.len());
    assert!(outcome.spikes.times_ms.iter().zip(&peaks).all(|(a, b)| (a - b).abs() < 1e-9), "{:?}", outcome.spikes.times_ms);
}

#[test]
fn events_between_steps_are_neurons() {
    let Some(folder) = case("offgrid_events") else { return };
    let events = folder.join("events.csv");
    let outcome = run(&format!(
        "duration_ms = 60\n[model]\ncell = \"ball-and-stick\"\n[synapses]\nper_segment = \"file\"\n[events]\ncsv = {events:?}\n{}",
        records(0.025)
    ));
    let worst = worst(&folder, &outcome);
    assert!(worst < 1e-5, "{worst}");
}

fn cell1() -> Option<String> {
    Some(reference::part("morphologies")?.join("cell1.asc").to_str().expect("UTF-8").into())
}

#[test]
fn pulse_and_trunk_together_make_the_burst_of_the_published_cell() {
    let Some(cell) = cell1() else { return };
    let run = |amp_na: f64, imax_na: f64| {
        let pulse = format!("[[clamp]]\nsection = \"soma[0]\"\nstep = {{ delay_ms = 100, dur_ms = 5, amp_na = {amp_na} }}\n");
        let trunk = format!(
            "[[clamp]]\nsection = \"apic[36]\"\nx = 0.9250922513457673\n\
             epsc = {{ onset_ms = 105, tau0_ms = 0.5, tau1_ms = 5, imax_na = {imax_na} }}\n"
        );
        run(&format!("duration_ms = 220\n[model]\ncell = \"l5pc\"\nmorphology = {{ file = {cell:?} }}\n{pulse}{trunk}"))
    };
    let bac = run(1.45, 0.9);
    let times: Vec<f64> =
        table(&reference::part("l5pc/bac").expect("there").join("bac_spikes.csv")).iter().map(|row| number(&row[1])).collect();
    assert_eq!(bac.spikes.times_ms.len(), 3);
    assert!(bac.spikes.times_ms.iter().zip(&times).all(|(a, b)| (a - b).abs() < 0.025), "{:?} {times:?}", bac.spikes.times_ms);
    assert_eq!(run(1.45, 0.0).spikes.times_ms.len(), 1);
    assert_eq!(run(0.0, 0.9).spikes.times_ms.len(), 0);
}

#[test]
fn the_published_cell_sags() {
    let Some(cell) = cell1() else { return };
    let spec = ModelSpec { morphology: Some(Morphology::file(cell)), ..ModelSpec::cell("l5pc") };
    let model = spec.build(Path::new("."), None).expect("sound");
    let soma = [Site::at(&model, "soma[0]", 0.5).expect("there")];
    let spec = ResistanceSpec { amp_na: -0.1, delay_ms: 150.0, duration_ms: 150.0, dt_ms: 0.025, baseline: Baseline::Onset };
    let row = &input_resistance(&model, &soma, &spec, &Silent).expect("runs")[0];
    // NEURON's traces of this step: 43.952059 and 49.544501 MΩ.
    assert!((row.input_mohm - 43.952_059).abs() < 1e-5 && (row.peak_mohm - 49.544_501).abs() < 1e-5, "{row:?}");
    assert!((row.onset_mv + 81.086_864).abs() < 1e-6, "{row:?}");
}

#[test]
fn two_hundred_synapses_of_a_table_are_neurons() {
    let (Some(cell), Some(folder)) = (cell1(), reference::part("l5pc/synaptic/sub200")) else { return };
    let (synapses, events) = (folder.join("synapses.csv"), folder.join("events.csv"));
    let outcome = run(&format!(
        "duration_ms = 500\n[model]\ncell = \"l5pc\"\nmorphology = {{ file = {cell:?} }}\n\
         [synapses]\ncsv = {synapses:?}\n[events]\ncsv = {events:?}\n[[record]]\nevery_ms = 0.25\n\
         [[record]]\nevery_ms = 0.25\nquantity = \"synapse_conductance\"\nsynapse = 120\nreceptor = \"gaba_a\"\n"
    ));
    let rows = table(&folder.join("traces_dec.csv"));
    assert_eq!((outcome.spikes.times_ms.len(), outcome.traces[0].values.len()), (0, rows.len()));
    for (k, row) in rows.iter().enumerate() {
        assert!((outcome.traces[0].values[k] - number(&row[1])).abs() < 1e-5, "{row:?}");
        // Recorded currents and conductances are those of the step before.
        assert!((outcome.traces[1].values[k] - number(&row[11])).abs() < 1e-9, "{row:?}: {}", outcome.traces[1].values[k]);
    }
}

/// The models of `table_configs.json`.
fn configured(name: &str) -> Model {
    let mut spec = ModelSpec::cell("ball-and-stick");
    let short = Morphology::BallAndStick(BallAndStick { dend_length_um: 128.0, dend_diam_um: 4.0, segments: 8 });
    let fine = Morphology::BallAndStick(BallAndStick { dend_length_um: 1024.0, dend_diam_um: 1.5, segments: 32 });
    let middle = Morphology::BallAndStick(BallAndStick { dend_length_um: 1024.0, dend_diam_um: 2.0, segments: 8 });
    let ampa = Some("bs_ampa".to_string());
    match name.trim_end_matches("_passive").trim_end_matches("_active") {
        "ref_nmda_cable" => {}
        "ref_ampa_point" => (spec.morphology, spec.synapse_set) = (Some(short), ampa),
        "ref_ampa_point_sk1" => (spec.morphology, spec.synapse_set, spec.sk_factor) = (Some(short), ampa, Some(1.0)),
        "ref_ampa_point_rho0.5" => (spec.morphology, spec.synapse_set, spec.rho) = (Some(short), ampa, Some(0.5)),
        "nmda_1024x2_sk0.5" => (spec.morphology, spec.sk_factor) = (Some(middle), Some(0.5)),
        "rodent_2048x1" => spec.synapse_set = Some("bs_nmda_rodent".into()),
        "nseg32_1024x1.5" => spec.morphology = Some(fine),
        other => panic!("an unknown configuration `{other}`"),
    }
    if name.ends_with("_passive") {
        spec.rho = Some(0.0);
    }
    spec.build(Path::new("."), None).expect("sound")
}

/// The soma, or a segment of the dendrite by its number.
fn site(model: &Model, name: &str) -> Site {
    let segments = model.neuron.cable.sections[1].nseg;
    let (section, x) = match name {
        "soma" => ("soma[0]", 0.5),
        segment => ("dend[0]", (number(segment) + 0.5) / f64::from(segments)),
    };
    Site::at(model, section, x).expect("there")
}

fn by_config(rows: &[Vec<String>]) -> Vec<(&str, Vec<&Vec<String>>)> {
    let mut out: Vec<(&str, Vec<&Vec<String>>)> = Vec::new();
    for row in rows {
        match out.iter_mut().find(|(name, _)| *name == row[0]) {
            Some((_, group)) => group.push(row),
            None => out.push((&row[0], vec![row])),
        }
    }
    out
}

#[test]
fn the_curve_of_spikes_by_current_is_neurons() {
    let Some(path) = case("fi_curve.csv") else { return };
    for (name, rows) in by_config(&table(&path)) {
        let amps_na = rows.iter().map(|row| number(&row[1])).collect();
        let spikes = Rule { definition: Definition::Peak0, threshold_mv: None };
        let curve = fi_curve(&configured(name), &FiSpec { amps_na, spikes, ..FiSpec::default() }, &Silent).expect("runs");
        for (row, mine) in rows.iter().zip(&curve) {
            assert_eq!(mine.spikes.to_string(), row[2], "{name} {row:?}");
            for (mine, theirs) in [(mine.first_ms, &row[4]), (mine.last_ms, &row[5])] {
                let same = mine.map_or(theirs.is_empty(), |t| (t - number(theirs)).abs() < 1e-9);
                assert!(same, "{name} {row:?}: {mine:?}");
            }
        }
    }
}

#[test]
fn the_table_of_postsynaptic_potentials_is_neurons() {
    let Some(path) = case("psp_table.csv") else { return };
    for (name, rows) in by_config(&table(&path)) {
        let model = configured(name);
        for kind in [SynapseKind::Exc, SynapseKind::Inh] {
            let mut weights: Vec<&str> = rows.iter().map(|r| r[3].as_str()).collect();
            weights.sort_unstable();
            weights.dedup();
            for weight in weights {
                let rows: Vec<_> = rows.iter().filter(|r| r[1] == kind.name() && r[3] == weight).collect();
                let sites: Vec<Site> = rows.iter().map(|row| site(&model, &row[2])).collect();
                let spec = EpspSpec { kind, weight: number(weight), ..EpspSpec::default() };
                let mine = epsp_table(&model, &sites, &spec, &Silent).expect("runs");
                for (row, mine) in rows.iter().zip(&mine) {
                    for (mine, theirs) in [(mine.local_peak_mv, &row[4]), (mine.soma_peak_mv, &row[6])] {
                        assert!((mine - number(theirs)).abs() < 1e-4, "{name} {row:?}: {mine}");
                    }
                }
            }
        }
    }
}

#[test]
fn input_resistances_are_neurons() {
    let Some(path) = case("input_resistance.csv") else { return };
    for (name, rows) in by_config(&table(&path)) {
        let model = configured(name);
        let sites: Vec<Site> = rows.iter().map(|row| site(&model, &row[1])).collect();
        let mine = input_resistance(&model, &sites, &ResistanceSpec::default(), &Silent).expect("runs");
        for (row, mine) in rows.iter().zip(&mine) {
            for (mine, theirs) in [(mine.input_mohm, &row[2]), (mine.to_soma_mohm, &row[3])] {
                assert!((mine / number(theirs) - 1.0).abs() < 1e-4, "{name} {row:?}: {mine}");
            }
        }
    }
}
