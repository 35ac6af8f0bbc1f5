//! What commands write and where: never over what they read, never half, never nothing without a word.

mod support;

use std::fs;
use std::path::Path;

use support::training::{CONFIG, pointed, train, workplace};
use support::{kenyon_in, repository, synthetic_fly};

/// A folder with copies of the synthetic fly's files.
fn desk() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let fly = synthetic_fly().path();
    for name in ["fly.h5", "circuit.h5"] {
        fs::copy(fly.join(name), dir.path().join(name)).expect("copied");
    }
    fs::copy(repository("examples/synthetic_fly.toml"), dir.path().join("k.toml")).expect("copied");
    fs::create_dir(dir.path().join("dump")).expect("created");
    fs::copy(fly.join("dump/connections.csv.gz"), dir.path().join("dump/connections.csv.gz")).expect("copied");
    fs::write(dir.path().join("mine.txt"), "720575940600000001\n").expect("written");
    dir
}

fn bytes(dir: &Path, name: &str) -> Vec<u8> {
    fs::read(dir.join(name)).expect("readable")
}

#[test]
fn no_command_writes_over_a_file_that_it_reads() {
    let desk = desk();
    let dir = desk.path();
    let build =
        |config: &'static str, output: &'static str| vec!["circuit", "build", config, "--connectome", "fly.h5", "-o", output];
    for (args, input) in [
        (vec!["connectome", "import", "dump", "-o", "dump/connections.csv.gz"], "dump/connections.csv.gz"),
        (vec!["connectome", "import", "dump", "-o", "./dump/../dump/connections.csv.gz"], "dump/connections.csv.gz"),
        (build("k.toml", "k.toml"), "k.toml"),
        (build("k.toml", "fly.h5"), "fly.h5"),
        (vec!["circuit", "shuffle", "circuit.h5", "--model", "swap", "-o", "circuit.h5"], "circuit.h5"),
        (vec!["circuit", "lesion", "circuit.h5", "--silence", "all", "-o", "./circuit.h5"], "circuit.h5"),
        (vec!["connectome", "query", "fly.h5", "in list(mine)", "--list", "mine.txt", "-o", "mine.txt"], "mine.txt"),
    ] {
        let before = bytes(dir, input);
        let ran = kenyon_in(dir, &args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("error[output-is-input]"), "{args:?}: {}", ran.stderr);
        assert!(bytes(dir, input) == before, "{args:?}");
    }
    let ran = kenyon_in(dir, &["connectome", "import", "dump", "-o", "dump/new.csv"]);
    assert!(ran.code == 2 && !dir.join("dump/new.csv").exists(), "a pack must not look like a table of the dump: {}", ran.stderr);
}

#[test]
fn odours_are_not_written_over_what_they_are_made_from() {
    let desk = desk();
    let dir = desk.path();
    fs::write(dir.join("map.csv"), "receptor_label,root_id\nOr1a,5\nOr2a,3\n").expect("written");
    fs::write(dir.join("table.csv"), "odor,Or1a,Or2a\na,0.9,0.1\nb,0.1,0.9\n").expect("written");
    fs::write(dir.join("recipe.toml"), "table = \"table.csv\"\nrepeats = 4\n").expect("written");
    let make = |more: &[&str], output: &str| {
        let args: Vec<&str> = ["odors", "make", "-o", output].iter().chain(more).copied().collect();
        kenyon_in(dir, &args)
    };
    let mapped = ["recipe.toml", "--receptor-map", "map.csv"];
    assert!(!make(&[&mapped[..], &["--samples", "out"]].concat(), "odors.h5").ok().stderr.contains("replaced"));
    assert!(make(&mapped, "odors.h5").ok().stderr.contains("replaced: odors.h5"));
    let sample = fs::read_dir(dir.join("out/samples")).expect("written").flatten().next().expect("a sample").file_name();
    let sample = format!("out/samples/{}", sample.to_str().expect("UTF-8"));
    let flags = ["--receptor-map", "map.csv", "--table", "table.csv", "--repeats", "4"];
    for (args, input) in [
        (&mapped[..], "recipe.toml"),
        (&mapped, "map.csv"),
        (&mapped, "table.csv"),
        (&flags, "./table.csv"),
        (&["--circuit", "circuit.h5", "--max-odors", "2", "--repeats", "4"], "circuit.h5"),
        (&["--import", "out"], sample.as_str()),
        (&["--import", "out"], "out/manifest.json"),
        (&["--import", "out", "--assume-order", "map.csv"], "map.csv"),
    ] {
        let before = bytes(dir, input);
        let ran = make(args, input);
        assert!(ran.code == 2 && ran.stderr.contains("error[output-is-input]"), "{args:?} {input}: {}", ran.stderr);
        assert!(bytes(dir, input) == before, "{args:?} {input}");
    }
}

#[test]
fn a_report_is_not_written_over_a_file_of_its_run() {
    let desk = workplace(CONFIG);
    let dir = desk.path();
    train(dir, "run");
    kenyon_in(dir, &["circuit", "shuffle", "circuit.h5", "--model", "swap", "-o", "null.h5"]).ok();
    kenyon_in(dir, &["train", "train.toml", "--circuit", "null.h5", "--run", "control"]).ok();
    let best = pointed(&dir.join("run"), "best");
    let report = |output: &str| kenyon_in(dir, &["report", "run", "--control", "control", "-o", output]);
    for file in ["circuit.h5", "run/config.toml", "run/manifest.json", "run/journal.jsonl", "control/journal.jsonl"]
        .into_iter()
        .chain([best.to_str().expect("UTF-8"), "run/checkpoints/last"])
    {
        let before = bytes(dir, file);
        let ran = report(file);
        assert!(ran.code == 2 && ran.stderr.contains("error[output-is-input]"), "{file}: {}", ran.stderr);
        assert!(bytes(dir, file) == before, "{file}");
    }
    assert!(!report("run/page.html").ok().stderr.contains("replaced"));
    assert!(report("run/page.html").ok().stderr.contains("replaced: run/page.html"));
}

#[cfg(unix)]
#[test]
fn a_link_to_an_input_is_the_input() {
    let desk = desk();
    fs::hard_link(desk.path().join("circuit.h5"), desk.path().join("hard.h5")).expect("linked");
    std::os::unix::fs::symlink(desk.path().join("circuit.h5"), desk.path().join("soft.h5")).expect("linked");
    for output in ["hard.h5", "soft.h5"] {
        let ran = kenyon_in(desk.path(), &["circuit", "shuffle", "circuit.h5", "--model", "er", "-o", output]);
        assert!(ran.code == 2 && ran.stderr.contains("output-is-input"), "{output}: {}", ran.stderr);
    }
}

#[test]
fn another_file_is_replaced_with_a_note() {
    let desk = desk();
    let shuffle = ["circuit", "shuffle", "circuit.h5", "--model", "er", "-o", "null.h5"];
    assert!(!kenyon_in(desk.path(), &shuffle).ok().stderr.contains("replaced"));
    assert!(kenyon_in(desk.path(), &shuffle).ok().stderr.contains("replaced: null.h5"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_a_failure_and_a_closed_one_is_none() {
    use std::process::{Command, Stdio};
    let desk = desk();
    let run = |args: &[&str], stdout: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kenyon"));
        command.args(args).current_dir(desk.path()).stdout(stdout).stderr(Stdio::piped()).output().expect("it runs")
    };
    for args in [&["connectome", "info", "fly.h5"][..], &["connectome", "info", "fly.h5", "--json"], &["--help"]] {
        let full = fs::File::options().write(true).open("/dev/full").expect("there");
        assert_eq!(run(args, full.into()).status.code(), Some(1), "{args:?}");
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        assert_eq!(run(args, writer.into()).status.code(), Some(0), "{args:?}");
    }
}

#[test]
fn a_demo_that_cannot_begin_leaves_no_folder() {
    let desk = desk();
    fs::copy(desk.path().join("dump/connections.csv.gz"), desk.path().join("dump/connections_princeton.csv.gz")).expect("copied");
    for (data, says) in [("nowhere", "not-found"), ("dump", "choose one of them with `--connections NAME`")] {
        let ran = kenyon_in(desk.path(), &["demo", "--data", data, "--run", "run"]);
        assert!(ran.code != 0 && ran.stderr.contains(says), "{}", ran.stderr);
        assert!(!desk.path().join("run").exists(), "{data}");
    }
}

#[test]
fn a_file_in_place_of_an_output_folder_is_told() {
    let desk = desk();
    for args in [["connectome", "synth", "-o", "fly.h5"].as_slice(), &["demo", "--run", "fly.h5"]] {
        let ran = kenyon_in(desk.path(), args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("is a file; name a folder"), "{}", ran.stderr);
    }
}

#[test]
fn a_dump_in_place_of_a_pack_is_to_be_imported_first() {
    let desk = desk();
    for input in ["dump", "dump/connections.csv.gz"] {
        let ran = kenyon_in(desk.path(), &["connectome", "info", input]);
        assert!(ran.code == 3 && ran.stderr.contains("import it first: `kenyon connectome import"), "{}", ran.stderr);
    }
}

#[test]
fn options_without_meaning_and_answers_without_content_are_told() {
    let desk = desk();
    let ran =
        kenyon_in(desk.path(), &["circuit", "shuffle", "circuit.h5", "--model", "swap", "--block", "population", "-o", "n.h5"]);
    assert!(ran.code == 2 && ran.stderr.contains("unused-option"), "{}", ran.stderr);
    let apl = "population = APL";
    let ran = kenyon_in(desk.path(), &["circuit", "info", "circuit.h5", "--influence", apl, "--silence", apl]);
    assert!(ran.code == 2 && ran.stderr.contains("sources-silenced"), "{}", ran.stderr);
    let ran = kenyon_in(desk.path(), &["connectome", "query", "fly.h5", "class = ALPN and class = ALLN"]).ok();
    assert!(ran.stderr.contains("no neuron meets"), "{}", ran.stderr);
    let ran = kenyon_in(desk.path(), &["connectome", "query", "fly.h5", "class", "=", "ALPN"]);
    assert!(ran.code == 2 && ran.stderr.contains("'class = ALPN'"), "{}", ran.stderr);
    for args in [
        ["connectome", "import", "dump", "-o", "x.h5", "--min-synapses", "-3"],
        ["connectome", "info", "fly.h5", "--quiet", "--json", "--seed", "-1"],
    ] {
        let ran = kenyon_in(desk.path(), &args);
        assert!(ran.code == 2 && ran.stderr.contains("invalid value '-"), "{}", ran.stderr);
    }
}

#[test]
fn degrees_are_shown_on_request() {
    let desk = desk();
    let text = kenyon_in(desk.path(), &["circuit", "info", "circuit.h5", "--degrees"]).ok().stdout;
    assert!(text.contains("in p50") && text.contains("out max"), "{text}");
}

#[test]
fn a_verification_counts_the_checks_that_fail() {
    let fly = synthetic_fly();
    fly.json(&["connectome", "synth", "--seed", "3", "-o", "another"]);
    let ran = kenyon_in(fly.path(), &["connectome", "verify", "fly.h5", "another"]);
    assert!(ran.code == 4 && ran.stderr.contains("checks do not hold, the first is"), "{}", ran.stderr);
}
