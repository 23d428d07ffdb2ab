use cipherframe::{PoolSpec, Quantiser};
use wire::identity::SigningIdentity;
use wire::role::NodeRole;
use wire::trust::TrustStore;

use super::*;
use crate::sessions::Sessions;
use crate::testing::{KEY_ID, frame, header, name, spec};

/// A client key for which a map tile is its values, with bytes that stand for trouble.
struct FakeKey;

/// The first byte of a ciphertext that decrypts to no level.
const CORRUPT: u8 = 0xf0;
/// The first byte of a ciphertext on which decryption panics.
const PANIC: u8 = 0xf1;

impl cipherframe::Key for FakeKey {
    fn scheme(&self) -> SchemeId {
        SchemeId::Plain
    }

    fn key_id(&self) -> KeyId {
        KeyId::from_bytes(KEY_ID)
    }
}

impl ClientKey for FakeKey {
    fn decrypt(
        &self,
        spec: &StreamSpec,
        tile: u32,
        ciphertext: &[u8],
    ) -> Result<Vec<u8>, SchemeError> {
        let windows = spec
            .tile_plan()
            .windows(tile)
            .map_or(0, |windows| windows.len());
        match ciphertext.first() {
            Some(&CORRUPT) => Err(SchemeError::Corrupt {
                what: "map tile",
                why: "it is a fake",
            }),
            Some(&PANIC) => panic!("a fake panic"),
            _ if ciphertext.len() != windows => Err(SchemeError::Length {
                what: "map tile",
                expected: windows,
                actual: ciphertext.len(),
            }),
            _ => Ok(ciphertext.to_vec()),
        }
    }
}

fn worker() -> SigningIdentity {
    SigningIdentity::from_seed(name("worker"), &[5; 32])
}

/// A desk that trusts [`worker`] and holds the fake key.
fn desk() -> Desk {
    let mut trust = TrustStore::new();
    let key = worker().verifying_key();
    trust
        .enroll(&name("worker"), NodeRole::Worker, &key)
        .expect("a first key");
    let mut keyring = Keyring::default();
    assert!(keyring.insert(Arc::new(FakeKey)).is_none());
    Desk {
        trust: trust.into(),
        limits: Limits::default(),
        keyring,
        assembler: Assembler::new(2, Sessions::default()),
    }
}

/// A frame of one tile with one window.
fn one_tile(seq: u64) -> TileHeader {
    header(&frame("gate", 1, seq), &spec(2, 2), 0)
}

fn send(desk: &mut Desk, header: TileHeader, payload: &[u8]) -> Step {
    let message = MapTile {
        tile: header,
        input_hash: [0; 32],
        pool_ms: 7,
    };
    let bytes = envelope::seal(&worker(), &message, payload).expect("sealed");
    desk.take("blindsight/v1/demo/gate/map", bytes.into())
}

#[track_caller]
fn whole(step: Step) -> WholeFrame {
    match step {
        Step::Placed {
            mut ready,
            given_up,
            ..
        } if ready.len() == 1 && given_up.is_empty() => ready.remove(0),
        other => panic!("no whole frame: {other:?}"),
    }
}

#[track_caller]
fn refused(step: &Step, message: &str) {
    match step {
        Step::Refused { reason, .. } => assert_eq!(reason.to_string(), message),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_frame_becomes_whole_once_and_its_receipt_can_be_asked_for_again() {
    let mut desk = desk();
    let whole = whole(send(&mut desk, one_tile(4), &[9]));
    assert_eq!((whole.pool_ms, whole.bytes), (7, 1));
    assert_eq!(whole.into_map().expect("a map").values(), [9]);
    match send(&mut desk, one_tile(4), &[9]) {
        Step::Repeated { receipt_again, .. } => {
            assert_eq!(receipt_again, Some(frame("gate", 1, 4)));
        }
        other => panic!("not repeated: {other:?}"),
    }
}

#[test]
fn a_repeated_tile_of_a_frame_in_progress_asks_for_no_receipt() {
    let mut desk = desk();
    let spec = spec(128, 96);
    let header = header(&frame("gate", 1, 4), &spec, 0);
    let values = vec![1; spec.tile_plan().windows(0).expect("a tile").len()];
    let first = send(&mut desk, header.clone(), &values);
    assert!(matches!(first, Step::Placed { ready, .. } if ready.is_empty()));
    let again = send(&mut desk, header, &values);
    assert!(matches!(
        again,
        Step::Repeated {
            receipt_again: None,
            ..
        }
    ));
}

#[test]
fn a_worker_learns_nothing_about_the_plaintext_from_the_receipts() {
    // Whatever a well-formed ciphertext decrypts to, the frame becomes whole and gets its receipt.
    for payload in [[3], [15], [16], [200], [CORRUPT], [PANIC]] {
        let mut desk = desk();
        let whole = whole(send(&mut desk, one_tile(0), &payload));
        assert_eq!(whole.frame, frame("gate", 1, 0));
        let readable = whole.into_map().is_ok();
        assert_eq!(readable, payload[0] < 16, "{payload:?}");
    }
}

#[test]
fn a_ciphertext_of_the_wrong_form_is_refused_and_may_come_again() {
    let mut desk = desk();
    refused(
        &send(&mut desk, one_tile(0), &[1, 2]),
        "map tile has 2 bytes, 1 are needed; it is damaged or made by another version",
    );
    whole(send(&mut desk, one_tile(0), &[1]));
}

#[test]
fn refusals_say_what_is_wrong() {
    let mut desk = desk();
    let mut header = one_tile(0);
    header.key_id = [0xab; 16];
    refused(
        &send(&mut desk, header, &[1]),
        "no client key of key set abababababababababababababababab; \
         add its client.key to `decrypt.client_keys`",
    );
    let mut header = one_tile(0);
    header.parameters = [0; 16];
    let own = SchemeId::Plain.get().fingerprint(2);
    refused(
        &send(&mut desk, header, &[1]),
        &format!(
            "the tile was made for parameter set 00000000000000000000000000000000 of scheme plain, \
             this version uses {own}; run the same version on camera and viewer"
        ),
    );
    let quantiser = Quantiser::from_bits(4).expect("4 bits are a quantiser");
    let pool = PoolSpec::new(2, 2, 0).expect("a 2x2 kernel is a pooling");
    let tfhe = StreamSpec::new(SchemeId::Tfhe, 2, 2, quantiser, pool).expect("the sizes fit");
    let mut header = one_tile(0);
    header.spec = tfhe.to_bytes();
    header.parameters = SchemeId::Tfhe.get().fingerprint(2).0;
    refused(
        &send(&mut desk, header, &[1]),
        "the key is for scheme plain, the stream uses tfhe; load a key of that scheme",
    );
    let mut header = one_tile(0);
    header.tiles = 3;
    refused(
        &send(&mut desk, header, &[1]),
        "the header says 3 tiles, its stream specification has 1",
    );
    let step = desk.take("blindsight/v1/demo/gate/map", Bytes::from_static(b"hello"));
    refused(
        &step,
        "not an envelope of this version; find out what else publishes here",
    );
    assert!(matches!(step, Step::Refused { tile: None, .. }));
}

#[test]
fn a_map_on_the_topic_of_another_camera_is_refused() {
    let mut desk = desk();
    let message = MapTile {
        tile: one_tile(0),
        input_hash: [0; 32],
        pool_ms: 7,
    };
    let bytes = envelope::seal(&worker(), &message, &[1]).expect("sealed");
    let step = desk.take("blindsight/v1/demo/yard/map", bytes.into());
    assert!(matches!(
        step,
        Step::Refused {
            tile: None,
            reason: MessageRefusal::Envelope(Refusal::WrongTopic { .. })
        }
    ));
}
