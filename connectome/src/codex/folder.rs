//! What lies in a download folder: tables by header, keyword lists, the receptor map.

use std::fs;
use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};

use super::header::{Header, TableKind};
use super::records::Records;
use super::source::Limits;

/// A table found in the folder.
#[derive(Debug, Clone)]
pub struct Table {
    /// Where it lies.
    pub path: PathBuf,
    /// Name inside the folder: the file name, behind `FOLDER/` if it lies in a subfolder.
    pub file: String,
    /// File name without `.csv`, `.tsv` and `.gz`: what `--connections` names.
    pub name: String,
    /// What it is.
    pub kind: TableKind,
    /// Why it is not read, if it is not.
    pub note: Option<String>,
    /// Columns that are not read.
    pub extra_columns: Vec<String>,
}

/// A Codex download folder.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    /// Tables, sorted by path.
    pub tables: Vec<Table>,
    /// Keyword root-id lists, sorted by path.
    pub keywords: Vec<PathBuf>,
}

/// Names under which Codex delivers the tables that kenyon reads. They decide nothing but whether an unknown header is an error.
const USUAL_NAMES: [&str; 7] =
    ["connections", "neurons", "classification", "consolidated_cell_types", "names", "processed_labels", RECEPTOR_MAP];
/// Usual name of the receptor map.
const RECEPTOR_MAP: &str = "receptor_to_root_ids";

/// Files above this number in one folder are not a download.
const LIMIT_FILES: usize = 10_000;

impl Folder {
    /// Looks at every table in `dir`, and at keyword lists and receptor maps in its immediate subfolders.
    ///
    /// # Errors
    /// `dir` is missing or no folder; a table cannot be read as far as its header.
    pub fn scan(dir: &Path) -> Result<Self> {
        let mut folder = Self::default();
        let in_dir = |table: Table| Table { file: name_inside(dir, &table.path), ..table };
        for path in list(dir)? {
            if is_table(&path) {
                folder.tables.push(in_dir(look(&path)?));
            } else if is_keyword_list(&path) {
                folder.keywords.push(path);
            } else if path.is_dir() {
                for inner in list(&path)? {
                    if is_keyword_list(&inner) {
                        folder.keywords.push(inner);
                    } else if is_table(&inner) {
                        folder.tables.extend(look_inside(&inner)?.map(in_dir));
                    }
                }
            }
        }
        if folder.tables.is_empty() {
            if let Some(inner) = subfolder_with_tables(dir)? {
                return Err(UserError::bad_data("no-tables", "holds no CSV tables")
                    .file(dir)
                    .expected("Codex downloads such as `connections.csv.gz` and `classification.csv.gz`")
                    .mend(format!("the tables lie in `{}`; name that folder", inner.display())));
            }
            return Err(UserError::bad_data("no-tables", "holds no CSV tables")
                .file(dir)
                .expected("Codex downloads such as `connections.csv.gz` and `classification.csv.gz`")
                .mend(
                    "download them from Codex into this folder, or make a synthetic fly with `kenyon connectome synth -o DIR`",
                ));
        }
        Ok(folder)
    }
}

/// Name of a file of the folder: its path from there, parts separated by `/`.
pub fn name_inside(dir: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(dir).unwrap_or(path);
    inside.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// The first subfolder that holds tables.
fn subfolder_with_tables(dir: &Path) -> Result<Option<PathBuf>> {
    for path in list(dir)?.into_iter().filter(|path| path.is_dir()) {
        if list(&path)?.iter().any(|inner| is_table(inner)) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |e: std::io::Error| UserError::cannot_read(dir, &e);
    if dir.is_file() {
        return Err(UserError::bad_data("not-a-folder", "is a file")
            .file(dir)
            .mend("name the folder that holds the Codex tables"));
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        if !hidden {
            paths.push(path);
        }
        if paths.len() > LIMIT_FILES {
            return Err(UserError::bad_data("limit", format!("holds more than {LIMIT_FILES} files"))
                .file(dir)
                .mend("name the folder that holds the Codex tables"));
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

fn lower_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().to_lowercase()
}

fn is_table(path: &Path) -> bool {
    let name = lower_name(path);
    [".csv", ".csv.gz", ".tsv", ".tsv.gz"].iter().any(|end| name.ends_with(end))
}

fn is_keyword_list(path: &Path) -> bool {
    let name = lower_name(path);
    name.contains("root_ids") && [".txt", ".txt.gz"].iter().any(|end| name.ends_with(end))
}

/// Table name of a file: without `.csv`, `.tsv` and `.gz`.
fn table_name(file: &str) -> String {
    let name = file.strip_suffix(".gz").unwrap_or(file);
    name.strip_suffix(".csv").or_else(|| name.strip_suffix(".tsv")).unwrap_or(name).to_string()
}

/// A table in a subfolder, where only receptor maps belong to the dump. Odour responses and derived statistics lie there too, in
/// formats of their own: a fault counts only if the name says that it is a receptor map.
fn look_inside(path: &Path) -> Result<Option<Table>> {
    match look(path) {
        Ok(table) => Ok(Some(table).filter(|t| t.kind == TableKind::Receptors)),
        Err(error) if lower_name(path).contains("receptor") => Err(error),
        Err(_) => Ok(None),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn has_usual_name(file: &str) -> bool {
    USUAL_NAMES.iter().any(|usual| file.starts_with(usual))
}

/// The first line is data, by its first cell: no column is called by a number of twelve digits and more.
fn starts_with_an_id(header: &Header) -> bool {
    header.cells.first().is_some_and(|cell| cell.len() >= 12 && cell.bytes().all(|b| b.is_ascii_digit()))
}

fn look(path: &Path) -> Result<Table> {
    let file = file_name(path);
    let mut records = Records::open(path, Limits::default())?;
    let header = Header::read(&mut records)?;
    let name = table_name(&file);
    if header.kind == TableKind::Unknown && (has_usual_name(&name) || starts_with_an_id(&header)) {
        let columns = header.cells_listed();
        let mend = if columns.len() == 1 && columns[0].contains(';') {
            "its columns are separated by semicolons, a spreadsheet wrote it; download the file again"
        } else {
            "download the file again, its first line must name the columns; rename it if it is something else"
        };
        return Err(UserError::bad_data("header-missing", "its first line is not the header of a Codex table")
            .file(path)
            .line(1)
            .column(&columns[0])
            .found(columns.join(","))
            .expected(if file.starts_with(RECEPTOR_MAP) {
                "the column names receptor_label,root_id"
            } else {
                "column names such as pre_root_id,post_root_id,neuropil,syn_count,nt_type"
            })
            .mend(mend));
    }
    let note = match header.kind {
        TableKind::Ignored => header.ignored_note().map(str::to_string),
        TableKind::Unknown => Some(format!("not a table that kenyon knows; its columns are {}", header.cells_listed().join(","))),
        _ => None,
    };
    let extra_columns = if note.is_some() { Vec::new() } else { header.extra_listed() };
    Ok(Table { path: path.to_path_buf(), name, file, kind: header.kind, note, extra_columns })
}
