//! Plain hints about activity that no training will mend by itself.

use super::evaluate::PopulationActivity;

/// Share of a population above 50 Hz that is worth a warning.
const SATURATED: f64 = 0.2;
/// Share of a population that stays silent and is worth a warning; Kenyon cells are meant to be sparse.
const SILENT: f64 = 0.9;

/// One sentence per population that is dead or saturated.
pub fn hints(populations: &[PopulationActivity]) -> Vec<String> {
    let mut out = Vec::new();
    for p in populations {
        if p.saturated_share > SATURATED {
            out.push(format!(
                "{:.0} % of `{}` fire above 50 Hz: lower `network.weights.scale`, or raise the upper end of `network.i_c`",
                100.0 * p.saturated_share,
                p.population
            ));
        }
        if p.silent_share > SILENT && !p.population.starts_with("KC") {
            out.push(format!(
                "{:.0} % of `{}` never fire: raise `network.weights.scale`, or lower `network.i_c` (it is subtracted from the input)",
                100.0 * p.silent_share,
                p.population
            ));
        }
    }
    out
}
