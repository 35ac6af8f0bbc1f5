//! Malformed tables and keyword lists through the built binary: every fault names its place and its mend, and writes nothing.
//!
//! Rows "any", "CSV" and "keyword list" of the malformed-input matrix in `docs/formats.md`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{Dump, HEADER, gz, id, table, with_ids};

const CLASSES: &str = "root_id,flow,super_class,class,sub_class,hemilineage,side,nerve\n";

/// A classification table of these rows beside a sound connection table.
fn classified(rows: &str) -> Dump {
    Dump::sound().file("classification.csv", CLASSES.to_string() + &with_ids(rows))
}

/// A receptor map of these rows beside a sound connection table.
fn receptors(rows: &str) -> Dump {
    Dump::sound().file("derived/receptor_to_root_ids.csv", "receptor_label,root_id\n".to_string() + &with_ids(rows))
}

// Any file ------------------------------------------------------------------------------------------------------------

#[test]
fn an_empty_file_is_an_error() {
    Dump::of("").fault().code("empty-file").file("connections.csv").line(1);
    Dump::sound().file("classification.csv", "").fault().code("empty-file").file("classification.csv").line(1);
}

#[test]
fn a_gz_of_zero_bytes_is_an_error() {
    Dump::empty().file("connections.csv.gz", "").fault().code("empty-file").file("connections.csv.gz");
}

#[test]
fn a_gz_of_nothing_is_an_error() {
    Dump::empty().file("connections.csv.gz", gz(b"")).fault().code("empty-file").file("connections.csv.gz");
}

#[test]
fn a_folder_in_place_of_a_file_is_an_error() {
    let dump = Dump::empty();
    fs::create_dir(dump.dir().join("connections.csv")).unwrap();
    dump.fault().code("is-a-directory").file("connections.csv");
}

#[test]
fn a_file_in_place_of_the_folder_is_an_error() {
    let dump = Dump::sound();
    let run = common::import(&dump.dir().join("connections.csv"), &dump.output(), &[]);
    assert_eq!(run.code, 3);
    assert_eq!(run.json()["error"]["code"], "not-a-folder");
}

#[test]
fn a_missing_folder_is_an_error() {
    let dump = Dump::empty();
    let run = common::import(&dump.dir().join("nowhere"), &dump.output(), &[]);
    assert_eq!(run.code, 3);
    assert_eq!(run.json()["error"]["code"], "not-found");
}

#[test]
fn a_folder_without_tables_is_an_error() {
    Dump::empty().fault().code("no-tables").expects("connections.csv.gz");
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_file_is_an_error_and_is_not_waited_for() {
    for (name, dump) in [("connections.csv", Dump::empty()), ("root_ids_ORN.txt", Dump::sound())] {
        let made = Command::new("mkfifo").arg(dump.dir().join(name)).status();
        if !made.is_ok_and(|status| status.success()) {
            return;
        }
        dump.fault().code("not-a-file").file(name);
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let dump = Dump::sound();
    let path = dump.dir().join("connections.csv");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&path).is_ok() {
        // The super-user may read everything.
        return;
    }
    dump.fault().code("no-permission").file("connections.csv");
}

#[test]
fn a_truncated_gz_is_an_error_that_states_the_last_complete_line() {
    use std::fmt::Write as _;
    let mut text = HEADER.to_string();
    for n in 0..60_000_u64 {
        writeln!(text, "{},{},AL_L,{},ACH", id(n), id(n.wrapping_mul(7919) % 99_991), 1 + n % 97).unwrap();
    }
    let whole = gz(text.as_bytes());
    let half = &whole[..whole.len() / 2];
    let mut unpacked = Vec::new();
    let _ = std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(half), &mut unpacked);
    let complete = unpacked.split(|&b| b == b'\n').count() as u64 - 1;
    assert!(complete > 10_000);
    let fault = Dump::empty().file("connections.csv.gz", half).fault().code("gzip-truncated").file("connections.csv.gz");
    let stated = fault.error["line"].as_u64().unwrap();
    fault.says(&format!("after line {stated}"));
    assert!(stated <= complete && complete - stated < 2_000, "{stated} of {complete}");
}

#[test]
fn a_gz_that_ends_within_its_checksum_or_header_is_truncated() {
    let whole = gz(table("@1,@2,AL_L,5,ACH\n").as_bytes());
    for keep in [whole.len() - 1, whole.len() - 8, 5] {
        Dump::empty().file("connections.csv.gz", &whole[..keep]).fault().code("gzip-truncated").file("connections.csv.gz");
    }
}

#[test]
fn a_gz_with_a_wrong_checksum_is_damaged() {
    let mut bytes = gz(table("@1,@2,AL_L,5,ACH\n").as_bytes());
    let at = bytes.len() - 6;
    bytes[at] ^= 1;
    Dump::empty().file("connections.csv.gz", bytes).fault().code("gzip-damaged").file("connections.csv.gz");
}

#[test]
fn concatenated_gz_members_are_read_to_the_end() {
    let members = [gz(HEADER.as_bytes()), gz(with_ids("@1,@2,AL_L,5,A").as_bytes()), gz(with_ids("CH\n@2,@3,,7,\n").as_bytes())];
    let dump = Dump::empty().file("connections.csv.gz", members.concat());
    assert_eq!(dump.report().totals(), [3, 2, 2, 12]);
}

#[test]
fn a_gz_of_many_tiny_members_is_read_in_good_time() {
    let text = table("@1,@2,\"AL\n_L\",5,ACH\n@2,@3,AL_R,7,GABA\n") + &"\n".repeat(20_000);
    let members: Vec<u8> = text.as_bytes().iter().flat_map(|&byte| gz(&[byte])).collect();
    let begun = Instant::now();
    assert_eq!(Dump::empty().file("connections.csv.gz", members).report().totals(), [3, 2, 2, 12]);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_gz_is_recognised_by_its_content_and_not_by_its_name() {
    let text = table("@1,@2,AL_L,5,ACH\n");
    assert_eq!(Dump::of(gz(text.as_bytes())).report().totals(), [2, 1, 1, 5]);
    assert_eq!(Dump::empty().file("connections.csv.gz", text).report().totals(), [2, 1, 1, 5]);
}

#[test]
fn other_compressions_and_gz_in_gz_are_refused_by_name() {
    for (bytes, name) in [
        (b"\xfd7zXZ\0rest".to_vec(), "xz"),
        (b"PK\x03\x04rest".to_vec(), "zip"),
        (b"BZh9rest".to_vec(), "bzip2"),
        (b"\x28\xb5\x2f\xfdrest".to_vec(), "zstd"),
        (gz(&gz(HEADER.as_bytes())), "gzip twice"),
    ] {
        Dump::of(bytes).fault().code("wrong-compression").file("connections.csv").line(1).byte(0).says(name).expects("gzip");
    }
}

/// Bytes that unpack to a thousandfold, behind a sound header.
fn bomb(byte: u8, mebibytes: usize) -> Vec<u8> {
    let mut text = HEADER.as_bytes().to_vec();
    text.resize(mebibytes << 20, byte);
    gz(&text)
}

#[test]
fn a_gz_bomb_is_stopped_by_a_limit_within_five_seconds() {
    for (byte, limit) in [(b'\n', "`ratio`"), (0, "`line`")] {
        let dump = Dump::empty().file("connections.csv.gz", bomb(byte, 128));
        let begun = Instant::now();
        dump.fault().code("limit").file("connections.csv.gz").says(limit);
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}

#[cfg(unix)]
#[test]
fn a_gz_bomb_does_not_fill_memory() {
    let dump = Dump::empty().file("connections.csv.gz", bomb(b'\n', 512));
    let limited = Command::new("sh")
        .args(["-c", "ulimit -v 262144 && exec \"$0\" \"$@\""])
        .arg(assert_cmd::cargo::cargo_bin!("kenyon"))
        .args(["--json", "--threads", "1", "connectome", "import"])
        .arg(dump.dir())
        .arg("-o")
        .arg(dump.output())
        .output()
        .unwrap();
    let run = common::Run::of(&limited);
    assert_eq!(run.code, 3, "{run:?}");
    assert_eq!(run.json()["error"]["code"], "limit");
}

// Text ----------------------------------------------------------------------------------------------------------------

#[test]
fn a_byte_order_mark_crlf_blank_lines_and_a_missing_last_line_end_are_accepted() {
    let lf = table("@1,@2,AL_L,5,ACH\n@2,@3,AL_R,7,GABA\n");
    let crlf = lf.replace('\n', "\r\n");
    for text in [
        format!("\u{feff}{lf}"),
        crlf.clone(),
        lf.trim_end().to_string(),
        crlf.trim_end().to_string(),
        format!("{}\r", crlf.trim_end()),
        lf.replace('\n', "\n\n"),
        format!("\n\r\n{crlf}\r\n\r\n"),
        format!("\u{feff}{}", crlf.replace(",AL_L", ",\"AL_L\"").trim_end()),
        lf.replace(',', "\t"),
        lf.replace(",5,", ", 5 ,").replace(",ACH", ", ach "),
    ] {
        let dump = Dump::of(&text);
        assert_eq!(dump.report().totals(), [3, 2, 2, 12], "{text:?}");
        assert_eq!(dump.pack().edges(), [(1, 2, 5), (2, 3, 7)], "{text:?}");
    }
}

#[test]
fn lines_are_counted_with_blank_ones_and_rows_without() {
    let text = table("@1,@2,AL_L,5,ACH\n\n\r\n@2,x,AL_R,7,GABA\n");
    Dump::of(text).fault().code("id-not-integer").line(5).row(2).column("post_root_id").found("x");
}

#[test]
fn lines_inside_quotes_are_counted() {
    let text = table("@1,@2,\"a\nb\r\n\n\",5,ACH\n@2,x,AL_R,7,GABA\n");
    Dump::of(text).fault().code("id-not-integer").line(6).row(2).column("post_root_id");
}

#[test]
fn utf16_is_refused_with_line_and_byte() {
    let utf16: Vec<u8> = table("@1,@2,AL_L,5,ACH\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [&b"\xff\xfe"[..], &utf16].concat();
    for bytes in [marked.clone(), gz(&marked)] {
        Dump::of(bytes).fault().code("not-utf8").file("connections.csv").line(1).byte(0).says("UTF-16").expects("UTF-8");
    }
    Dump::of(utf16).fault().code("nul-byte").line(1).byte(1).expects("UTF-8");
}

#[test]
fn invalid_utf8_and_nul_are_refused_with_line_and_byte() {
    for (byte, code) in [(0xff, "not-utf8"), (0x00, "nul-byte")] {
        let mut bytes = table("@1,@2,AL_L,5,ACH\n@2,@3,?,5,ACH\n").into_bytes();
        let at = bytes.iter().position(|&b| b == b'?').unwrap();
        bytes[at] = byte;
        let fault = Dump::of(&bytes).fault().code(code).file("connections.csv").line(3).byte(at as u64);
        fault.found(&format!("0x{byte:02x}")).expects("UTF-8");
        Dump::of(gz(&bytes)).fault().code(code).line(3).byte(at as u64);
    }
}

#[test]
fn line_ends_of_old_macs_are_refused() {
    let text = table("@1,@2,AL_L,5,ACH\n").replace('\n', "\r");
    Dump::of(text).fault().code("line-ends").line(1).expects("LF");
}

#[test]
fn quoted_commas_newlines_and_doubled_quotes_are_accepted() {
    let rows = "\"@1\",@2,\"A,L\",5,ACH\n@2,\"@3\",\"say \"\"AL\"\"\",\"7\",\"GABA\"\n@3,@4,\"two\r\nlines\",1,\n";
    let dump = Dump::of(table(rows));
    assert_eq!(dump.report().totals(), [4, 3, 3, 13]);
    let file = hdf5::File::open(dump.output()).unwrap();
    let names = file.dataset("names/neuropils").unwrap().read_raw::<hdf5::types::FixedUnicode<16>>().unwrap();
    let names: Vec<&str> = names.iter().map(hdf5::types::FixedUnicode::as_str).collect();
    assert_eq!(names, ["", "A,L", "say \"AL\"", "two\r\nlines"]);
}

#[test]
fn an_unterminated_quote_is_an_error_at_the_line_that_opens_it() {
    let short = table("@1,@2,AL_L,5,ACH\n@2,@3,\"AL_R,7,GABA\n@3,@4,AL_R,7,GABA\n");
    let long = short.clone() + &with_ids("@4,@5,AL_R,7,GABA\n").repeat(10_000);
    for text in [short, long] {
        Dump::of(text).fault().code("unterminated-quote").file("connections.csv").line(3).row(2).says("close the quote");
    }
}

#[test]
fn an_unterminated_quote_in_the_header_is_an_error() {
    Dump::of(format!("\"{}", table("@1,@2,AL_L,5,ACH\n"))).fault().code("unterminated-quote").line(1);
}

#[test]
fn a_quote_opened_on_a_later_line_of_a_record_is_reported_there() {
    Dump::of(table("@1,@2,\"a\nb\",5,\"ACH\n")).fault().code("unterminated-quote").line(3).row(1);
}

#[test]
fn text_behind_a_closing_quote_is_an_error() {
    for rows in ["@1,@2,\"AL\"_L,5,ACH\n", "@1,@2,\"AL\"\r_L,5,ACH\n"] {
        Dump::of(table(rows)).fault().code("bad-quote").line(2).row(1).expects("doubled");
    }
}

#[test]
fn a_ragged_row_is_an_error_with_the_fields_found_and_expected() {
    for (row, found) in [("@2,@3,AL_R,7\n", "4 fields"), ("@2,@3,AL_R,7,GABA,\n", "6 fields"), ("@2,@3,\"AL_R\",7\n", "4 fields")]
    {
        let dump = Dump::of(table(&format!("@1,@2,AL_L,5,ACH\n{row}")));
        dump.fault().code("ragged-row").file("connections.csv").line(3).row(2).found(found).expects("5 fields");
    }
}

// Header --------------------------------------------------------------------------------------------------------------

#[test]
fn a_missing_header_is_an_error() {
    let rows = with_ids("@1,@2,AL_L,5,ACH\n@2,@3,AL_R,7,GABA\n");
    Dump::of(&rows).fault().code("header-missing").file("connections.csv").line(1).expects("pre_root_id");
    Dump::sound().file("anything.csv", rows).fault().code("header-missing").file("anything.csv").line(1);
}

#[test]
fn a_file_of_line_ends_has_no_header() {
    Dump::of("\n\n").fault().code("header-missing").file("connections.csv").line(1);
    Dump::of("\u{feff}").fault().code("header-missing").file("connections.csv").line(1);
}

#[test]
fn a_missing_column_is_an_error_that_names_the_nearest() {
    for (written, column) in [
        ("pre_root_ids", "pre_root_id"),
        ("post_rootid", "post_root_id"),
        ("post_pt_root_idd", "post_root_id"),
        ("syn_cont", "syn_count"),
        ("weigth", "syn_count"),
    ] {
        let dump = Dump::of(table("@1,@2,AL_L,5,ACH\n").replacen(column, written, 1));
        let fault = dump.fault().code("header-missing").file("connections.csv").line(1).column(column);
        fault.says(&format!("rename `{written}` to `{column}`"));
    }
    let both = table("@1,@2,AL_L,5,ACH\n").replace("_root_id", "_roots_id");
    Dump::of(both).fault().code("header-missing").line(1).column("pre_root_id").says("rename `pre_roots_id`");
}

#[test]
fn a_header_with_semicolons_is_explained() {
    let plain = table("@1,@2,AL_L,5,ACH\n").replace(',', ";");
    Dump::of(&plain).fault().code("header-missing").line(1).says("separated by semicolons");
    let quoted = plain.replace(';', "\";\"").replace('\n', "\"\n\"");
    Dump::of(format!("\"{quoted}")).fault().code("bad-quote").line(1).says("separated by semicolons");
}

#[test]
fn a_duplicate_header_is_an_error_also_under_an_alias_or_in_another_case() {
    for (first, second) in [("neuropil", "neuropil"), ("syn_count", "weight"), ("nt_type", "NT_TYPE"), ("note", "Note")] {
        let header =
            format!("pre_root_id,post_root_id,syn_count,{first},{second}\n").replace("syn_count,syn_count", "x,syn_count");
        let fault =
            Dump::of(header + &with_ids("@1,@2,5,5,5\n")).fault().code("header-duplicate").file("connections.csv").line(1);
        fault.column(second).says("and").expects("each column once");
    }
}

#[test]
fn permuted_extra_and_aliased_columns_are_accepted_and_extra_ones_listed() {
    let text = with_ids("note,weight, Post_PT_Root_ID ,roi,other,pre_id\na,5,@2,AL_L,b,@1\nc,7,@3,AL_R,d,@2\n");
    let dump = Dump::of(text);
    let run = dump.report();
    assert_eq!(run.totals(), [3, 2, 2, 12]);
    assert_eq!(run.file("connections.csv")["extra_columns"], serde_json::json!(["note", "other"]));
    assert_eq!(dump.pack().edges(), [(1, 2, 5), (2, 3, 7)]);
}

#[test]
fn a_table_of_unknown_columns_is_listed_and_not_read() {
    let run = Dump::sound().file("weather.csv", "day,rain\nmonday,1\n").report();
    let file = run.file("weather.csv");
    assert_eq!((&file["kind"], &file["used"]), (&"unknown".into(), &false.into()));
    assert!(file["note"].as_str().unwrap().contains("day,rain"));
}

#[test]
fn known_tables_without_use_are_listed_and_not_read() {
    let run = Dump::sound()
        .file("labels.csv", "root_id,label,user_id,position,supervoxel_id,label_id,date_created,user_name,user_affiliation\n")
        .file("synapse_coordinates.csv", "pre_root_id,post_root_id,x,y,z\n")
        .report();
    for name in ["labels.csv", "synapse_coordinates.csv"] {
        assert_eq!(run.file(name)["kind"], "ignored");
        assert!(run.file(name)["note"].as_str().unwrap().contains("not read"));
    }
}

// Ids and counts ------------------------------------------------------------------------------------------------------

const DAMAGED_IDS: [&str; 13] = [
    "1e17",
    "7.2E+17",
    "7.20575940000000E+17",
    "720575940000000001.0",
    "-720575940000000001",
    "+1",
    "18446744073709551616",
    "99999999999999999999999",
    "0xA00000000000001",
    "720575940 000000001",
    "NaN",
    "NA",
    "７２",
];

#[test]
fn a_damaged_id_is_an_error_with_line_row_column_and_text() {
    for text in DAMAGED_IDS {
        for (row, column) in
            [(format!("{text},@2,AL_L,5,ACH\n"), "pre_root_id"), (format!("@1,{text},AL_L,5,ACH\n"), "post_root_id")]
        {
            let dump = Dump::of(table(&format!("@1,@2,AL_L,5,ACH\n{row}")));
            let fault = dump.fault().code("id-not-integer").file("connections.csv").line(3).row(2).column(column).found(text);
            fault.expects("whole number").says("spreadsheet");
        }
    }
}

#[test]
fn a_blank_id_is_an_error() {
    Dump::of(table(",@2,AL_L,5,ACH\n")).fault().code("id-not-integer").line(2).row(1).column("pre_root_id").says("blank");
    classified(" ,afferent,,,,,,\n").fault().code("id-not-integer").file("classification.csv").line(2).row(1).column("root_id");
}

#[test]
fn a_damaged_id_of_an_attribute_table_or_receptor_map_is_named_by_its_own_column() {
    for text in DAMAGED_IDS {
        let dump = Dump::sound().file("neurons.csv", with_ids(&format!("pt_root_id,group,nt_type\n@1,,ACH\n{text},,ACH\n")));
        dump.fault().code("id-not-integer").file("neurons.csv").line(3).row(2).column("pt_root_id").found(text);
        let dump = receptors(&format!("Or1a,@1\nOr2a,{text}\n"));
        dump.fault().code("id-not-integer").file("receptor_to_root_ids.csv").line(3).row(2).column("root_id").found(text);
    }
}

#[test]
fn the_largest_id_is_an_id_also_in_the_first_row() {
    let max = u64::MAX;
    let dump = Dump::of(format!("{HEADER}{max},7,AL_L,5,ACH\n8,{max},AL_L,6,ACH\n{max},8,AL_L,7,ACH\n"));
    dump.report();
    let pack = dump.pack();
    assert_eq!(pack.root_ids, [7, 8, max]);
    assert_eq!((pack.pre, pack.post, pack.syn_count), (vec![1, 2, 2], vec![2, 0, 1], vec![6, 5, 7]));
}

#[test]
fn a_damaged_count_is_an_error_with_line_row_column_and_text() {
    for text in ["1e400", "1e2", "NaN", "-1", "+1", "4294967296", "", "5.0", "0x5", "five", "NA", "1,000"] {
        let dump = Dump::of(table(&format!("@1,@2,AL_L,5,ACH\n@2,@3,AL_L,\"{text}\",ACH\n")));
        let fault = dump.fault().code("count-not-integer").file("connections.csv").line(3).row(2).column("syn_count").found(text);
        fault.expects("1 to 4294967295");
    }
}

#[test]
fn a_damaged_count_is_named_by_the_column_of_the_table() {
    Dump::of(with_ids("pre,post,weight\n@1,@2,x\n")).fault().code("count-not-integer").line(2).row(1).column("weight");
}

#[test]
fn a_count_of_zero_is_dropped_and_counted() {
    let run = Dump::of(table("@1,@2,AL_L,0,ACH\n@2,@3,AL_R,4294967295,GABA\n@3,@4,AL_R,00,GABA\n")).report();
    assert_eq!(run.totals(), [2, 1, 1, 4_294_967_295]);
    assert_eq!(run.diagnostic("zero_counts"), 2);
    assert_eq!(run.diagnostic("rows_read"), 3);
}

#[test]
fn a_pair_total_beyond_32_bits_is_an_error() {
    let dump = Dump::of(table("@1,@2,AL_L,4294967295,ACH\n@1,@2,AL_R,1,ACH\n"));
    dump.fault().code("limit").file("connections.csv").column("syn_count").expects("32 bits");
}

#[test]
fn short_ids_of_the_synapse_table_are_completed_and_each_row_is_a_synapse() {
    let header = "pre_x,pre_y,pre_z,size,pre_root_id_720575940,post_root_id_720575940,neuropil\n";
    let dump = Dump::empty().file("synapses.csv", format!("{header}1,1,1,9,1,2,AL_L\n1,1,1,9,000000001,2,AL_L\n1,1,1,9,2,3,\n"));
    assert_eq!(dump.report().totals(), [3, 2, 2, 3]);
    assert_eq!(dump.pack().edges(), [(1, 2, 2), (2, 3, 1)]);
    let dump = Dump::empty().file("synapses.csv", with_ids(&format!("{header}1,1,1,9,1,@2,AL_L\n")));
    dump.fault().code("id-not-integer").line(2).row(1).column("post_root_id_720575940").expects("nine digits");
}

// Values, duplicates, loops, orphans ----------------------------------------------------------------------------------

#[test]
fn an_unknown_transmitter_is_blank_and_warned_of_once_per_value() {
    let run = Dump::of(table("@1,@2,AL_L,5,HIST\n@2,@3,AL_L,5,NA\n@3,@4,AL_L,5,HIST\n@4,@5,AL_L,5,ACH\n")).report();
    assert_eq!(run.diagnostic("blank_nt"), 3);
    let unknown = run.diagnostic("unknown_values");
    assert_eq!(unknown.as_array().unwrap().len(), 2);
    assert_eq!((&unknown[0]["value"], &unknown[0]["count"], &unknown[0]["line"]), (&"HIST".into(), &2.into(), &2.into()));
    assert_eq!(run.stderr.matches("`HIST`").count(), 1);
    assert!(run.stderr.contains("connections.csv, line 2, column `nt_type`"), "{}", run.stderr);
}

#[test]
fn an_unknown_side_is_blank_and_warned_of_once_per_value() {
    let run = classified("@1,,,,,,up,\n@2,,,,,,up,\n@3,,,,,,LEFT,\n").report();
    assert_eq!(run.stderr.matches("`up`").count(), 1);
    assert!(run.stderr.contains("classification.csv, line 2, column `side`"), "{}", run.stderr);
    assert_eq!(run.diagnostic("unknown_values")[0]["count"], 2);
}

#[test]
fn many_unknown_values_are_not_listed_without_end_and_control_characters_are_escaped() {
    use std::fmt::Write as _;
    let mut rows = "@1,@2,AL_L,5,\u{1b}[31m\n".to_string();
    for n in 0..5_000 {
        writeln!(rows, "@2,{},AL_L,5,nt{n}", id(n + 100)).unwrap();
    }
    let run = Dump::of(table(&rows)).report();
    assert!(run.diagnostic("unknown_values").as_array().unwrap().len() <= 101);
    assert!(!run.stderr.contains('\u{1b}'));
    assert!(run.stderr.contains("\\u{1b}[31m"));
}

#[test]
fn the_text_na_is_text_where_text_is_meant() {
    let dump = Dump::of(table("@1,@2,NA,5,ACH\n@2,@3,None,5,ACH\n"));
    dump.report();
    let file = hdf5::File::open(dump.output()).unwrap();
    let names = file.dataset("names/neuropils").unwrap().read_raw::<hdf5::types::FixedUnicode<8>>().unwrap();
    assert_eq!(names.iter().map(hdf5::types::FixedUnicode::as_str).collect::<Vec<_>>(), ["", "NA", "None"]);
}

const REPEATED: &str = "@1,@2,AL_L,5,ACH\n@2,@3,AL_L,4,ACH\n@1,@2,AL_L,3,GABA\n@1,@2,AL_R,2,ACH\n";

#[test]
fn a_repeated_row_is_an_error_that_names_both_lines() {
    let fault = Dump::of(table(REPEATED)).fault().code("duplicate-edge").file("connections.csv").line(4).row(3);
    fault.column("pre_root_id").says("line 2 already").says("--on-duplicate sum").expects("one row per pre, post and neuropil");
}

#[test]
fn a_repeated_row_without_neuropil_is_one_too() {
    let dump = Dump::of(table("@1,@2,,5,ACH\n@1,@2, ,3,GABA\n"));
    dump.fault().code("duplicate-edge").line(3).says("line 2 already");
}

#[test]
fn repeated_rows_are_summed_or_the_first_is_kept_as_asked() {
    let dump = Dump::of(table(REPEATED));
    let run = dump.report_with(&["--on-duplicate", "sum"]);
    assert_eq!((run.totals(), run.diagnostic("duplicate_rows")), ([3, 3, 2, 14], 1.into()));
    assert_eq!(dump.pack().edges(), [(1, 2, 10), (2, 3, 4)]);
    let run = dump.report_with(&["--on-duplicate", "first"]);
    assert_eq!((run.totals(), run.diagnostic("duplicate_rows")), ([3, 3, 2, 11], 1.into()));
    assert_eq!(dump.pack().edges(), [(1, 2, 7), (2, 3, 4)]);
}

#[test]
fn a_whole_table_twice_names_one_row_and_counts_all() {
    let rows = "@1,@2,AL_L,5,ACH\n@2,@3,AL_L,4,ACH\n";
    Dump::of(table(&rows.repeat(2))).fault().code("duplicate-edge").line(4).says("line 2 already").says("2 rows repeat");
}

#[test]
fn self_loops_are_left_out_and_counted_unless_kept() {
    let dump = Dump::of(table("@1,@1,AL_L,5,ACH\n@1,@2,AL_L,4,ACH\n"));
    let run = dump.report();
    assert_eq!((run.totals(), run.diagnostic("self_loops")), ([2, 1, 1, 4], 1.into()));
    let run = dump.report_with(&["--keep-self-loops"]);
    assert_eq!((run.totals(), run.diagnostic("self_loops")), ([2, 2, 2, 9], 1.into()));
}

#[test]
fn orphan_ids_are_counted_with_examples() {
    let run = classified("@1,,,,,,,\n").report();
    assert_eq!(run.diagnostic("orphan_ids"), 2);
    assert_eq!(run.diagnostic("orphan_examples"), serde_json::json!([id(2).to_string(), id(3).to_string()]));
}

#[test]
fn receptor_ids_outside_the_connectome_are_counted_with_examples() {
    let run = receptors("Or1a,@1\nOr1a,@1\nOr2a,@1\nOr1a,@9\n").report();
    let counts = ["receptor_rows", "receptor_neurons", "receptor_several_labels", "receptor_outside"];
    assert_eq!(counts.map(|name| run.diagnostic(name).as_u64().unwrap()), [4, 1, 1, 1]);
    assert_eq!(run.diagnostic("receptor_outside_examples"), serde_json::json!([id(9).to_string()]));
}

#[test]
fn repeated_ids_and_contradictions_of_attribute_tables_are_counted() {
    let run = classified("@1,,,KC,,,,\n@1,,,MBON,,,,\n@9,,,KC,,,,\n@9,,,KC,,,,\n")
        .file("consolidated_cell_types.csv", with_ids("root_id,primary_type,additional_type(s)\n@8,a,\n@8,b,\n"))
        .report();
    assert_eq!(run.diagnostic("repeated_ids"), 3);
    assert_eq!(run.diagnostic("attribute_conflicts"), 1);
}

// Limits --------------------------------------------------------------------------------------------------------------

#[test]
fn a_line_beyond_a_mebibyte_is_an_error() {
    for row in [format!("@1,@2,{},5,ACH\n", "x".repeat(1 << 20)), format!("@1,@2,{}\n", "5,".repeat(1 << 19))] {
        let fault = Dump::of(table(&format!("@1,@2,AL_L,5,ACH\n{row}"))).fault().code("limit").file("connections.csv").line(3);
        fault.says("limit `");
    }
    let unended = table(&format!("@1,@2,AL_L,5,ACH\n@1,@2,{}", "x".repeat(3 << 20)));
    Dump::of(unended).fault().code("limit").line(3).says("limit `line`");
}

#[test]
fn a_field_beyond_64_kib_is_an_error() {
    Dump::of(table(&format!("@1,@2,{},5,ACH\n", "x".repeat(70_000)))).fault().code("limit").line(2).says("limit `field`");
}

#[test]
fn a_table_of_five_thousand_columns_is_an_error() {
    let columns: Vec<String> = (0..5_000).map(|n| format!("c{n}")).collect();
    Dump::of(format!("{}\n", columns.join(","))).fault().code("limit").file("connections.csv").line(1).says("limit `columns`");
    let row = vec!["1"; 5_000].join(",");
    Dump::of(table(&format!("{row}\n"))).fault().code("limit").line(2).says("limit `columns`");
}

#[test]
fn a_column_of_long_or_endless_neuropil_names_is_an_error() {
    use std::fmt::Write as _;
    let long = "x".repeat(300);
    Dump::of(table(&format!("@1,@2,{long},5,ACH\n"))).fault().code("limit").line(2).row(1).column("neuropil");
    let mut rows = String::new();
    for n in 0..66_000 {
        writeln!(rows, "@1,@2,np{n},5,ACH").unwrap();
    }
    Dump::of(table(&rows)).fault().code("limit").line(65_537).column("neuropil").says("65,535");
}

#[test]
fn a_table_of_four_thousand_extra_columns_has_a_short_report() {
    let columns: Vec<String> = (0..4_000).map(|n| format!("column_{n}")).collect();
    let blanks = ",".repeat(4_000);
    let text = with_ids(&format!("pre,post,syn,{}\n@1,@2,5{blanks}\n", columns.join(",")));
    let run = Dump::of(text).report();
    assert_eq!(run.totals(), [2, 1, 1, 5]);
    assert_eq!(run.file("connections.csv")["extra_columns"].as_array().unwrap().len(), 51);
}

// Attribute tables and receptor maps ----------------------------------------------------------------------------------

#[test]
fn attribute_tables_are_read_as_strictly_as_connections() {
    classified("@1,,,\n").fault().code("ragged-row").file("classification.csv").line(2).row(1).expects("8 fields");
    classified("@1,,,\"KC,,,,\n").fault().code("unterminated-quote").file("classification.csv").line(2);
    classified("@1,,,K\0C,,,,\n").fault().code("nul-byte").file("classification.csv").line(2);
    let header = "root_id,class,cell_class\n";
    Dump::sound()
        .file("classification.csv", header)
        .fault()
        .code("header-duplicate")
        .file("classification.csv")
        .line(1)
        .column("cell_class");
    let dump = Dump::sound().file("classification.csv", "root,flow,super_class,class\n");
    dump.fault().code("header-missing").file("classification.csv").line(1).column("root_id");
    let whole = gz((CLASSES.to_string() + &with_ids("@1,,,KC,,,,\n")).as_bytes());
    let dump = Dump::sound().file("classification.csv.gz", &whole[..whole.len() - 9]);
    dump.fault().code("gzip-truncated").file("classification.csv.gz");
}

#[test]
fn an_attribute_table_whose_header_is_wrong_is_an_error() {
    let dump = Dump::sound().file("consolidated_cell_types.csv", with_ids("@1,a,\n"));
    dump.fault().code("header-missing").file("consolidated_cell_types.csv").line(1);
}

#[test]
fn a_damaged_receptor_map_in_a_subfolder_is_an_error() {
    receptors("Or1a\n").fault().code("ragged-row").file("receptor_to_root_ids.csv").line(2);
    let dump = Dump::sound().file("derived/receptor_to_root_ids.csv", "label,id,extra\n");
    dump.fault().code("header-missing").file("receptor_to_root_ids.csv").line(1).expects("receptor_label");
    let whole = gz(b"receptor_label,root_id\n");
    let dump = Dump::sound().file("derived/receptor_to_root_ids.csv.gz", &whole[..whole.len() - 3]);
    dump.fault().code("gzip-truncated").file("receptor_to_root_ids.csv.gz");
}

#[test]
fn a_receptor_row_without_a_label_is_an_error() {
    for label in ["", " ", "Or1a;Or2a"] {
        let fault = receptors(&format!("Or1a,@1\n{label},@2\n")).fault().code("bad-label").line(3).row(2);
        fault.column("receptor_label").expects("one receptor");
    }
}

#[test]
fn tables_in_subfolders_that_are_no_receptor_map_are_none_of_the_dump() {
    let run = Dump::sound().file("odours/responses.csv", "\"a\";\"b\"\n").file("derived/sums.csv", "a,b\n").report();
    assert_eq!(run.json()["files"].as_array().unwrap().len(), 1);
}

#[test]
fn annotation_tables_with_tabs_and_long_transmitter_names_are_read() {
    let text = with_ids("root_id\tcell_class\tcell_type\ttop_nt\tknown_nt\n@1\tKenyon_Cell\tKCg-m\tacetylcholine\tx, y\n");
    let dump = Dump::sound().file("annotations.tsv", text);
    let run = dump.report();
    assert_eq!(run.file("annotations.tsv")["extra_columns"], serde_json::json!(["known_nt"]));
    let file = hdf5::File::open(dump.output()).unwrap();
    for (name, expected) in [("neurons/type", "KCg-m"), ("neurons/nt", "ACH")] {
        let texts = file.dataset(name).unwrap().read_raw::<hdf5::types::FixedUnicode<8>>().unwrap();
        assert_eq!(texts[0].as_str(), expected);
    }
}

// Keyword lists -------------------------------------------------------------------------------------------------------

fn listed(text: &str) -> Dump {
    Dump::sound().file("codex_keywords/root_ids_ORN.txt", with_ids(text))
}

#[test]
fn anything_but_ids_in_a_keyword_list_is_an_error_with_line_and_position() {
    for text in DAMAGED_IDS.iter().filter(|text| !text.contains(' ')) {
        let fault = listed(&format!("@1,@2\n@3,{text}")).fault().code("id-not-integer").file("root_ids_ORN.txt").line(2);
        fault.column("2").found(text).expects("separated by commas");
    }
}

#[test]
fn a_keyword_list_with_ids_twice_counts_them() {
    let run = listed("@1,@2,@1,@1").report();
    assert_eq!(run.diagnostic("keyword_duplicates"), 2);
    assert_eq!(run.file("root_ids_ORN.txt")["rows"], 2);
}

#[test]
fn an_empty_keyword_list_is_an_empty_list() {
    for text in ["", "\n", " \r\n"] {
        let run = listed(text).report();
        assert_eq!(run.file("root_ids_ORN.txt")["rows"], 0);
    }
}

#[test]
fn trailing_commas_spaces_line_ends_and_gz_are_accepted_in_keyword_lists() {
    for text in ["@1,@2,", "@1, @2,\n", "\u{feff}@1\r\n@2\r\n", "@1,,@2"] {
        let run = listed(text).report();
        assert_eq!(run.file("root_ids_ORN.txt")["rows"], 2, "{text:?}");
    }
    let run = Dump::sound().file("root_ids_ORN.txt.gz", gz(with_ids("@1,@2").as_bytes())).report();
    assert_eq!(run.file("root_ids_ORN.txt.gz")["rows"], 2);
}

#[test]
fn ids_of_keyword_lists_without_neuron_or_connection_are_counted_with_examples() {
    let run = classified("@8,,,,,,,\n").file("root_ids_ORN.txt", with_ids("@1,@8,@9")).report();
    assert_eq!((run.diagnostic("keyword_outside"), run.diagnostic("keyword_unconnected")), (1.into(), 1.into()));
    assert_eq!(run.diagnostic("keyword_outside_examples"), serde_json::json!([id(9).to_string()]));
    assert_eq!(run.diagnostic("keyword_unconnected_examples"), serde_json::json!([id(8).to_string()]));
}

#[test]
fn two_keyword_lists_of_one_name_are_an_error() {
    let dump = listed("@1").file("others/root_ids_ORN.txt", with_ids("@2"));
    dump.fault().code("duplicate-list").file("root_ids_ORN.txt").says("`ORN`");
}

#[test]
fn damaged_files_of_keywords_are_errors() {
    let whole = gz(b"1,2,3");
    let dump = Dump::sound().file("root_ids_ORN.txt.gz", &whole[..whole.len() - 4]);
    dump.fault().code("gzip-truncated").file("root_ids_ORN.txt.gz");
    Dump::sound().file("root_ids_ORN.txt.gz", "").fault().code("empty-file").file("root_ids_ORN.txt.gz");
    let dump = Dump::sound();
    fs::create_dir(dump.dir().join("root_ids_ORN.txt")).unwrap();
    dump.fault().code("is-a-directory").file("root_ids_ORN.txt");
    Dump::sound().file("root_ids_ORN.txt", b"\xff\xfe1\x002\0").fault().code("not-utf8").file("root_ids_ORN.txt").line(1);
}

// Choice of tables ----------------------------------------------------------------------------------------------------

#[test]
fn several_connection_tables_are_refused_without_a_choice() {
    let dump = Dump::sound().file("connections_princeton.csv", table("@1,@2,AL_L,9,ACH\n"));
    let fault = dump.misuse(&[]).code("several-connection-tables").found("connections, connections_princeton");
    fault.says("--connections connections").says("--on-overlap").expects("choice");
    dump.misuse(&["--connections", "conections"]).code("unknown-table").says("did you mean `connections`?");
    dump.misuse(&["--connections", "connections,connections"]).code("table-twice");
    let run = dump.report_with(&["--connections", "connections_princeton"]);
    assert_eq!(run.totals(), [2, 1, 1, 9]);
    assert_eq!(run.file("connections.csv")["used"], false);
}

#[test]
fn one_table_packed_and_unpacked_is_never_chosen_silently() {
    let text = table("@1,@2,AL_L,9,ACH\n");
    let dump = Dump::of(&text).file("connections.csv.gz", gz(text.as_bytes()));
    dump.misuse(&[]).code("several-connection-tables").found("connections.csv, connections.csv.gz");
    dump.misuse(&["--connections", "connections"]).code("several-connection-tables").says("--connections connections.csv");
    assert_eq!(dump.report_with(&["--connections", "connections.csv.gz"]).totals(), [2, 1, 1, 9]);
}
