//! The watch that ends the broken runs: it must find every thread that can never go on, and must
//! never be wrong about one that can.

use std::thread;

use crate::scene::Recorder;
use crate::scene::watch::{CalledOff, Lost, Stuck, Watch, Watched};
use crate::watchdog::within;
use brigade::timeline::{Ending, Kind};

/// A run with nothing recorded.
fn watched(cast: &[&'static str], play: impl FnOnce(&Watch<'_>)) -> Option<Stuck> {
    let recorder = Recorder::off();
    let watch = Watch::new(&recorder, cast.iter().copied());
    play(&watch);
    watch.into_stuck()
}

fn lost(
    name: &str,
    holds: &[&'static str],
    waits_for: Option<&'static str>,
    held_by: Option<&str>,
) -> Lost {
    Lost { name: name.into(), holds: holds.into(), waits_for, held_by: held_by.map(Into::into) }
}

#[test]
fn a_circle_is_found_and_everybody_gets_away() {
    within("a circle", || {
        let stuck = watched(&["ada", "ben", "cy"], |watch| {
            let locks = [Watched::new("a", ()), Watched::new("b", ()), Watched::new("c", ())];
            let meet = brigade::barrier::Barrier::new(3);
            let ends = thread::scope(|threads| {
                let spawned: Vec<_> = watch
                    .members()
                    .into_iter()
                    .map(|me| {
                        let (locks, meet) = (&locks, &meet);
                        threads.spawn(move || {
                            let _first = me.lock(&locks[me.index()])?;
                            assert!(meet.wait().is_ok());
                            let _second = me.lock(&locks[(me.index() + 1) % 3])?;
                            Ok::<_, CalledOff>(())
                        })
                    })
                    .collect();
                spawned
                    .into_iter()
                    .map(|thread| thread.join().expect("no panic"))
                    .collect::<Vec<_>>()
            });
            assert_eq!(ends, [Err(CalledOff); 3]);
        });
        let stuck = stuck.expect("a circle");
        assert_eq!(
            stuck.lost,
            [
                lost("ada", &["a"], Some("b"), Some("ben")),
                lost("ben", &["b"], Some("c"), Some("cy")),
                lost("cy", &["c"], Some("a"), Some("ada")),
            ]
        );
        assert_eq!(stuck.circle(), Some(vec!["ada", "ben", "cy"]));
        assert!(stuck.to_string().contains("ada -> ben -> cy -> ada"), "{stuck}");
    });
}

#[test]
fn a_thread_that_waits_for_itself_is_a_circle_of_one() {
    within("a circle of one", || {
        let stuck = watched(&["ada"], |watch| {
            let lock = Watched::new("a", ());
            for me in watch.members() {
                let _first = me.lock(&lock).expect("it is free");
                assert_eq!(me.lock(&lock).err(), Some(CalledOff));
            }
        });
        let stuck = stuck.expect("a circle");
        assert_eq!(stuck.circle(), Some(vec!["ada"]));
        assert!(stuck.to_string().contains("waits for a, which it holds itself"), "{stuck}");
    });
}

#[test]
fn what_is_taken_along_is_missed() {
    within("a leaked guard", || {
        let stuck = watched(&["ada", "ben"], |watch| {
            let lock = Watched::new("a", ());
            let mut members = watch.members().into_iter();
            let (ada, ben) = (members.next().expect("ada"), members.next().expect("ben"));
            std::mem::forget(ada.lock(&lock));
            thread::scope(|threads| {
                let lock = &lock;
                let waiting = threads.spawn(move || ben.lock(lock).is_err());
                drop(ada);
                assert!(waiting.join().expect("no panic"));
            });
        });
        let stuck = stuck.expect("ben waits for ever");
        let expected = [lost("ada", &["a"], None, None), lost("ben", &[], Some("a"), Some("ada"))];
        assert_eq!(stuck.lost, expected);
        assert_eq!(stuck.circle(), None);
    });
}

#[test]
fn a_signal_that_nobody_can_give_is_missed_and_one_that_somebody_can_is_not() {
    within("a signal", || {
        for gives in [false, true] {
            let stuck = watched(&["ada", "ben"], |watch| {
                let (lock, signal) = (Watched::new("a", 0), watch.signal("more"));
                let mut members = watch.members().into_iter();
                let (ada, ben) = (members.next().expect("ada"), members.next().expect("ben"));
                thread::scope(|threads| {
                    let waiting = threads.spawn(|| {
                        let ada = ada;
                        let mut value = ada.lock(&lock)?;
                        while *value == 0 {
                            signal.wait(&mut value)?;
                        }
                        Ok::<_, CalledOff>(*value)
                    });
                    if gives {
                        *ben.lock(&lock).expect("somebody moves") = 7;
                        signal.notify_one();
                    }
                    drop(ben);
                    let expected = if gives { Ok(7) } else { Err(CalledOff) };
                    assert_eq!(waiting.join().expect("no panic"), expected);
                });
            });
            let expected = [lost("ada", &[], Some("more"), None)];
            assert_eq!(stuck.map(|stuck| stuck.lost), (!gives).then(|| expected.into()));
        }
    });
}

#[test]
fn who_can_go_on_is_never_called_off() {
    const ROUNDS: u32 = 300;
    within("no false alarm", || {
        let cast = ["a", "b", "c", "d", "e", "f"];
        let stuck = watched(&cast, |watch| {
            let (turn, total) = (Watched::new("turn", 0), Watched::new("total", 0));
            let moved_on = watch.signal("the next turn");
            thread::scope(|threads| {
                for me in watch.members() {
                    let (turn, total, moved_on) = (&turn, &total, &moved_on);
                    threads.spawn(move || {
                        for _ in 0..ROUNDS {
                            let mut turn = me.lock(turn)?;
                            while *turn % cast.len() != me.index() {
                                moved_on.wait(&mut turn)?;
                            }
                            *me.lock(total)? += 1;
                            *turn += 1;
                            moved_on.notify_all();
                        }
                        Ok::<_, CalledOff>(())
                    });
                }
            });
            assert_eq!(total.into_inner(), ROUNDS * 6);
        });
        assert_eq!(stuck, None);
    });
}

#[test]
fn holds_of_one_lock_are_drawn_one_after_the_other_also_across_a_signal() {
    within("holds", || {
        let recorder = Recorder::new().expect("a thread for the sink");
        let watch = Watch::new(&recorder, ["ada", "ben"]);
        let (lock, signal) = (Watched::new("lock", 0), watch.signal("turn"));
        thread::scope(|threads| {
            for me in watch.members() {
                let (lock, signal) = (&lock, &signal);
                threads.spawn(move || -> Result<(), CalledOff> {
                    for turn in 0..20 {
                        let mut held = me.lock(lock)?;
                        while *held % 2 != me.index() {
                            signal.wait(&mut held)?;
                        }
                        assert_eq!(*held / 2, turn);
                        *held += 1;
                        signal.notify_one();
                    }
                    Ok(())
                });
            }
        });
        assert_eq!(watch.into_stuck(), None);
        assert_eq!(lock.into_inner(), 40);
        let timeline = recorder.finish();
        assert_eq!(timeline.peak(Kind::Hold, "lock"), 1, "{timeline}");
        assert!(timeline.spans().iter().all(|span| span.ending == Ending::Closed));
    });
}
