//! Every command of the tutorial and every example of the README works, in the order in which a reader meets it.

mod support;

use std::fs;
use std::path::Path;

use support::{kenyon_in, repository};

/// Splits a command line as a shell would, as far as the tutorial needs: blanks, single and double quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (c, quote) {
            (' ', None) => words.push(String::new()),
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(q)) if c == q => quote = None,
            (c, _) => words.last_mut().expect("never empty").push(c),
        }
    }
    words.retain(|w| !w.is_empty());
    words
}

/// The lines of all shell blocks of a page.
fn commands(page: &str) -> Vec<String> {
    let mut inside = false;
    let mut out = Vec::new();
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line.trim() == "```sh";
        } else if inside && !line.trim().is_empty() && !line.trim_start().starts_with('#') {
            out.push(line.trim().to_string());
        }
    }
    out
}

fn copy_examples(to: &Path) {
    fs::create_dir(to.join("examples")).expect("created");
    for entry in fs::read_dir(repository("examples")).expect("there") {
        let path = entry.expect("readable").path();
        fs::copy(&path, to.join("examples").join(path.file_name().expect("a file"))).expect("copied");
    }
}

/// The example commands of the README: a comment follows after several blanks.
fn examples(page: &str) -> Vec<String> {
    let lines = page.lines().filter(|line| line.starts_with("kenyon "));
    lines.map(|line| line.split("   ").next().unwrap_or(line).trim().to_string()).collect()
}

#[test]
fn every_example_command_of_the_readme_succeeds() {
    let page = fs::read_to_string(repository("README.md")).expect("the README is there");
    let commands = examples(&page);
    assert!(commands.len() >= 6, "the README has lost its examples: {commands:?}");
    run_all(&commands);
}

#[test]
fn every_command_of_the_tutorial_succeeds() {
    let page = fs::read_to_string(repository("docs/tutorial.md")).expect("the tutorial is there");
    let commands = commands(&page);
    assert!(commands.len() >= 10, "the tutorial has lost its commands: {commands:?}");
    run_all(&commands);
}

/// Runs commands one after another in a folder that holds nothing but `examples/`.
fn run_all(commands: &[String]) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    copy_examples(dir.path());
    for command in commands {
        let words = words(command);
        assert_eq!(words[0], "kenyon", "only kenyon commands belong into ```sh blocks: {command}");
        let args: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let ran = kenyon_in(dir.path(), &args);
        assert_eq!(ran.code, 0, "{command}\n{}{}", ran.stdout, ran.stderr);
    }
}
