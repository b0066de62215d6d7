//! Fold state as stored bytes. The only module that knows bincode, so that it can be swapped: these bytes never
//! leave the machine and can be rebuilt from the log at any time.

use bincode::config::{Config, Configuration, standard};
use serde::{Serialize, de::DeserializeOwned};

/// First byte of every stored value. A change of any stored type raises it, and the read model is rebuilt.
pub(crate) const FORMAT: u8 = 3;

/// What a value from outside may claim to hold, in bytes: a length in it is believed before the bytes are there.
const FOREIGN_BYTES_MAX: usize = 128 << 20;

/// Why stored bytes are not a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Written by another version of the program.
    #[error("stored in format {found}, expected {FORMAT}")]
    Format {
        /// The format found.
        found: u8,
    },
    /// Tables of another version of the program.
    #[error("of version {found}, expected {expected}")]
    Older {
        /// The version found.
        found: i32,
        /// The version of this program.
        expected: i32,
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
    decode_as(bytes, configuration())
}

/// The same for bytes that somebody else wrote: no length in them makes it take more memory than is bounded.
pub fn decode_foreign<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    decode_as(bytes, configuration().with_limit::<FOREIGN_BYTES_MAX>())
}

fn decode_as<T: DeserializeOwned, C: Config>(bytes: &[u8], configuration: C) -> Result<T, CodecError> {
    let (format, rest) = bytes.split_first().ok_or_else(|| CodecError::Unreadable("empty".to_owned()))?;
    if *format != FORMAT {
        return Err(CodecError::Format { found: *format });
    }
    let (value, read) = bincode::serde::decode_from_slice(rest, configuration)
        .map_err(|error| CodecError::Unreadable(error.to_string()))?;
    if read != rest.len() {
        return Err(CodecError::Unreadable(format!("{} bytes too many", rest.len() - read)));
    }
    Ok(value)
}
