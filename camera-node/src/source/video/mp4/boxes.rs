//! The boxes that an MP4 file is made of (ISO/IEC 14496-12), on bytes in memory.

/// What is inside a box: other boxes or fields. Reading moves on; nothing is read past its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content<'a>(&'a [u8]);

/// The header of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: [u8; 4],
    /// Bytes of the header itself.
    pub(super) header_bytes: u64,
    /// Bytes of what is inside; `None` for a box that goes on to the end of what it lies in.
    pub(super) content_bytes: Option<u64>,
}

impl Header {
    /// The longest header.
    pub(super) const MAX_BYTES: u64 = 16;

    /// Reads the header that `bytes` begin with. `None` if there is none or its size is too small
    /// for itself.
    pub(super) fn read(bytes: &[u8]) -> Option<Header> {
        let mut fields = Content(bytes);
        let size = fields.u32()?;
        let kind = fields.array()?;
        let (header_bytes, size) = match size {
            0 => (8, None),
            1 => (16, Some(fields.u64()?)),
            size => (8, Some(u64::from(size))),
        };
        let content_bytes = match size {
            None => None,
            Some(size) => Some(size.checked_sub(header_bytes)?),
        };
        Some(Header {
            kind,
            header_bytes,
            content_bytes,
        })
    }
}

impl<'a> Content<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Content<'a> {
        Content(bytes)
    }

    /// What is inside the first box of this kind.
    pub(super) fn child(self, kind: &[u8; 4]) -> Option<Content<'a>> {
        self.children(kind).next()
    }

    /// What is inside each box of this kind, up to the first one that is malformed.
    pub(super) fn children(mut self, kind: &[u8; 4]) -> impl Iterator<Item = Content<'a>> {
        std::iter::from_fn(move || {
            loop {
                let (found, content) = self.next_box()?;
                if found == *kind {
                    return Some(content);
                }
            }
        })
    }

    fn next_box(&mut self) -> Option<([u8; 4], Content<'a>)> {
        let header = Header::read(self.0)?;
        self.skip(header.header_bytes as usize)?;
        let bytes = match header.content_bytes {
            None => self.0.len(),
            Some(bytes) => usize::try_from(bytes).ok()?,
        };
        Some((header.kind, Content(self.take(bytes)?)))
    }

    /// All bytes that are left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }

    /// The version and the flags that many boxes begin with.
    pub(super) fn version_and_flags(&mut self) -> Option<(u8, u32)> {
        let word = self.u32()?;
        Some(((word >> 24) as u8, word & 0x00FF_FFFF))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn skip(&mut self, bytes: usize) -> Option<()> {
        self.take(bytes).map(drop)
    }

    /// A table: a count, and so many entries of `N` bytes. `None` if it is cut off.
    pub(super) fn table<const N: usize>(&mut self) -> Option<&'a [[u8; N]]> {
        let count = self.u32()? as usize;
        let bytes = self.take(count.checked_mul(N)?)?;
        Some(bytes.as_chunks().0)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_short_long_or_open() {
        let header = |kind: &[u8; 4], header_bytes, content_bytes| {
            let kind = *kind;
            Some(Header {
                kind,
                header_bytes,
                content_bytes,
            })
        };
        let cases: [(&[u8], _); 6] = [
            (b"\0\0\0\x0cfree1234", header(b"free", 8, Some(4))),
            (
                b"\0\0\0\x01mdat\0\0\0\x01\0\0\0\x10",
                header(b"mdat", 16, Some(1 << 32)),
            ),
            (b"\0\0\0\0mdat", header(b"mdat", 8, None)),
            // Shorter than their own headers.
            (b"\0\0\0\x07free", None),
            (b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x0f", None),
            (b"\0\0\0\x08fre", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Header::read(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn children_end_where_a_box_is_longer_than_what_it_lies_in() {
        let bytes = b"\0\0\0\x09trak1\0\0\0\x08free\0\0\0\x09trak2\0\0\0\xfftrak3";
        let found: Vec<_> = Content::new(bytes)
            .children(b"trak")
            .map(Content::rest)
            .collect();
        assert_eq!(found, [b"1", b"2"]);
        assert!(Content::new(bytes).child(b"mdia").is_none());
    }

    #[test]
    fn a_table_that_is_cut_off_is_none() {
        let whole = b"\0\0\0\x02aabb";
        let table = Content::new(whole).table::<2>();
        assert_eq!(table, Some([*b"aa", *b"bb"].as_slice()));
        assert_eq!(Content::new(&whole[..7]).table::<2>(), None);
        assert_eq!(Content::new(b"\xff\xff\xff\xff").table::<8>(), None);
    }
}
