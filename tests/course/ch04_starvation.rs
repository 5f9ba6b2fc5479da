use crate::ch04_starvation::scene::{Recorder, Seen as _};
use crate::ch04_starvation::{Options, Outcome, broken, fixed};
use crate::played;

fn play(flags: &'static str, run: fn(&Options, &Recorder) -> Outcome) -> Outcome {
    played("ch04_starvation", flags, move |options| run(&options, &Recorder::off()))
}

fn eaten(outcome: &Outcome) -> u32 {
    outcome.meals.iter().map(|meal| meal.eaten).sum()
}

#[test]
fn a_fair_lock_gives_everybody_a_share() {
    let outcome = play("--philosophers 40 --pieces 1010", fixed);
    assert_eq!(eaten(&outcome), 1010);
    assert_eq!(outcome.longest_wait(), 39, "{outcome}");
    let more = outcome.meals.iter().filter(|meal| meal.eaten == 26).count();
    let less = outcome.meals.iter().filter(|meal| meal.eaten == 25).count();
    assert_eq!((more, less), (10, 30), "nobody is passed in the line: {outcome}");
    assert!(outcome.verdict().is_ok(), "{outcome}");
}

#[test]
fn pieces_that_do_not_suffice_for_everybody_are_shared_fairly_too() {
    let mut outcome = play("--philosophers 3 --pieces 10", fixed);
    for (meal, eaten) in outcome.meals.iter_mut().zip([1, 1, 0]) {
        meal.eaten = eaten;
    }
    assert!(outcome.verdict().is_ok(), "two pieces for three: {outcome}");
    outcome.meals[0].eaten = 2;
    assert!(outcome.verdict().is_err(), "one took two: {outcome}");
}

#[test]
fn an_unfair_lock_gives_all_pieces_to_a_few() {
    for (flags, runs) in [
        ("--philosophers 40 --pieces 1000", [334, 334, 332].as_slice()),
        ("--philosophers 15 --pieces 200", &[200]),
        ("--philosophers 2 --pieces 1", &[1]),
    ] {
        let outcome = play(flags, broken);
        let mut eaten: Vec<u32> = outcome.meals.iter().map(|meal| meal.eaten).collect();
        eaten.sort_unstable_by(|one, other| other.cmp(one));
        let (fed, hungry) = eaten.split_at(runs.len());
        assert_eq!(fed, runs, "{flags}: {outcome}");
        assert!(!hungry.is_empty() && hungry.iter().all(|eaten| *eaten == 0), "{flags}: {outcome}");
        assert_eq!(
            outcome.longest_wait(),
            runs.iter().sum::<u32>(),
            "who got nothing waited for all"
        );
        assert!(outcome.verdict().is_ok(), "{flags}: {outcome}");
    }
}

#[test]
fn the_figures_are_those_of_the_paper() {
    let outcome = |eaten: &[u32]| {
        let mut outcome = play("--philosophers 2 --pieces 10", fixed);
        let meal = outcome.meals[0];
        outcome.meals =
            eaten.iter().map(|&eaten| crate::ch04_starvation::Meal { eaten, ..meal }).collect();
        outcome
    };
    assert!((outcome(&[5, 5]).jain() - 1.0).abs() < 1e-9);
    assert!((outcome(&[10, 0]).jain() - 0.5).abs() < 1e-9);
    assert!((outcome(&[3, 1]).jain() - 0.8).abs() < 1e-9);
    let counts = outcome(&[0, 1, 3, 4, 8, 9, 31, 32, 112]).histogram().map(|(_, count)| count);
    // The share is 200 / 9 = 22.2.
    assert_eq!(counts, [1, 5, 2, 1, 0]);
    let verdict = outcome(&[10, 0]).verdict();
    assert!(verdict.is_err(), "an unequal meal is not what a fair lock is shown for: {verdict:?}");
}
