//! `kenyon export …`: a trained network in the files of others.

mod compare;
mod deployment;
mod nir;
mod pynn;
mod sonata;

use clap::Subcommand;
use kenyon_base::Result;
use kenyon_hardware::Deployment;
use kenyon_hardware::lint::{self, Finding, Known};
use kenyon_hardware::spinnaker::Options;
use kenyon_hardware::spinnaker::packing::Machine;

use super::context::Context;
use super::emulate::shifts::{How, Named, choose};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    Deployment(deployment::Export),
    Nir(nir::Nir),
    Pynn(pynn::Pynn),
    Sonata(sonata::Sonata),
    Compare(compare::Compare),
}

/// What the lint finds in a network that is written for a SpiNNaker board, with the shifts that its samples ask for; told on stderr.
fn lint_for_board(deployment: &Deployment, context: &Context) -> Vec<Finding> {
    let base = Options::LOWERED;
    let how = How::by_itself(false, &deployment.samples);
    // What cannot be measured cannot be quantised either, and lint says why.
    let options = choose(deployment, &base, &deployment.samples, how, &Named::default(), context).map_or(base, |c| c.0);
    let known = Known::default();
    let findings = lint::quantised(deployment, &options, Some(Machine::Spinn5 { boards: 1 }), &known).findings;
    super::lint::warn(&findings, &[], context);
    findings
}

/// What the lint finds in a network for any simulator; an error stops.
///
/// # Errors
/// `lint`, a failed check.
fn lint_for_any(deployment: &Deployment) -> Result<Vec<Finding>> {
    let findings = lint::description(deployment);
    lint::stop(&findings, false)?;
    Ok(findings)
}

impl Verb {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        match self {
            Self::Deployment(args) => args.run(context),
            Self::Nir(args) => args.run(context),
            Self::Pynn(args) => args.run(context),
            Self::Sonata(args) => args.run(context),
            Self::Compare(args) => args.run(context),
        }
    }
}
