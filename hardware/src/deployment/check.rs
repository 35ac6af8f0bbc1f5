//! Whether a description makes sense: sizes agree, indices exist, numbers are ones that a neuron can have.
//!
//! What a particular machine cannot hold is the business of its own lint ([`crate::lint`]).

use kenyon_base::{Result, UserError};

use super::{Cells, Decision, Deployment, HostReadout, Population, Projection, Sample, VERSION, Variable};
use crate::lint;

impl Deployment {
    /// Checks that the description makes sense: its [structure](Self::check_structure) and [its numbers](lint::values).
    ///
    /// # Errors
    /// Bad data, naming population or projection and neuron.
    pub fn check(&self) -> Result<()> {
        self.check_structure()?;
        lint::refuse(&lint::values(self))
    }

    /// Checks that sizes agree and indices exist.
    ///
    /// # Errors
    /// Bad data, naming population or projection and neuron.
    pub fn check_structure(&self) -> Result<()> {
        let whole = |code, message: &str, found: f64, expected: &str| {
            Err(UserError::bad_data(code, message).found(found.to_string()).expected(expected))
        };
        if self.version != VERSION {
            let expected = VERSION.to_string();
            return whole("deployment-version", "unknown version of a deployment", f64::from(self.version), &expected);
        }
        if !(self.dt_ms.is_finite() && self.dt_ms > 0.0) {
            return whole("bad-time-step", "bad time step", self.dt_ms, "a time above 0 ms");
        }
        if self.steps == 0 || self.lead_in_steps >= self.steps {
            return whole("no-steps", "no step to simulate", f64::from(self.steps), "more steps than the lead-in has");
        }
        for population in &self.populations {
            population.check()?;
        }
        for (i, projection) in self.projections.iter().enumerate() {
            self.check_projection(projection)?;
            let twin = |p: &Projection| (p.pre, p.post, p.receptor) == (projection.pre, projection.post, projection.receptor);
            if self.projections[..i].iter().any(twin) {
                return Err(bad(self.place(projection), "described twice").mend("join its synapses into one projection"));
            }
        }
        self.samples.iter().try_for_each(|sample| self.check_sample(sample))?;
        self.check_decision()?;
        self.host_readout.iter().try_for_each(|readout| self.check_host_readout(readout))
    }

    fn population(&self, index: u32, place: &str) -> Result<&Population> {
        self.populations.get(index as usize).ok_or_else(|| {
            bad(place, "unknown population")
                .found(index.to_string())
                .expected(format!("an index below {}", self.populations.len()))
        })
    }

    /// A projection in words.
    pub(crate) fn place(&self, projection: &Projection) -> String {
        let name = |i: u32| self.populations.get(i as usize).map_or("?", |p| p.label.as_str());
        format!("{} -> {} ({})", name(projection.pre), name(projection.post), projection.receptor.name())
    }

    fn check_projection(&self, projection: &Projection) -> Result<()> {
        let place = self.place(projection);
        let (pre, post) = (self.population(projection.pre, &place)?, self.population(projection.post, &place)?);
        if matches!(post.cells, Cells::SpikeSource) {
            return Err(bad(&place, "spike sources receive nothing").mend("project to a population of neurons"));
        }
        let outside = |s: &&super::Synapse| s.pre as usize >= pre.ids.len() || s.post as usize >= post.ids.len();
        if let Some(synapse) = projection.synapses.iter().find(outside) {
            return Err(bad(&place, "synapse of a neuron that does not exist")
                .found(format!("{} -> {}", synapse.pre, synapse.post))
                .expected(format!("positions below {} and {}", pre.ids.len(), post.ids.len())));
        }
        Ok(())
    }

    fn check_sample(&self, sample: &Sample) -> Result<()> {
        let place = format!("sample {}", sample.name);
        for window in sample.spikes.windows(2) {
            if window[0] >= window[1] {
                return Err(bad(&place, "spikes are out of order or occur twice").found(format!("{:?}", window[1])));
            }
        }
        for &(population, neuron, step) in &sample.spikes {
            let found = format!("population {population}, neuron {neuron}, step {step}");
            let sources = self.population(population, &place)?;
            if !matches!(sources.cells, Cells::SpikeSource) {
                return Err(bad(&place, "spike of a population that is no spike source").found(found));
            }
            if neuron as usize >= sources.ids.len() || !(self.lead_in_steps..self.steps).contains(&step) {
                let expected =
                    format!("a neuron below {} and a step from {} to {}", sources.ids.len(), self.lead_in_steps, self.steps - 1);
                return Err(bad(&place, "spike outside").found(found).expected(expected));
            }
        }
        Ok(())
    }

    fn check_decision(&self) -> Result<()> {
        match self.decision {
            Decision::Count if self.host_readout.is_none() => Err(bad("decision", "counts spikes, which no cell does")
                .expected("a readout on the host")
                .mend("read on the host, or decide by `max`, `mean`, `last` or a window")),
            // Steps and lead-in were checked: there is a row for each step after the lead-in.
            Decision::Window { from, to } if from >= to || to > self.steps - self.lead_in_steps => {
                Err(bad("decision", "is a window outside the readout")
                    .found(format!("rows {from} to {to}"))
                    .expected(format!("at least one of the {} rows", self.steps - self.lead_in_steps)))
            }
            _ => Ok(()),
        }
    }

    fn check_host_readout(&self, readout: &HostReadout) -> Result<()> {
        let place = "host readout";
        for &(population, neuron) in &readout.sources {
            let pre = self.population(population, place)?;
            if neuron as usize >= pre.ids.len() {
                return Err(bad(place, "reads a neuron that does not exist").found(format!("{population}, {neuron}")));
            }
            if !pre.record.contains(&Variable::Spikes) {
                return Err(bad(&pre.label, "is read on the host, but its spikes are not recorded").mend("record its spikes"));
            }
        }
        if !(0.0..1.0).contains(&readout.decay_syn) || !(0.0..1.0).contains(&readout.decay_mem) {
            return Err(bad(place, "bad decay").expected("decays from 0 up to but not 1"));
        }
        for &(from, class, weight) in &readout.weights {
            if from as usize >= readout.sources.len() || class as usize >= readout.classes.len() || !weight.is_finite() {
                return Err(bad(place, "bad weight").found(format!("{from} -> {class}: {weight}")));
            }
        }
        Ok(())
    }
}

impl Population {
    fn check(&self) -> Result<()> {
        let n = self.ids.len();
        if n == 0 {
            return Err(bad(&self.label, "empty population").mend("leave it out"));
        }
        if !self.names.is_empty() && self.names.len() != n {
            return Err(bad(&self.label, "names do not match the neurons")
                .found(self.names.len().to_string())
                .expected(format!("{n} or none")));
        }
        let mut ids = self.ids.clone();
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find(|w| w[0] == w[1]) {
            return Err(bad(&self.label, "an id occurs twice").found(twice[0].to_string()));
        }
        let power = self.v_scale > 0.0 && self.v_scale.is_finite() && self.v_scale.log2().fract() == 0.0;
        if !power {
            return Err(bad(&self.label, "bad scale").found(self.v_scale.to_string()).expected("a power of two"));
        }
        if let Some(variable) = self.record.iter().find(|v| !self.cells.has(**v)) {
            return Err(bad(&self.label, "spike sources have spikes to record and nothing else").found(variable.name()));
        }
        for (name, values) in self.cells.neurons().map(super::Neurons::columns).unwrap_or_default() {
            if values.len() != n {
                return Err(bad(&self.label, format!("`{name}` does not match the neurons"))
                    .found(values.len().to_string())
                    .expected(n.to_string()));
            }
        }
        Ok(())
    }
}

fn bad(place: impl Into<String>, message: impl Into<String>) -> UserError {
    UserError::bad_data("bad-deployment", message).key(place)
}
