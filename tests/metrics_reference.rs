//! Metrics of the DoOR response matrix against values computed independently. Skipped where the reference data are absent.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Read;
use std::path::PathBuf;

use flate2::read::MultiGzDecoder;
use kenyon::analysis::{Matrix, Measure, geometry, sparseness};

/// The table, one row per odour; the names stand in front and hold commas inside quotes only.
fn responses() -> Option<(Vec<f64>, usize)> {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data"));
    let root = std::env::var_os("KENYON_REFERENCE_DATA").map_or_else(default, PathBuf::from);
    let Ok(file) = std::fs::File::open(root.join("fly/door/DoOR_selected.csv.gz")) else {
        eprintln!("skipped: no reference data");
        return None;
    };
    let mut text = String::new();
    MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    let columns = text.lines().next().unwrap().split(',').count() - 1;
    let row = |line: &str| -> Vec<f64> {
        let mut cells: Vec<f64> = line.rsplit(',').take(columns).map(|cell| cell.parse().unwrap()).collect();
        cells.reverse();
        cells
    };
    Some((text.lines().skip(1).flat_map(row).collect(), columns))
}

fn near(measure: &Measure, expected: f64, tolerance: f64) {
    assert!((measure.value.unwrap() - expected).abs() <= tolerance, "{measure:?} is not {expected}");
}

#[test]
fn the_odour_table_has_its_known_sparseness_correlation_and_dimension() {
    let Some((values, receptors)) = responses() else { return };
    let table = Matrix::new(&values, values.len() / receptors, receptors).unwrap();
    assert_eq!((table.rows(), table.columns()), (284, 52));
    near(&sparseness::lifetime(&table), 0.809, 0.005);
    near(&sparseness::population(&table), 0.822, 0.005);
    let pairs = geometry::pair_correlation(&table);
    near(&pairs.mean, 0.174, 0.005);
    near(&pairs.median, 0.114, 0.005);
    near(&geometry::participation_ratio(&table), 9.02, 0.05);
    let whitening = geometry::whitening(&table);
    assert_eq!(whitening.participation_ratio, geometry::participation_ratio(&table));
    assert!(whitening.eigenvalue_slope.value.unwrap() < -0.5, "{whitening:?}");
}
