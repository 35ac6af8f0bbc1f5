//! Point neurons: one membrane potential, no space.
//!
//! All variants advance by one step of dt from the potential and the drive of this step (`drive = syn - I_c`: a positive
//! bias is hyperpolarising). Potentials are dimensionless; threshold and reset belong to the network, not to the model.
//!
//! | module | owns |
//! |---|---|
//! | [`membrane`] | [`Membrane`]: LIF (exact), LIF2 (Euler), QIF, non-spiking; [`PointModel`], the choice of one |
//! | [`qif`] | from LIF parameters to a QIF neuron with the same intervals |
//! | [`surrogate`] | [`Surrogate`]: the derivative that stands for a step's, and the smooth step that it belongs to |
//! | [`real`] | [`Real`]: what the kernels need of f32 and f64 |

pub mod membrane;
pub mod qif;
pub mod real;
pub mod surrogate;

pub use membrane::{Lif, Membrane, NonSpiking, PointModel, Qif};
pub use qif::{QifKind, QifNeuron};
pub use real::Real;
pub use surrogate::{Surrogate, SurrogateShape};
