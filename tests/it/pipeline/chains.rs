//! Chains against the same chain of iterators.

use crate::watchdog::{step, within};
use brigade::pipeline::{Batch, Par, Pipeline};
use proptest::prelude::*;
use std::time::Duration;

/// How a pipeline is set up, none of which may show in what comes out.
#[derive(Debug, Clone, Copy)]
struct Set {
    capacity: usize,
    batch: Batch,
    par: [Par; 4],
    statistics: bool,
}

fn par() -> impl Strategy<Value = Par> {
    prop_oneof![Just(Par::Serial), Just(Par::Cores), (1..5_usize).prop_map(Par::Workers)]
}

fn set() -> impl Strategy<Value = Set> {
    let capacity = prop_oneof![1..8_usize, Just(64_usize), Just(256)];
    let batch =
        prop_oneof![Just(Batch::Auto), Just(Batch::One), (1..80_usize).prop_map(Batch::UpTo)];
    (capacity, batch, [par(), par(), par(), par()], any::<bool>())
        .prop_map(|(capacity, batch, par, statistics)| Set { capacity, batch, par, statistics })
}

fn keep(modulus: u64) -> impl Fn(u64) -> Option<u64> + Copy {
    move |x| (x % modulus != 0).then_some(x)
}

/// As many copies as `x` says, sometimes far more than a batch.
fn copies(x: u64) -> impl Iterator<Item = u64> + Send {
    let count = if x.is_multiple_of(23) { 300 } else { x % 4 };
    (0..count).map(move |copy| x * 1000 + copy)
}

/// Every kind of stage in one chain.
fn piped(set: Set, items: Vec<u64>, modulus: u64, size: usize) -> Vec<(usize, Vec<u64>)> {
    let mut count = 0;
    let chain = Pipeline::new(items)
        .capacity(set.capacity)
        .batch(set.batch)
        .statistics(set.statistics)
        .map("add", set.par[0], |x| x.wrapping_add(7))
        .filter_map("keep", set.par[1], keep(modulus))
        .flat_map("copies", set.par[2], copies)
        .map_init("halve", set.par[3], Vec::new, |seen, x| {
            seen.push(x);
            x / 2
        })
        .inspect(|_| {})
        .chunks(size, None)
        .serial("number", move |chunk| {
            count += 1;
            (count, chunk)
        })
        .fuse()
        .collect();
    chain.expect("nothing fails").0
}

fn looped(items: Vec<u64>, modulus: u64, size: usize) -> Vec<(usize, Vec<u64>)> {
    let flat: Vec<u64> = items
        .into_iter()
        .map(|x| x.wrapping_add(7))
        .filter_map(keep(modulus))
        .flat_map(copies)
        .map(|x| x / 2)
        .collect();
    flat.chunks(size).map(<[u64]>::to_vec).enumerate().map(|(at, c)| (at + 1, c)).collect()
}

/// One stage, to be put behind others at run time.
#[derive(Debug, Clone, Copy)]
enum Link {
    Map(Par, u64),
    Keep(Par, u64),
    Copies(Par),
    Sum,
    Chunks(usize),
}

fn link() -> impl Strategy<Value = Link> {
    prop_oneof![
        (par(), 0..9_u64).prop_map(|(par, add)| Link::Map(par, add)),
        (par(), 1..5_u64).prop_map(|(par, modulus)| Link::Keep(par, modulus)),
        par().prop_map(Link::Copies),
        Just(Link::Sum),
        (1..6_usize).prop_map(Link::Chunks),
    ]
}

type Numbers = Box<dyn Iterator<Item = u64> + Send>;

/// A pipeline behind a pipeline, each running by itself.
fn spawned(items: Numbers, link: Link) -> Numbers {
    let start = Pipeline::new(items).capacity(3);
    match link {
        Link::Map(par, add) => Box::new(start.map("map", par, move |x| x + add).spawn().unwrap()),
        Link::Keep(par, modulus) => {
            Box::new(start.filter_map("keep", par, keep(modulus)).spawn().unwrap())
        }
        Link::Copies(par) => {
            Box::new(start.flat_map("copies", par, |x| copies(x % 9)).spawn().unwrap())
        }
        Link::Sum => {
            let mut sum = 0_u64;
            let sums = start.serial("sum", move |x| {
                sum = sum.wrapping_add(x) % 1_000_003;
                sum
            });
            Box::new(sums.spawn().unwrap())
        }
        Link::Chunks(size) => {
            let chunks = start.chunks(size, Duration::from_secs(3600));
            Box::new(chunks.map("last", Par::Serial, |c| c[c.len() - 1]).spawn().unwrap())
        }
    }
}

fn iterated(items: Vec<u64>, link: Link) -> Vec<u64> {
    let items = items.into_iter();
    match link {
        Link::Map(_, add) => items.map(|x| x + add).collect(),
        Link::Keep(_, modulus) => items.filter_map(keep(modulus)).collect(),
        Link::Copies(_) => items.flat_map(|x| copies(x % 9)).collect(),
        Link::Sum => {
            let add = |sum: &mut u64, x| {
                *sum = sum.wrapping_add(x) % 1_000_003;
                Some(*sum)
            };
            items.scan(0, add).collect()
        }
        Link::Chunks(size) => {
            items.collect::<Vec<_>>().chunks(size).map(|c| c[c.len() - 1]).collect()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_chain_does_what_iterators_do(
        set in set(),
        items in prop::collection::vec(0..10_000_u64, 0..300),
        modulus in 1..5_u64,
        size in 1..50_usize,
    ) {
        let expected = looped(items.clone(), modulus, size);
        let came = within("a chain", move || {
            step(format!("{set:?}"));
            piped(set, items, modulus, size)
        });
        prop_assert_eq!(came, expected);
    }

    #[test]
    fn chains_of_any_length_do_what_iterators_do(
        links in prop::collection::vec(link(), 0..6),
        items in prop::collection::vec(0..50_u64, 0..40),
    ) {
        // Copies of copies of copies would be millions: such a chain ends before.
        let (mut links, mut expected) = (links, items.clone());
        for at in 0..links.len() {
            let next = iterated(expected.clone(), links[at]);
            if next.len() > 1000 {
                links.truncate(at);
                break;
            }
            expected = next;
        }
        let came = within("a chain of pipelines", move || {
            step(format!("{links:?}"));
            let items: Numbers = Box::new(items.into_iter());
            links.iter().fold(items, |items, link| spawned(items, *link)).collect::<Vec<_>>()
        });
        prop_assert_eq!(came, expected);
    }

    #[test]
    fn without_order_nothing_is_lost_or_made(
        set in set(),
        items in prop::collection::vec(0..10_000_u64, 0..300),
    ) {
        let mut expected: Vec<u64> = items.iter().copied().filter_map(keep(3)).flat_map(copies).collect();
        let mut came = within("an unordered chain", move || {
            let chain = Pipeline::new(items)
                .capacity(set.capacity)
                .batch(set.batch)
                .unordered()
                .filter_map("keep", set.par[0], keep(3))
                .flat_map("copies", set.par[1], copies);
            chain.collect::<Vec<_>>().expect("nothing fails").0
        });
        came.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(came, expected);
    }
}

#[test]
fn more_threads_than_cores_and_many_items() {
    within("many", || {
        let (sums, report) = Pipeline::new(0..100_000_u64)
            .map("a", Par::Workers(5), |x| x + 1)
            .map("b", Par::Workers(3), |x| x * 2)
            .filter_map("c", Par::Workers(4), |x| (x % 3 != 0).then_some(x))
            .collect::<Vec<_>>()
            .expect("nothing fails");
        let expected = (0..100_000_u64).map(|x| (x + 1) * 2).filter(|x| x % 3 != 0);
        assert!(sums.into_iter().eq(expected));
        assert_eq!(report.stage("c").map(|stage| stage.taken), Some(100_000));
    });
}

#[test]
fn a_source_of_nothing_is_a_pipeline_of_nothing() {
    within("nothing", || {
        let none = Pipeline::new(std::iter::empty::<u8>()).map("m", Par::Workers(3), |x| x);
        let (came, report) = none.chunks(4, None).collect::<Vec<_>>().expect("nothing fails");
        assert!(came.is_empty());
        assert_eq!(report.items, 0);
    });
}

#[test]
fn types_may_change_and_borrow() {
    within("borrow", || {
        let text = String::from("one two three");
        let lengths = [3, 3, 5];
        let (checked, _) = Pipeline::new(text.split(' '))
            .map("letters", Par::Workers(2), |word: &str| (word, word.len()))
            .serial("check", {
                let mut lengths = lengths.iter();
                move |(word, length)| (word, lengths.next() == Some(&length))
            })
            .collect::<Vec<_>>()
            .expect("nothing fails");
        assert_eq!(checked, [("one", true), ("two", true), ("three", true)]);
    });
}
