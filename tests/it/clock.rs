//! Stamps against plain integers, and clocks against what they promise.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use brigade::clock::{Clock, ManualClock, MonotonicClock, Stamp};
use proptest::prelude::*;

use crate::watchdog::within;

/// Any number, and those near both ends more often than by chance.
fn nanos() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0..10_u64, u64::MAX - 10..=u64::MAX]
}

fn durations() -> impl Strategy<Value = Duration> {
    prop_oneof![
        nanos().prop_map(Duration::from_nanos),
        (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(s, n)| Duration::new(s, n)),
        Just(Duration::MAX),
    ]
}

proptest! {
    #[test]
    fn arithmetic_is_that_of_integers_and_stops_at_both_ends(a in nanos(), b in nanos(), by in durations()) {
        let most = u128::from(Stamp::MAX.as_nanos());
        let stamp = Stamp::from_nanos(a);
        let number = u128::from(a).min(most);
        prop_assert_eq!(u128::from(stamp.as_nanos()), number);
        prop_assert_eq!(u128::from((stamp + by).as_nanos()), (number + by.as_nanos()).min(most));
        prop_assert_eq!(u128::from((stamp - by).as_nanos()), number.saturating_sub(by.as_nanos()));
        let other = Stamp::from_nanos(b);
        let between = number.saturating_sub(u128::from(b).min(most));
        prop_assert_eq!((stamp - other).as_nanos(), between);
        prop_assert_eq!(stamp < other, number < u128::from(b).min(most));
    }

    #[test]
    fn a_manual_clock_goes_where_it_is_sent(steps in prop::collection::vec((any::<bool>(), nanos()), 0..20)) {
        let clock = ManualClock::default();
        let (hand, reader): (_, Arc<dyn Clock>) = (clock.clone(), Arc::new(clock));
        let mut expected = Stamp::ZERO;
        for (forward, nanos) in steps {
            if forward {
                hand.advance(Duration::from_nanos(nanos));
                expected = expected + Duration::from_nanos(nanos);
            } else {
                hand.set(Stamp::from_nanos(nanos));
                expected = Stamp::from_nanos(nanos);
            }
            prop_assert_eq!(reader.now(), expected);
        }
    }
}

#[test]
fn a_wall_clock_before_the_epoch_or_beyond_the_last_stamp_has_a_stamp() {
    assert_eq!(Stamp::from(UNIX_EPOCH), Stamp::ZERO);
    assert_eq!(Stamp::from(UNIX_EPOCH - Duration::from_secs(1)), Stamp::ZERO);
    assert_eq!(Stamp::from(UNIX_EPOCH + Duration::from_nanos(42)), Stamp::from_nanos(42));
    let year_2600 = Duration::from_secs(630 * 366 * 86_400);
    assert_eq!(Stamp::from(UNIX_EPOCH + year_2600), Stamp::MAX);
    assert_eq!(Stamp::from_nanos(1_782_604_800_000_000_042).to_string(), "1782604800.000000042");
}

#[test]
fn a_monotonic_clock_starts_where_it_is_anchored_and_ends_at_the_last_stamp() {
    let before = Stamp::from(SystemTime::now());
    // The wall clock may be set in between, but not by an hour.
    assert!(MonotonicClock::new().now() >= before - Duration::from_secs(3_600));
    let anchor = Stamp::from_nanos(1_000);
    let clock = MonotonicClock::anchored_at(anchor);
    assert!(clock.now() >= anchor);
    assert_eq!(MonotonicClock::anchored_at(Stamp::MAX).now(), Stamp::MAX);
}

/// What one thread has read and told is never ahead of what another reads afterwards.
#[test]
fn a_monotonic_clock_never_goes_back_between_threads() {
    within("a monotonic clock never goes back between threads", || {
        let clock = MonotonicClock::new();
        let told = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let earlier = told.load(Ordering::Acquire);
                        let now = clock.now().as_nanos();
                        assert!(now >= earlier, "{now} after {earlier}");
                        told.fetch_max(now, Ordering::AcqRel);
                    }
                });
            }
        });
    });
}
