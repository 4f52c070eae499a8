//! Routing: host and tenant, the longest context, the version by name or by default, the resource, the method.

use crate::harness::*;

/// Starts one origin that says `one` and one that says `two`.
async fn one_and_two() -> (Origin, Origin) {
    (origin().says("one").start().await, origin().says("two").start().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_reached_by_its_name() {
    let (one, two) = one_and_two().await;
    let demo = api("Demo", "/demo")
        .version(version("1.0").to(&one))
        .version(version("2.0").to(&two));
    let gateway = gateway().api(&demo).start().await;
    assert_eq!(gateway.get("/demo/1.0/a").await.expect(200).text(), "one");
    assert_eq!(gateway.get("/demo/2.0/a/b?c=d").await.expect(200).text(), "two");
    assert_eq!(two.only_request().target, "/a/b?c=d");
    gateway.get("/demo/3.0/a").await.expect(404);
    gateway.get("/demo/a").await.expect(404);
    gateway.get("/other/1.0/a").await.expect(404);
    gateway.get("/").await.expect(404);
    assert_eq!((one.requests().len(), two.requests().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_without_a_version_reaches_the_default_version() {
    let (one, two) = one_and_two().await;
    let demo = api("Demo", "/demo").default_version(&["2.0", "1.0"]);
    let demo = demo.version(version("1.0").to(&one)).version(version("2.0").to(&two));
    let gateway = gateway().api(&demo).start().await;
    for path in ["/demo/a", "/demo/", "/demo"] {
        assert_eq!(gateway.get(path).await.expect(200).text(), "two");
    }
    let targets: Vec<_> = two.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/a", "/", "/"]);
    assert_eq!(gateway.get("/demo/1.0/a").await.expect(200).text(), "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unpublished_favourite_changes_nothing_until_it_is_published() {
    let (one, two) = one_and_two().await;
    let demo = |state: &str| {
        let demo = api("Demo", "/demo")
            .default_version(&["2.0", "1.0"])
            .version(version("1.0").to(&one));
        demo.version(version("2.0").to(&two).state(state))
    };
    let gateway = gateway().api(&demo("created")).start().await;
    assert_eq!(gateway.get("/demo/a").await.expect(200).text(), "one");
    gateway.edit_api(&demo("published"));
    gateway.reloaded();
    assert_eq!(gateway.get("/demo/a").await.expect(200).text(), "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_context_wins() {
    let (one, two) = one_and_two().await;
    let short = api("Short", "/shop")
        .default_version(&["1.0"])
        .version(version("1.0").to(&one));
    let long = api("Long", "/shop/orders")
        .default_version(&["1.0"])
        .version(version("1.0").to(&two));
    let gateway = gateway().api(&short).api(&long).start().await;
    assert_eq!(gateway.get("/shop/orders/7").await.expect(200).text(), "two");
    assert_eq!(gateway.get("/shop/orders").await.expect(200).text(), "two");
    assert_eq!(gateway.get("/shop/ordersx/7").await.expect(200).text(), "one");
    assert_eq!(gateway.get("/shop/1.0/orders/7").await.expect(200).text(), "one");
    assert_eq!(two.requests()[0].target, "/7");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_may_hold_the_version() {
    let (one, two) = one_and_two().await;
    let demo = api("Demo", "/{version}/demo")
        .version(version("1.0").to(&one))
        .version(version("2.0").to(&two));
    let gateway = gateway().api(&demo).start().await;
    assert_eq!(gateway.get("/1.0/demo/a").await.expect(200).text(), "one");
    assert_eq!(gateway.get("/2.0/demo/a").await.expect(200).text(), "two");
    gateway.get("/demo/1.0/a").await.expect(404);
    assert_eq!(two.only_request().target, "/a");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_reached_by_its_hostname_and_by_its_path() {
    let (root, acme) = one_and_two().await;
    let tenants = "[[tenants]]\ndomain = \"acme.example\"\nhostnames = [\"api.acme.example\"]\n";
    let own = api("Demo", "/demo").version(version("1.0").to(&root));
    let theirs = api("Theirs", "/demo")
        .tenant("acme.example")
        .version(version("1.0").to(&acme));
    let gateway = gateway()
        .file("catalog/tenants.toml", tenants)
        .api(&own)
        .api(&theirs)
        .start()
        .await;
    assert_eq!(gateway.get("/demo/1.0/a").await.expect(200).text(), "one");
    assert_eq!(
        gateway.get("/t/acme.example/demo/1.0/a").await.expect(200).text(),
        "two"
    );
    for host in ["api.acme.example", "API.Acme.Example:8280"] {
        assert_eq!(
            gateway.call(get("/demo/1.0/b").host(host)).await.expect(200).text(),
            "two"
        );
    }
    gateway.get("/t/globex.example/demo/1.0/a").await.expect(404);
    assert_eq!((root.requests().len(), acme.requests()[0].target.as_str()), (1, "/a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_match_segments_and_literals_win() {
    let origin = origin().start().await;
    let pets = version("1.0")
        .to(&origin)
        .resource(&["GET"], "/pets/{id}")
        .resource(&["DELETE"], "/pets/mine");
    let pets = pets.resource(&["GET"], "/pets/{id}/photos/*").resource(&["GET"], "/");
    let gateway = gateway().api(&api("Pets", "/p").version(pets)).start().await;
    gateway.get("/p/1.0/pets/7").await.expect(200);
    gateway.get("/p/1.0/pets/7/photos/a/b").await.expect(200);
    gateway.get("/p/1.0/").await.expect(200);
    gateway.get("/p/1.0").await.expect(200);
    let seen = origin.requests().len();
    for unknown in ["/p/1.0/pets", "/p/1.0/pets/7/toys", "/p/1.0/cats/7", "/p/1.0/pets/7/8"] {
        gateway.get(unknown).await.expect(404);
    }
    // The literal takes the path, so its methods are the ones that are allowed.
    let reply = gateway.call(call("PUT", "/p/1.0/pets/mine")).await.expect(405);
    assert!(reply.header("allow").unwrap().contains("DELETE"), "{reply:?}");
    assert_eq!(origin.requests().len(), seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_method_is_told_the_right_ones() {
    let origin = origin().start().await;
    let pets = version("1.0")
        .to(&origin)
        .resource(&["GET", "POST"], "/pets")
        .resource(&["PUT"], "/pets/{id}");
    let gateway = gateway().api(&api("Pets", "/p").version(pets)).start().await;
    let reply = gateway.call(call("DELETE", "/p/1.0/pets")).await.refused(405, &origin);
    let mut allowed: Vec<_> = reply.header("allow").unwrap().split(", ").collect();
    allowed.sort_unstable();
    allowed.retain(|method| !["HEAD", "OPTIONS"].contains(method));
    assert_eq!(allowed, ["GET", "POST"]);
    gateway.call(call("BREW", "/p/1.0/pets")).await.refused(405, &origin);
    gateway.call(call("BREW", "/p/1.0/tea")).await.refused(404, &origin);
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_beyond_those_of_most_apis_can_be_declared() {
    let origin = origin().start().await;
    let files = version("1.0")
        .to(&origin)
        .resource(&["GET", "PROPFIND", "M-SEARCH"], "/files/*");
    let gateway = gateway().api(&api("Files", "/f").version(files)).start().await;
    for method in ["PROPFIND", "M-SEARCH"] {
        gateway.call(call(method, "/f/1.0/files/a")).await.expect(200);
        let seen = origin.requests().pop().unwrap();
        assert_eq!((seen.method.as_str(), seen.target.as_str()), (method, "/files/a"));
    }
    for method in ["MOVE", "propfind", "TRACE"] {
        let reply = gateway.call(call(method, "/f/1.0/files/a")).await.expect(405);
        assert_eq!(reply.header("allow"), Some("GET, HEAD, M-SEARCH, OPTIONS, PROPFIND"));
    }
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_answered_where_get_is() {
    let origin = origin()
        .answers(|_| answer(200).header("X-Size", "6").body("origin"))
        .start()
        .await;
    let pets = version("1.0")
        .to(&origin)
        .resource(&["GET"], "/pets")
        .resource(&["POST"], "/orders");
    let gateway = gateway().api(&api("Pets", "/p").version(pets)).start().await;
    let mut caller = gateway.connect().await;
    let reply = caller.call(call("HEAD", "/p/1.0/pets")).await.expect(200);
    assert_eq!(
        (reply.header("x-size"), reply.header("content-length")),
        (Some("6"), Some("6"))
    );
    assert_eq!(origin.only_request().method, "HEAD");
    caller.call(call("HEAD", "/p/1.0/orders")).await.expect(405);
    assert_eq!(caller.call(get("/p/1.0/pets")).await.expect(200).text(), "origin");
}

#[tokio::test(flavor = "multi_thread")]
async fn options_is_answered_unless_it_is_declared() {
    let origin = origin().says("mine").start().await;
    let pets = version("1.0")
        .to(&origin)
        .resource(&["GET", "POST"], "/pets")
        .resource(&["OPTIONS"], "/own");
    let gateway = gateway().api(&api("Pets", "/p").version(pets)).start().await;
    let reply = gateway.call(call("OPTIONS", "/p/1.0/pets")).await.refused(204, &origin);
    let allow = reply.header("allow").unwrap();
    assert!(
        allow.contains("GET") && allow.contains("POST") && allow.contains("OPTIONS"),
        "{allow}"
    );
    gateway.call(call("OPTIONS", "/p/1.0/cats")).await.refused(404, &origin);
    assert_eq!(
        gateway.call(call("OPTIONS", "/p/1.0/own")).await.expect(200).text(),
        "mine"
    );
    assert_eq!(origin.only_request().method, "OPTIONS");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trailing_slash_makes_another_path() {
    let origin = origin().start().await;
    let pets = version("1.0")
        .to(&origin)
        .resource(&["GET"], "/pets")
        .resource(&["GET"], "/cats/");
    let gateway = gateway().api(&api("Pets", "/p").version(pets)).start().await;
    gateway.get("/p/1.0/pets/").await.refused(404, &origin);
    gateway.get("/p/1.0/cats").await.refused(404, &origin);
    gateway.get("/p/1.0/pets").await.expect(200);
    gateway.get("/p/1.0/cats/").await.expect(200);
    assert_eq!(origin.last_request().target, "/cats/");
}
