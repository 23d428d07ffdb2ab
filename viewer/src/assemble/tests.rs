use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::testing::{frame, header, spec};

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
        .insert(header, 10, 100, Contents::Values(&values))
        .expect("an honest tile")
}

#[test]
fn tiles_in_any_order_make_the_frame() {
    let spec = stream();
    let tiles = spec.tile_plan().tile_count();
    let mut assembler = Assembler::new(2);
    let mut whole = None;
    for tile in (0..tiles).rev() {
        assert!(whole.is_none());
        whole = insert(
            &mut assembler,
            &header(&frame("gate", 1, 5), &spec, tile),
            &spec,
        )
        .whole;
    }
    let whole = whole.expect("every tile arrived");
    assert_eq!(whole.frame, frame("gate", 1, 5));
    assert_eq!(whole.captured_unix_ms, 1_000);
    assert_eq!(whole.pool_ms, u64::from(tiles) * 10);
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
    let mut assembler = Assembler::new(2);
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
    assert!(again.whole.is_none() && again.given_up.is_none());
}

#[test]
fn the_oldest_frame_makes_room() {
    let spec = stream();
    let mut assembler = Assembler::new(2);
    for seq in 0..2 {
        let inserted = insert(
            &mut assembler,
            &header(&frame("gate", 1, seq), &spec, 0),
            &spec,
        );
        assert_eq!(inserted.given_up, None);
    }
    // A further tile does not make a frame younger.
    insert(
        &mut assembler,
        &header(&frame("gate", 1, 0), &spec, 1),
        &spec,
    );
    let inserted = insert(
        &mut assembler,
        &header(&frame("gate", 1, 2), &spec, 0),
        &spec,
    );
    let tiles = spec.tile_plan().tile_count();
    let oldest = IncompleteFrame {
        frame: frame("gate", 1, 0),
        arrived: 2,
        tiles,
    };
    assert_eq!(inserted.given_up, Some(oldest));
    let rest: Vec<u64> = assembler
        .give_up_all()
        .iter()
        .map(|part| part.frame.seq)
        .collect();
    assert_eq!(rest, [1, 2]);
    assert!(assembler.give_up_all().is_empty());
}

#[test]
fn refusals_say_what_is_wrong() {
    let spec = stream();
    let tiles = spec.tile_plan().tile_count();
    let mut assembler = Assembler::new(2);
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
    let old = assembler
        .admit(&header(&frame("gate", 1, 3), &spec, 0))
        .expect_err("a refusal");
    assert_eq!(
        old.to_string(),
        "the sequence number is older than 977, the oldest one that is still taken"
    );
}

#[test]
fn a_value_above_the_levels_makes_no_map() {
    let spec = spec(2, 2);
    let mut assembler = Assembler::new(1);
    let values = Contents::Values(&[16]);
    let inserted = assembler.insert(&header(&frame("gate", 1, 0), &spec, 0), 0, 0, values);
    let whole = inserted
        .expect("the count is right")
        .whole
        .expect("one tile is the frame");
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
    let mut assembler = Assembler::new(1);
    let first = header(&frame("gate", 1, 0), &spec, 0);
    assembler
        .insert(&first, 0, 0, Contents::Unreadable)
        .expect("a sensible header");
    assert_eq!(
        assembler.admit(&first).expect("sensible"),
        Admission::RepeatedTile
    );
    let mut whole = None;
    for tile in 1..tiles {
        whole = insert(&mut assembler, &header(&first.frame, &spec, tile), &spec).whole;
    }
    let failure = whole
        .expect("every tile arrived")
        .into_map()
        .expect_err("no map");
    assert_eq!(
        failure.to_string(),
        format!("1 of {tiles} tiles are unreadable")
    );
}

/// What the assembler promises, said naively: unbounded sets and a list of frames by age.
#[derive(Default)]
struct Model {
    in_progress: Vec<(FrameId, HashMap<u32, u32>)>,
    finished: HashSet<FrameId>,
}

impl Model {
    /// Returns the frame made whole with its pooling time, and the frame given up.
    fn insert(
        &mut self,
        limit: usize,
        header: &TileHeader,
        pool_ms: u32,
    ) -> (Option<(FrameId, u64)>, Option<FrameId>) {
        let frame = &header.frame;
        if self.finished.contains(frame) {
            return (None, None);
        }
        let mut given_up = None;
        if !self.in_progress.iter().any(|(known, _)| known == frame) {
            if self.in_progress.len() == limit {
                given_up = Some(self.in_progress.remove(0).0);
            }
            self.in_progress.push((frame.clone(), HashMap::new()));
        }
        let at = self
            .in_progress
            .iter()
            .position(|(known, _)| known == frame)
            .expect("just put in");
        self.in_progress[at].1.entry(header.tile).or_insert(pool_ms);
        if self.in_progress[at].1.len() < header.tiles as usize {
            return (None, given_up);
        }
        let (frame, tiles) = self.in_progress.remove(at);
        self.finished.insert(frame.clone());
        (
            Some((frame, tiles.values().map(|&ms| u64::from(ms)).sum())),
            given_up,
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any tiles of a few frames of two cameras in any order and number, against the model.
    #[test]
    fn the_assembler_agrees_with_the_model(
        limit in 1_usize..5,
        steps in proptest::collection::vec((any::<bool>(), 0_u64..4, any::<u32>(), 0_u32..99), 1..120),
    ) {
        let spec = stream();
        let tiles = spec.tile_plan().tile_count();
        let mut assembler = Assembler::new(limit);
        let mut model = Model::default();
        for (camera, seq, tile, pool_ms) in steps {
            let frame = frame(if camera { "gate" } else { "yard" }, 1, seq);
            let header = header(&frame, &spec, tile % tiles);
            let values = values(&spec, seq, header.tile);
            let got = assembler.insert(&header, pool_ms, 1, Contents::Values(&values)).expect("an honest tile");
            if let Some(whole) = got.whole.clone() {
                prop_assert_eq!(whole.bytes, u64::from(tiles));
                let map = whole.into_map().expect("levels in range");
                for (window, &value) in map.values().iter().enumerate() {
                    prop_assert_eq!(u64::from(value), (window as u64 + seq) % 16);
                }
            }
            let whole = got.whole.map(|whole| (whole.frame, whole.pool_ms));
            let given_up = got.given_up.map(|part| part.frame);
            prop_assert_eq!((whole, given_up), model.insert(limit, &header, pool_ms));
        }
        let left: Vec<FrameId> = assembler.give_up_all().into_iter().map(|part| part.frame).collect();
        let expected: Vec<FrameId> = model.in_progress.into_iter().map(|(frame, _)| frame).collect();
        prop_assert_eq!(left, expected);
    }
}
