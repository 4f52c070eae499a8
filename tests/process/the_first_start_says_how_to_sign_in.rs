//! The first start says once how to sign in; nobody has a password that everybody knows and an administrator's rights.

use super::*;

/// Starts a gateway that is ready, stops it, and returns what it said.
fn said(site: &Site) -> String {
    let path = site.directory.path().join("said");
    let mut command = site.command(&["run"]);
    command
        .env("TOLLGATE_LOG_FILTER", "info")
        .stdout(Stdio::null())
        .stderr(fs::File::create(&path).unwrap());
    let mut gateway = Process {
        child: command.spawn().unwrap(),
    };
    site.ready();
    gateway.signal("INT");
    assert_eq!(gateway.wait().code(), Some(0));
    fs::read_to_string(path).unwrap()
}

const FIRST: &str = "`tollgate user add admin --role admin --conf ";

#[test]
fn of_an_empty_registry_until_somebody_is_made() {
    let site = Site::new();
    for _ in 0..2 {
        let said = said(&site);
        assert!(said.contains(FIRST), "{said}");
        assert!(
            said.contains(&format!("signs in at http://127.0.0.1:{}/", site.admin)),
            "{said}"
        );
    }
    let made = site.tollgate(&["user", "add", "admin", "--role", "admin"]);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let said = said(&site);
    assert!(
        !said.contains("tollgate user add") && !said.contains("sign in at"),
        "{said}"
    );
}

#[test]
fn of_the_sample_configuration_once() {
    let site = Site::new();
    with_identity(&site);
    let first = said(&site);
    let guest = format!(
        "sign in at http://127.0.0.1:{}/ as guest@carbon.super (viewer)",
        site.admin
    );
    assert!(first.contains(&guest) && first.contains(FIRST), "{first}");
    assert!(
        !first.contains("(admin)") && !first.contains("guest-demonstration"),
        "{first}"
    );
    let second = said(&site);
    assert!(!second.contains("sign in at") && !second.contains(FIRST), "{second}");
}
