//! The steps of the demonstration.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use kenyon_base::{AtomicFile, Progress, Result, UserError};
use kenyon_connectome::circuit::{self, CircuitSpec, file, shuffle};
use kenyon_connectome::import::{self, ImportSpec};
use kenyon_connectome::nulls::{NullModel, NullOptions};
use kenyon_connectome::synth::{self, SynthSpec};
use kenyon_connectome::{Pack, pack};
use kenyon_datasets::odors::Ceiling;
use kenyon_datasets::split::Part;
use kenyon_hardware::certificate::Certificate;
use kenyon_hardware::pynn;
use serde_json::{Value, json};

use super::{Demo, check};
use crate::analysis::McNemar;
use crate::cli::context::Context;
use crate::cli::output::{count, percent};
use crate::cli::repeat::{made_from, quoted};
use crate::cli::train;
use crate::run::journal;
use crate::run::recorder::JOURNAL;
use crate::training::TrainConfig;
use crate::training::evaluate::Evaluation;
use crate::training::loaded::Loaded;
use crate::training::page::{CONTROL_CAVEAT, Story};
use crate::transfer::certify::{CertifyOptions, certify};
use crate::transfer::{LowerOptions, of_run};

/// Circuit config of the demonstration, which is also a ready example.
const CIRCUIT: &str = include_str!("../../../examples/synthetic_fly.toml");
/// Training config of the demonstration.
const TRAIN: &str = include_str!("../../../examples/train_demo.toml");
/// Training config of the full recipe.
const TRAIN_FULL: &str = include_str!("../../../examples/train_full.toml");
/// Size of the built-in fly.
const SCALE: f64 = 0.2;
/// Samples that go with the exported network.
const EXPORTED: usize = 4;

/// Numbers the steps as they come: not every demo has all of them.
struct Steps<'a> {
    context: &'a Context,
    number: u32,
}

impl Steps<'_> {
    fn note(&mut self, what: &str) {
        self.number += 1;
        self.context.note(&format!("{}. {what}", self.number));
    }
}

/// A trained network and what it does on test samples.
struct Judged {
    network: Loaded<f32>,
    test: Evaluation,
}

pub(super) fn run(demo: &Demo, context: &Context) -> Result<()> {
    let began = Instant::now();
    let at = |name: &str| demo.run.join(name);
    let steps = &mut Steps { context, number: 0 };
    let (imported, info) = connectome(demo, steps, context)?;

    let (config, left_out) = train_config(demo)?;
    for (projection, factor) in &left_out {
        context.warn(&format!("the circuit has no projection `{projection}`: its weight factor of {factor} is left out"));
    }
    AtomicFile::write(&at("train.toml"), config.as_bytes())?;
    steps.note("training: a spiking network of this circuit learns to tell odours apart");
    train::begin(&at("train.toml"), None, &at("train"), context)?;
    let judged = judge(&at("train"), context)?;
    let bound = judged.network.ceiling(&judged.network.samples(Part::Test, None), context)?;
    if let Some(reason) = bound.reason() {
        context.warn(&format!("the ceiling is not known: {reason}"));
    }
    let bound = bound.known();
    context.note(&format!(
        "   test accuracy {}; ideal observer of the input {}; chance {}",
        percent(judged.test.accuracy),
        bound.as_ref().map_or("-".into(), |c| percent(c.accuracy)),
        percent(judged.test.chance)
    ));
    let control = if demo.no_control { None } else { Some(control(demo, &judged.network, steps, context)?) };
    let exported = export(&judged.network, &at("pynn"))?;
    steps.note(&format!(
        "PyNN export: {} neurons, {} synapses -> {}",
        count(exported.neurons as u64),
        count(exported.synapses as u64),
        at("pynn").display()
    ));
    let certificate = certificate(&judged.network, &at("certificate"), context)?;
    let board = &certificate.accuracy.emulator;
    steps.note(&format!(
        "transfer certificate: {} on a SpiNNaker board, predicted ({}) -> {}",
        percent(board.value),
        certificate.verdict.name(),
        at("certificate").join("certificate.html").display()
    ));
    let compared = control.as_ref().map(|control| McNemar::of(&judged.test.right, &control.right)).transpose()?;
    page(demo, &judged, control.as_ref(), bound, &certificate, context)?;
    steps.note(&format!("report: {}", at("report.html").display()));
    let origin = &judged.network.setup.origin;

    let report = json!({
        "run": demo.run,
        "synthetic": origin.is_synthetic(),
        "origin": origin,
        "connectome": imported,
        "circuit": info,
        "test": judged.test,
        "ceiling": bound,
        "control": control,
        "network_against_control": compared,
        "left_out_factors": left_out.iter().map(|(projection, factor)| json!({ "projection": projection, "factor": factor })).collect::<Vec<_>>(),
        "control_caveat": control.is_some().then_some(CONTROL_CAVEAT),
        "pynn": { "neurons": exported.neurons, "synapses": exported.synapses, "files": exported.files },
        "certificate": {
            "folder": at("certificate"),
            "verdict": certificate.verdict,
            "accuracy": certificate.accuracy,
        },
        "report": at("report.html"),
        "seconds": began.elapsed().as_secs_f64(),
    });
    let text = serde_json::to_string_pretty(&report).expect("a report is plain data");
    AtomicFile::write(&at("demo.json"), (text + "\n").as_bytes())?;
    context.print(&report, || {
        let control = control.as_ref().zip(compared.as_ref());
        summary(demo, &judged, control, bound.as_ref(), &certificate, began.elapsed().as_secs_f64())
    });
    Ok(())
}

/// Dump, pack and circuit; returns what was imported and built.
fn connectome(demo: &Demo, steps: &mut Steps, context: &Context) -> Result<(Value, Value)> {
    let at = |name: &str| demo.run.join(name);
    let data = if let Some(dir) = &demo.data {
        dir.clone()
    } else {
        context.stage("generating the synthetic fly", None);
        let scale = if demo.full { 1.0 } else { SCALE };
        let fly = synth::generate(&SynthSpec { seed: context.seed, scale, ..SynthSpec::default() })?;
        fly.write(&at("fly"))?;
        steps.note(&format!("synthetic fly in Codex format: {}", at("fly").display()));
        at("fly")
    };
    let spec = ImportSpec { connections: demo.connections.clone(), ..ImportSpec::default() };
    let (connectome, imported) = import::import(&data, &spec, context).map_err(|error| match error.code() {
        "several-connection-tables" => error.mend("choose one of them with `--connections NAME`"),
        _ => error,
    })?;
    pack::write(&connectome, &at("fly.h5"))?;
    drop(connectome);
    steps.note(&format!(
        "connectome: {} neurons, {} rows, {} pairs, {} synapses -> {}",
        count(imported.neurons),
        count(imported.rows),
        count(imported.pairs),
        count(imported.synapses),
        at("fly.h5").display()
    ));
    let (text, from) = match &demo.circuit {
        Some(path) => (std::fs::read_to_string(path).map_err(|e| UserError::cannot_read(path, &e))?, path.clone()),
        None => (CIRCUIT.to_string(), at("circuit.toml")),
    };
    AtomicFile::write(&at("circuit.toml"), text.as_bytes())?;
    let mut config = CircuitSpec::read(&from)?;
    config.completion.seed.get_or_insert(context.seed);
    let opened = Pack::open(&at("fly.h5"))?;
    let built = circuit::build(&opened, &config, &from, context)?;
    let tables = opened.tables()?;
    check::circuit(demo, &built, &tables, &kenyon_base::config::parse(TRAIN, Path::new("train.toml"))?)?;
    crate::cli::circuit::warn(&built, &tables, context);
    file::write(&built, &at("circuit.h5"))?;
    let info = circuit::info::describe(&built);
    steps.note(&format!(
        "circuit: {} neurons in {} populations, {} pairs -> {}",
        count(info.neurons),
        info.populations.len(),
        count(info.pairs),
        at("circuit.h5").display()
    ));
    let imported = json!({
        "neurons": imported.neurons,
        "rows": imported.rows,
        "pairs": imported.pairs,
        "synapses": imported.synapses,
        "synthetic": imported.synthetic,
    });
    Ok((imported, serde_json::to_value(&info).expect("plain data")))
}

/// Factors by projection.
type Factors = BTreeMap<String, f64>;

/// The training config with the user's odours in it, and the factors that the user's circuit has no projection for.
fn train_config(demo: &Demo) -> Result<(String, Factors)> {
    let text = if demo.full { TRAIN_FULL } else { TRAIN };
    let mut config: TrainConfig = kenyon_base::config::parse(text, Path::new("train.toml"))?;
    let absolute = |path: &PathBuf| std::fs::canonicalize(path).map_err(|e| UserError::cannot_read(path, &e));
    if let Some(odors) = &mut config.odors {
        odors.table = demo.responses.as_ref().map(absolute).transpose()?;
        odors.receptor_map = demo.receptor_map.as_ref().map(absolute).transpose()?;
    }
    let mut left_out = Factors::new();
    if demo.data.is_some() {
        // Factors by projection are those of the built-in circuit's populations.
        left_out = split_off(&mut config.network.weights.projection, &projections(&demo.run.join("circuit.h5"))?);
    }
    Ok((config.resolved(), left_out))
}

/// Takes out the factors of projections that are not `known`.
fn split_off(factors: &mut Factors, known: &[String]) -> Factors {
    let (kept, left_out) = std::mem::take(factors).into_iter().partition(|(name, _)| known.contains(name));
    *factors = kept;
    left_out
}

/// Checks that a control has every projection whose weights have a factor: else it would be trained from other start values.
fn same_factors(factors: &Factors, control: &[String]) -> Result<()> {
    let left_out = split_off(&mut factors.clone(), control);
    if left_out.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = left_out.keys().map(String::as_str).collect();
    Err(UserError::check_failed("control-differs", "the shuffled circuit lacks projections whose weights have a factor")
        .found(format!("no {}", names.join(", ")))
        .expected("the projections of the circuit itself, so that both start from the same rules")
        .mend("take another seed, or leave the control out with `--no-control`"))
}

fn projections(circuit: &Path) -> Result<Vec<String>> {
    let info = circuit::info::describe(&file::read(circuit)?);
    Ok(info.projections.iter().map(|p| format!("{}->{}", p.pre, p.post)).collect())
}

/// The best checkpoint of a run on the test samples.
fn judge(run: &Path, context: &Context) -> Result<Judged> {
    let network = Loaded::open(run, "best")?;
    let test = network.evaluate(&network.samples(Part::Test, None), context)?;
    network.folder.write_result("test", &test)?;
    Ok(Judged { network, test })
}

/// The same training on a circuit whose connections were swapped.
fn control(demo: &Demo, network: &Loaded<f32>, steps: &mut Steps, context: &Context) -> Result<Evaluation> {
    let at = |name: &str| demo.run.join(name);
    context.stage("shuffling the connectome", None);
    let (shuffled, _) = shuffle::shuffle(&network.setup.circuit, NullModel::Swap, context.seed, &NullOptions::default())?;
    file::write(&shuffled, &at("control.h5"))?;
    let mut config = network.config.clone();
    config.circuit = "control.h5".into();
    if let Some(odors) = &mut config.odors {
        // Paths of the run's config are relative to the run.
        odors.table = odors.table.take().map(|path| Path::new("train").join(path));
        odors.receptor_map = odors.receptor_map.take().map(|path| Path::new("train").join(path));
    }
    same_factors(&config.network.weights.projection, &projections(&at("control.h5"))?)?;
    AtomicFile::write(&at("control.toml"), config.resolved().as_bytes())?;
    steps.note("control: the same training on a shuffled connectome (degree-preserving swaps)");
    train::begin(&at("control.toml"), None, &at("control"), context)?;
    let judged = judge(&at("control"), context)?;
    context.note(&format!("   test accuracy {}", percent(judged.test.accuracy)));
    Ok(judged.test)
}

fn export(network: &Loaded<f32>, dir: &Path) -> Result<pynn::Exported> {
    let options = LowerOptions { decision: network.decision()?, ..LowerOptions::default() };
    let deployment = of_run(network, &network.samples(Part::Test, Some(EXPORTED)), &options)?;
    pynn::export(&deployment, dir, &pynn::Options::default())
}

/// What a board makes of the network, predicted on its test samples.
fn certificate(network: &Loaded<f32>, dir: &Path, context: &Context) -> Result<Certificate> {
    let lower = LowerOptions { decision: network.decision()?, ..LowerOptions::default() };
    let options = CertifyOptions { lower, seed: context.seed, ..CertifyOptions::default() };
    certify(network, &network.samples(Part::Test, None), &options, dir, context)
}

fn page(
    demo: &Demo,
    judged: &Judged,
    control: Option<&Evaluation>,
    bound: Option<Ceiling>,
    certificate: &Certificate,
    context: &Context,
) -> Result<()> {
    let net = &judged.network.model.network;
    let journal = journal::read(&demo.run.join("train").join(JOURNAL))?;
    let origin = &judged.network.setup.origin;
    let fly = origin.fly_in_words();
    let pairs = net.input.len() + net.recurrent.len();
    let story = Story {
        title: "From a connectome to a trained network".into(),
        subtitle: format!(
            "{} spiking neurons and {} connections of {fly} learn to tell {} odours apart.",
            count(net.neuron_ids.len() as u64),
            count(pairs as u64),
            net.classes
        ),
        journal: &journal,
        test: &judged.test,
        control,
        control_name: format!("degree-preserving swaps, seed {}", context.seed),
        origin,
        graded_ms: None,
        ceiling: bound,
        raster: judged.network.samples(Part::Test, Some(1)).first().map(|&s| judged.network.raster(s)).transpose()?,
        commands: commands(demo, &judged.network, control.is_some(), context.seed),
    };
    let board = certificate.accuracy.emulator;
    let note = format!("predicted: {}", certificate.verdict.name());
    let page = story.page().fact("On a SpiNNaker board", percent(board.value), note);
    page.link("the transfer certificate", "certificate/certificate.html").write(&demo.run.join("report.html"))
}

/// Commands that repeat the demo, and its training alone.
fn commands(demo: &Demo, network: &Loaded<f32>, control: bool, seed: u64) -> String {
    let mut whole = format!("kenyon demo --seed {seed} --run again");
    let paths = [("--data", &demo.data), ("--circuit", &demo.circuit), ("--responses", &demo.responses)];
    for (flag, path) in paths.into_iter().chain([("--receptor-map", &demo.receptor_map)]) {
        if let Some(path) = path {
            let _ = write!(whole, " {flag} {}", quoted(&path.display().to_string()));
        }
    }
    if !demo.connections.is_empty() {
        let _ = write!(whole, " --connections {}", quoted(&demo.connections.join(",")));
    }
    for (flag, given) in [("--full", demo.full), ("--no-control", demo.no_control)] {
        if given {
            let _ = write!(whole, " {flag}");
        }
    }
    let mut parts = format!("kenyon train train.toml --seed {seed} --run train_again\nkenyon eval train_again --json");
    if control {
        let _ = write!(
            parts,
            "\nkenyon circuit shuffle circuit.h5 --model swap --seed {seed} -o control_again.h5\n\
             kenyon train control.toml --circuit control_again.h5 --seed {seed} --run control_again\n\
             kenyon report train_again --control control_again -o report_again.html"
        );
    }
    format!(
        "# in the folder in which the demo was begun\n{whole}\n# or the training alone, in the folder of this page\n{parts}\n{}",
        made_from(network, "train/")
    )
}

fn summary(
    demo: &Demo,
    judged: &Judged,
    control: Option<(&Evaluation, &McNemar)>,
    bound: Option<&Ceiling>,
    certificate: &Certificate,
    seconds: f64,
) -> String {
    let test = &judged.test;
    let at = |name: &str| demo.run.join(name).display().to_string();
    let mut out = format!(
        "\ntest accuracy        {} (95 % interval {} to {}, {} samples)\n",
        percent(test.accuracy),
        percent(test.interval[0]),
        percent(test.interval[1]),
        count(test.samples)
    );
    if let Some(bound) = bound {
        let _ = writeln!(out, "ideal observer       {}", percent(bound.accuracy));
    }
    if let Some((control, compared)) = control {
        let _ = writeln!(
            out,
            "shuffled connectome  {} (exact McNemar test: {} samples right against {}, p = {:.2e})",
            percent(control.accuracy),
            count(compared.only_first),
            count(compared.only_second),
            compared.p
        );
    }
    let board = certificate.accuracy.emulator;
    let _ =
        writeln!(out, "on the board         {} (predicted; certificate: {})", percent(board.value), certificate.verdict.name());
    let _ = write!(out, "chance               {}\n\n", percent(test.chance));
    for sentence in judged.network.setup.origin.sentences() {
        let _ = writeln!(out, "{sentence}");
    }
    if control.is_some() {
        let _ = writeln!(out, "{CONTROL_CAVEAT}");
    }
    let _ = write!(out, "\n{seconds:.0} s. Open {} in a browser.\n\nLook closer:\n", at("report.html"));
    let _ = write!(out, "  kenyon eval {} --split test\n  kenyon circuit info {}\n", at("train"), at("circuit.h5"));
    out + &format!("  python3 {} --help", at("pynn/run_pynn.py"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_without_a_projection_are_named_and_a_control_without_them_is_none() {
        let mut factors = Factors::from([("KC->APL".into(), 0.02), ("ORN->uPN".into(), 2.0)]);
        let known = ["KC->APL".to_string()];
        assert_eq!(same_factors(&factors, &known).unwrap_err().code(), "control-differs");
        assert_eq!(split_off(&mut factors, &known), Factors::from([("ORN->uPN".into(), 2.0)]));
        assert_eq!(factors, Factors::from([("KC->APL".into(), 0.02)]));
        same_factors(&factors, &known).unwrap();
    }
}
