//! A gateway that is killed in the middle of a change leaves a catalog of before or of after, and never of both.

use super::*;

const USERS: &str = "[[users]]\nname = \"root\"\npassword = \"root-of-the-tests\"\nroles = [\"admin\"]\n\n\
    [[applications]]\nname = \"Tests\"\nowner = \"root\"\n\n[[applications.keys]]\ntype = \"production\"\n\
    consumer_key = \"newsapp-demonstration\"\nconsumer_secret = \"demonstration-secret-never-in-production\"\ngrants = [\"password\"]\n";

fn api(site: &Site, name: &str, turn: usize) -> String {
    format!(
        r#"{{"name": "{name}", "context": "/{name}", "versions": [{{"version": "1", "state": "published",
        "endpoints": {{"production": "http://{}"}},
        "resources": [{{"path": "/turn{turn}", "methods": ["GET"], "auth": "none"}}]}}]}}"#,
        site.origin_name()
    )
}

#[test]
fn a_change_of_several_files_is_there_or_not_after_a_kill() {
    let site = Site::new();
    site.write("bootstrap.toml", USERS);
    let _origin = site.origin();
    let mut gateway = site.run(&[]);
    let form = "grant_type=password&username=root&password=root-of-the-tests&scope=tollgate:admin";
    let token = access_token(&token(site.http, form));
    for turn in 0..8 {
        let edits = ["one", "two", "three"].map(|name| {
            let body = api(&site, name, turn);
            format!(r#"{{"method": "PUT", "target": {{"api": {{"api": "{name}"}}}}, "body": {body}}}"#)
        });
        let body = format!(r#"{{"changes": [{}]}}"#, edits.join(","));
        let mut connection = Connection::to(site.admin);
        connection.begin(&format!(
            "POST /admin/v1/changes HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: \
             application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        // Anywhere between reading the change and serving it.
        thread::sleep(Duration::from_millis(turn as u64 * 15));
        drop(gateway);
        gateway = site.run(&[]);
        let served = ["one", "two", "three"].map(|name| get(site.http, &format!("/{name}/1/turn{turn}")).status);
        assert!(served == [200; 3] || served == [404; 3], "turn {turn}: {served:?}");
        assert!(!site.path("catalog/.tollgate-change").exists());
    }
    drop(gateway);
}
