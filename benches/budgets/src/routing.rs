//! Questions of what is served: to find it, to name what is kept of it, to make it anew.

use std::hint::black_box;

use admin::model::catalog::Catalog;
use admin::model::method::MethodName;
use admin::model::sample;
use admin::model::source::NoReferences;
use tollgate::cache::key::{self, Asked as Wanted};
use tollgate::head::Scheme;
use tollgate::registry::key_pair::KeyType;
use tollgate::snapshot::live::Live;
use tollgate::snapshot::{Found, Mount, Snapshot};
use tollgate::target::segments;

use crate::questions::Asked;
use crate::world::{World, headers, sampled};

/// Finds a resource among those of so many APIs, another one each time.
pub(crate) fn route(apis: usize) -> Asked {
    let snapshot = sampled(apis);
    let paths: Vec<_> = (0..apis)
        .map(|api| format!("/sample-{api}/1.0/resource-2/42"))
        .collect();
    let mut turn = 0;
    Box::new(move || {
        turn = (turn + STEP) % apis;
        let found = find(&snapshot, black_box(paths.get(turn).expect("one of them")));
        assert!(matches!(black_box(found), Found::Route(_)));
    })
}

/// Leads through all of them: it has no divisor in common with their number.
const STEP: usize = 7_919;

fn find(snapshot: &Snapshot, path: &str) -> Found {
    let place = snapshot.find_place("bench.example", path).expect("it is mounted");
    let Mount::Named(version) = place.mount else {
        return Found::Nothing;
    };
    snapshot.find_route(version, &segments(&path[place.rest..]), Some(MethodName::Get))
}

/// Makes the key of a response that is kept.
pub(crate) fn cache_key() -> Asked {
    let world = World::new();
    let Found::Route(route) = find(&world.snapshot, "/orders/1.0/orders/42") else {
        unreachable!("the resource is there")
    };
    let policy = world.snapshot.route(route).cache.as_deref().expect("it is kept");
    let headers = headers(None);
    Box::new(move || {
        let target = key::target(black_box("/base/orders/42"), "part=snippet", &policy.caching.query);
        let wanted = Wanted {
            policy,
            environment: KeyType::Production,
            scheme: Scheme::Http,
            host: b"bench.example",
            target: &target,
            headers: &headers,
        };
        black_box(wanted.key(|_| true));
    })
}

/// Reads and believes the files of so many versions.
pub(crate) fn believe(versions: usize) -> Asked {
    let sources = sample::catalog(versions, 1, 5);
    Box::new(move || {
        black_box(Catalog::believe(black_box(&sources), &NoReferences).expect("a sample is valid"));
    })
}

/// Compiles a catalog of so many versions.
pub(crate) fn compile(versions: usize) -> Asked {
    let catalog = Catalog::believe(&sample::catalog(versions, 1, 5), &NoReferences).expect("a sample is valid");
    Box::new(move || {
        black_box(tollgate::snapshot::compile(1, black_box(&catalog)).expect("a sample compiles"));
    })
}

/// Reads what is served.
pub(crate) fn read() -> Asked {
    let live = Live::new(Snapshot::default());
    Box::new(move || {
        black_box(live.current());
    })
}

/// Replaces what is served, which nobody holds any more.
pub(crate) fn replace() -> Asked {
    let live = Live::new(Snapshot::default());
    Box::new(move || drop(live.replace(black_box(Snapshot::default()))))
}
