//! `kenyon circuit info --influence`.

use std::fmt::Write as _;

use clap::Args;
use kenyon_base::{Result, UserError};
use kenyon_connectome::influence::{EffectiveOptions, InfluenceOptions, effective_connectivity, influence};
use kenyon_connectome::{Circuit, Query};
use serde::Serialize;

use crate::cli::output::{TextTable, count, of};

#[derive(Debug, Args)]
pub(super) struct InfluenceArgs {
    /// Signed influence of the neurons of this query on every population
    #[arg(long, value_name = "QUERY")]
    influence: Option<String>,
    /// Neurons silenced for the influence
    #[arg(long, value_name = "QUERY", requires = "influence")]
    silence: Option<String>,
    /// Synaptic steps of the effective connectivity [default: 4]
    #[arg(long, value_name = "K", requires = "influence", allow_negative_numbers = true)]
    hops: Option<usize>,
    /// Ignore the signs
    #[arg(long, requires = "influence")]
    unsigned: bool,
}

/// Influence on one population.
#[derive(Debug, Serialize)]
struct OnPopulation {
    population: String,
    /// Mean steady-state response of its neurons.
    influence: f64,
    /// The same with the matrix scaled as in the intact circuit: compare this with a run without silencing.
    #[serde(skip_serializing_if = "Option::is_none")]
    influence_intact_scale: Option<f64>,
    /// Mean over its neurons of the input fraction from the sources over excitatory paths.
    effective_positive: f64,
    /// The same over inhibitory paths.
    effective_negative: f64,
    /// Their difference.
    effective: f64,
}

/// Influence of a set of neurons.
#[derive(Debug, Serialize)]
pub(super) struct InfluenceReport {
    sources: u64,
    silenced: u64,
    hops: usize,
    signed: bool,
    /// Spectral radius of the signed count matrix, after and before silencing.
    rho: f64,
    rho_intact: f64,
    /// Without recurrent paths the matrix is scaled by its largest column sum instead.
    acyclic: bool,
    /// Mass dropped per hop as below 1e-6.
    dropped: Vec<f64>,
    populations: Vec<OnPopulation>,
}

impl InfluenceArgs {
    pub(super) fn report(&self, circuit: &Circuit) -> Result<Option<InfluenceReport>> {
        let Some(query) = &self.influence else { return Ok(None) };
        let sources = Query::parse(query)?.select(circuit)?;
        if sources.is_empty() {
            return Err(UserError::usage("no-sources", "no neuron of the circuit matches the query")
                .key("--influence")
                .found(query.clone())
                .mend(if circuit.is_empty() { "the circuit is empty: build it anew" } else { "widen the query" }));
        }
        let hops = self.hops.unwrap_or(4);
        if hops == 0 || hops > 100 {
            return Err(UserError::usage("bad-hops", "`--hops` is out of range").found(hops.to_string()).expected("1 to 100"));
        }
        let silenced = match &self.silence {
            Some(query) => Query::parse(query)?.select(circuit)?,
            None => Vec::new(),
        };
        if sources.iter().all(|&source| circuit.silenced[source as usize]) {
            return Err(UserError::usage(
                "sources-silenced",
                "a lesion silenced every neuron of the query, so that it reaches nothing",
            )
            .key("--influence")
            .found(query.clone())
            .expected("some neurons that the lesion left active")
            .mend("widen the query, or ask the circuit before the lesion"));
        }
        if sources.iter().all(|source| silenced.binary_search(source).is_ok()) {
            return Err(UserError::usage("sources-silenced", "every neuron of the query is silenced, so that nothing is driven")
                .key("--silence")
                .found(self.silence.clone().unwrap_or_default())
                .expected("some neurons of `--influence` left active")
                .mend("silence other neurons, or take `--silence` out"));
        }
        let sign = (!self.unsigned).then_some(circuit.sign.as_slice());
        let seeds: Vec<(u32, f64)> = sources.iter().map(|&row| (row, 1.0)).collect();
        let steady = influence(&circuit.edges, sign, &seeds, &silenced, &InfluenceOptions::default())?;
        // Silenced neurons pass nothing on: their edges are left out of the paths too.
        let mut edges = kenyon_connectome::edges::Edges::new(circuit.edges.neurons);
        for (i, (pre, post, n)) in circuit.edges.triples().enumerate() {
            if silenced.binary_search(&pre).is_err() && silenced.binary_search(&post).is_err() {
                edges.pre.push(pre);
                edges.post.push(post);
                edges.syn_count.push(n);
                edges.synthetic.push(circuit.edges.synthetic[i]);
            }
        }
        let options = EffectiveOptions { hops, ..EffectiveOptions::default() };
        let paths = effective_connectivity(&edges, sign, &sources, &options)?;
        let populations = circuit
            .populations
            .iter()
            .zip(circuit.ranges())
            .filter(|(_, range)| !range.is_empty())
            .map(|(name, range)| {
                let mean = |values: &[f64]| {
                    let own = &values[range.start as usize..range.end as usize];
                    own.iter().sum::<f64>() / own.len() as f64
                };
                let (positive, negative) = (mean(&paths.cumulative.positive), mean(&paths.cumulative.negative));
                OnPopulation {
                    population: name.clone(),
                    influence: mean(&steady.r),
                    influence_intact_scale: steady.r_intact_scale.as_deref().map(mean),
                    effective_positive: positive,
                    effective_negative: negative,
                    effective: positive - negative,
                }
            })
            .collect();
        Ok(Some(InfluenceReport {
            sources: sources.len() as u64,
            silenced: silenced.len() as u64,
            hops,
            signed: !self.unsigned,
            rho: steady.rho,
            rho_intact: steady.rho_intact,
            acyclic: steady.acyclic,
            dropped: paths.dropped,
            populations,
        }))
    }
}

impl InfluenceReport {
    pub(super) fn text(&self) -> String {
        let mut out = format!("influence of {}, {} silenced; ", of(self.sources, "neuron"), count(self.silenced));
        if self.acyclic {
            out.push_str("no recurrent paths, scaled by the largest column sum\n\n");
        } else {
            let _ = writeln!(out, "spectral radius {:.4} ({:.4} intact)\n", self.rho, self.rho_intact);
        }
        let header = format!("effective, {} hops", self.hops);
        let silenced = self.silenced > 0;
        let mut columns = vec!["population", "steady state"];
        if silenced {
            columns.push("at intact scale");
        }
        columns.extend(["excitatory paths", "inhibitory paths", &header]);
        let mut table = TextTable::new(&columns);
        for p in &self.populations {
            let intact = p.influence_intact_scale.filter(|_| silenced);
            let numbers = [Some(p.influence), intact, Some(p.effective_positive), Some(p.effective_negative), Some(p.effective)];
            let cells = numbers.into_iter().flatten().map(|x| format!("{x:.4e}"));
            table.row(std::iter::once(p.population.clone()).chain(cells));
        }
        out.push_str(&table.render());
        out
    }
}
