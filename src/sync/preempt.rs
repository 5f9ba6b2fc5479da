//! Preemption on purpose: the steps between which a scheduler rarely, and then fatally, strikes.
//!
//! With `--cfg brigade_preempt` a call gives the thread's turn away once in a while; without it
//! there is no call. The stress lane runs the sink like that, with more threads than cores.

#[cfg(not(brigade_preempt))]
#[inline(always)]
pub(crate) const fn preempt() {}

#[cfg(brigade_preempt)]
pub(crate) fn preempt() {
    use std::cell::Cell;
    thread_local! {
        static STATE: Cell<u32> = const { Cell::new(0) };
    }
    let state = STATE.get();
    // The first call tells threads apart by where their state lies.
    let state =
        if state == 0 { STATE.with(|at| std::ptr::from_ref(at).addr() as u32 | 1) } else { state };
    // Xorshift: Marsaglia, 2003.
    let state = state ^ (state << 13);
    let state = state ^ (state >> 17);
    let state = state ^ (state << 5);
    STATE.set(state);
    if state % 16 == 0 {
        std::thread::yield_now();
    }
}
