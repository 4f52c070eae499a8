//! Guessing at passwords and secrets: slowed, bounded, and answered alike whether there is something to guess or not.

use super::*;

impl Scene {
    async fn guess(&self, name: &str, password: &str, from: &str) -> Answer {
        let pairs = [("grant_type", "password"), ("username", name), ("password", password)];
        let peer = Peer {
            address: from.parse().unwrap(),
            ..peer()
        };
        let request = post("/oauth2/token", &pairs).header(header::AUTHORIZATION, basic(&key("app"), &secret("app")));
        self.send(request.extension(peer).body(form::encode(pairs).into()).unwrap())
            .await
    }
}

#[tokio::test]
async fn a_user_who_exists_and_one_who_does_not_are_refused_and_locked_out_alike() {
    let scene = Scene::begin().await;
    let mut told = Vec::new();
    for name in ["tom", "nobody"] {
        let mut answers = Vec::new();
        for _ in 0..7 {
            let answer = scene.guess(name, "wrong password", "10.0.1.1").await;
            answers.push((
                answer.status,
                answer.text.clone(),
                answer.header("retry-after").to_owned(),
            ));
        }
        told.push(answers);
    }
    assert_eq!(told[0], told[1]);
    let (status, text, retry_after) = told[0].last().unwrap();
    assert_eq!((status.as_u16(), retry_after.as_str()), (429, "1"));
    assert!(text.contains("invalid_grant"));
    // The right password does not help before the wait is over, unless it comes from elsewhere, and does afterwards.
    scene.guess("tom", "password of tom", "10.0.0.1").await.done();
    assert_eq!(
        scene.guess("tom", "password of tom", "10.0.1.1").await.status.as_u16(),
        429
    );
    scene.step(1);
    scene.guess("tom", "password of tom", "10.0.1.1").await.done();
    assert_eq!(
        scene.guess("tom", "wrong password", "10.0.1.1").await.status.as_u16(),
        400,
        "forgiven"
    );
}

#[tokio::test]
async fn an_address_has_a_budget_however_many_users_it_tries_and_those_at_home_there_do_not_share_it() {
    let scene = Scene::begin().await;
    scene.guess("tom", "password of tom", "10.0.0.1").await.done();
    let mut refused = 0;
    for number in 0..110 {
        let answer = scene
            .guess(&format!("user {number}"), "wrong password", "10.0.0.1")
            .await;
        refused += u32::from(answer.status.as_u16() == 429);
    }
    assert!(refused >= 8, "{refused}");
    scene.guess("tom", "password of tom", "10.0.0.1").await.done();
    scene.guess("tom", "password of tom", "10.0.0.2").await.done();
}

#[tokio::test]
async fn nobody_locks_a_client_out_be_it_at_the_same_address() {
    let scene = Scene::begin().await;
    for number in 0..30 {
        let request = post("/oauth2/token", &CREDENTIALS).header(header::AUTHORIZATION, basic(&key("app"), "wrong"));
        let answer = scene
            .send(
                request
                    .extension(peer())
                    .body(form::encode(CREDENTIALS).into())
                    .unwrap(),
            )
            .await;
        let expected = if number < 10 { 401 } else { 429 };
        answer.refused(expected, "invalid_client");
    }
    scene.token(&CREDENTIALS).await.done();
}

#[tokio::test]
async fn sixty_honest_clients_at_once_are_served() {
    let scene = Arc::new(Scene::begin().await);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..60 {
        let scene = Arc::clone(&scene);
        tasks.spawn(async move { scene.token(&CREDENTIALS).await.done().text("access_token") });
    }
    assert_eq!(tasks.join_all().await.len(), 60);
}
