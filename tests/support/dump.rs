//! Dump folders made up for a test, and the built binary run on them.

#![allow(unreachable_pub, reason = "a module of its own in several test crates")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tempfile::TempDir;

use super::{Ran, kenyon_in};

/// First made-up neuron; the others follow by number.
pub const FIRST_ID: u64 = 720_575_940_000_000_000;

/// Header of a connection table.
pub const HEADER: &str = "pre_root_id,post_root_id,neuropil,syn_count,nt_type\n";

/// Made-up root id of neuron `n`.
pub fn id(n: u64) -> u64 {
    FIRST_ID + n
}

/// Compressed as one gzip member.
pub fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// `text` with every `@1` to `@9` replaced by the root id of that neuron.
pub fn with_ids(text: &str) -> String {
    (1..10).fold(text.to_string(), |text, n| text.replace(&format!("@{n}"), &id(n).to_string()))
}

/// A connection table of these rows.
pub fn table(rows: &str) -> String {
    HEADER.to_string() + &with_ids(rows)
}

/// A download folder under test, with a folder for the output beside it.
pub struct Dump {
    folder: TempDir,
}

impl Dump {
    /// Without any file.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("codex")).unwrap();
        fs::create_dir(folder.path().join("out")).unwrap();
        Self { folder }
    }

    /// With `connections.csv` of these bytes.
    pub fn of(connections: impl AsRef<[u8]>) -> Self {
        Self::empty().file("connections.csv", connections)
    }

    /// With a sound connection table.
    pub fn sound() -> Self {
        Self::of(table("@1,@2,AL_L,5,ACH\n@2,@3,AL_R,7,GABA\n"))
    }

    /// With one more file; folders in its name are made.
    pub fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.dir().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    pub fn dir(&self) -> PathBuf {
        self.folder.path().join("codex")
    }

    pub fn output(&self) -> PathBuf {
        self.folder.path().join("out/fly.h5")
    }

    /// Imports it with further arguments.
    pub fn import(&self, args: &[&str]) -> Ran {
        import(&self.dir(), &self.output(), args)
    }

    /// Imports it and expects bad data: exit code 3, and everything an error owes the user.
    pub fn fault(&self) -> Fault {
        self.fault_with(&[])
    }

    pub fn fault_with(&self, args: &[&str]) -> Fault {
        let run = self.import(args);
        assert_eq!(run.code, 3, "{run:?}");
        self.owed(run)
    }

    /// Imports it and expects wrong usage: exit code 2.
    pub fn misuse(&self, args: &[&str]) -> Fault {
        let run = self.import(args);
        assert_eq!(run.code, 2, "{run:?}");
        self.owed(run)
    }

    fn owed(&self, run: Ran) -> Fault {
        for panic in ["panicked", "RUST_BACKTRACE", "internal error"] {
            assert!(!run.stderr.contains(panic) && !run.stdout.contains(panic), "{run:?}");
        }
        assert!(!run.stderr.contains("``"), "nested marks: {}", run.stderr);
        assert!(!run.stderr.contains('\u{1b}'), "control characters reach the terminal: {}", run.stderr);
        assert_eq!(files(&self.folder.path().join("out")), Vec::<String>::new(), "nothing is written");
        let leftovers: Vec<String> = files(&self.dir()).into_iter().filter(|f| f.contains(".tmp-")).collect();
        assert_eq!(leftovers, Vec::<String>::new());
        let error = run.json()["error"].clone();
        for owed in ["code", "kind", "message", "file", "mend"] {
            assert!(error[owed].as_str().is_some_and(|t| !t.is_empty()), "the error owes `{owed}`: {error}");
        }
        let code = error["code"].as_str().unwrap();
        assert!(run.stderr.contains(&format!("error[{code}]: ")), "{}", run.stderr);
        assert!(run.stderr.contains(error["mend"].as_str().unwrap()), "{}", run.stderr);
        Fault { error, stderr: run.stderr }
    }

    /// Imports it and expects success.
    pub fn report(&self) -> Ran {
        self.report_with(&[])
    }

    pub fn report_with(&self, args: &[&str]) -> Ran {
        let run = self.import(args);
        assert_eq!(run.code, 0, "{run:?}");
        assert_eq!(files(&self.folder.path().join("out")), ["fly.h5"]);
        self.verified();
        run
    }

    /// Verifies what was imported against the dump: what the import accepts, the second reader accepts too.
    pub fn verified(&self) {
        let [pack, dir] = [self.output(), self.dir()].map(|path| path.to_str().unwrap().to_string());
        let run = kenyon_in(Path::new("."), &["connectome", "verify", &pack, &dir, "--rows", "20", "--json"]);
        assert_eq!(run.code, 0, "{run:?}");
        assert_eq!(run.json()["ok"], true, "{run:?}");
    }

    /// Root ids and edges as an outsider reads them from the pack.
    pub fn pack(&self) -> Pack {
        Pack::read(&self.output())
    }
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// `kenyon connectome import`, as JSON.
pub fn import(dir: &Path, output: &Path, args: &[&str]) -> Ran {
    let paths = [dir, output].map(|path| path.to_str().unwrap());
    let head = ["--json", "connectome", "import", paths[0], "-o", paths[1]];
    kenyon_in(Path::new("."), &[&head, args].concat())
}

impl Ran {
    /// Neurons, rows, pairs and synapses of the report.
    pub fn totals(&self) -> [u64; 4] {
        let json = self.json();
        ["neurons", "rows", "pairs", "synapses"].map(|key| json[key].as_u64().unwrap())
    }

    pub fn diagnostic(&self, name: &str) -> Value {
        let value = self.json()["diagnostics"][name].clone();
        assert!(!value.is_null(), "no diagnostic `{name}`");
        value
    }

    /// The report of one file of the folder.
    pub fn file(&self, name: &str) -> Value {
        let json = self.json();
        let file = json["files"].as_array().unwrap().iter().find(|f| f["name"] == name).cloned();
        file.unwrap_or_else(|| panic!("no file `{name}` in {}", json["files"]))
    }
}

/// An error as printed and as JSON.
#[derive(Debug)]
pub struct Fault {
    pub error: Value,
    pub stderr: String,
}

impl Fault {
    /// It has this code.
    pub fn code(self, code: &str) -> Self {
        assert_eq!(self.error["code"], code, "{}", self.stderr);
        self
    }

    /// It names this file, in both forms.
    pub fn file(self, name: &str) -> Self {
        let file = self.error["file"].as_str().unwrap();
        assert!(file.ends_with(name), "{file} is not {name}");
        self
    }

    /// It names this line, in both forms.
    pub fn line(self, line: u64) -> Self {
        assert_eq!(self.error["line"], line, "{}", self.stderr);
        assert!(self.stderr.contains(&format!("line {line}")), "{}", self.stderr);
        self
    }

    /// It names this data row, in both forms.
    pub fn row(self, row: u64) -> Self {
        assert_eq!(self.error["row"], row, "{}", self.stderr);
        assert!(self.stderr.contains(&format!("row {row}")), "{}", self.stderr);
        self
    }

    /// It names this column, in both forms.
    pub fn column(self, column: &str) -> Self {
        assert_eq!(self.error["column"], column, "{}", self.stderr);
        assert!(self.stderr.contains(&format!("column `{column}`")), "{}", self.stderr);
        self
    }

    /// It names this byte of the text.
    pub fn byte(self, byte: u64) -> Self {
        assert_eq!(self.error["byte"], byte, "{}", self.stderr);
        self
    }

    /// It shows what was found.
    pub fn found(self, found: &str) -> Self {
        assert_eq!(self.error["found"], found, "{}", self.stderr);
        self
    }

    /// It says what was expected.
    pub fn expects(self, part: &str) -> Self {
        let expected = self.error["expected"].as_str().unwrap_or_default();
        assert!(expected.contains(part) && self.stderr.contains(part), "{expected} does not say {part}: {}", self.stderr);
        self
    }

    /// It says so in its text.
    pub fn says(self, part: &str) -> Self {
        assert!(self.stderr.contains(part), "{} does not say {part}", self.stderr);
        self
    }
}

/// A pack as any HDF5 reader sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct Pack {
    pub root_ids: Vec<u64>,
    pub pre: Vec<u32>,
    pub post: Vec<u32>,
    pub syn_count: Vec<u32>,
}

impl Pack {
    pub fn read(path: &Path) -> Self {
        let file = hdf5::File::open(path).unwrap();
        let numbers = |name: &str| file.dataset(name).unwrap().read_raw::<u32>().unwrap();
        Self {
            root_ids: file.dataset("neurons/root_id").unwrap().read_raw::<u64>().unwrap(),
            pre: numbers("edges/pre"),
            post: numbers("edges/post"),
            syn_count: numbers("edges/syn_count"),
        }
    }

    /// Pairs as (pre, post, synapses), neurons by the number in their made-up root id.
    pub fn edges(&self) -> Vec<(u64, u64, u32)> {
        let number = |i: u32| self.root_ids[i as usize] - FIRST_ID;
        let ends = self.pre.iter().zip(&self.post).map(|(&pre, &post)| (number(pre), number(post)));
        ends.zip(&self.syn_count).map(|((pre, post), &n)| (pre, post, n)).collect()
    }

    pub fn synapses(&self) -> u64 {
        self.syn_count.iter().map(|&n| u64::from(n)).sum()
    }
}
