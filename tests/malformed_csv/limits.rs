//! Limits.

use super::*;

#[test]
fn a_line_beyond_a_mebibyte_is_an_error() {
    for row in [format!("@1,@2,{},5,ACH\n", "x".repeat(1 << 20)), format!("@1,@2,{}\n", "5,".repeat(1 << 19))] {
        let fault = Dump::of(table(&format!("@1,@2,AL_L,5,ACH\n{row}"))).fault().code("limit").file("connections.csv").line(3);
        fault.row(2).says("limit `").says("column `").expects("at most");
    }
    let unended = table(&format!("@1,@2,AL_L,5,ACH\n@1,@2,{}", "x".repeat(3 << 20)));
    Dump::of(unended).fault().code("limit").line(3).row(2).column("3").says("limit `line`").expects("1048576 bytes");
}

#[test]
fn a_field_beyond_64_kib_is_an_error_and_one_of_just_that_size_is_none() {
    let of = |length: usize, quote: &str| {
        let text = format!("pre_root_id,post_root_id,note,syn_count\n@1,@2,{quote}{}{quote},5\n", "x".repeat(length));
        Dump::of(with_ids(&text))
    };
    let fault = of(65_537, "").fault().code("limit").line(2).row(1).column("3").says("limit `field`");
    fault.expects("65536 bytes");
    // A quote is not followed for longer than a field may be, closed or not.
    of(65_537, "\"").fault().code("unterminated-quote").line(2).row(1).column("3").says("65536 bytes");
    for quote in ["", "\""] {
        of(65_536, quote).report();
    }
}

#[test]
fn a_table_of_five_thousand_columns_is_an_error() {
    let columns: Vec<String> = (0..5_000).map(|n| format!("c{n}")).collect();
    Dump::of(format!("{}\n", columns.join(",")))
        .fault()
        .code("limit")
        .file("connections.csv")
        .line(1)
        .column("4097")
        .says("limit `columns`");
    let row = vec!["1"; 5_000].join(",");
    Dump::of(table(&format!("{row}\n"))).fault().code("limit").line(2).row(1).column("4097").found("5000 fields").expects("4096");
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
