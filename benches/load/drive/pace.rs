//! When calls are due, and waiting for that to the microsecond.
//!
//! The runtime's own timers have milliseconds, which is longer than most answers take: a timer of the kernel wakes
//! each caller instead.

use std::io::Result;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The moments at which one caller's calls are due, whatever became of those before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    first: Instant,
    every: Duration,
}

impl Schedule {
    /// Returns one caller's part of so many calls a second: that of number `index` of `count`.
    pub(super) fn shared(begin: Instant, rate: u64, (index, count): (usize, usize)) -> Self {
        let between = Duration::from_secs(1).div_f64(rate as f64);
        Self {
            first: begin + between.mul_f64(index as f64),
            every: between.mul_f64(count as f64),
        }
    }

    /// Returns when a call is due.
    pub(super) fn due(&self, turn: u64) -> Instant {
        self.first + self.every.mul_f64(turn as f64)
    }

    /// Returns how many are due within this time.
    pub(super) fn within(&self, time: Duration) -> u64 {
        (time.as_secs_f64() / self.every.as_secs_f64()).ceil() as u64
    }

    /// Returns how long a call took that is answered now: since it was due, not since it was sent.
    pub(super) fn since_due(&self, turn: u64, now: Instant) -> Duration {
        now.saturating_duration_since(self.due(turn))
    }
}

/// A timer of the kernel.
pub(super) struct Timer(AsyncFd<OwnedFd>);

impl Timer {
    /// Makes one.
    pub(super) fn new() -> Result<Self> {
        let timer = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )?;
        #[expect(
            deprecated,
            reason = "what is wanted instead is `unsafe`; it cannot go wrong where the descriptor is owned"
        )]
        AsyncFd::with_interest(timer, Interest::READABLE).map(Self)
    }

    /// Waits until then; not at all when that is past.
    pub(super) async fn until(&self, due: Instant) -> Result<()> {
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
            let it_value = Timespec {
                tv_sec: left.as_secs().cast_signed(),
                tv_nsec: left.subsec_nanos().into(),
            };
            let once = Itimerspec {
                it_interval: zero,
                it_value,
            };
            timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once)?;
            let mut ready = self.0.readable().await?;
            // Reading says how often it rang, and makes it ring anew; one that has not rung says so.
            let _ = ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut [0; 8])?));
        }
    }
}

/// Holds this file to what it says.
pub(super) fn check() {
    let begin = Instant::now();
    let ms = Duration::from_millis;
    // 100 calls a second of two callers: one each 20 ms, the other's in between.
    let (one, other) = (
        Schedule::shared(begin, 100, (0, 2)),
        Schedule::shared(begin, 100, (1, 2)),
    );
    assert_eq!((one.due(0), one.due(3)), (begin, begin + ms(60)));
    assert_eq!(other.due(0), begin + ms(10));
    assert_eq!(one.within(ms(100)), 5);
    // A server that answers in 1 ms and stalls for 100 ms at call 10. Who measures from the moment of sending sees one
    // slow call of fifty; in truth all that were due meanwhile waited.
    let (mut free, mut slow) = (begin, 0);
    for turn in 0..50 {
        let sent = free.max(one.due(turn));
        free = sent + ms(if turn == 10 { 100 } else { 1 });
        slow += u32::from(one.since_due(turn, free) > ms(10));
    }
    assert_eq!(slow, 5);
    assert_eq!(
        one.since_due(1, begin),
        Duration::ZERO,
        "nothing is answered before it is due"
    );
}
