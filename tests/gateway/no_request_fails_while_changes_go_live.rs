//! Reload under load: callers who never stop must not notice that the catalog changes below them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::harness::*;

const CHANGES: usize = 20;

/// The API as of one change: another default, another number of resources, the same promise to its callers.
fn demo(origins: &[Origin; 2], change: usize) -> Api {
    let turned = [&origins[change % 2], &origins[(change + 1) % 2]];
    let mut one = version("1.0").to(turned[0]);
    for place in 0..=change {
        one = one.resource(&["GET"], &format!("/extra-{place}/{{id}}"));
    }
    let two = version("2.0").production(&[&turned[0].url(), &turned[1].url()]);
    let labels = [["1.0", "2.0"], ["2.0", "1.0"]][change % 2];
    api("Demo", "/demo")
        .default_version(&labels)
        .version(one.resource(&["GET"], "/*"))
        .version(two)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_changes_go_live() {
    let origins = [origin().start().await, origin().start().await];
    let gateway = Arc::new(gateway().api(&demo(&origins, 0)).start().await);
    let is_over = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let mut callers = tokio::task::JoinSet::new();
    for keeps_alive in [true, true, false] {
        let (gateway, is_over, answered) = (Arc::clone(&gateway), Arc::clone(&is_over), Arc::clone(&answered));
        callers.spawn(async move {
            let mut caller = gateway.connect().await;
            while !is_over.load(Ordering::SeqCst) {
                if !keeps_alive {
                    caller = gateway.connect().await;
                }
                for target in ["/demo/1.0/a", "/demo/2.0/a", "/demo/a"] {
                    assert_eq!(caller.call(get(target)).await.expect(200).text(), "origin");
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
    }
    for change in 1..=CHANGES {
        let before = answered.load(Ordering::SeqCst);
        gateway.edit_api(&demo(&origins, change));
        gateway.reloaded();
        eventually("callers to go on", async || {
            answered.load(Ordering::SeqCst) >= before + 9
        })
        .await;
    }
    is_over.store(true, Ordering::SeqCst);
    callers.join_all().await;
    let seen: usize = origins.iter().map(|origin| origin.requests().len()).sum();
    assert_eq!(seen, answered.load(Ordering::SeqCst));
    gateway.get(&format!("/demo/1.0/extra-{CHANGES}/7")).await.expect(200);
}
