//! Input spikes of a sample, and who can deliver them.

use kenyon_base::{Result, UserError};

use crate::split::Split;

/// Input spikes of one sample, sorted by step, then by column.
///
/// # Shapes
/// `ptr`: steps + 1; the columns that fire at step `t` are `idx[ptr[t]..ptr[t + 1]]`. A column that fires twice in a step
/// stands there twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events {
    /// Where each step begins in `idx`.
    pub ptr: Vec<u32>,
    /// Columns that fire.
    pub idx: Vec<u32>,
}

impl Events {
    /// Number of steps.
    pub fn steps(&self) -> usize {
        self.ptr.len().saturating_sub(1)
    }

    /// Columns that fire at `step`.
    pub fn at(&self, step: usize) -> &[u32] {
        &self.idx[self.ptr[step] as usize..self.ptr[step + 1] as usize]
    }

    /// Takes the spikes of `pairs` (step, column), given with ascending columns; all steps must be below `steps`.
    pub fn fill(&mut self, steps: usize, pairs: &[(u32, u32)]) {
        self.ptr.clear();
        self.ptr.resize(steps + 1, 0);
        for &(step, _) in pairs {
            self.ptr[step as usize + 1] += 1;
        }
        for t in 0..steps {
            self.ptr[t + 1] += self.ptr[t];
        }
        self.idx.clear();
        self.idx.resize(pairs.len(), 0);
        // `ptr[t]` serves as the next free place of step `t`, and ends as the begin of step `t + 1`.
        for &(step, column) in pairs {
            let next = &mut self.ptr[step as usize];
            self.idx[*next as usize] = column;
            *next += 1;
        }
        self.ptr.copy_within(0..steps, 1);
        self.ptr[0] = 0;
    }

    /// Spikes of every column over the whole sample.
    ///
    /// # Shapes
    /// `counts`: columns.
    pub fn count(&self, counts: &mut [u32]) {
        counts.fill(0);
        for &column in &self.idx {
            counts[column as usize] += 1;
        }
    }
}

/// What is known of a sample besides its spikes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Class.
    pub label: u32,
    /// First step of the stimulus.
    pub onset: u32,
    /// Steps of the stimulus.
    pub duration: u32,
    /// Concentration of the stimulus.
    pub concentration: f32,
}

/// A labelled set of samples of input spikes, generated on the fly or read from a file.
pub trait SpikeSource: Send + Sync {
    /// Number of samples.
    fn len(&self) -> usize;

    /// Whether there are no samples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Steps per sample.
    fn steps(&self) -> usize;

    /// Length of a step in ms.
    fn dt_ms(&self) -> f64;

    /// Root id of every input column.
    fn inputs(&self) -> &[u64];

    /// Names of the classes; names may repeat, positions are what counts.
    fn classes(&self) -> &[String];

    /// What is known of sample `i` besides its spikes.
    fn sample(&self, i: usize) -> Sample;

    /// Class of sample `i`.
    fn label(&self, i: usize) -> u32 {
        self.sample(i).label
    }

    /// The stored division into training, validation and test samples.
    fn split(&self) -> &Split;

    /// SHA-256 that names the content: equal for equal spikes, whatever delivers them.
    fn identity(&self) -> &str;

    /// Input spikes of sample `i`.
    ///
    /// # Errors
    /// A stored sample that cannot be read.
    fn events(&self, i: usize, events: &mut Events) -> Result<()>;
}

/// What is known of a stored set of samples besides the spikes.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// What is known of each sample.
    pub samples: Vec<Sample>,
    /// Steps per sample.
    pub steps: usize,
    /// Length of a step in ms.
    pub dt_ms: f64,
    /// Root id of every input column.
    pub inputs: Vec<u64>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Training, validation and test samples.
    pub split: Split,
    /// SHA-256 that names the content.
    pub identity: String,
}

/// A set of samples whose description is at hand and whose spikes are read as they are asked for.
pub trait Stored: Send + Sync {
    /// The description.
    fn about(&self) -> &About;

    /// Input spikes of sample `i`, which exists.
    ///
    /// # Errors
    /// A sample that cannot be read.
    fn read(&self, i: usize, events: &mut Events) -> Result<()>;
}

impl<T: Stored> SpikeSource for T {
    fn len(&self) -> usize {
        self.about().samples.len()
    }

    fn steps(&self) -> usize {
        self.about().steps
    }

    fn dt_ms(&self) -> f64 {
        self.about().dt_ms
    }

    fn inputs(&self) -> &[u64] {
        &self.about().inputs
    }

    fn classes(&self) -> &[String] {
        &self.about().classes
    }

    fn sample(&self, i: usize) -> Sample {
        self.about().samples[i]
    }

    fn split(&self) -> &Split {
        &self.about().split
    }

    fn identity(&self) -> &str {
        &self.about().identity
    }

    fn events(&self, i: usize, events: &mut Events) -> Result<()> {
        if i >= self.len() {
            return Err(no_such_sample(i, self.len()));
        }
        self.read(i, events)
    }
}

/// The error of a sample that is not there.
pub(crate) fn no_such_sample(i: usize, len: usize) -> UserError {
    UserError::bad_data("no-such-sample", "a sample that the data set does not hold")
        .found(i.to_string())
        .expected(format!("0 to {}", len.saturating_sub(1)))
        .mend("use the split that was stored with this data set")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_are_sorted_by_step_and_then_by_column() {
        let mut events = Events::default();
        events.fill(4, &[(3, 0), (0, 1), (3, 1), (3, 1), (1, 2)]);
        assert_eq!(events.ptr, [0, 1, 2, 2, 5]);
        assert_eq!(events.idx, [1, 2, 0, 1, 1]);
        assert_eq!(events.at(3), [0, 1, 1]);
        let mut counts = [9; 3];
        events.count(&mut counts);
        assert_eq!(counts, [1, 3, 1]);
        events.fill(2, &[]);
        assert_eq!((events.ptr.as_slice(), events.steps()), ([0, 0, 0].as_slice(), 2));
    }
}
