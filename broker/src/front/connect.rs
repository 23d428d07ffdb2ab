//! The CONNECT packet of MQTT 3.1.1, read strictly, and written again with another login.
//!
//! Pure: bytes in, bytes out. The numbers in brackets are the sections of the standard.

use std::ops::Range;

/// The fixed header of a CONNECT packet: its type, and flags that must be zero (3.1.1).
pub(super) const CONNECT: u8 = 0x10;
/// Largest CONNECT packet after its fixed header. The nodes' have some hundred bytes; a last will is
/// the only part that may be long.
pub(super) const MAX_BODY_BYTES: usize = 16 << 10;

const CLEAN_SESSION: u8 = 0x02;
const WILL: u8 = 0x04;
const WILL_QOS: u8 = 0x18;
const WILL_RETAIN: u8 = 0x20;
const PASSWORD: u8 = 0x40;
const USERNAME: u8 = 0x80;

/// Why a packet is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ConnectError {
    /// MQTT, but of another version.
    #[error("protocol level {0} instead of 4")]
    Version(u8),
    #[error("it breaks off")]
    Short,
    #[error("bytes after its end")]
    Long,
    #[error("not MQTT")]
    Protocol,
    #[error("flags that contradict each other")]
    Flags,
    #[error("text that is not UTF-8, or holds a null character")]
    Text,
    #[error("a keep-alive of 0")]
    KeepAlive,
    /// An identifier is missing though the session is to be kept (3.1.3.1).
    #[error("a session to be kept and no client identifier")]
    ClientId,
}

/// A CONNECT packet.
#[derive(Debug)]
pub(super) struct Connect {
    body: Vec<u8>,
    flags: u8,
    pub(super) keep_alive_s: u16,
    client_id: Range<usize>,
    /// Client identifier and last will, which stay as they are.
    kept: Range<usize>,
    username: Option<Range<usize>>,
    password: Option<Range<usize>>,
}

impl Connect {
    /// Reads what follows the fixed header.
    pub(super) fn parse(body: Vec<u8>) -> Result<Self, ConnectError> {
        let mut reader = Reader { body: &body, at: 0 };
        let name = reader.field()?;
        let level = reader.byte()?;
        match (&body[name], level) {
            (b"MQTT", 4) => {}
            (b"MQTT" | b"MQIsdp", other) => return Err(ConnectError::Version(other)),
            _ => return Err(ConnectError::Protocol),
        }
        let flags = reader.byte()?;
        check_flags(flags)?;
        let keep_alive_s = reader.number()?;
        let start = reader.at;
        let client_id = reader.text()?;
        if flags & WILL != 0 {
            reader.text()?;
            reader.field()?;
        }
        let kept = start..reader.at;
        let username = reader.optional(flags & USERNAME != 0, Reader::text)?;
        let password = reader.optional(flags & PASSWORD != 0, Reader::field)?;
        if reader.at != body.len() {
            return Err(ConnectError::Long);
        }
        if keep_alive_s == 0 {
            return Err(ConnectError::KeepAlive);
        }
        if client_id.is_empty() && flags & CLEAN_SESSION == 0 {
            return Err(ConnectError::ClientId);
        }
        Ok(Self {
            flags,
            keep_alive_s,
            client_id,
            kept,
            username,
            password,
            body,
        })
    }

    /// The client identifier, for the log.
    pub(super) fn client_id(&self) -> &str {
        self.text(&self.client_id)
    }

    /// The user name, if there is one.
    pub(super) fn username(&self) -> Option<&str> {
        self.username.as_ref().map(|range| self.text(range))
    }

    /// The password, if there is one.
    pub(super) fn password(&self) -> Option<&[u8]> {
        Some(&self.body[self.password.clone()?])
    }

    /// The packet with another login and a clean session: a session that is kept can make rumqttd's
    /// router panic, and no client needs one.
    pub(super) fn with_login(&self, username: &str, password: &str) -> Vec<u8> {
        let flags = self.flags | CLEAN_SESSION | USERNAME | PASSWORD;
        let mut body = b"\x00\x04MQTT\x04".to_vec();
        body.push(flags);
        body.extend(self.keep_alive_s.to_be_bytes());
        body.extend(&self.body[self.kept.clone()]);
        for field in [username, password] {
            // Both are short texts of our own.
            body.extend(u16::try_from(field.len()).unwrap_or(u16::MAX).to_be_bytes());
            body.extend(field.as_bytes());
        }
        let mut packet = vec![CONNECT];
        push_length(&mut packet, body.len());
        packet.extend(body);
        packet
    }

    fn text(&self, range: &Range<usize>) -> &str {
        // Checked when it was read.
        std::str::from_utf8(&self.body[range.clone()]).unwrap_or_default()
    }
}

fn check_flags(flags: u8) -> Result<(), ConnectError> {
    let will = flags & WILL != 0;
    let contradiction = flags & 1 != 0
        || flags & WILL_QOS == WILL_QOS
        || (!will && flags & (WILL_QOS | WILL_RETAIN) != 0)
        || flags & (USERNAME | PASSWORD) == PASSWORD;
    if contradiction {
        return Err(ConnectError::Flags);
    }
    Ok(())
}

/// Appends a remaining length (2.2.3).
fn push_length(packet: &mut Vec<u8>, mut length: usize) {
    loop {
        let digit = (length % 128) as u8;
        length /= 128;
        packet.push(if length > 0 { digit | 0x80 } else { digit });
        if length == 0 {
            return;
        }
    }
}

struct Reader<'b> {
    body: &'b [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, ConnectError> {
        let byte = self.body.get(self.at).ok_or(ConnectError::Short)?;
        self.at += 1;
        Ok(*byte)
    }

    fn number(&mut self) -> Result<u16, ConnectError> {
        Ok(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    fn field(&mut self) -> Result<Range<usize>, ConnectError> {
        let length = usize::from(self.number()?);
        let range = self.at..self.at + length;
        if self.body.get(range.clone()).is_none() {
            return Err(ConnectError::Short);
        }
        self.at = range.end;
        Ok(range)
    }

    fn text(&mut self) -> Result<Range<usize>, ConnectError> {
        let range = self.field()?;
        match std::str::from_utf8(&self.body[range.clone()]) {
            Ok(text) if !text.contains('\0') => Ok(range),
            _ => Err(ConnectError::Text),
        }
    }

    fn optional(
        &mut self,
        there: bool,
        read: impl FnOnce(&mut Self) -> Result<Range<usize>, ConnectError>,
    ) -> Result<Option<Range<usize>>, ConnectError> {
        there.then(|| read(self)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Flags, keep-alive, then fields.
    fn body(flags: u8, keep_alive: u16, fields: &[&[u8]]) -> Vec<u8> {
        let mut body = b"\x00\x04MQTT\x04".to_vec();
        body.push(flags);
        body.extend(keep_alive.to_be_bytes());
        for field in fields {
            body.extend((field.len() as u16).to_be_bytes());
            body.extend(*field);
        }
        body
    }

    #[test]
    fn every_part_is_read() {
        let all = body(
            0xe6,
            30,
            &[b"me", b"will/topic", b"\xff", b"user", b"\x00pass"],
        );
        let connect = Connect::parse(all).unwrap();
        assert_eq!(connect.client_id(), "me");
        assert_eq!(connect.keep_alive_s, 30);
        assert_eq!(connect.username(), Some("user"));
        assert_eq!(connect.password(), Some(&b"\x00pass"[..]));
        let least = Connect::parse(body(0x02, 1, &[b""])).unwrap();
        assert_eq!((least.username(), least.password()), (None, None));
    }

    #[test]
    fn only_the_login_and_the_kept_session_are_written_anew() {
        let connect = Connect::parse(body(0x04, 30, &[b"me", b"topic", b"gone"])).unwrap();
        let packet = connect.with_login("front", "secret");
        let expected = body(0xc6, 30, &[b"me", b"topic", b"gone", b"front", b"secret"]);
        assert_eq!(packet[..2], [CONNECT, expected.len() as u8]);
        assert_eq!(packet[2..], expected);
        // What was given as a login is gone.
        let connect = Connect::parse(body(0xc2, 30, &[b"me", b"front", b"guess"])).unwrap();
        let packet = connect.with_login("front", "secret");
        assert_eq!(packet[2..], body(0xc2, 30, &[b"me", b"front", b"secret"]));
    }

    #[test]
    fn a_long_will_has_a_length_of_two_bytes() {
        let connect = Connect::parse(body(0x06, 30, &[b"me", b"t", &[7; 300]])).unwrap();
        let packet = connect.with_login("u", "p");
        let length = usize::from(packet[1] & 0x7f) + 128 * usize::from(packet[2]);
        assert_eq!(packet.len(), 3 + length);
    }

    #[test]
    fn whatever_breaks_the_standard_is_refused() {
        use ConnectError::{ClientId, Flags, KeepAlive, Long, Protocol, Short, Text, Version};
        let mut long = body(0x02, 1, &[b"a"]);
        long.push(0);
        let old = b"\x00\x06MQIsdp\x03\x02\x00\x01\x00\x01a".to_vec();
        let new = b"\x00\x04MQTT\x05\x02\x00\x01\x00\x00\x01a".to_vec();
        let other = b"\x00\x04HTTP\x04\x02\x00\x01\x00\x01a".to_vec();
        for (packet, expected) in [
            (long, Long),
            (old, Version(3)),
            (new, Version(5)),
            (other, Protocol),
            (body(0x03, 1, &[b"a"]), Flags),
            (body(0x1e, 1, &[b"a", b"t", b"m"]), Flags),
            (body(0x22, 1, &[b"a"]), Flags),
            (body(0x42, 1, &[b"a", b"password"]), Flags),
            (body(0x02, 1, &[b"\xff"]), Text),
            (body(0x02, 1, &[b"a\0"]), Text),
            (body(0x82, 1, &[b"a", b"\xc3"]), Text),
            (body(0x02, 0, &[b"a"]), KeepAlive),
            (body(0x00, 1, &[b""]), ClientId),
            (Vec::new(), Short),
        ] {
            let shown = format!("{packet:?}");
            assert_eq!(Connect::parse(packet).unwrap_err(), expected, "{shown}");
        }
    }

    #[test]
    fn a_packet_that_breaks_off_anywhere_is_refused() {
        let whole = body(
            0xc6,
            30,
            &[b"me", b"topic", b"message", b"user", b"password"],
        );
        for length in 0..whole.len() {
            assert!(
                Connect::parse(whole[..length].to_vec()).is_err(),
                "{length}"
            );
        }
        assert!(Connect::parse(whole).is_ok());
    }
}
