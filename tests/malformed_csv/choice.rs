//! Choice of tables.

use super::*;

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
