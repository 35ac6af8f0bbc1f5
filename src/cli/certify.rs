//! `kenyon certify`: how much of a network's accuracy survives on the board.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use candle_core::WithDType;
use clap::{Args, Subcommand, ValueEnum};
use kenyon_base::{Result, UserError};
use kenyon_datasets::split::Part;
use kenyon_hardware::certificate::{Bundle, Certificate, Verdict, verify};
use kenyon_hardware::spinnaker::{Options, Shifts};
use kenyon_neurons::point::Real;
use serde_json::json;

use super::context::Context;
use super::lint::Board;
use super::lowering::Lowering;
use super::output::count;
use crate::training::config::Precision;
use crate::training::loaded::{Loaded, precision};
use crate::transfer::certify::{CertifyOptions, certify, page};

/// Predict what a SpiNNaker board makes of a trained network; exit code 4 unless it passes
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(
    after_help = "Examples:\n  kenyon certify runs/first -o certificate\n  kenyon certify verify certificate\n  kenyon certify verify certificate --quick"
)]
pub(super) struct Certify {
    #[command(subcommand)]
    verb: Option<Verb>,
    // Both are there unless a verb is: clap sees to that.
    #[command(flatten)]
    lowering: Option<Lowering>,
    /// Folder to write: certificate, page, network, inputs, one row per sample; it must not exist or be empty
    #[arg(short, long, value_name = "DIR", required = true)]
    output: Option<PathBuf>,
    #[command(flatten)]
    choices: Choices,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Verify(Verify),
}

/// What a certificate is about.
#[derive(Debug, Args)]
struct Choices {
    /// Samples to judge by
    #[arg(long, value_name = "PART", value_enum, default_value_t = PartName::Test)]
    split: PartName,
    /// Judge by this many samples only [default: all]
    #[arg(long, value_name = "N")]
    samples: Option<usize>,
    /// Board that the network must fit
    #[arg(long, value_name = "BOARD", value_enum, default_value = "spinn5")]
    machine: Board,
    /// Largest loss of accuracy in points, by the lower end of its 95 % interval
    #[arg(long, value_name = "POINTS", default_value_t = 2.0)]
    max_loss: f64,
    /// Set the results that simulators left in a folder of `kenyon export pynn` beside the prediction; may be repeated
    #[arg(long, value_name = "DIR")]
    compare: Vec<PathBuf>,
    /// Choose ring-buffer shifts by the released mapper's formula instead of by what samples do
    #[arg(long)]
    mapper_shifts: bool,
    /// Leave membrane time constants as trained instead of moving them to the nearest that the board can hold
    #[arg(long)]
    no_nudge: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PartName {
    Train,
    Validation,
    Test,
}

impl Certify {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        match (&self.verb, &self.lowering, &self.output) {
            (Some(Verb::Verify(verify)), ..) => verify.run(context),
            (None, Some(lowering), Some(output)) => Predict { lowering, output, choices: &self.choices }.run(context),
            (None, ..) => Err(UserError::usage("usage", "names no run").mend("kenyon certify RUN -o DIR")),
        }
    }
}

/// A run to be judged.
struct Predict<'a> {
    lowering: &'a Lowering,
    output: &'a Path,
    choices: &'a Choices,
}

impl Predict<'_> {
    fn run(&self, context: &Context) -> Result<()> {
        if !(0.0..=100.0).contains(&self.choices.max_loss) {
            return Err(UserError::usage("bad-number", "bad `--max-loss`")
                .found(self.choices.max_loss.to_string())
                .expected("0 to 100 points"));
        }
        let certificate = match precision(&self.lowering.run)? {
            Precision::F32 => self.judge::<f32>(context)?,
            Precision::F64 => self.judge::<f64>(context)?,
        };
        context.print(&certificate, || self.text(&certificate));
        match certificate.verdict {
            Verdict::Pass => Ok(()),
            Verdict::Fail | Verdict::NotCovered => {
                Err(UserError::check_failed("certificate", why(&certificate, self.choices.max_loss))
                    .file(self.output.join("certificate.html"))
                    .mend("look at the page; training with `--deploy-aware` brings the network closer to the board"))
            }
        }
    }

    fn judge<F: Real + WithDType>(&self, context: &Context) -> Result<Certificate> {
        let loaded = Loaded::<F>::open(&self.lowering.run, &self.lowering.checkpoint)?;
        let part = match self.choices.split {
            PartName::Train => Part::Train,
            PartName::Validation => Part::Validation,
            PartName::Test => Part::Test,
        };
        let options = CertifyOptions {
            lower: self.lowering.options(&loaded)?,
            board: Options { nudge: !self.choices.no_nudge, shifts: Shifts::Mapper, ..Options::LOWERED },
            keep_shifts: self.choices.mapper_shifts,
            machine: self.choices.machine.into(),
            max_loss: self.choices.max_loss / 100.0,
            compare: self.choices.compare.clone(),
            seed: context.seed,
        };
        certify(&loaded, &loaded.samples(part, self.choices.samples), &options, self.output, context)
    }

    fn text(&self, c: &Certificate) -> String {
        let a = &c.accuracy;
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let line = |name: &str, rate: &kenyon_hardware::certificate::Rate| {
            format!("{name:<24}{:>8}   ({} to {})\n", percent(rate.value), percent(rate.ci95[0]), percent(rate.ci95[1]))
        };
        let mut text = format!("{} samples, 95 % intervals\n\n", count(a.n));
        text += &line("as trained", &a.float);
        text += &line("lowered, f64", &a.interpreter);
        text += &line("board, emulated", &a.emulator);
        let _ = write!(
            text,
            "difference              {:+.2} points ({:+.2} to {:+.2})\n\n",
            100.0 * a.paired.difference,
            100.0 * a.paired.ci95[0],
            100.0 * a.paired.ci95[1]
        );
        let zeroed: u64 = c.projections.iter().map(|p| p.zeroed).sum();
        let synapses: u64 = c.projections.iter().map(|p| p.n).sum();
        let _ = writeln!(
            text,
            "{} of {} weights become 0; {} ring-buffer saturations; {} of {} cores",
            count(zeroed),
            count(synapses),
            count(c.ring_buffer.saturations),
            count(c.fit.cores),
            count(c.fit.cores_available)
        );
        text + &format!("verdict: {}\nwritten: {}", c.verdict.name(), self.output.join("certificate.html").display())
    }
}

/// Why a certificate does not pass.
fn why(c: &Certificate, max_loss: f64) -> String {
    let error = c.lint.iter().find(|line| line.severity == kenyon_hardware::lint::Severity::Error);
    match error {
        Some(line) => format!("{} in {}: {}", line.code, line.place, line.text),
        None => format!(
            "the accuracy on the board may be {:.1} points lower than trained, more than {max_loss}",
            -100.0 * c.accuracy.paired.ci95[0]
        ),
    }
}

/// Repeat a certificate from its folder by a second implementation: hashes, counts, every spike.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kenyon certify verify certificate --quick")]
struct Verify {
    /// Folder of the certificate
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Run 20 samples again instead of all
    #[arg(long)]
    quick: bool,
}

impl Verify {
    fn run(&self, context: &Context) -> Result<()> {
        let bundle = Bundle::open(&self.dir)?;
        let written = bundle.dir().join("certificate.html");
        let html = std::fs::read_to_string(&written).map_err(|e| UserError::cannot_read(&written, &e))?;
        if html != page(&bundle.certificate, &bundle.deployment.name) {
            return Err(UserError::check_failed("page-changed", "does not say what the certificate says").file(written));
        }
        let done = verify(&bundle, self.quick, context)?;
        context.print(&json!({ "dir": self.dir, "verified": done, "verdict": bundle.certificate.verdict }), || {
            format!(
                "verified: hashes, counts, and {} of {} samples run again",
                count(done.run_again as u64),
                count(done.samples as u64)
            )
        });
        Ok(())
    }
}
