//! A deployment beside its quantised copy: what became of each number, and whether there can be a copy at all.

use kenyon_base::UserError;

use super::{Activity, Finding, Known, ParameterRounding, PopulationRounding, ProjectionRounding, Rounding, Severity, spinnaker};
use crate::deployment::{Deployment, Neurons};
use crate::spinnaker::packing::{self, Cores, Fit, Machine};
use crate::spinnaker::quantise::{Options, Quantised, QuantisedCells, quantise, shifts_of};
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
    /// What became of its numbers there.
    pub rounding: Option<Rounding>,
    /// How it fits the machine, where one was named.
    pub fit: Option<Fit>,
}

impl Linted {
    /// The findings with what an emulation of the quantised network saw; `known` is what was known before.
    pub fn see(&mut self, deployment: &Deployment, activity: &Activity, known: &Known) {
        let (rounding, fit) = (self.rounding.as_ref(), self.fit.as_ref());
        self.findings = spinnaker(deployment, &Known { rounding, fit, activity: Some(activity), ..*known });
    }
}

/// Lints a deployment, quantises it with `options` if that can be, and lints what became of it; with a `machine`, also whether it fits.
///
/// What cannot be asked, because of an error, is told as I2. [`Known::rounding`] and [`Known::fit`] are ignored: they are found here.
pub fn quantised(deployment: &Deployment, options: &Options, machine: Option<Machine>, known: &Known) -> Linted {
    let mut findings = spinnaker(deployment, &Known { rounding: None, fit: None, ..*known });
    if findings.iter().any(|f| f.severity == Severity::Error && !f.can_be_forced()) {
        findings.push(not_asked(
            "the shifts of ring buffers, weights and parameters in fixed point (E7, E8, W1, W4), the machine (E10, I1), \
                                 what the samples do (W2, W3, W9, W11)",
        ));
        return Linted { findings, quantised: None, rounding: None, fit: None };
    }
    let cores = if known.combined_cores { Cores::Combined } else { Cores::default_for(deployment.dt_ms) };
    let fit = machine.map(|machine| packing::fit(deployment, machine, cores));
    findings.extend(fit.iter().flat_map(|f| super::fit::fit(deployment, f, known.activity)));
    let mut out = Linted { findings, quantised: None, rounding: None, fit };
    match quantise(deployment, options) {
        Ok(quantised) => {
            let rounding = Rounding::of(deployment, &quantised, options);
            out.findings.extend(super::rounding::rounding(deployment, &rounding));
            (out.quantised, out.rounding) = (Some(quantised), Some(rounding));
        }
        Err(error) => {
            out.findings.extend(refused(deployment, options, &error));
            out.findings.push(not_asked("weights and parameters in fixed point (E7, W1, W4), what the samples do (W2, W3, W11)"));
        }
    }
    out.findings.sort_by_key(Finding::order);
    out
}

/// I2: what an error keeps from being asked.
fn not_asked(what: &str) -> Finding {
    Finding::new("I2", "the network", 1, format!("not asked because of the above: {what}"), "mend that first, and lint again")
}

/// A refusal to quantise as findings; long delays have theirs already, and are not emulated.
fn refused(deployment: &Deployment, options: &Options, error: &UserError) -> Vec<Finding> {
    let code = match error.code() {
        "delay-extension" => return Vec::new(),
        "shift-too-large" => {
            let shifts = shifts_of(deployment, options).unwrap_or_default();
            return super::rounding::too_large(deployment, &shifts);
        }
        "no-synaptic-input" => "E2",
        _ => "E3",
    };
    let mend = "correct the value, or export with a lower `--weight-scale`";
    vec![Finding::new(code, error.key_name().unwrap_or("the network"), 1, error.what(), mend)]
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
            ProjectionRounding::new(&projection.synapses, |s| {
                cells.raw_weight(cells.loaded(s, projection.receptor, options.compensate_init), projection.receptor)
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
