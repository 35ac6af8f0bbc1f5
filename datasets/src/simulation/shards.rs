//! Sets made in pieces: a manifest that lists the files, and the one file they merge to.
//!
//! Whoever makes a shard writes a manifest of that one file beside it ([`manifest_path`]): its checksum is that of the moment it
//! was made, and a merge holds it against what it finds.

use std::fs;
use std::path::{Path, PathBuf};

use kenyon_base::{AtomicFile, Progress, Result, UserError, digest};
use serde::{Deserialize, Serialize};

use super::about::SetAbout;
use super::plan::{Item, Shard};
use super::record::Record;
use super::spec::Part;
use super::store::SimStore;
use super::writer::{SetReport, write_set};

/// The simulations of a part that a file holds: from the first to the last index, and how many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartRange {
    /// The part.
    pub part: Part,
    /// Least index.
    pub first: u32,
    /// Largest index.
    pub last: u32,
    /// Number of simulations.
    pub simulations: u32,
    /// Those that no filter flags.
    pub kept: u32,
    /// Draws beyond the first, of simulations without a spike.
    pub repeated: u64,
}

/// One file of a sharded set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardFile {
    /// File name, beside the manifest.
    pub file: String,
    /// Which piece it is.
    pub shard: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// What it holds.
    pub ranges: Vec<PartRange>,
}

/// The files of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Format version.
    pub kenyon_simset_manifest: u32,
    /// SHA-256 of what the set says about itself, but when it was begun.
    pub identity: String,
    /// The files, in the order of their pieces.
    pub files: Vec<ShardFile>,
}

/// Where piece `shard` of the set at `target` is written: `set.shard-001-of-004.h5`; the target itself for the whole.
pub fn shard_path(target: &Path, shard: Shard) -> PathBuf {
    if shard == Shard::WHOLE {
        return target.to_path_buf();
    }
    let stem = target.file_stem().unwrap_or_default().to_string_lossy();
    let extension = target.extension().map_or_else(String::new, |e| format!(".{}", e.to_string_lossy()));
    target.with_file_name(format!("{stem}.shard-{:03}-of-{:03}{extension}", shard.index(), shard.of()))
}

/// Where the manifest of one shard lies: beside it, with the ending `json`.
pub fn manifest_path(shard: &Path) -> PathBuf {
    shard.with_extension("json")
}

/// A description without the moment at which the set was begun: shards are begun at different ones.
fn timeless(about: &SetAbout) -> SetAbout {
    SetAbout { created: String::new(), ..about.clone() }
}

fn other_set(path: &Path) -> UserError {
    UserError::bad_data("other-set", "the files belong to different sets").file(path).mend("give the shards of one recipe")
}

impl Manifest {
    /// The manifest of files that lie in one folder, each held against the manifest that its maker wrote beside it, if there is one.
    ///
    /// # Errors
    /// A file that cannot be read or is not the one that was made (`checksum`), or files of different sets.
    pub fn of(files: &[PathBuf]) -> Result<Self> {
        Self::list(files, true)
    }

    /// The manifest of a shard that was just made, for its maker to write.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn made(shard: &Path) -> Result<Self> {
        Self::list(&[shard.to_path_buf()], false)
    }

    fn list(files: &[PathBuf], compare: bool) -> Result<Self> {
        let mut listed: Vec<(u32, ShardFile)> = Vec::new();
        let mut identity: Option<String> = None;
        for path in files {
            let sha256 = digest::sha256_file(path).map_err(|e| UserError::cannot_read(path, &e))?;
            if let Some(made) = Self::beside(path)?.filter(|_| compare) {
                unchanged(path, &sha256, &made.sha256)?;
            }
            let store = SimStore::open(path)?;
            let about = serde_json::to_string(&timeless(store.about())).expect("plain data");
            let found = digest::sha256_reader(about.as_bytes()).expect("memory");
            if identity.get_or_insert_with(|| found.clone()) != &found {
                return Err(other_set(path));
            }
            let ranges = store.parts().into_iter().map(|part| {
                let index = store.entries(part);
                PartRange {
                    part,
                    first: index.first().map_or(0, |e| e.sim),
                    last: index.last().map_or(0, |e| e.sim),
                    simulations: index.len() as u32,
                    kept: store.kept(part).len() as u32,
                    repeated: index.iter().map(|e| u64::from(e.trials.saturating_sub(1))).sum(),
                }
            });
            let fail = |e: &std::io::Error| UserError::cannot_read(path, e);
            let file = ShardFile {
                file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                shard: store.shard().to_string(),
                sha256,
                bytes: fs::metadata(path).map_err(|e| fail(&e))?.len(),
                ranges: ranges.collect(),
            };
            listed.push((store.shard().index(), file));
        }
        listed.sort_by_key(|(at, _)| *at);
        let files = listed.into_iter().map(|(_, file)| file).collect();
        Ok(Self { kenyon_simset_manifest: 1, identity: identity.unwrap_or_default(), files })
    }

    /// What the maker of a shard wrote down about it; none if no manifest lies beside it, or one of other files.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn beside(shard: &Path) -> Result<Option<ShardFile>> {
        let path = manifest_path(shard);
        if path == shard || !path.exists() {
            return Ok(None);
        }
        let name = shard.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match Self::read(&path) {
            Ok(manifest) => Ok(manifest.files.into_iter().find(|file| file.file == name)),
            // A file of that name may be anything; the simulations have checksums of their own.
            Err(e) if e.code() == "bad-manifest" => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The checksum of a shard if it is not the one that its maker wrote down.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn changed(shard: &Path) -> Result<Option<String>> {
        let Some(made) = Self::beside(shard)? else { return Ok(None) };
        let found = digest::sha256_file(shard).map_err(|e| UserError::cannot_read(shard, &e))?;
        Ok((found != made.sha256).then_some(found))
    }

    /// Writes the manifest.
    ///
    /// # Errors
    /// A failed write.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self).expect("plain data");
        text.push('\n');
        AtomicFile::write(path, text.as_bytes())
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// `bad-manifest` if it is none.
    pub fn read(path: &Path) -> Result<Self> {
        let bad = |cause: String| {
            UserError::bad_data("bad-manifest", "is no manifest of a simulation set")
                .file(path)
                .found(cause)
                .mend("name the JSON file that lists the shards, or make it again")
        };
        let text = fs::read_to_string(path).map_err(|e| UserError::cannot_read(path, &e))?;
        let manifest: Self = serde_json::from_str(&text).map_err(|e| bad(e.to_string()))?;
        if manifest.kenyon_simset_manifest != 1 {
            return Err(bad(format!("version {}", manifest.kenyon_simset_manifest)));
        }
        // Nothing outside the folder of the manifest is opened.
        if let Some(file) = manifest.files.iter().find(|f| Path::new(&f.file).file_name() != Some(f.file.as_ref())) {
            return Err(bad(format!("the file `{}`", file.file)));
        }
        Ok(manifest)
    }

    /// Checks every file against its checksum; returns where they are.
    ///
    /// # Errors
    /// `checksum` with the file, or that it cannot be read.
    pub fn check(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for file in &self.files {
            let path = folder.join(&file.file);
            let found = digest::sha256_file(&path).map_err(|e| UserError::cannot_read(&path, &e))?;
            unchanged(&path, &found, &file.sha256)?;
            paths.push(path);
        }
        Ok(paths)
    }
}

/// Holds the checksum of a shard against that of its manifest.
fn unchanged(path: &Path, found: &str, expected: &str) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(UserError::bad_data("checksum", "a shard is not the one that its manifest lists")
        .file(path)
        .found(found)
        .expected(expected)
        .mend("copy the shard again, or make it again: its command sees that it has changed"))
}

/// Merges the shards that a manifest lists to the file that one run would have made, byte for byte.
///
/// # Errors
/// `checksum`, `other-set`, `missing-shard`, or a file that cannot be read or written.
pub fn merge(manifest_path: &Path, target: &Path, progress: &dyn Progress) -> Result<SetReport> {
    let manifest = Manifest::read(manifest_path)?;
    manifest.merge(manifest_path.parent().unwrap_or(Path::new(".")), target, progress)
}

impl Manifest {
    /// Checks that every piece of the set is listed once.
    fn complete(&self, folder: &Path) -> Result<()> {
        let wrong = |message: &str| {
            let error = UserError::bad_data("missing-shard", message);
            if folder.as_os_str().is_empty() { error } else { error.file(folder) }
        };
        let mut pieces = Vec::new();
        for file in &self.files {
            let shard: Shard = file.shard.parse().map_err(|_| {
                wrong("the manifest lists something that is no shard").found(&file.shard).mend("make the manifest again")
            })?;
            pieces.push(shard);
        }
        let Some(of) = pieces.first().map(|shard| shard.of()) else {
            return Err(wrong("no shard is listed").mend("name the shards of a set"));
        };
        if let Some(other) = pieces.iter().find(|shard| shard.of() != of) {
            return Err(wrong("the shards are pieces of different divisions")
                .found(format!("{} and {other}", pieces[0]))
                .mend("give the shards of one division"));
        }
        let count = |i: u32| pieces.iter().filter(|shard| shard.index() == i).count();
        if let Some(twice) = (1..=of).find(|&i| count(i) > 1) {
            return Err(wrong("a shard is given twice").found(format!("{twice}/{of}")).mend("give every shard once"));
        }
        let missing: Vec<String> = (1..=of).filter(|&i| count(i) == 0).map(|i| format!("{i}/{of}")).collect();
        let Some(first) = missing.first() else { return Ok(()) };
        let shown = missing.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
        let more = if missing.len() > 8 { ", ..." } else { "" };
        Err(wrong(&format!(
            "{} of {of} shards {} missing: {shown}{more}",
            missing.len(),
            if missing.len() == 1 { "is" } else { "are" }
        ))
        .mend(format!("make what is missing, for example with `--shard {first}`, and name all shards")))
    }

    /// Checks the listed shards, which lie in `folder`, and merges them.
    ///
    /// # Errors
    /// As [`merge`].
    pub fn merge(&self, folder: &Path, target: &Path, progress: &dyn Progress) -> Result<SetReport> {
        self.complete(folder)?;
        self.check(folder)?;
        self.join(folder, target, progress)
    }

    /// Merges the listed shards, whose checksums were just taken; one of them is open at a time.
    ///
    /// # Errors
    /// As [`merge`], but for `checksum`.
    pub fn join(&self, folder: &Path, target: &Path, progress: &dyn Progress) -> Result<SetReport> {
        self.complete(folder)?;
        let paths: Vec<PathBuf> = self.files.iter().map(|file| folder.join(&file.file)).collect();
        let disordered = |found: String| {
            UserError::bad_data("missing-shard", "the files are not the shards that the manifest lists")
                .found(found)
                .mend("make the manifest again")
        };
        let mut about: Option<SetAbout> = None;
        let mut items: Vec<Item> = Vec::new();
        for (at, path) in paths.iter().enumerate() {
            let store = SimStore::open(path)?;
            let expected = Shard::new(at as u32 + 1, paths.len() as u32)?;
            if store.shard() != expected {
                return Err(disordered(format!("shard {} in the place of {expected}", store.shard())));
            }
            let found = store.about();
            let first = about.get_or_insert_with(|| found.clone());
            if timeless(found) != timeless(first) {
                return Err(other_set(path));
            }
            // The set was begun when the first of its shards was.
            if found.created < first.created {
                first.created.clone_from(&found.created);
            }
            items.extend(store.items());
        }
        // A shard holds a contiguous piece, so one after the other they give the order of the set.
        if !items.is_sorted_by(|a, b| a < b) {
            return Err(disordered("a simulation twice, or out of order".into()));
        }
        let Some(about) = about else { return Err(disordered("no shard".into())) };
        let records = paths.iter().flat_map(|path| Records::of(path));
        write_set(target, &about, Shard::WHOLE, &items, records, progress)
    }
}

/// The simulations of a file in their order; it is open as long as they are read.
struct Records {
    store: Result<SimStore>,
    places: std::vec::IntoIter<(Part, usize)>,
}

impl Records {
    fn of(path: &Path) -> Self {
        let store = SimStore::open(path);
        let of = |store: &SimStore| {
            let of = |part: Part| (0..store.entries(part).len()).map(move |at| (part, at));
            store.parts().into_iter().flat_map(of).collect()
        };
        // One place for the error.
        let places: Vec<_> = store.as_ref().map_or_else(|_| vec![(Part::Train, 0)], of);
        Self { store, places: places.into_iter() }
    }
}

impl Iterator for Records {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        let (part, at) = self.places.next()?;
        Some(self.store.as_ref().map_err(Clone::clone).and_then(|store| store.record(part, at)))
    }
}
