use std::future::{Future, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use super::*;

/// Bytes that, with what is counted besides, fill a lane of [`lane`] by a half.
const HALF: usize = 1_000;

fn lane() -> Lane<u32> {
    Lane::new(2 * (HALF + BYTES_BESIDES))
}

fn camera() -> Name {
    "gate".parse().expect("a name")
}

/// Whether a future is ready the first time it is asked.
async fn at_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = ready(()) => None,
    }
}

#[tokio::test]
async fn a_full_lane_lets_its_intake_wait_until_a_tile_is_taken() {
    let lane = lane();
    for tile in 0..2 {
        assert!(lane.has_room(HALF));
        lane.push(camera(), HALF, tile).await.expect("open");
    }
    assert!(!lane.has_room(HALF));
    let mut third = pin!(lane.push(camera(), HALF, 2));
    assert!(at_once(&mut third).await.is_none());
    assert_eq!(lane.take(), Some(0));
    third.await.expect("open");
    assert_eq!((lane.take(), lane.take()), (Some(1), Some(2)));
}

#[tokio::test]
async fn room_that_was_made_while_nobody_waited_is_not_taken_for_more() {
    let lane = lane();
    for tile in 0..3 {
        lane.push(camera(), HALF, tile).await.expect("open");
        assert_eq!(lane.take(), Some(tile));
    }
    lane.push(camera(), HALF, 3).await.expect("open");
    lane.push(camera(), HALF, 4).await.expect("open");
    let mut full = pin!(lane.push(camera(), HALF, 5));
    assert!(at_once(&mut full).await.is_none());
}

#[tokio::test]
async fn tiles_without_bytes_are_bounded_too() {
    let lane = lane();
    let mut pushed = 0;
    while lane.has_room(0) {
        lane.push(camera(), 0, pushed).await.expect("open");
        pushed += 1;
    }
    assert_eq!(pushed, 3);
}

#[tokio::test]
async fn closing_ends_all_waiting_and_gives_up_what_waits() {
    let lane = lane();
    thread::scope(|scope| {
        let takers: Vec<_> = (0..3).map(|_| scope.spawn(|| lane.take())).collect();
        lane.close();
        for taker in takers {
            assert_eq!(taker.join().expect("no panic"), None);
        }
    });
    assert!(lane.push(camera(), HALF, 0).await.is_err());

    let full = super::Lane::new(0);
    full.push(camera(), HALF, 0).await.expect("open");
    let mut waits = pin!(full.push(camera(), HALF, 1));
    assert!(at_once(&mut waits).await.is_none());
    full.close();
    assert!(waits.await.is_err());
    assert_eq!(full.take(), None);
}

#[tokio::test]
async fn every_tile_goes_to_one_of_the_threads_that_wait() {
    let lane = Arc::new(lane());
    let (taken, gathered) = channel();
    for _ in 0..3 {
        let (taken, lane) = (taken.clone(), lane.clone());
        thread::spawn(move || {
            while let Some(tile) = lane.take() {
                taken.send(tile).expect("gathered");
            }
        });
    }
    drop(taken);
    for tile in 0..100 {
        lane.push(camera(), HALF, tile).await.expect("open");
    }
    let mut tiles: Vec<u32> = gathered.iter().take(100).collect();
    tiles.sort_unstable();
    assert_eq!(tiles, (0..100).collect::<Vec<_>>());
    lane.close();
    assert!(gathered.recv().is_err(), "all threads have ended");
}

#[test]
fn a_scheme_has_the_lane_of_its_tiles() {
    assert_eq!(Width::of(SchemeId::Tfhe), Width::Wide);
    assert_eq!(Width::of(SchemeId::Plain), Width::Narrow);
}
