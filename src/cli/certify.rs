//! `kenyon certify`: how much of a network's accuracy survives on the board.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use candle_core::WithDType;
use clap::{Args, Subcommand, ValueEnum};
use kenyon_base::{Result, UserError};
use kenyon_datasets::split::Part;
use kenyon_hardware::certificate::{Bundle, Certificate, NotCovered, Rate, Verdict, Verified, verify};
use kenyon_hardware::spinnaker::{Options, Shifts};
use kenyon_neurons::point::Real;
use serde_json::json;

use super::context::Context;
use super::lint::Board;
use super::lowering::Lowering;
use super::output::{count, of};
use super::target::outside_run;
use crate::training::config::Precision;
use crate::training::loaded::{Loaded, precision};
use crate::transfer::certify::{CertifyOptions, certify, not_covered, not_covered_page, page};

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
    #[arg(short, long, alias = "out", value_name = "DIR", required = true)]
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
    /// Judge by this many samples, or by `all` of the part
    #[arg(long, value_name = "N|all", default_value = "all")]
    samples: Amount,
    /// What is predicted
    #[arg(long, value_name = "TARGET", value_enum, default_value_t)]
    target: TargetName,
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

/// How many samples.
#[derive(Debug, Clone, Copy)]
struct Amount(Option<usize>);

impl FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text == "all" {
            return Ok(Self(None));
        }
        let n = text.parse::<usize>().ok().filter(|n| *n > 0);
        n.map(|n| Self(Some(n))).ok_or_else(|| "expected a whole number of at least 1, or `all`".into())
    }
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum TargetName {
    #[default]
    Spinnaker,
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
        if let Some(scale) = self.lowering.weight_scale.filter(|scale| *scale < 1.0) {
            return Err(UserError::usage("bad-number", "bad `--weight-scale`")
                .found(scale.to_string())
                .expected("a power of two of at least 1: a certificate states it as a whole number"));
        }
        // There is one.
        let TargetName::Spinnaker = self.choices.target;
        outside_run(self.output, self.lowering.run())?;
        match precision(&self.lowering.run)? {
            Precision::F32 => self.judge::<f32>(context),
            Precision::F64 => self.judge::<f64>(context),
        }
    }

    fn judge<F: Real + WithDType>(&self, context: &Context) -> Result<()> {
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
            part,
        };
        let samples = loaded.samples(part, self.choices.samples.0);
        let (code, reason, remedy) = match certify(&loaded, &samples, &options, self.output, context) {
            Ok(certificate) => {
                context.print(&certificate, || self.text(&certificate));
                if certificate.verdict == Verdict::Pass {
                    return Ok(());
                }
                ("certificate", certificate.reason(), certificate.remedy())
            }
            Err(error) => {
                let document = not_covered(&loaded, &samples, &options, error, self.output)?;
                let written = self.output.join("certificate.html");
                context.print(&document, || format!("verdict: {}\nwritten: {}", document.verdict.name(), written.display()));
                let remedy = "change the network, or the option, that has no counterpart on the board".into();
                ("not-covered", document.reason.text, remedy)
            }
        };
        Err(UserError::check_failed(code, reason).file(self.output.join("certificate.html")).mend(remedy))
    }

    fn text(&self, c: &Certificate) -> String {
        let a = &c.accuracy;
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let line = |name: &str, rate: &Rate| {
            format!("{name:<24}{:>8}   ({} to {})\n", percent(rate.value), percent(rate.ci95[0]), percent(rate.ci95[1]))
        };
        let all = if c.data.samples == c.data.available { "all".into() } else { format!("of {}", count(c.data.available)) };
        let mut text = format!("{} ({all} of the {} part), 95 % intervals\n\n", of(a.n, "sample"), c.data.part);
        text += &line("as trained", &a.float);
        text += &line("lowered, f64", &a.interpreter);
        text += &line("board, emulated", &a.emulator);
        let _ = write!(
            text,
            "difference              {:+.2} points ({:+.2} to {:+.2})\n{} of {} answers are those of the trained network\n\n",
            100.0 * a.paired.difference,
            100.0 * a.paired.ci95[0],
            100.0 * a.paired.ci95[1],
            count(a.same_answer.emulator),
            count(a.n)
        );
        if c.inputs.synthetic_circuit {
            text += "the circuit is synthetic, in whole or in part\n";
        }
        let zeroed: u64 = c.projections.iter().map(|p| p.zeroed).sum();
        let synapses: u64 = c.projections.iter().map(|p| p.n).sum();
        let _ = writeln!(
            text,
            "{} of {} weights become 0; {}; {} of {} cores",
            count(zeroed),
            count(synapses),
            of(c.ring_buffer.saturations, "ring-buffer saturation"),
            count(c.fit.cores),
            count(c.fit.cores_available)
        );
        text + &format!(
            "verdict: {}, {}\nwritten: {}",
            c.verdict.name(),
            c.reason(),
            self.output.join("certificate.html").display()
        )
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
        if !self.dir.exists() {
            return Err(UserError::bad_data("not-found", "there is no such folder")
                .file(&self.dir)
                .mend("name a folder that `kenyon certify RUN -o DIR` wrote"));
        }
        if let Some(document) = NotCovered::read(&self.dir.join("certificate.json")) {
            check_page(&self.dir, &not_covered_page(&document))?;
            context.print(
                &json!({ "dir": self.dir, "verified": null, "verdict": document.verdict, "reason": document.reason }),
                || {
                    format!(
                        "not covered: nothing was predicted, so there is nothing to verify but the page\n{}",
                        document.reason.text
                    )
                },
            );
            return Ok(());
        }
        let bundle = Bundle::open(&self.dir)?;
        let done = verify(&bundle, self.quick, context)?;
        check_page(bundle.dir(), &page(&bundle.certificate, &bundle.deployment.name))?;
        let c = &bundle.certificate;
        let report = json!({ "dir": self.dir, "verified": done, "verdict": c.verdict, "reason": c.reason() });
        context.print(&report, || Self::text(c, &done));
        Ok(())
    }

    fn text(c: &Certificate, done: &Verified) -> String {
        let again = match (done.run_again, done.samples) {
            (again, all) if again == all => format!("{} run again", of(all as u64, "sample")),
            (again, all) => format!("{} of {} samples run again", count(again as u64), count(all as u64)),
        };
        let mut text = format!("verified: the bundle says what the certificate says; {again}\n");
        let _ = writeln!(text, "verdict of the certificate: {}, {}", c.verdict.name(), c.reason());
        text += "not checked:\n";
        for what in &done.not_checked {
            let _ = writeln!(text, "  {what}");
        }
        text
    }
}

/// Compares the page with the one that the document makes.
fn check_page(dir: &Path, expected: &str) -> Result<()> {
    let path = dir.join("certificate.html");
    let html = std::fs::read_to_string(&path).map_err(|e| UserError::cannot_read(&path, &e))?;
    if html == expected {
        return Ok(());
    }
    let at = html.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
    let around = |text: &str| {
        let bytes = &text.as_bytes()[at.saturating_sub(20).min(text.len())..(at + 20).min(text.len())];
        String::from_utf8_lossy(bytes).into_owned()
    };
    Err(UserError::check_failed("page-changed", "does not say what `certificate.json` says")
        .file(path)
        .byte(at as u64)
        .expected(around(expected))
        .found(around(&html))
        .mend("restore the page, or certify again"))
}
