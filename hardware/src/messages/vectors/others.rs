//! Fields of SDP and EIEIO messages.

use serde_json::Value;

use super::fields::{Fields, Found, number};
use crate::messages::eieio::command::Transfer;
use crate::messages::eieio::{Eieio, EieioCommand, EieioData, Elements, Half, Prefix};
use crate::messages::{Endpoint, SdpHeader, SdpMessage};

pub(super) fn sdp(fields: &mut Fields<'_>) -> Found<SdpMessage> {
    let header = SdpHeader {
        flags: fields.number("flags")?,
        tag: fields.number("tag")?,
        to: Endpoint {
            x: fields.number("destination_chip_x")?,
            y: fields.number("destination_chip_y")?,
            cpu: fields.number("destination_cpu")?,
            port: fields.number("destination_port")?,
        },
        from: Endpoint {
            x: fields.number("source_chip_x")?,
            y: fields.number("source_chip_y")?,
            cpu: fields.number("source_cpu")?,
            port: fields.number("source_port")?,
        },
    };
    Ok(SdpMessage { header, data: fields.hex("data_hex")? })
}

pub(super) fn eieio_data(fields: &mut Fields<'_>) -> Found<EieioData> {
    let empty: &[Value] = &[];
    let elements =
        fields.value("elements").map_or(Ok(empty), |v| v.as_array().map(Vec::as_slice).ok_or("`elements` is no list"))?;
    let (name, elements) = match fields.number::<u8>("type_code")? {
        0 => ("KEY_16_BIT", Elements::Keys16(keys(elements)?)),
        1 => ("KEY_PAYLOAD_16_BIT", Elements::Payloads16(pairs(elements)?)),
        2 => ("KEY_32_BIT", Elements::Keys32(keys(elements)?)),
        3 => ("KEY_PAYLOAD_32_BIT", Elements::Payloads32(pairs(elements)?)),
        code => return Err(format!("`type_code` is {code}, expected 0 to 3")),
    };
    fields.agrees("type", name)?;
    let half = match fields.text("prefix_type")? {
        None | Some("LOWER_HALF_WORD") => Half::Lower,
        Some("UPPER_HALF_WORD") => Half::Upper,
        Some(name) => return Err(format!("unknown `prefix_type` `{name}`")),
    };
    Ok(EieioData {
        tag: fields.optional("tag")?.unwrap_or(0),
        prefix: fields.optional("prefix")?.map(|bits| Prefix { bits, half }),
        payload_base: fields.optional("payload_base")?,
        times: fields.flag("is_time")?,
        elements,
    })
}

fn keys<T: TryFrom<u64>>(elements: &[Value]) -> Found<Vec<T>> {
    let key = |element: &Value| match element.as_array().map(Vec::as_slice) {
        None => number("elements", element),
        Some([key]) => number("elements", key),
        Some(_) => Err("`elements` holds payloads that the type has no place for".into()),
    };
    elements.iter().map(key).collect()
}

fn pairs<T: TryFrom<u64>>(elements: &[Value]) -> Found<Vec<(T, T)>> {
    let pair = |element: &Value| match element.as_array().map(Vec::as_slice) {
        Some([key, payload]) => Ok((number("elements", key)?, number("elements", payload)?)),
        _ => Err("`elements` holds a key without payload".to_string()),
    };
    elements.iter().map(pair).collect()
}

pub(super) fn eieio_command(message: &str, fields: &mut Fields<'_>) -> Found<EieioCommand> {
    Ok(match message {
        "NotificationProtocolDatabaseLocation" => {
            EieioCommand::Database { path: fields.text("database_path")?.unwrap_or_default().to_string() }
        }
        "PaddingRequest" => EieioCommand::Padding,
        "EventStopRequest" => EieioCommand::Stop,
        "StopRequests" => EieioCommand::StopRequests,
        "StartRequests" => EieioCommand::StartRequests,
        "SpinnakerRequestBuffers" => EieioCommand::RequestBuffers {
            x: fields.number("x")?,
            y: fields.number("y")?,
            p: fields.number("p")?,
            region: fields.number("region_id")?,
            sequence: fields.number("sequence_no")?,
            space: fields.number("space_available")?,
        },
        "HostSendSequencedData" => sequenced(fields)?,
        "SpinnakerRequestReadData" => {
            let requests = transfers(fields, "space_to_be_read")?;
            let addresses: Vec<u32> = fields.numbers("start_address")?;
            if addresses.len() != requests.len() {
                return Err("`start_address` is not as long as `channel`".into());
            }
            // The released encoder writes the first address into every request.
            let first = addresses.first().copied().unwrap_or(0);
            EieioCommand::RequestRead {
                x: fields.number("x")?,
                y: fields.number("y")?,
                p: fields.number("p")?,
                sequence: fields.number("sequence_no")?,
                requests: requests.into_iter().map(|r| (r, first)).collect(),
            }
        }
        "HostDataRead" => {
            EieioCommand::Read { requests: transfers(fields, "space_read")?, sequence: fields.number("sequence_no")? }
        }
        "NotificationProtocolPauseStop" => EieioCommand::Paused,
        "NotificationProtocolStartResume" => EieioCommand::Resumed,
        "HostDataReadAck" => EieioCommand::ReadAcknowledged { sequence: fields.number("sequence_no")? },
        name => return Err(format!("unknown message `{name}`")),
    })
}

/// Data for a buffer: the message inside is given as bytes or as the fields of a data message.
fn sequenced(fields: &mut Fields<'_>) -> Found<EieioCommand> {
    let (region, sequence) = (fields.number("region_id")?, fields.number("sequence_no")?);
    let content = match fields.value("eieio_data_message").and_then(Value::as_object) {
        Some(inner) => {
            let mut inner = Fields::new(inner);
            let data = eieio_data(&mut inner)?;
            inner.none_left()?;
            Eieio::Data(data)
        }
        None => Eieio::decode(&fields.hex("data_hex")?).map_err(|e| e.to_string())?,
    };
    Ok(EieioCommand::SequencedData { region, sequence, content: Box::new(content) })
}

fn transfers(fields: &mut Fields<'_>, space: &'static str) -> Found<Vec<Transfer>> {
    let (channels, regions): (Vec<u8>, Vec<u8>) = (fields.numbers("channel")?, fields.numbers("region_id")?);
    let spaces: Vec<u32> = fields.numbers(space)?;
    let count: usize = fields.optional("n_requests")?.unwrap_or(channels.len());
    if [channels.len(), regions.len(), spaces.len()] != [count; 3] {
        return Err(format!("`channel`, `region_id` and `{space}` are not {count} long"));
    }
    let all = channels.into_iter().zip(regions).zip(spaces);
    Ok(all.map(|((channel, region), space)| Transfer { channel, region, space }).collect())
}
