//! From upgradable to exclusive: the one thread that passes the whole line.
//!
//! It must: it holds shared access already, so whoever waits for exclusive access waits for it.
//! There is at most one such thread, so the line is passed once.

use std::time::{Duration, Instant};

use super::{Machine, after, entry, settle::Turn};
use crate::rwlock::line::{Event, Kind, Message, Ticket};
use crate::rwlock::policy::Policy;
use crate::rwlock::word::{Answer, Pass, UPGRADABLE_READER, WRITER, Word};
use crate::sync::awake::Rounds;
use crate::sync::lot::{Parked, Verdict};
use crate::sync::{Mutant, mutant};

impl<P: Policy> Machine<P> {
    /// Waits until the other readers have left, or until the deadline; `false` keeps the
    /// upgradable lock.
    #[inline]
    pub fn upgrade(&self, deadline: Option<Instant>) -> bool {
        self.upgrade_fast() || self.upgrade_slow(deadline)
    }

    /// The same with a timeout.
    #[inline]
    pub(crate) fn upgrade_for(&self, timeout: Duration) -> bool {
        self.upgrade_fast() || self.upgrade_slow(after(timeout))
    }

    /// Upgrades at once or not at all.
    #[inline]
    pub fn try_upgrade(&self) -> bool {
        self.upgrade_fast() || self.try_upgrade_slow()
    }

    #[inline]
    fn upgrade_fast(&self) -> bool {
        let upgraded = self.swap_if(Word(UPGRADABLE_READER), Word(WRITER), entry()).is_ok();
        if upgraded {
            self.note(Event::Entered(Kind::Upgrader));
        }
        upgraded
    }

    /// With a line, only under its lock: somebody may be deciding to let readers in.
    #[cold]
    fn try_upgrade_slow(&self) -> bool {
        let mut upgraded = false;
        self.lot.unpark_filter(
            self.key(),
            |_| Verdict::Stop,
            |_| {
                let mut word = self.load();
                while let Answer::Enter(next) = word.ask(Kind::Upgrader, Pass::Newcomer) {
                    match self.swap_if(word, next, entry()) {
                        Ok(()) => {
                            self.note(Event::Entered(Kind::Upgrader));
                            upgraded = true;
                            break;
                        }
                        Err(now) => word = now,
                    }
                }
                Message::Granted.to_bits()
            },
        );
        upgraded
    }

    #[cold]
    fn upgrade_slow(&self, deadline: Option<Instant>) -> bool {
        let mut rounds = Rounds::few();
        while self.load().readers() > 1 && rounds.again() {}
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return self.try_upgrade_slow();
        }
        let ticket = Ticket::new(Kind::Upgrader, false);
        let rings = ticket.bell.rings();
        let parked = self.lot.park(
            self.key(),
            ticket.to_bits(),
            deadline,
            || self.queues(ticket, Pass::Newcomer, &mut None),
            || ticket.bell.listen(rings),
            || self.withdraw(ticket),
        );
        match parked {
            Parked::Woken(_) | Parked::Invalid => true,
            Parked::TimedOut => {
                // Readers queued because of the upgrade that is not going to happen.
                if !mutant(Mutant::RwUpgradeTimeoutTellsNobody) {
                    self.settle(Turn::LOOK);
                }
                false
            }
        }
    }
}
