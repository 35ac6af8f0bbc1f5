//! Metrics: what is reported of a trained network, each with its definition.
//!
//! | module | owns |
//! |---|---|
//! | [`measure`] | [`Measure`]: a value with its number of observations, or the reason why there is none |
//! | [`accuracy`] | accuracy with Wilson's interval, exact `McNemar` test |
//! | [`confusion`] | counts per pair of classes, the most confused pairs |
//! | [`detection`] | AUC, average precision, Brier, log loss, calibration, hits at a false-alarm rate |
//! | [`matching`] | precision and recall of spikes |
//! | [`van_rossum_d2`] | distance of two spike trains |
//! | [`rates`] | rates, variability, histograms, whether a cell responds |
//! | [`sparseness`] | Treves-Rolls sparseness over stimuli and over neurons, active fraction |
//! | [`geometry`] | correlation of stimuli, participation ratio, whitening |
//! | [`resampling`] | paired bootstrap, summary over runs |
//! | [`activity`] | the monitor of silent and saturated populations |
//! | [`sum`], [`eigen`] | sums in fixed order; eigenvalues of symmetric matrices |
//!
//! Training and its reports use [`accuracy`], [`confusion`], [`activity`] and the response rule of [`rates`]; the others are a library for
//! analyses that no command makes yet.
//!
//! A value that cannot be computed is `null` with a reason, never NaN; NaN in the input is an error. Sums have a fixed order, so that
//! a value has the same bits at any number of threads.

pub mod accuracy;
pub mod activity;
pub mod confusion;
pub mod detection;
pub mod eigen;
pub mod geometry;
pub mod matching;
pub mod measure;
pub mod rates;
pub mod resampling;
pub mod sparseness;
pub mod sum;

pub use accuracy::{Accuracy, McNemar};
pub use activity::{ActivityReport, Population};
pub use confusion::Confusion;
pub use kenyon_base::van_rossum_d2;
pub use measure::{Matrix, Measure};
