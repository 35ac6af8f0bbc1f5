//! SpiNNaker's arithmetic, as the released sPyNNaker 7.4.1 binaries compute.
//!
//! | file | subject |
//! |---|---|
//! | [`fixed`] | the number formats |

pub mod fixed;
