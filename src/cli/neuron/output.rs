//! Names of what a command writes, looked at before the work: the ending says what it will be, the folder exists.

use std::path::Path;

use kenyon_base::{Result, UserError};

/// Endings of files, which no folder should have.
const OF_FILES: [&str; 11] = ["h5", "hdf5", "csv", "tsv", "txt", "json", "toml", "svg", "png", "pdf", "npz"];

/// A file whose name ends in `ending`, in a folder that exists.
///
/// # Errors
/// `unknown-format`; `no-folder`.
pub(super) fn file(path: &Path, ending: &str, what: &str) -> Result<()> {
    let found = ending_of(path);
    if found.as_deref() == Some(ending) {
        return in_a_folder(path);
    }
    let error = UserError::usage("unknown-format", format!("{what} written as {} alone", ending.to_uppercase()))
        .file(path)
        .expected(format!("a name that ends in `.{ending}`"));
    Err(match (ending, found.as_deref()) {
        ("svg", Some("png" | "pdf" | "jpg" | "jpeg")) => {
            error.mend("write the SVG and convert it: `rsvg-convert a.svg -o a.png`, `inkscape a.svg -o a.png`, or any browser")
        }
        _ => error.mend(format!("call it `{}`", path.with_extension(ending).display())),
    })
}

/// A folder that is to be made, beside others that exist.
///
/// # Errors
/// `unknown-format` for a name that looks like a file's; `no-folder`.
pub(super) fn folder(path: &Path) -> Result<()> {
    if !path.is_dir() && ending_of(path).is_some_and(|ending| OF_FILES.contains(&ending.as_str())) {
        return Err(UserError::usage("unknown-format", "a folder is written, and this is the name of a file")
            .file(path)
            .expected("the name of a folder")
            .mend(format!("call it `{}`", path.with_extension("").display())));
    }
    in_a_folder(path)
}

fn in_a_folder(path: &Path) -> Result<()> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        None => Ok(()),
        Some(folder) => Err(UserError::usage("no-folder", "lies in a folder that does not exist")
            .file(path)
            .mend(format!("make it first: `mkdir -p {}`", folder.display()))),
    }
}

fn ending_of(path: &Path) -> Option<String> {
    path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_says_what_will_be_written() {
        assert!(file(Path::new("a.CSV"), "csv", "tables are").is_ok() && folder(Path::new("out.2")).is_ok());
        for error in [file(Path::new("a.txt"), "csv", "tables are"), folder(Path::new("set.txt"))] {
            let error = error.expect_err("another ending");
            assert!(error.code() == "unknown-format" && error.exit_code() == 2, "{error}");
        }
        let missing = file(Path::new("no/such/place/a.csv"), "csv", "tables are").expect_err("no folder");
        assert!(missing.code() == "no-folder" && missing.to_string().contains("mkdir -p no/such/place"), "{missing}");
        let png = file(Path::new("a.png"), "svg", "pictures are").expect_err("no PNG").to_string();
        assert!(png.contains("rsvg-convert"), "{png}");
    }
}
