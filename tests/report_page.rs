//! The report opens in a browser: every plot is there and is seen, nothing is clipped, nothing complains, in light and in dark.

#[path = "report_page/browser.rs"]
mod browser;
#[path = "report_page/example.rs"]
mod example;
mod support;

use std::fs;
use std::path::PathBuf;

use browser::{Browser, Scheme};
use serde_json::Value;
use support::kenyon_in;

/// Script that measures the page and leaves what it finds in an attribute of the document.
const MEASURE: &str = include_str!("report_page/measure.js");

struct Opened {
    _dir: tempfile::TempDir,
    page: PathBuf,
    measured: PathBuf,
    browser: Browser,
}

/// The plots of the page of `kenyon demo`, in their order.
const DEMO_PLOTS: [&str; 7] = [
    "Accuracy on test samples",
    "Accuracy over epochs",
    "Loss over epochs",
    "Spikes of one test sample",
    "Confusion of test samples",
    "Mean rates",
    "Neurons active per odour",
];

/// A page and the same page with the measuring script, or `None` with a note.
fn opened(html: &str) -> Option<Opened> {
    let Some(browser) = Browser::find() else {
        eprintln!("skipped: no chromium");
        return None;
    };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (page, measured) = (dir.path().join("report.html"), dir.path().join("measured.html"));
    fs::write(&page, html).expect("written");
    // The page forbids scripts; the copy that is measured must allow ours.
    let allowed = html.replacen("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'", 1);
    assert_ne!(html, allowed, "the page no longer forbids scripts");
    fs::write(&measured, allowed.replace("</body>", &format!("<script>{MEASURE}</script></body>"))).expect("written");
    Some(Opened { _dir: dir, page, measured, browser })
}

fn measure(opened: &Opened, scheme: Scheme, width: u32) -> Value {
    let seen = opened.browser.open(&opened.measured, scheme, width);
    assert_eq!(seen.complaints, Vec::<String>::new());
    let start = seen.dom.find("data-measured=\"").expect("the script ran") + "data-measured=\"".len();
    let text = &seen.dom[start..start + seen.dom[start..].find('"').expect("the attribute ends")];
    let json =
        text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ").replace("&amp;", "&");
    serde_json::from_str(&json).expect("JSON")
}

/// Asserts that every plot is drawn, whole, coloured and readable; their labels.
fn check_plots(found: &Value, place: &str) -> Vec<String> {
    let plots = found["plots"].as_array().expect("a list");
    for plot in plots {
        let place = format!("{place}: {}", plot["label"]);
        assert!(plot["width"].as_f64() > Some(200.0) && plot["height"].as_f64() > Some(100.0), "{plot}");
        assert!(plot["marks"].as_u64() > Some(3), "{place}: hardly anything is drawn");
        assert_eq!(plot["clipped"], serde_json::json!([]), "{place}: texts leave the plot");
        assert_eq!(plot["overlaps"], serde_json::json!([]), "{place}: texts lie on each other");
        assert_eq!(plot["unpainted"], serde_json::json!([]), "{place}: marks without a colour");
        assert!(plot["contrast"].as_f64() > Some(4.5), "{place}: texts are too pale: {}", plot["contrast"]);
    }
    plots.iter().map(|plot| plot["label"].as_str().unwrap_or_default().to_string()).collect()
}

#[test]
fn every_plot_is_seen_whole_in_light_and_dark_on_wide_and_narrow_screens() {
    let Some(opened) = opened(&example::page().render()) else { return };
    for (scheme, width) in [(Scheme::Light, 1280), (Scheme::Dark, 1280), (Scheme::Light, 500)] {
        let found = measure(&opened, scheme, width);
        let plots = check_plots(&found, &format!("{scheme:?} {width}"));
        assert_eq!(plots.len(), example::FIGURES, "{scheme:?} {width}");
        assert_eq!(found["dark"].as_bool(), Some(matches!(scheme, Scheme::Dark)), "{scheme:?}: {}", found["paper"]);
        assert!(found["overflow"].as_f64() <= Some(1.0), "{scheme:?} {width}: the page scrolls sideways");
        assert_eq!(found["headings"], serde_json::json!([]), "headings skip a level");
    }
}

#[test]
fn plots_with_nothing_or_too_much_to_show_stay_readable() {
    let page = example::awkward();
    let html = page.render();
    let marks = html.split("id=\"kenyon-data\"").next().expect("split gives one");
    for word in ["NaN", "inf ", "\"inf"] {
        assert!(
            !marks.contains(word),
            "{word} in a drawing: {}",
            &marks[marks.find(word).unwrap_or(0).saturating_sub(200)..][..300]
        );
    }
    let Some(opened) = opened(&html) else { return };
    for plot in measure(&opened, Scheme::Light, 1280)["plots"].as_array().expect("a list") {
        assert_eq!((&plot["clipped"], &plot["overlaps"]), (&serde_json::json!([]), &serde_json::json!([])), "{plot}");
    }
}

#[test]
fn the_page_as_it_is_opens_without_a_complaint() {
    let Some(opened) = opened(&example::page().render()) else { return };
    let seen = opened.browser.open(&opened.page, Scheme::Light, 1280);
    assert_eq!(seen.complaints, Vec::<String>::new());
    assert_eq!(seen.dom.matches("<figure").count(), example::FIGURES);
    assert_eq!(seen.dom.matches("role=\"img\"").count(), example::FIGURES);
}

#[test]
fn a_complaint_of_a_page_would_be_noticed() {
    let Some(opened) = opened(&example::page().render()) else { return };
    let html = fs::read_to_string(&opened.page).expect("there");
    fs::write(&opened.measured, html.replace("</body>", "<img src=\"https://example.org/x.png\"></body>")).expect("written");
    let seen = opened.browser.open(&opened.measured, Scheme::Light, 1280);
    assert!(!seen.complaints.is_empty(), "a blocked picture must be heard of");
}

#[test]
fn the_demo_goes_from_nothing_to_a_trained_network_a_script_and_a_page_with_every_plot() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let report = kenyon_in(dir.path(), &["demo", "--json", "--quiet"]).ok().json();
    assert_eq!(report["synthetic"], true);
    let accuracy = |of: &str| report[of]["accuracy"].as_f64().expect("a number");
    assert!(accuracy("test") > 0.8, "{}", accuracy("test"));
    assert!(accuracy("test") <= accuracy("ceiling") && accuracy("control") < accuracy("ceiling"));
    let files =
        ["fly/connections.csv.gz", "fly.h5", "circuit.toml", "circuit.h5", "train.toml", "train/manifest.json", "demo.json"];
    for file in files.into_iter().chain(["control/manifest.json", "pynn/run_pynn.py", "report.html"]) {
        assert!(dir.path().join("kenyon_demo").join(file).is_file(), "{file}");
    }

    let html = fs::read_to_string(dir.path().join("kenyon_demo/report.html")).expect("a page");
    let Some(opened) = opened(&html) else { return };
    for scheme in [Scheme::Light, Scheme::Dark] {
        let seen = opened.browser.open(&opened.page, scheme, 1280);
        assert_eq!(seen.complaints, Vec::<String>::new());
        assert_eq!(seen.dom.matches("<figure").count(), DEMO_PLOTS.len());
        let found = measure(&opened, scheme, 1280);
        let labels = check_plots(&found, &format!("{scheme:?}"));
        for (label, plot) in labels.iter().zip(DEMO_PLOTS) {
            assert!(label.starts_with(plot), "`{label}` in the place of `{plot}`");
        }
        assert_eq!(labels.len(), DEMO_PLOTS.len(), "{labels:?}");
    }
}

#[test]
fn the_page_needs_nothing_from_outside_and_stays_small() {
    let html = example::page().render();
    for outside in ["http:", "https:", "src=", "@import", "url(", "<link"] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(html.len() < 3_000_000, "{} bytes", html.len());
}

/// For people: `cargo test --workspace --test report_page -- --ignored` leaves page and pictures in `target/report_page/`.
#[test]
#[ignore = "makes pictures to look at"]
fn pictures_of_the_page() {
    let out = PathBuf::from(support::repository("target/report_page"));
    fs::create_dir_all(&out).expect("created");
    let page = out.join("report.html");
    example::page().write(&page).expect("written");
    let Some(browser) = Browser::find() else {
        eprintln!("skipped: no chromium");
        return;
    };
    for (name, scheme, width) in [("light", Scheme::Light, 1280), ("dark", Scheme::Dark, 1280), ("narrow", Scheme::Light, 500)] {
        browser.picture(&page, scheme, width, &out.join(format!("{name}.png")));
    }
    eprintln!("{}", out.display());
}
