//! The semaphores that everybody writes out of a mutex and a condition variable.

/// Out of the standard library's parts.
#[derive(Debug)]
pub(crate) struct StdByHand(std::sync::Mutex<usize>, std::sync::Condvar);

impl StdByHand {
    pub(crate) fn new(permits: usize) -> Self {
        Self(std::sync::Mutex::new(permits), std::sync::Condvar::new())
    }

    pub(crate) fn acquire(&self) {
        let mut free = self.1.wait_while(self.0.lock().unwrap(), |free| *free == 0).unwrap();
        *free -= 1;
    }

    #[allow(dead_code, reason = "only the scoreboard checks it")]
    pub(crate) fn free(&self) -> usize {
        *self.0.lock().unwrap()
    }

    pub(crate) fn release(&self) {
        *self.0.lock().unwrap() += 1;
        self.1.notify_one();
    }
}

/// Out of `parking_lot`'s.
#[derive(Debug)]
pub(crate) struct ParkingLotByHand(parking_lot::Mutex<usize>, parking_lot::Condvar);

impl ParkingLotByHand {
    pub(crate) fn new(permits: usize) -> Self {
        Self(parking_lot::Mutex::new(permits), parking_lot::Condvar::new())
    }

    pub(crate) fn acquire(&self) {
        let mut free = self.0.lock();
        self.1.wait_while(&mut free, |free| *free == 0);
        *free -= 1;
    }

    #[allow(dead_code, reason = "only the scoreboard checks it")]
    pub(crate) fn free(&self) -> usize {
        *self.0.lock()
    }

    pub(crate) fn release(&self) {
        *self.0.lock() += 1;
        self.1.notify_one();
    }
}
