//! Values, duplicates, loops, orphans.

use super::*;

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
