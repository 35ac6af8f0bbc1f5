//! The equations of the channels.
//!
//! Channels of the layer 5b pyramidal cell after Hay, Hill, Schürmann, Markram & Segev 2011 (PLOS Comput. Biol. 7: e1002107)
//! and the works that it names; the squid axon after Hodgkin & Huxley 1952. `v` in mV, time in ms, `qt` = [`QT`](super::QT),
//! `L(x, k) = x / (1 - exp(-x / k))` ([`Real::linoid`](super::super::lanes::Real::linoid)).

mod ca_hva;
mod ca_lvast;
mod ih;
mod im;
mod k_pst;
mod k_tst;
mod leak;
mod nap_et2;
mod nat;
mod sk_e2;
mod skv3_1;
mod squid;

pub use ca_hva::CaHva;
pub use ca_lvast::CaLvast;
pub use ih::Ih;
pub use im::Im;
pub use k_pst::KPst;
pub use k_tst::KTst;
pub use leak::Leak;
pub use nap_et2::NapEt2;
pub use nat::{NaTaT, NaTs2T};
pub use sk_e2::SkE2;
pub use skv3_1::Skv31;
pub use squid::{SquidPotassium, SquidSodium};

/// What every channel's file uses.
mod prelude {
    pub(super) use super::super::{Channel, Drive, Environment, GateRate, Ion, QT};
    pub(super) use crate::biophysical::lanes::Real;
}
