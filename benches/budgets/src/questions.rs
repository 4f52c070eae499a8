//! The questions, and how each of them is counted: in a process of its own, so that none hangs on what came before it.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::callgrind::{Counted, pose_to_callgrind};
use crate::scratch::Scratch;
use crate::{Count, Result, deciding, routing};

/// Something that is asked again and again; everything before is not counted.
pub(crate) type Asked = Box<dyn FnMut()>;

/// A name, how often it is asked, and what is set up to ask it.
struct Question(&'static str, u64, fn() -> Asked);

/// How often: so that one answer that takes longer than others, for a table that grows or a name whose hash meets
/// another's, is a small part of all.
const OFTEN: u64 = 2_000;

const QUESTIONS: &[Question] = &[
    Question("route-10", OFTEN, || routing::route(10)),
    Question("route-10000", OFTEN, || routing::route(10_000)),
    Question("admit-permit-10", OFTEN, || deciding::admit(10, "resource-2/42")),
    Question("admit-permit-10000", OFTEN, || deciding::admit(10_000, "resource-2/42")),
    Question("admit-refusal-10", OFTEN, || deciding::admit(10, "nothing/here")),
    Question("admit-refusal-10000", OFTEN, || deciding::admit(10_000, "nothing/here")),
    Question("credential-token", OFTEN, deciding::token),
    Question("credential-api-key", OFTEN, deciding::api_key),
    Question("ledger-pass", OFTEN, || deciding::ledger(1_000_000_000)),
    Question("ledger-refusal", OFTEN, || deciding::ledger(1)),
    Question("decision-open", OFTEN, || {
        deciding::decision("/orders/1.0/orders/42", false, 200)
    }),
    Question("decision-full", OFTEN, || {
        deciding::decision("/orders/2.0/orders/42", true, 200)
    }),
    Question("decision-no-token", OFTEN, || {
        deciding::decision("/orders/2.0/orders/42", false, 401)
    }),
    Question("decision-throttled", OFTEN, || {
        deciding::decision("/orders/3.0/orders/42", false, 429)
    }),
    Question("cache-key", OFTEN, routing::cache_key),
    Question("believe-100", 5, || routing::believe(100)),
    Question("compile-100", 5, || routing::compile(100)),
    Question("swap-read", OFTEN, routing::read),
    Question("swap-replace", OFTEN, routing::replace),
];

/// Returns their names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    QUESTIONS.iter().map(|Question(name, ..)| *name)
}

/// The word by which this program is asked one question, which it is by itself and under callgrind.
pub(crate) const ASK: &str = "--ask";

/// Asks one question: once as often as counted, so that whatever happens only at first has happened, and then counted.
pub(crate) fn ask(name: &str) {
    let question = QUESTIONS.iter().find(|Question(known, ..)| *known == name);
    let Question(_, times, set_up) = question.expect("a question's name");
    let mut asked = set_up();
    (0..*times).for_each(|_| asked());
    pose_to_callgrind(&mut *asked, *times);
}

/// Counts those that are wanted, as many at once as there are cores.
pub(crate) fn count(is_wanted: impl Fn(&str) -> bool) -> Result<Vec<Count>> {
    let wanted: Vec<&Question> = QUESTIONS.iter().filter(|Question(name, ..)| is_wanted(name)).collect();
    let (next, counts) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || -> Result<()> {
        while let Some(question) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
            let counted = question.count()?;
            counts.lock().expect("no panic").push((question.0, counted));
        }
        Ok(())
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().expect("no panic"))
    })?;
    let mut counts = counts.into_inner().expect("no panic");
    counts.sort_by_key(|(name, _)| names().position(|known| known == *name));
    Ok(counts)
}

impl Question {
    fn count(&self) -> Result<u64> {
        let Self(name, times, _) = self;
        let directory = Scratch::new(name)?;
        let program = std::env::current_exe()?;
        let counted = Counted::start(&program, &[ASK, name], directory.path())?;
        let total = counted.total().map_err(|e| format!("{name}: {e}"))?;
        // One that takes nothing was not counted at all.
        if total < *times {
            return Err(
                format!("{name}: callgrind counted {total} instructions: it did not find what to count").into(),
            );
        }
        Ok(total.div_ceil(*times))
    }
}
