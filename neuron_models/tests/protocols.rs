//! Protocols: what is refused and how it says so, and that a simulation is what was asked for.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use kenyon_base::{Silent, UserError};
use kenyon_neurons::biophysical::curves::{
    Baseline, EpspSpec, FiSpec, ResistanceSpec, epsp_table, fi_curve, input_resistance, spread_sites,
};
use kenyon_neurons::biophysical::model::ModelSpec;
use kenyon_neurons::biophysical::protocol::{Outcome, Protocol};
use kenyon_neurons::biophysical::recipe::Recipe;
use kenyon_neurons::biophysical::spikes::{Definition, Rule};
use kenyon_neurons::biophysical::synapse::Release;
use proptest::prelude::*;

const SOUND: &str = r#"
duration_ms = 60
[model]
cell = "ball-and-stick"
[[clamp]]
section = "soma[0]"
step = { delay_ms = 10, dur_ms = 40, amp_na = 0.4 }
[[synapse]]
name = "distal"
kind = "exc"
section = "dend[0]"
x = 0.9
[[event]]
synapse = "distal"
time_ms = 20
weight = 2
[[record]]
[[record]]
name = "g"
quantity = "synapse_conductance"
synapse = "distal"
receptor = "nmda"
every_ms = 1
"#;

fn run(text: &str) -> Result<Outcome, UserError> {
    let mut prepared = Protocol::parse(text, Path::new("p.toml"))?.prepare(Path::new("p.toml"))?;
    prepared.run(&Silent, &AtomicBool::new(false))
}

#[test]
fn a_protocol_gives_the_traces_and_spikes_that_it_names() {
    let outcome = run(SOUND).expect("sound");
    let names: Vec<&str> = outcome.traces.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["v_soma[0](0.5)", "g"]);
    assert_eq!(outcome.traces.iter().map(|t| t.values.len()).collect::<Vec<_>>(), [2401, 61]);
    assert_eq!((outcome.traces[1].unit, outcome.traces[1].every), ("µS", 40));
    assert!(outcome.traces[1].values[20] < 1e-12 && outcome.traces[1].values[25] > 1e-6);
    assert!(!outcome.spikes.times_ms.is_empty() && outcome.spikes.times_ms[0] > 10.0 && outcome.complete);
    assert_eq!(run(SOUND).expect("again"), outcome);
}

/// Each change of the sound protocol is refused with this code, and a message with these words.
fn refused(cases: &[(&str, &str, &str, &str)]) {
    for (from, to, code, words) in cases {
        assert!(SOUND.contains(from), "{from}");
        let error = run(&SOUND.replacen(from, to, 1)).expect_err(to);
        let text = error.to_string();
        assert_eq!((error.code(), error.exit_code()), (*code, 3), "{to}: {text}");
        assert!(text.contains(words), "{to}: {text}");
        assert!(text.starts_with("p.toml"), "{to}: {text}");
    }
}

#[test]
fn absurd_protocols_are_refused_with_code_key_and_mend() {
    refused(&[
        ("duration_ms = 60", "duration_ms = 60\ndt_ms = 0", "bad-number", "`dt_ms`"),
        ("duration_ms = 60", "duration_ms = 60\ndt_ms = nan", "bad-number", "`dt_ms`"),
        ("duration_ms = 60", "duration_ms = -60", "bad-time", "`duration_ms`"),
        ("duration_ms = 60", "duration_ms = inf", "bad-time", "`duration_ms`"),
        ("duration_ms = 60", "duration_ms = 1e12", "limit", "`duration_ms`"),
        ("duration_ms = 60", "duration_ms = 60.01", "not-whole", "choose 60"),
        ("duration_ms = 60", "duration_ms = 60\nv_init_mv = 1e9", "bad-number", "`v_init_mv`"),
        ("duration_ms = 60", "duration_ms = 60\ncelsius = nan", "bad-number", "`celsius`"),
        ("duration_ms = 60", "duration_ms = 60\nscheme = \"runge\"", "bad-config", "implicit-euler"),
        ("duration_ms = 60", "duration = 60", "bad-config", "`duration_ms`"),
        ("weight = 2", "weight = nan", "bad-weight", "`event[0].weight`"),
        ("weight = 2", "weight = -1", "bad-weight", "kind `inh`"),
        ("weight = 2", "weigth = 1", "bad-config", "did you mean `weight`"),
        ("time_ms = 20", "time_ms = -1", "bad-time", "`event[0].time_ms`"),
        ("time_ms = 20", "time_ms = 60", "after-the-end", "raise `duration_ms`"),
        ("synapse = \"distal\"\ntime", "synapse = \"dista\"\ntime", "unknown-synapse", "did you mean `distal`"),
        ("synapse = \"distal\"\ntime", "synapse = 1\ntime", "unknown-synapse", "`event[0].synapse`"),
        ("section = \"soma[0]\"", "section = \"soma[1]\"", "unknown-section", "did you mean `soma[0]`"),
        ("x = 0.9", "x = 1.5", "bad-place", "`synapse[0].x`"),
        ("amp_na = 0.4", "amp_na = inf", "bad-number", "`clamp[0].step.amp_na`"),
        ("delay_ms = 10", "delay_ms = 100", "after-the-end", "`clamp[0].step.delay_ms`"),
        ("kind = \"exc\"", "kind = \"exc\"\nreceptors = [\"gaba_c\"]", "bad-config", "did you mean `gaba_a`"),
        ("dur_ms = 40", "dur_ms = 0", "bad-number", "`clamp[0].step.dur_ms`"),
        ("step = {", "samples = { t_ms = [0, 0], i_na = [1, 1] }\n# ", "bad-samples", "`clamp[0].samples`"),
        ("step = {", "# ", "bad-clamp", "`clamp[0]`"),
        ("[[record]]\n[[", "[[record]]\nquantity = \"gate\"\n[[", "missing-key", "`channel`"),
        (
            "[[record]]\n[[",
            "[[record]]\nquantity = \"gate\"\nchannel = \"NaTa\"\ngate = \"m\"\n[[",
            "unknown-channel",
            "key `record[0].channel`: there is no such channel: found `NaTa`",
        ),
        (
            "[[record]]\n[[",
            "[[record]]\nquantity = \"gate\"\nchannel = \"NaTa_t\"\ngate = \"q\"\n[[",
            "bad-probe",
            "`record[0].gate`",
        ),
        ("[[record]]\n[[", "[[record]]\nchannel = \"Im\"\n[[", "superfluous-key", "`record[0].channel`"),
        ("[[record]]\n[[", "[[record]]\nname = \"g\"\n[[", "duplicate-name", "also record[0]"),
        ("[[record]]\n[[", "[[record]]\nname = \"a,b\"\n[[", "bad-name", "`record[0].name`"),
        ("receptor = \"nmda\"", "receptor = \"gaba_a\"", "unknown-receptor", "ampa, nmda"),
        ("every_ms = 1", "every_ms = 0.03", "not-whole", "`record[1].every_ms`"),
        ("duration_ms = 60", "duration_ms = 20\ndt_ms = 0.03", "not-whole", "choose 20.01 ms"),
        ("dur_ms = 40", "dur_ms = -10", "bad-number", "found `-10 ms`, expected above 0 ms, at most 1e9 ms"),
        ("section = \"soma[0]\"", "section = \"soma\"", "unknown-section", "did you mean `soma[0]`"),
        ("duration_ms = 60", "duration_ms = 60\ncelsius = 90", "bad-number", "-20 to 60 °C"),
        ("cell = \"ball-and-stick\"", "cell = \"ball-and-stick\"\nrho = -1", "bad-number", "0 to 1e6"),
        ("cell = \"ball-and-stick\"", "cell = \"ball-and-stick\"\nmax_segment_um = 0", "bad-segment-length", "above 0 µm"),
        ("[[record]]\n[[", "[spikes]\ndefinition = \"cross\"\n[[record]]\n[[", "bad-threshold", "threshold_mv"),
        ("[[record]]\n[[", "[spikes]\nsection = \"axon\"\n[[record]]\n[[", "unknown-section", "`spikes.section`"),
        ("cell = \"ball-and-stick\"", "cell = \"ball-and-stik\"", "unknown-cell", "did you mean `ball-and-stick`"),
        ("[[event]]", "[events]\ncsv = \"e.csv\"\n[[event]]", "two-kinds", "`events`"),
        ("[[synapse]]", "[synapses]\nper_segment = \"file\"\n[[synapse]]", "two-kinds", "`synapses`"),
        ("[[event]]", "[release.probabilistic]\nprobability = 2\nseed = 1\n[[event]]", "bad-probability", "`release`"),
    ]);
}

#[test]
fn what_would_do_nothing_or_names_nothing_is_refused_too() {
    refused(&[
        ("time_ms = 20", "time_ms = 59.99", "after-the-end", "at most 59.9875 ms"),
        ("delay_ms = 10", "delay_ms = 59.99", "after-the-end", "`clamp[0].step.delay_ms`"),
        ("dur_ms = 40", "dur_ms = 0.005", "between-steps", "in steps of 0.025 ms"),
        ("step = {", "samples = { t_ms = [-5, -1], i_na = [1, 1] }\n# ", "bad-samples", "over before the simulation begins"),
        ("[[record]]\n[[", "[[record]]\nevery_segment = true\nreceptor = \"x\"\n[[", "superfluous-key", "`record[0].receptor`"),
        ("[[record]]\n[[", "[[record]]\nsections = [\"dend[0]\"]\n[[", "superfluous-key", "`record[0].sections`"),
        (
            "[[record]]\n[[",
            "[[record]]\nevery_segment = true\nsections = [\"den[0]\"]\n[[",
            "unknown-section",
            "did you mean `dend[0]`",
        ),
        ("[[record]]\n[[", "[[record]]\nevery_segment = true\nsections = []\n[[", "bad-record", "no segment has"),
        ("[[record]]\n[[", "[[record]]\nevery_segment = true\nx = 0.5\n[[", "bad-record", "`section` and `x`"),
        ("[[record]]\n[[", "[[record]]\nevery_segment = true\ngate = \"m\"\n[[", "superfluous-key", "`record[0].gate`"),
        ("kind = \"exc\"", "kind = \"inh\"\nreceptors = [\"gaba_b\"]", "bad-receptors", "`gaba_b.gmax_us`"),
        ("kind = \"exc\"", "kind = \"exc\"\nreceptors = [\"gaba_a\"]", "bad-receptors", "expected `ampa`, `nmda`"),
        ("synapse = \"distal\"\ntime", "synapse = \"exc8\"\ntime", "unknown-synapse", "expected distal, or 0 to 0"),
        ("kind = \"exc\"", "kind = \"exc\"\nreceptors = []", "bad-receptors", "`synapse[0].receptors`"),
        ("kind = \"exc\"", "kind = \"exc\"\nset = \"rats\"", "unknown-synapse-set", "`synapse[0].set`"),
        ("[[synapse]]", "[synapse_set.rat]\nfrom = \"human\"\n[[synapse]]", "duplicate-name", "`synapse_set.rat`"),
        ("[[synapse]]", "[synapse_set.a]\nfrom = \"humans\"\n[[synapse]]", "unknown-synapse-set", "`synapse_set.a.from`"),
        (
            "[[synapse]]",
            "[synapse_set.a]\nfrom = \"rat\"\nnmda.gmax_us = -1\n[[synapse]]",
            "bad-number",
            "`synapse_set.a.nmda.gmax_us`",
        ),
        ("[[synapse]]", "[synapse_set.a]\nfrom = \"rat\"\nampa.rise_ms = 9\n[[synapse]]", "bad-kinetics", "`synapse_set.a.ampa`"),
        ("[[synapse]]", "[synapse_set.a]\nfrom = \"rat\"\nnmba.rise_ms = 9\n[[synapse]]", "bad-config", "did you mean `nmda`"),
        (
            "cell = \"ball-and-stick\"",
            "cell = \"ball-and-stick\"\nmorphology = { fiel = \"a.swc\" }",
            "bad-config",
            "did you mean `file`",
        ),
        (
            "cell = \"ball-and-stick\"",
            "cell = \"ball-and-stick\"\nmorphology = { grown = 1, unit = \"nm\" }",
            "bad-config",
            "belong to a morphology from a `file`",
        ),
    ]);
}

#[test]
fn a_potential_that_explodes_is_named_with_its_section() {
    let text = SOUND.replace("amp_na = 0.4", "amp_na = 9999").replace("duration_ms = 60", "duration_ms = 60\ndt_ms = 10");
    let error = run(&text.replace("every_ms = 1", "every_ms = 10")).expect_err("explodes");
    assert_eq!(error.code(), "left-bounds");
    assert!(error.to_string().contains("soma[0](0.5), step"), "{error}");
    assert!(error.to_string().contains("driven by a current of 9999 nA into soma[0](0.5)"), "{error}");
}

/// A trunk with a window of calcium channels, far from the soma.
fn with_calcium(amp_na: f64) -> String {
    let model = "cell = \"l5pc\"\nmax_segment_um = 200";
    let clamp = format!("section = \"apic[1]\"\nstep = {{ delay_ms = 1, dur_ms = 40, amp_na = {amp_na} }}");
    format!("duration_ms = 30\n[model]\n{model}\n[[clamp]]\n{clamp}\n")
}

#[test]
fn calcium_that_is_carried_out_to_below_zero_is_the_cause_that_is_named() {
    let error = run(&with_calcium(60.0)).expect_err("calcium leaves");
    let text = error.to_string();
    assert_eq!((error.code(), error.exit_code()), ("left-bounds", 1));
    let place = text.split("in the pool of ").nth(1).and_then(|rest| rest.split(':').next()).expect("a place");
    assert!(place.starts_with("apic["), "{text}");
    assert!(text.contains(&format!("key `{place}, step ")) && text.contains("calcium below zero"), "{text}");
    assert!(!text.contains("00000"), "{text}");
}

#[test]
fn synapses_have_the_receptors_and_parameters_of_a_set_of_ones_own() {
    let sets = r#"
[synapse_set.mine]
from = "rat"
e_gaba_b_mv = -90
[synapse_set.mine.gaba_b]
gmax_us = 1e-3
rise_ms = 2
decay_ms = 20
[synapse_set.jump]
from = "bs_nmda_human"
[synapse_set.jump.ampa]
rise_ms = 0
decay_ms = 2
gmax_us = 2e-3
[[synapse]]
name = "slow"
kind = "inh"
set = "mine"
section = "dend[0]"
[[synapse]]
name = "only"
kind = "inh"
set = "mine"
receptors = ["gaba_b"]
section = "dend[0]"
[[synapse]]
name = "jump"
kind = "exc"
set = "jump"
receptors = ["ampa"]
section = "dend[0]"
"#;
    let event = |synapse: &str| format!("[[event]]\nsynapse = \"{synapse}\"\ntime_ms = 1\n");
    let record = |synapse: &str, receptor: &str, quantity: &str| {
        format!("[[record]]\nsynapse = \"{synapse}\"\nreceptor = \"{receptor}\"\nquantity = \"synapse_{quantity}\"\n")
    };
    let records = [("slow", "gaba_a"), ("slow", "gaba_b"), ("only", "gaba_b"), ("jump", "ampa")]
        .map(|(synapse, receptor)| record(synapse, receptor, "opening"));
    let begin = "duration_ms = 30\n[model]\ncell = \"ball-and-stick\"\n";
    let all = begin.to_string() + sets + &["slow", "only", "jump"].map(event).concat() + &records.concat();
    let outcome = run(&(all.clone() + &record("only", "gaba_b", "current"))).expect("sound");
    let of = |k: usize| &outcome.traces[k].values;
    // Two exponentials with their peak, an event of weight 1 at 1 ms; conductances are those before a step, as NEURON writes them.
    let tp = 2.0 * 20.0 / 18.0 * 10_f64.ln();
    let shape = |t: f64| (-t / 20.0_f64).exp() - (-t / 2.0_f64).exp();
    for (k, ms) in [(200, 4.0), (800, 19.0)] {
        let t = ms - 0.025;
        assert!((of(1)[k] - 1e-3 * shape(t) / shape(tp)).abs() < 1e-12, "{ms}: {}", of(1)[k]);
        assert!((of(3)[k] - 2e-3 * (-t / 2.0_f64).exp()).abs() < 1e-12, "{ms}: {}", of(3)[k]);
    }
    assert_eq!(of(1), of(2));
    assert!(of(0).iter().any(|g| *g > 6e-4) && of(4).iter().all(|i| *i >= 0.0), "the current is outward above -90 mV");
    let missing = run(&(all + &record("only", "gaba_a", "opening"))).expect_err("no such receptor").to_string();
    assert!(missing.contains("gaba_b"), "{missing}");
    // The model's own set, for all its synapses.
    let text = begin.to_string()
        + "synapse_set = \"mine\"\n[synapses]\nper_segment = \"file\"\n"
        + sets.split("[[synapse]]").next().expect("sets");
    let protocol = Protocol::parse(&text, Path::new("p.toml")).expect("parses");
    let prepared = protocol.prepare(Path::new("p.toml")).expect("sound");
    assert!(prepared.synapses[8].receptors.len() == 2 && &*prepared.synapses[8].set == "mine");
}

#[test]
fn any_quantity_of_the_membrane_is_recorded_where_there_is_one() {
    let record = |text: &str| SOUND.replacen("[[record]]\n[[", &format!("[[record]]\nevery_segment = true\n{text}\n[["), 1);
    let names = |text: &str| {
        let outcome = run(&record(text)).expect("sound");
        outcome.traces.iter().map(|trace| trace.name.clone()).filter(|name| name != "g").collect::<Vec<_>>()
    };
    assert_eq!(names("").len(), 9);
    assert_eq!(names("quantity = \"gate\"\nchannel = \"NaTa_t\"\ngate = \"m\""), ["m_NaTa_t_soma[0](0.5)"]);
    let leak = names("quantity = \"current\"\nchannel = \"leak\"\nsections = [\"dend[0]\"]");
    assert!(leak.len() == 8 && leak[7] == "i_leak_dend[0](0.9375)", "{leak:?}");
}

#[test]
fn a_curve_counts_for_its_rate_what_happens_during_the_step() {
    let model = ModelSpec::cell("squid-cable").build(Path::new("."), None).expect("sound");
    // Released from hyperpolarisation, the squid axon fires once when the step is over.
    let spec = FiSpec { amps_na: vec![-0.15], delay_ms: 5.0, dur_ms: 30.0, after_ms: 20.0, ..FiSpec::default() };
    let row = fi_curve(&model, &spec, &Silent).expect("sound").remove(0);
    assert!(row.spikes == 1 && row.rate_hz.abs() < 1e-12 && row.first_ms > Some(35.0), "{row:?}");
}

#[test]
fn times_of_a_curve_are_whole_numbers_of_steps() {
    let model = ModelSpec::cell("ball-and-stick").build(Path::new("."), None).expect("sound");
    for (dur_ms, code, words) in [(0.26, "not-whole", "choose 0.25 ms"), (0.0, "bad-number", "expected above 0")] {
        let spec = FiSpec { amps_na: vec![0.1], dur_ms, ..FiSpec::default() };
        let error = fi_curve(&model, &spec, &Silent).expect_err("no duration");
        assert!(error.code() == code && error.to_string().contains(words), "{error}");
    }
}

#[test]
fn an_unknown_synapse_of_those_per_segment_is_told_the_names_of_both_kinds() {
    let event = "[[event]]\nsynapse = \"exc8\"\ntime_ms = 1\n";
    let text = format!("duration_ms = 30\n[model]\ncell = \"ball-and-stick\"\n[synapses]\nper_segment = \"file\"\n{event}");
    let error = run(&text).expect_err("no such synapse").to_string();
    assert!(error.contains("exc0 to exc7, inh0 to inh7, or 0 to 15"), "{error}");
}

#[test]
fn a_resistance_of_a_cell_off_its_rest_is_warned_of_when_it_is_compared_with_the_onset() {
    let model = ModelSpec::cell("ball-and-stick").build(Path::new("."), None).expect("sound");
    let soma = [spread_sites(&model, 1)[0].clone()];
    let warning = |baseline, delay_ms| {
        let spec = ResistanceSpec { delay_ms, baseline, duration_ms: 100.0, ..ResistanceSpec::default() };
        input_resistance(&model, &soma, &spec, &Silent).expect("sound")[0].warning(&spec)
    };
    let early = warning(Baseline::Onset, 5.0).expect("the cell is not at rest");
    assert!(early.contains("without current it moves by") && early.contains("`--delay-ms`"), "{early}");
    assert_eq!(warning(Baseline::Onset, 2000.0), None);
    assert_eq!(warning(Baseline::Control, 5.0), None);
}

#[test]
fn simulations_that_no_memory_holds_are_refused() {
    let model = ModelSpec::cell("ball-and-stick").build(Path::new("."), None).expect("sound");
    let fi = FiSpec { amps_na: vec![0.1], dt_ms: 1e-6, dur_ms: 1e6, ..FiSpec::default() };
    let peaks = FiSpec { spikes: Rule { definition: Definition::Peak0, threshold_mv: None }, dt_ms: 1e-6, ..fi.clone() };
    for spec in [fi, FiSpec { dur_ms: 1e3, ..peaks }] {
        assert_eq!(fi_curve(&model, &spec, &Silent).expect_err("too many").code(), "limit");
    }
    let sites = spread_sites(&model, 8);
    let epsp = EpspSpec { dt_ms: 1e-6, duration_ms: 1e3, ..EpspSpec::default() };
    assert_eq!(epsp_table(&model, &sites, &epsp, &Silent).expect_err("too many").code(), "limit");
    let resistance = ResistanceSpec { dt_ms: 1e-6, duration_ms: 1e3, ..ResistanceSpec::default() };
    assert_eq!(input_resistance(&model, &sites, &resistance, &Silent).expect_err("too many").code(), "limit");
}

#[cfg(unix)]
#[test]
fn pipes_devices_and_folders_are_no_tables_recipes_or_protocols() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let pipe = dir.path().join("pipe.toml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    assert_eq!(Protocol::read(&pipe).expect_err("a pipe").code(), "not-a-file");
    std::fs::create_dir(dir.path().join("folder.toml")).expect("made");
    let begin = SOUND.split("[[synapse]]").next().expect("a beginning");
    for (name, code) in [("pipe.toml", "not-a-file"), ("/dev/zero", "not-a-file"), ("folder.toml", "is-a-directory")] {
        let cases = [
            begin.replace("step = {", &format!("samples = {{ csv = \"{name}\" }}\n# ")),
            format!("{begin}[synapses]\ncsv = \"{name}\"\n"),
            begin.replace("cell =", &format!("recipe = \"{name}\"\ncell =")),
            begin.replace("cell =", &format!("morphology = {{ file = \"{name}\" }}\ncell =")),
        ];
        let path = dir.path().join("p.toml");
        for (k, text) in cases.iter().enumerate() {
            let error = Protocol::parse(text, &path).expect("parses").prepare(&path).err().expect(name);
            // A recipe ends in `.toml`, a morphology in `.asc` or `.swc`.
            let other = k == 3 || k == 2 && name == "/dev/zero";
            assert!(error.code() == code || other && error.exit_code() != 1, "{name} as {k}: {error}");
        }
    }
}

#[test]
fn a_simulation_that_is_stopped_says_so() {
    let mut prepared = Protocol::parse(SOUND, Path::new("p.toml")).expect("parses").prepare(Path::new("p.toml")).expect("sound");
    let outcome = prepared.run(&Silent, &AtomicBool::new(true)).expect("stops");
    assert!(!outcome.complete && outcome.steps == 0);
    assert!(prepared.run(&Silent, &AtomicBool::new(false)).expect("runs").complete);
}

#[test]
fn half_of_the_events_are_released_at_probability_one_half_and_the_same_ones_each_time() {
    let event = |k: u32| format!("[[event]]\nsynapse = 0\ntime_ms = {k}\n");
    let events = (0..50).map(event).collect::<Vec<_>>().concat();
    let text = format!("{SOUND}{events}[release.probabilistic]\nprobability = 0.5\nseed = 3\n");
    let count = |text: &str| {
        let protocol = Protocol::parse(text, Path::new("p.toml")).expect("parses");
        protocol.prepare(Path::new("p.toml")).expect("sound").event_count
    };
    let released = count(&text);
    assert!((10..41).contains(&released) && released == count(&text), "{released}");
    assert_eq!(count(&format!("{SOUND}{events}")), 51);
}

#[test]
fn a_long_step_is_simulated_with_a_word_of_warning() {
    let notes = |text: &str| Protocol::parse(text, Path::new("p.toml"))?.prepare(Path::new("p.toml")).map(|p| p.model.notes);
    assert!(notes(SOUND).expect("sound").is_empty());
    let long = SOUND.replacen("duration_ms = 60", "duration_ms = 60\ndt_ms = 5", 1).replace("every_ms = 1", "every_ms = 5");
    let notes = notes(&long).expect("sound");
    assert!(notes.len() == 1 && notes[0].contains("implicit Euler") && notes[0].contains("0.025 ms is usual"), "{notes:?}");
}

#[test]
fn a_release_without_a_seed_has_the_first_and_another_seed_releases_others() {
    let text = format!("{SOUND}[release.probabilistic]\nprobability = 0.5\n");
    let protocol = Protocol::parse(&text, Path::new("p.toml")).expect("parses");
    assert_eq!(protocol.release, Release::Probabilistic { probability: 0.5, seed: 1 });
    assert_eq!(protocol.release.with_seed(7), Release::Probabilistic { probability: 0.5, seed: 7 });
    assert_eq!(Release::Deterministic.with_seed(7), Release::Deterministic);
}

#[test]
fn the_potential_at_the_onset_is_the_baseline_of_a_resistance_that_asks_for_it() {
    let passive = ModelSpec { rho: Some(0.0), ..ModelSpec::cell("ball-and-stick") }.build(Path::new("."), None).expect("sound");
    let soma = [spread_sites(&passive, 1)[0].clone()];
    let of = |baseline, delay_ms| {
        let spec = ResistanceSpec { delay_ms, baseline, duration_ms: 100.0, ..ResistanceSpec::default() };
        input_resistance(&passive, &soma, &spec, &Silent).expect("sound")[0].clone()
    };
    // At rest both are one.
    let (onset, control) = (of(Baseline::Onset, 20.0), of(Baseline::Control, 20.0));
    assert!((onset.input_mohm / control.input_mohm - 1.0).abs() < 1e-9 && (onset.onset_mv + 85.0).abs() < 1e-9, "{onset:?}");
    assert!((of(Baseline::Onset, 0.0).input_mohm / onset.input_mohm - 1.0).abs() < 1e-6);
    for amp_na in [0.0, f64::NAN, 1e9] {
        let spec = ResistanceSpec { amp_na, ..ResistanceSpec::default() };
        let error = input_resistance(&passive, &soma, &spec, &Silent).expect_err("no current").to_string();
        assert!(error.contains("-1e4 to 1e4 nA, but not 0"), "{error}");
    }
}

#[test]
fn tables_of_synapses_and_events_do_what_the_protocol_itself_would() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("written");
    write("syn.csv", "syn_id,type,section,x\n0,exc,dend[0],0.9\n");
    write("ev.csv", "syn_id,t_ms,weight\n0,20,2\n");
    let begin = SOUND.split("[[synapse]]").next().expect("a beginning");
    let text = format!("{begin}[synapses]\ncsv = \"syn.csv\"\n[events]\ncsv = \"ev.csv\"\n");
    let path = dir.path().join("p.toml");
    let run_table = || Protocol::parse(&text, &path)?.prepare(&path)?.run(&Silent, &AtomicBool::new(false));
    let from_tables = run_table().expect("sound");
    assert_eq!(from_tables.traces[0].values, run(SOUND).expect("sound").traces[0].values);

    for (name, table, code, words) in [
        ("ev.csv", "syn_id,t_ms,weight\n0,20,2\n0,21,nan\n", "bad-weight", "line 3"),
        ("ev.csv", "syn_id,t_ms,weight\n7,20,2\n", "unknown-synapse", "column `syn_id`"),
        ("ev.csv", "syn_id,t_ms,weight\n0,61,2\n", "after-the-end", "column `t_ms`"),
        ("ev.csv", "syn_id,weight\n0,2\n", "missing-column", "`t_ms`"),
        ("ev.csv", "syn_id,t_ms,weight,delay\n0,20,2,1\n", "unknown-column", "found `delay`"),
        ("ev.csv", "syn_id,t_ms,weigth,weight\n0,20,1,2\n", "unknown-column", "did you mean `weight`?"),
        ("ev.csv", "syn_id,t_ms,weight,weight\n0,20,2,3\n", "duplicate-column", "stands twice"),
        ("syn.csv", "syn_id,type,section,x,y\n0,exc,dend[0],0.9,1\n", "unknown-column", "found `y`"),
        ("ev.csv", "syn_id,t_ms,weight\n0,2\n", "ragged", "line 2"),
        ("syn.csv", "syn_id,type,section,x\n0,exc,dend[9],0.9\n", "unknown-section", "column `section`"),
    ] {
        write("syn.csv", "syn_id,type,section,x\n0,exc,dend[0],0.9\n");
        write("ev.csv", "syn_id,t_ms,weight\n0,20,2\n");
        write(name, table);
        let error = run_table().expect_err(table);
        assert!(error.code() == code && error.exit_code() == 3 && error.to_string().contains(words), "{table}: {error}");
    }
}

#[test]
fn tables_of_a_model_do_not_depend_on_how_many_trials_there_are() {
    let model = ModelSpec::cell("ball-and-stick").build(Path::new("."), None).expect("sound");
    let spec = |amps: &[f64]| FiSpec { amps_na: amps.to_vec(), delay_ms: 10.0, dur_ms: 60.0, after_ms: 5.0, ..FiSpec::default() };
    let alone = fi_curve(&model, &spec(&[0.4]), &Silent).expect("sound");
    let many = fi_curve(&model, &spec(&[0.0, 0.1, 0.4, 0.2]), &Silent).expect("sound");
    assert_eq!(alone[0], many[2]);
    assert!(many[0].spikes == 0 && alone[0].spikes > 1 && alone[0].mean_isi_ms.is_some());

    let sites = spread_sites(&model, 100);
    assert_eq!(sites.len(), 8);
    let epsps = epsp_table(&model, &sites, &EpspSpec::default(), &Silent).expect("sound");
    assert_eq!(epsp_table(&model, &sites[5..6], &EpspSpec::default(), &Silent).expect("sound")[0], epsps[5]);
    assert!(epsps.windows(2).all(|p| p[0].soma_peak_mv > p[1].soma_peak_mv), "farther synapses do less at the soma");

    let resistances = input_resistance(&model, &sites[..2], &ResistanceSpec { duration_ms: 50.0, ..Default::default() }, &Silent);
    assert!(resistances.expect("sound").iter().all(|r| r.input_mohm > r.to_soma_mohm));
    for amps in [[f64::NAN], [1e9]] {
        assert_eq!(fi_curve(&model, &spec(&amps), &Silent).expect_err("no current").code(), "bad-number");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// A few bytes of a sound file are others: it is refused or means something else, and nothing panics.
    #[test]
    fn damaged_protocols_and_tables_are_errors_or_simulations(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        table in prop::collection::vec(prop::sample::select(b"syn_id,t_mweightx0123456789.-e\n\r\"\0\xff ".to_vec()), 0..120),
    ) {
        let mut bytes = SOUND.as_bytes().to_vec();
        for (place, byte) in &places {
            let at = place.index(bytes.len());
            bytes[at] = *byte;
        }
        let short = String::from_utf8_lossy(&bytes).replace("duration_ms = 60", "duration_ms = 1");
        // A long simulation is none of our business.
        if let Ok(protocol) = Protocol::parse(&short, Path::new("p.toml")).map(|p| Protocol { duration_ms: p.duration_ms.min(60.0), ..p }) {
            let _ = protocol.prepare(Path::new("p.toml"));
        }
        let _ = Recipe::parse(&String::from_utf8_lossy(&bytes), Path::new("r.toml"));
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(dir.path().join("e.csv"), [b"syn_id,t_ms,weight\n".as_slice(), &table].concat()).expect("written");
        std::fs::write(dir.path().join("f.csv"), &table).expect("written");
        let begin = SOUND.split("[[event]]").next().expect("a beginning");
        for name in ["e.csv", "f.csv"] {
            let path = dir.path().join("p.toml");
            let protocol = Protocol::parse(&format!("{begin}[events]\ncsv = \"{name}\"\n"), &path).expect("parses");
            let _ = protocol.prepare(&path);
        }
    }
}
