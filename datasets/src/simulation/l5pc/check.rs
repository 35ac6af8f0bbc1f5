//! The recipe of an L5PC set against its ranges.

use kenyon_base::Result;

use super::L5pcSpec;
use crate::simulation::spec::{Check, LONGEST_MS, bad};

impl L5pcSpec {
    pub(in crate::simulation) fn check(&self) -> Result<()> {
        let check = Check("generator.l5pc");
        if self.rate_options_hz.is_empty() {
            return Err(bad("generator.l5pc.rate_options_hz").found("[]").expected("at least one range"));
        }
        for &range in &self.rate_options_hz {
            check.range("rate_options_hz", range, 0.0, 1000.0)?;
        }
        for (key, options) in
            [("interval_options_ms", &self.interval_options_ms), ("smoothing_options_ms", &self.smoothing_options_ms)]
        {
            if options.is_empty() {
                return Err(bad(&format!("generator.l5pc.{key}")).found("[]").expected("at least one length in ms"));
            }
            options.iter().try_for_each(|&ms| check.whole(key, ms, 1, 100_000))?;
        }
        check.number("jitter_ms", self.jitter_ms, 0.0, 10_000.0)?;
        check.range("spatial_noise", self.spatial_noise, 0.0, 1.0)?;
        check.whole_range("period_ms", self.period_ms, 1, 1_000_000)?;
        check.range("depth", self.depth, 0.0, 1.0)?;
        for factor in self.remove_factor {
            check.range("remove_factor", factor, 0.0, 100.0)?;
        }
        check.range("deactivate", self.deactivate, 0.0, 1.0)?;
        check.range("cluster", self.cluster, 1e-4, 1.0)?;
        check.range("active_clusters", self.active_clusters, 0.0, 1.0)?;
        check.whole("specials", self.specials, 0, 1000)?;
        check.whole_range("special_ms", self.special_ms, 1, LONGEST_MS)?;
        check.range("multiply_counts", self.multiply_counts, 0.01, 1000.0)?;
        check.number("connections", self.connections[0], -1e4, 1e4)?;
        check.number("connections", self.connections[1], 0.0, 1e4)?;
        check.range("connections_range", self.connections_range, 1.0, 1e4)?;
        check.whole("most_connections", self.most_connections, 1, 1_000_000)?;
        check.range("weight", self.weight, 0.0, 1e6)?;
        check.whole("decimals", self.decimals.unwrap_or(0).into(), 0, 15)?;
        let pairs = [
            ("p_spatial_noise", self.p_spatial_noise),
            ("p_no_synchronization", self.p_no_synchronization),
            ("p_no_deactivate", self.p_no_deactivate),
            ("p_no_cluster", self.p_no_cluster),
            ("p_same_spikes", self.p_same_spikes),
        ];
        let single = [
            ("p_same_range", self.p_same_range),
            ("p_same_noise", self.p_same_noise),
            ("p_synchronization", self.p_synchronization),
            ("p_same_period", self.p_same_period),
            ("p_same_depth", self.p_same_depth),
            ("p_remove_inhibition", self.p_remove_inhibition),
            ("p_deactivate", self.p_deactivate),
            ("p_same_count", self.p_same_count),
            ("p_same_axons", self.p_same_axons),
            ("p_cluster", self.p_cluster),
            ("p_random_cluster", self.p_random_cluster),
            ("p_same_clusters", self.p_same_clusters),
            ("p_same_rates", self.p_same_rates),
            ("p_multiply_counts", self.p_multiply_counts),
            ("p_same_counts", self.p_same_counts),
            ("p_multiple_connections", self.p_multiple_connections),
            ("p_same_connections", self.p_same_connections),
        ];
        let all = pairs.into_iter().flat_map(|(key, pair)| pair.map(|p| (key, p))).chain(single);
        for (key, p) in all {
            check.probability(key, p)?;
        }
        Ok(())
    }
}
