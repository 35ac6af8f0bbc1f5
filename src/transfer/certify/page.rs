//! The certificate for people: one page that opens offline.

use kenyon_hardware::certificate::{Certificate, Data, NotCovered, Rate, ReadoutPlace, Spread, VAN_ROSSUM_TAU_MS, Verdict};
use kenyon_hardware::lint::Severity;

use crate::report::{Axis, Dot, DotChart, Figure, Page, Section, Table, number};

const SUBTITLE: &str = "What a SpiNNaker board will make of this network, predicted by an emulator of its arithmetic. No physical board has been compared.";

pub(super) fn page(certificate: &Certificate, name: &str) -> String {
    let c = certificate;
    let a = &c.accuracy;
    let difference = format!("95 % interval {} to {}", points(a.paired.ci95[0]), points(a.paired.ci95[1]));
    Page::new(format!("Transfer certificate: {name}"))
        .subtitle(SUBTITLE)
        .fact("Verdict", c.verdict.name(), why(c))
        .fact("As trained", percent(a.float.value), interval(&a.float))
        .fact("On the board, predicted", percent(a.emulator.value), interval(&a.emulator))
        .fact("Difference", points(a.paired.difference), difference)
        .fact(
            "Largest loss that passes",
            format!("{} points", 100.0 * c.max_loss),
            "by the lower end of the interval of the difference",
        )
        .fact("Judged by", of(a.n, "sample"), judged_by(&c.data))
        .fact("Circuit", circuit(c.inputs.synthetic_circuit).0, circuit(c.inputs.synthetic_circuit).1)
        .section(verdict(c))
        .section(accuracy(c))
        .section(populations(c))
        .section(projections(c))
        .section(fixed_point(c))
        .section(fit(c))
        .section(comparisons(c))
        .section(identity(c))
        .render()
}

/// The page of a network of which nothing can be predicted.
pub(super) fn not_covered(document: &NotCovered) -> String {
    let d = document;
    let i = &d.inputs;
    let hashes = format!(
        "format      {}\ntool        {}\ntarget      {}\ncheckpoint  {}\ncircuit     {}\nseed        {}\nrun's seed  {}",
        d.format, d.tool, d.target, i.checkpoint_sha256, i.circuit_sha256, i.seed, i.run_seed
    );
    let why = Section::new("Why there is no prediction").text(&d.reason.text).text(
        "Nothing was run, so there are no accuracies. A number for a network that the emulator does not know would be made up.",
    );
    let identity = Section::new("What was asked").code(hashes);
    let identity = d.limits.iter().fold(identity.text("What this page cannot say:"), Section::text);
    Page::new("Transfer certificate")
        .subtitle(SUBTITLE)
        .fact("Verdict", d.verdict.name(), "the network uses something that the emulator does not know")
        .fact("Circuit", circuit(i.synthetic_circuit).0, circuit(i.synthetic_circuit).1)
        .section(why)
        .section(identity)
        .render()
}

/// The reason in a few words.
fn why(c: &Certificate) -> &'static str {
    match c.verdict {
        Verdict::Pass => "the loss stays within its bound and nothing is in the way",
        _ if c.lint.iter().any(|line| line.severity == Severity::Error) => "an error is in the way",
        _ if c.accuracy.paired.difference < -c.max_loss => "the board loses more than its bound",
        _ => "too few samples to tell",
    }
}

fn verdict(c: &Certificate) -> Section {
    let sentence = |text: String| {
        let mut letters = text.chars();
        let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        format!("{first}{}.", letters.as_str())
    };
    let section = Section::new("The verdict").text(sentence(c.reason()));
    if c.verdict == Verdict::Pass { section } else { section.text(format!("What to do: {}.", c.remedy())) }
}

fn accuracy(c: &Certificate) -> Section {
    let a = &c.accuracy;
    let dot = |name: &str, rate: &Rate| Dot::new(name, rate.value).interval(rate.ci95[0], rate.ci95[1]);
    let board = &a.board_prediction;
    let lowest = [a.float.ci95[0], a.interpreter.ci95[0], a.emulator.ci95[0], board.ci95[0]].into_iter().fold(1.0, f64::min);
    let highest = [a.float.ci95[1], a.interpreter.ci95[1], a.emulator.ci95[1], board.ci95[1]].into_iter().fold(0.0, f64::max);
    // Round hundredths around the intervals, so that what differs can be seen.
    let range = ((100.0 * lowest - 0.5).floor().max(0.0) / 100.0, (100.0 * highest + 0.5).ceil().min(100.0) / 100.0);
    let dots = DotChart::new(Axis::percent("accuracy").range(range.0, range.1))
        .dot(dot("as trained", &a.float))
        .dot(dot("lowered, before rounding", &a.interpreter))
        .dot(dot("board, emulated", &a.emulator))
        .dot(Dot::new(of(board.n, "new trial") + " on a board", a.emulator.value).interval(board.ci95[0], board.ci95[1]).bound());
    let p = &a.paired;
    let table = Table::new("Samples by who answers right", ["", "both", "only as trained", "only emulated", "none"])
        .row(std::iter::once("samples".to_string()).chain([p.both, p.float_only, p.emulator_only, p.none].map(count)));
    let m = &c.margins;
    let spread = |name: &str, s: &Spread| {
        [name.to_string()].into_iter().chain([s.min, s.p05, s.p25, s.p50, s.p75, s.p95, s.max].map(short))
    };
    let margins = Table::new(
        "How clearly samples are decided, in the readout's units",
        ["", "least", "5 %", "25 %", "median", "75 %", "95 %", "largest"],
    )
    .row(spread("margin as trained", &m.margin))
    .row(spread("error on the board", &m.readout_error));
    let look = "The axis begins where the intervals do. Intervals are 95 %: of the share, and for new trials of what chance alone makes of it.";
    Section::new("Accuracy")
        .figure(Figure::new("Right answers", look, dots))
        .text(turned(c))
        .text(format!("Exact McNemar test of trained against emulated: p = {:.3}.", p.mcnemar_p))
        .table(table)
        .table(margins)
        .text(risk(c))
}

/// What became of the answers, in words.
fn turned(c: &Certificate) -> String {
    let a = &c.accuracy;
    let lowered = match a.n - a.same_answer.interpreter {
        0 => "Before rounding, the lowered network gives the trained network's answer to every sample.".to_string(),
        k => format!(
            "Before rounding, the lowered network answers {} of {} otherwise than the trained one.",
            count(k),
            of(a.n, "sample")
        ),
    };
    let board = match c.turned {
        0 => "On the board it gives the trained network's answer to every sample, right or wrong.".to_string(),
        k => format!(
            "On the board {} of {} {} another answer: {} right as trained only, {} right on the board only, {} wrong in both.",
            count(k),
            count(a.n),
            if k == 1 { "gets" } else { "get" },
            count(a.paired.float_only),
            count(a.paired.emulator_only),
            count(k - a.paired.float_only - a.paired.emulator_only)
        ),
    };
    format!("{lowered} {board}")
}

/// What samples at risk are, and how many there are by either rule.
fn risk(c: &Certificate) -> String {
    let n = c.accuracy.n;
    format!(
        "The margin is by how much the winning class exceeds the second. An answer can turn only if the margin is below twice the error of a \
         class's value: {} of {} lie below twice their own error, and {} did turn. By the largest error in any sample, {}, {} {} at \
         risk: a bound for samples that were not run, which one outlier can set.",
        count(c.margins.at_risk_own),
        of(n, "sample"),
        count(c.turned),
        short(c.margins.readout_error.max),
        count(c.at_risk),
        if c.at_risk == 1 { "is" } else { "are" },
    )
}

fn populations(c: &Certificate) -> Section {
    let mut spikes = Table::new(
        "Spikes over all samples",
        [
            "population",
            "trained",
            "emulated",
            "drift",
            "same step",
            "mean shift (steps)",
            "van Rossum D²",
            "apart before rounding",
        ],
    );
    let mut neurons = Table::new(
        "Neurons",
        [
            "population",
            "neurons",
            "silent trained",
            "silent emulated",
            "saturated trained",
            "saturated emulated",
            "largest |V| (mV)",
            "largest |g| (nA)",
        ],
    );
    for p in &c.populations {
        spikes.push([
            p.label.clone(),
            count(p.spikes_float),
            count(p.spikes_emulator),
            p.drift_percent.map_or_else(none, |d| format!("{} %", signed(d, 2))),
            p.identical_share.map_or_else(none, percent),
            p.mean_abs_shift_steps.map_or_else(none, |s| number(s, 3)),
            p.van_rossum_d2.map_or_else(none, |d| number(d, 3)),
            count(p.mismatched_interpreter),
        ]);
        neurons.push([
            p.label.clone(),
            count(p.n),
            count(p.silent_float),
            count(p.silent_emulator),
            count(p.saturated_float),
            count(p.saturated_emulator),
            number(p.max_abs_v, 1),
            number(p.max_abs_g, 1),
        ]);
    }
    let d = &c.divergence;
    let step = |q: Option<u32>| q.map_or_else(none, |s| count(s.into()));
    let first = match (d.identical, d.diverging) {
        (n, 0) => format!("{} the same spikes from the first step to the last.", have(n)),
        (same, n) => format!(
            "{} the same spikes from the first step to the last; {} {}: a tenth of them by step {}, half by step {}, nine tenths by step {}.",
            have(same),
            count(n),
            if n == 1 { "diverges" } else { "diverge" },
            step(d.p10),
            step(d.p50),
            step(d.p90)
        ),
    };
    Section::new("What becomes of the spikes").table(spikes).text(first).text(format!(
        "Same step: share of the trained network's spikes that the board emits in the same step. Mean shift: of spikes of one neuron within two steps of each other. \
         D²: squared distance after van Rossum at {VAN_ROSSUM_TAU_MS} ms, mean over the neurons that spike; a spike too many is 0.5. \
         Apart before rounding: spikes that only one of the trained network and its lowering in f64 has."
    ))
    .table(neurons)
    .text("Silent: no spike in any sample. Saturated: in some sample, spikes at every step that the refractory time allows for at least a tenth of the sample.")
}

fn projections(c: &Certificate) -> Section {
    let header = ["projection", "receptor", "synapses", "zeroed", "their weight", "clipped", "shift", "quantum", "largest"];
    let mut table = Table::new("Weights, in units of the trained network", header);
    for p in &c.projections {
        table.push([
            format!("{} → {}", p.pre, p.post),
            p.receptor.clone(),
            count(p.n),
            count(p.zeroed),
            small(p.zeroed_mass),
            count(p.clipped),
            p.shift.to_string(),
            short(p.quantum),
            number(p.max_weight, 3),
        ]);
    }
    let r = &c.ring_buffer;
    Section::new("What becomes of the weights").table(table).text(format!(
        "Ring buffers: {} cut off at 65,535; the largest sum of a slot was {}; {} 32 bits.",
        of(r.saturations, "addition"),
        count(r.worst_sum),
        if r.wraps == 1 { "1 sum left".to_string() } else { format!("{} sums left", count(r.wraps)) }
    ))
}

fn fixed_point(c: &Certificate) -> Section {
    let r = &c.rounding;
    let mut table =
        Table::new("Relative error of rounded parameters, in the worst population", ["parameter", "median", "largest"]);
    for (name, q) in [
        ("membrane time constant", r.tau_m),
        ("synaptic time constant", r.tau_syn),
        ("initial factor of a synapse", r.init),
        ("constant current", r.i_offset),
        ("threshold", r.v_thresh),
    ] {
        table.push([name.to_string(), small(q.p50), small(q.max)]);
    }
    Section::new("What becomes of the parameters").table(table)
}

fn fit(c: &Certificate) -> Section {
    let f = &c.fit;
    let text = format!(
        "{}: {} of {} on {}, {} MB of SDRAM, at most {} on a chip (an estimate).",
        f.machine,
        count(f.cores),
        of(f.cores_available, "core"),
        of(f.chips, "chip"),
        number(f.sdram_bytes as f64 / 1e6, 1),
        if f.routing_entries == 1 { "1 routing entry".into() } else { format!("{} routing entries", count(f.routing_entries)) }
    );
    let mut table = Table::new("Findings", ["code", "severity", "where", "count", "what"]);
    for line in &c.lint {
        table.push([line.code.clone(), line.severity.name().into(), line.place.clone(), count(line.count), line.text.clone()]);
    }
    Section::new("The machine").text(text).table(table)
}

fn comparisons(c: &Certificate) -> Section {
    let section = Section::new("Other simulators");
    if c.comparisons.is_empty() {
        return section.text("None were run. Their results would be context, not evidence about the target.");
    }
    let mut table = Table::new(
        "Runs of the exported network",
        ["back end", "version", "samples", "same answer", "spikes", "matched within 2 steps", "note"],
    );
    for run in &c.comparisons {
        table.push([
            run.backend.clone(),
            run.version.clone(),
            count(run.samples),
            count(run.same_answer),
            count(run.spikes),
            run.matched_share.map_or_else(none, percent),
            run.note.clone(),
        ]);
    }
    section.table(table)
}

fn identity(c: &Certificate) -> Section {
    let place = match c.deployment.readout {
        ReadoutPlace::Device => "on the device",
        ReadoutPlace::Host => "on the host",
    };
    let scales: Vec<String> = c.deployment.v_scale.iter().map(|(label, g)| format!("{label} {}", count((*g).into()))).collect();
    let text = format!(
        "{} of {} ms, {} before the input; readout {place}; mV per unit: {}.",
        of(c.deployment.steps.into(), "step"),
        c.deployment.dt_ms,
        count(c.deployment.lead_in_steps.into()),
        scales.join(", ")
    );
    let i = &c.inputs;
    let hashes = format!(
        "format      {}\ntool        {}\ntarget      {}\ncheckpoint  {}\ncircuit     {}\nsplit       {}\nbundle      {}\nspikes      {}\nseed        {}\nrun's seed  {}",
        c.format,
        c.tool,
        c.target,
        i.checkpoint_sha256,
        i.circuit_sha256,
        i.split_sha256,
        i.bundle_sha256,
        c.spikes_sha256,
        i.seed,
        i.run_seed
    );
    let section = Section::new("What was certified").text(text).code(hashes);
    let section = c.limits.iter().fold(section.text("What this page cannot say:"), Section::text);
    section.text(
        "Look again: `kenyon certify verify` on this folder makes this page anew from the tables beside it, and runs the samples by a second implementation.",
    )
}

fn judged_by(data: &Data) -> String {
    let part = match data.part.as_str() {
        "train" => "training part",
        "validation" => "validation part",
        _ => "test part",
    };
    if data.samples == data.available {
        format!("all of the {part}")
    } else {
        format!("of {} in the {part}", count(data.available))
    }
}

fn circuit(synthetic: bool) -> (&'static str, &'static str) {
    if synthetic {
        ("synthetic", "a statistical stand-in, not a measurement, in whole or in part")
    } else {
        ("measured", "nothing of it is synthetic, by the run's own account")
    }
}

fn have(n: u64) -> String {
    match n {
        0 => "No sample has".into(),
        1 => "1 sample has".into(),
        n => format!("{} samples have", count(n)),
    }
}

fn interval(rate: &Rate) -> String {
    format!("95 % interval {} to {}", percent(rate.ci95[0]), percent(rate.ci95[1]))
}

fn count(n: u64) -> String {
    number(n as f64, 0)
}

/// A number of things, `one` being the word for one of them.
fn of(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {one}s", count(n)) }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A share that may be tiny, as the lint writes it.
fn small(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 || percent >= 1.0 { format!("{percent:.1} %") } else { format!("{percent:.2e} %") }
}

/// Three digits that count.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if size < 1e-3 => format!("{value:.2e}"),
        size => number(value, (2.0 - size.log10().floor()).clamp(0.0, 6.0) as usize),
    }
}

fn signed(value: f64, decimals: usize) -> String {
    let text = number(value, decimals);
    if value > 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b)) { format!("+{text}") } else { text }
}

fn points(difference: f64) -> String {
    format!("{} points", signed(100.0 * difference, 2))
}

fn none() -> String {
    "-".into()
}
