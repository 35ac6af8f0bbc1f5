//! `kenyon validate protocol FILE`: messages beside reference messages, fields to bytes and back.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};
use kenyon_hardware::messages::boot::MAX_IMAGE;
use kenyon_hardware::messages::vectors::{Vector, compare};
use serde::Serialize;
use serde_json::Value;

use crate::cli::context::Context;
use crate::cli::output::{self, TextTable};
use crate::validation::Case;

/// How many differences are told one by one.
const TOLD: usize = 20;

/// How the messages of one name went.
#[derive(Debug, Default, Serialize)]
struct Tally {
    kind: String,
    message: String,
    vectors: usize,
    encoded: usize,
    decoded: usize,
}

/// What differs in one message.
#[derive(Debug, Default, Serialize)]
struct Different {
    #[serde(skip_serializing_if = "Option::is_none")]
    encode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decode: Option<String>,
}

#[derive(Debug, Serialize)]
struct Summary {
    messages: Vec<Tally>,
    /// Blocks of a boot image can be compared only with the image at hand.
    boot_blocks_compared: bool,
}

type Report = crate::validation::Report<Different, Summary>;

/// Compares every message of a file; an error if one differs.
pub(super) fn run(file: &Path, boot_image: Option<&PathBuf>, context: &Context) -> Result<()> {
    let image = boot_image.map(|path| read_image(path)).transpose()?;
    let bytes = std::fs::read(file).map_err(|e| UserError::cannot_read(file, &e))?;
    let bad = |what: String| {
        UserError::bad_data("bad-vectors", what)
            .file(file)
            .expected("a JSON list of objects with `kind`, `message`, `fields` and `hex`")
            .mend("name a file in the layout of `protocol_vectors.json`")
    };
    let list: Vec<Value> = serde_json::from_slice(&bytes).map_err(|e| bad(format!("is no list of messages: {e}")))?;
    if list.is_empty() {
        return Err(bad("holds no message".into()));
    }
    let mut tallies: BTreeMap<(String, String), Tally> = BTreeMap::new();
    let (mut cases, mut with_boot) = (Vec::new(), false);
    for (place, value) in list.into_iter().enumerate() {
        let vector: Vector = serde_json::from_value(value).map_err(|e| bad(format!("message {place}: {e}")))?;
        let found = compare(&vector, image.as_deref());
        with_boot |= vector.kind == "boot";
        let label = format!("{place} {} {}", vector.kind, vector.message);
        let name = (vector.kind.clone(), vector.message.clone());
        let tally =
            tallies.entry(name).or_insert_with(|| Tally { kind: vector.kind, message: vector.message, ..Tally::default() });
        tally.vectors += 1;
        tally.encoded += usize::from(found.encode.is_none());
        tally.decoded += usize::from(found.decode.is_none());
        let ways = [("encode", &found.encode), ("decode", &found.decode)];
        let notes: Vec<String> = ways.into_iter().filter_map(|(way, w)| w.as_ref().map(|w| format!("{way}: {w}"))).collect();
        cases.push(Case {
            name: label,
            pass: found.is_none(),
            unit: "byte",
            note: notes.join("; "),
            extras: Different { encode: found.encode, decode: found.decode },
            ..Case::default()
        });
    }
    let summary = Summary { messages: tallies.into_values().collect(), boot_blocks_compared: image.is_some() && with_boot };
    let report = Report::new("protocol", cases, summary);
    context.print(&report, || table(&report, with_boot));
    report.verdict(Some(file), "compare the fields of the message with its bytes; `--json` lists every difference")
}

fn read_image(path: &Path) -> Result<Vec<u8>> {
    let image = std::fs::read(path).map_err(|e| UserError::cannot_read(path, &e))?;
    if image.len() > MAX_IMAGE || image.len() % 4 != 0 || image.len() < 512 {
        return Err(UserError::bad_data("bad-boot-image", "is no boot image")
            .file(path)
            .found(output::of(image.len() as u64, "byte"))
            .expected("512 to 32,768 bytes, a multiple of 4"));
    }
    Ok(image)
}

fn table(report: &Report, with_boot: bool) -> String {
    let mut table = TextTable::new(&["kind", "message", "vectors", "encoded equal", "decoded equal"]);
    for tally in &report.extras.messages {
        let numbers = [tally.vectors, tally.encoded, tally.decoded].map(|n| n.to_string());
        table.row([tally.kind.clone(), tally.message.clone()].into_iter().chain(numbers));
    }
    let mut text = table.render();
    for case in report.cases.iter().filter(|c| !c.pass).take(TOLD) {
        let _ = write!(text, "\nmessage {}, {}", case.name, case.note);
    }
    if report.failed > TOLD {
        let _ = write!(text, "\nand {} more", report.failed - TOLD);
    }
    if with_boot && !report.extras.boot_blocks_compared {
        text += "\nSHA-256 of boot blocks not compared: they need the image (`--boot-image`)";
    }
    format!("{text}\n{} of {} messages agree", report.passed, report.passed + report.failed)
}
