//! The certificate for people: one page that opens offline.

use kenyon_hardware::certificate::{Certificate, Paired, Rate, ReadoutPlace, VAN_ROSSUM_TAU_MS, Verdict};

use crate::report::{Axis, Dot, DotChart, Figure, Page, Section, Table};

pub(super) fn page(certificate: &Certificate, name: &str) -> String {
    let c = certificate;
    let a = &c.accuracy;
    let why = match c.verdict {
        Verdict::Pass => "the loss stays within its bound and nothing is in the way",
        Verdict::Fail => "the loss may exceed its bound, or an error stands in the way",
        Verdict::NotCovered => "the network uses something that the emulator does not know",
    };
    let samples = format!("{} samples", a.n);
    Page::new(format!("Transfer certificate: {name}"))
        .subtitle("What a SpiNNaker board will make of this network, predicted by an emulator of its arithmetic. No physical board has been compared.")
        .fact("Verdict", c.verdict.name(), why)
        .fact("As trained", percent(a.float.value), interval(&a.float))
        .fact("On the board, predicted", percent(a.emulator.value), interval(&a.emulator))
        .fact("Difference", points(a.paired.difference), format!("95 % interval {} to {}; {samples}", points(a.paired.ci95[0]), points(a.paired.ci95[1])))
        .section(accuracy(c))
        .section(populations(c))
        .section(projections(c))
        .section(fixed_point(c))
        .section(fit(c))
        .section(comparisons(c))
        .section(identity(c))
        .render()
}

fn accuracy(c: &Certificate) -> Section {
    let a = &c.accuracy;
    let dot = |name: &str, rate: &Rate| Dot::new(name, rate.value).interval(rate.ci95[0], rate.ci95[1]);
    let board = &a.board_prediction;
    let dots = DotChart::new(Axis::percent("accuracy").range(0.0, 1.0))
        .dot(dot("as trained", &a.float))
        .dot(dot("lowered, before rounding", &a.interpreter))
        .dot(dot("board, emulated", &a.emulator))
        .dot(
            Dot::new(format!("{} new trials on a board", board.n), a.emulator.value)
                .interval(board.ci95[0], board.ci95[1])
                .bound(),
        );
    let paired = |p: &Paired| [p.both, p.float_only, p.emulator_only, p.none].map(|n| n.to_string());
    let table = Table::new("Samples by who answers right", ["", "both", "only as trained", "only emulated", "none"])
        .row(std::iter::once("samples".to_string()).chain(paired(&a.paired)));
    let look = "The three models lie on top of each other. Intervals are 95 %: of the share, and for new trials of what chance alone makes of it.";
    Section::new("Accuracy").figure(Figure::new("Right answers", look, dots)).table(table).text(format!(
        "Exact McNemar test of trained against emulated: p = {:.3}. {} of {} samples have a margin below twice the largest error of a class's value and may turn.",
        a.paired.mcnemar_p, c.at_risk, a.n
    ))
}

fn populations(c: &Certificate) -> Section {
    let header = [
        "population",
        "neurons",
        "spikes trained",
        "spikes emulated",
        "drift",
        "same step",
        "mean shift",
        "van Rossum D²",
        "silent trained",
        "silent emulated",
        "largest |V| (mV)",
        "largest |g| (nA)",
    ];
    let mut table = Table::new("Spikes over all samples", header);
    for p in &c.populations {
        table.push([
            p.label.clone(),
            p.n.to_string(),
            p.spikes_float.to_string(),
            p.spikes_emulator.to_string(),
            p.drift_percent.map_or_else(none, |d| format!("{d:+.2} %")),
            p.identical_share.map_or_else(none, percent),
            p.mean_abs_shift_steps.map_or_else(none, |s| format!("{s:.3} steps")),
            p.van_rossum_d2.map_or_else(none, |d| format!("{d:.3}")),
            p.silent_float.to_string(),
            p.silent_emulator.to_string(),
            format!("{:.1}", p.max_abs_v),
            format!("{:.1}", p.max_abs_g),
        ]);
    }
    let d = &c.divergence;
    let step = |q: Option<u32>| q.map_or_else(none, |s| s.to_string());
    let first = match d.diverging {
        0 => format!("All {} samples have the same spikes from the first step to the last.", d.identical),
        n => format!(
            "{} samples have the same spikes from the first step to the last; {n} diverge: a tenth of them by step {}, half by step {}, nine tenths by step {}.",
            d.identical,
            step(d.p10),
            step(d.p50),
            step(d.p90)
        ),
    };
    Section::new("What becomes of the spikes").table(table).text(first).text(format!(
        "Same step: share of the trained network's spikes that the board emits in the same step. Mean shift: of spikes of one neuron within two steps of each other. \
         D²: squared distance after van Rossum at {VAN_ROSSUM_TAU_MS} ms, mean over the neurons that spike; a spike too many is 0.5."
    ))
}

fn projections(c: &Certificate) -> Section {
    let header = ["projection", "receptor", "synapses", "zeroed", "their weight", "clipped", "shift", "quantum", "largest"];
    let mut table = Table::new("Weights, in units of the trained network", header);
    for p in &c.projections {
        table.push([
            format!("{} → {}", p.pre, p.post),
            p.receptor.clone(),
            p.n.to_string(),
            p.zeroed.to_string(),
            format!("{:.3} %", 100.0 * p.zeroed_mass),
            p.clipped.to_string(),
            p.shift.to_string(),
            format!("{:.2e}", p.quantum),
            format!("{:.3}", p.max_weight),
        ]);
    }
    Section::new("What becomes of the weights").table(table).text(format!(
        "Ring buffers: {} additions cut off at 65,535; the largest sum of a slot was {}; {} sums left 32 bits.",
        c.ring_buffer.saturations, c.ring_buffer.worst_sum, c.ring_buffer.wraps
    ))
}

fn fixed_point(c: &Certificate) -> Section {
    let r = &c.rounding;
    let mut table = Table::new("Relative error of rounded parameters", ["parameter", "median", "largest"]);
    for (name, q) in [
        ("membrane time constant", r.tau_m),
        ("synaptic time constant", r.tau_syn),
        ("initial factor of a synapse", r.init),
        ("constant current", r.i_offset),
        ("threshold", r.v_thresh),
    ] {
        table.push([name.to_string(), format!("{:.2e}", q.p50), format!("{:.2e}", q.max)]);
    }
    Section::new("What becomes of the parameters").table(table)
}

fn fit(c: &Certificate) -> Section {
    let f = &c.fit;
    let text = format!(
        "{}: {} of {} cores on {} chips, {:.1} MB of SDRAM, at most {} routing entries on a chip (an estimate).",
        f.machine,
        f.cores,
        f.cores_available,
        f.chips,
        f.sdram_bytes as f64 / 1e6,
        f.routing_entries
    );
    let mut table = Table::new("Findings", ["code", "severity", "where", "count", "what"]);
    for line in &c.lint {
        table.push([
            line.code.clone(),
            line.severity.name().into(),
            line.place.clone(),
            line.count.to_string(),
            line.text.clone(),
        ]);
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
            run.samples.to_string(),
            run.same_answer.to_string(),
            run.spikes.to_string(),
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
    let scales: Vec<String> = c.deployment.v_scale.iter().map(|(label, g)| format!("{label} {g}")).collect();
    let text = format!(
        "{} steps of {} ms, {} before the input; readout {place}; mV per unit: {}.",
        c.deployment.steps,
        c.deployment.dt_ms,
        c.deployment.lead_in_steps,
        scales.join(", ")
    );
    let i = &c.inputs;
    let hashes = format!(
        "format      {}\ntool        {}\ntarget      {}\ncheckpoint  {}\ncircuit     {}\nsplit       {}\nbundle      {}\nspikes      {}\nseed        {}",
        c.format,
        c.tool,
        c.target,
        i.checkpoint_sha256,
        i.circuit_sha256,
        i.split_sha256,
        i.bundle_sha256,
        c.spikes_sha256,
        i.seed
    );
    let section = Section::new("What was certified").text(text).code(hashes);
    let section = c.limits.iter().fold(section.text("What this page cannot say:"), Section::text);
    section.text(
        "Look again: `kenyon certify verify` on this folder repeats every count, and the samples, by a second implementation.",
    )
}

fn interval(rate: &Rate) -> String {
    format!("95 % interval {} to {}", percent(rate.ci95[0]), percent(rate.ci95[1]))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn points(difference: f64) -> String {
    format!("{:+.2} points", 100.0 * difference)
}

fn none() -> String {
    "-".into()
}
