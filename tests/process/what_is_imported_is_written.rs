//! `tollgate import`: what it writes is what `check` accepts and the gateway serves; what it refuses changes nothing.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::{Site, eventually, get, stderr, stdout};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("admin/tests/import")
        .join(name)
}

fn import(site: &Site, arguments: &[&str]) -> Output {
    site.tollgate(&[&["import"], arguments].concat())
}

/// Returns the files of the catalog and what they hold.
fn catalog(site: &Site) -> Vec<(PathBuf, String)> {
    let mut files: Vec<_> = fs::read_dir(site.path("catalog/apis"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn the_import_of_the_readme_is_served_once_it_is_published() {
    let site = Site::new();
    let _origin = site.origin();
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let line = readme
        .lines()
        .find(|line| line.starts_with("tollgate import openapi"))
        .unwrap();
    let line = line.replace("127.0.0.1:9001", &site.origin_name());
    let words: Vec<_> = line.split_whitespace().skip(1).collect();
    let output = site.command(&words).current_dir(sample("")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = stdout(&output);
    assert!(
        said.contains("notes on what is different") && said.contains("/servers/1"),
        "{said}"
    );
    assert!(
        said.contains("wrote") && said.contains("pet-store.toml") && said.contains("published"),
        "{said}"
    );
    assert_eq!(site.tollgate(&["check"]).status.code(), Some(0));

    let _gateway = site.run(&[]);
    assert_eq!(get(site.http, "/pets/1.10/health").status, 404);
    let file = "catalog/apis/pet-store.toml";
    let text = fs::read_to_string(site.path(file)).unwrap();
    site.write(file, &text.replace("\"created\"", "\"published\""));
    eventually("it is served", || get(site.http, "/pets/1.10/health").status == 200);
    assert_eq!(get(site.http, "/pets/1.10/pets").status, 401);
}

#[test]
fn another_version_is_added_to_the_file_of_its_api() {
    let site = Site::new();
    let source = sample("petstore.yaml");
    let source = source.to_str().unwrap();
    let file = "catalog/apis/demo.toml";
    site.write(file, &format!("# Kept.\n{}", site.demo()));
    let arguments = ["openapi", source, "--name", "Demo", "--version", "2.0"];
    let refused = import(&site, &[&arguments[..], &["--context", "/other"]].concat());
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(stderr(&refused).contains("--context /demo"), "{}", stderr(&refused));
    let added = import(&site, &arguments);
    assert!(added.status.success(), "{added:?}");
    let text = fs::read_to_string(site.path(file)).unwrap();
    assert!(
        text.starts_with("# Kept.\n") && text.contains("\"1.0\"") && text.contains("\"2.0\""),
        "{text}"
    );
    assert_eq!(catalog(&site).len(), 1);
    assert_eq!(site.tollgate(&["check"]).status.code(), Some(0));

    let before = catalog(&site);
    let again = import(&site, &arguments);
    assert_eq!(again.status.code(), Some(2), "{again:?}");
    assert!(stderr(&again).contains("there already"), "{}", stderr(&again));
    assert_eq!(catalog(&site), before);
}

#[test]
fn what_would_be_refused_is_not_written() {
    let site = Site::new();
    let before = catalog(&site);
    let petstore = sample("petstore.yaml");
    let petstore = petstore.to_str().unwrap();
    let nonsense = site.path("nonsense.yaml");
    fs::write(&nonsense, "openapi: 3.0.0\ninfo: { title: A, title: B }\n").unwrap();
    let nonsense = nonsense.to_str().unwrap();
    fs::create_dir(site.path("project")).unwrap();
    fs::write(site.path("project/api.yaml"), "type: api\ndata:\n  name: [A\n").unwrap();
    let project = site.path("project");
    let project = project.to_str().unwrap();
    for (arguments, said) in [
        (&["openapi", petstore, "--context", "/demo"][..], "pet-store.toml:4"),
        (&["openapi", petstore, "--endpoint", "nowhere"], "nowhere"),
        (&["openapi", petstore, "--tenant", "nobody.example"], "unknown tenant"),
        (&["openapi", petstore, "--context", "/token"], "not a context"),
        (&["openapi", nonsense], "nonsense.yaml:2"),
        (&["openapi", "/nonexistent.yaml"], "nonexistent"),
        (&["apictl", petstore], "not a zip archive"),
        (&["apictl", project], "api.yaml:3"),
        (&["openapi"], "FILE"),
        (&["postman", petstore], "postman"),
    ] {
        let output = import(&site, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        let text = stderr(&output);
        assert!(text.contains(said), "{arguments:?}: {text}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
    assert_eq!(catalog(&site), before);
    site.write("catalog/apis/broken.toml", "colour = 'red'\n");
    let output = import(&site, &["openapi", petstore]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("broken.toml:1:1"), "{}", stderr(&output));
}

#[test]
fn a_dry_run_prints_the_file_and_writes_nothing() {
    let site = Site::new();
    let before = catalog(&site);
    let petstore = sample("petstore.yaml");
    let output = import(&site, &["openapi", petstore.to_str().unwrap(), "--dry-run"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(catalog(&site), before);
    site.write("catalog/apis/by-hand.toml", &stdout(&output));
    assert_eq!(site.tollgate(&["check"]).status.code(), Some(0));
    assert!(stderr(&output).contains("note"), "{}", stderr(&output));
}

#[test]
fn projects_are_imported_from_folders_and_zips() {
    let tiers = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/catalog/tiers.toml")).unwrap();
    let folder = sample("PizzaShackAPI-1.0.0");
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for name in ["api.yaml", "Definitions/swagger.yaml"] {
        let inside = format!("PizzaShackAPI-1.0.0/{name}");
        zip.start_file(inside, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(&fs::read(folder.join(name)).unwrap()).unwrap();
    }
    let zip = zip.finish().unwrap().into_inner();
    let mut texts = Vec::new();
    for is_zip in [false, true] {
        let site = Site::new();
        site.write("catalog/tiers.toml", &tiers);
        let path = site.path("PizzaShackAPI-1.0.0.zip");
        fs::write(&path, &zip).unwrap();
        let path = if is_zip { &path } else { &folder };
        let output = import(&site, &["apictl", path.to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}");
        let said = stdout(&output);
        assert!(
            said.contains("`Platinum`") && !said.contains("never-to-be-repeated"),
            "{said}"
        );
        assert_eq!(site.tollgate(&["check"]).status.code(), Some(0));
        let text = fs::read_to_string(site.path("catalog/apis/pizzashackapi.toml")).unwrap();
        texts.push(text.lines().skip(1).collect::<Vec<_>>().join("\n"));
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
}
