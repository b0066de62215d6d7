//! Fold state as stored bytes. The only module that knows bincode, so that it can be swapped: these bytes never
//! leave the machine and can be rebuilt from the log at any time.

use bincode::config::{Configuration, standard};
use serde::{Serialize, de::DeserializeOwned};

/// First byte of every stored value. A change of any stored type raises it, and the read model is rebuilt.
const FORMAT: u8 = 2;

/// Why stored bytes are not a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Written by another version of the program.
    #[error("stored in format {found}, expected {FORMAT}")]
    Format {
        /// The format found.
        found: u8,
    },
    /// Not readable.
    #[error("{0}")]
    Unreadable(String),
}

fn configuration() -> Configuration {
    standard()
}

/// Writes a value after the format byte into a buffer that is reused.
pub fn encode<T: Serialize>(value: &T, buffer: &mut Vec<u8>) -> Result<(), CodecError> {
    buffer.clear();
    buffer.push(FORMAT);
    bincode::serde::encode_into_std_write(value, buffer, configuration())
        .map(|_| ())
        .map_err(|error| CodecError::Unreadable(error.to_string()))
}

/// Reads a value that takes up all of the bytes.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (format, rest) = bytes.split_first().ok_or_else(|| CodecError::Unreadable("empty".to_owned()))?;
    if *format != FORMAT {
        return Err(CodecError::Format { found: *format });
    }
    let (value, read) = bincode::serde::decode_from_slice(rest, configuration())
        .map_err(|error| CodecError::Unreadable(error.to_string()))?;
    if read != rest.len() {
        return Err(CodecError::Unreadable(format!("{} bytes too many", rest.len() - read)));
    }
    Ok(value)
}
