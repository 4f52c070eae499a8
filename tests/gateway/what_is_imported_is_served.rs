//! Imports: what a document or a project becomes is served as it says, and refused where it asks who calls.

use std::path::Path;

use admin::import::{self, Files, Imported, Stated};
use tollgate::model::lifecycle::LifecycleState;

use crate::harness::*;

const DOCUMENT: &str = "openapi: 3.0.3\ninfo: { title: Pets, version: '1.0' }\nsecurity: [{ token: [pets_read] }]\n\
    paths:\n  /health: { get: { security: [] } }\n  /pets/{id}: { get: {}, put: { x-auth-type: None } }\n\
    components:\n  securitySchemes:\n    token: { type: http, scheme: bearer }\n";

fn to(origin: &Origin) -> Stated {
    Stated {
        endpoints: vec![format!("{}/base", origin.url())],
        ..Stated::default()
    }
}

async fn serving(mut imported: Imported) -> Gateway {
    imported.document.versions[0].state = LifecycleState::Published;
    let text = import::write(&imported.document, "made for a test");
    gateway().file("catalog/apis/imported.toml", &text).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_served_as_it_says() {
    let origin = origin().says("pets").start().await;
    let gateway = serving(import::openapi("pets.yaml", DOCUMENT, &to(&origin)).unwrap()).await;
    assert_eq!(gateway.get("/pets/1.0/health").await.expect(200).text(), "pets");
    assert_eq!(origin.only_request().target, "/base/health");
    gateway.get("/pets/1.0/pets/7").await.expect(401);
    gateway.get("/pets/1.0/pets").await.expect(404);
    gateway.call(call("DELETE", "/pets/1.0/pets/7")).await.expect(405);
    assert_eq!(origin.requests().len(), 1, "nobody else has come through");
    gateway.call(call("PUT", "/pets/1.0/pets/7")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_is_served_as_it_says() {
    let origin = origin().says("pizza").start().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("admin/tests/import/PizzaShackAPI-1.0.0");
    let text = std::fs::read_to_string(folder.join("api.yaml")).unwrap();
    let text = text.replace("    - https\n", "    - http\n");
    let files = Files::from([("api.yaml".to_owned(), text.into_bytes())]);
    let mut imported = import::apictl(&files, &to(&origin)).unwrap();
    imported.fit(&tollgate::model::catalog::Catalog::default());
    let gateway = serving(imported).await;
    // By its name and as the default version, which is answered from what was kept.
    for path in ["/pizzashack/1.0.0/menu", "/pizzashack/menu"] {
        assert_eq!(gateway.get(path).await.expect(200).text(), "pizza");
    }
    gateway.get("/pizzashack/1.0.0/order/7").await.expect(401);
    gateway.call(call("POST", "/pizzashack/1.0.0/order")).await.expect(401);
    gateway.call(call("DELETE", "/pizzashack/1.0.0/menu")).await.expect(405);
    assert_eq!(
        origin.only_request().target,
        "/base/menu",
        "only the menu is for everybody"
    );
}
