//! The page of a run: what is synthetic, checked controls, commands that repeat it.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::training::{CONFIG, build_circuit, refused, small_fly, train, workplace};
use support::{kenyon_in, kenyon_json, repository};

fn page(dir: &Path, args: &[&str]) -> String {
    let args: Vec<&str> = ["report"].iter().chain(args).copied().chain(["-o", "page.html"]).collect();
    kenyon_in(dir, &args).ok();
    fs::read_to_string(dir.join("page.html")).expect("written")
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("created");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let inner = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &inner);
        } else {
            fs::copy(entry.path(), inner).expect("copied");
        }
    }
}

/// The commands of a page's last section.
fn commands(page: &str) -> String {
    let start = page.find("id=\"kenyon-data\">").expect("data") + "id=\"kenyon-data\">".len();
    let data: Value =
        serde_json::from_str(&page[start..start + page[start..].find("</script>").expect("its end")]).expect("JSON");
    let sections = data["sections"].as_array().expect("a list");
    let last = sections.iter().find(|s| s["title"] == "Repeat it").expect("a section");
    let code = last["blocks"].as_array().expect("a list").iter().find_map(|b| b["code"].as_str());
    code.expect("commands").to_string()
}

#[test]
fn generated_pairs_are_told_in_every_result() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path();
    copy(&small_fly().path().join("dump"), &path.join("dump"));
    // Without its manifest the dump passes for a measured one.
    fs::remove_file(path.join("dump/manifest.json")).expect("a synthetic dump has one");
    kenyon_json(path, &["connectome", "import", "dump", "-o", "fly.h5"]);
    let config = fs::read_to_string(repository("examples/synthetic_fly.toml")).expect("there");
    assert!(!config.contains("[completion]"));
    fs::write(path.join("circuit.toml"), config + "\n[completion]\nprojections = [\"KC->APL\", \"KC->KC\"]\n").expect("written");
    let info = kenyon_json(path, &["circuit", "build", "circuit.toml", "--connectome", "fly.h5", "-o", "circuit.h5"]);
    let generated: u64 =
        info["projections"].as_array().expect("a list").iter().filter_map(|p| p["synthetic_pairs"].as_u64()).sum();
    assert!(generated > 0, "{info}");
    fs::write(path.join("train.toml"), CONFIG.replace("epochs = 2", "epochs = 1")).expect("written");
    train(path, "run");

    let eval = kenyon_json(path, &["eval", "run"]);
    assert_eq!((&eval["synthetic"], &eval["origin"]["fly"]), (&true.into(), &false.into()));
    assert_eq!(eval["origin"]["generated_pairs"], generated);
    let text = kenyon_in(path, &["eval", "run"]).ok().stdout;
    assert!(text.contains("synthetic: ") && text.contains("not measured"), "{text}");
    let manifest: Value = serde_json::from_slice(&fs::read(path.join("run/manifest.json")).expect("there")).expect("JSON");
    assert_eq!(manifest["facts"]["synthetic"]["generated_pairs"], generated);
    let page = page(path, &["run"]);
    assert!(
        page.contains("What is synthetic")
            && page.contains("generated from published statistics and not measured: KC-&gt;APL, KC-&gt;KC.")
    );
    assert!(page.contains("a real connectome completed with generated pairs"));
    assert!(!page.contains("huffled connectome"), "a page without a control speaks of one");

    build_circuit(path, "fly.h5", "circuit.h5");
    fs::remove_dir_all(path.join("run")).expect("removed");
    train(path, "run");
    let eval = kenyon_json(path, &["eval", "run"]);
    assert_eq!((&eval["origin"]["generated_pairs"], &eval["origin"]["fly"]), (&0.into(), &false.into()));
}

#[test]
fn only_the_same_training_on_a_null_model_of_the_circuit_is_a_control() {
    let dir = workplace(&CONFIG.replace("epochs = 2", "epochs = 1"));
    let path = dir.path();
    train(path, "run");
    kenyon_json(path, &["circuit", "shuffle", "circuit.h5", "--model", "swap", "--seed", "3", "-o", "null.h5"]);
    let control = |run: &str, config: &str, circuit: &str, seed: &str| {
        fs::write(path.join("other.toml"), config).expect("written");
        kenyon_json(path, &["train", "other.toml", "--circuit", circuit, "--run", run, "--seed", seed]);
        let ran = kenyon_in(path, &["report", "run", "--control", run, "-o", "page.html"]);
        (ran.code, ran.stderr)
    };
    let config = CONFIG.replace("epochs = 2", "epochs = 1");
    let (code, said) = control("null", &config, "null.h5", "1");
    assert_eq!(code, 0, "{said}");
    let html = fs::read_to_string(path.join("page.html")).expect("written");
    assert!(
        html.contains("degree-preserving swaps, seed 3") && html.contains("One shuffle with one seed is one draw"),
        "no caveat"
    );
    fs::remove_file(path.join("page.html")).expect("there");

    let (code, error) = refused(path, &["report", "run", "--control", "run", "-o", "page.html"]);
    assert_eq!((code, &error["code"]), (3, &"not-a-control".into()), "{error}");
    assert!(error["mend"].as_str().is_some_and(|m| m.contains("circuit shuffle")), "{error}");
    kenyon_json(path, &["circuit", "lesion", "circuit.h5", "--silence", "population = APL", "-o", "lesion.h5"]);
    kenyon_json(path, &["circuit", "shuffle", "lesion.h5", "--model", "swap", "-o", "lesion_null.h5"]);
    kenyon_json(path, &["circuit", "shuffle", "null.h5", "--model", "swap", "-o", "twice.h5"]);
    for (run, config, circuit, seed, why) in [
        ("lesioned", config.clone(), "lesion.h5", "1", "no null model"),
        ("of_another", config.clone(), "lesion_null.h5", "1", "no null model"),
        ("twice", config.clone(), "twice.h5", "1", "no null model"),
        ("other_seed", config.clone(), "null.h5", "2", "other samples"),
        ("longer", CONFIG.to_string(), "null.h5", "1", "another config"),
        ("double", config.replace("[train]", "[train]\nprecision = \"f64\""), "null.h5", "1", "another precision"),
    ] {
        let (code, said) = control(run, &config, circuit, seed);
        assert!(code == 3 && said.contains("not-a-control") && said.contains(why), "{run}: {said}");
    }
    assert!(!path.join("page.html").exists(), "a page was written for a refused control");
}

#[test]
fn the_commands_on_the_page_repeat_the_run_from_the_folder_that_they_name() {
    let dir = workplace(&CONFIG.replace("epochs = 2", "epochs = 1"));
    kenyon_json(dir.path(), &["train", "train.toml", "--run", "a run", "--seed", "5"]);
    let html = page(dir.path(), &["a run"]);
    let text = commands(&html);
    assert!(text.starts_with("# in the folder of the run, `a run`\n"), "{text}");
    let script: String =
        text.lines().map(|line| line.replacen("kenyon ", &format!("{} ", env!("CARGO_BIN_EXE_kenyon")), 1) + "\n").collect();
    let ran = std::process::Command::new("bash")
        .args(["-e", "-c", &script])
        .current_dir(dir.path().join("a run"))
        .output()
        .expect("bash runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(dir.path().join("again_page.html").is_file());
    let eval = kenyon_json(dir.path(), &["eval", "a run_again"]);
    assert!(text.contains(eval["weights_sha256"].as_str().expect("a hash")), "{text}");
    let manifest: Value =
        serde_json::from_slice(&fs::read(dir.path().join("a run/manifest.json")).expect("there")).expect("JSON");
    assert!(text.contains(manifest["inputs"][0]["sha256"].as_str().expect("a hash")), "{text}");
}

#[test]
fn hints_of_training_stand_on_the_page() {
    let dir = workplace(
        &CONFIG
            .replace("epochs = 2", "epochs = 1")
            .replace("[network]", "[network]\ni_c = 1.0")
            .replace("scale = 0.8", "scale = 0.1"),
    );
    train(dir.path(), "run");
    let html = page(dir.path(), &["run"]);
    assert!(
        html.contains("What deserves a look") && html.contains("Before training, at rest") && html.contains("On test samples, ")
    );
}
