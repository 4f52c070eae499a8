//! Gateways that share counts, over a real Redis server.
//!
//! Rounds are run by hand where the order matters, so that no test depends on time; windows are long.

use std::cell::Cell;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::connection::Connection;
use super::*;
use crate::quota::sharing::{Sharing, blind};
use crate::quota::{
    Calendar, CalendarSpan, Clock, Counters, Ledger, Limit, Moment, Refusal, Retry, Scope, Secret, Subjects, Unit,
};

const SECRET: [u8; 16] = [9; 16];

const HOUR: Duration = Duration::from_secs(3_600);

/// A server of its own, without a port.
struct Server {
    directory: TempDir,
    child: Option<Child>,
}

impl Server {
    fn start() -> Self {
        let mut server = Self {
            directory: tempfile::tempdir().unwrap(),
            child: None,
        };
        server.restart();
        server
    }

    fn restart(&mut self) {
        let socket = self.directory.path().join("socket");
        _ = std::fs::remove_file(&socket);
        let mut command = Command::new("redis-server");
        command
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(&socket)
            .current_dir(self.directory.path())
            .stdout(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        wait(|| std::os::unix::net::UnixStream::connect(&socket).is_ok());
    }

    fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn address(&self) -> Address {
        let socket = self.directory.path().join("socket");
        Address::parse(&format!("redis+unix://{}", socket.display())).unwrap()
    }

    async fn keys(&self) -> Vec<String> {
        let mut connection = self.address().connection().await;
        redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

impl Address {
    async fn connection(&self) -> redis::aio::MultiplexedConnection {
        self.0.get_multiplexed_async_connection().await.unwrap()
    }
}

fn wait(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(2));
    }
}

async fn eventually(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn quota(limit: Limit, name: &str) -> Quota {
    Quota::new(limit, Subjects::Registered, &["acme", name], &Secret::new(SECRET))
}

fn sliding(quota: u64) -> Limit {
    Limit::sliding(Unit::Requests, quota, HOUR).unwrap()
}

/// A gateway whose rounds are run by hand.
struct Gateway {
    courier: Courier,
    connection: Connection,
    counters: Counters,
    holds: Vec<Hold>,
}

impl Gateway {
    async fn join(server: &Server, mode: Mode) -> Self {
        let (ledger, clock) = (Ledger::new(Secret::new(SECRET), 10_000), Clock::start());
        let (store, mut courier) = Courier::new((&ledger, clock), (server.address(), mode), Box::new(drop));
        let connection = courier.connect().await.unwrap();
        courier.ledger.set_sharing(match mode {
            Mode::Exact => Sharing::Exact,
            Mode::Shared => Sharing::Told,
        });
        Self {
            courier,
            connection,
            counters: Counters::new(ledger, clock, Some(store)),
            holds: Vec::new(),
        }
    }

    /// Takes as the gateway does: at once, or by asking.
    async fn take(&mut self, demands: &[Demand<'_>]) -> Result<(), Refusal> {
        let taken = self.counters.take(demands, self.counters.clock().now());
        let result = match taken {
            Some(answer) => answer.result,
            None => self.ask(demands).await.result,
        };
        result.map(|hold| self.holds.push(hold))
    }

    /// Takes where it may at once; tells whether it did.
    fn take_at_once(&mut self, demands: &[Demand<'_>]) -> bool {
        let taken = self.counters.take(demands, self.counters.clock().now());
        let passed = taken.and_then(|answer| answer.result.ok());
        let has_passed = passed.is_some();
        self.holds.extend(passed);
        has_passed
    }

    async fn ask(&mut self, demands: &[Demand<'_>]) -> Answer<Hold> {
        let wanted = |demand: &Demand<'_>| Wanted {
            quota: demand.quota().clone(),
            parts: demand.parts(),
        };
        let (answer, mut answered) = oneshot::channel();
        let asked = Asked {
            wanted: demands.iter().map(wanted).collect(),
            answer,
            was_late: false,
        };
        let mut again = vec![asked];
        while !again.is_empty() {
            again = self.courier.round(&mut self.connection, again).await.unwrap();
        }
        answered.try_recv().unwrap()
    }

    async fn round(&mut self) {
        let again = self.courier.round(&mut self.connection, Vec::new()).await.unwrap();
        assert!(again.is_empty());
    }

    fn remaining(&self, demand: Demand<'_>) -> u64 {
        let now = self.counters.clock().now();
        self.counters.ledger().look(&[demand], now).standings[0].remaining
    }
}

/// A gateway as it runs.
struct Running {
    counters: Counters,
    states: Arc<Mutex<Vec<State>>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(server: &Server, mode: Mode) -> Self {
        let (ledger, clock) = (Ledger::new(Secret::new(SECRET), 10_000), Clock::start());
        let states = Arc::<Mutex<Vec<State>>>::default();
        let observed = Arc::clone(&states);
        let observe = Box::new(move |state| observed.lock().push(state));
        let (store, courier) = Courier::new((&ledger, clock), (server.address(), mode), observe);
        let (stop, stopping) = watch::channel(false);
        Self {
            counters: Counters::new(ledger, clock, Some(store)),
            states,
            stop,
            task: tokio::spawn(courier.run(stopping)),
        }
    }

    fn is_together(&self) -> bool {
        self.states.lock().last() == Some(&State::Together)
    }

    async fn passes(&self, demands: &[Demand<'_>]) -> bool {
        match self.counters.take(demands, self.counters.clock().now()) {
            Some(answer) => answer.result.is_ok(),
            None => self.counters.ask(demands).await.result.is_ok(),
        }
    }

    async fn end(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }
}

fn limits() -> Vec<Limit> {
    let month = Calendar::new(CalendarSpan::Month, "Europe/Zurich").unwrap();
    let mut limits = Vec::new();
    for quota in [1, 5, 40, 700] {
        limits.push(sliding(quota));
        limits.push(Limit::calendar(Unit::Requests, quota, month.clone()));
        limits.push(Limit::burst(1, HOUR * 24 * 300, quota).unwrap());
        limits.push(Limit::concurrent(quota));
    }
    limits
}

/// What a step does: which gateway, how many requests, and whether it tells the store afterwards.
type Step = (usize, u64, bool);

const GATEWAYS: usize = 3;

/// Returns how many pass, of all steps.
async fn play(server: &Server, mode: Mode, (quota, subject): (&Quota, &str), steps: &[Step]) -> u64 {
    let mut gateways = Vec::new();
    for _ in 0..GATEWAYS {
        gateways.push(Gateway::join(server, mode).await);
    }
    let mut passed = 0;
    for (number, times, tells) in steps {
        let gateway = &mut gateways[*number];
        for _ in 0..*times {
            // Those that need not ask, for one that asks is told everything.
            passed += u64::from(match tells {
                false => gateway.take_at_once(&[quota.of(&[subject])]),
                true => gateway.take(&[quota.of(&[subject])]).await.is_ok(),
            });
        }
        if *tells {
            gateway.round().await;
        }
    }
    passed
}

#[test]
fn all_gateways_together_stay_within_what_is_said() {
    let (server, runtime) = (Server::start(), Runtime::new().unwrap());
    let (case, worst) = (Cell::new(0), Cell::new(0));
    let limits = limits();
    proptest!(ProptestConfig::with_cases(200), |(
        which in 0..limits.len(),
        steps in proptest::collection::vec((0..GATEWAYS, 1..60_u64, any::<bool>()), 1..30),
    )| {
        case.set(case.get() + 1);
        let (limit, name) = (limits[which].clone(), format!("case {}", case.get()));
        let (most, extra) = (limit.quota(), blind(&limit) * (GATEWAYS as u64 - 1));
        let quota = quota(limit, &name);
        let passed = runtime.block_on(play(&server, Mode::Shared, (&quota, "me"), &steps));
        prop_assert!(passed <= most + extra, "{passed} of {most} and {extra}");
        worst.set(worst.get().max(passed.saturating_sub(most)));
        let exactly = runtime.block_on(play(&server, Mode::Exact, (&quota, "you"), &steps));
        prop_assert!(exactly <= most, "{exactly} of {most}");
        let asked: u64 = steps.iter().filter(|(.., tells)| *tells).map(|(_, times, _)| times).sum();
        prop_assert_eq!(exactly, most.min(asked));
    });
    assert!(worst.get() > 0, "the bound is not idle");
}

#[tokio::test]
async fn a_lone_caller_gets_all_of_its_quota_by_way_of_any_gateway() {
    let server = Server::start();
    for (number, limit) in limits().into_iter().enumerate() {
        let most = limit.quota();
        let quota = quota(limit, &number.to_string());
        for mode in [Mode::Shared, Mode::Exact] {
            let subject = format!("{mode:?}");
            let mut gateways = [Gateway::join(&server, mode).await, Gateway::join(&server, mode).await];
            let mut passed = 0;
            for turn in 0..2 * most + 4 {
                let gateway = &mut gateways[usize::try_from(turn % 2).unwrap()];
                passed += u64::from(gateway.take(&[quota.of(&[&subject])]).await.is_ok());
                gateway.round().await;
            }
            let extra = match mode {
                Mode::Exact => 0,
                Mode::Shared => blind(quota.limit()),
            };
            assert!((most..=most + extra).contains(&passed), "{passed} {mode:?} {quota:?}");
        }
    }
}

#[tokio::test]
async fn a_refusal_by_the_store_spends_nothing_and_says_why() {
    let server = Server::start();
    let mut gateway = Gateway::join(&server, Mode::Exact).await;
    let quotas = [
        quota(sliding(9), "nine"),
        quota(Limit::concurrent(1), "one"),
        quota(Limit::burst(1, HOUR, 2).unwrap(), "two"),
        quota(sliding(1), "soft").soft(),
    ];
    let demands = quotas.each_ref().map(|quota| quota.of(&["me"]));
    let first = gateway.ask(&demands).await;
    let remaining: Vec<_> = first.standings.iter().map(|standing| standing.remaining).collect();
    assert_eq!(remaining, [8, 0, 1, 0]);
    let hold = first.result.unwrap();
    let refused = gateway.ask(&demands).await;
    assert_eq!(
        refused.result.unwrap_err(),
        Refusal {
            demand: 1,
            retry: Retry::Release
        }
    );
    drop(hold);
    drop(gateway.ask(&demands).await.result.unwrap());
    let refused = gateway.ask(&demands).await;
    assert_eq!(refused.standings[0].remaining, 7, "nothing was spent of what was left");
    let refusal = refused.result.unwrap_err();
    assert_eq!(refusal.demand, 2);
    assert!(
        refusal
            .retry
            .seconds()
            .is_some_and(|seconds| (3_500..=3_600).contains(&seconds)),
        "{refusal:?}"
    );
    assert!(refused.standings[3].is_over);
    let none = quota(sliding(0), "none");
    let never = gateway.ask(&[none.of(&["me"])]).await.result.unwrap_err();
    assert_eq!(never.retry, Retry::Never);
}

#[tokio::test]
async fn bytes_are_told_as_they_pass() {
    let server = Server::start();
    let (mut one, mut other) = (
        Gateway::join(&server, Mode::Exact).await,
        Gateway::join(&server, Mode::Exact).await,
    );
    let quota = quota(Limit::sliding(Unit::Bytes, 100, HOUR).unwrap(), "bytes");
    let demand = quota.of(&["me"]);
    one.take(&[demand]).await.unwrap();
    let now = one.counters.clock().now();
    one.counters.ledger().record(&[demand.amounting(100)], now);
    one.round().await;
    assert!(other.take(&[demand]).await.is_err());
    assert_eq!(other.remaining(demand), 0);
}

#[tokio::test]
async fn what_is_given_back_or_reset_at_one_gateway_is_free_at_the_other() {
    let server = Server::start();
    let mut gateways = [
        Gateway::join(&server, Mode::Shared).await,
        Gateway::join(&server, Mode::Shared).await,
    ];
    let (under_way, counted) = (quota(Limit::concurrent(2), "concurrent"), quota(sliding(2), "counted"));
    let demands = [under_way.of(&["me"]), counted.of(&["me"])];
    // The second one hears of the first.
    for gateway in gateways.iter_mut().rev() {
        gateway.take(&demands).await.unwrap();
        gateway.round().await;
    }
    let [one, other] = &mut gateways;
    assert!(one.take(&demands[..1]).await.is_err());
    other.holds.clear();
    other.round().await;
    // Refused once more by what it knew, it asks how the count stands.
    _ = one.take(&demands[..1]).await;
    one.round().await;
    one.take(&demands[..1]).await.unwrap();
    one.round().await;
    assert!(one.take(&demands[1..]).await.is_err());
    other.counters.ledger().reset(demands[1].key());
    other.round().await;
    one.round().await;
    one.take(&demands[1..]).await.unwrap();
    one.round().await;
    // So is what was reset while the store was away.
    other.courier.ledger.set_sharing(Sharing::Apart);
    other.counters.ledger().reset(demands[1].key());
    other.connection = other.courier.connect().await.unwrap();
    other.courier.ledger.set_sharing(Sharing::Told);
    assert_eq!(other.ask(&demands[1..]).await.standings[0].remaining, 1);
}

#[tokio::test]
async fn a_gateway_that_died_has_nothing_under_way() {
    let server = Server::start();
    let quota = quota(Limit::concurrent(1), "concurrent");
    let mut one = Gateway::join(&server, Mode::Exact).await;
    one.take(&[quota.of(&["me"])]).await.unwrap();
    let mut other = Gateway::join(&server, Mode::Exact).await;
    assert!(other.take(&[quota.of(&["me"])]).await.is_err());
    // As if it had been silent for so long.
    let mut connection = server.address().connection().await;
    let silent: i64 = redis::cmd("ZADD")
        .arg("tollgate:quota:gateways")
        .arg("XX")
        .arg(1)
        .arg(&one.courier.gateway)
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(silent, 0, "it was known, and nothing was added");
    other.take(&[quota.of(&["me"])]).await.unwrap();
}

#[tokio::test]
async fn counts_of_one_kind_become_counts_of_another() {
    let server = Server::start();
    let mut gateway = Gateway::join(&server, Mode::Exact).await;
    let day = Calendar::new(CalendarSpan::Day, "UTC").unwrap();
    let mut passed = 0;
    for limit in [
        sliding(3),
        Limit::calendar(Unit::Requests, 6, day),
        Limit::burst(1, HOUR * 9, 9).unwrap(),
        sliding(12),
    ] {
        let quota = quota(limit, "edited");
        for _ in 0..20 {
            passed += u64::from(gateway.take(&[quota.of(&["me"])]).await.is_ok());
        }
        assert_eq!(passed, quota.limit().quota(), "{quota:?}");
    }
}

#[tokio::test]
async fn a_store_that_forgot_is_told_what_gateways_know() {
    let mut server = Server::start();
    let (mut one, mut other) = (
        Gateway::join(&server, Mode::Shared).await,
        Gateway::join(&server, Mode::Shared).await,
    );
    let month = Calendar::new(CalendarSpan::Month, "UTC").unwrap();
    let quotas = [
        quota(sliding(40), "window"),
        quota(Limit::calendar(Unit::Requests, 40, month), "month"),
        quota(Limit::burst(1, HOUR, 40).unwrap(), "bucket"),
        quota(Limit::concurrent(40), "concurrent"),
    ];
    let demands = quotas.each_ref().map(|quota| quota.of(&["me"]));
    for turn in 0..30 {
        let gateway = if turn % 2 == 0 { &mut one } else { &mut other };
        gateway.take(&demands).await.unwrap();
        gateway.round().await;
    }
    server.kill();
    for gateway in [&mut one, &mut other] {
        assert!(
            gateway
                .courier
                .round(&mut gateway.connection, Vec::new())
                .await
                .is_err()
        );
        gateway.courier.ledger.set_sharing(Sharing::Apart);
        // Alone, and noted.
        gateway.take(&demands).await.unwrap();
    }
    server.restart();
    for gateway in [&mut one, &mut other] {
        gateway.connection = gateway.courier.connect().await.unwrap();
        gateway.courier.ledger.set_sharing(Sharing::Told);
    }
    one.round().await;
    other.round().await;
    one.courier.ledger.remind();
    one.round().await;
    for demand in demands {
        assert_eq!(other.remaining(demand), 8, "{:?}", demand.quota());
        // What the other spent at last, and nothing more, is heard when there is something to tell.
        let unheard = u64::from(!demand.quota().limit().is_concurrent());
        assert_eq!(one.remaining(demand), 8 + unheard, "{:?}", demand.quota());
    }
}

#[tokio::test]
async fn what_is_to_be_told_is_bounded_by_what_is_in_force() {
    let server = Server::start();
    let (ledger, clock) = (Ledger::new(Secret::new(SECRET), 100), Clock::start());
    let (_store, courier) = Courier::new((&ledger, clock), (server.address(), Mode::Shared), Box::new(drop));
    let quotas = [
        Quota::new(
            Limit::sliding(Unit::Requests, 9, Duration::from_secs(1)).unwrap(),
            Subjects::Invented,
            &["flood"],
            &Secret::new(SECRET),
        ),
        quota(Limit::concurrent(9), "concurrent"),
    ];
    let mut now = Duration::ZERO;
    for who in 0..10_000 {
        now += Duration::from_millis(20);
        let subject = [&*who.to_string()];
        let demands = quotas.each_ref().map(|quota| quota.of(&subject));
        drop(ledger.take(&demands, Moment::new(now, 0)).result.unwrap());
    }
    assert!(courier.ledger.untold() <= 101, "{}", courier.ledger.untold());
}

#[tokio::test]
async fn keys_name_nobody_and_end() {
    let server = Server::start();
    let mut gateway = Gateway::join(&server, Mode::Exact).await;
    let quota = quota(sliding(9), "Gold");
    gateway.take(&[quota.of(&["192.0.2.7"])]).await.unwrap();
    let mut connection = server.address().connection().await;
    let keys = server.keys().await;
    assert_eq!(keys.len(), 3, "{keys:?}");
    for key in keys {
        assert!(key.starts_with("tollgate:quota:"), "{key}");
        assert!(!key.contains("Gold") && !key.contains("192.0.2.7"));
        let life: i64 = redis::cmd("TTL").arg(&key).query_async(&mut connection).await.unwrap();
        match key.ends_with(":secret") {
            true => assert_eq!(life, -1),
            false => assert!((1..=3_601).contains(&life), "{key} {life}"),
        }
    }
}

#[tokio::test]
async fn gateways_agree_on_the_secret_of_the_first() {
    let server = Server::start();
    let (first, second) = (Secret::new([1; 16]), Secret::new([2; 16]));
    assert_eq!(learn_secret(&server.address(), first).await.unwrap(), first);
    assert_eq!(learn_secret(&server.address(), second).await.unwrap(), first);
    // One that could not ask before it began counts alone, and says so.
    let stranger = Running::start(&server, Mode::Exact);
    eventually(|| !stranger.states.lock().is_empty()).await;
    assert!(matches!(&stranger.states.lock()[0], State::Apart(reason) if reason.contains("another secret")));
    assert!(stranger.passes(&[quota(sliding(1), "alone").of(&["me"])]).await);
}

#[tokio::test]
async fn the_loss_of_the_store_stops_nobody_and_heals() {
    let mut server = Server::start();
    let quota = quota(sliding(1_000), "healing");
    for mode in [Mode::Exact, Mode::Shared] {
        let subject = format!("{mode:?}");
        let demands = [quota.of(&[&subject])];
        let gateways = [Running::start(&server, mode), Running::start(&server, mode)];
        eventually(|| gateways.iter().all(Running::is_together)).await;
        assert!(gateways[0].passes(&demands).await && gateways[1].passes(&demands).await);
        server.kill();
        let lost = Instant::now();
        while gateways.iter().any(Running::is_together) {
            for gateway in &gateways {
                assert!(gateway.passes(&demands).await);
            }
            assert!(lost.elapsed() < Duration::from_secs(1), "{mode:?}");
        }
        let before = Instant::now();
        for _ in 0..10 {
            assert!(gateways[0].passes(&demands).await);
        }
        assert!(before.elapsed() < Duration::from_millis(200), "nobody waits any more");
        server.restart();
        eventually(|| gateways.iter().all(Running::is_together)).await;
        assert!(gateways[0].passes(&demands).await);
        let [one, other] = gateways;
        one.end().await;
        other.end().await;
    }
}

#[tokio::test]
async fn a_store_that_hangs_is_given_up_within_a_second() {
    let server = Server::start();
    let gateway = Running::start(&server, Mode::Exact);
    eventually(|| gateway.is_together()).await;
    let stop = |signal: &str| {
        let pid = server.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    };
    stop("-STOP");
    let lost = Instant::now();
    let quota = quota(sliding(9), "hanging");
    assert!(gateway.passes(&[quota.of(&["me"])]).await);
    eventually(|| !gateway.is_together()).await;
    assert!(lost.elapsed() < Duration::from_secs(1), "{:?}", lost.elapsed());
    stop("-CONT");
    eventually(|| gateway.is_together()).await;
}

#[tokio::test]
async fn what_was_spent_at_last_is_told_before_the_end() {
    let server = Server::start();
    let quota = quota(sliding(1_000), "last");
    let gateway = Running::start(&server, Mode::Shared);
    eventually(|| gateway.is_together()).await;
    for _ in 0..20 {
        assert!(gateway.passes(&[quota.of(&["me"])]).await);
    }
    gateway.end().await;
    let mut other = Gateway::join(&server, Mode::Exact).await;
    other.take(&[quota.of(&["me"])]).await.unwrap();
    assert_eq!(other.remaining(quota.of(&["me"])), 979);
    assert!(
        !other
            .counters
            .ledger()
            .dump(Scope::Everything, other.counters.clock().now())
            .is_empty()
    );
}
