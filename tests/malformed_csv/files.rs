//! Any file.

use super::*;

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
    let run = import(&dump.dir().join("connections.csv"), &dump.output(), &[]);
    assert_eq!(run.code, 3);
    assert_eq!(run.json()["error"]["code"], "not-a-folder");
}

#[test]
fn a_missing_folder_is_an_error() {
    let dump = Dump::empty();
    let run = import(&dump.dir().join("nowhere"), &dump.output(), &[]);
    assert_eq!(run.code, 3);
    assert_eq!(run.json()["error"]["code"], "not-found");
}

#[test]
fn a_folder_without_tables_is_an_error() {
    Dump::empty().fault().code("no-tables").expects("connections.csv.gz");
}

#[test]
fn a_folder_whose_tables_lie_one_level_down_is_named() {
    let dump = Dump::empty().file("download/connections.csv", table("@1,@2,AL_L,5,ACH\n"));
    dump.fault().code("no-tables").says("codex/download`; name that folder");
}

#[test]
fn a_table_of_a_header_alone_is_an_error() {
    Dump::of(HEADER).fault().code("no-rows").file("connections.csv").line(1).expects("at least one row");
}

#[test]
fn a_pack_in_place_of_a_table_is_told() {
    let dump = Dump::sound();
    dump.report();
    let pack = fs::read(dump.output()).unwrap();
    Dump::of(pack).fault().code("wrong-format").file("connections.csv").says("kenyon wrote");
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
    let run = Ran::of(&limited);
    assert_eq!(run.code, 3, "{run:?}");
    assert_eq!(run.json()["error"]["code"], "limit");
}
