//! Policy tests: what `tollgate test` says, and that no change is served which fails one that is required to pass.

use super::*;

/// A test of the demonstration API, which expects a status; its request never reaches a backend.
fn tests(status: u16) -> String {
    format!(
        "[[tests]]\nname = \"nowhere is nothing\"\nrequest = {{ url = \"/nowhere\" }}\nexpect = {{ status = {status} }}\n\n\
         [[tests]]\nname = \"A & B\"\nrequest = {{ url = \"/demo/1.0/a\" }}\nexpect = {{ decision = \"allowed\" }}\n"
    )
}

#[test]
fn a_test_run_ends_with_0_1_or_2_and_says_why() {
    let site = Site::new();
    let none = site.tollgate(&["test"]);
    assert_eq!(
        (none.status.code(), stdout(&none).as_str()),
        (Some(0), "ok: 0 tests passed in 0 ms\n")
    );
    site.write("catalog/tests/demo.toml", &tests(404));
    let good = site.tollgate(&["test"]);
    assert_eq!(good.status.code(), Some(0), "{good:?}");
    assert!(stdout(&good).starts_with("ok: 2 tests passed in "), "{good:?}");

    site.write("catalog/tests/demo.toml", &tests(403));
    let failing = site.tollgate(&["test"]);
    assert_eq!(failing.status.code(), Some(1), "{failing:?}");
    let said = stdout(&failing);
    for part in [
        "FAILED: nowhere is nothing",
        "demo.toml:2:8",
        "expected  403",
        "got       404",
        "NO  locate",
        "1 of 2 tests failed",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }

    site.write("catalog/tests/demo.toml", &tests(403).replace("status", "sttus"));
    let broken = site.tollgate(&["test"]);
    assert_eq!(broken.status.code(), Some(2), "{broken:?}");
    assert!(stderr(&broken).contains("demo.toml:4:12"), "{broken:?}");
    site.write("catalog/tests/demo.toml", &tests(404));
    site.write("catalog/apis/demo.toml", &site.demo().replace("context", "contxt"));
    let broken = site.tollgate(&["test"]);
    assert_eq!(broken.status.code(), Some(2), "{broken:?}");
    assert!(stderr(&broken).contains("demo.toml:2:1"), "{broken:?}");
}

#[test]
fn a_test_run_is_told_to_programs_and_pipelines() {
    let site = Site::new();
    site.write("one.toml", &tests(403));
    let (file, report) = (site.path("one.toml"), site.path("report.xml"));
    let output = site.tollgate(&[
        "test",
        file.to_str().unwrap(),
        "--format",
        "json",
        "--junit",
        report.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((&told["passed"], &told["failed"]), (&1.into(), &1.into()));
    let difference = &told["tests"][0]["differences"][0];
    assert_eq!(
        (&difference["field"], &difference["got"]),
        (&"status".into(), &"404".into())
    );
    assert_eq!(difference["line"], 4);
    let report = fs::read_to_string(report).unwrap();
    for part in [
        "tests=\"2\"",
        "failures=\"1\"",
        "name=\"A &amp; B\"",
        "message=\"status: expected 403, got 404\"",
        "locate: ",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
    let nowhere = site.path("no-such-directory/report.xml");
    let output = site.tollgate(&["test", file.to_str().unwrap(), "--junit", nowhere.to_str().unwrap()]);
    assert!(
        output.status.code() == Some(1) && stderr(&output).contains("cannot write"),
        "{output:?}"
    );
}

#[test]
fn the_samples_tests_pass_as_the_readme_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let said = readme
        .split("\n$ tollgate test\n")
        .nth(1)
        .expect("the README runs the tests");
    let expected = said.split(" passed in ").next().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["test", "--conf", "conf"])
        .current_dir(root)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stdout(&output).starts_with(expected), "{expected}: {output:?}");
}

#[test]
fn no_change_is_served_while_a_required_test_fails() {
    let site = Site::new();
    let _origin = site.origin();
    site.write("catalog/tests/demo.toml", &tests(404));
    let required: &[(&str, &str)] = &[("TOLLGATE_CATALOG_REQUIRE_TESTS", "true")];
    let _gateway = site.spawn_with(&["run"], required);
    site.ready();
    assert_eq!(get(site.http, "/demo/1.0/a").status, 200);

    // A hand edit that fails a test is not served, and the place of the test is told.
    let demo = site.demo();
    let moved = demo.replace("\"/demo\"", "\"/moved\"");
    assert_ne!(moved, demo);
    site.write("catalog/apis/demo.toml", &moved);
    let reload = site.tollgate(&["reload"]);
    assert_eq!(reload.status.code(), Some(2), "{reload:?}");
    assert!(stderr(&reload).contains("the policy test `A & B` fails"), "{reload:?}");
    assert!(stderr(&reload).contains("tests/demo.toml:9:23"), "{reload:?}");
    assert_eq!(get(site.http, "/demo/1.0/a").status, 200, "the last good one stays");
    assert_eq!(get(site.http, "/moved/1.0/a").status, 404);
    let check = |required: &[(&str, &str)]| {
        let output = site
            .command(&["check"])
            .envs(required.iter().copied())
            .output()
            .unwrap();
        (output.status.code(), stdout(&output))
    };
    let (code, said) = check(required);
    assert!(code == Some(2) && said.contains("tests/demo.toml:9:23"), "{said}");
    assert_eq!(check(&[]).0, Some(0), "nobody requires them");

    // Nor is it where the tests are gone, as they are where a volume is not mounted.
    let tests_folder = site.path("catalog/tests");
    let aside = site.path("aside");
    fs::rename(&tests_folder, &aside).unwrap();
    let (code, said) = check(required);
    assert!(code == Some(2) && said.contains("no folder of policy tests"), "{said}");
    std::os::unix::fs::symlink(site.path("nowhere"), &tests_folder).unwrap();
    let (code, said) = check(required);
    assert!(code == Some(2) && said.contains("catalog/tests"), "{said}");
    fs::remove_file(&tests_folder).unwrap();
    fs::rename(&aside, &tests_folder).unwrap();

    // What the test expects is mended, and the edit is served without another one.
    site.write("catalog/tests/demo.toml", &tests(404).replace("/demo/", "/moved/"));
    eventually("the edit is served", || get(site.http, "/moved/1.0/a").status == 200);

    // A test that fails what is served is told at once, and stops the next change alone.
    site.write("catalog/tests/demo.toml", &tests(403));
    eventually("the failing test is told", || {
        get(site.status, "/readyz").body.contains("nowhere is nothing")
    });
    assert_eq!(get(site.http, "/moved/1.0/a").status, 200);
    let reload = site.tollgate(&["reload"]);
    assert_eq!(reload.status.code(), Some(2), "{reload:?}");
    site.write("catalog/tests/demo.toml", &tests(404).replace("/demo/", "/moved/"));
    eventually("it is mended", || site.tollgate(&["reload"]).status.success());
    assert!(!get(site.status, "/readyz").body.contains("nowhere is nothing"));
}
