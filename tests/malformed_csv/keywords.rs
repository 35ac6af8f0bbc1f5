//! Keyword lists.

use super::counts::DAMAGED_IDS;
use super::*;

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
    assert_eq!(run.file("codex_keywords/root_ids_ORN.txt")["rows"], 2);
}

#[test]
fn an_empty_keyword_list_is_an_empty_list() {
    for text in ["", "\n", " \r\n"] {
        let run = listed(text).report();
        assert_eq!(run.file("codex_keywords/root_ids_ORN.txt")["rows"], 0);
    }
}

#[test]
fn trailing_commas_spaces_line_ends_and_gz_are_accepted_in_keyword_lists() {
    for text in ["@1,@2,", "@1, @2,\n", "\u{feff}@1\r\n@2\r\n", "@1,,@2"] {
        let run = listed(text).report();
        assert_eq!(run.file("codex_keywords/root_ids_ORN.txt")["rows"], 2, "{text:?}");
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

#[test]
fn lists_of_sides_fill_blank_sides_and_lose_against_the_classification() {
    let run = classified("@1,,,,,,left,\n@2,,,,,,,\n@3,,,,,,,\n")
        .file("codex_keywords/root_ids_PN_side_right.txt", with_ids("@1,@2"))
        .file("codex_keywords/root_ids_KC_side_left.txt.gz", gz(with_ids("@3").as_bytes()))
        .report();
    assert_eq!(run.diagnostic("side_conflicts"), 1);
}
