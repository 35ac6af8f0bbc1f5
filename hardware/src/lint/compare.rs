//! A deployment beside its quantised copy: what became of each number, and whether there can be a copy at all.

use kenyon_base::UserError;

use super::{Finding, Known, ParameterRounding, PopulationRounding, ProjectionRounding, Rounding, Severity, spinnaker};
use crate::deployment::{Deployment, Neurons, Receptor};
use crate::spinnaker::packing::{self, Cores, Fit, Machine};
use crate::spinnaker::quantise::{Options, Quantised, QuantisedCells, quantise};
use crate::spinnaker::{SynapseConstants, fixed};

/// One in u0.32.
const UNIT: f64 = 4_294_967_296.0;

/// A deployment that was linted.
#[derive(Debug, Clone, PartialEq)]
pub struct Linted {
    /// Every finding, the worst kinds first.
    pub findings: Vec<Finding>,
    /// The deployment in the board's numbers; none if it has none.
    pub quantised: Option<Quantised>,
    /// How it fits the machine, where one was named.
    pub fit: Option<Fit>,
}

/// Lints a deployment, quantises it with `options` if that can be, and lints what became of it; with a `machine`, also whether it fits.
///
/// [`Known::rounding`] and [`Known::fit`] are ignored: they are found here.
pub fn quantised(deployment: &Deployment, options: &Options, machine: Option<Machine>, known: &Known) -> Linted {
    let mut findings = spinnaker(deployment, &Known { rounding: None, fit: None, ..*known });
    let hopeless = findings.iter().any(|f| f.severity == Severity::Error && !f.can_be_forced());
    if hopeless || deployment.check_structure().is_err() {
        return Linted { findings, quantised: None, fit: None };
    }
    let cores = if known.combined_cores { Cores::Combined } else { Cores::default_for(deployment.dt_ms) };
    let fit = machine.map(|machine| packing::fit(deployment, machine, cores));
    findings.extend(fit.iter().flat_map(|f| super::fit::fit(deployment, f, known.activity)));
    let quantised = match quantise(deployment, options) {
        Ok(quantised) => {
            // Shifts are known now.
            findings.retain(|f| f.code != "E8");
            findings.extend(super::rounding::rounding(deployment, &Rounding::of(deployment, &quantised, options)));
            Some(quantised)
        }
        Err(error) => {
            findings.extend(refused(&error).filter(|new| findings.iter().all(|f| f.code != new.code)));
            None
        }
    };
    findings.sort_by_key(Finding::order);
    Linted { findings, quantised, fit }
}

/// A refusal to quantise as a finding; long delays have their own already, and are not emulated.
fn refused(error: &UserError) -> Option<Finding> {
    let code = match error.code() {
        "delay-extension" => return None,
        "shift-too-large" => "E8",
        "no-synaptic-input" => "E2",
        _ => "E3",
    };
    let mend = "lower `--weight-scale`, or correct the value";
    Some(Finding::new(code, "the network", 1, error.to_string(), mend))
}

impl Rounding {
    /// Compares a deployment with its copy, made with `options`.
    pub fn of(deployment: &Deployment, quantised: &Quantised, options: &Options) -> Self {
        let populations = deployment.populations.iter().zip(&quantised.populations);
        let populations = populations.map(|(wanted, got)| match (wanted.cells.neurons(), &got.cells) {
            (Some(wanted), Some(got)) => {
                let parameters = parameters(deployment.dt_ms, wanted, got);
                PopulationRounding { shift: got.shift.map(u32::from), parameters }
            }
            _ => PopulationRounding::default(),
        });
        let projections = deployment.projections.iter().map(|projection| {
            let Some(cells) = &quantised.populations[projection.post as usize].cells else {
                return ProjectionRounding::default();
            };
            let inhibitory = projection.receptor == Receptor::Inhibitory;
            let unit = (15.0 - f64::from(cells.shift[usize::from(inhibitory)])).exp2() * cells.weight_scale();
            let compensated = options.compensate_init && cells.kind.decays();
            ProjectionRounding::new(&projection.synapses, |s| {
                let derived = &cells.derived[s.post as usize];
                let init = if inhibitory { derived.inh.init } else { derived.exc.init };
                let weight = if compensated { s.weight.abs() / (f64::from(init) / UNIT) } else { s.weight.abs() };
                (weight * unit).round_ties_even()
            })
        });
        Self { populations: populations.collect(), projections: projections.collect() }
    }
}

/// What became of the parameters of a population.
fn parameters(dt_ms: f64, wanted: &Neurons, got: &QuantisedCells) -> Vec<ParameterRounding> {
    let derived = &got.derived;
    let mut out = vec![time_constant("tau_m", dt_ms, &wanted.tau_m_ms, derived.iter().map(|d| fixed::value(d.exp_tc)))];
    if got.kind.decays() {
        for (tau, of, names) in [
            (&wanted.tau_syn_e_ms, (|d| d.exc) as fn(&crate::spinnaker::Derived) -> SynapseConstants, ["tau_syn_E", "init_E"]),
            (&wanted.tau_syn_i_ms, |d| d.inh, ["tau_syn_I", "init_I"]),
        ] {
            out.push(time_constant(names[0], dt_ms, tau, derived.iter().map(|d| f64::from(of(d).decay) / UNIT)));
            let init = |tau: f64| -(-dt_ms / tau).exp_m1() * tau / dt_ms;
            let pairs = tau.iter().zip(derived).map(|(&tau, d)| (init(tau), f64::from(of(d).init) / UNIT));
            out.push(ParameterRounding::new(names[1], pairs));
        }
    }
    let resistance = wanted.tau_m_ms.iter().zip(&wanted.cm_nf).zip(derived);
    let resistance = resistance.map(|((tau, cm), d)| (tau / cm, fixed::value(d.r_membrane)));
    out.push(ParameterRounding::new("tau_m / cm", resistance));
    for (name, wanted, got) in
        [("i_offset", &wanted.i_offset_na, &got.raw.i_offset), ("v_thresh", &wanted.v_thresh_mv, &got.raw.v_thresh)]
    {
        out.push(ParameterRounding::new(name, wanted.iter().zip(got).map(|(&w, &g)| (w, fixed::value(g)))));
    }
    out
}

/// What became of a time constant, by its decay per step.
///
/// The error is that of the part that decays: of long time constants it is their own, of ones far below a step it is none.
fn time_constant(name: &str, dt_ms: f64, tau_ms: &[f64], decays: impl Iterator<Item = f64>) -> ParameterRounding {
    ParameterRounding::with_errors(
        name,
        tau_ms.iter().zip(decays).map(|(&tau, decay)| {
            let part = -(-dt_ms / tau).exp_m1();
            (tau, -dt_ms / decay.ln(), ((1.0 - decay) - part).abs() / part)
        }),
    )
}
