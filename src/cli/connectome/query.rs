//! `kenyon connectome query`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use kenyon_base::{AtomicFile, Result, UserError};
use kenyon_connectome::codex::keywords;
use kenyon_connectome::query::{Field, Table};
use kenyon_connectome::{Pack, Query};
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::output::{TextTable, count, of};
use crate::cli::target::Target;

/// Choose neurons by an expression over their attributes and keyword lists.
///
/// Comparisons `field = value`, `!=`, `~ "regex"`, `!~`, `in ("a", "b")`, `in list("APL")`, joined by `and`, `or`, `not`, `-` (set
/// difference) or `& | !`, with parentheses.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    kenyon connectome query fly.h5 'type ~ \"^KC\" and side = \"right\" and nt = \"ACH\"'\n  \
    kenyon connectome query fly.h5 'class = ALPN & sub_class = uniglomerular - in list(\"mine\")' --list mine.txt -o pn.txt")]
pub(in crate::cli) struct QueryArgs {
    /// Connectome pack
    #[arg(value_name = "PACK")]
    pack: PathBuf,
    /// Expression; see `docs/query.md`
    #[arg(value_name = "QUERY", required = true, num_args = 1..)]
    query: Vec<String>,
    /// Further keyword file; its list is named by the file, without `root_ids_` and `.txt`
    #[arg(long, value_name = "FILE")]
    list: Vec<PathBuf>,
    /// Write the neurons: `.txt` as a keyword file, `.csv` as a table
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A pack with the keyword files of this command.
struct WithLists<'a> {
    pack: &'a Pack,
    extra: Vec<(String, Vec<u32>)>,
}

impl Table for WithLists<'_> {
    fn rows(&self) -> usize {
        self.pack.rows_len()
    }
    fn root_ids(&self) -> &[u64] {
        self.pack.root_ids()
    }
    fn fields(&self) -> Vec<String> {
        self.pack.fields()
    }
    fn field(&self, name: &str) -> Result<Option<Field>> {
        self.pack.field(name)
    }
    fn lists(&self) -> Vec<String> {
        self.pack.lists().into_iter().chain(self.extra.iter().map(|(name, _)| name.clone())).collect()
    }
    fn list(&self, name: &str) -> Result<Option<Vec<u32>>> {
        match self.extra.iter().find(|(list, _)| list == name) {
            Some((_, rows)) => Ok(Some(rows.clone())),
            None => self.pack.list(name),
        }
    }
}

/// Columns of the table form.
const COLUMNS: [&str; 5] = ["type", "class", "side", "nt", "name"];

impl QueryArgs {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let [query] = &self.query[..] else {
            return Err(UserError::usage("query-words", "the query came as several words")
                .found(self.query.join(" "))
                .expected("one text")
                .mend(format!("put the whole query in single quotes: '{}'", self.query.join(" "))));
        };
        let query = Query::parse(query)?;
        let inputs = self.list.iter().chain([&self.pack]).map(PathBuf::as_path);
        let target = self.output.as_deref().map(|output| Target::new(output, inputs)).transpose()?;
        let pack = Pack::open(&self.pack)?;
        let mut table = WithLists { pack: &pack, extra: Vec::new() };
        for path in &self.list {
            let list = keywords::read(path)?;
            let rows = pack.rows_of(&list.ids);
            let outside = list.ids.len() - rows.len();
            if outside > 0 {
                let ids = of(list.ids.len() as u64, "id");
                context.warn(&format!("{}: {} of {ids} are no neurons of the pack", path.display(), count(outside as u64)));
            }
            table.extra.push((keywords::list_name(path), rows));
        }
        let rows = query.select(&table)?;
        let ids: Vec<String> = rows.iter().map(|&row| pack.root_ids()[row as usize].to_string()).collect();
        if let Some(output) = &self.output {
            write(output, &pack, &rows, &ids)?;
        }
        if let Some(target) = target {
            target.written(context);
        }
        if rows.is_empty() {
            context.note("no neuron meets the whole query, though every value in it is known");
        }
        let report = json!({ "query": query.to_string(), "count": ids.len(), "root_ids": ids });
        let shown = shown(&pack, &rows)?;
        context.print(&report, || format!("{shown}\n{}", of(ids.len() as u64, "neuron")));
        Ok(())
    }
}

fn csv(pack: &Pack, rows: &[u32]) -> Result<String> {
    let names = pack.attribute_names();
    let columns = names.iter().map(|name| pack.attribute(name)).collect::<Result<Vec<_>>>()?;
    let quoted = |text: &str| {
        if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_string() }
    };
    let mut out = format!("root_id,{}\n", names.join(","));
    for &row in rows {
        let _ = write!(out, "{}", pack.root_ids()[row as usize]);
        for column in &columns {
            let _ = write!(out, ",{}", quoted(column.get(row as usize)));
        }
        out.push('\n');
    }
    Ok(out)
}

/// The first neurons as a table.
fn shown(pack: &Pack, rows: &[u32]) -> Result<String> {
    const SHOWN: usize = 20;
    let header: Vec<&str> = ["root_id"].into_iter().chain(COLUMNS).collect();
    let columns = COLUMNS.iter().map(|name| pack.attribute(name)).collect::<Result<Vec<_>>>()?;
    let mut table = TextTable::new(&header);
    for &row in rows.iter().take(SHOWN) {
        let cells = columns.iter().map(|c| c.get(row as usize).to_string());
        table.row([pack.root_ids()[row as usize].to_string()].into_iter().chain(cells));
    }
    if rows.len() > SHOWN {
        table.row([format!("… {} more", count((rows.len() - SHOWN) as u64))]);
    }
    Ok(table.render())
}

/// Writes the answer as a keyword file or as a table, by the ending of the name.
fn write(output: &Path, pack: &Pack, rows: &[u32], ids: &[String]) -> Result<()> {
    let text = match output.extension().and_then(|e| e.to_str()) {
        Some("txt") => ids.join(",") + "\n",
        Some("csv") => csv(pack, rows)?,
        _ => {
            return Err(UserError::usage("unknown-extension", "has no known ending")
                .file(output)
                .mend("write `.txt` (keyword file) or `.csv`"));
        }
    };
    AtomicFile::write(output, text.as_bytes())
}
