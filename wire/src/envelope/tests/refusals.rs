//! The exact message of every refusal.

use keyfile::KeyId;

use super::*;
use crate::codec;
use crate::envelope::layout::{Header, signed_bytes};
use crate::trust::Cameras;

/// Seals without any check: what a node with a valid key but other software could send.
fn forged<M: Message>(identity: &SigningIdentity, message: &[u8], payload: &[u8]) -> Vec<u8> {
    let header = Header {
        kind: M::KIND,
        signer: identity.signer_id(),
        payload_bytes: payload.len() as u64,
        payload_hash: *blake3::hash(payload).as_bytes(),
        message,
    };
    let header = header.to_bytes();
    let signature = identity.sign(&signed_bytes(&header));
    [&header, signature.as_slice(), payload].concat()
}

fn forged_message<M: Message>(identity: &SigningIdentity, message: &M) -> Vec<u8> {
    forged::<M>(identity, &codec::encode(message).unwrap(), PAYLOAD)
}

fn refused<M: Message + std::fmt::Debug>(topic: &str, bytes: &[u8]) -> Refusal {
    opened::<M>(topic, bytes).unwrap_err()
}

#[track_caller]
fn check(refusal: &Refusal, label: &str, signer: Option<&str>, about_frame: bool, message: &str) {
    assert_eq!(refusal.to_string(), message);
    assert_eq!(refusal.label(), label);
    assert_eq!(refusal.signer().map(Name::as_str), signer);
    assert_eq!(refusal.frame(), about_frame.then(frame_id).as_ref());
}

#[test]
fn too_long() {
    let bytes = Bytes::from(seal(&camera(), &frame_tile(), PAYLOAD).unwrap());
    let exact = Limits {
        max_envelope_bytes: bytes.len(),
    };
    assert!(open::<FrameTile>(FRAME_TOPIC, bytes.clone(), &trust(), &exact).is_ok());
    let tight = Limits {
        max_envelope_bytes: 99,
    };
    let refusal = open::<FrameTile>(FRAME_TOPIC, bytes.slice(..100), &trust(), &tight);
    check(
        &refusal.unwrap_err(),
        "too_long",
        None,
        false,
        "an envelope of 100 bytes, allowed are 99; make the tiles smaller or raise \
         `max_packet_bytes` everywhere",
    );
}

#[test]
fn not_an_envelope() {
    for garbage in [
        &b"hello"[..],
        b"{\"state\":\"online\"}",
        b"BSE2",
        &[0; 1000],
    ] {
        check(
            &refused::<FrameTile>(FRAME_TOPIC, garbage),
            "not_an_envelope",
            None,
            false,
            "not an envelope of this version; find out what else publishes here",
        );
    }
}

#[test]
fn truncated() {
    check(
        &refused::<FrameTile>(FRAME_TOPIC, b"BSE1x"),
        "truncated",
        None,
        false,
        "an envelope cut off after 5 bytes; find out what else publishes here",
    );
}

#[test]
fn wrong_kind() {
    let bytes = seal(&worker(), &map_tile(), PAYLOAD).unwrap();
    check(
        &refused::<FrameTile>(FRAME_TOPIC, &bytes),
        "wrong_kind",
        None,
        false,
        "an envelope of kind 2, needed is a frame tile (kind 1); find out what else publishes here",
    );
}

#[test]
fn unknown_signer() {
    let stranger = SigningIdentity::from_seed(name("gate"), &[99; 32]);
    let bytes = seal(&stranger, &frame_tile(), PAYLOAD).unwrap();
    check(
        &refused::<FrameTile>(FRAME_TOPIC, &bytes),
        "unknown_signer",
        None,
        false,
        &format!(
            "an envelope of the unknown signer {}; if the node is yours, enrol it with \
             `blindsight keys enroll`",
            stranger.signer_id()
        ),
    );
}

#[test]
fn bad_signature() {
    // A stranger who writes an enrolled camera's id into the header.
    let stranger = SigningIdentity::from_seed(name("gate"), &[99; 32]);
    let mut bytes = seal(&stranger, &frame_tile(), PAYLOAD).unwrap();
    bytes[5..21].copy_from_slice(camera().signer_id().as_bytes());
    let message = "an envelope that claims to be of `gate` has a bad signature; find out who else \
                   can publish here";
    check(
        &refused::<FrameTile>(FRAME_TOPIC, &bytes),
        "bad_signature",
        None,
        false,
        message,
    );

    // A good signature over the same header without the domain string.
    let good = seal(&camera(), &frame_tile(), PAYLOAD).unwrap();
    let signature_offset = good.len() - PAYLOAD.len() - 64;
    let mut bytes = good.clone();
    let undomained = camera().sign(&good[..signature_offset]);
    bytes[signature_offset..][..64].copy_from_slice(&undomained);
    check(
        &refused::<FrameTile>(FRAME_TOPIC, &bytes),
        "bad_signature",
        None,
        false,
        message,
    );
}

#[test]
fn payload_length() {
    let bytes = seal(&camera(), &frame_tile(), PAYLOAD).unwrap();
    check(
        &refused::<FrameTile>(FRAME_TOPIC, &bytes[..bytes.len() - 1]),
        "payload_length",
        Some("gate"),
        false,
        "a payload of 39 bytes where `gate` signed 40; find out who cuts messages between the two \
         nodes",
    );
    let longer = [&bytes[..], b"trailing"].concat();
    check(
        &refused::<FrameTile>(FRAME_TOPIC, &longer),
        "payload_length",
        Some("gate"),
        false,
        "a payload of 48 bytes where `gate` signed 40; find out who cuts messages between the two \
         nodes",
    );
}

#[test]
fn payload_hash() {
    let mut bytes = seal(&camera(), &frame_tile(), PAYLOAD).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    check(
        &refused::<FrameTile>(FRAME_TOPIC, &bytes),
        "payload_hash",
        Some("gate"),
        false,
        "a payload that `gate` did not sign; find out who changes messages between the two nodes",
    );
}

#[test]
fn payload_too_long() {
    check(
        &refused::<Receipt>(RECEIPT_TOPIC, &forged_message(&viewer(), &receipt())),
        "payload_too_long",
        Some("viewer"),
        false,
        "a receipt of `viewer` with a payload of 40 bytes, allowed are 0; update that node",
    );
}

#[test]
fn wrong_role() {
    let bytes = seal(&camera(), &map_tile(), PAYLOAD).unwrap();
    check(
        &refused::<MapTile>(MAP_TOPIC, &bytes),
        "wrong_role",
        Some("gate"),
        false,
        "a map tile signed by `gate`, a camera, not a worker; check its role in the trust file",
    );
    for identity in [worker(), viewer()] {
        let refusal = refused::<FrameTile>(FRAME_TOPIC, &forged_message(&identity, &frame_tile()));
        assert_eq!(refusal.label(), "wrong_role");
    }
    for identity in [camera(), worker()] {
        let bytes = seal(&identity, &receipt(), b"").unwrap();
        assert_eq!(
            refused::<Receipt>(RECEIPT_TOPIC, &bytes).label(),
            "wrong_role"
        );
    }
    assert_eq!(
        refused::<MapTile>(MAP_TOPIC, &seal(&viewer(), &map_tile(), PAYLOAD).unwrap()).label(),
        "wrong_role"
    );
}

#[test]
fn bad_message() {
    let mut encoded = codec::encode(&frame_tile()).unwrap();
    encoded.push(0);
    check(
        &refused::<FrameTile>(
            FRAME_TOPIC,
            &forged::<FrameTile>(&camera(), &encoded, PAYLOAD),
        ),
        "bad_message",
        Some("gate"),
        false,
        "`gate` signed a frame tile that cannot be read (1 bytes too many); run the same release \
         on all nodes",
    );
    for message in [&b""[..], b"garbage", &[255; 1024], &[0; 60_000]] {
        let bytes = forged::<FrameTile>(&camera(), message, PAYLOAD);
        assert_eq!(
            refused::<FrameTile>(FRAME_TOPIC, &bytes).label(),
            "bad_message"
        );
    }
}

#[test]
fn out_of_range() {
    let mut tile = frame_tile();
    tile.tile.tile = 3;
    check(
        &refused::<FrameTile>(FRAME_TOPIC, &forged_message(&camera(), &tile)),
        "out_of_range",
        Some("gate"),
        true,
        &format!(
            "`gate` signed, for {FRAME}, tile 3 of a frame of 3 tiles, counted from 0; run the \
             same release on all nodes"
        ),
    );
    tile.tile.tiles = TileHeader::MAX_TILES + 1;
    let refusal = refused::<FrameTile>(FRAME_TOPIC, &forged_message(&camera(), &tile));
    assert_eq!(refusal.label(), "out_of_range");
    let mut map = map_tile();
    map.tile.spec = vec![0; 513];
    let refusal = refused::<MapTile>(MAP_TOPIC, &forged_message(&worker(), &map));
    assert_eq!(refusal.label(), "out_of_range");
}

#[test]
fn wrong_topic() {
    let bytes = seal(&worker(), &map_tile(), PAYLOAD).unwrap();
    check(
        &refused::<MapTile>("blindsight/v1/demo/yard/map", &bytes),
        "wrong_topic",
        Some("worker"),
        true,
        &format!(
            "a message about {FRAME} came on `blindsight/v1/demo/yard/map`, it belongs on \
             `{MAP_TOPIC}`; find out who publishes messages again"
        ),
    );
    for topic in [
        "",
        "blindsight/v1/other/gate/map",
        FRAME_TOPIC,
        "blindsight/v1/demo/gate/map/",
    ] {
        assert_eq!(refused::<MapTile>(topic, &bytes).label(), "wrong_topic");
    }
}

#[test]
fn wrong_signer() {
    check(
        &refused::<FrameTile>(FRAME_TOPIC, &forged_message(&other_camera(), &frame_tile())),
        "wrong_signer",
        Some("yard"),
        true,
        &format!(
            "a message about {FRAME} is signed by `yard`; check which node has which name and \
             signing key"
        ),
    );
}

#[test]
fn wrong_camera() {
    let mut trust = TrustStore::new();
    for (identity, role) in [(worker(), NodeRole::Worker), (viewer(), NodeRole::Viewer)] {
        let cameras = Cameras::Only(vec![name("roof"), name("yard")]);
        let key = identity.verifying_key();
        trust
            .enroll_for(identity.name(), role, &key, cameras)
            .unwrap();
    }
    let limits = Limits::default();
    let bytes = Bytes::from(seal(&worker(), &map_tile(), PAYLOAD).unwrap());
    let refusal = open::<MapTile>(MAP_TOPIC, bytes, &trust, &limits).unwrap_err();
    check(
        &refusal,
        "wrong_camera",
        Some("worker"),
        true,
        &format!(
            "a message about {FRAME} is signed by `worker`, enrolled for `roof`, `yard` only; add \
             the camera to its `cameras` in the trust file if it may"
        ),
    );
    let bytes = Bytes::from(seal(&viewer(), &receipt(), b"").unwrap());
    let refusal = open::<Receipt>(RECEIPT_TOPIC, bytes, &trust, &limits).unwrap_err();
    assert_eq!(refusal.label(), "wrong_camera");

    let mut of_yard = map_tile();
    of_yard.tile.frame.camera = name("yard");
    let bytes = Bytes::from(seal(&worker(), &of_yard, PAYLOAD).unwrap());
    let topic = "blindsight/v1/demo/yard/map";
    assert!(open::<MapTile>(topic, bytes, &trust, &limits).is_ok());
}

#[test]
fn retired_key_set() {
    let mut trust = trust();
    trust.retire(KeyId::from_bytes([12; 16])).unwrap();
    let limits = Limits::default();
    let bytes = Bytes::from(seal(&camera(), &frame_tile(), PAYLOAD).unwrap());
    check(
        &open::<FrameTile>(FRAME_TOPIC, bytes, &trust, &limits).unwrap_err(),
        "retired_key_set",
        Some("gate"),
        true,
        &format!(
            "a message about {FRAME} names key set 0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c, which is \
             retired; give that camera the public key of the new key set"
        ),
    );
    let bytes = Bytes::from(seal(&worker(), &map_tile(), PAYLOAD).unwrap());
    let refusal = open::<MapTile>(MAP_TOPIC, bytes, &trust, &limits).unwrap_err();
    assert_eq!(refusal.label(), "retired_key_set");

    // A receipt names no key set, and another key set goes on.
    let bytes = Bytes::from(seal(&viewer(), &receipt(), b"").unwrap());
    assert!(open::<Receipt>(RECEIPT_TOPIC, bytes, &trust, &limits).is_ok());
    let mut other = frame_tile();
    other.tile.key_id = [13; 16];
    let bytes = Bytes::from(seal(&camera(), &other, PAYLOAD).unwrap());
    assert!(open::<FrameTile>(FRAME_TOPIC, bytes, &trust, &limits).is_ok());
}
