//! Promises of edits that reach the files: all or nothing, never over what somebody else wrote, and kept in the history.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::control::change::{Author, Whole};
use crate::control::edit::{self, Edit, OnlyIf};
use crate::control::history::Texts;
use crate::control::object::{ApiId, Object};
use crate::control::{diff, files};
use crate::model::name::{ApiName, TenantName, VersionName};

/// A catalog directory with one API, and what writes it.
struct World {
    root: TempDir,
    control: Control,
    published: Recording,
}

impl World {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("catalog/apis")).unwrap();
        fs::write(root.path().join("catalog/apis/orders.toml"), ORDERS).unwrap();
        Self::over(root)
    }

    /// Begins, as a process does, with what a directory holds.
    fn over(root: TempDir) -> Self {
        let (control, published, _) = control();
        let history = History::open(root.path().join("revisions.jsonl"), 5).unwrap();
        let control = control.keeping(root.path().join("catalog"), history);
        let world = Self {
            root,
            control,
            published,
        };
        world.control.apply(Change::Reread(world.dir())).unwrap();
        world
    }

    /// Begins again.
    fn restarted(self) -> Self {
        Self::over(self.root)
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("catalog")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn edit(&self, edits: Vec<Edit>) -> Result<Changed, ControlError> {
        let author = Author {
            actor: "ann".to_owned(),
            note: "edits".to_owned(),
        };
        self.control.change(Change::Edit(self.dir(), edits), &author)
    }

    fn state(&self, state: &str) -> Edit {
        let mut value = self.control.stated().find(&version()).unwrap().value;
        value["state"] = json!(state);
        put(version(), value)
    }

    fn live(&self) -> u64 {
        lock(&self.published.0).live.last().unwrap().0
    }
}

/// The whole catalog of a world, replaced.
fn whole(world: &World, texts: Texts, forces: bool) -> Change {
    Change::Become(Whole {
        dir: world.dir(),
        texts,
        instead_of: None,
        forces,
    })
}

fn put(object: Object, to: Value) -> Edit {
    Edit {
        object,
        to: Some(to),
        only_if: OnlyIf::Anything,
        within: None,
    }
}

fn orders(name: &str) -> ApiId {
    ApiId {
        tenant: TenantName::root(),
        name: ApiName::parse(name).unwrap(),
    }
}

fn version() -> Object {
    Object::Version(orders("Orders"), VersionName::parse("1.0").unwrap())
}

fn api(name: &str) -> Edit {
    let context = format!("/{}", name.to_lowercase());
    put(
        Object::Api(orders(name)),
        json!({"name": name, "context": context, "versions": [{
        "version": "1", "endpoints": {"production": "http://127.0.0.1:9001"},
        "resources": [{"path": "/*", "methods": ["GET"]}]}]}),
    )
}

#[test]
fn an_edit_is_in_the_file_and_live_when_it_returns() {
    let world = World::new();
    let changed = world.edit(vec![world.state("blocked")]).unwrap();
    assert_eq!((changed.applied.revision, world.live()), (Revision(2), 2));
    assert_eq!(world.text("apis/orders.toml"), ORDERS.replace("published", "blocked"));
    assert_eq!(changed.edited[0].before.as_ref().unwrap()["state"], "published");
    let found = world.control.stated().find(&version()).unwrap();
    assert_eq!(
        (found.value["state"].clone(), world.control.stated().revision()),
        (json!("blocked"), Revision(2))
    );
    let noticed = world.control.apply(Change::Refresh(world.dir())).unwrap();
    assert_eq!(
        (noticed.effect, noticed.revision),
        (Effect::Unchanged, Revision(2)),
        "the watcher has nothing to do"
    );
    assert_eq!(
        fs::read_dir(world.dir()).unwrap().count(),
        1,
        "nothing is left beside the files"
    );
}

#[test]
fn what_is_refused_leaves_files_and_traffic_as_they_were() {
    let world = World::new();
    let ControlError::Refused { violations, edited } =
        world.edit(vec![api("New"), world.state("publishd")]).unwrap_err()
    else {
        panic!("it is not refused for what it says")
    };
    assert_eq!((violations[0].path.as_str(), edited.len()), ("versions[0].state", 2));
    assert!(violations[0].fix.as_ref().unwrap().contains("published"));
    assert_eq!((world.text("apis/orders.toml").as_str(), world.live()), (ORDERS, 1));
    assert!(!world.path("apis/new.toml").exists());
    assert!(
        world.control.status().violations.is_empty(),
        "the files are what is served"
    );
}

#[test]
fn trying_out_writes_nothing_and_says_what_would_be() {
    let world = World::new();
    let tried = world
        .control
        .try_out(Change::Edit(world.dir(), vec![api("New")]))
        .unwrap();
    assert_eq!(
        (tried.applied.revision, tried.applied.apis, tried.edited.len()),
        (Revision(2), 2, 1)
    );
    assert!(world.live() == 1 && !world.path("apis/new.toml").exists());
    assert_eq!(world.edit(vec![api("New")]).unwrap().applied.revision, Revision(2));
}

#[test]
fn edits_and_hands_take_turns_without_loss() {
    let world = World::new();
    let by_hand = ORDERS.replace("/orders\"", "/orders\"\n# by hand");
    fs::write(world.path("apis/orders.toml"), &by_hand).unwrap();
    world.edit(vec![world.state("blocked")]).unwrap();
    assert_eq!(world.text("apis/orders.toml"), by_hand.replace("published", "blocked"));
    fs::write(world.path("apis/orders.toml"), ORDERS).unwrap();
    let stale = Edit {
        only_if: OnlyIf::Is(vec![etag::digest(&json!("x"))]),
        ..world.state("blocked")
    };
    let ControlError::Edit(EditError::Stale { .. }) = world.edit(vec![stale]).unwrap_err() else {
        panic!("not stale")
    };
    assert_eq!(world.text("apis/orders.toml"), ORDERS);
}

#[test]
fn files_that_are_broken_by_hand_are_not_edited_but_mended() {
    let world = World::new();
    fs::write(
        world.path("apis/orders.toml"),
        ORDERS.replace("auth = \"none\"", "auth = \"non\""),
    )
    .unwrap();
    let error = world.edit(vec![api("New")]).unwrap_err();
    let ControlError::Broken(violations) = error else {
        panic!("{error}")
    };
    assert_eq!((violations.len(), violations[0].line > 0), (1, true));
    let mut mended = world.control.stated().find(&version()).unwrap().value;
    mended["resources"][0]["auth"] = json!("any");
    world.edit(vec![put(version(), mended)]).unwrap();
    assert!(world.text("apis/orders.toml").contains("auth = \"any\""));
}

#[test]
fn several_files_change_together_or_not_at_all() {
    let world = World::new();
    world
        .edit(vec![api("One"), api("Two"), world.state("blocked")])
        .unwrap();
    assert!(world.path("apis/one.toml").exists() && world.path("apis/two.toml").exists());
    // A file that appears between reading and writing: what was written before it goes back.
    let drafts = |names: &[(&str, Option<&str>)]| {
        let draft = |(name, before): &(&str, Option<&str>)| edit::Draft {
            name: world.path(name).display().to_string(),
            before: before.map(str::to_owned),
            after: Some("# new\n".to_owned()),
        };
        names.iter().map(draft).collect::<Vec<_>>()
    };
    let one = world.text("apis/one.toml");
    let drafts = drafts(&[
        ("apis/one.toml", Some(&one)),
        ("apis/three.toml", None),
        ("apis/two.toml", Some("other")),
    ]);
    let error = Files::default().write(&world.dir(), &drafts).unwrap_err();
    assert!(
        matches!(&error, WriteError::Changed(name) if name.ends_with("two.toml")),
        "{error}"
    );
    assert_eq!(world.text("apis/one.toml"), one);
    assert!(!world.path("apis/three.toml").exists() && !world.path(".tollgate-change").exists());
}

#[test]
fn a_file_keeps_its_mode_and_links_stay_links() {
    let world = World::new();
    let path = world.path("apis/orders.toml");
    fs::rename(&path, world.path("apis/real.txt")).unwrap();
    symlink("real.txt", &path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    world.edit(vec![world.state("blocked")]).unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    assert!(world.text("apis/real.txt").contains("blocked"));
}

#[test]
fn a_catalog_that_is_mounted_or_lies_elsewhere_is_not_written() {
    let world = World::new();
    fs::create_dir(world.root.path().join("elsewhere")).unwrap();
    fs::rename(
        world.path("apis/orders.toml"),
        world.root.path().join("elsewhere/orders.toml"),
    )
    .unwrap();
    symlink("../../elsewhere/orders.toml", world.path("apis/orders.toml")).unwrap();
    let read_only = |world: &World| {
        let error = world.edit(vec![world.state("blocked")]).unwrap_err();
        if let ControlError::Write(WriteError::ReadOnly(reason)) = error {
            return reason;
        }
        panic!("{error}")
    };
    assert!(read_only(&world).contains("leads out of it"));
    symlink("..2026", world.path("..data")).unwrap();
    assert!(read_only(&world).contains("ConfigMap") && files::read_only(&world.dir()).is_some());
    assert_eq!(
        fs::read_to_string(world.root.path().join("elsewhere/orders.toml")).unwrap(),
        ORDERS
    );
}

#[test]
fn what_a_process_that_died_had_promised_is_done() {
    let world = World::new();
    let stage = world.path(".tollgate-change");
    let hashed = |text: &str| hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()));
    let promise = json!([
        {"name": "apis/orders.toml", "before": hashed(ORDERS), "after": null},
        {"name": "apis/a/new.toml", "before": null, "after": hashed("# new\n")},
        {"name": "apis/hand.toml", "before": hashed("then"), "after": hashed("x")},
    ]);
    fs::create_dir(&stage).unwrap();
    fs::write(stage.join("1"), "# new\n").unwrap();
    fs::write(world.path("apis/hand.toml"), "# by hand\n").unwrap();
    fs::write(stage.join("promise.json"), promise.to_string()).unwrap();
    assert_eq!(files::recover(&world.dir()).unwrap(), ["apis/hand.toml"]);
    assert!(!world.path("apis/orders.toml").exists() && !stage.exists());
    assert_eq!(
        (
            world.text("apis/a/new.toml").as_str(),
            world.text("apis/hand.toml").as_str()
        ),
        ("# new\n", "# by hand\n")
    );
    fs::create_dir(&stage).unwrap();
    fs::write(stage.join("0"), "what was never promised").unwrap();
    assert_eq!(
        (files::recover(&world.dir()).unwrap().len(), stage.exists()),
        (0, false)
    );
}

#[test]
fn the_history_says_who_made_what_and_goes_on_after_a_restart() {
    let world = World::new();
    world.edit(vec![world.state("blocked")]).unwrap();
    let actors = |world: &World| {
        world
            .control
            .revisions()
            .into_iter()
            .map(|entry| (entry.revision.0, entry.actor))
            .collect::<Vec<_>>()
    };
    assert_eq!(actors(&world), [(2, "ann".to_owned()), (1, "files".to_owned())]);
    let world = world.restarted();
    assert_eq!(
        (world.live(), actors(&world).len()),
        (2, 2),
        "nothing changed while no process ran"
    );
    fs::write(world.path("apis/orders.toml"), ORDERS).unwrap();
    let world = world.restarted();
    assert_eq!((world.live(), actors(&world).len()), (3, 3));
    assert_eq!(
        world.control.texts(Revision(3)).unwrap().unwrap()["apis/orders.toml"],
        ORDERS
    );
    assert!(world.control.texts(Revision(2)).unwrap().unwrap()["apis/orders.toml"].contains("blocked"));
}

/// Checks that the changes of each catalog are what differs from the one before it.
fn tells_what_differs(world: &World) {
    let revisions = world.control.revisions();
    let texts = |revision| world.control.texts(revision).unwrap().unwrap();
    for pair in revisions.windows(2) {
        let (before, after) = world.control.changes(pair[0].revision).unwrap().unwrap();
        assert_eq!(
            diff::by_object(&before, &after),
            diff::by_object(&texts(pair[1].revision), &texts(pair[0].revision))
        );
    }
    let first = revisions.last().unwrap().revision;
    assert!(
        world.control.changes(first).unwrap().is_none(),
        "what was before it is not kept"
    );
}

#[test]
fn an_older_catalog_is_made_again_from_the_history() {
    let world = World::new();
    world.edit(vec![api("One")]).unwrap();
    world
        .edit(vec![world.state("blocked"), Edit { to: None, ..api("One") }])
        .unwrap();
    let texts = world.control.texts(Revision(2)).unwrap().unwrap();
    let restored = world
        .control
        .change(whole(&world, texts.clone(), false), &Author::of_files())
        .unwrap();
    assert_eq!(
        (restored.applied.revision, world.text("apis/orders.toml").as_str()),
        (Revision(4), ORDERS)
    );
    assert_eq!(world.control.texts(Revision(4)).unwrap().unwrap(), texts);
    tells_what_differs(&world);
    assert!(world.path("apis/one.toml").exists());
}

#[test]
fn the_history_is_bounded_and_survives_a_torn_line() {
    let world = World::new();
    for number in 0..30 {
        world
            .edit(vec![world.state(if number % 2 == 0 { "blocked" } else { "published" })])
            .unwrap();
    }
    let numbers = |world: &World| {
        world
            .control
            .revisions()
            .iter()
            .map(|entry| entry.revision.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers(&world), [31, 30, 29, 28, 27]);
    assert!(world.control.texts(Revision(26)).unwrap().is_none());
    for kept in numbers(&world) {
        let state = if kept % 2 == 0 { "blocked" } else { "published" };
        assert!(world.control.texts(Revision(kept)).unwrap().unwrap()["apis/orders.toml"].contains(state));
    }
    tells_what_differs(&world);
    let path = world.root.path().join("revisions.jsonl");
    let lines = fs::read_to_string(&path).unwrap();
    assert!(lines.lines().count() <= 10);
    fs::write(&path, format!("{lines}{{\"revision\":32,")).unwrap();
    let world = world.restarted();
    assert_eq!(numbers(&world)[0], 31);
    fs::write(&path, "no history\n").unwrap();
    let world = world.restarted();
    assert_eq!(numbers(&world), [1]);
    assert!(Path::new(&path.with_extension("damaged")).exists());
}

#[test]
fn a_difference_names_things_and_fields_and_lines() {
    let texts = |text: &str| Texts::from([("apis/orders.toml".to_owned(), text.to_owned())]);
    let (before, after) = (
        texts(ORDERS),
        texts(&ORDERS.replace("published", "blocked").replace("\"GET\"", "\"PUT\"")),
    );
    let found = diff::by_object(&before, &after);
    let told: Vec<_> = found
        .iter()
        .map(|found| format!("{} {}: {} -> {}", found.object, found.field, found.before, found.after))
        .collect();
    assert_eq!(
        told[0],
        r#"resource GET /* of version 1.0 of Orders : {"auth":"none","methods":["GET"],"path":"/*"} -> null"#
    );
    assert_eq!(told[2], r#"version 1.0 of Orders state: "published" -> "blocked""#);
    assert_eq!(told.len(), 3);
    let lines = diff::by_line(&before, &after);
    assert!(
        lines.starts_with("--- a/apis/orders.toml\n+++ b/apis/orders.toml\n@@"),
        "{lines}"
    );
    assert!(
        lines.contains("-state = \"published\"\n+state = \"blocked\"\n"),
        "{lines}"
    );
}

#[test]
fn a_text_that_could_not_be_read_again_is_not_written() {
    let world = World::new();
    let mut value = world.control.stated().find(&version()).unwrap().value;
    let resource = |number: usize| json!({"path": format!("/{}/{number}", "x".repeat(400)), "methods": ["GET"]});
    value["resources"] = (0..12_000).map(resource).collect();
    let ControlError::Refused { violations, .. } = world.edit(vec![put(version(), value)]).unwrap_err() else {
        panic!("a file of 5 MiB is written")
    };
    assert!(violations[0].message.contains("larger than 4 MiB"), "{violations:?}");
    let blank = Texts::from([("apis/a.toml".to_owned(), " \n".to_owned())]);
    let ControlError::Refused { .. } = world.control.try_out(whole(&world, blank, false)).unwrap_err() else {
        panic!("a blank file is written")
    };
    assert_eq!(world.text("apis/orders.toml"), ORDERS);
}

#[test]
fn going_back_takes_nobodys_work_away_unless_it_is_told_to() {
    let world = World::new();
    world.edit(vec![world.state("blocked")]).unwrap();
    let texts = world.control.texts(Revision(1)).unwrap().unwrap();
    let back = |forces| {
        world
            .control
            .change(whole(&world, texts.clone(), forces), &Author::of_files())
    };
    let refused = |error: ControlError| {
        matches!(
            error,
            ControlError::Edit(EditError::Unserved) | ControlError::Unreadable(_)
        )
    };
    for by_hand in ["name = \"Half\"\n", ""] {
        fs::write(world.path("apis/hand.toml"), by_hand).unwrap();
        assert!(refused(back(false).unwrap_err()), "{by_hand:?}");
        assert_eq!(world.text("apis/hand.toml"), by_hand);
    }
    let done = back(true).unwrap();
    assert_eq!((done.applied.revision, done.written), (Revision(3), 2));
    assert!(!world.path("apis/hand.toml").exists());
    let Change::Become(overtaken) = whole(&world, texts.clone(), false) else {
        unreachable!()
    };
    let overtaken = Whole {
        instead_of: Some(Revision(2)),
        ..overtaken
    };
    let error = world
        .control
        .change(Change::Become(overtaken), &Author::of_files())
        .unwrap_err();
    assert!(
        matches!(error, ControlError::Edit(EditError::Overtaken(Revision(3)))),
        "{error}"
    );
}

#[test]
fn a_catalog_that_the_history_missed_does_not_spoil_the_next() {
    let world = World::new();
    world.edit(vec![api("One")]).unwrap();
    // As if the line had not been written: the disk was full, or another process took its place.
    let path = world.root.path().join("revisions.jsonl");
    let lines = fs::read_to_string(&path).unwrap();
    let first = lines.lines().next().unwrap().len() + 1;
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(first as u64)
        .unwrap();
    world.edit(vec![world.state("blocked")]).unwrap();
    let texts = world.control.texts(Revision(3)).unwrap().unwrap();
    assert!(texts.contains_key("apis/one.toml") && texts["apis/orders.toml"].contains("blocked"));
}

#[test]
fn a_promise_leads_nowhere_else_and_keeps_what_hands_did() {
    let world = World::new();
    let stage = world.path(".tollgate-change");
    let hashed = |text: &str| hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()));
    let outside = world.root.path().join("outside.toml");
    fs::create_dir(&stage).unwrap();
    fs::write(stage.join("0"), "# evil\n").unwrap();
    fs::write(stage.join("1"), "# by hand, in the moment of the swap\n").unwrap();
    let promise = json!([
        {"name": "../outside.toml", "before": null, "after": hashed("# evil\n")},
        {"name": "apis/orders.toml", "before": hashed("# before\n"), "after": hashed(ORDERS)},
    ]);
    fs::write(stage.join("promise.json"), promise.to_string()).unwrap();
    assert!(files::recover(&world.dir()).unwrap().is_empty() && !outside.exists());
    assert_eq!(
        world.text("apis/orders.toml.edited"),
        "# by hand, in the moment of the swap\n"
    );
}

#[test]
fn folders_that_lead_out_of_the_catalog_are_not_written() {
    let world = World::new();
    let elsewhere = world.root.path().join("elsewhere");
    fs::rename(world.path("apis"), &elsewhere).unwrap();
    symlink(&elsewhere, world.path("apis")).unwrap();
    let error = world.edit(vec![world.state("blocked")]).unwrap_err();
    assert!(matches!(error, ControlError::Write(WriteError::ReadOnly(_))), "{error}");
    assert_eq!(fs::read_to_string(elsewhere.join("orders.toml")).unwrap(), ORDERS);
}
