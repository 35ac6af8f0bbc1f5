//! Ids and counts.

use super::*;

pub(crate) const DAMAGED_IDS: [&str; 13] = [
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
    let dump = Dump::of(table("@2,@3,AL_L,1,ACH\n@1,@2,AL_L,4294967295,ACH\n@1,@2,AL_R,0,ACH\n@1,@2,AL_R,7,ACH\n"));
    let fault = dump.fault().code("limit").file("connections.csv").line(5).row(4).column("syn_count").found("7");
    fault.expects("32 bits").says(&id(1).to_string());
    let dump = Dump::of(table("@1,@2,AL_L,4294967295,ACH\n@1,@2,AL_L,4294967295,ACH\n"));
    dump.fault_with(&["--on-duplicate", "sum"]).code("limit").line(3).row(2).column("syn_count").expects("32 bits");
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

#[test]
fn ids_that_a_spreadsheet_has_rounded_are_an_error_also_where_rows_would_be_added_up() {
    let rounded =
        with_ids("720575940600001000,720575940600002000,AL_L,5,ACH\n720575940600001000,720575940600003000,AL_L,5,ACH\n");
    for rows in [rounded.clone(), rounded.repeat(3)] {
        let dump = Dump::of(HEADER.to_string() + &rows);
        let fault = dump.fault_with(&["--on-duplicate", "sum"]).code("ids-rounded").file("connections.csv").column("pre_root_id");
        fault.found("720575940600001000").says("spreadsheet");
    }
    let dump = classified("720575940600001000,,,,,,,\n720575940600002000,,,,,,,\n");
    dump.fault().code("ids-rounded").file("classification.csv").column("root_id");
}
