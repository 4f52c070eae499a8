//! Promises of the settings: defaults, bounds, overrides, and the sample file.

use std::fs;

use tempfile::TempDir;

use super::keys::Key;
use super::*;

fn conf(text: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tollgate.toml"), text).unwrap();
    dir
}

fn load(text: &str) -> Result<Settings, Vec<Violation>> {
    load_with(text, &[])
}

fn load_with(text: &str, variables: &[(&str, &str)]) -> Result<Settings, Vec<Violation>> {
    Settings::load(conf(text).path(), &Environment::from_pairs(variables.iter().copied()))
}

/// Returns the one violation of a settings file as `line:column path message`.
fn refusal(text: &str) -> String {
    let violations = load(text).unwrap_err();
    let [violation] = violations.as_slice() else {
        panic!("{violations:?}")
    };
    format!(
        "{}:{} {} {}",
        violation.line, violation.column, violation.path, violation.message
    )
}

#[test]
fn the_sample_states_every_key_with_its_default() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf");
    let reading = reading::read(&dir, &Environment::default()).unwrap();
    assert_eq!(reading.raw, Raw::default());
    let text = fs::read_to_string(dir.join("tollgate.toml")).unwrap();
    let sample: toml::Table = text.parse().unwrap();
    let mut stated = 0;
    for (section, table) in &sample {
        for name in table.as_table().unwrap().keys() {
            assert!(
                KEYS.iter().any(|key| (key.section, key.name) == (section, name)),
                "{section}.{name}"
            );
            stated += 1;
        }
    }
    assert_eq!(stated, KEYS.len());
}

#[test]
fn the_list_of_keys_is_what_the_schema_has() {
    let schema = schema();
    let mut count = 0;
    for section in schema["properties"].as_object().unwrap().values() {
        let name = section["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        count += schema["$defs"][name]["properties"].as_object().unwrap().len();
    }
    assert_eq!(count, KEYS.len());
}

#[test]
fn an_empty_directory_means_defaults_and_a_missing_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::load(dir.path(), &Environment::default()).unwrap();
    assert_eq!(
        settings,
        Settings {
            catalog: dir.path().join("catalog"),
            require_tests: false,
            data: dir.path().join("../data"),
            bootstrap: dir.path().join("bootstrap.toml"),
            ..load("").unwrap()
        }
    );
    assert_eq!(settings.gateway.http, ["0.0.0.0:8280".parse().unwrap()]);
    assert_eq!(
        (settings.limits.connections, settings.limits.header_bytes),
        (10_000, 32 << 10)
    );
    assert_eq!(
        (settings.timeouts.idle, settings.drain),
        (Duration::from_secs(60), Duration::from_secs(30))
    );
    assert!(settings.gateway.threads >= 1 && settings.access_log.path.is_none());

    let missing = Settings::load(&dir.path().join("nothing"), &Environment::default()).unwrap_err();
    assert!(missing[0].file.ends_with("nothing") && missing[0].fix.as_ref().unwrap().contains("--conf"));
}

#[test]
fn the_file_itself_may_be_named_and_paths_are_beside_it() {
    let dir = conf("[catalog]\ndir = 'apis'\n[data]\ndir = '/var/lib/tollgate'\n[access_log]\npath = 'a.log'\n");
    let settings = Settings::load(&dir.path().join("tollgate.toml"), &Environment::default()).unwrap();
    assert_eq!(settings.catalog, dir.path().join("apis"));
    assert_eq!(settings.data, Path::new("/var/lib/tollgate"));
    assert_eq!(settings.access_log.path, Some(dir.path().join("a.log")));
}

#[test]
fn an_unknown_key_is_refused_with_its_place() {
    let refused = refusal("[gateway]\nhttp = []\nhtps = []\n");
    assert!(refused.starts_with("3:1 ") && refused.contains("htps"), "{refused}");
    assert!(refusal("[gatway]\n").contains("gatway"));
}

#[test]
fn values_beyond_their_bounds_are_refused() {
    let cases = [
        (
            "[limits]\nconnections = 0",
            "2:15 limits.connections `connections` must be from 1 to 1000000",
        ),
        (
            "[limits]\nheader_count = 257",
            "2:16 limits.header_count `header_count` must be from 1 to 256",
        ),
        (
            "[limits]\nhttp2_streams = 0",
            "2:17 limits.http2_streams `http2_streams` must be from 1 to 10000",
        ),
        (
            "[gateway]\nthreads = 0",
            "2:11 gateway.threads `threads` must be from 1 to 1024",
        ),
        (
            "[timeouts]\nheader = '0s'",
            "2:10 timeouts.header `header` is no time at all",
        ),
        (
            "[timeouts]\nread = '25h'",
            "2:8 timeouts.read `read` is more than a day",
        ),
        ("[log]\nfilter = ' '", "2:10 log.filter the filter is empty"),
        (
            "[catalog]\nrequire_tests = 'yes'",
            "2:17 catalog.require_tests `require_tests` cannot be `yes`",
        ),
        ("[catalog]\ndir = ''", "2:7 catalog.dir `dir` is not a path"),
        (
            "[gateway]\nhttp = []\nhttps = []",
            "1:1 gateway no listener: `http` and `https` are both empty",
        ),
        (
            "[quota]\ncounters = 0",
            "2:12 quota.counters `counters` must be from 1 to 100000000",
        ),
        (
            "[quota]\ncounters = 100_000_001",
            "2:12 quota.counters `counters` must be from 1 to 100000000",
        ),
        (
            "[quota]\nstore = 'memcached'",
            "2:9 quota.store `store` names no known kind of store",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(text), expected);
    }
    assert!(refusal("[timeouts]\nidle = '1500ms'").contains("no whole number of seconds"));
    assert!(refusal("[limits]\nuri_length = '64KiB'").contains("`uri_length` must be from"));
    assert!(refusal("[limits]\nrequest_body = '0B'").contains("`request_body` must be from"));
    assert!(refusal("[log]\nfilter = 'info,tollgate=loud'").contains("is no filter"));
    assert!(load("[shutdown]\ndrain = '0s'").unwrap().drain.is_zero());
}

#[test]
fn a_cache_that_could_not_work_is_refused() {
    let cases = [
        (
            "[cache]\nentries = 0",
            "2:11 cache.entries `entries` must be from 1 to 100000000",
        ),
        (
            "[cache]\nmemory = '16MiB'",
            "1:1 cache.max_body `max_body` is more than a sixteenth of `memory`, which is 1MiB",
        ),
        (
            "[cache]\ndisk_bytes = '1MiB'",
            "2:14 cache.disk_bytes `disk_bytes` must be from 16MiB to 1024TiB",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(text), expected);
    }
}

#[test]
fn two_listeners_on_one_address_are_refused() {
    let clash = "[gateway]\nhttp = ['127.0.0.1:80']\nhttps = ['127.0.0.1:80']\n";
    assert_eq!(
        refusal(clash),
        "3:10 gateway.https[0] `127.0.0.1:80` is taken by `gateway.http[0]`"
    );
    assert!(refusal("[gateway]\nhttp = ['0.0.0.0:80', '127.0.0.1:80']\n").contains("gateway.http[1]"));
    assert!(refusal("[status]\nhttp = ['127.0.0.1:8280']\n").contains("taken by `gateway.http[0]`"));
    assert!(load("[gateway]\nhttp = ['0.0.0.0:80', '[::]:80', '127.0.0.1:0', '127.0.0.1:0']\n").is_ok());
}

#[test]
fn certificates_must_be_readable() {
    let refused = refusal("[tls]\ncertificates = [{ certificate = 'tollgate.toml', key = 'key.pem' }]\n");
    assert!(
        refused.contains("tls.certificates[0].key") && refused.contains("key.pem` cannot be read"),
        "{refused}"
    );
    let text = "[tls]\ncertificates = [{ certificate = 'tollgate.toml', key = 'tollgate.toml' }]\n";
    assert_eq!(load(text).unwrap().tls.certificates.len(), 1);
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let text = "[limits]\nconnections = 0\n[timeouts]\nread = '0s'\n";
    let variables = [
        ("TOLLGATE_LIMITS_HEADER_COUNT", "0"),
        ("TOLLGATE_GATEWAY_HTTP", "0.0.0.0:8243"),
    ];
    let violations = load_with(text, &variables).unwrap_err();
    let files: Vec<_> = violations
        .iter()
        .map(|v| (v.file.rsplit('/').next().unwrap(), v.path.as_str()))
        .collect();
    let expected = [
        ("tollgate.toml", "gateway.https[0]"),
        ("tollgate.toml", "limits.connections"),
        ("tollgate.toml", "timeouts.read"),
        ("TOLLGATE_LIMITS_HEADER_COUNT", "limits.header_count"),
    ];
    assert_eq!(files, expected);
}

#[test]
fn variables_override_the_file() {
    let variables = [
        ("TOLLGATE_GATEWAY_HTTP", "127.0.0.1:18280,127.0.0.1:18281"),
        ("TOLLGATE_GATEWAY_HTTPS", ""),
        ("TOLLGATE_GATEWAY_THREADS", "3"),
        ("TOLLGATE_GATEWAY_TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.1"),
        ("TOLLGATE_DATA_DIR", "/x"),
        ("TOLLGATE_LIMITS_REQUEST_BODY", "1KiB"),
        ("TOLLGATE_LIMITS_CONNECTIONS", "${MANY:-5}"),
        ("TOLLGATE_TIMEOUTS_READ", "${PAUSE}"),
        ("PAUSE", "2s"),
        ("TOLLGATE_LOG_FORMAT", "json"),
    ];
    let text = "[gateway]\nhttp = ['0.0.0.0:1']\n[limits]\nrequest_body = '2KiB'\nuri_length = '1KiB'\n";
    // Variables are filled in inside strings only, so a count cannot be one.
    assert!(load_with(text, &variables).is_err());
    let variables: Vec<_> = variables
        .into_iter()
        .filter(|(name, _)| !name.ends_with("CONNECTIONS"))
        .collect();
    let settings = load_with(text, &variables).unwrap();
    assert_eq!(
        settings.gateway.http,
        ["127.0.0.1:18280".parse().unwrap(), "127.0.0.1:18281".parse().unwrap()]
    );
    assert!(settings.gateway.https.is_empty());
    assert_eq!(
        (settings.gateway.threads, settings.gateway.trusted_proxies.len()),
        (3, 2)
    );
    assert_eq!(settings.data, Path::new("/x"));
    assert_eq!((settings.limits.request_body, settings.limits.uri_bytes), (1024, 1024));
    assert_eq!(settings.timeouts.read, Duration::from_secs(2));
    assert_eq!(settings.log.format, LogFormat::Json);
}

#[test]
fn a_bad_variable_is_blamed_by_its_name() {
    for (variable, value) in [
        ("TOLLGATE_GATEWAY_HTTP", "localhost"),
        ("TOLLGATE_LIMITS_CONNECTIONS", "many"),
        ("TOLLGATE_LIMITS_CONNECTIONS", "0"),
        ("TOLLGATE_TIMEOUTS_READ", "30"),
        ("TOLLGATE_TLS_CERTIFICATES", "cert.pem"),
        ("TOLLGATE_TLS_CERTIFICATES", "cert.pem:key.pem"),
        ("TOLLGATE_GATEWAY_PORT", "80"),
    ] {
        let violations = load_with("", &[(variable, value)]).unwrap_err();
        assert!(
            violations.iter().all(|v| (v.file.as_str(), v.line) == (variable, 0)),
            "{violations:?}"
        );
    }
}

#[test]
fn secrets_may_come_from_files_and_variables() {
    let dir = conf("[registry]\nurl = 'file:url'\n[quota]\nstore = 'redis://:${PASSWORD}@cache'\n");
    fs::write(dir.path().join("url"), "postgres://db\n").unwrap();
    let environment = Environment::from_pairs([("PASSWORD", "x")]);
    let settings = Settings::load(dir.path(), &environment).unwrap();
    assert_eq!(settings.quota.store.as_ref().unwrap().as_str(), "redis://:x@cache");
    assert_eq!(settings.registry.as_str(), "postgres://db");
    assert!(!format!("{settings:?}").contains("postgres"), "it may hold a password");
    let unset = Settings::load(dir.path(), &Environment::default()).unwrap_err();
    assert!(unset[0].message.contains("PASSWORD"));
    let variable = Environment::from_pairs([("PASSWORD", "x"), ("TOLLGATE_REGISTRY_URL", "file:nothing")]);
    let missing = Settings::load(dir.path(), &variable).unwrap_err();
    assert_eq!(missing[0].file, "TOLLGATE_REGISTRY_URL");
    assert!(missing[0].message.contains("`nothing` cannot be read"));
}

#[test]
fn counts_are_shared_through_a_server_that_is_named_whole() {
    let quota = |text: &str| load(&format!("[quota]\n{text}\n")).map(|settings| settings.quota);
    assert_eq!(quota("store = 'local'").unwrap().store, None);
    for store in [
        "redis://cache",
        "rediss://user:secret@cache.example:6380/2",
        "redis://[::1]:6379/",
    ] {
        let quota = quota(&format!("store = '{store}'\nmode = 'exact'")).unwrap();
        assert_eq!(quota.mode, QuotaMode::Exact);
        assert!(!format!("{quota:?}").contains("cache") && quota.store.unwrap().as_str() == store);
    }
    for store in [
        "redis://",
        "redis://cache/two",
        "redis://cache/2?protocol=resp3",
        "rediss://cache/#insecure",
        "redis://:hidden@cache:port",
        "unix:///socket",
    ] {
        let refused = quota(&format!("store = '{store}'")).unwrap_err();
        assert_eq!(refused[0].path, "quota.store", "{store}");
        assert!(!format!("{refused:?}").contains("hidden"));
    }
    assert!(refusal("[quota]\nmode = 'exactly'").contains("exact"));
}

#[test]
fn a_registry_is_a_file_or_a_server() {
    let dir = conf("[registry]\nurl = 'sqlite:who.db'\n");
    let settings = Settings::load(dir.path(), &Environment::default()).unwrap();
    let expected = format!("sqlite:{}", dir.path().join("who.db").display());
    assert_eq!(
        (settings.registry.as_str(), settings.registry.is_shared()),
        (expected.as_str(), false)
    );
    assert!(
        load("[registry]\nurl = 'postgres://u:p@db:5432/tollgate'\n")
            .unwrap()
            .registry
            .is_shared()
    );
    for wrong in ["mysql://db", "sqlite:", "", "postgres", "postgres://db:port/x"] {
        let refused = refusal(&format!("[registry]\nurl = '{wrong}'\n"));
        assert!(refused.starts_with("2:7 registry.url `url` "), "{refused}");
        assert!(
            wrong.is_empty() || !refused.contains(wrong),
            "it may hold a password: {refused}"
        );
    }
}

#[test]
fn an_issuer_is_what_its_endpoints_begin_with() {
    for issuer in [
        "https://localhost:8243",
        "https://id.example.com",
        "http://127.0.0.1:8280",
    ] {
        assert_eq!(
            load(&format!("[oauth]\nissuer = '{issuer}'\n")).unwrap().oauth.issuer,
            issuer
        );
    }
    for wrong in [
        "localhost:8243",
        "https://id.example.com/",
        "https://id.example.com/tenant",
        "https://id.example.com:443",
        "https://ID.example.com",
        "ftp://id.example.com",
        "https://id.example.com?x",
        "https://me@id.example.com",
        "",
    ] {
        let refused = refusal(&format!("[oauth]\nissuer = '{wrong}'\n"));
        assert!(refused.contains("is not an issuer"), "{refused}");
    }
}

#[test]
fn lifetimes_of_tokens_have_bounds() {
    for wrong in [
        "access_token = '0s'",
        "refresh_token = '2years'",
        "authorization_code = '11m'",
        "key_rotation = '30m'",
        "algorithm = 'HS256'",
    ] {
        let key = wrong.split(' ').next().unwrap();
        let refused = refusal(&format!("[oauth]\n{wrong}\n"));
        assert!(refused.contains(key), "{refused}");
    }
    assert_eq!(load("[oauth]\nkey_rotation = '0s'\n").unwrap().oauth.key_rotation, None);
}

#[test]
fn credentials_are_in_header_fields() {
    let text = "[credentials]\napi_key_header = 'X-Key'\nclient_certificate_header = 'X-Client-Cert'\n";
    let credentials = load(text).unwrap().credentials;
    assert_eq!(credentials.api_key_header, "x-key");
    assert_eq!(credentials.client_certificate_header.unwrap(), "x-client-cert");
    assert!(refusal("[credentials]\nauthorization_header = 'a b'\n").contains("is no header field"));
    assert!(refusal("[credentials]\nbackend_jwt_header = 'Host'\n").contains("no header field that could hold it"));
    let said = refusal("[credentials]\nauthorization_header = 'X-Key'\napi_key_header = 'x-key'\n");
    assert!(said.contains("`x-key` holds tokens and passwords already"), "{said}");
    assert!(said.starts_with("3:"), "{said}");
    let said = refusal("[credentials]\napi_key_header = 'Authorization'\n");
    assert!(
        said.contains("`authorization` holds tokens and passwords already"),
        "{said}"
    );
    assert!(refusal("[credentials]\ntoken_cache = 0\n").contains("`token_cache` must be from 1 to"));
    assert!(refusal("[credentials]\nleeway = '6m'\n").contains("`leeway` is more than 5m"));
}

#[test]
fn differences_are_named_by_key() {
    let stated = |text: &str| Stated::read(conf(text).path(), &Environment::default()).unwrap();
    let before = stated("[limits]\nconnections = 5\n");
    let after = stated("[limits]\nconnections = 6\n[log]\nfilter = 'debug'\n");
    assert_eq!(before.differences(&after), ["limits.connections", "log.filter"]);
    assert!(before.differences(&before.clone()).is_empty());
    assert!(Stated::read(conf("[limits]\nconnections = 0\n").path(), &Environment::default()).is_err());
}

#[test]
fn every_variable_is_spelt_as_the_manual_says() {
    let variables: Vec<_> = KEYS.iter().map(Key::variable).collect();
    for name in [
        "TOLLGATE_GATEWAY_TRUSTED_PROXIES",
        "TOLLGATE_ACCESS_LOG_QUEUE",
        "TOLLGATE_SHUTDOWN_DRAIN",
    ] {
        assert!(variables.iter().any(|variable| variable == name));
    }
}

#[test]
fn what_cannot_be_read_does_not_hide_what_cannot_be_true() {
    let conf = conf("[limits]\nconnections = 0\nheader_count = \"x\"\nbogus = 1\n");
    let violations = Settings::load(conf.path(), &Environment::default()).unwrap_err();
    let lines: Vec<usize> = violations.iter().map(|violation| violation.line).collect();
    assert_eq!(lines, [2, 3, 4], "{violations:?}");
}

#[test]
fn a_reference_that_leads_nowhere_is_one_fault_among_others() {
    let text = "[registry]\nurl = 'file:nothing'\n[gateway]\nhttp = ['${NOWHERE}']\nhttps = []\n\
        [limits]\nconnections = 0\nbogus = 1\n[log]\nformat = 'file:none'\n";
    let variables = [
        ("TOLLGATE_QUOTA_STORE", "file:absent"),
        ("TOLLGATE_TIMEOUTS_READ", "0s"),
    ];
    let found: Vec<_> = load_with(text, &variables)
        .unwrap_err()
        .into_iter()
        .map(|v| format!("{}:{} {} {}", v.line, v.column, v.path, v.message))
        .collect();
    let expected = [
        "0:0 quota.store `store`: the file `absent` cannot be read: No such file or directory (os error 2)",
        "0:0 timeouts.read `read` is no time at all",
        "2:7 registry.url `url`: the file `nothing` cannot be read: No such file or directory (os error 2)",
        "4:9 gateway.http[0] `http[0]`: the variable `NOWHERE` is not set",
        "7:15 limits.connections `connections` must be from 1 to 1000000",
        "8:1 limits.bogus unknown key `bogus` in `limits`",
        "10:10 log.format `format`: the file `none` cannot be read: No such file or directory (os error 2)",
    ];
    let mut found = found;
    found.sort_by_key(|line| line.split(':').next().and_then(|number| number.parse::<usize>().ok()));
    assert_eq!(found, expected);
}

#[test]
fn text_of_a_file_is_taken_as_it_is_without_the_space_around_it() {
    let dir = conf("[registry]\nurl = 'file:${DIR}/url' # kept\n[gateway]\nhttp = ['file:listen']\n");
    fs::create_dir(dir.path().join("run")).unwrap();
    fs::write(dir.path().join("run/url"), " postgres://me:\"${x}\"@db\n").unwrap();
    fs::write(dir.path().join("listen"), "127.0.0.1:1\n").unwrap();
    let environment = Environment::from_pairs([("DIR", "run")]);
    let reading = reading::read(dir.path(), &environment).unwrap();
    assert!(reading.violations.is_empty(), "{:?}", reading.violations);
    assert_eq!(reading.raw.registry.url, "postgres://me:\"${x}\"@db");
    let settings = Settings::load(dir.path(), &environment).unwrap();
    assert_eq!(settings.gateway.http, ["127.0.0.1:1".parse().unwrap()]);
}

#[test]
fn what_can_be_believed_of_broken_settings_leads_to_the_catalog() {
    let catalog = |text: &str| {
        let dir = conf(text);
        fs::create_dir(dir.path().join("catalog")).unwrap();
        let recovered = Settings::recover(dir.path(), &Environment::default());
        assert!(!recovered.violations.is_empty());
        let settings = recovered.settings.map(|settings| settings.catalog);
        settings.map(|catalog| catalog.strip_prefix(dir.path()).unwrap().display().to_string())
    };
    assert_eq!(
        catalog("[catalog]\ndir = 'apis'\n[limits]\nconnections = 0\n").unwrap(),
        "apis"
    );
    for doubtful in [
        "[catalog]\ndir = ''\n",
        "[catalog]\ndir = 1\n",
        "[catalog]\ndri = 'x'\n",
        "[catalogue]\ndir = 'x'\n",
        "[catalog]\ndir = \n",
    ] {
        assert_eq!(catalog(doubtful).unwrap(), "catalog", "{doubtful}");
    }
    let dir = conf("[catalog]\ndir = 1\n");
    let recovered = Settings::recover(dir.path(), &Environment::default());
    assert!(
        recovered.settings.is_none(),
        "a directory that nobody stated and that is not there is no fault"
    );
}
