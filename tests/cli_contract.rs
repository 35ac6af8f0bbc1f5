//! The contract of the command line: JSON, exit codes, help, quiet.

mod support;

use support::{kenyon_in, synthetic_fly};

const COMMANDS: [&[&str]; 37] = [
    &[],
    &["demo"],
    &["connectome"],
    &["connectome", "import"],
    &["connectome", "info"],
    &["connectome", "query"],
    &["connectome", "verify"],
    &["connectome", "diff"],
    &["connectome", "synth"],
    &["circuit"],
    &["circuit", "build"],
    &["circuit", "info"],
    &["circuit", "shuffle"],
    &["circuit", "lesion"],
    &["odors"],
    &["odors", "make"],
    &["odors", "info"],
    &["train"],
    &["eval"],
    &["report"],
    &["emulate"],
    &["export"],
    &["export", "nir"],
    &["export", "pynn"],
    &["export", "sonata"],
    &["export", "compare"],
    &["lint"],
    &["validate"],
    &["check"],
    &["check", "dale"],
    &["neuron"],
    &["neuron", "simulate"],
    &["neuron", "plot"],
    &["neuron", "morphology"],
    &["neuron", "fi"],
    &["neuron", "epsp"],
    &["neuron", "input-resistance"],
];

#[test]
fn every_help_page_has_an_example() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for command in COMMANDS {
        let args: Vec<&str> = command.iter().copied().chain(["--help"]).collect();
        let help = kenyon_in(dir.path(), &args).ok().stdout;
        assert!(help.contains("Example"), "no example on `kenyon {}`:\n{help}", args.join(" "));
    }
}

#[test]
fn wrong_usage_exits_with_2_and_stays_json() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for args in [
        vec!["conectome"],
        vec!["connectome", "import"],
        vec!["connectome", "synth", "--scale", "x", "-o", "d"],
        vec!["connectome", "synth", "--scale", "-1", "-o", "d"],
        vec!["connectome", "info", "f", "--threads", "0"],
        vec!["circuit", "lesion", "c.h5", "-o", "d.h5"],
    ] {
        let args: Vec<&str> = args.into_iter().chain(["--json"]).collect();
        let ran = kenyon_in(dir.path(), &args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
        assert_eq!(ran.json()["error"]["kind"], "usage", "{args:?}");
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
}

#[test]
fn a_negative_number_is_a_wrong_value_and_no_unknown_option() {
    let fly = synthetic_fly();
    for args in [
        &["connectome", "import", "dump", "-o", "x.h5", "--min-synapses", "-3"][..],
        &["connectome", "info", "fly.h5", "--seed", "-3"],
        &["connectome", "info", "fly.h5", "--threads", "-3"],
        &["connectome", "verify", "fly.h5", "--rows", "-3"],
        &["connectome", "synth", "-o", "x", "--scale", "-3"],
        &["connectome", "synth", "-o", "x", "--rows", "-3"],
        &["connectome", "synth", "-o", "x", "--background-neurons", "-3"],
        &["circuit", "info", "circuit.h5", "--influence", "type = APL", "--hops", "-3"],
    ] {
        let ran = kenyon_in(fly.path(), args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("unexpected argument") && ran.stderr.contains("-3"), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn neurons_that_a_lesion_silenced_are_no_sources_of_influence() {
    let fly = synthetic_fly();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let output = dir.path().join("silent.h5");
    let output = output.to_str().expect("UTF-8");
    fly.json(&["circuit", "lesion", "circuit.h5", "--silence", "population = APL", "-o", output]);
    let ran = kenyon_in(fly.path(), &["circuit", "info", output, "--influence", "population = APL", "--json"]);
    assert_eq!((ran.code, ran.json()["error"]["code"].as_str()), (2, Some("sources-silenced")), "{}", ran.stderr);
}

#[test]
fn a_missing_file_exits_with_3_and_is_named() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for args in [
        &["connectome", "info", "nowhere.h5", "--json"][..],
        &["connectome", "import", "nowhere", "-o", "x.h5", "--json"],
        &["circuit", "build", "nowhere.toml", "-o", "x.h5", "--json"],
        &["circuit", "info", "nowhere.h5", "--json"],
        &["validate", "snn", "nowhere", "--json"],
    ] {
        let ran = kenyon_in(dir.path(), args);
        assert_eq!(ran.code, 3, "{args:?}: {}", ran.stderr);
        let error = ran.json()["error"].clone();
        assert!(error["file"].as_str().is_some_and(|f| f.starts_with("nowhere")), "{error}");
        assert!(error["mend"].is_string(), "{error}");
    }
}

#[test]
fn the_wrong_kind_of_file_is_told_apart() {
    let fly = synthetic_fly();
    let ran = kenyon_in(fly.path(), &["circuit", "info", "fly.h5"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("kenyon-connectome") && ran.stderr.contains("kenyon-circuit"), "{}", ran.stderr);
    let ran = kenyon_in(fly.path(), &["connectome", "info", "dump/manifest.json"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("not-a-container"), "{}", ran.stderr);
}

#[test]
fn quiet_says_nothing_on_stderr_and_json_is_alone_on_stdout() {
    let fly = synthetic_fly();
    let ran = kenyon_in(fly.path(), &["connectome", "info", "fly.h5", "--json", "--quiet"]).ok();
    assert_eq!(ran.stderr, "");
    assert!(ran.json()["neurons"].is_u64());
}

#[test]
fn an_existing_folder_is_never_written_into() {
    let fly = synthetic_fly();
    let ran = kenyon_in(fly.path(), &["connectome", "synth", "-o", "dump"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("not-empty"), "{}", ran.stderr);
    let ran = kenyon_in(fly.path(), &["demo", "--run", "dump"]);
    assert_eq!(ran.code, 2);
}
