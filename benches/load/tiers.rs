//! What does it cost to hold a request against quotas?
//!
//! Aim, of CPU time in the same run: a call that is held against a tier of its version, its subscription, a burst, its
//! application, a counting rule and the cap of its endpoints costs at most 1.05 times the same call without any of them.
//! It is not quite reached yet: README.md has the figure.

use crate::Outcome;
use crate::client::{Calls, drive};
use crate::cost::compare;
use crate::token::{CLOSED, REGISTRY, World};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Compares all levels with none.
pub(crate) async fn measure() -> Outcome {
    let (counted, free) = (counted().await?, World::edited(str::to_owned, REGISTRY).await?);
    let with = Calls::with(CLOSED, &counted.tokens(1).await?);
    let without = Calls::with(CLOSED, &free.tokens(1).await?);
    compare("tiers", counted.side("all levels", with), free.side("none", without)).await
}

/// Calls once with all levels on.
pub(crate) async fn once() -> Outcome {
    let world = counted().await?;
    let calls = Calls::with(CLOSED, &world.tokens(1).await?);
    drive(world.address(), &calls, (1, 1), 0).await?;
    Ok(())
}

/// A gateway that counts at every level, by quotas that no run reaches.
async fn counted() -> Result<World> {
    let edit = |api: &str| {
        let lines = "security = [\"oauth2\"]\ntier = \"Whole\"\ntiers = [\"Sub\"]\nmax_tps = { production = 1000000 }";
        format!("{}\n{TIERS}", api.replace("security = [\"oauth2\"]", lines))
    };
    let registry = REGISTRY
        .replace("name = \"Bench\"\n", "name = \"Bench\"\ntier = \"App\"\n")
        .replace("version = \"1.0\"\n", "version = \"1.0\"\ntier = \"Sub\"\n");
    World::edited(edit, &registry).await
}

const TIERS: &str = r#"
[[tiers]]
name = "Whole"
level = "resource"
limits = [{ requests = 100000000, calendar = "day", zone = "Europe/Zurich" }]

[[tiers]]
name = "Sub"
level = "subscription"
limits = [{ requests = 100000000, per = "1m" }, { requests = 1000000, per = "1s", burst = 1000000 }]

[[tiers]]
name = "App"
level = "application"
limits = [{ requests = 100000000, per = "1m" }]

[[counting_rules]]
name = "address"
key = "{client_ip}"
limits = [{ requests = 100000000, per = "1m" }]
"#;
