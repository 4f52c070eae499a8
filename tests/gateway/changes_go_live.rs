//! A change on disk is served whole or refused whole, however it came to be written.

use std::os::unix::fs::symlink;

use crate::harness::*;

/// The same API, as each of two origins would have it.
fn demo(origin: &Origin) -> Api {
    api("Demo", "/demo").version(version("1.0").to(origin))
}

async fn one_and_two() -> (Origin, Origin) {
    (origin().says("one").start().await, origin().says("two").start().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_saved_is_served() {
    let (one, two) = one_and_two().await;
    let gateway = gateway().api(&demo(&one)).start().await;
    assert_eq!(gateway.get("/demo/1.0/a").await.expect(200).text(), "one");
    gateway.edit_api(&demo(&two));
    gateway.comes_to_say("/demo/1.0/a", 200, "two").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_renamed_over_is_served() {
    let (one, two) = one_and_two().await;
    let gateway = gateway().api(&demo(&one)).start().await;
    for origin in [&two, &one, &two] {
        let beside = gateway.path("catalog/apis/.demo.toml.swp");
        std::fs::write(&beside, demo(origin).toml()).unwrap();
        std::fs::rename(&beside, gateway.path("catalog/apis/demo.toml")).unwrap();
        let body = if origin.address() == two.address() {
            "two"
        } else {
            "one"
        };
        gateway.comes_to_say("/demo/1.0/a", 200, body).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_symlink_that_is_swapped_is_served() {
    let (one, two) = one_and_two().await;
    let builder = gateway().file("catalog/..1/demo.toml", &demo(&one).toml());
    let builder = builder.file("catalog/..2/demo.toml", &demo(&two).toml());
    let catalog = builder.path("catalog");
    symlink("..1", catalog.join("..data")).unwrap();
    symlink("..data/demo.toml", catalog.join("demo.toml")).unwrap();
    let gateway = builder.start().await;
    assert_eq!(gateway.get("/demo/1.0/a").await.expect(200).text(), "one");
    symlink("..2", catalog.join("..data_tmp")).unwrap();
    std::fs::rename(catalog.join("..data_tmp"), catalog.join("..data")).unwrap();
    gateway.comes_to_say("/demo/1.0/a", 200, "two").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_files_are_one_change() {
    let (one, two) = one_and_two().await;
    let gateway = gateway().api(&demo(&one)).start().await;
    let theirs = api("Theirs", "/theirs")
        .tenant("acme.example")
        .version(version("1.0").to(&two));
    gateway.edit_api(&theirs);
    gateway.reload().unwrap_err();
    gateway.get("/t/acme.example/theirs/1.0/a").await.expect(404);
    gateway.edit("tenants.toml", "[[tenants]]\ndomain = \"acme.example\"\n");
    gateway.comes_to_say("/t/acme.example/theirs/1.0/a", 200, "two").await;
    assert_eq!(gateway.get("/demo/1.0/a").await.expect(200).text(), "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_deleted_is_gone() {
    let (one, two) = one_and_two().await;
    let other = api("Other", "/other").version(version("1.0").to(&two));
    let gateway = gateway().api(&demo(&one)).api(&other).start().await;
    std::fs::remove_file(gateway.path("catalog/apis/demo.toml")).unwrap();
    eventually("the API to be gone", async || {
        gateway.get("/demo/1.0/a").await.status == 404
    })
    .await;
    gateway.get("/other/1.0/a").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_rises_with_each_change_and_only_then() {
    let (one, two) = one_and_two().await;
    let gateway = gateway().api(&demo(&one)).start().await;
    let first = gateway.reload().unwrap();
    assert_eq!(gateway.reload().unwrap(), first);
    gateway.edit_api(&demo(&two));
    let second = gateway.reload().unwrap();
    assert!(second > first);
    assert_eq!(gateway.get("/demo/1.0/a").await.expect(200).text(), "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_change_leaves_the_last_good_one_serving_and_shows_until_it_is_mended() {
    let (one, two) = one_and_two().await;
    let gateway = gateway().api(&demo(&one)).start().await;
    assert_eq!(gateway.metric("tollgate_catalog_refused", &[]).await, 0.0);
    gateway.edit_api(&demo(&two).line("contxt = \"/x\""));
    let violations = gateway.reload().unwrap_err();
    let place = (violations[0].line, violations[0].file.ends_with("demo.toml"));
    assert_eq!(place, (3, true), "{violations:?}");
    assert!(violations[0].message.contains("contxt"), "{violations:?}");
    assert_eq!(gateway.get("/demo/1.0/a").await.expect(200).text(), "one");
    let ready = gateway.status("/readyz").await.expect(200).text();
    assert!(ready.contains("contxt") && ready.contains("demo.toml"), "{ready}");
    assert_eq!(gateway.metric("tollgate_catalog_refused", &[]).await, 1.0);
    gateway.edit_api(&demo(&two));
    gateway.reloaded();
    assert_eq!(gateway.get("/demo/1.0/a").await.expect(200).text(), "two");
    assert!(!gateway.status("/readyz").await.expect(200).text().contains("contxt"));
    assert_eq!(gateway.metric("tollgate_catalog_refused", &[]).await, 0.0);
}

/// Saving in place empties a file first: what is missing for that moment was not taken away.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_half_saved_takes_nothing_away() {
    let (one, two) = one_and_two().await;
    let gateway = gateway().api(&demo(&one)).start().await;
    let whole = demo(&two).toml();
    for half in ["", &whole[..whole.find("production").unwrap() + 4]] {
        gateway.edit("apis/demo.toml", half);
        gateway.reload().unwrap_err();
        assert_eq!(gateway.get("/demo/1.0/a").await.expect(200).text(), "one");
    }
    gateway.edit("apis/demo.toml", &whole);
    gateway.comes_to_say("/demo/1.0/a", 200, "two").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_of_a_change_is_said_at_once() {
    let (one, _two) = one_and_two().await;
    let gateway = gateway().api(&demo(&one)).start().await;
    let clash = api("Clash", "/demo").version(version("1.0").to(&one));
    let dangling = api("Dangling", "/dangling")
        .tenant("nobody.example")
        .version(version("1.0").to(&one));
    let guarded = api("Guarded", "/guarded").version(version("1.0").to(&one).resource(&["GET"], "/a"));
    let guarded = guarded
        .toml()
        .replace("auth = \"none\"", "auth = \"any\"\nscopes = [\"unknown\"]");
    gateway.edit_api(&clash);
    gateway.edit_api(&dangling);
    gateway.edit("apis/guarded.toml", &guarded);
    gateway.edit("apis/torn.toml", "name = \"Torn\ncontext");
    let violations = gateway.reload().unwrap_err();
    // What cannot be parsed may hide what depends on it, but never another file's own syntax.
    assert!(
        violations.iter().any(|violation| violation.file.ends_with("torn.toml")),
        "{violations:#?}"
    );
    std::fs::remove_file(gateway.path("catalog/apis/torn.toml")).unwrap();
    let violations = gateway.reload().unwrap_err();
    for file in ["dangling.toml", "guarded.toml"] {
        let of_file: Vec<_> = violations
            .iter()
            .filter(|violation| violation.file.ends_with(file))
            .collect();
        assert!(
            of_file
                .iter()
                .any(|violation| violation.line > 0 && violation.column > 0),
            "{file}: {violations:#?}"
        );
    }
    assert!(
        violations.iter().any(|violation| violation.message.contains("/demo")),
        "{violations:#?}"
    );
    assert_eq!(gateway.get("/demo/1.0/a").await.expect(200).text(), "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_finishes_with_what_it_began_with() {
    let gate = Gate::new();
    let shut = gate.clone();
    let slow = origin()
        .answers(move |_| answer(200).body("slow").behind(&shut))
        .start()
        .await;
    let two = origin().says("two").start().await;
    let gateway = gateway().api(&demo(&slow)).start().await;
    let mut caller = gateway.connect().await;
    caller.send(get("/demo/1.0/a").bytes()).await;
    slow.saw(1).await;
    gateway.edit_api(&demo(&two));
    gateway.reloaded();
    assert_eq!(gateway.get("/demo/1.0/a").await.expect(200).text(), "two");
    gateway.edit(
        "nothing.toml",
        "# so that the catalog is not empty, which would be refused",
    );
    std::fs::remove_file(gateway.path("catalog/apis/demo.toml")).unwrap();
    gateway.reloaded();
    gate.open();
    assert_eq!(caller.reply().await.expect(200).text(), "slow");
    // The connection goes on with what is served now.
    caller.call(get("/demo/1.0/a")).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_and_connections_survive_a_change() {
    let origin = origin().start().await;
    let gateway = gateway().api(&demo(&origin)).start().await;
    let count = async || gateway.metric("tollgate_requests_total", &["api=\"Demo\""]).await;
    gateway.get("/demo/1.0/a").await.expect(200);
    eventually("a request to be counted", async || count().await == 1.0).await;
    gateway.edit_api(&demo(&origin).line("# a comment"));
    gateway.edit("scopes.toml", "# none yet\n");
    gateway.edit_api(&demo(&origin).default_version(&["1.0"]));
    gateway.reloaded();
    gateway.get("/demo/a").await.expect(200);
    eventually("another to be counted with it", async || count().await == 2.0).await;
    assert_eq!(origin.connections(), 1);
}
