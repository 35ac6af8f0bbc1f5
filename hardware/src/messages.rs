//! Messages between a host and a SpiNNaker board: typed, to bytes and back.
//!
//! | module | owns |
//! |---|---|
//! | [`sdp`] | the 8-byte envelope: from which core to which |
//! | [`scp`] | requests with their sequence number, and replies with their result |
//! | [`command`] | what SCAMP, the monitor program, and a board's BMP are asked to do |
//! | [`runtime`] | what a running application is asked to do, on SDP port 3 |
//! | [`eieio`] | spikes in and out while a network runs, and the commands around them |
//! | [`boot`] | the packets that start a board |
//! | [`vectors`] | comparison with reference messages |
//!
//! Encoders refuse what does not fit its field. Decoders refuse what is cut short, unknown, or says what no encoder would: whatever
//! they accept encodes to the same bytes again. Numbers are little endian but for boot packets.
//!
//! # Example
//! ```
//! use kenyon_hardware::messages::{Command, Core, Request};
//!
//! let request = Request::new(Core { x: 1, y: 0, cpu: 3 }, 7, Command::Read { address: 0x6000_0000, length: 64 });
//! let bytes = request.encode()?;
//! assert_eq!(bytes.len(), 24);
//! assert_eq!(Request::decode(&bytes)?, request);
//! # Ok::<(), kenyon_hardware::messages::MessageError>(())
//! ```

pub mod boot;
pub mod command;
pub mod eieio;
pub mod runtime;
pub mod scp;
pub mod sdp;
pub mod vectors;
mod wire;

pub use command::{Command, Core, CoreMask, CoreState, Signal};
pub use runtime::Runtime;
pub use scp::{Body, Reply, Request, ResultCode};
pub use sdp::{Endpoint, SdpHeader, SdpMessage};
pub use wire::MessageError;

/// UDP port of SCAMP and BMP.
pub const SCAMP_PORT: u16 = 17_893;
/// UDP port that receives boot packets.
pub const BOOT_PORT: u16 = 54_321;
/// UDP port of live spikes.
pub const LIVE_SPIKES_PORT: u16 = 17_895;
/// UDP port of the notification protocol.
pub const NOTIFICATION_PORT: u16 = 19_999;
