//! Attribute tables and receptor maps.

use super::*;

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

#[test]
fn two_receptor_maps_of_one_name_are_both_read_and_told_apart() {
    let dump = receptors("Or1a,@1\n").file("receptor_to_root_ids.csv", with_ids("receptor_label,root_id\nOr2a,@2\nOr3a,@2\n"));
    let run = dump.report();
    assert_eq!(run.diagnostic("receptor_rows"), 3);
    let [upper, inner] = ["receptor_to_root_ids.csv", "derived/receptor_to_root_ids.csv"].map(|name| run.file(name));
    assert_eq!((&upper["rows"], &inner["rows"]), (&2.into(), &1.into()));
    assert_ne!(upper["sha256"], inner["sha256"]);
}

#[test]
fn attributes_with_quotes_blanks_and_several_tables_stand_verification() {
    let names = "root_id,name,group\n\n@1,\"a, \"\"b\"\"\",\n@2, padded ,g\n@1,second,g2\n";
    let dump = classified("@1,,,KC,,,LEFT,\n\r\n@2,,,,,,up,\n@3,,,\"two\nlines\",,,right,\n")
        .file("names.csv", with_ids(names))
        .file("neurons.csv", with_ids("root_id,group,nt_type\n@1,,acetylcholine\n@2,,HIST\n@2,,GABA\n"));
    dump.report();
    dump.verified();
}
