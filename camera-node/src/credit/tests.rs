use proptest::prelude::*;

use super::*;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn credit(limit: u32, initial_s: u64) -> (Credit, Instant) {
    (
        Credit::new(NonZeroU32::new(limit).unwrap(), secs(initial_s)),
        Instant::now(),
    )
}

fn seqs(expired: &[Expired]) -> Vec<u64> {
    expired.iter().map(|expired| expired.seq).collect()
}

#[test]
fn a_receipt_gives_its_place_free() {
    let (mut credit, start) = credit(2, 120);
    assert!(credit.available());
    credit.sent(0, start);
    credit.sent(1, start + secs(1));
    assert!(!credit.available());
    let settled = credit.receipt(1, start + secs(7));
    assert_eq!(settled, Settled::Confirmed { elapsed: secs(6) });
    assert!(credit.available());
    assert_eq!(credit.receipt(1, start + secs(8)), Settled::Unknown);
    assert_eq!(credit.receipt(9, start + secs(8)), Settled::Unknown);
    assert_eq!(credit.on_the_way(), 1);
}

#[test]
fn a_dead_worker_does_not_stop_the_stream() {
    let (mut credit, start) = credit(1, 10);
    credit.sent(0, start);
    credit.receipt(0, start + secs(4));
    credit.sent(1, start + secs(4));
    // SRTT = 4, RTTVAR = 2: 4 + 4 * 2 = 12 seconds.
    assert_eq!(credit.next_deadline(), Some(start + secs(16)));
    assert_eq!(credit.expire(start + secs(15)), []);
    assert!(!credit.available());
    let expired = credit.expire(start + secs(16));
    assert_eq!(
        expired,
        [Expired {
            seq: 1,
            waited: secs(12)
        }]
    );
    assert!(credit.available());
    assert_eq!((credit.unconfirmed(), credit.next_deadline()), (1, None));
}

#[test]
fn a_breakdown_frees_every_place_and_the_next_frames_wait_no_longer() {
    let (mut credit, start) = credit(3, 10);
    credit.sent(0, start);
    credit.receipt(0, start + secs(2));
    for seq in 1..=3 {
        credit.sent(seq, start + secs(3 + seq));
    }
    assert_eq!(seqs(&credit.expire(start + secs(60))), [1, 2, 3]);
    credit.sent(4, start + secs(60));
    assert_eq!(credit.next_deadline(), Some(start + secs(70)));
}

#[test]
fn a_late_receipt_teaches_the_timeout() {
    let (mut credit, start) = credit(1, 10);
    credit.sent(0, start);
    assert_eq!(seqs(&credit.expire(start + secs(10))), [0]);
    credit.sent(1, start + secs(10));
    assert_eq!(
        credit.receipt(0, start + secs(20)),
        Settled::Late { elapsed: secs(20) }
    );
    assert_eq!(credit.unconfirmed(), 0);
    credit.receipt(1, start + secs(20));
    // SRTT = 20 and 18.75, RTTVAR = 10: the next wait is far above the 10 seconds of the start.
    credit.sent(2, start + secs(20));
    assert_eq!(
        credit.next_deadline(),
        Some(start + secs(20) + Duration::from_millis(58_750))
    );
}

/// A worker of one thread that takes `work` for each frame, and one frame after the other.
/// Returns the longest queue in front of it and the frames that were given up.
fn simulate(limit: u32, initial_s: u64, work: impl Fn(u64) -> Duration) -> (usize, u64) {
    let (mut credit, start) = credit(limit, initial_s);
    let (mut now, mut idle_at) = (start, start);
    let mut finished: VecDeque<(u64, Instant)> = VecDeque::new();
    let (mut seq, mut longest) = (0, 0);
    while seq < 400 {
        while credit.available() {
            idle_at = idle_at.max(now) + work(seq);
            finished.push_back((seq, idle_at));
            credit.sent(seq, now);
            seq += 1;
            longest = longest.max(finished.len());
        }
        let done = finished.front().map_or(idle_at, |&(_, at)| at);
        now = credit
            .next_deadline()
            .map_or(done, |deadline| deadline.min(done));
        while finished.front().is_some_and(|&(_, at)| at <= now) {
            let (seq, at) = finished.pop_front().unwrap();
            credit.receipt(seq, at);
        }
        credit.expire(now);
    }
    (longest, credit.unconfirmed())
}

#[test]
fn a_slow_worker_is_never_overrun() {
    assert_eq!(simulate(2, 120, |_| secs(9)), (2, 0));
    // A neighbour takes half of the machine for a while.
    assert_eq!(
        simulate(2, 120, |seq| secs(if seq / 20 % 2 == 0 { 6 } else { 12 })),
        (2, 0)
    );
    // Slower than the configured timeout from the first frame on: learnt from the late receipts.
    let (longest, unconfirmed) = simulate(2, 10, |_| secs(40));
    assert!(
        longest <= 10 && unconfirmed == 0,
        "{longest} waiting, {unconfirmed} given up"
    );
}

/// The slowest possible credit: keeps every frame ever sent and looks through all of them.
#[derive(Default)]
struct Naive {
    frames: Vec<(u64, Instant, Instant, State)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    OnTheWay,
    Expired,
    Settled,
}

impl Naive {
    fn count(&self, state: State) -> usize {
        self.frames.iter().filter(|frame| frame.3 == state).count()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Send,
    Receipt(u64),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Send),
        3 => (0_u64..12).prop_map(Step::Receipt),
        2 => (0_u64..20_000).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn agrees_with_the_naive_model(limit in 1_u32..5, initial_s in 1_u64..30, steps in steps()) {
        let (mut credit, mut now) = credit(limit, initial_s);
        let mut naive = Naive::default();
        for step in steps {
            match step {
                Step::Send if credit.available() => {
                    let seq = naive.frames.len() as u64;
                    let deadline = now + credit.round_trip.timeout();
                    credit.sent(seq, now);
                    naive.frames.push((seq, now, deadline, State::OnTheWay));
                }
                Step::Send => prop_assert_eq!(naive.count(State::OnTheWay), limit as usize),
                // Counted from the newest frame, so that most receipts mean something.
                Step::Receipt(back) => {
                    let seq = (naive.frames.len() as u64).wrapping_sub(back);
                    let settled = credit.receipt(seq, now);
                    let frame = naive.frames.iter_mut().find(|frame| frame.0 == seq);
                    let expected = match frame {
                        Some(frame) => {
                            let elapsed = now - frame.1;
                            match std::mem::replace(&mut frame.3, State::Settled) {
                                State::OnTheWay => Settled::Confirmed { elapsed },
                                State::Expired => Settled::Late { elapsed },
                                State::Settled => Settled::Unknown,
                            }
                        }
                        None => Settled::Unknown,
                    };
                    prop_assert_eq!(settled, expected);
                }
                Step::Wait(ms) => {
                    now += Duration::from_millis(ms);
                    let mut expected = Vec::new();
                    for (seq, at, deadline, state) in &mut naive.frames {
                        if *state == State::OnTheWay && *deadline <= now {
                            *state = State::Expired;
                            expected.push(Expired { seq: *seq, waited: now - *at });
                        }
                    }
                    prop_assert_eq!(credit.expire(now), expected);
                }
            }
            prop_assert!(credit.on_the_way() <= limit as usize);
            prop_assert_eq!(credit.on_the_way(), naive.count(State::OnTheWay));
            prop_assert_eq!(credit.unconfirmed(), naive.count(State::Expired) as u64);
            let on_the_way = naive.frames.iter().filter(|frame| frame.3 == State::OnTheWay);
            prop_assert_eq!(credit.next_deadline(), on_the_way.map(|frame| frame.2).min());
        }
    }
}
