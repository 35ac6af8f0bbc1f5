//! What has a number and a name: states of a core, signals; sets of cores.

use crate::messages::wire::{MessageError, Result};

/// Cores of a chip, 0 to 17.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct CoreMask(u32);

impl CoreMask {
    const BITS: u32 = (1 << 18) - 1;

    /// These cores.
    ///
    /// # Errors
    /// [`MessageError::OutOfRange`] for a core beyond 17.
    pub fn of(cores: impl IntoIterator<Item = u32>) -> Result<Self> {
        cores
            .into_iter()
            .try_fold(0, |mask, core| {
                if core > 17 {
                    return Err(MessageError::OutOfRange { field: "core", value: core.into(), largest: 17 });
                }
                Ok(mask | 1 << core)
            })
            .map(Self)
    }

    /// The lowest 18 bits of a word.
    pub(super) fn of_bits(word: u32) -> Self {
        Self(word & Self::BITS)
    }

    /// Bit `p` for core `p`.
    pub fn bits(self) -> u32 {
        self.0
    }
}

/// The enum with this number, by a list of all.
macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident, $field:literal, { $($variant:ident = $number:literal $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u32)]
        #[expect(missing_docs, reason = "the protocol's own names")]
        pub enum $name { $($variant = $number),+ }

        impl $name {
            /// All, by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Name in the protocol's tools.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The one with this number.
            ///
            /// # Errors
            /// [`MessageError::Unknown`] if there is none.
            pub fn of(number: u32) -> Result<Self> {
                match number {
                    $($number => Ok(Self::$variant),)+
                    code => Err(MessageError::Unknown { field: $field, code }),
                }
            }
        }
    };
}

numbered! {
    /// What a core is doing.
    CoreState, "state of a core", {
        Dead = 0 "DEAD", PoweredDown = 1 "POWERED_DOWN", RuntimeException = 2 "RUN_TIME_EXCEPTION", Watchdog = 3 "WATCHDOG",
        Initialising = 4 "INITIALISING", Ready = 5 "READY", CMain = 6 "C_MAIN", Running = 7 "RUNNING", Sync0 = 8 "SYNC0",
        Sync1 = 9 "SYNC1", Paused = 10 "PAUSED", Finished = 11 "FINISHED", Reserved12 = 12 "CPU_STATE_12",
        Reserved13 = 13 "CPU_STATE_13", Reserved14 = 14 "CPU_STATE_14", Idle = 15 "IDLE",
    }
}

numbered! {
    /// A signal to all cores of an application.
    Signal, "signal", {
        Initialise = 0 "INITIALISE", PowerDown = 1 "POWER_DOWN", Stop = 2 "STOP", Start = 3 "START", Sync0 = 4 "SYNC0",
        Sync1 = 5 "SYNC1", Pause = 6 "PAUSE", Continue = 7 "CONTINUE", Exit = 8 "EXIT", Timer = 9 "TIMER", User0 = 10 "USER_0",
        User1 = 11 "USER_1", User2 = 12 "USER_2", User3 = 13 "USER_3",
    }
}

impl Signal {
    /// How it travels: 0 as multicast packets, 2 from neighbour to neighbour.
    pub fn transport(self) -> u32 {
        if self as u32 <= Self::Stop as u32 { 2 } else { 0 }
    }
}
