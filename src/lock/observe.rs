//! Learning an order from a program that runs: which rank was taken while which was held.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::table::Table;

type Place = &'static Location<'static>;
/// From the lower rank to the higher one.
type Edge = (usize, usize);
/// Where the lower one was taken, if that is known, and where the higher one was.
type Places = (Option<Place>, Place);

static OBSERVERS: AtomicUsize = AtomicUsize::new(0);
static SEEN: Mutex<BTreeMap<usize, Nesting>> = Mutex::new(BTreeMap::new());

#[derive(Debug, Clone)]
struct Nesting {
    table: &'static Table,
    edges: BTreeMap<Edge, Places>,
}

/// Asked only by threads that hold a rank already.
#[inline]
pub(super) fn is_on() -> bool {
    OBSERVERS.load(Ordering::Relaxed) != 0
}

pub(super) fn note(table: &'static Table, low: (usize, Option<Place>), high: (usize, Place)) {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let nesting = seen.entry(std::ptr::from_ref(table).addr());
    let nesting = nesting.or_insert_with(|| Nesting { table, edges: BTreeMap::new() });
    nesting.edges.entry((low.0, high.0)).or_insert((low.1, high.1));
}

/// Makes the whole program note in which order it nests ranked locks, and allow every order.
///
/// It is how an order is found for a program that has none yet: name the ranks without an order,
/// `lock_ranks! { CONFIG, ACCOUNTS, JOURNAL }`, run the tests while an [`Observer`] lives, and put what
/// it prints in the place of the table. As long as one lives nothing is refused, so deadlocks are
/// possible again: leave it out of what is shipped. It costs nothing where no locks are nested.
///
/// # Examples
///
/// ```
/// use brigade::lock::{Ranked, lock_ranks, observe};
/// use brigade::mutex::FairMutex;
///
/// lock_ranks! { JOURNAL, CONFIG, ACCOUNTS }
///
/// let accounts = Ranked::new(ACCOUNTS, FairMutex::new(1));
/// let config = Ranked::new(CONFIG, FairMutex::new(2));
/// let journal = Ranked::new(JOURNAL, FairMutex::new(3));
///
/// let observer = observe();
/// {
///     let _reading = config.lock();
///     let _changing = accounts.lock();
///     let _writing = journal.lock();
/// }
/// assert_eq!(observer.finish().to_string(), "lock_ranks! { CONFIG < ACCOUNTS < JOURNAL }\n");
/// ```
#[must_use = "nothing is observed after it is dropped"]
pub fn observe() -> Observer {
    OBSERVERS.fetch_add(1, Ordering::Relaxed);
    Observer(())
}

/// Keeps the observing mode on; see [`observe`].
#[derive(Debug)]
pub struct Observer(());

impl Observer {
    /// Ends this observation and gives what was seen since the program began to observe, by all observers.
    #[must_use]
    pub fn finish(self) -> Observed {
        let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        Observed { tables: seen.values().cloned().collect() }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        OBSERVERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The nestings that were seen. It prints as [`lock_ranks!`](super::lock_ranks) tables, with the visibility
/// that the ranks have: what is printed can take the place of what was declared.
///
/// Orders that contradict each other, and locks of one rank that were nested, come first, as comments
/// with the places in the source; the table below them leaves them out.
///
/// # Examples
///
/// ```
/// use brigade::lock::{Ranked, lock_ranks, observe};
/// use brigade::mutex::FairMutex;
///
/// lock_ranks! { CONFIG, JOURNAL }
///
/// let config = Ranked::new(CONFIG, FairMutex::new(2));
/// let journal = Ranked::new(JOURNAL, FairMutex::new(3));
/// let observer = observe();
/// drop((config.lock(), journal.lock()));
/// drop((journal.lock(), config.lock())); // the other way round, elsewhere in the program
/// let observed = observer.finish();
/// assert!(!observed.is_consistent());
/// assert!(observed.to_string().starts_with("// in both orders: CONFIG (taken at "));
/// ```
#[derive(Debug, Clone)]
pub struct Observed {
    tables: Vec<Nesting>,
}

impl Observed {
    /// Tells whether one order allows everything that was seen.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        self.tables.iter().all(|nesting| nesting.contradictions().is_empty())
    }
}

impl Nesting {
    fn name(&self, rank: usize) -> &'static str {
        self.table.names[rank]
    }

    /// For each rank those that were held, directly or not, when it was taken.
    fn below(edges: &BTreeSet<Edge>, ranks: usize) -> Vec<u64> {
        let mut below = vec![0_u64; ranks];
        edges.iter().for_each(|&(low, high)| below[high] |= 1 << low);
        for via in 0..ranks {
            for rank in 0..ranks {
                if below[rank] >> via & 1 == 1 {
                    below[rank] |= below[via];
                }
            }
        }
        below
    }

    /// The edges that lie on a circle.
    fn contradictions(&self) -> BTreeSet<Edge> {
        let all = self.edges.keys().copied().collect();
        let below = Self::below(&all, self.table.names.len());
        all.into_iter().filter(|&(low, high)| low == high || below[low] >> high & 1 == 1).collect()
    }
}

impl fmt::Display for Nesting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrong = self.contradictions();
        for edge in &wrong {
            let (low, high) = (self.name(edge.0), self.name(edge.1));
            let what = if low == high { "one rank, nested" } else { "in both orders" };
            write!(f, "// {what}: {low}")?;
            if let Some((Some(place), _)) = self.edges.get(edge) {
                write!(f, " (taken at {place})")?;
            }
            write!(f, " before {high}")?;
            if let Some((_, place)) = self.edges.get(edge) {
                write!(f, " (at {place})")?;
            }
            writeln!(f)?;
        }

        let ranks = self.table.names.len();
        let kept = self.edges.keys().copied().filter(|edge| !wrong.contains(edge)).collect();
        let below = Self::below(&kept, ranks);
        let mut sorted: Vec<_> = (0..ranks).collect();
        sorted.sort_by_key(|&rank| (below[rank].count_ones(), rank));
        // Only the edges that no longer way says already.
        let mut links: BTreeSet<Edge> = kept
            .into_iter()
            .filter(|&(low, high)| {
                !(0..ranks).any(|via| below[high] >> via & 1 == 1 && below[via] >> low & 1 == 1)
            })
            .collect();
        let is_line = sorted.windows(2).all(|pair| links.contains(&(pair[0], pair[1])));
        let names = |ranks: &[usize], between: &str| {
            ranks.iter().map(|&rank| self.name(rank)).collect::<Vec<_>>().join(between)
        };
        let space = if self.table.visibility.is_empty() { "" } else { " " };
        let visible = format_args!("{}{space}", self.table.visibility);
        if is_line {
            return writeln!(f, "lock_ranks! {{ {visible}{} }}", names(&sorted, " < "));
        }
        writeln!(f, "lock_ranks! {{\n    {visible}{};", names(&sorted, ", "))?;
        while let Some((low, high)) = links.pop_first() {
            let mut chain = vec![low, high];
            while let Some(&next) = links.iter().find(|link| Some(&link.0) == chain.last()) {
                links.remove(&next);
                chain.push(next.1);
            }
            writeln!(f, "    {};", names(&chain, " < "))?;
        }
        writeln!(f, "}}")
    }
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tables.iter().try_for_each(|nesting| nesting.fmt(f))
    }
}
