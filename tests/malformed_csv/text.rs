//! Text.

use super::*;

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
        Dump::of(text)
            .fault()
            .code("unterminated-quote")
            .file("connections.csv")
            .line(3)
            .row(2)
            .column("3")
            .says("close the quote");
    }
}

#[test]
fn an_unterminated_quote_in_the_header_is_an_error() {
    Dump::of(format!("\"{}", table("@1,@2,AL_L,5,ACH\n"))).fault().code("unterminated-quote").line(1).column("1");
}

#[test]
fn a_quote_opened_on_a_later_line_of_a_record_is_reported_there() {
    Dump::of(table("@1,@2,\"a\nb\",5,\"ACH\n")).fault().code("unterminated-quote").line(3).row(1).column("5");
}

#[test]
fn text_behind_a_closing_quote_is_an_error() {
    for rows in ["@1,@2,\"AL\"_L,5,ACH\n", "@1,@2,\"AL\"\r_L,5,ACH\n"] {
        Dump::of(table(rows)).fault().code("bad-quote").line(2).row(1).column("3").expects("doubled");
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
