//! Influence, effective connectivity and degree distributions of a circuit, by sparse products only.
//!
//! | function | answers |
//! |---|---|
//! | [`influence`] | how strongly a seed acts on every neuron at the steady state of a linear network |
//! | [`effective_connectivity`] | which share of a neuron's input comes from a source over paths of 1 to K edges |
//! | [`group_connectivity`], [`group_level`] | the same between groups of neurons |
//! | [`spectral_radius`] | the largest modulus of an eigenvalue of the signed or unsigned circuit |
//! | [`degree_distributions`] | in- and out-degrees, summarised |
//!
//! # Example
//! ```
//! use kenyon_connectome::edges::Edges;
//! use kenyon_connectome::influence::{InfluenceOptions, influence};
//!
//! let edges = Edges::from_triples(3, &[(0, 1, 4), (1, 2, 2), (2, 0, 3)]);
//! let result = influence(&edges, Some(&[1, -1, 1]), &[(0, 1.0)], &[], &InfluenceOptions::default())?;
//! assert!((result.rho - 24_f64.cbrt()).abs() < 1e-8);
//! assert!((result.r[2] + 0.4782857157).abs() < 1e-8);
//! # Ok::<(), kenyon_base::UserError>(())
//! ```

mod degrees;
mod effective;
mod eigen;
mod gmres;
mod krylov;
mod matrix;
mod radius;
mod steady;

pub use degrees::{DegreeDistributions, DegreeSummary, degree_distributions};
pub use effective::{
    Effective, EffectiveOptions, GroupConnectivity, PathSums, effective_connectivity, group_connectivity, group_level,
};
pub use radius::{RadiusOptions, spectral_radius};
pub use steady::{InfluenceOptions, InfluenceResult, influence};
