//! A made-up response table with the statistics of DoOR, for work without any download.
//!
//! A response is log-normal, with terms for the strength of the odour, for the sensitivity of the receptor and for the pair; whether
//! a pair responds at all is drawn with a chance that differs between odours and between receptors, as in DoOR. The column of a
//! receptor hangs on its name alone, the row of an odour on its number.

use kenyon_base::Streams;
use rand::Rng;
use rand_distr::StandardNormal;

use super::table::ResponseTable;

/// Number of odours, as in the table that it stands for.
pub const ODORS: usize = 284;

const SEED: u64 = 1;
/// Parameters fitted to the statistics of the DoOR selection (`geometry`); see `docs/odors.md`.
const MEAN_LN: f64 = -2.644;
const SD_ODOR: f64 = 0.605;
const SD_RECEPTOR: f64 = 0.784;
const SD_PAIR: f64 = 0.679;
const RESPONDS_MEAN: f64 = -0.656;
const RESPONDS_ODOR: f64 = 1.381;
const RESPONDS_RECEPTOR: f64 = 1.003;

/// The table of these receptors with `odors` odours.
pub fn table(receptors: &[String], odors: usize) -> ResponseTable {
    let streams = Streams::new(SEED);
    let columns: Vec<Profile> =
        receptors.iter().map(|name| Profile::draw(&mut streams.stream(&format!("odors/receptor/{name}")))).collect();
    let mut values = Vec::with_capacity(odors * receptors.len());
    for odor in 0..odors as u64 {
        let row = Profile::draw(&mut streams.indexed("odors/odor", odor));
        let begin = values.len();
        let mut strongest = (f64::NEG_INFINITY, 0);
        for (r, (column, name)) in columns.iter().zip(receptors).enumerate() {
            let mut pair = streams.indexed(&format!("odors/pair/{name}"), odor);
            let ln = MEAN_LN
                + SD_ODOR * row.strength
                + SD_RECEPTOR * column.strength
                + SD_PAIR * pair.sample::<f64, _>(StandardNormal);
            // Four digits, so that no mathematical library shows in the table.
            let response = (ln.exp().min(1.0) * 1e4).round() / 1e4;
            let chance =
                1.0 / (1.0 + (-(RESPONDS_MEAN + RESPONDS_ODOR * row.breadth + RESPONDS_RECEPTOR * column.breadth)).exp());
            values.push(if pair.random::<f64>() < chance { response } else { 0.0 });
            if response > strongest.0 {
                strongest = (response, r);
            }
        }
        // An odour that nothing smells is none.
        if !receptors.is_empty() && values[begin..].iter().all(|v| *v == 0.0) {
            values[begin + strongest.1] = strongest.0;
        }
    }
    ResponseTable {
        odors: (1..=odors).map(|i| format!("synthetic odour {i:03}")).collect(),
        receptors: receptors.to_vec(),
        values,
        synthetic: true,
        source: None,
        notes: Vec::new(),
        lines: Vec::new(),
    }
}

/// What is drawn for a row or a column.
struct Profile {
    strength: f64,
    breadth: f64,
}

impl Profile {
    fn draw(stream: &mut kenyon_base::Stream) -> Self {
        Self { strength: stream.sample(StandardNormal), breadth: stream.sample(StandardNormal) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::odors::Geometry;

    fn receptors(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("Or{i}a")).collect()
    }

    #[test]
    fn rows_and_columns_do_not_change_with_the_others() {
        let whole = table(&receptors(30), 40);
        let part = table(&receptors(30)[10..20], 20);
        // An odour with a single response may owe it to the receptors that happen to be there.
        for o in (0..20).filter(|&o| part.row(o).iter().filter(|v| **v > 0.0).count() > 1) {
            assert_eq!(part.row(o), &whole.row(o)[10..20], "odour {o}");
        }
        assert!((0..20).all(|o| part.row(o).iter().any(|v| *v > 0.0)));
    }

    #[test]
    fn the_statistics_are_near_those_of_the_measured_table() {
        let geometry = Geometry::of(&table(&receptors(52), ODORS));
        for (found, wanted, tolerance) in [
            (geometry.lifetime_sparseness, 0.809, 0.04),
            (geometry.population_sparseness, 0.822, 0.04),
            (geometry.pair_correlation_mean, 0.174, 0.08),
            (geometry.participation_ratio, 9.02, 3.0),
            (geometry.share_above_0_3, 0.046, 0.02),
        ] {
            assert!((found - wanted).abs() < tolerance, "{found}, wanted {wanted}: {geometry:?}");
        }
    }
}
