//! `kenyon circuit info`.

use std::path::PathBuf;

use clap::Args;
use kenyon_base::Result;
use kenyon_connectome::circuit::file;
use kenyon_connectome::circuit::info::{self, CircuitInfo};
use serde::Serialize;

use super::influence::{InfluenceArgs, InfluenceReport};
use crate::cli::context::Context;
use crate::cli::output::{TextTable, count, percent};

/// Populations, projections, degree distributions, what was cut away and, on request, influence.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kenyon circuit info circuit.h5 --json\n  \
    kenyon circuit info circuit.h5 --influence 'type = \"ORN_DA1\"' --hops 4 --silence 'population = APL'")]
pub(in crate::cli) struct Info {
    /// Circuit
    #[arg(value_name = "CIRCUIT")]
    circuit: PathBuf,
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
            if let Some(influence) = &report.influence {
                out.push('\n');
                out.push_str(&influence.text());
            }
            out
        });
        Ok(())
    }
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
        "{}{} neurons, {} pairs, {} synapses; {} driven by odours{}\n\n{}\n{}\nleft out: {} pairs below the threshold, {} among inputs, {} onto \
         inputs, {} self loops, {} without a sign; {} unconnected neurons\nstored order: sha256 {}",
        if info.synthetic { "synthetic: " } else { "" },
        count(info.neurons),
        count(info.pairs),
        count(info.synapses),
        count(info.inputs),
        if info.silenced > 0 { format!(", {} silenced", count(info.silenced)) } else { String::new() },
        populations.render(),
        projections.render(),
        count(wiring.below_threshold),
        count(wiring.input_to_input),
        count(wiring.onto_inputs),
        count(wiring.self_loops),
        count(wiring.sign_zero),
        count(info.report.unconnected),
        info.order_sha256,
    )
}
