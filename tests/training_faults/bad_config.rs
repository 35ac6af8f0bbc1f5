//! Bad configs of `kenyon train`: exit code 3, the file, the key, what was expected, the mend; and no run folder is left.

use std::fs;
use std::path::Path;

use super::support::kenyon_json;
use super::support::training::{CONFIG, refused, small_fly, workplace};

/// What an error must say.
struct Says {
    code: &'static str,
    file: &'static str,
    /// Key, or the line's text for what TOML itself refuses.
    key: &'static str,
    mend: &'static str,
}

fn check(dir: &Path, text: &str, says: &Says) {
    fs::write(dir.join("train.toml"), text).unwrap();
    let (code, error) = refused(dir, &["train", "train.toml", "--run", "run"]);
    let field = |name: &str| error[name].as_str().unwrap_or_default().to_string();
    assert_eq!((code, field("code").as_str()), (3, says.code), "{error}");
    assert_eq!(field("file"), says.file, "{error}");
    if says.code == "bad-config" {
        assert!(error["line"].is_u64() && field("found").contains(says.key), "no line, or not that of `{}`: {error}", says.key);
    } else {
        assert_eq!(field("key"), says.key, "{error}");
    }
    let told = field("expected") + &field("mend");
    assert!(!field("mend").is_empty() && told.contains(says.mend), "should say `{}`: {error}", says.mend);
    assert!(!dir.join("run").exists(), "a run folder was left behind: {error}");
}

fn bad(code: &'static str, key: &'static str, mend: &'static str) -> Says {
    Says { code, file: "train.toml", key, mend }
}

/// The config with one line put in or replaced.
fn with(place: &str, text: &str) -> String {
    assert!(CONFIG.contains(place), "{place}");
    CONFIG.replace(place, text)
}

#[test]
fn words_that_toml_or_the_config_do_not_know_name_their_line_and_the_nearest_word() {
    let dir = workplace("");
    let check = |text: &str, key, mend| check(dir.path(), text, &bad("bad-config", key, mend));
    check(&with("epochs = 2", "epoch = 2"), "epoch = 2", "did you mean `epochs`?");
    check(&with("[optimiser]", "[optimizer]"), "optimizer", "did you mean `optimiser`?");
    check(&with("epochs = 2", "epochs = \"two\""), "epochs = \"two\"", "docs/");
    check(&with("epochs = 2", "epochs = -2"), "epochs = -2", "docs/");
    check(&with("epochs = 2", "epochs = 2\nepochs = 3"), "epochs = 3", "docs/");
    check(&with("noise = 0.02", "model = \"lyf\""), "model = \"lyf\"", "did you mean `lif`?");
    check(&with("form = \"gain\"", "form = \"gian\""), "form = \"gian\"", "did you mean `gain`?");
    check(&with("lr = 0.01", "lr = 0.01\nrule = { kind = \"adamm\" }"), "adamm", "did you mean `adam`?");
    check("circuit = \"circuit.h5\n", "circuit.h5", "docs/");
}

#[test]
fn numbers_out_of_range_name_their_key_and_range() {
    let dir = workplace("");
    let check = |place: &str, text: &str, key, mend| check(dir.path(), &with(place, text), &bad("bad-number", key, mend));
    check("epochs = 2", "epochs = 0", "train.epochs", "at least 1");
    check("batch_size = 4", "batch_size = 0", "train.batch_size", "1 to 100000");
    check("epochs = 2", "epochs = 2\nsurrogate_scale = 0.0", "train.surrogate_scale", "above 0");
    check("epochs = 2", "epochs = 2\ncheckpoint_every = 0", "train.checkpoint_every", "at least 1");
    check("epochs = 2", "epochs = 2\ntruncate = 0", "train.truncate", "at least 1");
    check("epochs = 2", "epochs = 2\nvalidation_samples = 0", "train.validation_samples", "at least 1");
    check("epochs = 2", "epochs = 2\ntraining_samples = 0", "train.training_samples", "at least 1");
    check("trained = [\"wi\"]", "trained = []", "train.trained", "at least one");
    check("epochs = 2", "epochs = 2\ndeferred = [\"ow\"]\ndeferred_epochs = 2", "train.deferred_epochs", "fewer than `epochs`");
    check("noise = 0.02", "i_c = [-3.0, 0.0]", "network.i_c", "from -1 to 1");
    check("noise = 0.02", "tau_mem_ms = [0.1, 20.0]", "network.tau_mem_ms", "at least one step");
    check("noise = 0.02", "tau_mem_ms = [1e9, 1e9]", "network.tau_mem_ms", "at most 100000 steps");
    check("noise = 0.02", "noise = nan", "network.noise", "0 or above");
    check("noise = 0.02", "delay_ms = { ORN = 0.5 }", "network.delay_ms.ORN", "a multiple of the step");
    check("[train]", "[loss]\nreadout_l1 = -1.0\n[train]", "loss.readout_l1", "0 or above");
}

#[test]
fn numbers_of_optimiser_and_odours_name_the_file_too() {
    let dir = workplace("");
    check(dir.path(), &with("lr = 0.01", "lr = -0.01"), &bad("out-of-range", "optimiser.lr", "above 0"));
    check(dir.path(), &with("repeats = 20", "repeats = 0"), &bad("bad-odors", "odors.repeats", "from 1"));
    let split = with("repeats = 20", "repeats = 20\nsplit = [0.7, 0.2, 0.2]");
    check(dir.path(), &split, &bad("bad-split", "odors.split", "split = [0.7, 0.2, 0.1]"));
}

#[test]
fn names_that_only_the_circuit_knows_are_checked_before_a_run_begins() {
    let dir = workplace("");
    let check = |text: &str, code, key, mend| check(dir.path(), text, &bad(code, key, mend));
    check(&with("\"wi\"", "\"leek\""), "unknown-parameter", "train.trained", "did you mean `leak`?");
    check(&with("\"wi\"", "\"w_input\""), "unknown-parameter", "train.trained", "w_readout");
    let deferred = with("epochs = 2", "epochs = 2\ndeferred = [\"theta\"]\ndeferred_epochs = 1");
    check(&deferred, "unknown-parameter", "train.deferred", "choose from all, fly");
    check(&with("epochs = 2", "epochs = 2\ndeferred_epochs = 1"), "half-deferred", "train.deferred", "neither");
    let group = with("lr = 0.01", "lr = 0.01\ngroups = [{ parameters = [\"w_raedout\"], lr = 0.1 }]");
    check(&group, "unknown-parameter", "optimiser.groups.parameters", "did you mean `w_readout`?");
    let rate = with("[train]", "[[loss.rate]]\npopulation = \"KCs\"\ntarget_strength = 1.0\n[train]");
    check(&rate, "unknown-population", "loss.rate 1.population", "did you mean `KC`?");
    check(&with("population = KC", "population = Kenyon"), "unknown-value", "network.readout.query", "");
    check(&with("population = KC", "population ="), "query-syntax", "network.readout.query", "");
    check(&with("population = KC", "class = olfactory"), "no-readout", "network.readout.query", "name a population");
    check(&with("noise = 0.02", "delay_ms = { uPNs = 1.0 }"), "unknown-name", "network.delay_ms", "did you mean `uPN`?");
    check(
        &with("noise = 0.02", "tau_syn_by_nt_ms = { gabba = 9.0 }"),
        "unknown-name",
        "network.tau_syn_by_nt_ms",
        "did you mean `gaba`?",
    );
    check(
        &with("form = \"gain\"", "projection = { \"KC>APL\" = 0.1 }"),
        "unknown-name",
        "network.weights.projection",
        "did you mean `KC->APL`?",
    );
    check(&with("noise = 0.02", "dt_ms = 0.5"), "dt-mismatch", "network.dt_ms", "1 ms");
    check(&with("repeats = 20", "repeats = 20\nsplit = [1.0, 0.0, 0.0]"), "no-samples", "odors.split", "odors.repeats");
    check(&with("repeats = 20", "repeats = 1"), "no-samples", "odors.split", "odors.repeats");
}

#[test]
fn a_run_without_odours_or_with_two_sets_of_them_is_refused() {
    let dir = workplace("");
    let (head, rest) = CONFIG.split_once("[odors]").unwrap();
    let without = head.to_string() + "[network]" + rest.split_once("[network]").unwrap().1;
    check(dir.path(), &without, &bad("no-data", "odors", "add `data"));
    check(dir.path(), &with("[odors]", "data = \"o.h5\"\n[odors]"), &bad("two-data", "data", "keep one"));
}

#[test]
fn files_that_are_missing_of_another_kind_or_damaged_are_named() {
    let dir = workplace("");
    let path = dir.path();
    let error = |text: &str| {
        fs::write(path.join("train.toml"), text).unwrap();
        let (code, error) = refused(path, &["train", "train.toml", "--run", "run"]);
        assert!(code == 3 && error["mend"].is_string() && !path.join("run").exists(), "{error}");
        (error["code"].as_str().unwrap().to_string(), error["file"].as_str().unwrap().to_string())
    };
    assert_eq!(error(&with("circuit.h5", "nowhere.h5")), ("not-found".into(), "nowhere.h5".into()));
    fs::copy(small_fly().path().join("fly.h5"), path.join("fly.h5")).unwrap();
    assert_eq!(error(&with("circuit.h5", "fly.h5")).1, "fly.h5");
    assert_eq!(error(&with("circuit.h5", "train.toml")).0, "not-a-container");
    assert_eq!(error(&with("[odors]", "[odors]\ntable = \"none.csv\"")), ("not-found".into(), "none.csv".into()));
    assert_eq!(error(&with("[odors]", "[odors]\nreceptor_map = \"none.csv\"")), ("not-found".into(), "none.csv".into()));
    kenyon_json(path, &["odors", "make", "--circuit", "circuit.h5", "--repeats", "4", "--max-odors", "3", "-o", "odors.h5"]);
    let mut bytes = fs::read(path.join("odors.h5")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path.join("odors.h5"), bytes).unwrap();
    let stored = "circuit = \"circuit.h5\"\ndata = \"odors.h5\"\n[train]\n[optimiser]\nlr = 0.01\n";
    assert_eq!(error(stored).1, "odors.h5");
    assert_eq!(error(&stored.replace("odors.h5", "circuit.h5")).1, "circuit.h5");
    let (code, error) = refused(path, &["train", "nowhere.toml", "--run", "run"]);
    assert_eq!((code, &error["code"], &error["file"]), (3, &"not-found".into(), &"nowhere.toml".into()));
}
