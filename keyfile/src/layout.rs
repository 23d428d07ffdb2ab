//! The bytes of a key file's header. Pure: reads from anything, knows no paths.

use std::io::{self, Read};

use crate::key_id::KeyId;
use crate::role::Role;

pub(crate) const MAGIC: [u8; 8] = *b"BLINDKEY";
pub(crate) const VERSION: u16 = 1;
pub(crate) const MAX_ALGORITHM_BYTES: usize = 16;

/// Everything before the payload except the checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) role: Role,
    pub(crate) algorithm: String,
    pub(crate) key_id: KeyId,
    pub(crate) payload_bytes: u64,
}

/// Why bytes are no header.
#[derive(Debug)]
pub(crate) enum HeaderFault {
    Io(io::Error),
    Truncated,
    BadMagic,
    NewerVersion(u16),
    BadField(&'static str),
}

impl From<io::Error> for HeaderFault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated,
            _ => Self::Io(error),
        }
    }
}

impl Header {
    /// The bytes that the checksum covers besides the payload.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.checksum_offset());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.push(self.role.tag());
        // At most 16, see `is_algorithm`.
        bytes.push(self.algorithm.len() as u8);
        bytes.extend_from_slice(self.algorithm.as_bytes());
        bytes.extend_from_slice(self.key_id.as_bytes());
        bytes.extend_from_slice(&self.payload_bytes.to_le_bytes());
        bytes
    }

    /// Length of a whole file with this header, in bytes.
    pub(crate) fn file_bytes(&self) -> u64 {
        (self.checksum_offset() as u64 + 32).saturating_add(self.payload_bytes)
    }

    /// A hasher that has taken the header and waits for the payload.
    pub(crate) fn hasher(&self) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.to_bytes());
        hasher
    }

    /// Reads a header and the checksum after it; the payload comes next from `source`.
    pub(crate) fn read(source: &mut impl Read) -> Result<(Self, blake3::Hash), HeaderFault> {
        let mut magic = [0; MAGIC.len()];
        let got = read_up_to(source, &mut magic)?;
        // A short file that starts right is a cut key file; any other is something else.
        if !MAGIC.iter().zip(&magic).take(got).all(|(a, b)| a == b) {
            return Err(HeaderFault::BadMagic);
        }
        if got < MAGIC.len() {
            return Err(HeaderFault::Truncated);
        }
        match u16::from_le_bytes(array(source)?) {
            VERSION => {}
            0 => return Err(HeaderFault::BadField("version")),
            newer => return Err(HeaderFault::NewerVersion(newer)),
        }
        let [role, algorithm_bytes] = array(source)?;
        let role = Role::from_tag(role).ok_or(HeaderFault::BadField("role"))?;
        let mut algorithm = String::new();
        source
            .take(algorithm_bytes.into())
            .read_to_string(&mut algorithm)
            .map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData => HeaderFault::BadField("algorithm name"),
                _ => HeaderFault::Io(error),
            })?;
        if algorithm.len() < algorithm_bytes.into() {
            return Err(HeaderFault::Truncated);
        }
        if !is_algorithm(&algorithm) {
            return Err(HeaderFault::BadField("algorithm name"));
        }
        let key_id = KeyId::from_bytes(array(source)?);
        let payload_bytes = u64::from_le_bytes(array(source)?);
        let checksum = blake3::Hash::from_bytes(array(source)?);
        Ok((
            Self {
                role,
                algorithm,
                key_id,
                payload_bytes,
            },
            checksum,
        ))
    }

    fn checksum_offset(&self) -> usize {
        MAGIC.len() + 2 + 1 + 1 + self.algorithm.len() + 16 + 8
    }
}

/// Whether a text may name an algorithm: 1 to 16 characters that are safe to show.
pub(crate) fn is_algorithm(text: &str) -> bool {
    (1..=MAX_ALGORITHM_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn array<const N: usize>(source: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    source.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_up_to(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let wanted = buffer.len() as u64;
    let mut rest = buffer;
    io::copy(&mut source.take(wanted), &mut rest).map(|got| got as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            role: Role::EvaluationKey,
            algorithm: "tfhe".into(),
            key_id: KeyId::from_bytes([7; 16]),
            payload_bytes: 0x0102,
        }
    }

    fn written() -> Vec<u8> {
        let mut bytes = header().to_bytes();
        bytes.extend_from_slice(&[9; 32]);
        bytes
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let mut expected = b"BLINDKEY\x01\x00\x03\x04tfhe".to_vec();
        expected.extend_from_slice(&[7; 16]);
        expected.extend_from_slice(&[0x02, 0x01, 0, 0, 0, 0, 0, 0]);
        assert_eq!(header().to_bytes(), expected);
        assert_eq!(header().file_bytes(), expected.len() as u64 + 32 + 0x0102);
    }

    #[test]
    fn a_header_reads_back_and_leaves_the_payload() {
        let mut bytes = written();
        bytes.extend_from_slice(b"payload");
        let mut source = bytes.as_slice();
        let (read, checksum) = Header::read(&mut source).unwrap();
        assert_eq!(read, header());
        assert_eq!(checksum.as_bytes(), &[9; 32]);
        assert_eq!(source, b"payload");
    }

    #[test]
    fn every_cut_is_truncated() {
        let bytes = written();
        for length in 0..bytes.len() {
            let fault = Header::read(&mut &bytes[..length]).unwrap_err();
            assert!(
                matches!(fault, HeaderFault::Truncated),
                "{length}: {fault:?}"
            );
        }
    }

    #[test]
    fn bad_fields_are_named() {
        let with = |offset: usize, byte: u8| {
            let mut bytes = written();
            bytes[offset] = byte;
            Header::read(&mut bytes.as_slice()).unwrap_err()
        };
        for offset in 0..8 {
            assert!(matches!(with(offset, b'x'), HeaderFault::BadMagic));
        }
        assert!(matches!(with(8, 0), HeaderFault::BadField("version")));
        assert!(matches!(with(8, 2), HeaderFault::NewerVersion(2)));
        assert!(matches!(with(9, 1), HeaderFault::NewerVersion(257)));
        for role in [0, 7, 255] {
            assert!(matches!(with(10, role), HeaderFault::BadField("role")));
        }
        for length in [0, 17] {
            assert!(matches!(
                with(11, length),
                HeaderFault::BadField("algorithm name")
            ));
        }
        for letter in [b'T', b' ', 0, 0xff] {
            assert!(matches!(
                with(12, letter),
                HeaderFault::BadField("algorithm name")
            ));
        }
    }

    #[test]
    fn tags_of_roles_stay_what_they_are() {
        for (tag, role) in (1..).zip(Role::ALL) {
            let header = Header { role, ..header() };
            assert_eq!(header.to_bytes().get(10), Some(&tag), "{role}");
        }
    }

    #[test]
    fn a_huge_length_does_not_overflow() {
        let huge = Header {
            payload_bytes: u64::MAX,
            ..header()
        };
        assert_eq!(huge.file_bytes(), u64::MAX);
    }
}
