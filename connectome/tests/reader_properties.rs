//! The CSV scanner against the `csv` crate, and the import against plain sums, on random tables.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use kenyon_base::{Silent, UserError};
use kenyon_connectome::Connectome;
use kenyon_connectome::codex::header::Header;
use kenyon_connectome::codex::{Limits, Records, fields, keywords};
use kenyon_connectome::import::{self, ImportReport, ImportSpec, OnDuplicate, OnOverlap, Threshold, ThresholdOn};
use proptest::prelude::*;
use tempfile::TempDir;

/// Larger than what the reader asks of the file at a time.
const BEYOND_BUFFER: usize = 300_000;

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn written(bytes: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("table.csv");
    fs::write(&path, bytes).unwrap();
    (dir, path)
}

type Table = Vec<Vec<String>>;

/// All records of a file, with their lines.
fn read(path: &Path, limits: Limits) -> Result<(Table, Vec<u64>), UserError> {
    let mut records = Records::open(path, limits)?;
    let (mut table, mut lines) = (Vec::new(), Vec::new());
    while let Some(record) = records.next_record()? {
        table.push((0..record.len()).map(|i| record.text(i).to_string()).collect());
        lines.push(record.line);
    }
    Ok((table, lines))
}

fn ours(bytes: &[u8]) -> Result<(Table, Vec<u64>), UserError> {
    let (_dir, path) = written(bytes);
    read(&path, Limits::default())
}

/// The same by the `csv` crate.
fn theirs(bytes: &[u8]) -> Table {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    reader.records().map(|record| record.unwrap().iter().map(str::to_string).collect()).collect()
}

/// A cell and whether it is written in quotes though it need not be.
fn cell() -> impl Strategy<Value = (String, bool)> {
    let text = prop_oneof![
        4 => "[a-zA-Z0-9_.() -]{0,12}",
        2 => "[a-z,\"\n é漢🪰]{0,8}",
        1 => "(a|\r\n|\n|,|\"\"){0,6}",
        1 => "[0-9]{18}",
    ];
    (text, any::<bool>())
}

fn grid() -> impl Strategy<Value = Vec<Vec<(String, bool)>>> {
    (1..6_usize).prop_flat_map(|columns| prop::collection::vec(prop::collection::vec(cell(), columns), 1..12))
}

/// Writes a table; also returns the line on which each row starts.
fn write_csv(rows: &[Vec<(String, bool)>], line_end: &str, last_line_end: bool) -> (String, Vec<u64>) {
    let (mut out, mut lines) = (String::new(), Vec::new());
    for (i, row) in rows.iter().enumerate() {
        lines.push(out.matches('\n').count() as u64 + 1);
        for (j, (text, quoted)) in row.iter().enumerate() {
            if j > 0 {
                out.push(',');
            }
            // A row of one blank cell would be a blank line.
            let blank_line = row.len() == 1 && text.is_empty();
            if *quoted || blank_line || text.contains([',', '"', '\n', '\r']) {
                let _ = write!(out, "\"{}\"", text.replace('"', "\"\""));
            } else {
                out.push_str(text);
            }
        }
        if last_line_end || i + 1 < rows.len() {
            out.push_str(line_end);
        }
    }
    (out, lines)
}

fn texts(rows: &[Vec<(String, bool)>]) -> Table {
    rows.iter().map(|row| row.iter().map(|(text, _)| text.clone()).collect()).collect()
}

proptest! {
    #[test]
    fn records_are_those_of_the_csv_crate(rows in grid(), crlf: bool, last: bool) {
        let (text, lines) = write_csv(&rows, if crlf { "\r\n" } else { "\n" }, last);
        let (table, found_lines) = ours(text.as_bytes()).unwrap();
        prop_assert_eq!(&table, &texts(&rows));
        prop_assert_eq!(&table, &theirs(text.as_bytes()));
        prop_assert_eq!(found_lines, lines);
    }

    #[test]
    fn a_gz_gives_the_records_of_the_plain_file(rows in grid(), crlf: bool, cut in 0..100_usize) {
        let (text, _) = write_csv(&rows, if crlf { "\r\n" } else { "\n" }, true);
        let bytes = text.as_bytes();
        let (head, tail) = bytes.split_at(bytes.len() * cut / 100);
        let plain = ours(bytes).unwrap();
        prop_assert_eq!(&ours(&gz(bytes)).unwrap(), &plain);
        prop_assert_eq!(&ours(&[gz(head), gz(tail)].concat()).unwrap(), &plain);
    }

    #[test]
    fn arbitrary_bytes_give_records_or_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let (_dir, path) = written(&bytes);
        let _ = read(&path, Limits::default());
        let _ = keywords::read(&path);
    }

    #[test]
    fn arbitrary_csv_like_text_gives_records_or_an_error_and_no_panic(text in "[a-z0-9,\"\n\r\té]{0,300}") {
        let (_dir, path) = written(text.as_bytes());
        if let Ok((table, lines)) = read(&path, Limits { decompressed: 1 << 20, ratio: 1000, line: 64, field: 16, columns: 8 }) {
            prop_assert!(table.iter().all(|row| row.len() == table[0].len() && row.len() <= 8));
            prop_assert!(table.iter().flatten().all(|field| field.len() <= 16));
            prop_assert!(lines.is_sorted_by(|a, b| a < b));
        }
    }

    #[test]
    fn ids_and_counts_are_read_as_the_standard_library_reads_them(text in "[0-9]{1,22}|[0-9a-f+. -]{0,20}|[0-9]{16}[^0-9\0]{1,2}") {
        let (_dir, path) = written(format!("a,b\n\"{}\",0\n", text.replace('"', "\"\"")).as_bytes());
        let mut records = Records::open(&path, Limits::default()).unwrap();
        records.next_record().unwrap();
        let record = records.next_record().unwrap().unwrap();
        let digits = text.trim_matches(|c: char| c.is_ascii_whitespace());
        let is_digits = digits.bytes().all(|b| b.is_ascii_digit()) && digits.len() <= 20;
        let expected = if is_digits { digits.parse::<u64>().ok() } else { None };
        prop_assert_eq!(fields::root_id(&record, 0, "a").ok(), expected);
        let count = expected.and_then(|n| u32::try_from(n).ok());
        prop_assert_eq!(fields::syn_count(&record, 0, "a").ok(), count.map(|n| (n > 0).then_some(n)));
    }
}

#[test]
fn records_larger_than_the_buffer_and_characters_across_its_ends_are_read_whole() {
    for shift in 0..5 {
        let mut rows = vec![vec![("a".repeat(shift), false), ("b".to_string(), false)]];
        for n in 0..40 {
            let long: String = "é漢🪰\n\"".chars().cycle().skip(n).take(4_000).collect();
            rows.push(vec![(long, true), (format!("plain {}", "漢".repeat(3_000)), false)]);
        }
        let (text, lines) = write_csv(&rows, "\n", true);
        assert!(text.len() > 2 * BEYOND_BUFFER);
        let expected = (texts(&rows), lines);
        assert_eq!(ours(text.as_bytes()).unwrap(), expected);
        assert_eq!(ours(&gz(text.as_bytes())).unwrap(), expected);
    }
}

#[test]
fn one_record_over_several_buffers_is_read_whole() {
    let quoted = ("x,\"\n".repeat(15_000), true);
    let rows = vec![vec![("h".to_string(), false); 12], vec![quoted; 12], vec![("y".repeat(60_000), false); 12]];
    let (text, lines) = write_csv(&rows, "\r\n", false);
    assert!(text.len() > 4 * BEYOND_BUFFER);
    assert_eq!(ours(text.as_bytes()).unwrap(), (texts(&rows), lines));
}

#[test]
fn faults_behind_the_first_buffer_name_their_line() {
    let good = "a,b\n".repeat(BEYOND_BUFFER);
    for (bad, code) in [("x\n", "ragged-row"), ("x,\"y\n", "unterminated-quote"), ("x,\0\n", "nul-byte")] {
        let error = ours(format!("{good}{bad}").as_bytes()).unwrap_err();
        assert_eq!((error.code(), error.line_number()), (code, Some(BEYOND_BUFFER as u64 + 1)));
    }
}

// Import --------------------------------------------------------------------------------------------------------------

/// A row: pre, post, neuropil, count.
type Row = (u64, u64, usize, u32);

const NEUROPILS: [&str; 4] = ["", "AL_L", "AL_R", "MB"];

fn rows(neurons: u64) -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((1..=neurons, 1..=neurons, 0..NEUROPILS.len(), prop_oneof![0..4_u32, 1..40_u32]), 1..60)
}

fn csv_of(rows: &[Row]) -> String {
    let mut text = "pre_root_id,post_root_id,neuropil,syn_count,nt_type\n".to_string();
    for (pre, post, neuropil, count) in rows {
        writeln!(text, "{pre},{post},{},{count},ACH", NEUROPILS[*neuropil]).unwrap();
    }
    text
}

fn imported(tables: &[&[Row]], spec: &ImportSpec) -> Result<(Connectome, ImportReport), UserError> {
    let dir = tempfile::tempdir().unwrap();
    for (i, rows) in tables.iter().enumerate() {
        fs::write(dir.path().join(format!("t{i}.csv")), csv_of(rows)).unwrap();
    }
    let connections = (0..tables.len()).map(|i| format!("t{i}")).collect();
    import::import(dir.path(), &ImportSpec { connections, ..spec.clone() }, &Silent)
}

/// Pairs of a connectome by root id.
fn pairs(connectome: &Connectome) -> BTreeMap<(u64, u64), u64> {
    let id = |i: u32| connectome.root_ids[i as usize];
    let p = &connectome.pairs;
    (0..p.len()).map(|i| ((id(p.pre[i]), id(p.post[i])), u64::from(p.syn_count[i]))).collect()
}

/// Rows by (pre, post, neuropil) after zero counts, self loops and the policy for duplicates; and how many rows repeat.
fn plain_rows(rows: &[Row], policy: OnDuplicate, keep_self_loops: bool) -> (BTreeMap<(u64, u64, usize), u64>, u64) {
    let (mut out, mut repeated) = (BTreeMap::new(), 0);
    for &(pre, post, neuropil, count) in rows.iter().filter(|r| r.3 > 0 && (keep_self_loops || r.0 != r.1)) {
        match out.get_mut(&(pre, post, neuropil)) {
            None => {
                out.insert((pre, post, neuropil), u64::from(count));
            }
            Some(known) => {
                repeated += 1;
                *known += if policy == OnDuplicate::Sum { u64::from(count) } else { 0 };
            }
        }
    }
    (out, repeated)
}

/// Sums of rows to pairs with the threshold.
fn plain_pairs(rows: &BTreeMap<(u64, u64, usize), u64>, threshold: Threshold) -> BTreeMap<(u64, u64), u64> {
    let min = u64::from(threshold.min);
    let mut out = BTreeMap::new();
    for (&(pre, post, _), &count) in rows.iter().filter(|(_, n)| threshold.on == ThresholdOn::Pair || **n >= min) {
        *out.entry((pre, post)).or_insert(0) += count;
    }
    out.retain(|_, &mut total| threshold.on == ThresholdOn::Row || total >= min);
    out
}

fn threshold() -> impl Strategy<Value = Threshold> {
    (prop_oneof![Just(ThresholdOn::Pair), Just(ThresholdOn::Row)], 0..12_u32).prop_map(|(on, min)| Threshold { on, min })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn pairs_are_the_plain_sums_of_their_rows(rows in rows(8), sum: bool, keep_self_loops: bool, threshold in threshold()) {
        let on_duplicate = if sum { OnDuplicate::Sum } else { OnDuplicate::First };
        let spec = ImportSpec { on_duplicate, keep_self_loops, threshold, ..ImportSpec::default() };
        let (connectome, report) = imported(&[&rows], &spec).unwrap();
        let (plain, repeated) = plain_rows(&rows, on_duplicate, keep_self_loops);
        let expected = plain_pairs(&plain, threshold);
        prop_assert_eq!(pairs(&connectome), expected.clone());
        let d = &report.diagnostics;
        prop_assert_eq!(report.synapses, expected.values().sum::<u64>());
        prop_assert_eq!(report.pairs, expected.len() as u64);
        prop_assert_eq!(d.rows_read, rows.len() as u64);
        prop_assert_eq!(d.duplicate_rows, repeated);
        prop_assert_eq!(d.zero_counts, rows.iter().filter(|r| r.3 == 0).count() as u64);
        prop_assert_eq!(d.self_loops, rows.iter().filter(|r| r.3 > 0 && r.0 == r.1).count() as u64);
        prop_assert_eq!(report.rows + d.threshold.removed_rows, plain.len() as u64);
        prop_assert_eq!(report.synapses + d.threshold.removed_synapses, plain.values().sum::<u64>());
        prop_assert!(connectome.root_ids.is_sorted_by(|a, b| a < b));
        prop_assert!(connectome.pairs.pre.iter().zip(&connectome.pairs.post).is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn repeated_rows_are_an_error_exactly_if_there_are_any(rows in rows(5)) {
        let (plain, repeated) = plain_rows(&rows, OnDuplicate::Error, false);
        match imported(&[&rows], &ImportSpec::default()) {
            Ok((connectome, _)) => {
                prop_assert_eq!(repeated, 0);
                prop_assert_eq!(pairs(&connectome), plain_pairs(&plain, Threshold::default()));
            }
            Err(error) => {
                prop_assert!(repeated > 0);
                prop_assert_eq!(error.code(), "duplicate-edge");
                let line = error.line_number().unwrap() as usize;
                let (pre, post, neuropil, _) = rows[line - 2];
                let earlier = rows[..line - 2].iter().any(|r| (r.0, r.1, r.2) == (pre, post, neuropil) && r.3 > 0);
                prop_assert!(earlier, "line {} repeats nothing", line);
            }
        }
    }

    #[test]
    fn pairs_of_several_tables_are_decided_as_asked(tables in prop::collection::vec(rows(5), 2..4), max: bool, threshold in threshold()) {
        let on_overlap = if max { OnOverlap::Max } else { OnOverlap::First };
        let spec = ImportSpec { on_overlap, on_duplicate: OnDuplicate::Sum, threshold, ..ImportSpec::default() };
        let borrowed: Vec<&[Row]> = tables.iter().map(Vec::as_slice).collect();
        let (connectome, report) = imported(&borrowed, &spec).unwrap();
        let rows: Vec<_> = tables.iter().map(|t| plain_rows(t, OnDuplicate::Sum, false).0).collect();
        let totals: Vec<_> = rows.iter().map(|r| plain_pairs(r, Threshold::default())).collect();
        let mut kept = BTreeMap::new();
        let mut overlapping = 0;
        for pair in totals.iter().flat_map(BTreeMap::keys).collect::<std::collections::BTreeSet<_>>() {
            let having: Vec<usize> = (0..totals.len()).filter(|&t| totals[t].contains_key(pair)).collect();
            overlapping += u64::from(having.len() > 1);
            // `max_by_key` takes the last of equals, the first is wanted.
            let decides = if max { *having.iter().rev().max_by_key(|&&t| totals[t][pair]).unwrap() } else { having[0] };
            kept.extend(rows[decides].iter().filter(|((pre, post, _), _)| (pre, post) == (&pair.0, &pair.1)).map(|(k, n)| (*k, *n)));
        }
        prop_assert_eq!(pairs(&connectome), plain_pairs(&kept, threshold));
        prop_assert_eq!(report.diagnostics.overlapping_pairs, overlapping);
        prop_assert_eq!(connectome.rows.table.len(), connectome.rows.syn_count.len());
    }

    #[test]
    fn pairs_in_two_tables_are_an_error_unless_decided(first in rows(4), second in rows(4)) {
        let spec = ImportSpec { on_duplicate: OnDuplicate::Sum, ..ImportSpec::default() };
        let [a, b] = [&first, &second].map(|t| plain_pairs(&plain_rows(t, OnDuplicate::Sum, false).0, Threshold::default()));
        let shared = a.keys().any(|pair| b.contains_key(pair));
        match imported(&[&first, &second], &spec) {
            Ok(_) => prop_assert!(!shared),
            Err(error) => {
                prop_assert!(shared);
                prop_assert_eq!(error.code(), "overlap");
            }
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter(rows in rows(8), seed: u64) {
        let spec = ImportSpec { on_duplicate: OnDuplicate::Sum, ..ImportSpec::default() };
        let mut turned = rows.clone();
        turned.rotate_left((seed % rows.len() as u64) as usize);
        turned.reverse();
        let [(a, _), (b, _)] = [&rows, &turned].map(|r| imported(&[r], &spec).unwrap());
        prop_assert_eq!(a.root_ids, b.root_ids);
        prop_assert_eq!(a.pairs, b.pairs);
        prop_assert_eq!(a.rows, b.rows);
    }
}

#[test]
fn a_header_of_any_cells_is_recognised_or_unknown_without_panic() {
    for text in [",,,\n", "\"\"\n", "a\n", "\u{feff}root_id\n", "pre,post\n", "\"pre_root_id\",\"post_root_id\",\"syn_count\"\n"]
    {
        let (_dir, path) = written(text.as_bytes());
        let mut records = Records::open(&path, Limits::default()).unwrap();
        let header = Header::read(&mut records).unwrap();
        assert_eq!(header.cells.len(), header.cells_listed().len());
    }
}
