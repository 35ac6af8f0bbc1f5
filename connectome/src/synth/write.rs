//! The synthetic fly as a folder in the layout of the Codex downloads (connectome specification 1 and 8).

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use kenyon_base::{AtomicDir, Result, TOOL, UserError, digest};

use super::background::SUPER_CLASSES;
use super::cells::{CellClass, Nt};
use super::population::ID_BASE;
use super::relations::RELATIONS;
use super::{SyntheticFly, gzip, receptors};

/// One file written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WrittenFile {
    /// Name relative to the folder.
    pub name: String,
    /// Data rows, without the header.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Files in the order they were written; the manifest, which holds this list, comes last.
    pub files: Vec<WrittenFile>,
    /// Neurons in the dump.
    pub neurons: usize,
    /// Neurons of the pathway, among them those without an edge.
    pub pathway_neurons: usize,
    /// Neurons of the pathway with at least one edge.
    pub connected_neurons: usize,
    /// Neurons that a keyword list names but no edge reaches.
    pub unconnected_neurons: usize,
    /// Rows of the connection table.
    pub rows: usize,
    /// Rows of the pathway among them.
    pub pathway_rows: usize,
    /// Pairs of the pathway.
    pub pathway_pairs: usize,
    /// Synapses of the pathway.
    pub pathway_synapses: u64,
}

/// Writes files into a folder and keeps the list of them.
struct Folder<'a> {
    target: &'a Path,
    path: &'a Path,
    files: Vec<WrittenFile>,
}

impl Folder<'_> {
    fn done(&mut self, name: &str, rows: usize) -> Result<()> {
        let path = self.path.join(name);
        let failed = |e: std::io::Error| UserError::cannot_write(&self.target.join(name), &e);
        let sha256 = digest::sha256_file(&path).map_err(failed)?;
        let bytes = fs::metadata(&path).map_err(failed)?.len();
        self.files.push(WrittenFile { name: name.to_owned(), rows: rows as u64, bytes, sha256 });
        Ok(())
    }

    fn table(&mut self, name: &str, head: &str, rows: usize, line: &(impl Fn(usize, &mut Vec<u8>) + Sync)) -> Result<()> {
        let failed = |e: std::io::Error| UserError::cannot_write(&self.target.join(name), &e);
        let mut out = BufWriter::new(File::create(self.path.join(name)).map_err(failed)?);
        gzip::write(&mut out, head, rows, line).and_then(|_| out.flush()).map_err(failed)?;
        drop(out);
        self.done(name, rows)
    }

    fn text(&mut self, name: &str, rows: usize, text: &str) -> Result<()> {
        let failed = |e: std::io::Error| UserError::cannot_write(&self.target.join(name), &e);
        let path = self.path.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        fs::write(&path, text).map_err(failed)?;
        self.done(name, rows)
    }
}

impl SyntheticFly {
    /// Writes the dump; the folder appears whole or not at all.
    ///
    /// # Errors
    /// A usage error if `dir` exists and is not empty, a failure if the disk refuses.
    pub fn write(&self, dir: &Path) -> Result<Written> {
        let whole = AtomicDir::create(dir)?;
        let mut folder = Folder { target: dir, path: whole.path(), files: Vec::new() };
        self.write_connections(&mut folder)?;
        self.write_annotations(&mut folder)?;
        self.write_labels(&mut folder)?;
        self.write_lists(&mut folder)?;
        let unconnected = self.neurons.iter().filter(|n| n.is_unconnected()).count();
        let pairs = || self.relations.iter().flat_map(|r| &r.pairs);
        let mut written = Written {
            files: folder.files.clone(),
            neurons: self.neuron_count(),
            pathway_neurons: self.neurons.len(),
            connected_neurons: self.connected().len(),
            unconnected_neurons: unconnected,
            rows: self.rows.len(),
            pathway_rows: self.pathway_rows,
            pathway_pairs: pairs().count(),
            pathway_synapses: pairs().map(|p| u64::from(p.syn_count)).sum(),
        };
        folder.text("manifest.json", 1, &self.manifest(&written)?)?;
        written.files = folder.files;
        whole.commit()?;
        Ok(written)
    }

    fn write_connections(&self, folder: &mut Folder<'_>) -> Result<()> {
        let names = self.neuropils();
        folder.table(
            "connections.csv.gz",
            "pre_root_id,post_root_id,neuropil,syn_count,nt_type\n",
            self.rows.len(),
            &|i, text| {
                let row = &self.rows[i];
                push_number(text, self.id(row.pre));
                text.push(b',');
                push_number(text, self.id(row.post));
                text.push(b',');
                text.extend_from_slice(names[usize::from(row.neuropil)].as_bytes());
                text.push(b',');
                push_number(text, u64::from(row.syn_count));
                text.push(b',');
                text.extend_from_slice(row.nt.as_str().as_bytes());
                text.push(b'\n');
            },
        )
    }

    fn write_annotations(&self, folder: &mut Folder<'_>) -> Result<()> {
        let n = self.neuron_count();
        let head = "root_id,group,nt_type,nt_type_score,da_avg,ser_avg,gaba_avg,glut_avg,ach_avg,oct_avg\n";
        folder.table("neurons.csv.gz", head, n, &|i, text| {
            let id = self.id(i as u32);
            let nt = self.neurons.get(i).map_or_else(|| self.background[i - self.neurons.len()].nt, |n| n.cell.nt);
            push(text, &format!("{id},{},{}\n", self.group(i), scores(id, nt)));
        })?;
        let head = "root_id,flow,super_class,class,sub_class,hemilineage,side,nerve\n";
        folder.table("classification.csv.gz", head, n, &|i, text| {
            let id = self.id(i as u32);
            if let Some(neuron) = self.neurons.get(i) {
                let (flow, (super_class, class, sub_class)) = if !neuron.is_classified() {
                    ("", ("", "", ""))
                } else if neuron.cell.class.is_receptor_neuron() {
                    ("afferent", neuron.cell.class.annotation())
                } else {
                    ("intrinsic", neuron.cell.class.annotation())
                };
                push(text, &format!("{id},{flow},{super_class},{class},{sub_class},,{},\n", neuron.cell.side.as_str()));
            } else {
                let b = &self.background[i - self.neurons.len()];
                let (flow, super_class, _) = SUPER_CLASSES[usize::from(b.super_class)];
                push(text, &format!("{id},{flow},{super_class},,,,{},\n", b.side.as_str()));
            }
        })?;
        let typed: Vec<u32> = (0..n as u32).filter(|&i| !self.cell_type(i).is_empty()).collect();
        folder.table(
            "consolidated_cell_types.csv.gz",
            "root_id,primary_type,additional_type(s)\n",
            typed.len(),
            &|k, text| {
                push(text, &format!("{},{},\n", self.id(typed[k]), self.cell_type(typed[k])));
            },
        )?;
        folder.table("names.csv.gz", "root_id,name,group\n", n, &|i, text| {
            let group = self.group(i);
            push(text, &format!("{},SYN_{group}.{},{group}\n", self.id(i as u32), i + 1));
        })
    }

    /// Refined community labels, so that the search of specification 3.4 finds the receptors.
    fn write_labels(&self, folder: &mut Folder<'_>) -> Result<()> {
        // Of the other neurons 72 in 100 have a label, as in the real file (100,013 of 139,255).
        let labelled: Vec<u32> = (0..self.neuron_count() as u32)
            .filter(|&i| self.neurons.get(i as usize).is_some_and(|n| !n.receptors.is_empty()) || scatter(self.id(i)) % 100 < 72)
            .collect();
        folder.table("processed_labels.csv.gz", "root_id,processed_labels\n", labelled.len(), &|k, text| {
            let i = labelled[k];
            let mut labels: Vec<String> = Vec::new();
            if let Some(neuron) = self.neurons.get(i as usize).filter(|n| n.is_classified()) {
                let mut before: Vec<&str> = Vec::new();
                for label in &neuron.receptors {
                    let occurrence = before.iter().filter(|b| *b == label).count();
                    before.push(label);
                    let words = receptors::wording(label, &neuron.cell.glomerulus, occurrence);
                    labels.push(format!("'olfactory receptor neuron; {words}'"));
                }
                if labels.is_empty() {
                    labels.push(format!("'synthetic {}'", neuron.cell.cell_type));
                }
            } else {
                labels.push("'synthetic neuron'".to_owned());
            }
            push(text, &format!("{},\"[{}]\"\n", self.id(i), labels.join(", ")));
        })
    }

    fn write_lists(&self, folder: &mut Folder<'_>) -> Result<()> {
        for (keyword, ids) in self.keyword_lists() {
            let text = ids.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
            folder.text(&format!("codex_keywords/root_ids_{keyword}.txt"), ids.len(), &text)?;
        }
        let map = self.receptor_map();
        let text: String = std::iter::once("receptor_label,root_id\n".to_owned())
            .chain(map.iter().map(|(label, id)| format!("{label},{id}\n")))
            .collect();
        folder.text("derived/receptor_to_root_ids.csv", map.len(), &text)?;
        let ids = self.connected();
        let text = ids.iter().map(u64::to_string).collect::<Vec<_>>().join("\n") + "\n";
        folder.text("derived/olfactory_network_root_ids.txt", ids.len(), &text)
    }

    fn manifest(&self, written: &Written) -> Result<String> {
        let relations: Vec<_> = RELATIONS
            .iter()
            .filter(|r| r.is_drawn())
            .filter_map(|r| self.relations.iter().find(|drawn| drawn.relation.name == r.name))
            .map(|drawn| {
                let synapses: u64 = drawn.pairs.iter().map(|p| u64::from(p.syn_count)).sum();
                json!({
                    "name": drawn.relation.name, "source": drawn.relation.source, "planned_pairs": drawn.planned,
                    "pairs": drawn.pairs.len(), "synapses": synapses, "specified_mean": drawn.relation.counts.mean,
                })
            })
            .collect();
        let manifest = json!({
            "synthetic": true, "tool": TOOL, "seed": self.spec.seed, "spec": self.spec, "relations": relations, "written": written,
            "notes": [
                "the keyword list `DPM` has no counterpart among the real lists; with it the lists together are the whole pathway",
                "receptor neurons are predicted, per row, with the measured error; their true transmitter is ACH",
            ],
        });
        serde_json::to_string_pretty(&manifest)
            .map(|mut text| {
                text.push('\n');
                text
            })
            .map_err(|e| UserError::failed("cannot-write", format!("the manifest cannot be written: {e}")))
    }

    /// Codex group of a neuron: where it mainly lies.
    fn group(&self, i: usize) -> &'static str {
        let Some(neuron) = self.neurons.get(i) else {
            return ["ME.LO", "LO.LOP", "SLP.SMP", "GNG", "AVLP.PVLP"][(scatter(self.id(i as u32)) % 5) as usize];
        };
        match neuron.cell.class {
            CellClass::Orn | CellClass::Hrn | CellClass::Trn | CellClass::Alln => "AL",
            CellClass::UPn | CellClass::MPn | CellClass::OtherPn => "AL.LH",
            CellClass::Kc => "MB_CA.MB_ML",
            CellClass::Mbon | CellClass::Dan | CellClass::Apl | CellClass::Dpm => "MB_ML",
            CellClass::Lhln | CellClass::Lhcent => "LH",
            CellClass::Wedpn => "WED",
        }
    }

    fn cell_type(&self, i: u32) -> std::borrow::Cow<'_, str> {
        match self.neurons.get(i as usize) {
            Some(neuron) => neuron.cell.cell_type.as_str().into(),
            None => match self.background[i as usize - self.neurons.len()].cell_type {
                0 => "".into(),
                k => format!("SYN{k:04}").into(),
            },
        }
    }
}

/// The last seven columns of the neuron table: prediction, its score and the mean score of each transmitter.
fn scores(id: u64, nt: Nt) -> String {
    if nt == Nt::Blank {
        return ",,,,,,,".to_owned();
    }
    let best = 50 + scatter(id) % 50;
    let rest = (100 - best) as f64 / 500.0;
    let columns = [Nt::Da, Nt::Ser, Nt::Gaba, Nt::Glut, Nt::Ach, Nt::Oct]
        .map(|c| if c == nt { format!("0.{best}") } else { format!("{rest:.3}") });
    format!("{},0.{best},{}", nt.as_str(), columns.join(","))
}

/// A number that looks random but depends on the id alone.
fn scatter(id: u64) -> u64 {
    let x = (id - ID_BASE).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33
}

fn push(text: &mut Vec<u8>, line: &str) {
    text.extend_from_slice(line.as_bytes());
}

/// Appends a decimal number; several times faster than formatting, and there are millions of them.
fn push_number(text: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[at..]);
}
