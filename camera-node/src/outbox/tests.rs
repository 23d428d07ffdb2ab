use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn key(seq: u64) -> FrameKey {
    key_of(1, seq)
}

fn key_of(session: u8, seq: u64) -> FrameKey {
    FrameKey {
        session: SessionId::from_bytes([session; 16]),
        seq,
    }
}

fn outbox(policy: Policy, credit: u32, timeout_s: u64) -> (Outbox, Instant) {
    let credit = NonZeroU32::new(credit).unwrap();
    (Outbox::new(policy, credit, secs(timeout_s)), Instant::now())
}

/// Sends the next frame at `now`, without jitter; which one it was.
fn send(outbox: &mut Outbox, now: Instant) -> Option<u64> {
    let (key, _) = outbox.take_turn(now)?;
    outbox.sent(key, now, 0);
    Some(key.seq)
}

#[test]
fn frames_leave_in_order_and_wait_while_no_place_is_free() {
    let (mut outbox, start) = outbox(Policy::All, 2, 60);
    (0..4).for_each(|seq| outbox.accept(key(seq)));
    assert_eq!(send(&mut outbox, start), Some(0));
    assert_eq!(send(&mut outbox, start), Some(1));
    assert_eq!(send(&mut outbox, start), None);
    assert!(!outbox.has_place());
    let elapsed = Some(secs(6));
    assert_eq!(
        outbox.receipt(key(1), start + secs(6)),
        Settled::Confirmed { elapsed }
    );
    assert_eq!(outbox.receipt(key(1), start + secs(7)), Settled::Unknown);
    assert_eq!(outbox.receipt(key(9), start + secs(7)), Settled::Unknown);
    assert_eq!(send(&mut outbox, start + secs(7)), Some(2));
    assert_eq!((outbox.len(), outbox.oldest(key(0).session)), (3, Some(0)));
}

#[test]
fn a_frame_without_a_receipt_is_sent_again_later_and_later() {
    let (mut outbox, start) = outbox(Policy::All, 1, 10);
    outbox.accept(key(0));
    let mut now = start;
    for wait in [10, 20, 40, 80, 160, 300, 300] {
        assert_eq!(send(&mut outbox, now), Some(0));
        assert_eq!(outbox.next_deadline(), Some(now + secs(wait)));
        assert_eq!(outbox.expire(now + secs(wait - 1)), []);
        now += secs(wait);
        assert_eq!(outbox.expire(now), [key(0)]);
    }
    assert_eq!(send(&mut outbox, now), Some(0));
    // Which copy it answers is not known, so it teaches nothing.
    let settled = outbox.receipt(key(0), now + secs(1));
    assert_eq!(settled, Settled::Confirmed { elapsed: None });
    outbox.accept(key(1));
    send(&mut outbox, now);
    assert_eq!(outbox.next_deadline(), Some(now + secs(300)));
    outbox.receipt(key(1), now + secs(1));
    outbox.accept(key(2));
    send(&mut outbox, now);
    assert_eq!(outbox.next_deadline(), Some(now + secs(10)));
}

#[test]
fn chance_lengthens_a_wait_by_a_quarter_at_most() {
    let (mut outbox, start) = outbox(Policy::All, 1, 100);
    outbox.accept(key(0));
    let (key, _) = outbox.take_turn(start).unwrap();
    outbox.sent(key, start, 255);
    assert_eq!(outbox.next_deadline(), Some(start + secs(125)));
}

#[test]
fn a_live_view_gives_a_frame_up_and_counts_it_late_if_it_did_arrive() {
    let (mut outbox, start) = outbox(Policy::Latest, 2, 10);
    outbox.accept(key(0));
    outbox.accept(key(1));
    send(&mut outbox, start);
    send(&mut outbox, start + secs(1));
    assert_eq!(outbox.expire(start + secs(10)), [key(0)]);
    assert!(outbox.has_place() && !outbox.contains(key(0)));
    assert_eq!(outbox.oldest(key(0).session), Some(1));
    assert_eq!((outbox.given_up(), outbox.late()), (1, 0));
    assert_eq!(outbox.receipt(key(0), start + secs(11)), Settled::Late);
    assert_eq!(outbox.receipt(key(0), start + secs(11)), Settled::Unknown);
    assert_eq!((outbox.given_up(), outbox.late()), (1, 1));
}

#[test]
fn a_live_view_gives_a_frame_up_however_often_it_is_sent_again() {
    let (mut outbox, start) = outbox(Policy::Latest, 1, 10);
    outbox.accept(key(0));
    send(&mut outbox, start);
    for after in [3, 6, 9] {
        assert_eq!(outbox.send_all_again(start + secs(after)), 1);
        assert_eq!(send(&mut outbox, start + secs(after)), Some(0));
        assert_eq!(outbox.next_deadline(), Some(start + secs(10)));
    }
    // Even if it has no place again when its time is over.
    outbox.send_all_again(start + secs(10));
    assert_eq!(outbox.expire(start + secs(10)), [key(0)]);
    assert!(outbox.is_empty());
}

#[test]
fn a_frame_that_cannot_be_read_lets_the_others_go_first() {
    let (mut outbox, start) = outbox(Policy::All, 1, 10);
    (0..3).for_each(|seq| outbox.accept(key(seq)));
    let (first, _) = outbox.take_turn(start).unwrap();
    assert!(outbox.unreadable(first, start + secs(1)));
    assert_eq!(outbox.next_deadline(), Some(start + secs(1)));
    assert_eq!(send(&mut outbox, start), Some(1));
    assert_eq!(outbox.expire(start + secs(1)), []);
    outbox.receipt(key(1), start + secs(1));
    let (again, _) = outbox.take_turn(start + secs(1)).unwrap();
    assert_eq!(again, first);
    assert!(!outbox.unreadable(first, start + secs(2)));
}

#[test]
fn after_a_recovery_everything_on_its_way_is_sent_again_at_once() {
    let (mut outbox, start) = outbox(Policy::All, 3, 10);
    (0..4).for_each(|seq| outbox.accept(key(seq)));
    send(&mut outbox, start);
    send(&mut outbox, start);
    outbox.expire(start + secs(10));
    assert_eq!(send(&mut outbox, start + secs(10)), Some(0));
    let half_sent = outbox.take_turn(start + secs(10)).unwrap();
    assert_eq!(half_sent, (key(1), 1));
    // What was sent after the news is not concerned.
    assert_eq!(outbox.send_all_again(start + secs(9)), 0);
    assert_eq!(outbox.send_all_again(start + secs(11)), 1);
    assert_eq!(send(&mut outbox, start + secs(11)), Some(0));
    // And the waits are short again.
    assert_eq!(outbox.next_deadline(), Some(start + secs(21)));
    outbox.unsent(half_sent.0);
    assert_eq!(send(&mut outbox, start + secs(11)), Some(1));
}

#[test]
fn a_frame_that_was_half_sent_at_a_recovery_is_sent_again_too() {
    let (mut outbox, start) = outbox(Policy::All, 1, 60);
    outbox.accept(key(0));
    let (half_sent, _) = outbox.take_turn(start).unwrap();
    let recovery = start + secs(1);
    outbox.sent(half_sent, start + secs(2), 0);
    assert_eq!(outbox.send_all_again(recovery), 1);
    assert_eq!(send(&mut outbox, start + secs(2)), Some(0));
    assert_eq!(outbox.send_all_again(recovery), 0);
}

#[test]
fn a_later_session_waits_until_the_earlier_one_is_settled() {
    let (mut outbox, start) = outbox(Policy::All, 3, 10);
    outbox.accept(key_of(1, 7));
    outbox.accept(key_of(1, 9));
    outbox.accept(key_of(2, 0));
    assert_eq!(send(&mut outbox, start), Some(7));
    assert_eq!(send(&mut outbox, start), Some(9));
    assert_eq!(send(&mut outbox, start), None);
    outbox.receipt(key_of(1, 7), start);
    outbox.forget(key_of(1, 9));
    assert_eq!(send(&mut outbox, start), Some(0));
    assert_eq!(outbox.oldest(key_of(2, 0).session), Some(0));
}

/// A worker of one thread that takes `work` for each copy of each frame, and one copy after the other. Returns the
/// longest queue in front of it, and how many copies it was sent for 400 frames.
fn simulate(credit: u32, timeout_s: u64, work: impl Fn(u64) -> Duration) -> (usize, u64) {
    let (mut outbox, start) = outbox(Policy::All, credit, timeout_s);
    let (mut now, mut idle_at) = (start, start);
    let mut queue: VecDeque<(u64, Instant)> = VecDeque::new();
    let (mut seq, mut longest, mut copies) = (0, 0, 0);
    while seq < 400 {
        while outbox.has_place() {
            outbox.accept(key(seq));
            seq += 1;
        }
        while let Some(sent) = send(&mut outbox, now) {
            copies += 1;
            // What is still in hand is dropped, as a worker does.
            if !queue.iter().any(|&(in_hand, _)| in_hand == sent) {
                idle_at = idle_at.max(now) + work(sent);
                queue.push_back((sent, idle_at));
            }
            longest = longest.max(queue.len());
        }
        let done = queue.front().map_or(idle_at, |&(_, at)| at);
        now = outbox
            .next_deadline()
            .map_or(done, |deadline| deadline.min(done));
        while queue.front().is_some_and(|&(_, at)| at <= now) {
            let (seq, at) = queue.pop_front().unwrap();
            outbox.receipt(key(seq), at);
        }
        outbox.expire(now);
    }
    (longest, copies)
}

#[test]
fn a_slow_worker_is_never_overrun() {
    assert_eq!(simulate(2, 120, |_| secs(9)), (2, 400));
    // A neighbour takes half of the machine for a while.
    let shared = |seq| secs(if seq / 20 % 2 == 0 { 6 } else { 12 });
    assert_eq!(simulate(2, 120, shared), (2, 400));
    // Slower than the configured timeout from the first frame on: waits double until one is long enough.
    let (longest, copies) = simulate(2, 10, |_| secs(40));
    assert!(
        longest <= 2 && copies < 410,
        "{longest} in hand, {copies} copies"
    );
}

/// The slowest possible outbox: every frame ever taken in, looked through each time.
#[derive(Default)]
struct Naive(Vec<(FrameKey, Fate)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Waiting,
    OnTheWay(Instant),
    GivenUp,
    Late,
    Settled,
}

impl Naive {
    fn count(&self, is: impl Fn(Fate) -> bool) -> usize {
        self.0.iter().filter(|(_, fate)| is(*fate)).count()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Accept,
    Send,
    Receipt(u64),
    Wait(u64),
    Recover,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Accept),
        4 => Just(Step::Send),
        3 => (0_u64..12).prop_map(Step::Receipt),
        2 => (0_u64..20_000).prop_map(Step::Wait),
        1 => Just(Step::Recover),
    ];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    /// No frame is ever forgotten, sent out of turn or counted twice.
    #[test]
    fn agrees_with_the_naive_model(
        latest in any::<bool>(),
        credit in 1_u32..5,
        timeout_s in 1_u64..30,
        steps in steps(),
    ) {
        let policy = if latest { Policy::Latest } else { Policy::All };
        let (mut outbox, mut now) = outbox(policy, credit, timeout_s);
        let mut naive = Naive::default();
        let mut first_deadlines = HashMap::new();
        for step in steps {
            match step {
                Step::Accept => {
                    let key = key(naive.0.len() as u64);
                    outbox.accept(key);
                    naive.0.push((key, Fate::Waiting));
                }
                Step::Send => {
                    let free = naive.count(|fate| matches!(fate, Fate::OnTheWay(_))) < credit as usize;
                    let expected = naive.0.iter_mut().find(|(_, fate)| *fate == Fate::Waiting && free);
                    let next = outbox.take_turn(now).map(|(key, _)| key);
                    prop_assert_eq!(next, expected.as_ref().map(|(key, _)| *key));
                    if let Some((key, fate)) = expected {
                        outbox.sent(*key, now, 0);
                        let deadline = now + outbox.round_trip.timeout();
                        let first = *first_deadlines.entry(key.seq).or_insert(deadline);
                        *fate = Fate::OnTheWay(if latest { first } else { deadline });
                    }
                }
                // Counted from the newest frame, so that most receipts mean something.
                Step::Receipt(back) => {
                    let seq = (naive.0.len() as u64).wrapping_sub(back);
                    let settled = outbox.receipt(key(seq), now);
                    let known = naive.0.iter_mut().find(|(known, _)| known.seq == seq);
                    match known.map(|(_, fate)| (*fate, fate)) {
                        Some((Fate::Waiting | Fate::OnTheWay(_), fate)) => {
                            let is_confirmed = matches!(settled, Settled::Confirmed { .. });
                            prop_assert!(is_confirmed, "{settled:?}");
                            *fate = Fate::Settled;
                        }
                        Some((Fate::GivenUp, fate)) => {
                            prop_assert_eq!(settled, Settled::Late);
                            *fate = Fate::Late;
                        }
                        Some((Fate::Settled | Fate::Late, _)) | None => {
                            prop_assert_eq!(settled, Settled::Unknown);
                        }
                    }
                }
                Step::Wait(ms) => {
                    now += Duration::from_millis(ms);
                    let mut expected = Vec::new();
                    for (key, fate) in &mut naive.0 {
                        let deadline = match fate {
                            Fate::OnTheWay(deadline) => Some(*deadline),
                            Fate::Waiting if latest => first_deadlines.get(&key.seq).copied(),
                            _ => None,
                        };
                        if deadline.is_some_and(|deadline| deadline <= now) {
                            *fate = if latest { Fate::GivenUp } else { Fate::Waiting };
                            expected.push(*key);
                        }
                    }
                    prop_assert_eq!(outbox.expire(now), expected);
                }
                Step::Recover => {
                    let on_the_way = naive.count(|fate| matches!(fate, Fate::OnTheWay(_)));
                    prop_assert_eq!(outbox.send_all_again(now), on_the_way);
                    for (_, fate) in &mut naive.0 {
                        if matches!(fate, Fate::OnTheWay(_)) {
                            *fate = Fate::Waiting;
                        }
                    }
                }
            }
            let open = |fate| matches!(fate, Fate::Waiting | Fate::OnTheWay(_));
            prop_assert_eq!(outbox.len(), naive.count(open));
            prop_assert_eq!(outbox.has_place(), naive.count(open) < credit as usize);
            let late = naive.count(|fate| fate == Fate::Late) as u64;
            prop_assert_eq!(outbox.late(), late);
            prop_assert_eq!(outbox.given_up(), naive.count(|fate| fate == Fate::GivenUp) as u64 + late);
            let oldest = naive.0.iter().find(|(_, fate)| open(*fate)).map(|(key, _)| key.seq);
            prop_assert_eq!(outbox.oldest(key(0).session), oldest);
        }
    }
}
