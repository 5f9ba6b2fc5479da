//! One shape for every barrier that is compared.

use std::sync::Arc;

use brigade::phaser::{Party, Phaser};

pub(crate) trait Peer: Send + Sized {
    const NAME: &'static str;

    fn parties(n: usize) -> Vec<Self>;
    fn meet(&mut self);
}

pub(crate) type Ours = Arc<brigade::barrier::Barrier>;
pub(crate) type OursWithAction = Arc<brigade::barrier::Barrier<fn() -> u64>>;

impl Peer for Ours {
    const NAME: &'static str = "brigade";

    fn parties(n: usize) -> Vec<Self> {
        std::iter::repeat_n(Arc::new(brigade::barrier::Barrier::new(n)), n).collect()
    }

    fn meet(&mut self) {
        self.wait().expect("nobody breaks it");
    }
}

impl Peer for OursWithAction {
    const NAME: &'static str = "brigade, action";

    fn parties(n: usize) -> Vec<Self> {
        std::iter::repeat_n(
            Arc::new(brigade::barrier::Barrier::with_action(n, (|| 1) as fn() -> u64)),
            n,
        )
        .collect()
    }

    fn meet(&mut self) {
        self.wait().expect("nobody breaks it");
    }
}

/// A party of a phaser, all of whose parties stay.
pub(crate) struct Phased(Party<Arc<Phaser>>);

impl Peer for Phased {
    const NAME: &'static str = "brigade, phaser";

    fn parties(n: usize) -> Vec<Self> {
        let phaser = Arc::new(Phaser::new());
        let party = || phaser.register_owned().expect("it is open");
        std::iter::repeat_with(|| Self(party())).take(n).collect()
    }

    fn meet(&mut self) {
        self.0.arrive_and_wait().expect("nobody closes it");
    }
}

impl Peer for Arc<std::sync::Barrier> {
    const NAME: &'static str = "std";

    fn parties(n: usize) -> Vec<Self> {
        std::iter::repeat_n(Self::new(std::sync::Barrier::new(n)), n).collect()
    }

    fn meet(&mut self) {
        self.wait();
    }
}

impl Peer for hurdles::Barrier {
    const NAME: &'static str = "hurdles";

    fn parties(n: usize) -> Vec<Self> {
        std::iter::repeat_n(Self::new(n), n).collect()
    }

    fn meet(&mut self) {
        self.wait();
    }
}
