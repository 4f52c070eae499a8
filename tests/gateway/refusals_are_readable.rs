//! How a refusal looks to its caller, and what it leaves of the connection.

use crate::harness::*;

async fn serving() -> (Origin, Gateway) {
    let origin = origin().start().await;
    let pets = version("1.0")
        .to(&origin)
        .resource(&["GET"], "/pets")
        .resource(&["POST"], "/orders");
    let gateway = gateway().tls().api(&api("Pets", "/p").version(pets)).start().await;
    (origin, gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_json_with_four_fields() {
    let (origin, gateway) = serving().await;
    let reply = gateway.get("/nowhere").await.refused(404, &origin);
    assert!(reply.header("content-type").unwrap().starts_with("application/json"));
    let fault = reply.json();
    assert_eq!(
        (&fault["code"], &fault["type"]),
        (&"404".into(), &"Status report".into())
    );
    assert_eq!(fault["message"], "Not Found");
    assert_eq!(fault["description"], "The requested resource is not available.");
    let fault = gateway.get("/p/1.0/cats").await.refused(404, &origin).json();
    assert!(
        fault
            .to_string()
            .contains("No matching resource found for given API Request"),
        "{fault}"
    );
    let fault = gateway
        .call(call("PUT", "/p/1.0/pets"))
        .await
        .refused(405, &origin)
        .json();
    assert!(
        fault.to_string().contains("Method not allowed for given API resource"),
        "{fault}"
    );
    assert_eq!(fault["code"], "405");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_xml_or_a_problem_where_that_is_asked_for() {
    let (origin, gateway) = serving().await;
    for accept in ["application/xml", "text/xml, */*;q=0.1"] {
        let reply = gateway
            .call(get("/nowhere").header("Accept", accept))
            .await
            .refused(404, &origin);
        assert!(reply.header("content-type").unwrap().contains("xml"), "{reply:?}");
        let text = reply.text();
        assert!(
            text.contains("<am:fault xmlns:am=\"http://wso2.org/apimanager\">"),
            "{text}"
        );
        assert!(text.contains("<am:code>404</am:code>"), "{text}");
    }
    let problem = get("/nowhere").header("Accept", "application/problem+json");
    let reply = gateway.call(problem).await.refused(404, &origin);
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    assert_eq!(reply.json()["status"], 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_carries_the_request_id() {
    let (origin, gateway) = serving().await;
    let reply = gateway
        .call(get("/nowhere").header("X-Request-Id", "abc-123"))
        .await
        .refused(404, &origin);
    assert_eq!(reply.header("x-request-id"), Some("abc-123"));
    let first = gateway.get("/nowhere").await;
    let second = gateway.get("/nowhere").await;
    assert!(first.header("x-request-id").is_some_and(|id| !id.is_empty()));
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_names_the_server() {
    let (_origin, gateway) = serving().await;
    for target in ["/nowhere", "/p/1.0/pets", "/p/1.0/%zz"] {
        assert_eq!(gateway.get(target).await.header("server"), None, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_survives_refusals() {
    let (origin, gateway) = serving().await;
    let mut caller = gateway.connect().await;
    caller.call(get("/nowhere")).await.expect(404);
    caller.call(call("PUT", "/p/1.0/pets")).await.expect(405);
    caller.call(get("/p/1.0/a%2Fb")).await.expect(400);
    caller.call(get("/p/1.0/pets")).await.expect(200);
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_survives_a_refusal_with_a_small_unread_body() {
    let (origin, gateway) = serving().await;
    let mut caller = gateway.connect().await;
    caller.call(post("/nowhere", "small")).await.expect(404);
    caller
        .call(post(
            "/p/1.0/pets",
            "GET /p/1.0/pets HTTP/1.1\r\nHost: smuggled\r\n\r\n",
        ))
        .await
        .expect(405);
    caller
        .call(call("POST", "/nowhere").chunked(&[b"small", b"er"]))
        .await
        .refused(404, &origin);
    let reply = caller.find_reply_to(post("/p/1.0/orders", "order")).await;
    // A chunked body of unknown size may cost the connection; what was sent by length may not.
    if let Some(reply) = reply {
        reply.expect(200);
        assert_eq!(origin.only_request().body, b"order");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_was_not_read_is_never_taken_for_a_request() {
    let (origin, gateway) = serving().await;
    let mut caller = gateway.connect().await;
    let smuggled = get("/p/1.0/pets").bytes().repeat(2_000);
    caller.try_send(post("/nowhere", &smuggled).bytes()).await;
    if let Some(reply) = caller.find_reply("POST").await {
        reply.expect(404);
    }
    assert!(caller.find_reply("GET").await.is_none());
    origin.saw_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_head_has_no_body() {
    let (origin, gateway) = serving().await;
    let mut caller = gateway.connect().await;
    let reply = caller.call(call("HEAD", "/nowhere")).await.refused(404, &origin);
    assert!(reply.header("content-type").is_some());
    caller.call(get("/nowhere")).await.refused(404, &origin);
    let caller = gateway.connect_h2().await;
    let reply = caller.call(caller.request("HEAD", "/nowhere"), &[]).await;
    assert_eq!((reply.status, reply.body.len()), (404, 0));
    assert!(reply.header("content-length").is_some());
    origin.saw_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_over_http2_looks_the_same() {
    let (origin, gateway) = serving().await;
    let caller = gateway.connect_h2().await;
    let reply = caller.get("/nowhere").await;
    assert_eq!(reply.status, 404);
    assert!(reply.text().contains("\"code\":\"404\""), "{}", reply.text());
    let reply = caller.call(caller.request("PUT", "/p/1.0/pets"), &[b"unread"]).await;
    assert_eq!((reply.status, reply.header("allow").is_some()), (405, true));
    origin.saw_nothing();
    assert_eq!(caller.get("/p/1.0/pets").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grpc_call_is_refused_in_its_own_words() {
    let (origin, gateway) = serving().await;
    let caller = gateway.connect_h2().await;
    let mut request = caller.request("POST", "/nowhere.Service/Method");
    request
        .headers_mut()
        .insert("content-type", "application/grpc".parse().unwrap());
    request.headers_mut().insert("te", "trailers".parse().unwrap());
    let reply = caller.call(request, &[b"\0\0\0\0\0"]).await;
    let status = reply.header("grpc-status").or(reply.trailer("grpc-status"));
    assert_eq!((reply.status, status), (200, Some("12")), "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/grpc"));
    assert!(reply.body.is_empty());
    origin.saw_nothing();
}
