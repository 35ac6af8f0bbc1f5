//! `kenyon circuit info`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use kenyon_base::Result;
use kenyon_connectome::circuit::file;
use kenyon_connectome::circuit::info::{self, CircuitInfo};
use serde::Serialize;
use serde_json::Value;

use super::influence::{InfluenceArgs, InfluenceReport};
use crate::cli::context::Context;
use crate::cli::output::{TextTable, count, of, percent};

/// Populations, projections, degree distributions, what was cut away and, on request, influence.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kenyon circuit info circuit.h5 --json\n  \
    kenyon circuit info circuit.h5 --influence 'type = \"ORN_DA1\"' --hops 4 --silence 'population = APL'")]
pub(in crate::cli) struct Info {
    /// Circuit
    #[arg(value_name = "CIRCUIT")]
    circuit: PathBuf,
    /// Quantiles of in- and out-degrees per population
    #[arg(long)]
    degrees: bool,
    #[command(flatten)]
    influence: InfluenceArgs,
}

#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    info: CircuitInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    influence: Option<InfluenceReport>,
}

impl Info {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let circuit = file::read(&self.circuit)?;
        let influence = self.influence.report(&circuit)?;
        let report = Report { info: info::describe(&circuit), influence };
        context.print(&report, || {
            let mut out = text(&report.info);
            if self.degrees {
                out.push_str("\n\n");
                out.push_str(&degrees(&report.info));
            }
            if let Some(influence) = &report.influence {
                out.push('\n');
                out.push_str(&influence.text());
            }
            out
        });
        Ok(())
    }
}

/// In- and out-degrees: 5th, 50th, 95th percentile and maximum.
fn degrees(info: &CircuitInfo) -> String {
    let mut table =
        TextTable::new(&["degrees", "in p5", "in p50", "in p95", "in max", "out p5", "out p50", "out p95", "out max"]);
    for name in info.populations.keys() {
        let own = &info.population_degrees[name];
        let cells = [&own.in_degree, &own.out_degree].into_iter().flat_map(|d| {
            [d.p5, d.p50, d.p95].map(|quantile| count(quantile.round() as u64)).into_iter().chain([count(u64::from(d.max))])
        });
        table.row(std::iter::once(name.clone()).chain(cells));
    }
    table.render()
}

/// One line for every lesion and every shuffle.
fn changes(info: &CircuitInfo) -> String {
    let mut out = String::new();
    for change in &info.report.changes {
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        let word = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let null = &change["null"];
        if null.is_object() {
            let _ = writeln!(out, "null model: {}, seed {}", word(&null["model"]), number(&null["seed"]));
        } else {
            let done = if change["lesion"] == "silence" { "silenced" } else { "removed" };
            let neurons = of(number(&change["neurons"]), "neuron");
            let _ = writeln!(out, "lesioned: {neurons} {done} ({}); the cut columns describe the build", word(&change["query"]));
        }
    }
    out
}

/// The circuit as text.
pub(in crate::cli) fn text(info: &CircuitInfo) -> String {
    let mut populations =
        TextTable::new(&["population", "neurons", "inputs/neuron", "outputs/neuron", "in-synapses cut", "out-synapses cut"]);
    for (name, neurons) in &info.populations {
        let degrees = &info.population_degrees[name];
        let cut = info.cut.get(name).copied().unwrap_or_default();
        populations.row([
            name.clone(),
            count(neurons.as_u64().unwrap_or(0)),
            format!("{:.1} ± {:.1}", degrees.in_degree.mean, degrees.in_degree.sd),
            format!("{:.1} ± {:.1}", degrees.out_degree.mean, degrees.out_degree.sd),
            percent(cut.in_lost_share),
            percent(cut.out_lost_share),
        ]);
    }
    let mut projections = TextTable::new(&["projection", "pairs", "synapses", "inhibitory", "synthetic pairs"]);
    for p in &info.projections {
        projections.row([
            format!("{} -> {}", p.pre, p.post),
            count(p.pairs),
            count(p.synapses),
            percent(p.inhibitory as f64 / p.synapses.max(1) as f64),
            if p.synthetic_pairs == 0 { String::new() } else { count(p.synthetic_pairs) },
        ]);
    }
    let wiring = info.report.wiring;
    format!(
        "{}{}{}, {}, {}; {} driven by odours{}\n\n{}\n{}\nleft out: {} below the threshold, {} among inputs, {} onto \
         inputs, {}, {} without a sign; {}\nstored order: sha256 {}",
        changes(info),
        if info.synthetic { "synthetic: " } else { "" },
        of(info.neurons, "neuron"),
        of(info.pairs, "pair"),
        of(info.synapses, "synapse"),
        count(info.inputs),
        if info.silenced > 0 { format!(", {} silenced", count(info.silenced)) } else { String::new() },
        populations.render(),
        projections.render(),
        of(wiring.below_threshold, "pair"),
        count(wiring.input_to_input),
        count(wiring.onto_inputs),
        of(wiring.self_loops, "self loop"),
        count(wiring.sign_zero),
        of(info.report.unconnected, "unconnected neuron"),
        info.order_sha256,
    )
}
