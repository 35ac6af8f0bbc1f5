//! Comparison with reference messages: fields and the bytes that they encode to.
//!
//! A file of vectors is a JSON list of `{kind, message, fields, hex}`; kinds are `scp` (with `sequence`, and `udp_hex` as the message
//! is on UDP), `sdp`, `eieio_data`, `eieio_command` and `boot` (sizes, headers and SHA-256 of every packet). A vector agrees if its
//! fields encode to its bytes and its bytes decode to its fields.
//!
//! | module | owns |
//! |---|---|
//! | `fields` | reading fields with their ranges, and that none is left over |
//! | `requests` | fields of SCP requests |
//! | `others` | fields of SDP and EIEIO messages |
//! | `booting` | boot packets |

mod booting;
mod fields;
mod others;
mod requests;

use serde::Deserialize;
use serde_json::{Map, Value};

use self::fields::Fields;
use super::eieio::Eieio;
use super::{MessageError, Request, SdpMessage, sdp};

/// One message with its bytes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// Family of messages.
    pub kind: String,
    /// Name of the message.
    pub message: String,
    /// Its fields.
    #[serde(default)]
    pub fields: Map<String, Value>,
    /// Sequence number of a request.
    #[serde(default)]
    pub sequence: Option<u16>,
    /// Bytes.
    #[serde(default)]
    pub hex: String,
    /// Bytes as UDP carries them.
    #[serde(default)]
    pub udp_hex: Option<String>,
}

/// What does not agree about one vector.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Of fields to bytes.
    pub encode: Option<String>,
    /// Of bytes to fields.
    pub decode: Option<String>,
}

impl Difference {
    /// Whether nothing differs.
    pub fn is_none(&self) -> bool {
        self.encode.is_none() && self.decode.is_none()
    }

    fn both(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { encode: Some(text.clone()), decode: Some(text) }
    }
}

/// Compares one vector with our encoder and decoder. Hashes of boot blocks need the image they were made of.
pub fn compare(vector: &Vector, boot_image: Option<&[u8]>) -> Difference {
    compared(vector, boot_image).unwrap_or_else(Difference::both)
}

fn compared(vector: &Vector, boot_image: Option<&[u8]>) -> Result<Difference, String> {
    let mut fields = Fields::new(&vector.fields);
    let found = match vector.kind.as_str() {
        "scp" => {
            let request = requests::of(&vector.message, vector.sequence.ok_or("`sequence` is missing")?, &mut fields)?;
            both_ways(vector, &request, Request::encode, Request::decode)?
        }
        "sdp" => both_ways(vector, &others::sdp(&mut fields)?, SdpMessage::encode, SdpMessage::decode)?,
        "eieio_data" => both_ways(vector, &Eieio::Data(others::eieio_data(&mut fields)?), Eieio::encode, Eieio::decode)?,
        "eieio_command" => {
            let command = Eieio::Command(others::eieio_command(&vector.message, &mut fields)?);
            both_ways(vector, &command, Eieio::encode, Eieio::decode)?
        }
        "boot" => booting::compare(&mut fields, boot_image)?,
        kind => return Err(format!("unknown kind `{kind}`")),
    };
    fields.none_left()?;
    Ok(found)
}

fn both_ways<M: PartialEq + std::fmt::Debug>(
    vector: &Vector,
    message: &M,
    encode: impl Fn(&M) -> Result<Vec<u8>, MessageError>,
    decode: impl Fn(&[u8]) -> Result<M, MessageError>,
) -> Result<Difference, String> {
    let expected = fields::bytes(&vector.hex).ok_or("`hex` is no hexadecimal text")?;
    let mut difference = Difference::default();
    match encode(message) {
        Err(error) => difference.encode = Some(error.to_string()),
        Ok(ours) if ours != expected => difference.encode = Some(first_difference(&ours, &expected)),
        Ok(ours) => {
            let udp = vector.udp_hex.as_ref().map(|hex| fields::bytes(hex).ok_or("`udp_hex` is no hexadecimal text"));
            if let Some(udp) = udp.transpose()?
                && sdp::to_udp(&ours) != udp
            {
                difference.encode = Some(format!("on UDP {}", first_difference(&sdp::to_udp(&ours), &udp)));
            }
        }
    }
    match decode(&expected) {
        Err(error) => difference.decode = Some(error.to_string()),
        Ok(found) if found != *message => difference.decode = Some(format!("decodes to {found:?}, not {message:?}")),
        Ok(_) => {}
    }
    Ok(difference)
}

/// Where two byte strings part.
fn first_difference(ours: &[u8], expected: &[u8]) -> String {
    let at = ours.iter().zip(expected).position(|(a, b)| a != b).unwrap_or(ours.len().min(expected.len()));
    let byte = |bytes: &[u8]| bytes.get(at).map_or_else(|| "nothing".into(), |b| format!("{b:02x}"));
    format!("byte {at} is {}, expected {}; {} bytes, expected {}", byte(ours), byte(expected), ours.len(), expected.len())
}
