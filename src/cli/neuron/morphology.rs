//! `kenyon neuron morphology`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kenyon_base::{AtomicFile, Result, UserError};
use kenyon_neurons::biophysical::cable::table::{points_csv, sections_csv, segments_csv};
use kenyon_neurons::biophysical::cable::{Cable, Electrics, Segments};
use kenyon_neurons::biophysical::model::{BallAndStick, EvenCable, Morphology as Shape};
use kenyon_neurons::biophysical::morphology::{Notes, ReadOptions, Tree, Unit, edit, grown, picture, read};
use serde_json::{Value, json};

use super::output;
use crate::cli::context::Context;
use crate::cli::output::{TextTable, count, of};
use crate::cli::target::Target;

/// A morphology: what it holds, what was skipped or mended, its tables, its picture
#[derive(Debug, Args)]
#[command(
    after_help = "Without a file at hand: `ball-and-stick`, `squid-cable`, or `grown:SEED` for a pyramidal cell grown from a seed.\n\n\
                  Examples:\n  kenyon neuron morphology cell1.asc --strict\n  kenyon neuron morphology cell1.asc --sections\n  \
                  kenyon neuron morphology grown:7 --picture tree.svg --table sections"
)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(in crate::cli) struct Morphology {
    /// ASC (Neurolucida) or SWC file, `ball-and-stick`, `squid-cable` or `grown:SEED`
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Refuse what would be guessed, with its line: unknown words, diameters of zero, no soma or several, several trees. What the
    /// formats allow is read or left out all the same: markers, spines, other outlines, ids in any order, further columns
    #[arg(long)]
    strict: bool,
    /// Unit of an SWC file
    #[arg(long, value_name = "UNIT")]
    unit: Option<UnitArg>,
    /// Replace the traced axon by two stubs, as models do
    #[arg(long)]
    replace_axon: bool,
    /// Largest length of a segment, µm [default: 24.3; 8 segments for the dendrite of ball-and-stick, 100 for squid-cable]
    #[arg(long, value_name = "UM", allow_negative_numbers = true)]
    max_segment_um: Option<f64>,
    /// List the sections by the names that protocols and `--at` take
    #[arg(long, conflicts_with = "table")]
    sections: bool,
    /// List what the reader skipped, mended or wondered about, with its line
    #[arg(long)]
    notes: bool,
    /// Print a table as CSV
    #[arg(long, value_name = "TABLE", num_args = 0..=1, default_missing_value = "sections")]
    table: Option<Table>,
    /// Picture to write, SVG
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum UnitArg {
    /// Micrometres
    Um,
    /// Nanometres
    Nm,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Table {
    /// One row per section
    Sections,
    /// One row per segment
    Segments,
    /// One row per traced point
    Points,
}

impl UnitArg {
    pub(super) fn unit(self) -> Unit {
        match self {
            Self::Um => Unit::Um,
            Self::Nm => Unit::Nm,
        }
    }
}

impl Morphology {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        if let Some(path) = &self.picture {
            output::file(path, "svg", "pictures are")?;
        }
        let target = self.picture.as_deref().map(|path| Target::new(path, [self.file.as_path()])).transpose()?;
        let (tree, notes) = self.tree()?;
        let tree = if self.replace_axon {
            if let Some(note) = edit::lost_with_axon(&tree) {
                context.warn(&note);
            }
            edit::replace_axon(tree)?
        } else {
            tree
        };
        let segments = self.max_segment_um.map_or_else(Segments::default, |max_length_um| Segments { max_length_um });
        let cable = Cable::new(&tree, segments, Electrics::default())?;
        // What counts its segments itself has no largest length.
        let longest_um = tree.sections().iter().any(|s| s.nseg.is_none()).then_some(segments.max_length_um);
        if let (Some(target), Some(path)) = (target, self.picture.as_deref()) {
            AtomicFile::write(path, picture::svg(&tree).as_bytes())?;
            target.written(context);
        }
        let table = self.table.map(|table| match table {
            Table::Sections => sections_csv(&cable),
            Table::Segments => segments_csv(&cable),
            Table::Points => points_csv(&tree),
        });
        let regions = regions(&cable);
        let document = json!({
            "name": tree.name(),
            "sections": cable.sections.len(),
            "segments": cable.segment_count(),
            "points": tree.point_count(),
            "area_um2": cable.area_um2(),
            "max_segment_um": longest_um,
            "axon_replaced": self.replace_axon,
            "regions": regions.iter().map(|(name, r)| json!({
                "region": name, "sections": r.sections, "segments": r.segments,
                "length_um": r.length_um, "area_um2": r.area_um2, "farthest_um": r.farthest_um,
            })).collect::<Vec<_>>(),
            "section_names": self.sections.then(|| cable.sections.iter().map(|s| s.name.as_str()).collect::<Vec<_>>()),
            "notes": notes.entries(),
            "more_notes": notes.more(),
            "table": table.as_deref().map(rows),
            "picture": self.picture,
        });
        context.print(&document, || match table {
            Some(table) => table,
            None if self.sections => sections(&cable),
            None => self.text(&tree, &cable, longest_um, &regions, &notes),
        });
        Ok(())
    }

    fn tree(&self) -> Result<(Tree, Notes)> {
        let name = self.file.to_string_lossy();
        let built_in = match name.as_ref() {
            "ball-and-stick" => Some(Shape::BallAndStick(BallAndStick::default())),
            "squid-cable" => Some(Shape::Cable(EvenCable::default())),
            _ => None,
        };
        if let Some(mut shape) = built_in {
            if let Some(max_length_um) = self.max_segment_um {
                shape.cut(max_length_um)?;
            }
            let mut notes = Vec::new();
            return Ok((shape.tree(Path::new("."), false, &mut notes)?, Notes::default()));
        }
        if let Some(seed) = name.strip_prefix("grown:").filter(|_| !Path::new(name.as_ref()).exists()) {
            let seed = seed.parse().map_err(|_| {
                UserError::usage("bad-seed", "is no seed").found(seed).expected("`grown:` and a whole number from 0")
            })?;
            return Ok((grown::pyramidal(seed)?, Notes::default()));
        }
        let unit = self.unit.map(UnitArg::unit);
        let loaded = read(&self.file, &ReadOptions { strict: self.strict, unit, ..ReadOptions::default() })?;
        Ok((loaded.tree, loaded.notes))
    }

    fn text(
        &self,
        tree: &Tree,
        cable: &Cable,
        longest_um: Option<f64>,
        regions: &BTreeMap<String, Sums>,
        notes: &Notes,
    ) -> String {
        let mut table = TextTable::new(&["region", "sections", "segments", "length µm", "area µm²", "farthest µm"]);
        for (name, r) in regions {
            table.row([
                name.clone(),
                count(r.sections),
                count(r.segments),
                format!("{:.1}", r.length_um),
                format!("{:.1}", r.area_um2),
                format!("{:.1}", r.farthest_um),
            ]);
        }
        let mut out = format!(
            "{}: {}, {}, {}{}\n\n{}",
            tree.name(),
            of(cable.sections.len() as u64, "section"),
            of(tree.point_count() as u64, "point"),
            of(cable.segment_count() as u64, "segment"),
            longest_um.map(|um| format!(" of at most {um} µm")).unwrap_or_default(),
            table.render(),
        );
        if let Some(counts) = notes.counts() {
            let how = if self.notes { "" } else { "; `--notes` lists them" };
            let _ = writeln!(out, "\nnotes of the reader: {counts}{how}");
        }
        let shown = if self.notes { notes.entries() } else { &[] };
        for note in shown {
            let _ = writeln!(out, "  {note}");
        }
        if let Some(path) = &self.picture {
            let _ = writeln!(out, "\nwritten: {}", path.display());
        }
        out
    }
}

/// Sections by the names that protocols take, with where they hang.
fn sections(cable: &Cable) -> String {
    let mut table = TextTable::new(&["section", "region", "length µm", "segments", "hangs on", "from µm", "to µm"]);
    for section in &cable.sections {
        let parent = section.parent.map(|(above, x)| format!("{}({x})", cable.sections[above as usize].name));
        table.row([
            section.name.clone(),
            section.region.to_string(),
            format!("{:.1}", section.length_um),
            section.nseg.to_string(),
            parent.unwrap_or_else(|| "-".into()),
            format!("{:.1}", section.distance0_um),
            format!("{:.1}", section.distance1_um),
        ]);
    }
    let last = cable.sections.last().map_or("soma[0]", |s| s.name.as_str());
    format!(
        "{}\nDistances are along the path from the root. In a protocol: section = \"{last}\", x = 0.5; on the command line: --at '{last}:0.5'",
        table.render()
    )
}

/// Sums over a region.
#[derive(Debug, Default)]
struct Sums {
    sections: u64,
    segments: u64,
    length_um: f64,
    area_um2: f64,
    farthest_um: f64,
}

fn regions(cable: &Cable) -> BTreeMap<String, Sums> {
    let mut out: BTreeMap<String, Sums> = BTreeMap::new();
    for section in &cable.sections {
        let sums = out.entry(section.region.to_string()).or_default();
        sums.sections += 1;
        sums.segments += u64::from(section.nseg);
        sums.length_um += section.length_um;
        sums.area_um2 += section.area_um2;
        sums.farthest_um = sums.farthest_um.max(section.distance1_um);
    }
    out
}

/// A table of ours as objects.
fn rows(csv: &str) -> Vec<Value> {
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let value = |cell: &str| match cell.parse::<f64>() {
        Ok(number) if number.is_finite() => json!(number),
        _ => json!(cell),
    };
    let row = |line: &str| Value::Object(header.iter().zip(line.split(',')).map(|(k, v)| ((*k).to_string(), value(v))).collect());
    lines.map(row).collect()
}
