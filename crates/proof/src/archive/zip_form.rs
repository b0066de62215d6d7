//! The one form of ZIP file that an archive has (APPNOTE 6.3, a subset of it).
//!
//! One content has exactly one form: members in the archive's order without anything before, between or behind them, no optional
//! field, the earliest date that ZIP knows, mode 0644, and the 64-bit fields only where the 32-bit ones do not suffice. So two
//! exports of one range are the same bytes, and a reader builds every header again and compares, which leaves no byte of the file
//! that could be changed unseen.

use super::ArchiveError;

/// Size of a local header without the name.
pub const LOCAL_BYTES: u64 = 30;
const CENTRAL_BYTES: usize = 46;
const END_BYTES: usize = 22;
const END64_BYTES: usize = 56;
const LOCATOR_BYTES: usize = 20;
/// Size of the 64-bit offset in its extra field.
const EXTRA_BYTES: u16 = 12;

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END64: u32 = 0x0606_4b50;
const LOCATOR: u32 = 0x0706_4b50;

/// 1 January 1980, midnight: the earliest that the format can say.
const DATE: u16 = 0x0021;
/// Version 2.0 of the format suffices for folders and deflate, 4.5 is needed for 64-bit offsets; made on Unix.
const VERSION: u16 = 20;
const VERSION_64: u16 = 45;
const UNIX: u16 = 3 << 8;
/// A regular file, `rw-r--r--`.
const MODE: u32 = 0o100_644 << 16;

/// How a member's bytes are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// As they are.
    Stored,
    /// Deflated (RFC 1951).
    Deflated,
}

impl Method {
    const fn number(self) -> u16 {
        match self {
            Self::Stored => 0,
            Self::Deflated => 8,
        }
    }
}

/// A member as the directory knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// How it is kept.
    pub method: Method,
    /// CRC-32 of its bytes.
    pub crc: u32,
    /// How many bytes it takes in the file.
    pub kept_bytes: u32,
    /// How many bytes it has.
    pub bytes: u32,
    /// Where its local header begins.
    pub offset: u64,
}

impl Entry {
    /// Where the next member's header begins.
    pub fn end(&self) -> u64 {
        self.content() + u64::from(self.kept_bytes)
    }

    /// Where the member's bytes begin.
    pub fn content(&self) -> u64 {
        self.offset + LOCAL_BYTES + self.name.len() as u64
    }

    /// The header before the member's bytes.
    pub fn local_header(&self) -> Vec<u8> {
        let mut header = Vec::with_capacity(64);
        header.extend(LOCAL.to_le_bytes());
        header.extend(VERSION.to_le_bytes());
        self.common(&mut header, 0);
        header.extend(self.name.as_bytes());
        header
    }

    /// The header in the directory.
    pub fn central_header(&self) -> Vec<u8> {
        let short = u32::try_from(self.offset).ok().filter(|offset| *offset != u32::MAX);
        let (version, extra_bytes) = if short.is_some() { (VERSION, 0) } else { (VERSION_64, EXTRA_BYTES) };
        let mut header = Vec::with_capacity(96);
        header.extend(CENTRAL.to_le_bytes());
        header.extend((UNIX | version).to_le_bytes());
        header.extend(version.to_le_bytes());
        self.common(&mut header, extra_bytes);
        // No comment, first disk, no internal attributes.
        header.extend([0; 6]);
        header.extend(MODE.to_le_bytes());
        header.extend(short.unwrap_or(u32::MAX).to_le_bytes());
        header.extend(self.name.as_bytes());
        if short.is_none() {
            header.extend(1_u16.to_le_bytes());
            header.extend(8_u16.to_le_bytes());
            header.extend(self.offset.to_le_bytes());
        }
        header
    }

    /// Flags, method, time, sizes and lengths, which both headers have.
    fn common(&self, header: &mut Vec<u8>, extra_bytes: u16) {
        header.extend(0_u16.to_le_bytes());
        header.extend(self.method.number().to_le_bytes());
        header.extend(0_u16.to_le_bytes());
        header.extend(DATE.to_le_bytes());
        header.extend(self.crc.to_le_bytes());
        header.extend(self.kept_bytes.to_le_bytes());
        header.extend(self.bytes.to_le_bytes());
        // Names of the format are far shorter than 64 KiB.
        header.extend(u16::try_from(self.name.len()).unwrap_or(u16::MAX).to_le_bytes());
        header.extend(extra_bytes.to_le_bytes());
    }
}

/// Where the directory is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Directory {
    /// How many members.
    pub members: u64,
    /// Where it begins.
    pub offset: u64,
    /// Its size.
    pub bytes: u64,
}

impl Directory {
    /// What stands behind the directory, to the end of the file.
    pub fn ending(&self) -> Vec<u8> {
        let members = u16::try_from(self.members).ok().filter(|members| *members != u16::MAX);
        let bytes = u32::try_from(self.bytes).ok().filter(|bytes| *bytes != u32::MAX);
        let offset = u32::try_from(self.offset).ok().filter(|offset| *offset != u32::MAX);
        let mut ending = Vec::with_capacity(END64_BYTES + LOCATOR_BYTES + END_BYTES);
        if members.is_none() || bytes.is_none() || offset.is_none() {
            ending.extend(END64.to_le_bytes());
            ending.extend((END64_BYTES as u64 - 12).to_le_bytes());
            ending.extend((UNIX | VERSION_64).to_le_bytes());
            ending.extend(VERSION_64.to_le_bytes());
            ending.extend([0; 8]);
            for number in [self.members, self.members, self.bytes, self.offset] {
                ending.extend(number.to_le_bytes());
            }
            ending.extend(LOCATOR.to_le_bytes());
            ending.extend(0_u32.to_le_bytes());
            ending.extend((self.offset + self.bytes).to_le_bytes());
            ending.extend(1_u32.to_le_bytes());
        }
        ending.extend(END.to_le_bytes());
        ending.extend([0; 4]);
        ending.extend(members.unwrap_or(u16::MAX).to_le_bytes());
        ending.extend(members.unwrap_or(u16::MAX).to_le_bytes());
        ending.extend(bytes.unwrap_or(u32::MAX).to_le_bytes());
        ending.extend(offset.unwrap_or(u32::MAX).to_le_bytes());
        ending.extend(0_u16.to_le_bytes());
        ending
    }

    /// Finds the directory from the last bytes of a file of `file_bytes`. At most [`ENDING_BYTES_MAX`] of them are needed.
    pub fn find(tail: &[u8], file_bytes: u64) -> Result<Self, ArchiveError> {
        let refuse = |reason: &str| ArchiveError::Form { offset: file_bytes, reason: reason.to_owned() };
        let end = tail.len().checked_sub(END_BYTES).map(|at| &tail[at..]).ok_or_else(|| refuse("it is cut off"))?;
        if u32_at(end, 0) != Some(END) {
            return Err(refuse("there is no end of a directory there"));
        }
        let (members, bytes, offset) = (u16_at(end, 10), u32_at(end, 12), u32_at(end, 16));
        let short = Self {
            members: members.unwrap_or(u16::MAX).into(),
            bytes: bytes.unwrap_or(u32::MAX).into(),
            offset: offset.unwrap_or(u32::MAX).into(),
        };
        let is_long = members == Some(u16::MAX) || bytes == Some(u32::MAX) || offset == Some(u32::MAX);
        let directory =
            if is_long { Self::long(tail).ok_or_else(|| refuse("its 64-bit end is cut off"))? } else { short };
        let ends = directory.offset.checked_add(directory.bytes).filter(|end| *end <= file_bytes);
        let ending = ends.map(|_| directory.ending()).unwrap_or_default();
        if !tail.ends_with(&ending) || ends.map(|end| end + ending.len() as u64) != Some(file_bytes) {
            return Err(refuse("its directory does not reach to the end of the file, or the end has optional fields"));
        }
        Ok(directory)
    }

    fn long(tail: &[u8]) -> Option<Self> {
        let at = tail.len().checked_sub(END_BYTES + LOCATOR_BYTES + END64_BYTES)?;
        let end = tail.get(at..)?;
        Some(Self { members: u64_at(end, 32)?, bytes: u64_at(end, 40)?, offset: u64_at(end, 48)? })
    }
}

/// The longest ending of a file.
pub const ENDING_BYTES_MAX: u64 = (END64_BYTES + LOCATOR_BYTES + END_BYTES) as u64;

/// Reads the directory's next header from the front of `bytes`; `offset` is where its member must begin, `at` where the header
/// itself stands in the file.
pub fn next_entry(bytes: &[u8], offset: u64, at: u64) -> Result<(Entry, &[u8]), ArchiveError> {
    let refuse = |reason: &str| ArchiveError::Form { offset: at, reason: reason.to_owned() };
    let cut = || refuse("the directory is cut off");
    let fixed = bytes.get(..CENTRAL_BYTES).ok_or_else(cut)?;
    let method = match u16_at(fixed, 10) {
        Some(0) => Method::Stored,
        Some(8) => Method::Deflated,
        _ => return Err(refuse("a member is neither stored nor deflated")),
    };
    let name_bytes = usize::from(u16_at(fixed, 28).unwrap_or_default());
    let name = bytes.get(CENTRAL_BYTES..CENTRAL_BYTES + name_bytes).ok_or_else(cut)?;
    let name = std::str::from_utf8(name).map_err(|_| ArchiveError::name(name))?.to_owned();
    let number = |place: usize| u32_at(fixed, place).unwrap_or_default();
    let entry = Entry { name, method, crc: number(16), kept_bytes: number(20), bytes: number(24), offset };
    let header = entry.central_header();
    match bytes.strip_prefix(header.as_slice()) {
        Some(rest) => Ok((entry, rest)),
        None => Err(refuse("a header has optional fields, or its member is not where it must be")),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}
