//! Nothing that was changed on the way is taken for the message that was sealed.

use super::*;
use proptest::prelude::*;

const SIGNATURE_BYTES: usize = 64;

fn sealed() -> Vec<u8> {
    seal(&camera(), &frame_tile(), PAYLOAD).unwrap()
}

fn label(bytes: &[u8]) -> &'static str {
    match opened::<FrameTile>(FRAME_TOPIC, bytes) {
        Ok(_) => "taken",
        Err(refusal) => refusal.label(),
    }
}

#[test]
fn every_flipped_bit_is_refused_for_its_reason() {
    let good = sealed();
    assert_eq!(label(&good), "taken");
    let payload_offset = good.len() - PAYLOAD.len();
    for offset in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[offset] ^= 1 << bit;
            let label = label(&bad);
            let expected: &[&str] = match offset {
                0..4 => &["not_an_envelope"],
                4 => &["wrong_kind"],
                5..21 => &["unknown_signer"],
                // A changed message length moves the signature, or its end past the end of the
                // bytes.
                61..63 => &["bad_signature", "truncated"],
                _ if offset < payload_offset => &["bad_signature"],
                _ => &["payload_hash"],
            };
            assert!(
                expected.contains(&label),
                "byte {offset} bit {bit}: {label}"
            );
        }
    }
}

#[test]
fn every_cut_is_refused_for_its_reason() {
    let good = sealed();
    let payload_offset = good.len() - PAYLOAD.len();
    for length in 0..good.len() {
        let expected = if length < payload_offset {
            "truncated"
        } else {
            "payload_length"
        };
        assert_eq!(label(&good[..length]), expected, "{length}");
    }
}

#[test]
fn sampled_bytes_of_a_large_payload_are_guarded() {
    let payload: Vec<u8> = (0..500_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let mut bytes = seal(&camera(), &frame_tile(), &payload).unwrap();
    assert_eq!(label(&bytes), "taken");
    let payload_offset = bytes.len() - payload.len();
    for position in (0..payload.len())
        .step_by(12_345)
        .chain([payload.len() - 1])
    {
        bytes[payload_offset + position] ^= 0x10;
        assert_eq!(label(&bytes), "payload_hash", "{position}");
        bytes[payload_offset + position] ^= 0x10;
    }
    assert_eq!(label(&bytes), "taken");
}

#[test]
fn parts_of_two_envelopes_cannot_be_spliced() {
    let mut later = frame_tile();
    later.tile.frame.seq += 1;
    let (first, second) = (
        sealed(),
        seal(&camera(), &later, &[7; PAYLOAD.len()]).unwrap(),
    );
    assert_eq!(first.len(), second.len());
    let signature = first.len() - PAYLOAD.len() - SIGNATURE_BYTES;
    let payload = first.len() - PAYLOAD.len();
    assert_eq!(
        label(&[&first[..payload], &second[payload..]].concat()),
        "payload_hash"
    );
    assert_eq!(
        label(&[&first[..signature], &second[signature..]].concat()),
        "bad_signature"
    );
}

#[test]
fn a_signature_with_an_unreduced_scalar_is_refused() {
    // S + L checks out without the strict rules; L is the order of the group, little endian.
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut bytes = sealed();
    let scalar = bytes.len() - PAYLOAD.len() - 32;
    let mut carry = 0;
    for (byte, order) in bytes[scalar..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert_eq!(label(&bytes), "bad_signature");
}

proptest! {
    #[test]
    fn garbage_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_ne!(label(&bytes), "taken");
    }

    #[test]
    fn garbage_after_a_good_start_is_refused(
        start in 0..63usize,
        rest in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let good = sealed();
        let bytes = [&good[..start], &rest].concat();
        prop_assert_ne!(label(&bytes), "taken");
    }

    #[test]
    fn any_overwritten_stretch_is_refused(
        offset in any::<prop::sample::Index>(),
        stretch in proptest::collection::vec(any::<u8>(), 1..40),
    ) {
        let good = sealed();
        let mut bad = good.clone();
        let offset = offset.index(good.len());
        for (byte, new) in bad[offset..].iter_mut().zip(stretch) {
            *byte = new;
        }
        prop_assert_eq!(label(&bad) == "taken", bad == good);
    }

    #[test]
    fn any_message_and_payload_survive(
        camera_name in "[a-z0-9_-]{1,32}",
        session in any::<[u8; 16]>(),
        seq in any::<u64>(),
        tiles in 1..=TileHeader::MAX_TILES,
        tile in any::<prop::sample::Index>(),
        captured_unix_ms in any::<u64>(),
        oldest in any::<prop::sample::Index>(),
        dropped in any::<u64>(),
        spec in proptest::collection::vec(any::<u8>(), 0..=TileHeader::MAX_SPEC_BYTES),
        payload in proptest::collection::vec(any::<u8>(), 0..2000),
    ) {
        let identity = SigningIdentity::from_seed(name(&camera_name), &session_seed(session));
        let mut trust = TrustStore::new();
        trust.enroll(identity.name(), NodeRole::Camera, &identity.verifying_key()).unwrap();
        let session = SessionId::from_bytes(session);
        let frame = FrameId { site: name("demo"), camera: name(&camera_name), session, seq };
        let tile = tile.index(tiles as usize) as u32;
        let oldest = seq.min(oldest.index(usize::MAX) as u64);
        let header = TileHeader { frame, tile, tiles, captured_unix_ms, oldest, dropped, spec, ..tile_header() };
        let message = FrameTile { tile: header };
        let bytes = Bytes::from(seal(&identity, &message, &payload).unwrap());
        let topic = message.topic().to_string();
        let verified = open::<FrameTile>(&topic, bytes, &trust, &Limits::default()).unwrap();
        prop_assert_eq!(verified.message(), &message);
        prop_assert_eq!(verified.payload(), &payload[..]);
    }
}

fn session_seed(session: [u8; 16]) -> [u8; 32] {
    std::array::from_fn(|i| session[i % 16])
}
