//! The channels there are, by the names that recipes use.

use kenyon_base::{UserError, nearest};

use super::block::{ChannelBlock, Instance, Mechanism};
use super::channels::{
    CaHva, CaLvast, Ih, Im, KPst, KTst, Leak, NaTaT, NaTs2T, NapEt2, SkE2, Skv31, SquidPotassium, SquidSodium,
};
use super::{Channel, Drive, Environment, Ion};

/// Every channel. One more is one line more.
pub static CHANNELS: [ChannelInfo; 14] = [
    ChannelInfo::of::<Leak, 0>(),
    ChannelInfo::of::<Ih, 1>(),
    ChannelInfo::of::<Im, 1>(),
    ChannelInfo::of::<Skv31, 1>(),
    ChannelInfo::of::<NaTaT, 2>(),
    ChannelInfo::of::<NaTs2T, 2>(),
    ChannelInfo::of::<NapEt2, 2>(),
    ChannelInfo::of::<KTst, 2>(),
    ChannelInfo::of::<KPst, 2>(),
    ChannelInfo::of::<CaHva, 2>(),
    ChannelInfo::of::<CaLvast, 2>(),
    ChannelInfo::of::<SkE2, 1>(),
    ChannelInfo::of::<SquidSodium, 2>(),
    ChannelInfo::of::<SquidPotassium, 1>(),
];

type Build = fn(&'static ChannelInfo, &Environment, &[Instance], usize) -> Box<dyn Mechanism>;
type Rates = fn(&Environment, f64) -> Vec<(f64, f64)>;

/// What is known of a channel before it is placed anywhere.
#[derive(Debug)]
pub struct ChannelInfo {
    /// The name in recipes.
    pub name: &'static str,
    /// Its gates.
    pub gates: &'static [&'static str],
    /// What carries its current.
    pub ion: Ion,
    /// What its gates follow.
    pub drive: Drive,
    /// Its reversal potential (mV) if nothing else is said; `None`: the node's calcium.
    pub reversal_mv: Option<f64>,
    build: Build,
    rates: Rates,
}

impl ChannelInfo {
    const fn of<C: Channel<G>, const G: usize>() -> Self {
        // A step adds the currents of what follows calcium while it moves their gates, after the reversal potential of calcium is set;
        // a calcium current that follows calcium would count for the pool a step late.
        const {
            assert!(
                !(matches!(C::ION, Ion::Calcium) && matches!(C::DRIVE, Drive::Calcium)),
                "a channel that carries calcium cannot follow calcium"
            );
        }
        Self {
            name: C::NAME,
            gates: &C::GATES,
            ion: C::ION,
            drive: C::DRIVE,
            reversal_mv: C::REVERSAL_MV,
            build: |info, environment, instances, lanes| Box::new(ChannelBlock::<C, G>::new(info, environment, instances, lanes)),
            rates: |environment, drive| C::new(environment).rates(drive).map(|gate| (gate.inf, 1.0 / gate.rate)).into(),
        }
    }

    /// The channel at these places, in `lanes` cells.
    ///
    /// # Panics
    /// If `lanes` is neither 1 nor a multiple of [`CHUNK`](crate::biophysical::lanes::places::CHUNK).
    pub fn build(&'static self, environment: &Environment, instances: &[Instance], lanes: usize) -> Box<dyn Mechanism> {
        (self.build)(self, environment, instances, lanes)
    }

    /// Steady state and time constant (ms) of each gate at `drive` (mV, or mM of calcium).
    pub fn rates(&self, environment: &Environment, drive: f64) -> Vec<(f64, f64)> {
        (self.rates)(environment, drive)
    }
}

/// The channel called `name`.
///
/// # Errors
/// If there is none: the message lists the names.
pub fn channel(name: &str) -> Result<&'static ChannelInfo, UserError> {
    CHANNELS.iter().find(|c| c.name == name).ok_or_else(|| {
        let names: Vec<_> = CHANNELS.iter().map(|c| c.name).collect();
        let mend = nearest(name, names.iter().copied())
            .map_or_else(|| "choose one of them".into(), |close| format!("did you mean `{close}`?"));
        UserError::usage("unknown-channel", "there is no such channel").found(name).expected(names.join(", ")).mend(mend)
    })
}
