//! Whoever guesses or floods is slowed and bounded, while everybody else goes on.

use crate::harness::*;

async fn world() -> (Origin, Gateway, App) {
    let origin = origin().start().await;
    let version = version("1.0").to(&origin).asking("any", &["GET"], "/*");
    let gateway = gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .set("credentials.token_cache", "100")
        .trusting(&["127.0.0.0/8"])
        .api(&api("Pets", "/p").version(version))
        .start()
        .await;
    let app = gateway.app("joe", "Phone").await;
    gateway.subscribe(&app, "Pets", "1.0").await;
    (origin, gateway, app)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_guesses_passwords_is_slowed_while_others_go_on() {
    let (_origin, gateway, app) = world().await;
    for name in ["tom", "ann"] {
        gateway.user(name, &[]).await;
    }
    let known_as = basic(&app.keys.consumer_key, &app.keys.consumer_secret);
    let form = |user: &str, password: &str, from: &str| {
        let form = format!(
            "grant_type=password&username={user}&password={}",
            password.replace(' ', "+")
        );
        post("/token", form)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Authorization", &known_as)
            .header("X-Forwarded-For", from)
    };
    let mut guesser = gateway.connect().await;
    let mut slowed = 0;
    for number in 0..20 {
        let reply = guesser
            .call(form("tom", &format!("guess {number}"), "192.0.2.66"))
            .await;
        if reply.status == 429 || reply.header("retry-after").is_some() {
            slowed += 1;
        } else {
            reply.expect(400);
        }
    }
    assert!(slowed >= 10, "slowed {slowed} of 20");
    gateway.call(form("ann", PASSWORD, "192.0.2.1")).await.expect(200);
    gateway.app_token(&app.keys).await;
    // A secret is guessed as little as a password, and its owner elsewhere does not notice.
    let guess = |number: usize| {
        let known_as = basic(&app.keys.consumer_key, &format!("guess-{number}"));
        post("/token", "grant_type=client_credentials")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Authorization", &known_as)
            .header("X-Forwarded-For", "192.0.2.67")
    };
    let mut waits = 0;
    for number in 0..30 {
        waits += usize::from(guesser.call(guess(number)).await.header("retry-after").is_some());
    }
    assert!(waits >= 10, "slowed {waits} of 30");
    gateway.app_token(&app.keys).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_invalid_tokens_neither_evicts_nor_stops_verified_ones() {
    let (origin, gateway, app) = world().await;
    let token = gateway.app_token(&app.keys).await;
    let mut caller = gateway.connect().await;
    let call = |token: &str| get("/p/1.0/a").bearer(token);
    caller.call(call(&token)).await.expect(200);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let mut lanes = Vec::new();
    for lane in 0..4 {
        let (mut caller, signed) = (gateway.connect().await, signed.to_owned());
        lanes.push(tokio::spawn(async move {
            for number in 0..300 {
                // Of the form of a random token, of a signed one with a signature of its own, and of neither.
                let random = format!("{lane:021}{number:022}");
                let forged = format!("{signed}.{}", "A".repeat(80) + &format!("{lane:02}{number:04}"));
                for token in [random.as_str(), &forged, "nonsense"] {
                    let reply = caller.call(get("/p/1.0/a").bearer(token)).await;
                    assert_eq!(reply.expect(401).json()["code"], "900901");
                }
            }
        }));
    }
    let mut served = 1;
    while lanes.iter().any(|lane| !lane.is_finished()) {
        caller.call(call(&token)).await.expect(200);
        served += 1;
    }
    for lane in lanes {
        lane.await.unwrap();
    }
    caller.call(call(&token)).await.expect(200);
    assert_eq!(origin.requests().len(), served + 1);
}
