//! Header.

use super::*;

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
