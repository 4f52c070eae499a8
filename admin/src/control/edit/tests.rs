//! Promises of edits: what is not edited stays to the letter, and what is edited says what it was to say.

use serde_json::json;

use super::*;
use crate::control::object::{ApiId, ResourceId};
use crate::model::name::{ApiName, RuleName, ScopeName, TenantName, TierName, VersionName};
use crate::model::tier::TierLevel;

const DEMO: &str = r#"# One API with all its versions.
# Save this file while the gateway runs.

name    = "Demo"
context = "/demo"   # where it is

# The first one that is published answers.
default_version = ["2.0", "1.0"]

[[versions]]
version = "1.0"     # the old one
state   = "published"

[versions.endpoints]
production = ["http://127.0.0.1:9001/v1"]

[[versions.resources]]
path    = "/hello"
methods = ["GET"]
auth    = "none"

[[versions]]
version = "2.0"
state   = "published"
tiers   = [
    "Gold",         # for those who pay
    "Silver",       # for the others
    "Bronze",
]

[versions.endpoints]
production = ["http://127.0.0.1:9001/v2"]   # take turns
timeout    = "30s"

[[versions.resources]]
path    = "/hello"
methods = ["GET", "POST"]
auth    = "none"

# Items are kept for a while.
[[versions.resources]]
path  = "/items/{id}"          # any one segment
methods = ["GET"]
cache = { timeout = "10s" }    # not longer
"#;

const TIERS: &str = r#"# Tiers are named sets of quotas.
# An edited figure applies at once.

# For those who pay.
[[tiers]]
name   = "Gold"
level  = "subscription"
limits = [{ requests = 5000, per = "1m" }]

[[tiers]]
name   = "Silver"
level  = "subscription"
limits = [{ requests = 2000, per = "1m" }]
"#;

fn sources() -> Vec<Source> {
    [
        ("conf/catalog/apis/demo.toml", DEMO),
        ("conf/catalog/tiers.toml", TIERS),
    ]
    .map(|(name, text)| Source {
        name: name.into(),
        text: text.into(),
    })
    .to_vec()
}

fn stated() -> Stated {
    Stated::of(&sources(), &Stated::default())
}

fn demo() -> ApiId {
    api("Demo")
}

fn api(name: &str) -> ApiId {
    ApiId {
        tenant: TenantName::root(),
        name: ApiName::parse(name).unwrap(),
    }
}

fn version(name: &str) -> Object {
    Object::Version(demo(), VersionName::parse(name).unwrap())
}

fn resource(id: &str) -> Object {
    let version = VersionName::parse("2.0").unwrap();
    Object::Resource(demo(), version, ResourceId::parse(id).unwrap())
}

fn tier(name: &str) -> Object {
    Object::Tier(
        TenantName::root(),
        TierLevel::Subscription,
        TierName::parse(name).unwrap(),
    )
}

fn put(object: Object, to: Value) -> Edit {
    Edit {
        object,
        to: Some(to),
        only_if: OnlyIf::Anything,
        within: None,
    }
}

fn delete(object: Object) -> Edit {
    Edit {
        object,
        to: None,
        only_if: OnlyIf::Anything,
        within: None,
    }
}

fn drafts(edits: Vec<Edit>) -> Result<Drafts, EditError> {
    draft(Path::new("conf/catalog"), &stated(), edits)
}

/// Makes an edit and returns the text of the one file that it changes.
fn text_after(edit: Edit) -> String {
    let mut drafts = drafts(vec![edit]).unwrap();
    assert_eq!(drafts.files.len(), 1, "{:?}", drafts.files);
    drafts.files.remove(0).after.unwrap()
}

fn found(object: &Object) -> Value {
    stated().find(object).unwrap().value
}

#[test]
fn one_word_that_changes_changes_one_line() {
    let mut value = found(&version("1.0"));
    value["state"] = json!("deprecated");
    let after = text_after(put(version("1.0"), value));
    assert_eq!(
        after,
        DEMO.replacen("state   = \"published\"", "state   = \"deprecated\"", 1)
    );
}

#[test]
fn what_says_the_same_changes_no_file() {
    for object in [
        Object::Api(demo()),
        version("2.0"),
        resource("GET /items/{id}"),
        tier("Gold"),
    ] {
        let value = found(&object);
        let drafts = drafts(vec![put(object, value)]).unwrap();
        assert!(drafts.files.is_empty(), "{:?}", drafts.files);
        assert_eq!(drafts.edited[0].before, drafts.edited[0].after);
    }
}

#[test]
fn a_resource_that_is_edited_keeps_its_comments_and_formatting() {
    let mut value = found(&resource("GET /items/{id}"));
    value["auth"] = json!("any");
    value["cache"]["timeout"] = json!("1m");
    let after = text_after(put(resource("GET /items/{id}"), value));
    let expected = DEMO.replace(
        "{ timeout = \"10s\" }    # not longer\n",
        "{ timeout = \"1m\" }    # not longer\nauth = \"any\"\n",
    );
    assert_eq!(after, expected);
}

#[test]
fn a_resource_may_take_other_methods() {
    let value = json!({"path": "/items/{id}", "methods": ["GET", "PUT"], "cache": {"timeout": "10s"}});
    let drafts = drafts(vec![put(resource("GET /items/{id}"), value)]).unwrap();
    assert_eq!(drafts.edited[0].object, resource("PUT,GET /items/{id}"));
    assert_eq!(drafts.edited[0].path, "versions[1].resources[1]");
    let after = drafts.files[0].after.as_ref().unwrap();
    assert_eq!(
        *after,
        DEMO.replace("methods = [\"GET\"]\ncache", "methods = [\"GET\", \"PUT\"]\ncache")
    );
}

#[test]
fn a_new_resource_stands_at_the_end_of_its_version() {
    let value = json!({"methods": ["DELETE"], "path": "/hello", "scopes": ["write"]});
    let mut edit = put(resource("DELETE /hello"), value);
    edit.only_if = OnlyIf::Absent;
    let after = text_after(edit);
    let expected =
        format!("{DEMO}\n[[versions.resources]]\npath = \"/hello\"\nmethods = [\"DELETE\"]\nscopes = [\"write\"]\n");
    assert_eq!(after, expected);
}

#[test]
fn a_new_resource_of_the_first_version_does_not_end_in_the_last() {
    let object = Object::Resource(
        demo(),
        VersionName::parse("1.0").unwrap(),
        ResourceId::parse("GET /x").unwrap(),
    );
    let after = text_after(put(object.clone(), json!({"path": "/x", "methods": ["GET"]})));
    let source = Source {
        name: "a".into(),
        text: after.into(),
    };
    let stated = Stated::of(&[source], &Stated::default());
    assert!(stated.find(&object).is_some());
    assert_eq!(found(&version("2.0")), stated.find(&version("2.0")).unwrap().value);
}

#[test]
fn a_list_over_several_lines_keeps_its_comments() {
    let mut value = found(&version("2.0"));
    value["tiers"] = json!(["Gold", "Bronze", "Unlimited"]);
    let after = text_after(put(version("2.0"), value));
    let expected = DEMO.replace(
        "    \"Silver\",       # for the others\n    \"Bronze\",\n",
        "    \"Bronze\",\n    \"Unlimited\",\n",
    );
    assert_eq!(after, expected);
}

#[test]
fn a_table_that_goes_leaves_the_comments_that_are_not_its_own() {
    let after = text_after(delete(tier("Gold")));
    let expected = TIERS.replacen(
        TIERS
            .split_at(TIERS.find("# For").unwrap())
            .1
            .split("\n\n")
            .next()
            .unwrap(),
        "",
        1,
    );
    assert!(
        after.starts_with("# Tiers are named sets of quotas.\n# An edited figure applies at once.\n"),
        "{after}"
    );
    assert!(
        !after.contains("For those who pay") && !after.contains("Gold"),
        "{after}"
    );
    assert_eq!(after.replace('\n', ""), expected.replace('\n', ""));
}

#[test]
fn what_is_new_goes_where_its_like_stands() {
    let limits = json!([{"requests": 10, "per": "1s", "burst": 20}]);
    let new = json!({"level": "subscription", "name": "Tin", "limits": limits, "stop_on_quota": false});
    let after = text_after(put(tier("Tin"), new));
    let expected = format!(
        "{TIERS}\n[[tiers]]\nname = \"Tin\"\nlevel = \"subscription\"\n\
         limits = [{{ requests = 10, per = \"1s\", burst = 20 }}]\nstop_on_quota = false\n"
    );
    assert_eq!(after, expected);
    let rule = Object::CountingRule(TenantName::root(), RuleName::parse("ours").unwrap());
    let drafts = drafts(vec![put(rule, json!({"key": "a", "limits": []}))]).unwrap();
    assert_eq!(drafts.files[0].name, "conf/catalog/counting-rules.toml");
    assert_eq!(drafts.files[0].before, None);
}

#[test]
fn a_scope_goes_to_its_api_where_it_has_one() {
    let key = ScopeName::parse("read").unwrap();
    let scope = Object::Scope(TenantName::root(), key);
    let mut edit = put(scope.clone(), json!({"roles": ["reader"]}));
    edit.within = Some(demo());
    let drafts = drafts(vec![edit]).unwrap();
    assert_eq!(drafts.files[0].name, "conf/catalog/apis/demo.toml");
    let after = Stated::of(&drafts.sources, &Stated::default());
    assert_eq!(
        after.find(&scope).unwrap().value,
        json!({"key": "read", "roles": ["reader"]})
    );
}

#[test]
fn an_api_gets_a_file_of_its_own_and_takes_it_away() {
    let value = json!({"name": "Größe & Co", "context": "/g", "tenant": "acme.example", "versions": [{
        "version": "1", "endpoints": {"production": "http://127.0.0.1:1", "health": {"max_failures": 3}},
        "resources": [{"path": "/*", "methods": ["GET"], "auth": "none"}]}]});
    let id = ApiId {
        tenant: TenantName::parse("acme.example").unwrap(),
        name: ApiName::parse("Größe & Co").unwrap(),
    };
    let drafts = drafts(vec![put(Object::Api(id), value)]).unwrap();
    let file = &drafts.files[0];
    assert_eq!(file.name, "conf/catalog/apis/gr--e---co.toml");
    let text = file.after.as_deref().unwrap();
    assert_eq!(
        text,
        "name = \"Größe & Co\"\ncontext = \"/g\"\ntenant = \"acme.example\"\n\n[[versions]]\nversion = \"1\"\n\n\
         [versions.endpoints]\nproduction = \"http://127.0.0.1:1\"\nhealth = { max_failures = 3 }\n\n\
         [[versions.resources]]\npath = \"/*\"\nmethods = [\"GET\"]\nauth = \"none\"\n"
    );
    let gone = self::drafts(vec![delete(Object::Api(demo()))]).unwrap();
    assert_eq!((gone.files[0].after.as_ref(), gone.sources.len()), (None, 1));
}

#[test]
fn several_edits_are_made_one_on_the_other() {
    let edits = vec![
        put(resource("GET /new"), json!({"path": "/new", "methods": ["GET"]})),
        put(
            resource("GET /new"),
            json!({"path": "/new", "methods": ["GET"], "auth": "none"}),
        ),
        delete(resource("GET,POST /hello")),
        delete(tier("Silver")),
    ];
    let drafts = drafts(edits).unwrap();
    assert_eq!(drafts.files.len(), 2);
    let after = Stated::of(&drafts.sources, &Stated::default());
    let resources = after.find(&version("2.0")).unwrap().value["resources"].clone();
    assert_eq!(resources.as_array().unwrap().len(), 2);
    assert_eq!(
        resources[1],
        json!({"path": "/new", "methods": ["GET"], "auth": "none"})
    );
}

#[test]
fn conditions_hold_or_nothing_is_edited() {
    let mark = crate::control::etag::digest(&found(&tier("Gold")));
    let conditional = |only_if, object, to| {
        drafts(vec![Edit {
            object,
            to,
            only_if,
            within: None,
        }])
        .map(|_| ())
    };
    let new = || Some(json!({"limits": []}));
    assert_eq!(
        conditional(OnlyIf::Is(vec!["x".into(), mark.clone()]), tier("Gold"), None),
        Ok(())
    );
    let stale = EditError::Stale {
        object: tier("Gold"),
        now: Some(mark),
    };
    assert_eq!(
        conditional(OnlyIf::Is(vec!["x".into()]), tier("Gold"), new()),
        Err(stale)
    );
    let stale = EditError::Stale {
        object: tier("Tin"),
        now: None,
    };
    assert_eq!(
        conditional(OnlyIf::Is(vec!["x".into()]), tier("Tin"), new()),
        Err(stale)
    );
    assert_eq!(
        conditional(OnlyIf::Absent, tier("Gold"), new()),
        Err(EditError::Exists(tier("Gold")))
    );
    assert_eq!(
        conditional(OnlyIf::Present, tier("Tin"), new()),
        Err(EditError::Stale {
            object: tier("Tin"),
            now: None
        })
    );
    assert_eq!(
        conditional(OnlyIf::Anything, tier("Tin"), None),
        Err(EditError::Missing(tier("Tin")))
    );
}

#[test]
fn names_do_not_change_and_an_api_states_nothing_else() {
    let edit = |object, to| drafts(vec![put(object, to)]).unwrap_err();
    assert_eq!(
        edit(tier("Gold"), json!({"name": "Tin"})),
        EditError::Misnamed {
            object: tier("Gold"),
            key: "name"
        }
    );
    let tenant = json!({"tenant": "acme.example"});
    assert_eq!(
        edit(tier("Gold"), tenant),
        EditError::Misnamed {
            object: tier("Gold"),
            key: "tenant"
        }
    );
    assert_eq!(
        edit(Object::Api(demo()), json!({"tiers": []})),
        EditError::Foreign("tiers")
    );
    assert_eq!(edit(tier("Gold"), json!([])), EditError::Shapeless(tier("Gold")));
    assert_eq!(
        edit(resource("GET /x"), json!({"path": 1})),
        EditError::Shapeless(resource("GET /x"))
    );
    let nowhere = Object::Version(api("Nobody"), VersionName::parse("1").unwrap());
    assert_eq!(edit(nowhere, json!({})), EditError::Missing(Object::Api(api("Nobody"))));
}

/// A catalog of one file, and what it states after an edit.
fn after(text: &str, edit: Edit) -> (String, Stated) {
    let name = "conf/catalog/apis/demo.toml";
    let source = Source {
        name: name.into(),
        text: text.into(),
    };
    let stated = Stated::of(&[source], &Stated::default());
    let drafts = draft(Path::new("conf/catalog"), &stated, vec![edit]).unwrap();
    let text = drafts.files[0].after.clone().unwrap();
    (text, Stated::of(&drafts.sources, &Stated::default()))
}

#[test]
fn tables_that_stand_apart_stay_with_their_version() {
    let text = "name = \"Demo\"\ncontext = \"/demo\"\n[[versions]]\nversion = \"1.0\"\n[[versions.resources]]\npath = \"/a\"\nmethods = [\"GET\"]\n\
                [versions.cache]\ntimeout = \"1s\"\n[[versions.resources]]\npath = \"/b\"\nmethods = [\"GET\"]\n";
    let resources = json!([{"path": "/c", "methods": ["GET"]}]);
    let (_, stated) = after(
        text,
        put(version("2.0"), json!({"version": "2.0", "resources": resources})),
    );
    let paths = |name: &str| {
        let value = stated.find(&version(name)).unwrap().value;
        let paths = value["resources"].as_array().unwrap().iter();
        paths
            .map(|resource| resource["path"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (paths("1.0"), paths("2.0")),
        (vec!["/a".to_owned(), "/b".to_owned()], vec!["/c".to_owned()])
    );
}

#[test]
fn keys_with_dots_and_tables_on_one_line_are_edited_where_they_stand() {
    let text = "name = \"Demo\"\ncontext = \"/demo\"\nversions = [\n  { version = \"1.0\", endpoints.production = \"http://a\", resources = [] }, # one\n]\n";
    let edit = put(
        version("1.0"),
        json!({"version": "1.0", "endpoints": {"production": "http://b"}, "state": "blocked"}),
    );
    let (text, stated) = after(text, edit);
    let expected = json!({"version": "1.0", "endpoints": {"production": "http://b"}, "state": "blocked"});
    assert_eq!(stated.find(&version("1.0")).unwrap().value, expected, "{text}");
    assert!(text.contains("# one"), "{text}");
}

#[test]
fn what_stands_beside_an_api_belongs_to_whom_it_says() {
    let text = "name = \"Demo\"\ncontext = \"/demo\"\ntenant = \"acme.example\"\n[[scopes]]\nkey = \"read\"\n[[deny]]\nip = \"10.0.0.1\"\n";
    let source = Source {
        name: "a.toml".into(),
        text: text.into(),
    };
    let stated = Stated::of(&[source], &Stated::default());
    let owner = |list: &str| {
        stated
            .objects()
            .find(|object| object.list() == Some(list))
            .unwrap()
            .tenant()
            .to_string()
    };
    assert_eq!(
        (owner("scopes").as_str(), owner("deny").as_str()),
        ("acme.example", "carbon.super")
    );
}

mod properties {
    use proptest::prelude::*;
    use serde_json::Map;

    use super::*;
    use crate::control::edit::merge::{json, merge};

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~äß\n\"']{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                table(inner).prop_map(Value::Object),
            ]
        })
    }

    fn table(inner: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Map<String, Value>> {
        let key = prop_oneof![
            Just("name"),
            Just("path"),
            Just("versions"),
            Just("resources"),
            Just("cache"),
            Just("a b")
        ];
        prop::collection::vec((key.prop_map(str::to_owned), inner), 0..5)
            .prop_map(|entries| entries.into_iter().collect())
    }

    /// Empty lists of tables are not written: they say nothing.
    fn said(value: Value) -> Value {
        match value {
            Value::Object(table) => {
                let said = table.into_iter().map(|(key, value)| (key, said(value)));
                Value::Object(said.filter(|(_, value)| *value != Value::Array(Vec::new())).collect())
            }
            Value::Array(list) => list.into_iter().map(said).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
        }
    }

    proptest! {
        #[test]
        fn whatever_a_file_says_it_can_be_made_to_say_anything_else(
            one in table(any_json()), other in table(any_json()), third in table(any_json()),
        ) {
            let mut document = toml_edit::DocumentMut::new();
            for to in [one, other, third] {
                merge(document.as_table_mut(), &to, false);
                let text = document.to_string();
                let read: toml_edit::DocumentMut = text.parse().map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
                prop_assert_eq!(said(json(read.as_item())), said(Value::Object(to)), "{}", text);
                document = read;
            }
        }
    }
}
