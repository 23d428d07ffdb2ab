//! Reads the first packet of a connection, and no more memory is taken than it may need.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::connect::{CONNECT, Connect, ConnectError, MAX_BODY_BYTES};

/// What a TLS handshake begins with.
const TLS_HANDSHAKE: u8 = 0x16;

/// Why there is no first packet.
#[derive(Debug, thiserror::Error)]
pub(super) enum FirstPacketError {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The first byte is that of a TLS handshake.
    #[error("TLS, and `[tls]` is not configured")]
    Tls,
    /// The first byte is that of another packet, or of another protocol.
    #[error("the first byte is {0:#04x}")]
    NotConnect(u8),
    /// Longer than any CONNECT packet that is taken.
    #[error("longer than {MAX_BODY_BYTES} bytes")]
    TooLong,
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

/// Reads one CONNECT packet and not a byte beyond it.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Connect, FirstPacketError> {
    let first = stream.read_u8().await?;
    if first == TLS_HANDSHAKE {
        return Err(FirstPacketError::Tls);
    }
    if first != CONNECT {
        return Err(FirstPacketError::NotConnect(first));
    }
    let mut length = 0;
    // A packet of four such bytes is longer than what is taken, so more are not looked at.
    for place in 0..3 {
        let byte = stream.read_u8().await?;
        length |= usize::from(byte & 0x7f) << (7 * place);
        if length > MAX_BODY_BYTES {
            return Err(FirstPacketError::TooLong);
        }
        if byte & 0x80 == 0 {
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await?;
            return Ok(Connect::parse(body)?);
        }
    }
    Err(FirstPacketError::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x1e\x00\x01a";

    #[tokio::test]
    async fn one_packet_is_read_and_what_follows_is_left() {
        let bytes = [GOOD, b"\xc0\x00"].concat();
        let mut rest = &bytes[..];
        assert_eq!(read(&mut rest).await.unwrap().client_id(), "a");
        assert_eq!(rest, b"\xc0\x00");
    }

    #[tokio::test]
    async fn anything_else_is_refused_as_soon_as_that_is_clear() {
        for (bytes, expected, left) in [
            (&b"\x20\x02\x00\x00"[..], "the first byte is 0x20", 3),
            (b"\x11\x0d", "the first byte is 0x11", 1),
            (b"GET / HTTP/1.1\r\n", "the first byte is 0x47", 15),
            (b"\x16\x03\x01", "TLS, and `[tls]` is not configured", 2),
            (b"\x10\xff\xff\xff\x7f", "longer than 16384 bytes", 1),
            (b"\x10\x80\x80\x80\x01", "longer than 16384 bytes", 1),
            (b"\x10\x00", "it breaks off", 0),
        ] {
            let mut rest = bytes;
            let error = read(&mut rest).await.unwrap_err();
            assert_eq!((error.to_string().as_str(), rest.len()), (expected, left));
        }
        let mut short = &GOOD[..5];
        assert!(matches!(
            read(&mut short).await,
            Err(FirstPacketError::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof
        ));
    }
}
