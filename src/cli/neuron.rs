//! `kenyon neuron …`.
//!
//! | file | owns |
//! |---|---|
//! | `simulate` | a protocol simulated into a folder |
//! | `result` | the files of that folder, written and read |
//! | `plot`, `picture` | traces as SVG |
//! | `morphology` | a tree as tables and as a picture |
//! | `dataset` | simulation sets |
//! | `curves` | f-I curve, postsynaptic potentials, input resistance |
//! | `model` | which model a one-line command means |
//! | `output` | names of what is written, looked at before the work |

mod curves;
mod dataset;
mod model;
mod morphology;
mod output;
mod picture;
mod plot;
mod result;
mod simulate;

use clap::Subcommand;
use kenyon_base::Result;

use super::context::Context;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    Simulate(simulate::Simulate),
    Dataset(dataset::Dataset),
    Plot(plot::Plot),
    Morphology(morphology::Morphology),
    Fi(curves::Fi),
    Epsp(curves::Epsp),
    InputResistance(curves::InputResistance),
}

impl Verb {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        match self {
            Self::Simulate(args) => args.run(context),
            Self::Dataset(args) => args.run(context),
            Self::Plot(args) => args.run(context),
            Self::Morphology(args) => args.run(context),
            Self::Fi(args) => args.run(context),
            Self::Epsp(args) => args.run(context),
            Self::InputResistance(args) => args.run(context),
        }
    }
}
