use std::collections::{BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::testing::{frame, header, spec};

/// How long decryption of every tile took.
const DECRYPT: Duration = Duration::from_millis(3);

/// A stream whose frames have several tiles, and what its tiles decrypt to: a value that names window and frame.
fn stream() -> StreamSpec {
    let spec = spec(128, 96);
    assert!(
        spec.tile_plan().tile_count() > 2,
        "the tests need frames of several tiles"
    );
    spec
}

fn values(spec: &StreamSpec, seq: u64, tile: u32) -> Vec<u8> {
    let windows = spec.tile_plan().windows(tile).expect("a tile of the plan");
    windows
        .into_iter()
        .map(|window| ((u64::from(window) + seq) % 16) as u8)
        .collect()
}

fn insert(assembler: &mut Assembler, header: &TileHeader, spec: &StreamSpec) -> Inserted {
    let values = values(spec, header.frame.seq, header.tile);
    assembler
        .insert(header, 10, DECRYPT, 100, Contents::Values(&values))
        .expect("an honest tile")
}

#[test]
fn tiles_in_any_order_make_the_frame() {
    let spec = stream();
    let tiles = spec.tile_plan().tile_count();
    let mut assembler = Assembler::new(2, Sessions::default());
    let mut ready = Vec::new();
    for tile in (0..tiles).rev() {
        assert!(ready.is_empty());
        let header = header(&frame("gate", 1, 5), &spec, tile);
        ready = insert(&mut assembler, &header, &spec).ready;
    }
    let whole = ready.pop().expect("every tile arrived");
    assert!(ready.is_empty());
    let gap = Gap {
        missing: 5,
        dropped: 0,
    };
    assert_eq!((whole.gap, whole.tiles), (gap, tiles));
    assert_eq!(whole.frame, frame("gate", 1, 5));
    assert_eq!(whole.captured_unix_ms, 1_000);
    assert_eq!(whole.pool_ms, u64::from(tiles) * 10);
    assert_eq!(whole.decrypt, DECRYPT * tiles);
    assert_eq!(whole.bytes, u64::from(tiles) * 100);
    let map = whole.into_map().expect("levels in range");
    assert_eq!((map.width(), map.height(), map.level_count()), (64, 48, 15));
    let expected: Vec<u8> = (0..64 * 48)
        .map(|window| ((window + 5) % 16) as u8)
        .collect();
    assert_eq!(map.values(), expected);
}

#[test]
fn repeated_tiles_and_finished_frames_are_told_apart() {
    let spec = stream();
    let mut assembler = Assembler::new(2, Sessions::default());
    let first = header(&frame("gate", 1, 5), &spec, 0);
    insert(&mut assembler, &first, &spec);
    assert_eq!(
        assembler.admit(&first).expect("sensible"),
        Admission::RepeatedTile
    );
    for tile in 1..spec.tile_plan().tile_count() {
        insert(&mut assembler, &header(&first.frame, &spec, tile), &spec);
    }
    assert_eq!(
        assembler.admit(&first).expect("sensible"),
        Admission::FinishedFrame
    );
    let again = insert(&mut assembler, &first, &spec);
    assert!(again.ready.is_empty() && again.given_up.is_empty());
}

/// The first tile of a frame of a session in which everything from `oldest` on may still come.
fn first_tile(camera: &str, session: u32, seq: u64, oldest: u64) -> TileHeader {
    TileHeader {
        oldest,
        session_unix_ms: u64::from(session),
        ..header(&frame(camera, session, seq), &stream(), 0)
    }
}

/// All tiles of such a frame. Which frames are ready then, and which were given up.
fn send(
    assembler: &mut Assembler,
    camera: &str,
    session: u32,
    seq: u64,
    oldest: u64,
) -> (Vec<u64>, Vec<u64>) {
    let spec = stream();
    let (mut ready, mut given_up) = (Vec::new(), Vec::new());
    for tile in 0..spec.tile_plan().tile_count() {
        let header = TileHeader {
            tile,
            ..first_tile(camera, session, seq, oldest)
        };
        let inserted = insert(assembler, &header, &spec);
        ready.extend(inserted.ready.iter().map(|whole| whole.frame.seq));
        given_up.extend(inserted.given_up.iter().map(|part| part.frame.seq));
    }
    (ready, given_up)
}

#[test]
fn a_frame_waits_for_the_earlier_ones_that_may_still_come() {
    let mut assembler = Assembler::new(8, Sessions::default());
    assert_eq!(send(&mut assembler, "gate", 1, 2, 0), (vec![], vec![]));
    assert_eq!(send(&mut assembler, "gate", 1, 0, 0), (vec![0], vec![]));
    // Another camera's frames wait for nobody here.
    assert_eq!(send(&mut assembler, "yard", 1, 0, 0), (vec![0], vec![]));
    assert_eq!(send(&mut assembler, "gate", 1, 1, 0), (vec![1, 2], vec![]));
}

#[test]
fn what_the_camera_will_not_send_any_more_is_not_waited_for() {
    let mut assembler = Assembler::new(8, Sessions::default());
    insert(&mut assembler, &first_tile("gate", 1, 0, 0), &stream());
    assert_eq!(send(&mut assembler, "gate", 1, 2, 0), (vec![], vec![]));
    // Frames 0 and 1 were given up at the camera.
    assert_eq!(send(&mut assembler, "gate", 1, 3, 2), (vec![2, 3], vec![0]));
    let late = assembler.admit(&first_tile("gate", 1, 1, 0));
    assert_eq!(late.expect("sensible"), Admission::TooLate);
}

#[test]
fn a_repeated_tile_says_too_what_will_not_come_any_more() {
    let mut assembler = Assembler::new(8, Sessions::default());
    send(&mut assembler, "gate", 1, 0, 0);
    insert(&mut assembler, &first_tile("gate", 1, 1, 0), &stream());
    assert_eq!(send(&mut assembler, "gate", 1, 2, 0), (vec![], vec![]));
    // Frame 1 was lost at the camera, which sends frame 2 once more.
    let noted = assembler.note_repeated(&first_tile("gate", 1, 2, 2));
    let ready: Vec<u64> = noted.ready.iter().map(|whole| whole.frame.seq).collect();
    let given_up: Vec<u64> = noted.given_up.iter().map(|part| part.frame.seq).collect();
    assert_eq!((ready, given_up), (vec![2], vec![1]));
    // What an old copy says changes nothing.
    assert_eq!(send(&mut assembler, "gate", 1, 4, 2), (vec![], vec![]));
    let noted = assembler.note_repeated(&first_tile("gate", 1, 4, 1));
    assert!(noted.ready.is_empty() && noted.given_up.is_empty());
}

#[test]
fn frames_that_cannot_be_logged_any_more_take_no_room() {
    let mut assembler = Assembler::new(8, Sessions::default());
    insert(&mut assembler, &first_tile("gate", 1, 0, 0), &stream());
    insert(&mut assembler, &first_tile("yard", 1, 0, 0), &stream());
    let (ready, given_up) = send(&mut assembler, "gate", 2, 0, 0);
    assert_eq!((ready, given_up), (vec![0], vec![0]));
    assert_eq!(assembler.in_progress(), 1);
}

#[test]
fn a_frame_of_a_camera_that_is_gone_makes_room_at_last() {
    let mut assembler = Assembler::new(1, Sessions::default());
    let gone = first_tile("gate", 1, 0, 0);
    insert(&mut assembler, &gone, &stream());
    let other = first_tile("yard", 1, 0, 0);
    let values = values(&stream(), 0, 0);
    let offer = |assembler: &mut Assembler| {
        let inserted = assembler.insert(&other, 10, DECRYPT, 100, Contents::Values(&values));
        inserted.map(|inserted| inserted.given_up.len())
    };
    for _ in 0..STALE_AFTER_TILES {
        assert!(matches!(
            offer(&mut assembler),
            Err(TileRefusal::NoRoom { .. })
        ));
    }
    assert_eq!(offer(&mut assembler).expect("room"), 1);
}

#[test]
fn a_new_session_is_the_end_of_the_earlier_ones() {
    let mut assembler = Assembler::new(8, Sessions::default());
    send(&mut assembler, "gate", 1, 3, 2);
    insert(&mut assembler, &first_tile("gate", 1, 2, 2), &stream());
    send(&mut assembler, "yard", 1, 1, 0);
    // Frame 3 of the first session has waited long enough; what the other camera waits for is its own affair.
    assert_eq!(send(&mut assembler, "gate", 2, 0, 0), (vec![3, 0], vec![2]));
    let left = assembler.give_up_all();
    let left: Vec<_> = left
        .iter()
        .map(|part| (part.frame.camera.as_str().to_owned(), part.frame.seq))
        .collect();
    assert_eq!(left, [("yard".to_owned(), 1)]);
    assert!(assembler.give_up_all().is_empty());
}

#[test]
fn the_latest_frame_of_the_busiest_session_makes_room() {
    let mut assembler = Assembler::new(3, Sessions::default());
    for seq in 0..3 {
        insert(&mut assembler, &first_tile("gate", 1, seq, 0), &stream());
    }
    let full = |assembler: &mut Assembler, header: &TileHeader| {
        let values = values(&stream(), header.frame.seq, 0);
        let refused = assembler.insert(header, 0, DECRYPT, 0, Contents::Values(&values));
        refused.expect_err("no room").to_string()
    };
    let later = full(&mut assembler, &first_tile("gate", 1, 3, 0));
    assert!(
        later.starts_with("3 frames are in progress and all come before this one; "),
        "{later}"
    );
    let given_up = |inserted: Inserted| -> Vec<u64> {
        inserted
            .given_up
            .iter()
            .map(|part| part.frame.seq)
            .collect()
    };
    let other = insert(&mut assembler, &first_tile("yard", 1, 0, 0), &stream());
    assert_eq!(given_up(other), [2]);
    let third = insert(&mut assembler, &first_tile("roof", 1, 0, 0), &stream());
    assert_eq!(given_up(third), [1]);
    // One frame each is as fair as it gets.
    full(&mut assembler, &first_tile("hall", 1, 0, 0));
    // Sessions that are over go first.
    let newer = insert(&mut assembler, &first_tile("roof", 2, 7, 7), &stream());
    assert_eq!(given_up(newer), [0]);
    let left = assembler.give_up_all();
    let left = left
        .iter()
        .map(|part| (part.frame.camera.as_str(), part.frame.seq));
    assert_eq!(
        left.collect::<Vec<_>>(),
        [("gate", 0), ("yard", 0), ("roof", 7)]
    );
}

#[test]
fn refusals_say_what_is_wrong() {
    let spec = stream();
    let tiles = spec.tile_plan().tile_count();
    let mut assembler = Assembler::new(2, Sessions::default());
    let honest = header(&frame("gate", 1, 2000), &spec, 0);
    insert(&mut assembler, &honest, &spec);
    let edited = |edit: fn(&mut TileHeader)| {
        let mut header = header(&frame("gate", 1, 2000), &stream(), 1);
        edit(&mut header);
        header
    };
    let check = |header: TileHeader, message: &str| {
        let refusal = assembler.admit(&header).expect_err("a refusal");
        assert_eq!(refusal.to_string(), message);
    };
    let differs = "differs from that of the frame's other tiles";
    check(
        edited(|h| h.tiles += 1),
        &format!("the tile count {differs}"),
    );
    check(
        edited(|h| h.spec.push(0)),
        &format!("the stream specification {differs}"),
    );
    check(
        edited(|h| h.key_id[3] ^= 1),
        &format!("the key id {differs}"),
    );
    check(
        edited(|h| h.parameters[3] ^= 1),
        &format!("the parameter fingerprint {differs}"),
    );
    check(
        edited(|h| h.captured_unix_ms += 1),
        &format!("the capture time {differs}"),
    );
    check(
        edited(|h| h.dropped += 1),
        &format!("the count of dropped frames {differs}"),
    );
    check(
        edited(|h| h.tile = h.tiles),
        &format!("tile {tiles} of a frame of {tiles} tiles"),
    );
    let said = tiles + 1;
    check(
        edited(|h| (h.frame.seq, h.tiles) = (2001, h.tiles + 1)),
        &format!("the header says {said} tiles, its stream specification has {tiles}"),
    );
    let garbage = edited(|h| (h.frame.seq, h.spec) = (2001, vec![]));
    assert!(matches!(
        assembler.admit(&garbage),
        Err(TileRefusal::Spec(_))
    ));

    let short = assembler.insert(
        &header(&honest.frame, &spec, 1),
        0,
        DECRYPT,
        0,
        Contents::Values(&[1, 2]),
    );
    let windows = spec
        .tile_plan()
        .windows(1)
        .expect("a tile of the plan")
        .len();
    assert_eq!(
        short.expect_err("a refusal").to_string(),
        format!("2 values for {windows} windows")
    );
    for tile in 1..tiles {
        insert(&mut assembler, &header(&honest.frame, &spec, tile), &spec);
    }
}

#[test]
fn a_value_above_the_levels_makes_no_map() {
    let spec = spec(2, 2);
    let mut assembler = Assembler::new(1, Sessions::default());
    let values = Contents::Values(&[16]);
    let inserted = assembler.insert(
        &header(&frame("gate", 1, 0), &spec, 0),
        0,
        DECRYPT,
        0,
        values,
    );
    let mut inserted = inserted.expect("the count is right");
    let whole = inserted.ready.pop().expect("one tile is the frame");
    let failure = whole.into_map().expect_err("no map");
    assert_eq!(
        failure.to_string(),
        "feature map of 15 levels holds the value 16; it is corrupt"
    );
}

#[test]
fn an_unreadable_tile_counts_as_arrived_and_makes_no_map() {
    let spec = stream();
    let tiles = spec.tile_plan().tile_count();
    let mut assembler = Assembler::new(1, Sessions::default());
    let first = header(&frame("gate", 1, 0), &spec, 0);
    assembler
        .insert(&first, 0, DECRYPT, 0, Contents::Unreadable)
        .expect("a sensible header");
    assert_eq!(
        assembler.admit(&first).expect("sensible"),
        Admission::RepeatedTile
    );
    let mut ready = Vec::new();
    for tile in 1..tiles {
        ready = insert(&mut assembler, &header(&first.frame, &spec, tile), &spec).ready;
    }
    let whole = ready.pop().expect("every tile arrived");
    let failure = whole.into_map().expect_err("no map");
    assert_eq!(
        failure.to_string(),
        format!("1 of {tiles} tiles are unreadable")
    );
}

/// A camera that sends every frame until its receipt comes, over a network that loses, repeats and reorders.
struct Sender {
    camera: &'static str,
    /// Without a receipt, in the order of their numbers.
    open: BTreeSet<u64>,
    next: u64,
    logged: Vec<u64>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every frame of every camera comes out once and in order, however the network treats its tiles, and though the
    /// assembler keeps few frames.
    #[test]
    fn every_frame_comes_out_once_and_in_order(
        limit in 1_usize..6,
        credit in 1_usize..5,
        chances in proptest::collection::vec(any::<(u8, prop::sample::Index)>(), 50..400),
    ) {
        const FRAMES: u64 = 6;
        let spec = stream();
        let tiles = spec.tile_plan().tile_count();
        let mut assembler = Assembler::new(limit, Sessions::default());
        let mut senders = ["gate", "yard"].map(|camera| Sender {
            camera, open: BTreeSet::new(), next: 0, logged: Vec::new(),
        });
        let mut chances = chances.into_iter();
        let mut quiet = 0;
        while senders.iter().any(|sender| sender.logged.len() < FRAMES as usize) {
            prop_assert!(quiet < 100, "nothing moves any more");
            quiet += 1;
            let mut network = VecDeque::new();
            for sender in &mut senders {
                while sender.open.len() < credit && sender.next < FRAMES {
                    sender.open.insert(sender.next);
                    sender.next += 1;
                }
                let oldest = sender.open.first().copied().unwrap_or(sender.next);
                for &seq in &sender.open {
                    network.extend((0..tiles).map(|tile| TileHeader {
                        oldest,
                        ..header(&frame(sender.camera, 1, seq), &spec, tile)
                    }));
                }
            }
            // Until chance has run out, after which the network is a good one.
            while let Some(header) = network.pop_front() {
                match chances.next() {
                    Some((0..=60, _)) => continue,
                    Some((61..=120, at)) => network.insert(at.index(network.len() + 1), header.clone()),
                    Some((121..=180, at)) => {
                        network.insert(at.index(network.len() + 1), header);
                        continue;
                    }
                    _ => {}
                }
                let values = values(&spec, header.frame.seq, header.tile);
                let inserted = match assembler.insert(&header, 1, DECRYPT, 1, Contents::Values(&values)) {
                    Err(TileRefusal::NoRoom { .. }) => continue,
                    inserted => inserted.expect("an honest tile"),
                };
                for whole in inserted.ready {
                    let of_camera = |sender: &&mut Sender| sender.camera == whole.frame.camera.as_str();
                    let sender = senders.iter_mut().find(of_camera).expect("a camera");
                    sender.logged.push(whole.frame.seq);
                    sender.open.remove(&whole.frame.seq);
                    prop_assert_eq!(whole.gap, Gap::default());
                    quiet = 0;
                }
            }
        }
        for sender in &senders {
            prop_assert_eq!(&sender.logged, &(0..FRAMES).collect::<Vec<_>>());
        }
        prop_assert!(assembler.give_up_all().len() <= limit);
    }
}
