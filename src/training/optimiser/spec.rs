//! The optimiser's part of a config.

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

use super::rule::Rule;
use super::schedule::ScheduleSpec;

/// Which optimiser, with which rates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimiserSpec {
    /// Learning rate of parameters that are in no group.
    pub lr: f64,
    /// SGD, Adam or `AdamW`.
    #[serde(default)]
    pub rule: Rule,
    /// How the learning rates change over the run.
    #[serde(default)]
    pub schedule: ScheduleSpec,
    /// Limits on the gradient.
    #[serde(default)]
    pub clip: Clipping,
    /// Parameters with a learning rate of their own; the first group that names one holds it.
    #[serde(default)]
    pub groups: Vec<GroupSpec>,
}

/// Limits on the gradient; none by default.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clipping {
    /// Every element is cut to this magnitude first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The whole gradient is then scaled down to this Euclidean norm over all parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub norm: Option<f64>,
}

/// A group of parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupSpec {
    /// Names of parameters; one that ends in `*` stands for all that begin so.
    pub parameters: Vec<String>,
    /// Their learning rate.
    pub lr: f64,
    /// Their weight decay instead of the rule's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

impl GroupSpec {
    /// Whether the group holds the parameter called `name`.
    pub fn holds(&self, name: &str) -> bool {
        self.parameters.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == pattern,
        })
    }
}

impl OptimiserSpec {
    /// Adam with its usual constants and a constant learning rate.
    pub fn adam(lr: f64) -> Self {
        Self { lr, rule: Rule::default(), schedule: ScheduleSpec::Constant, clip: Clipping::default(), groups: Vec::new() }
    }

    /// Checks every number.
    ///
    /// # Errors
    /// The key that is out of its range.
    pub fn check(&self) -> Result<()> {
        positive("lr", self.lr)?;
        self.rule.check()?;
        self.schedule.check()?;
        for (key, limit) in [("clip.value", self.clip.value), ("clip.norm", self.clip.norm)] {
            if let Some(limit) = limit {
                positive(key, limit)?;
            }
        }
        for group in &self.groups {
            positive("groups.lr", group.lr)?;
            if let Some(decay) = group.weight_decay {
                within("groups.weight_decay", decay, 0.0, f64::MAX)?;
            }
        }
        Ok(())
    }

    /// Checks that every pattern of every group names at least one of `parameters`.
    pub fn check_groups<'a>(&self, parameters: impl IntoIterator<Item = &'a str> + Clone) -> Result<()> {
        for pattern in self.groups.iter().flat_map(|g| &g.parameters) {
            let alone = GroupSpec { parameters: vec![pattern.clone()], lr: 1.0, weight_decay: None };
            if !parameters.clone().into_iter().any(|name| alone.holds(name)) {
                let names: Vec<&str> = parameters.into_iter().collect();
                let error = UserError::bad_data("unknown-parameter", "a group names no trained parameter")
                    .key("optimiser.groups.parameters")
                    .found(pattern)
                    .expected(format!("one of {}", names.join(", ")));
                return Err(match kenyon_base::nearest(pattern, names.iter().copied()) {
                    Some(name) => error.mend(format!("did you mean `{name}`?")),
                    None => error.mend("name a parameter that is trained"),
                });
            }
        }
        Ok(())
    }
}

pub(super) fn positive(key: &str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() { Ok(()) } else { Err(out_of_range(key, value, "a finite number above 0")) }
}

pub(super) fn within(key: &str, value: f64, low: f64, high: f64) -> Result<()> {
    if value >= low && value <= high {
        return Ok(());
    }
    let expected =
        if high >= f64::MAX { format!("a finite number from {low}") } else { format!("a number from {low} to {high}") };
    Err(out_of_range(key, value, &expected))
}

pub(super) fn out_of_range(key: &str, value: f64, expected: &str) -> UserError {
    UserError::bad_data("out-of-range", "is out of its range")
        .key(format!("optimiser.{key}"))
        .found(value.to_string())
        .expected(expected)
        .mend("correct the config")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn parse(text: &str) -> Result<OptimiserSpec> {
        kenyon_base::config::parse(text, Path::new("train.toml"))
    }

    #[test]
    fn a_config_reads_with_defaults_and_comes_back_resolved() {
        let spec = parse("lr = 0.01\nclip = { norm = 1.0 }\nrule = { kind = \"adamw\", weight_decay = 0.1 }\n").unwrap();
        spec.check().unwrap();
        assert_eq!(spec.rule, Rule::AdamW { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.1 });
        let text = kenyon_base::config::render(&spec).unwrap();
        assert_eq!(parse(&text).unwrap(), spec);
    }

    #[test]
    fn a_number_out_of_range_names_its_key() {
        for (text, key) in [
            ("lr = -1.0", "optimiser.lr"),
            ("lr = nan", "optimiser.lr"),
            ("lr = 1.0\nrule = { kind = \"adam\", beta1 = 1.0 }", "optimiser.rule.beta1"),
            ("lr = 1.0\nclip = { value = 0.0 }", "optimiser.clip.value"),
            ("lr = 1.0\nschedule = { kind = \"step\", every_epochs = 0.0, gamma = 0.5 }", "optimiser.schedule.every_epochs"),
        ] {
            let error = parse(text).unwrap().check().unwrap_err();
            assert!(error.to_string().contains(key) && error.exit_code() == 3, "{error}");
        }
        assert!(parse("lr = 1.0\nrule = { kind = \"adamx\" }").is_err());
        assert!(parse("lr = 1.0\nrule = { kind = \"adam\", beta3 = 1.0 }").is_err());
    }

    #[test]
    fn a_group_that_names_nothing_is_an_error_with_the_nearest_name() {
        let mut spec = OptimiserSpec::adam(0.1);
        spec.groups.push(GroupSpec { parameters: vec!["readuot".into()], lr: 0.1, weight_decay: None });
        let error = spec.check_groups(["readout", "tau_mem"]).unwrap_err();
        assert!(error.to_string().contains("did you mean `readout`?"), "{error}");
        spec.groups[0].parameters = vec!["read*".into()];
        spec.check_groups(["readout", "tau_mem"]).unwrap();
    }
}
