//! Two directions between a caller and a backend, each waiting only for itself.
//!
//! One piece at a time is in hand in each direction, so a side that does not read holds up whoever writes to it and
//! nobody else. When we end a tunnel, each side gets a close frame between two of the other's frames, never inside.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::frames::{Scanner, goodbye};
use super::{Cause, Charge, Flow, Options};

/// What two directions have carried, and why they no longer do.
#[derive(Debug)]
pub(super) struct Pumped {
    pub(super) cause: Cause,
    pub(super) clean: bool,
    pub(super) to_backend: Flow,
    pub(super) to_client: Flow,
}

/// Carries bytes both ways until a side ends, or we do: `withdrawn` says when it must. `lead` has come from the backend
/// already.
pub(super) async fn pump(
    client: impl AsyncRead + AsyncWrite,
    backend: impl AsyncRead + AsyncWrite,
    lead: Bytes,
    options: &Options<'_>,
    withdrawn: impl Future<Output = Cause>,
) -> Pumped {
    let (from_client, to_client) = split(client);
    let (from_backend, to_backend) = split(backend);
    let (order, pulse) = (watch::Sender::new(Order::Carry), Pulse::new());
    let (up, down) = (Tally::default(), Tally::default());
    let toll = Toll::new(options.charge);
    let lane = |tally, masked| Lane {
        scanner: Scanner::default(),
        order: order.subscribe(),
        tally,
        pulse: &pulse,
        toll: &toll,
        masked,
    };
    let (mut outbound, mut inbound) = (lane(&up, true), lane(&down, false));
    let mut outbound = pin!(outbound.carry(from_client, to_backend, Bytes::new()));
    let mut inbound = pin!(inbound.carry(from_backend, to_client, lead));

    let (cause, clean) = tokio::select! {
        () = &mut outbound => {
            order.send_replace(Order::Finish);
            (Cause::Client, timeout(LINGER, inbound).await.is_ok())
        }
        () = &mut inbound => {
            order.send_replace(Order::Finish);
            (Cause::Backend, timeout(LINGER, outbound).await.is_ok())
        }
        cause = expiry((&pulse, &toll), options, withdrawn) => {
            order.send_replace(Order::Close(cause.code()));
            let both = async { tokio::join!(outbound, inbound) };
            (cause, timeout(LINGER, both).await.is_ok())
        }
    };
    Pumped {
        // A direction that may carry no more ends like one whose source has.
        cause: if toll.is_refused() { Cause::Throttled } else { cause },
        clean,
        to_backend: up.flow(),
        to_client: down.flow(),
    }
}

/// What the directions are told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Order {
    Carry,
    /// End after the piece in hand: the other side is gone.
    Finish,
    /// Say goodbye with this code after the frame in hand.
    Close(u16),
}

/// One direction.
struct Lane<'a> {
    scanner: Scanner,
    order: watch::Receiver<Order>,
    tally: &'a Tally,
    pulse: &'a Pulse,
    toll: &'a Toll<'a>,
    /// Whether our own frames must be masked, as a client's are.
    masked: bool,
}

impl Lane<'_> {
    /// Carries one direction until its source ends, its sink fails, or it is told otherwise.
    async fn carry(&mut self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, lead: Bytes) {
        let mut buffer = vec![0; PIECE];
        let Ok(mut said_goodbye) = self.forward(&mut to, &lead).await else {
            return;
        };
        while !said_goodbye {
            let order = *self.order.borrow_and_update();
            if order == Order::Finish {
                break;
            }
            if let (Order::Close(code), true) = (order, self.scanner.at_boundary()) {
                said_goodbye = self.say_goodbye(&mut to, code).await.is_ok();
                break;
            }
            let read = tokio::select! {
                biased;
                Ok(()) = self.order.changed() => continue,
                read = from.read(&mut buffer) => read,
            };
            let Ok(count @ 1..) = read else { break };
            self.pulse.beat();
            let piece = buffer.get(..count).unwrap_or_default();
            let Ok(said) = self.forward(&mut to, piece).await else {
                return;
            };
            said_goodbye = said;
        }
        if said_goodbye {
            self.await_goodbye(from, &mut buffer).await;
        }
        // The peer may be gone already, which is as good.
        let _ = to.shutdown().await;
    }

    /// Writes a piece, or only what is left of a frame where it is time to say goodbye; tells whether it did.
    async fn forward(&mut self, to: &mut (impl AsyncWrite + Unpin), piece: &[u8]) -> io::Result<bool> {
        let closing = match *self.order.borrow() {
            Order::Close(code) => Some(code),
            Order::Carry | Order::Finish => None,
        };
        let sent = if closing.is_some() {
            self.scanner.step(piece)
        } else {
            piece.len()
        };
        let (ours, rest) = piece.split_at_checked(sent).unwrap_or((piece, &[]));
        if !self.toll.pay(ours.len()) {
            // Between two frames, the goodbye can still be said, when it is time.
            return if self.scanner.at_boundary() && closing.is_none() {
                Ok(false)
            } else {
                Err(io::ErrorKind::QuotaExceeded.into())
            };
        }
        if closing.is_none() {
            self.scanner.scan(ours);
        }
        self.tally.note(ours.len(), &self.scanner);
        to.write_all(ours).await?;
        to.flush().await?;
        self.pulse.beat();
        let Some(code) = closing.filter(|_| self.scanner.at_boundary()) else {
            return Ok(false);
        };
        self.say_goodbye(to, code).await?;
        self.scanner.scan(rest);
        Ok(true)
    }

    async fn say_goodbye(&self, to: &mut (impl AsyncWrite + Unpin), code: u16) -> io::Result<()> {
        if !self.scanner.closed() {
            to.write_all(&goodbye(code, self.masked)).await?;
            to.flush().await?;
        }
        Ok(())
    }

    /// Reads on until the source has said goodbye too: closing over unread bytes would reset the connection, and our
    /// own close frame might be lost with it.
    async fn await_goodbye(&mut self, mut from: impl AsyncRead + Unpin, buffer: &mut [u8]) {
        while !self.scanner.closed() {
            let Ok(count @ 1..) = from.read(buffer).await else {
                return;
            };
            self.scanner.scan(buffer.get(..count).unwrap_or_default());
        }
    }
}

/// What is asked before anything is carried, and whether it was refused.
struct Toll<'a> {
    charge: &'a Charge<'a>,
    is_refused: AtomicBool,
    refused: Notify,
}

impl<'a> Toll<'a> {
    fn new(charge: &'a Charge<'a>) -> Self {
        Self {
            charge,
            is_refused: AtomicBool::new(false),
            refused: Notify::new(),
        }
    }

    /// Tells whether so many bytes may pass. After one refusal none do, or frames would lose their middle.
    fn pay(&self, bytes: usize) -> bool {
        if !self.is_refused() && (bytes == 0 || (self.charge)(bytes as u64)) {
            return true;
        }
        self.is_refused.store(true, Relaxed);
        self.refused.notify_one();
        false
    }

    fn is_refused(&self) -> bool {
        self.is_refused.load(Relaxed)
    }
}

/// What one direction has carried; kept outside of it, because it may be cut off.
#[derive(Debug, Default)]
struct Tally {
    bytes: AtomicU64,
    frames: AtomicU64,
}

impl Tally {
    fn note(&self, bytes: usize, scanner: &Scanner) {
        self.bytes.fetch_add(bytes as u64, Relaxed);
        self.frames.store(scanner.frames(), Relaxed);
    }

    fn flow(&self) -> Flow {
        Flow {
            bytes: self.bytes.load(Relaxed),
            frames: self.frames.load(Relaxed),
        }
    }
}

/// When something last moved, in either direction.
#[derive(Debug)]
struct Pulse {
    since: Instant,
    last: AtomicU64,
}

impl Pulse {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            last: AtomicU64::new(0),
        }
    }

    fn beat(&self) {
        let elapsed = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(elapsed, Relaxed);
    }

    fn quiet(&self) -> Duration {
        self.since
            .elapsed()
            .saturating_sub(Duration::from_millis(self.last.load(Relaxed)))
    }
}

/// Returns when the tunnel must end, whatever its sides want.
async fn expiry(
    (pulse, toll): (&Pulse, &Toll<'_>),
    options: &Options<'_>,
    withdrawn: impl Future<Output = Cause>,
) -> Cause {
    let idle = async {
        loop {
            match options.idle.checked_sub(pulse.quiet()) {
                Some(left) if !left.is_zero() => sleep(left).await,
                _ => return,
            }
        }
    };
    let life = async {
        match options.life {
            Some(life) => sleep(life).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        cause = withdrawn => cause,
        () = toll.refused.notified() => Cause::Throttled,
        () = life => Cause::Life,
        () = idle => Cause::Idle,
    }
}

const PIECE: usize = 16 * 1024;
/// How long a side may take to receive what is in hand, and to say goodbye.
const LINGER: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};
    use tokio::task::JoinHandle;

    use super::*;

    struct Ends {
        client: DuplexStream,
        backend: DuplexStream,
        stop: watch::Sender<Option<Cause>>,
        pump: JoinHandle<Pumped>,
    }

    fn tunnel(window: usize, lead: &'static [u8], options: Options<'static>) -> Ends {
        let (client, ours) = duplex(window);
        let (backend, theirs) = duplex(window);
        let (stop, mut stopped) = watch::channel(None);
        let withdrawn = async move {
            let cause = stopped.wait_for(Option::is_some).await;
            cause.map_or(Cause::Shutdown, |cause| cause.unwrap())
        };
        let pump = async move { pump(ours, theirs, Bytes::from_static(lead), &options, withdrawn).await };
        Ends {
            client,
            backend,
            stop,
            pump: tokio::spawn(pump),
        }
    }

    fn options() -> Options<'static> {
        Options {
            idle: Duration::from_secs(60),
            life: None,
            charge: &|_| true,
        }
    }

    fn text(payload: &[u8]) -> Vec<u8> {
        [&[0x81, payload.len() as u8][..], payload].concat()
    }

    async fn rest(mut stream: DuplexStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        bytes
    }

    #[tokio::test]
    async fn bytes_and_frames_are_carried_and_counted_both_ways() {
        let mut ends = tunnel(64, b"", options());
        ends.client.write_all(&text(b"hello")).await.unwrap();
        let mut heard = [0; 7];
        ends.backend.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard[..], text(b"hello"));
        ends.backend
            .write_all(&[text(b"a"), text(b"b")].concat())
            .await
            .unwrap();
        let mut heard = [0; 6];
        ends.client.read_exact(&mut heard).await.unwrap();
        drop(ends.backend);
        let pumped = ends.pump.await.unwrap();
        assert_eq!((pumped.cause, pumped.clean), (Cause::Backend, true));
        assert_eq!(pumped.to_backend, Flow { bytes: 7, frames: 1 });
        assert_eq!(pumped.to_client, Flow { bytes: 6, frames: 2 });
    }

    #[tokio::test]
    async fn what_came_with_the_head_is_delivered_first() {
        let mut ends = tunnel(64, b"\x81\x05glued", options());
        ends.backend.write_all(&text(b"later")).await.unwrap();
        drop(ends.backend);
        assert_eq!(rest(ends.client).await, [text(b"glued"), text(b"later")].concat());
        assert_eq!(ends.pump.await.unwrap().to_client.frames, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn two_full_windows_do_not_block_each_other() {
        let mut ends = tunnel(64, b"", options());
        let flood = vec![0u8; 100_000];
        // Nobody reads from the backend's side yet: the caller's window fills up.
        let (mut from_client, mut to_client) = split(ends.client);
        let sender = {
            let flood = flood.clone();
            tokio::spawn(async move {
                to_client.write_all(&flood).await.unwrap();
                to_client
            })
        };
        // The other direction goes on all the same.
        ends.backend.write_all(&flood[..64]).await.unwrap();
        let mut heard = vec![0; 64];
        from_client.read_exact(&mut heard).await.unwrap();
        let mut heard = vec![0; flood.len()];
        ends.backend.read_exact(&mut heard).await.unwrap();
        sender.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_does_not_read_holds_up_the_other_instead_of_filling_memory() {
        let ends = tunnel(64, b"", options());
        let (_from_client, mut to_client) = split(ends.client);
        let mut sent = 0;
        while timeout(Duration::from_secs(1), to_client.write_all(&[0; 64]))
            .await
            .is_ok()
        {
            sent += 64;
        }
        assert!(sent <= PIECE + 1024, "{sent}");
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_says_goodbye_between_frames() {
        let mut ends = tunnel(1024, b"", options());
        let frame = text(b"in two parts");
        ends.client.write_all(&frame[..4]).await.unwrap();
        let mut heard = vec![0; 4];
        ends.backend.read_exact(&mut heard).await.unwrap();
        ends.stop.send(Some(Cause::Shutdown)).unwrap();
        // Our goodbye to the caller need not wait; the one to the backend must let the frame end.
        let mut said = [0; 4];
        ends.client.read_exact(&mut said).await.unwrap();
        assert_eq!(said, [0x88, 2, 0x03, 0xe9]);
        ends.client
            .write_all(&[&frame[4..], &text(b"never sent")].concat())
            .await
            .unwrap();
        ends.client.write_all(&[0x88, 0]).await.unwrap();
        ends.backend.write_all(&[0x88, 0]).await.unwrap();
        let pumped = ends.pump.await.unwrap();
        assert_eq!(rest(ends.backend).await, [&frame[4..], &goodbye(1001, true)].concat());
        assert_eq!((pumped.cause, pumped.clean), (Cause::Shutdown, true));
        assert_eq!(pumped.to_backend.frames, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn whose_right_was_taken_back_hears_so() {
        let mut ends = tunnel(1024, b"", options());
        ends.stop.send(Some(Cause::Revoked)).unwrap();
        let (mut to_client, mut to_backend) = ([0; 4], [0; 8]);
        ends.client.read_exact(&mut to_client).await.unwrap();
        ends.backend.read_exact(&mut to_backend).await.unwrap();
        assert_eq!(to_client, [0x88, 2, 0x03, 0xf0]);
        assert_eq!(to_backend[..], goodbye(1008, true));
        for side in [&mut ends.client, &mut ends.backend] {
            side.write_all(&[0x88, 0]).await.unwrap();
        }
        let pumped = ends.pump.await.unwrap();
        assert_eq!((pumped.cause, pumped.clean), (Cause::Revoked, true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_goodbye_that_has_passed_is_not_said_twice() {
        let mut ends = tunnel(1024, b"", options());
        ends.client.write_all(&[0x88, 0x80, 1, 2, 3, 4]).await.unwrap();
        let mut heard = vec![0; 6];
        ends.backend.read_exact(&mut heard).await.unwrap();
        ends.stop.send(Some(Cause::Shutdown)).unwrap();
        ends.backend.write_all(&[0x88, 0]).await.unwrap();
        assert!(ends.pump.await.unwrap().clean);
        assert!(rest(ends.backend).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_old_age_end_a_tunnel() {
        for (idle, life, cause) in [(5, None, Cause::Idle), (60, Some(Duration::from_secs(7)), Cause::Life)] {
            let ends = tunnel(
                64,
                b"",
                Options {
                    idle: Duration::from_secs(idle),
                    life,
                    charge: &|_| true,
                },
            );
            let begun = Instant::now();
            let pumped = ends.pump.await.unwrap();
            // Nobody answered our goodbyes, so the tunnel was cut.
            assert_eq!((pumped.cause, pumped.clean), (cause, false));
            assert!(begun.elapsed() < Duration::from_secs(10));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_tunnel_that_is_used_stays_open() {
        let mut ends = tunnel(
            64,
            b"",
            Options {
                idle: Duration::from_secs(5),
                life: None,
                charge: &|_| true,
            },
        );
        for _ in 0..10 {
            sleep(Duration::from_secs(4)).await;
            ends.client.write_all(&text(b"x")).await.unwrap();
            ends.backend.read_exact(&mut [0; 3]).await.unwrap();
        }
        drop(ends.client);
        assert_eq!(ends.pump.await.unwrap().cause, Cause::Client);
    }

    #[tokio::test]
    async fn no_more_is_carried_than_is_paid_for() {
        static LEFT: AtomicU64 = AtomicU64::new(10);
        let pay = |bytes| {
            LEFT.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes))
                .is_ok()
        };
        let options = Options {
            charge: Box::leak(Box::new(pay)),
            ..options()
        };
        let mut ends = tunnel(64, b"", options);
        ends.backend.write_all(&text(b"hello")).await.unwrap();
        let mut heard = [0; 7];
        ends.client.read_exact(&mut heard).await.unwrap();
        ends.backend.write_all(&text(b"again")).await.unwrap();
        let goodbye = [0x88, 2, 0x03, 0xf5];
        let mut heard = [0; 4];
        ends.client.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, goodbye, "1013, and nothing of the second frame");
        ends.client.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await.unwrap();
        drop((ends.client, ends.backend));
        let pumped = ends.pump.await.unwrap();
        assert_eq!(pumped.cause, Cause::Throttled);
        assert_eq!(pumped.to_client.bytes, 7);
    }
}
