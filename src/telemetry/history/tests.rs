//! Samples as differences, over a clock that is stepped.

use super::*;
use crate::accept::connections::Connections;
use crate::cache::cached::Outcome;

/// Looks at the meters again and again, ten seconds apart.
struct Looking {
    telemetry: Arc<Telemetry>,
    began: (SystemTime, Instant),
    looks: u32,
}

impl Looking {
    fn new() -> Self {
        let began = (
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            Instant::now(),
        );
        let mut this = Self {
            telemetry: Telemetry::new(None, Connections::new(0)),
            began,
            looks: 0,
        };
        this.look();
        this
    }

    fn look(&mut self) {
        let since = STEP * self.looks;
        self.looks += 1;
        let reading = self.telemetry.reading(self.began.0 + since, self.began.1 + since);
        self.telemetry.history().note(reading);
    }

    fn answer(&self, version: &str, status: u16, times: usize) {
        let meter = self.telemetry.meter("carbon.super", "Demo", version);
        (0..times).for_each(|_| meter.answered(status, Duration::from_micros(400)));
    }

    fn samples(&self) -> Vec<Arc<Sample>> {
        self.telemetry.history().samples()
    }
}

#[test]
fn a_sample_is_what_happened_since_the_last_look() {
    let mut looking = Looking::new();
    assert!(looking.samples().is_empty(), "one look is no sample");
    looking.answer("1.0", 200, 3);
    looking.answer("1.0", 404, 2);
    looking.answer("2.0", 502, 1);
    looking.look();
    looking.answer("1.0", 200, 1);
    looking
        .telemetry
        .meter("carbon.super", "Demo", "1.0")
        .cached(Outcome::Hit);
    looking.look();
    looking.look();
    let samples = looking.samples();
    let requests: Vec<_> = samples.iter().map(|sample| sample.whole.requests()).collect();
    assert_eq!(requests, [6, 1, 0]);
    assert_eq!(samples[0].whole.answered, [0, 0, 3, 0, 2, 1]);
    assert_eq!((samples[0].span, samples[0].at), (STEP, looking.began.0 + STEP));
    assert_eq!(samples[0].whole.cached.iter().sum::<u64>(), 0);
    let hit = Outcome::ALL
        .iter()
        .position(|outcome| *outcome == Outcome::Hit)
        .unwrap();
    assert_eq!(samples[1].whole.cached[hit], 1);
    assert!(samples[2].versions.is_empty());
    let shares: Vec<_> = samples[0]
        .versions
        .iter()
        .map(|share| {
            (
                share.version().2,
                share.requests,
                share.client_errors,
                share.server_errors,
            )
        })
        .collect();
    assert_eq!(shares, [("1.0", 5, 2, 0), ("2.0", 1, 0, 1)]);
    assert!(samples[0].versions[0].p99.unwrap() <= Duration::from_micros(500));
}

#[test]
fn refusals_for_a_quota_are_counted_and_those_for_a_full_backend_are_not() {
    let mut looking = Looking::new();
    let refuse = |code: &'static str, reason: &'static str| {
        let refusals = &looking.telemetry.refusals;
        refusals.get_or_create(&[("code", code), ("reason", reason)]).inc();
    };
    refuse("900803", "application_throttled");
    refuse("900804", "subscription_throttled");
    refuse("900801", "backend_throttled");
    refuse("900901", "invalid_credentials");
    looking.look();
    assert_eq!(looking.samples()[0].throttled, 2);
}

#[test]
fn what_meets_no_api_counts_for_the_whole_and_for_no_version() {
    let mut looking = Looking::new();
    looking.telemetry.meters.unmatched.answered(404, Duration::ZERO);
    looking.look();
    let samples = looking.samples();
    assert_eq!((samples[0].whole.requests(), samples[0].versions.len()), (1, 0));
}

#[test]
fn a_version_that_was_forgotten_begins_anew() {
    let mut looking = Looking::new();
    looking.answer("1.0", 200, 100);
    looking.look();
    looking.telemetry.published(2, 0, std::iter::empty());
    looking.answer("1.0", 200, 7);
    looking.look();
    let requests: Vec<_> = looking.samples().iter().map(|sample| sample.whole.requests()).collect();
    assert_eq!(requests, [100, 7]);
}

#[test]
fn an_hour_is_kept_and_of_each_sample_the_busiest_versions() {
    let mut looking = Looking::new();
    for version in 0..BUSIEST + 5 {
        looking.answer(&format!("{version}"), 200, version + 1);
    }
    looking.look();
    let busiest = looking.samples()[0]
        .versions
        .iter()
        .map(|share| share.requests)
        .collect::<Vec<_>>();
    assert_eq!(busiest.len(), BUSIEST);
    assert_eq!((busiest[0], busiest[BUSIEST - 1]), (25, 6));
    for _ in 0..MOST {
        looking.look();
    }
    let samples = looking.samples();
    assert_eq!(samples.len(), MOST);
    assert_eq!(samples[0].at, looking.began.0 + STEP * 2, "the oldest is gone");
    assert_eq!(samples[MOST - 1].at, looking.began.0 + STEP * 361);
}

#[test]
fn the_process_is_looked_at() {
    let mut looking = Looking::new();
    let _under_way = looking.telemetry.began();
    // Until the clock of the processor has moved.
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        looking.look();
        if looking
            .samples()
            .last()
            .is_some_and(|sample| !sample.processor.is_zero())
        {
            break;
        }
        assert!(Instant::now() < until);
    }
    let samples = looking.samples();
    let last = samples.last().unwrap();
    assert_eq!(last.now.in_flight, 1);
    assert!(last.now.resident > 1 << 20, "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn the_meters_are_looked_at_every_ten_seconds_until_shutdown() {
    let telemetry = Telemetry::new(None, Connections::new(0));
    let (shutdown, stopping) = watch::channel(false);
    let keeping = tokio::spawn(Arc::clone(&telemetry).keep_history(stopping));
    tokio::time::sleep(STEP * 3 + STEP / 2).await;
    assert_eq!(telemetry.history().samples().len(), 3);
    shutdown.send_replace(true);
    keeping.await.unwrap();
}
