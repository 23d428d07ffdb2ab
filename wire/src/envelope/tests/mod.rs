//! Envelopes: round trips, every refusal with its message, tampering of every byte, and the golden
//! file.

mod golden;
mod refusals;
mod tampering;

use bytes::Bytes;

use super::*;
use crate::identity::SigningIdentity;
use crate::message::{FrameId, FrameTile, MapTile, Message, Receipt, SessionId, TileHeader};
use crate::name::Name;
use crate::role::NodeRole;
use crate::trust::TrustStore;

const FRAME_TOPIC: &str = "blindsight/v1/demo/gate/frame";
const MAP_TOPIC: &str = "blindsight/v1/demo/gate/map";
const RECEIPT_TOPIC: &str = "blindsight/v1/demo/gate/receipt";
const FRAME: &str = "demo/gate frame 7 of session 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";
const PAYLOAD: &[u8] = b"a ciphertext, as far as this crate knows";

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Signing keys from fixed seeds, so that the golden file stays the same.
fn camera() -> SigningIdentity {
    SigningIdentity::from_seed(name("gate"), &[1; 32])
}

fn worker() -> SigningIdentity {
    SigningIdentity::from_seed(name("worker"), &[2; 32])
}

fn viewer() -> SigningIdentity {
    SigningIdentity::from_seed(name("viewer"), &[3; 32])
}

fn other_camera() -> SigningIdentity {
    SigningIdentity::from_seed(name("yard"), &[4; 32])
}

fn trust() -> TrustStore {
    let mut trust = TrustStore::new();
    for (identity, role) in [
        (camera(), NodeRole::Camera),
        (worker(), NodeRole::Worker),
        (viewer(), NodeRole::Viewer),
        (other_camera(), NodeRole::Camera),
    ] {
        trust
            .enroll(identity.name(), role, &identity.verifying_key())
            .unwrap();
    }
    trust
}

fn frame_id() -> FrameId {
    let session = SessionId::from_bytes([10; 16]);
    FrameId {
        site: name("demo"),
        camera: name("gate"),
        session,
        seq: 7,
    }
}

fn tile_header() -> TileHeader {
    TileHeader {
        frame: frame_id(),
        tile: 1,
        tiles: 3,
        captured_unix_ms: 1_700_000_000_123,
        session_unix_ms: 1_700_000_000_000,
        oldest: 5,
        dropped: 2,
        spec: vec![9; 20],
        parameters: [11; 16],
        key_id: [12; 16],
    }
}

fn frame_tile() -> FrameTile {
    FrameTile {
        tile: tile_header(),
    }
}

fn map_tile() -> MapTile {
    MapTile {
        tile: tile_header(),
        input_hash: [13; 32],
        pool_ms: 250,
    }
}

fn receipt() -> Receipt {
    Receipt {
        frame: frame_id(),
        logged: true,
    }
}

fn opened<M: Message>(topic: &str, bytes: &[u8]) -> Result<Verified<M>, Refusal> {
    open(
        topic,
        Bytes::copy_from_slice(bytes),
        &trust(),
        &Limits::default(),
    )
}

#[test]
fn every_kind_of_message_arrives_as_it_was_sealed() {
    let bytes = seal(&camera(), &frame_tile(), PAYLOAD).unwrap();
    let verified: Verified<FrameTile> = opened(FRAME_TOPIC, &bytes).unwrap();
    assert_eq!(verified.message(), &frame_tile());
    assert_eq!(verified.signer(), &name("gate"));
    assert_eq!(verified.payload(), PAYLOAD);
    assert_eq!(verified.payload_hash(), *blake3::hash(PAYLOAD).as_bytes());

    let bytes = seal(&worker(), &map_tile(), PAYLOAD).unwrap();
    assert_eq!(
        opened::<MapTile>(MAP_TOPIC, &bytes).unwrap().message(),
        &map_tile()
    );

    let bytes = seal(&viewer(), &receipt(), b"").unwrap();
    let verified = opened::<Receipt>(RECEIPT_TOPIC, &bytes).unwrap();
    assert_eq!(
        (verified.message(), verified.payload()),
        (&receipt(), &b""[..])
    );
}

#[test]
fn the_parts_stay_evidence_and_share_the_bytes() {
    let bytes = Bytes::from(seal(&camera(), &frame_tile(), PAYLOAD).unwrap());
    let verified = open::<FrameTile>(FRAME_TOPIC, bytes.clone(), &trust(), &Limits::default());
    let (message, payload) = verified.unwrap().into_parts();
    assert_eq!(
        (message.message(), message.signer()),
        (&frame_tile(), &name("gate"))
    );
    assert_eq!(
        (&*payload, payload.hash()),
        (PAYLOAD, *blake3::hash(PAYLOAD).as_bytes())
    );
    assert_eq!(
        payload.as_ptr(),
        bytes[bytes.len() - PAYLOAD.len()..].as_ptr()
    );
    assert_eq!(format!("{payload:?}"), "[40 bytes]");
}

#[test]
fn a_second_key_of_a_name_counts_as_well_until_the_first_is_revoked() {
    let rotated = SigningIdentity::from_seed(name("gate"), &[5; 32]);
    let mut trust = trust();
    trust
        .enroll(&name("gate"), NodeRole::Camera, &rotated.verifying_key())
        .unwrap();
    let open = |identity: &SigningIdentity, trust: &TrustStore| {
        let bytes = Bytes::from(seal(identity, &frame_tile(), PAYLOAD).unwrap());
        open::<FrameTile>(FRAME_TOPIC, bytes, trust, &Limits::default())
    };
    for identity in [&camera(), &rotated] {
        assert_eq!(open(identity, &trust).unwrap().signer(), &name("gate"));
    }
    trust.revoke_key(&camera().verifying_key()).unwrap();
    assert_eq!(
        open(&camera(), &trust).unwrap_err().label(),
        "unknown_signer"
    );
    assert_eq!(open(&rotated, &trust).unwrap().signer(), &name("gate"));
}

#[test]
fn the_largest_message_fits_the_stated_overhead() {
    let long = "n".repeat(32);
    let mut message = map_tile();
    message.tile.spec = vec![1; TileHeader::MAX_SPEC_BYTES];
    message.tile.frame.site = name(&long);
    message.tile.frame.camera = name(&long);
    let bytes = seal(&worker(), &message, PAYLOAD).unwrap();
    assert!(bytes.len() - PAYLOAD.len() <= MAX_OVERHEAD_BYTES);
    let topic = message.topic().to_string();
    assert_eq!(
        opened::<MapTile>(&topic, &bytes).unwrap().message(),
        &message
    );
}

#[test]
fn what_receivers_would_refuse_is_not_sealed() {
    let mut tile = frame_tile();
    tile.tile.tile = 3;
    assert_eq!(
        seal(&camera(), &tile, PAYLOAD).unwrap_err().to_string(),
        "cannot seal a frame tile: tile 3 of a frame of 3 tiles, counted from 0"
    );
    tile.tile.tiles = 0;
    assert_eq!(
        seal(&camera(), &tile, PAYLOAD).unwrap_err().to_string(),
        "cannot seal a frame tile: a frame of 0 tiles, allowed are 1 to 65536"
    );
    let mut tile = frame_tile();
    tile.tile.spec = vec![0; 513];
    assert_eq!(
        seal(&camera(), &tile, PAYLOAD).unwrap_err().to_string(),
        "cannot seal a frame tile: a stream specification of 513 bytes, allowed are 512"
    );
    assert_eq!(
        seal(&other_camera(), &frame_tile(), PAYLOAD)
            .unwrap_err()
            .to_string(),
        "`yard` cannot seal a frame tile of `gate`"
    );
    assert_eq!(
        seal(&viewer(), &receipt(), b"x").unwrap_err().to_string(),
        "cannot seal a receipt with a payload of 1 bytes, allowed are 0"
    );
}
